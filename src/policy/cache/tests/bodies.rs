//! Bodies on their way into the store.

use super::play::{Act, Seen, Stage, route};
use crate::http::exchange::testing::fields;
use crate::http::{Body, Fault, FaultKind, Reply};
use crate::policy::cache::content::{Content, Gathered};
use bytes::Bytes;
use http::StatusCode;
use http_body::{Frame, SizeHint};
use http_body_util::BodyExt;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::task::{Context, Poll};
use tokio::sync::mpsc;

/// A body that is sent frame by frame, with a length or without.
struct Sent {
    frames: mpsc::UnboundedReceiver<Result<Bytes, Fault>>,
    length: Option<u64>,
}

impl http_body::Body for Sent {
    type Data = Bytes;
    type Error = Fault;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Fault>>> {
        self.frames.poll_recv(cx).map(|frame| frame.map(|frame| frame.map(Frame::data)))
    }

    fn size_hint(&self) -> SizeHint {
        self.length.map_or_else(SizeHint::default, SizeHint::with_exact)
    }
}

type Frames = mpsc::UnboundedSender<Result<Bytes, Fault>>;

/// The origin's next answer, whose body comes as it is sent.
fn streams(stage: &Stage, length: Option<u64>) -> Frames {
    let (sender, frames) = mpsc::unbounded_channel();
    stage.origin().add(Act::Stream(StatusCode::OK, fields(&[("cache-control", "max-age=60")]), Body::stream(Sent { frames, length })));
    sender
}

async fn frame(reply: &mut Reply) -> Option<Bytes> {
    reply.body.frame().await.map(|frame| frame.unwrap().into_data().unwrap())
}

async fn hit(stage: &Stage) -> Seen {
    let seen = stage.get("/a", &[]).await;
    assert_eq!(seen.verdict, Some("hit"));
    seen
}

#[tokio::test(start_paused = true)]
async fn the_first_client_gets_each_piece_as_it_comes_and_the_next_the_whole() {
    for length in [None, Some(6)] {
        let stage = route("cache");
        let frames = streams(&stage, length);
        let mut driven = stage.drive("GET", "/a", &[]).await;
        for piece in ["ab", "cd", "ef"] {
            frames.send(Ok(Bytes::from(piece))).unwrap();
            assert_eq!(frame(&mut driven.reply).await.unwrap(), piece);
        }
        drop(frames);
        assert_eq!(frame(&mut driven.reply).await, None);
        drop(driven);
        assert_eq!(hit(&stage).await.body(), "abcdef");
        assert_eq!((stage.origin().calls(), stage.shelves[0].store.filling()), (1, 0));
    }
}

#[tokio::test(start_paused = true)]
async fn a_body_that_breaks_off_is_not_stored() {
    let stage = route("cache");
    let frames = streams(&stage, Some(6));
    let mut driven = stage.drive("GET", "/a", &[]).await;
    frames.send(Ok(Bytes::from("ab"))).unwrap();
    assert_eq!(frame(&mut driven.reply).await.unwrap(), "ab");
    frames.send(Err(Fault::new(FaultKind::BodyBroken, "gone"))).unwrap();
    assert!(driven.reply.body.frame().await.unwrap().is_err());
    stage.answers(&[], "two");
    assert_eq!(stage.get("/a", &[]).await.body(), "two");
    assert_eq!(stage.shelves[0].store.filling(), 0);
}

#[tokio::test(start_paused = true)]
async fn a_body_that_is_shorter_than_was_said_is_not_stored() {
    let stage = route("cache");
    let frames = streams(&stage, Some(6));
    let driven = stage.drive("GET", "/a", &[]).await;
    frames.send(Ok(Bytes::from("ab"))).unwrap();
    drop(frames);
    assert!(stage.seen(driven).await.body.is_err());
    assert_eq!(stage.get("/a", &[]).await.verdict, Some("miss"));
}

#[tokio::test(start_paused = true)]
async fn what_has_a_length_is_stored_although_its_client_has_gone() {
    let stage = route("cache");
    let frames = streams(&stage, Some(4));
    drop(stage.drive("GET", "/a", &[]).await);
    frames.send(Ok(Bytes::from("abcd"))).unwrap();
    drop(frames);
    for _ in 0..4 {
        tokio::task::yield_now().await;
    }
    assert_eq!(hit(&stage).await.body(), "abcd");
}

#[tokio::test(start_paused = true)]
async fn what_may_never_end_is_given_up_with_its_client() {
    let stage = route("cache");
    let frames = streams(&stage, None);
    drop(stage.drive("GET", "/a", &[]).await);
    tokio::task::yield_now().await;
    assert!(frames.is_closed());
    assert_eq!((stage.shelves[0].store.filling(), stage.shelves[0].flights.count()), (0, 0));
}

#[tokio::test(start_paused = true)]
async fn what_is_answered_304_is_stored_although_its_length_is_unknown() {
    let stage = route("cache");
    let frames = streams(&stage, None);
    let driven = stage.drive("GET", "/a", &[("if-modified-since", "Fri, 01 Jan 2100 00:00:00 GMT")]).await;
    assert_eq!(driven.reply.status, StatusCode::NOT_MODIFIED);
    drop(driven);
    frames.send(Ok(Bytes::from("abcd"))).unwrap();
    drop(frames);
    for _ in 0..4 {
        tokio::task::yield_now().await;
    }
    assert_eq!(hit(&stage).await.body(), "abcd");
}

#[tokio::test(start_paused = true)]
async fn who_has_already_what_is_coming_in_is_told_so_at_once() {
    let stage = route("cache");
    let (sender, frames) = mpsc::unbounded_channel();
    let headers = fields(&[("cache-control", "max-age=60"), ("etag", "\"1\"")]);
    stage.origin().add(Act::Stream(StatusCode::OK, headers, Body::stream(Sent { frames, length: Some(4) })));
    let first = stage.drive("GET", "/a", &[]).await;
    let seen = stage.get("/a", &[("if-none-match", "\"1\"")]).await;
    assert_eq!((seen.status, seen.body(), seen.verdict), (304, "", Some("hit")));
    sender.send(Ok(Bytes::from("abcd"))).unwrap();
    drop(sender);
    assert_eq!((stage.seen(first).await.body(), stage.origin().calls()), ("abcd", 1));
    assert_eq!(hit(&stage).await.body(), "abcd");
}

async fn settle() {
    for _ in 0..8 {
        tokio::task::yield_now().await;
    }
}

#[tokio::test(start_paused = true)]
async fn what_may_never_end_is_given_up_though_somebody_has_waited_for_it() {
    for leaves_first in [false, true] {
        let stage = Arc::new(route("cache"));
        let frames = streams(&stage, None);
        let first = stage.drive("GET", "/a", &[]).await;
        stage.answers(&[], "own");
        let waiting = tokio::spawn({
            let stage = Arc::clone(&stage);
            async move { stage.get("/a", &[]).await }
        });
        settle().await;
        if leaves_first {
            drop(first);
            assert_eq!((frames.is_closed(), stage.origin().calls()), (false, 1));
            assert_eq!(waiting.await.unwrap().body(), "own");
        } else {
            assert_eq!(waiting.await.unwrap().body(), "own");
            assert!(!frames.is_closed());
            drop(first);
        }
        settle().await;
        assert!(frames.is_closed());
        assert_eq!((stage.shelves[0].store.filling(), stage.shelves[0].flights.count()), (0, 0));
    }
}

#[tokio::test(start_paused = true)]
async fn nobody_waits_for_what_somebody_has_waited_for_in_vain() {
    let stage = route("cache");
    let _frames = streams(&stage, None);
    let _first = stage.drive("GET", "/a", &[]).await;
    for _ in 0..2 {
        stage.answers(&[("cache-control", "no-store")], "own");
    }
    assert_eq!(stage.get("/a", &[]).await.body(), "own");
    let begun = tokio::time::Instant::now();
    assert_eq!(stage.get("/a", &[]).await.body(), "own");
    assert!(begun.elapsed().is_zero());
}

#[tokio::test(start_paused = true)]
async fn what_is_taken_in_for_the_store_alone_is_bounded_in_time() {
    for length in [None, Some(6)] {
        let stage = route("cache");
        let frames = streams(&stage, length);
        drop(stage.drive("GET", "/a", &[("if-modified-since", "Fri, 01 Jan 2100 00:00:00 GMT")]).await);
        settle().await;
        tokio::time::advance(std::time::Duration::from_secs(59)).await;
        frames.send(Ok(Bytes::from("ab"))).unwrap();
        settle().await;
        assert!(!frames.is_closed());
        tokio::time::advance(std::time::Duration::from_secs(2)).await;
        settle().await;
        assert!(frames.is_closed());
        assert_eq!((stage.shelves[0].store.filling(), stage.shelves[0].flights.count()), (0, 0));
    }
}

#[tokio::test(start_paused = true)]
async fn a_body_of_unknown_length_that_is_too_large_passes_and_is_not_stored() {
    let stage = route("cache max 1MiB");
    let frames = streams(&stage, None);
    let mut driven = stage.drive("GET", "/a", &[]).await;
    let piece = Bytes::from(vec![7; 64 << 10]);
    for _ in 0..64 {
        frames.send(Ok(piece.clone())).unwrap();
        assert_eq!(frame(&mut driven.reply).await.unwrap(), piece);
        assert!(stage.shelves[0].store.filling() <= 1 << 20);
    }
    assert_eq!((stage.shelves[0].store.filling(), stage.shelves[0].flights.count()), (0, 0));
    drop(frames);
    assert_eq!(frame(&mut driven.reply).await, None);
    assert_eq!(stage.shelves[0].store.entries(), 0);
}

#[tokio::test(start_paused = true)]
async fn a_body_that_is_said_to_be_too_large_is_never_copied() {
    let stage = route("cache max 1MiB");
    let _frames = streams(&stage, Some(2 << 20));
    let driven = stage.drive("GET", "/a", &[]).await;
    assert_eq!(stage.shelves[0].store.filling(), 0);
    assert_eq!(driven.reply.headers["cache-status"], "gatewright; fwd=uri-miss");
}

/// One GiB, a piece at a time, none of which is kept but by the cache.
struct Large {
    left: u64,
    most: Arc<AtomicU64>,
    filling: Box<dyn Fn() -> u64 + Send>,
}

impl http_body::Body for Large {
    type Data = Bytes;
    type Error = Fault;

    fn poll_frame(mut self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Fault>>> {
        static PIECE: [u8; 64 << 10] = [7; 64 << 10];
        self.most.fetch_max((self.filling)(), Ordering::Relaxed);
        match self.left.checked_sub(PIECE.len() as u64) {
            Some(left) => {
                self.left = left;
                Poll::Ready(Some(Ok(Frame::data(Bytes::from_static(&PIECE)))))
            }
            None => Poll::Ready(None),
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_gibibyte_through_64_mebibytes_leaves_what_is_stored_and_memory_bounded() {
    let stage = route("cache max 64MiB");
    stage.answers(&[("cache-control", "max-age=60")], "small");
    stage.get("/small", &[]).await;
    let (most, shelf) = (Arc::new(AtomicU64::new(0)), Arc::clone(&stage.shelves[0]));
    let body = Large { left: 1 << 30, most: Arc::clone(&most), filling: Box::new(move || shelf.store.filling()) };
    stage.origin().add(Act::Stream(StatusCode::OK, fields(&[("cache-control", "max-age=60")]), Body::stream(body)));
    let mut driven = stage.drive("GET", "/large", &[]).await;
    let mut bytes = 0;
    while let Some(piece) = frame(&mut driven.reply).await {
        bytes += piece.len() as u64;
    }
    assert_eq!(bytes, 1 << 30);
    assert!(most.load(Ordering::Relaxed) <= 64 << 20);
    assert_eq!((stage.shelves[0].store.filling(), stage.shelves[0].store.entries()), (0, 1));
    assert_eq!(stage.get("/small", &[]).await.verdict, Some("hit"));
}

#[tokio::test(start_paused = true)]
async fn an_invalidation_while_it_comes_keeps_it_out() {
    let stage = route("cache");
    let frames = streams(&stage, Some(3));
    let driven = stage.drive("GET", "/a", &[]).await;
    stage.answers(&[], "");
    assert_eq!(stage.drive("PUT", "/a", &[]).await.reply.status, StatusCode::OK);
    frames.send(Ok(Bytes::from("old"))).unwrap();
    drop(frames);
    assert_eq!(stage.seen(driven).await.body(), "old");
    stage.answers(&[], "new");
    assert_eq!(stage.get("/a", &[]).await.body(), "new");
}

#[tokio::test(start_paused = true)]
async fn a_hit_copies_no_byte_of_the_body() {
    let stage = route("cache 60s");
    stage.answers(&[], "body");
    stage.get("/a", &[]).await;
    let (one, two) = (stage.drive("GET", "/a", &[]).await, stage.drive("GET", "/a", &[]).await);
    let (one, two) = (one.reply.body.at_hand().unwrap(), two.reply.body.at_hand().unwrap());
    assert_eq!(one.as_ptr(), two.as_ptr());
}

async fn read(body: Body) -> Vec<u8> {
    body.collect().await.unwrap().to_bytes().to_vec()
}

#[tokio::test]
async fn a_large_body_is_whole_and_its_parts_are_right() {
    let all: Vec<u8> = (0..600_000_u32).map(|number| (number % 251) as u8).collect();
    let mut gathered = Gathered::new(None);
    for piece in all.chunks(777) {
        gathered.add(piece);
    }
    let mut seen = Vec::new();
    while let Some(piece) = gathered.from(seen.len() as u64) {
        seen.extend_from_slice(&piece);
    }
    assert_eq!(seen, all);
    let content = gathered.finish();
    assert_eq!(read(content.body()).await, all);
    for (first, last) in [(0, 0), (0, 599_999), (262_143, 262_144), (262_144, 524_287), (599_999, 700_000)] {
        assert_eq!(read(content.part(first, last)).await, &all[first as usize..=(last as usize).min(all.len() - 1)], "{first}-{last}");
    }
    assert_eq!(read(Content::copied(&Bytes::from(all.clone())).body()).await, all);
    assert_eq!(read(Content::copied(&Bytes::new()).body()).await, b"");
}
