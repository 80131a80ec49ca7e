use super::encode::Compressed;
use super::{Algorithm, Config};
use crate::http::exchange::testing::exchange;
use crate::http::{Body, Fault, FaultKind, Reply};
use crate::policy::testing::{build, bytes, check};
use async_compression::tokio::bufread::{BrotliDecoder, GzipDecoder, ZstdDecoder};
use bytes::Bytes;
use http::{HeaderMap, StatusCode};
use http_body::Frame;
use http_body_util::{BodyExt, StreamBody};
use std::task::Poll;
use tokio::io::AsyncReadExt;

fn page() -> Vec<u8> {
    b"<p>one line like the others</p>\n".repeat(1_000)
}

async fn reply(text: &str, accept: &str, make: impl FnOnce(&mut Reply)) -> Reply {
    let parts = build(&check::<Config>(&[text]).sound());
    let mut exchange = exchange("GET", "/x/1/a", &[("accept-encoding", accept)]);
    let _ = parts.request(&mut exchange).await;
    exchange.request.headers.clear();
    let mut reply = Reply::of(StatusCode::OK, "text/html; charset=utf-8", page());
    make(&mut reply);
    parts.response(&exchange, &mut reply);
    reply
}

async fn encoding(text: &str, accept: &str) -> Option<String> {
    reply(text, accept, |_| {}).await.headers.get("content-encoding").map(|value| value.to_str().unwrap().to_owned())
}

async fn decoded(algorithm: Algorithm, body: &[u8]) -> Vec<u8> {
    let mut out = Vec::new();
    match algorithm {
        Algorithm::Zstd => ZstdDecoder::new(body).read_to_end(&mut out).await,
        Algorithm::Brotli => BrotliDecoder::new(body).read_to_end(&mut out).await,
        Algorithm::Gzip => GzipDecoder::new(body).read_to_end(&mut out).await,
    }
    .unwrap();
    out
}

#[tokio::test]
async fn every_algorithm_gives_the_page_back() {
    for algorithm in Algorithm::ALL {
        let reply = reply("compress", algorithm.name(), |_| {}).await;
        assert_eq!(reply.headers["content-encoding"], algorithm.name());
        let small = bytes(reply.body).await;
        assert!(small.len() < page().len() / 10);
        assert_eq!(decoded(*algorithm, &small).await, page());
    }
}

#[tokio::test]
async fn the_client_chooses_and_the_policy_decides_between_equals() {
    for (accept, expected) in [
        ("gzip, br, zstd", Some("zstd")),
        ("gzip, br;q=0.5", Some("gzip")),
        ("GZIP;q=0.001", Some("gzip")),
        ("*", Some("zstd")),
        ("*, zstd;q=0", Some("br")),
        ("gzip;q=0.5, identity", None),
        ("gzip;q=0", None),
        ("gzip;q=2", None),
        ("deflate", None),
        ("", None),
    ] {
        assert_eq!(encoding("compress", accept).await.as_deref(), expected, "{accept}");
    }
    assert_eq!(encoding("compress [gzip, br]", "br, gzip, zstd").await.as_deref(), Some("gzip"));
}

#[tokio::test]
async fn fields_say_what_was_done() {
    let reply = reply("compress", "gzip", |reply| {
        reply.headers.insert("content-length", "32000".parse().unwrap());
        reply.headers.insert("etag", "\"a\"".parse().unwrap());
        reply.headers.insert("vary", "Origin".parse().unwrap());
    })
    .await;
    assert!(!reply.headers.contains_key("content-length"));
    assert_eq!(reply.headers["etag"], "W/\"a\"");
    let vary: Vec<_> = reply.headers.get_all("vary").iter().collect();
    assert_eq!(vary, ["Origin", "Accept-Encoding"]);
}

#[tokio::test]
async fn a_page_that_could_be_compressed_varies_for_everyone() {
    let reply = reply("compress", "identity", |_| {}).await;
    assert_eq!(reply.headers["vary"], "Accept-Encoding");
    assert!(!reply.headers.contains_key("content-encoding"));
}

#[tokio::test]
async fn what_is_not_worth_it_or_not_allowed_stays() {
    let headers: [(&'static str, &str); 6] = [
        ("content-type", "text/event-stream"),
        ("content-type", "image/png"),
        ("content-type", "application/grpc"),
        ("content-encoding", "br"),
        ("content-range", "bytes 0-1/2"),
        ("cache-control", "public, no-transform"),
    ];
    for (name, value) in headers {
        let before = reply("compress", "gzip", |reply| {
            reply.headers.insert(name, value.parse().unwrap());
        })
        .await;
        assert!(before.body.at_hand().is_some(), "{value}");
        assert!(!before.headers.contains_key("vary"), "{value}");
    }
    let small = reply("compress", "gzip", |reply| reply.body = Body::full(vec![b'x'; 1_023])).await;
    assert!(!small.headers.contains_key("content-encoding"));
    let partial = reply("compress", "gzip", |reply| reply.status = StatusCode::PARTIAL_CONTENT).await;
    assert!(!partial.headers.contains_key("content-encoding"));
}

#[tokio::test]
async fn a_field_of_its_own_may_forbid_it() {
    let kept = reply("compress", "gzip", |reply| {
        reply.headers.append("cache-control", "public".parse().unwrap());
        reply.headers.append("cache-control", "max-age=60, No-Transform".parse().unwrap());
    })
    .await;
    assert!(!kept.headers.contains_key("content-encoding"));
}

#[tokio::test]
async fn a_head_is_told_what_a_get_would_be() {
    let parts = build(&check::<Config>(&["compress"]).sound());
    let mut exchange = exchange("HEAD", "/x/1/a", &[("accept-encoding", "br")]);
    let _ = parts.request(&mut exchange).await;
    for length in [Some("32000"), None, Some("10")] {
        let mut reply = Reply::of(StatusCode::OK, "text/html", "");
        if let Some(length) = length {
            reply.headers.insert("content-length", length.parse().unwrap());
        }
        parts.response(&exchange, &mut reply);
        let is_small = length == Some("10");
        assert_eq!(reply.headers.contains_key("vary"), !is_small, "{length:?}");
        assert_eq!(reply.headers.contains_key("content-encoding"), !is_small, "{length:?}");
        assert_eq!(reply.headers.contains_key("content-length"), is_small, "{length:?}");
        assert!(reply.body.at_hand().is_some_and(|body| body.is_empty()));
    }
}

#[tokio::test]
async fn what_the_source_has_sent_is_not_held_back() {
    let (sender, receiver) = tokio::sync::mpsc::channel::<Result<Frame<Bytes>, Fault>>(4);
    let source = Body::stream(StreamBody::new(futures_util::stream::unfold(receiver, |mut receiver| async {
        receiver.recv().await.map(|frame| (frame, receiver))
    })));
    let mut body = Compressed::new(source, Algorithm::Gzip);
    sender.send(Ok(Frame::data(Bytes::from_static(b"first")))).await.unwrap();
    let first = body.frame().await.unwrap().unwrap().into_data().unwrap();
    let mut early = Vec::new();
    let _ = GzipDecoder::new(&first[..]).read_to_end(&mut early).await;
    assert_eq!(early, b"first");
    assert!(matches!(futures_util::poll!(std::pin::pin!(body.frame())), Poll::Pending));

    let mut trailers = HeaderMap::new();
    trailers.insert("x-sum", "1".parse().unwrap());
    sender.send(Ok(Frame::data(Bytes::from_static(b" second")))).await.unwrap();
    sender.send(Ok(Frame::trailers(trailers))).await.unwrap();
    drop(sender);
    let rest = body.collect().await.unwrap();
    assert_eq!(rest.trailers().unwrap()["x-sum"], "1");
    let whole = [first, rest.to_bytes()].concat();
    assert_eq!(decoded(Algorithm::Gzip, &whole).await, b"first second");
}

#[tokio::test]
async fn a_body_that_breaks_off_is_not_ended() {
    let frames = [Ok(Frame::data(Bytes::from_static(b"half"))), Err(Fault::new(FaultKind::BodyBroken, "reset"))];
    let mut body = Compressed::new(Body::stream(StreamBody::new(futures_util::stream::iter(frames))), Algorithm::Brotli);
    assert_eq!(body.frame().await.unwrap().unwrap_err().kind, FaultKind::BodyBroken);
    assert!(body.frame().await.is_none());
}

#[test]
fn unknown_algorithms_are_refused() {
    assert_eq!(check::<Config>(&["compress [brotli]"]).code(), "gate::type::enum");
    assert_eq!(check::<Config>(&["compress [gzip, gzip]"]).code(), "gate::schema::repeated");
}

#[tokio::test]
async fn a_304_says_what_the_200_in_its_place_would() {
    let of = async |accept: &str, known: &str, fields: &[(&'static str, &'static str)]| {
        let parts = build(&check::<Config>(&["compress"]).sound());
        let mut exchange = exchange("GET", "/x/1/a", &[("accept-encoding", accept), ("if-none-match", known)]);
        let _ = parts.request(&mut exchange).await;
        exchange.request.headers.clear();
        let mut reply = Reply::empty(StatusCode::NOT_MODIFIED);
        reply.headers.insert("etag", "\"1\"".parse().unwrap());
        for (name, value) in fields {
            reply.headers.insert(*name, value.parse().unwrap());
        }
        parts.response(&exchange, &mut reply);
        let text = |name: &str| reply.headers.get(name).map(|value| value.to_str().unwrap().to_owned());
        (text("etag").unwrap(), text("vary"))
    };
    let varies = Some("Accept-Encoding".to_owned());
    assert_eq!(of("gzip", "\"0\", W/\"1\"", &[]).await, ("W/\"1\"".to_owned(), varies.clone()));
    // It has what was not compressed: an image, or what it asked for without a coding.
    assert_eq!(of("gzip", "\"1\"", &[]).await, ("\"1\"".to_owned(), varies.clone()));
    assert_eq!(of("identity", "W/\"1\"", &[]).await, ("\"1\"".to_owned(), varies.clone()));
    assert_eq!(of("gzip", "W/\"1\"", &[("content-type", "text/css")]).await, ("W/\"1\"".to_owned(), varies));
    for other in [("content-type", "image/png"), ("content-encoding", "br"), ("cache-control", "no-transform")] {
        assert_eq!(of("gzip", "W/\"1\"", &[other]).await, ("\"1\"".to_owned(), None), "{other:?}");
    }
}
