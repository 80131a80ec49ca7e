use super::{
    Body, Came, Fault, FaultKind, Played, Reply, called, fault, now, opens_after, plain, request, retry, status, three, timeout, upstream,
};
use crate::upstream::retry::Trigger;
use crate::upstream::{breaker, config};
use bytes::Bytes;
use http_body::Frame;
use http_body_util::{BodyExt, StreamBody};
use std::time::Duration;
use tokio::time::{Instant, sleep};

const MS: fn(u64) -> Duration = Duration::from_millis;

fn times(attempt: u64, total: u64) -> timeout::Config {
    timeout::Config { attempt: MS(attempt), total: MS(total), ..timeout::Config::default() }
}

fn on(triggers: &[Trigger]) -> retry::Config {
    retry::Config { on: triggers.to_vec(), ..three() }
}

#[tokio::test(start_paused = true)]
async fn a_failed_call_is_made_again_where_it_has_not_failed() {
    let played = Played::by(|came: Came| now(if came.number < 3 { fault(FaultKind::ConnectError) } else { status(200) }));
    let (upstream, begun) = (plain(3), Instant::now());
    let (reply, attempts) = called(&played, &upstream, (timeout::Config::default(), Some(&three())), request("GET", Body::empty())).await;
    assert_eq!((reply.unwrap().status.as_u16(), attempts), (200, 3));
    let mut ports = played.ports();
    ports.sort_unstable();
    assert_eq!(ports, [1, 2, 3]);
    assert_eq!(begun.elapsed(), MS(200));
}

#[tokio::test(start_paused = true)]
async fn what_was_not_asked_for_is_not_made_again() {
    for (retry, method, outcome, wanted) in [
        (three(), "GET", FaultKind::Reset, 3),
        (three(), "GET", FaultKind::BodyBroken, 3),
        (three(), "GET", FaultKind::ConnectTimeout, 3),
        (three(), "GET", FaultKind::BadResponse, 3),
        (three(), "GET", FaultKind::AttemptTimeout, 1),
        (three(), "GET", FaultKind::ClientBody, 1),
        (three(), "POST", FaultKind::ConnectError, 1),
        (on(&[Trigger::Timeout]), "GET", FaultKind::AttemptTimeout, 3),
        (on(&[Trigger::Timeout]), "GET", FaultKind::Reset, 1),
        (on(&[Trigger::Status(500, 599)]), "GET", FaultKind::ConnectError, 1),
        (retry::Config { attempts: 1, ..three() }, "GET", FaultKind::Reset, 1),
    ] {
        let kind = outcome.clone();
        let played = Played::by(move |_| now(fault(kind.clone())));
        let (reply, attempts) =
            called(&played, &plain(1), (timeout::Config::default(), Some(&retry)), request(method, Body::empty())).await;
        assert_eq!((reply.unwrap_err().kind, attempts), (outcome.clone(), wanted), "{method} {outcome:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn the_last_answer_counts_when_no_attempt_succeeds() {
    let played = Played::by(|came: Came| now(status(500 + u16::try_from(came.number).unwrap())));
    let retry = on(&[Trigger::Status(500, 599)]);
    let (reply, attempts) = called(&played, &plain(1), (timeout::Config::default(), Some(&retry)), request("GET", Body::empty())).await;
    assert_eq!((reply.unwrap().status.as_u16(), attempts), (503, 3));
}

#[tokio::test(start_paused = true)]
async fn every_attempt_counts_for_the_breaker_and_none_is_made_once_it_is_open() {
    let upstream = upstream(1, config::Config { breaker: opens_after(2), ..config::Config::default() });
    let played = Played::by(|_| now(status(503)));
    let (reply, attempts) = called(&played, &upstream, (timeout::Config::default(), Some(&three())), request("GET", Body::empty())).await;
    assert_eq!((reply.unwrap().status.as_u16(), attempts), (503, 2));
    assert_eq!(upstream.breaker.as_ref().unwrap().state(Instant::now()), breaker::State::Open);
    let (reply, attempts) = called(&played, &upstream, (timeout::Config::default(), Some(&three())), request("GET", Body::empty())).await;
    assert!(matches!(reply.unwrap_err().kind, FaultKind::BreakerOpen(_)));
    assert_eq!(attempts, 0);
}

#[tokio::test(start_paused = true)]
async fn a_head_that_is_late_ends_the_call_at_total_exactly() {
    let played = Played::by(|_| {
        Box::pin(async {
            sleep(MS(5_000)).await;
            status(200)
        })
    });
    for (timeouts, retry, after, kind, wanted) in [
        (times(15_000, 1_000), None, 1_000, FaultKind::TotalTimeout, 1),
        (times(800, 30_000), None, 800, FaultKind::AttemptTimeout, 1),
        // 400 ms, a wait of 100, 400, 100: none is left for a third attempt.
        (times(400, 1_000), Some(on(&[Trigger::Timeout])), 900, FaultKind::AttemptTimeout, 2),
        // The third one has 50 ms.
        (times(400, 1_050), Some(on(&[Trigger::Timeout])), 1_050, FaultKind::TotalTimeout, 3),
    ] {
        let begun = Instant::now();
        let (reply, attempts) = called(&played, &plain(2), (timeouts, retry.as_ref()), request("GET", Body::empty())).await;
        assert_eq!((reply.unwrap_err().kind, attempts, begun.elapsed()), (kind, wanted, MS(after)));
    }
}

/// A body of so many parts of 16 KiB, one every 10 ms.
fn upload(parts: usize) -> Body {
    let parts = futures_util::stream::unfold(0, move |number| async move {
        sleep(MS(10)).await;
        (number < parts).then(|| (Ok::<_, Fault>(Frame::data(Bytes::from(vec![b'x'; 16 << 10]))), number + 1))
    });
    Body::stream(StreamBody::new(parts))
}

/// Breaks off the first attempt when so many parts have come, and takes all of the second one.
async fn broken_off(parts: usize, after: usize) -> (Result<usize, FaultKind>, u32) {
    let played = Played::by(move |came: Came| {
        Box::pin(async move {
            assert_eq!((came.request.target.path(), &came.request.headers["accept"]), ("/x", &"text/plain".parse().unwrap()));
            let mut body = came.request.body;
            if came.number == 1 {
                for _ in 0..after {
                    body.frame().await.unwrap()?;
                }
                return fault(FaultKind::Reset);
            }
            let whole = body.collect().await?.to_bytes();
            Ok(Reply::of(http::StatusCode::OK, "text/plain", whole))
        })
    });
    let (reply, attempts) = called(&played, &plain(2), (timeout::Config::default(), Some(&three())), request("PUT", upload(parts))).await;
    (reply.map(|reply| reply.body.at_hand().unwrap().len()).map_err(|fault| fault.kind), attempts)
}

#[tokio::test(start_paused = true)]
async fn an_upload_is_sent_again_from_its_beginning_as_long_as_little_of_it_has_gone() {
    assert_eq!(broken_off(3, 3).await, (Ok(3 * (16 << 10)), 2));
    assert_eq!(broken_off(3, 1).await, (Ok(3 * (16 << 10)), 2));
    assert_eq!(broken_off(20, 0).await, (Ok(20 * (16 << 10)), 2));
    assert_eq!(broken_off(20, 4).await, (Ok(20 * (16 << 10)), 2));
    assert_eq!(broken_off(20, 5).await, (Err(FaultKind::Reset), 1));
}
