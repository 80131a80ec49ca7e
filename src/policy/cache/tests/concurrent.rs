//! Requests at once for the same thing.

use super::play::{Act, Seen, Stage, route};
use crate::http::exchange::testing::fields;
use crate::http::Body;
use bytes::Bytes;
use futures_util::future::join_all;
use http::StatusCode;
use std::time::Duration;

fn slow(stage: &Stage, status: u16, headers: &[(&str, &str)], body: &'static str) {
    let status = StatusCode::from_u16(status).unwrap();
    stage.origin().add(Act::Reply(status, fields(headers), Bytes::from_static(body.as_bytes()), Duration::from_secs(1)));
}

/// The origin does not answer in anybody's time.
fn silent(stage: &Stage) {
    stage.origin().add(Act::Reply(StatusCode::OK, fields(&[]), Bytes::new(), Duration::from_secs(3600)));
}

/// So many clients at once.
async fn crowd(stage: &Stage, clients: usize) -> Vec<Seen> {
    join_all((0..clients).map(|_| stage.get("/a", &[]))).await
}

#[tokio::test(start_paused = true)]
async fn a_thousand_misses_at_once_are_one_request() {
    let stage = route("cache");
    slow(&stage, 200, &[("cache-control", "max-age=60")], "one");
    let seen = crowd(&stage, 1_000).await;
    assert_eq!(stage.origin().calls(), 1);
    assert!(seen.iter().all(|seen| seen.body() == "one"));
    assert_eq!(seen.iter().filter(|seen| seen.verdict == Some("miss")).count(), 1);
    assert_eq!(seen.iter().map(|seen| seen.attempts).sum::<u32>(), 1);
    assert_eq!(stage.shelves[0].flights.count(), 0);
}

#[tokio::test(start_paused = true)]
async fn an_answer_for_nobody_else_lets_all_go_by_themselves() {
    let stage = route("cache");
    for _ in 0..10 {
        slow(&stage, 200, &[("cache-control", "private")], "own");
    }
    let begun = tokio::time::Instant::now();
    let seen = crowd(&stage, 10).await;
    assert!(seen.iter().all(|seen| seen.body() == "own"));
    assert_eq!(stage.origin().calls(), 10);
    // The first one's time, and that of all others at once.
    assert_eq!(begun.elapsed().as_secs(), 2);
}

#[tokio::test(start_paused = true)]
async fn after_a_failure_one_of_those_who_wait_asks_next() {
    let stage = route("cache");
    stage.origin().add(Act::Refuse);
    slow(&stage, 200, &[("cache-control", "max-age=60")], "one");
    let seen = crowd(&stage, 1_000).await;
    assert_eq!(seen.iter().filter(|seen| seen.status == 502).count(), 1);
    assert_eq!(seen.iter().filter(|seen| seen.body() == "one").count(), 999);
    assert_eq!(stage.origin().calls(), 2);
}

// Attempts of 4 s: the second request has 6 s left when the first one fails, the third one 2 s.
#[tokio::test(start_paused = true)]
async fn who_waits_does_so_for_no_longer_than_its_own_total() {
    let stage = route("cache; timeout { attempt 4s; total 10s }");
    for _ in 0..3 {
        silent(&stage);
    }
    let begun = tokio::time::Instant::now();
    let seen = crowd(&stage, 1_000).await;
    assert!(seen.iter().all(|seen| seen.status == 504), "{seen:?}");
    assert_eq!((begun.elapsed().as_secs(), stage.origin().calls()), (10, 3));
    assert_eq!(stage.shelves[0].flights.count(), 0);
}

#[tokio::test(start_paused = true)]
async fn who_goes_by_itself_has_what_is_left_of_its_total() {
    let stage = route("cache; timeout { attempt 8s; total 10s }");
    let origin = stage.origin();
    origin.add(Act::Reply(StatusCode::OK, fields(&[("cache-control", "private")]), Bytes::new(), Duration::from_secs(6)));
    silent(&stage);
    let begun = tokio::time::Instant::now();
    let seen = crowd(&stage, 2).await;
    assert_eq!(seen.iter().map(|seen| seen.status).collect::<Vec<_>>(), [200, 504]);
    assert_eq!((begun.elapsed().as_secs(), stage.origin().calls()), (10, 2));
}

#[tokio::test(start_paused = true)]
async fn when_time_is_over_the_fallback_answers_those_who_waited_too() {
    let stage = route("cache; timeout { attempt 10s; total 10s }; fallback respond 200 text \"later\"");
    silent(&stage);
    let seen = crowd(&stage, 20).await;
    assert!(seen.iter().all(|seen| seen.body() == "later"), "{seen:?}");
    assert_eq!(stage.origin().calls(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_failure_answers_all_who_wait_from_what_is_stale() {
    let stage = route("cache error 1h");
    stage.answers(&[("cache-control", "max-age=10")], "old");
    stage.get("/a", &[]).await;
    tokio::time::advance(Duration::from_secs(20)).await;
    slow(&stage, 503, &[], "");
    let seen = crowd(&stage, 1_000).await;
    assert!(seen.iter().all(|seen| seen.verdict == Some("stale") && seen.body() == "old"));
    assert_eq!(stage.origin().calls(), 2);
    let said = |seen: &Seen| seen.headers["cache-status"].to_str().unwrap().to_owned();
    assert_eq!(said(&seen[0]), "gatewright; fwd=stale; fwd-status=503");
    assert_eq!(said(&seen[1]), "gatewright; fwd=stale; collapsed");
}

#[tokio::test(start_paused = true)]
async fn when_the_first_client_goes_another_takes_its_place() {
    let stage = route("cache");
    slow(&stage, 200, &[("cache-control", "max-age=60")], "lost");
    slow(&stage, 200, &[("cache-control", "max-age=60")], "one");
    let first = tokio::time::timeout(Duration::from_millis(500), stage.get("/a", &[]));
    let (first, others) = tokio::join!(first, crowd(&stage, 20));
    assert!(first.is_err());
    assert!(others.iter().all(|seen| seen.body() == "one"));
    assert_eq!(stage.origin().calls(), 2);
}

#[tokio::test(start_paused = true)]
async fn those_that_vary_are_not_answered_with_one_anothers() {
    let stage = route("cache");
    let headers = [("cache-control", "max-age=60"), ("vary", "x-one")];
    slow(&stage, 200, &headers, "first");
    slow(&stage, 200, &headers, "second");
    let (one, two) = tokio::join!(stage.get("/a", &[("x-one", "1")]), stage.get("/a", &[("x-one", "2")]));
    assert_eq!((one.body(), two.body()), ("first", "second"));
    assert_eq!(stage.get("/a", &[("x-one", "1")]).await.verdict, Some("hit"));
}

#[tokio::test(start_paused = true)]
async fn what_is_stale_is_asked_about_once() {
    let stage = route("cache");
    stage.answers(&[("cache-control", "max-age=10"), ("etag", "\"1\"")], "one");
    stage.get("/a", &[]).await;
    tokio::time::advance(Duration::from_secs(20)).await;
    slow(&stage, 304, &[("etag", "\"1\"")], "");
    let seen = crowd(&stage, 100).await;
    assert!(seen.iter().all(|seen| seen.status == 200 && seen.body() == "one"));
    assert_eq!(stage.origin().calls(), 2);
    assert_eq!(seen.iter().filter(|seen| seen.verdict == Some("revalidated")).count(), 1);
}

#[tokio::test(start_paused = true)]
async fn stale_answers_at_once_have_one_fetched() {
    let stage = route("cache 10s stale 1h");
    stage.answers(&[], "one");
    stage.get("/a", &[]).await;
    tokio::time::advance(Duration::from_secs(20)).await;
    slow(&stage, 200, &[], "two");
    let seen = crowd(&stage, 100).await;
    assert!(seen.iter().all(|seen| seen.verdict == Some("stale") && seen.body() == "one"));
    tokio::time::sleep(Duration::from_secs(2)).await;
    assert_eq!((stage.get("/a", &[]).await.body(), stage.origin().calls()), ("two", 2));
}

#[tokio::test(start_paused = true)]
async fn clients_with_cookies_wait_for_nobody() {
    let stage = route("cache 60s");
    slow(&stage, 200, &[], "anonymous");
    slow(&stage, 200, &[], "mine");
    let (one, two) = tokio::join!(stage.get("/a", &[]), stage.get("/a", &[("cookie", "session=7")]));
    assert_eq!((one.body(), two.body()), ("anonymous", "mine"));
}

#[tokio::test(start_paused = true)]
async fn other_keys_do_not_wait() {
    let stage = route("cache");
    slow(&stage, 200, &[("cache-control", "max-age=60")], "one");
    stage.answers(&[("cache-control", "max-age=60")], "two");
    let (one, two) = tokio::join!(stage.get("/a", &[]), stage.get("/b", &[]));
    assert_eq!((one.body(), two.body()), ("one", "two"));
}

#[tokio::test(start_paused = true)]
async fn what_comes_in_chunks_for_some_seconds_is_waited_for() {
    let stage = route("cache 60s");
    let piece = |number: u32| async move {
        tokio::time::sleep(Duration::from_secs(1)).await;
        (number < 3).then(|| (Ok(http_body::Frame::data(Bytes::from_static(b"x"))), number + 1))
    };
    let body = Body::stream(http_body_util::StreamBody::new(futures_util::stream::unfold(0, piece)));
    stage.origin().add(Act::Stream(StatusCode::OK, fields(&[]), body));
    let seen = crowd(&stage, 20).await;
    assert!(seen.iter().all(|seen| seen.body() == "xxx"), "{seen:?}");
    assert_eq!(stage.origin().calls(), 1);
}
