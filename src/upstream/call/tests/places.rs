use super::{Body, Came, FaultKind, Played, Reply, called, fault, now, request, status, three, timeout, upstream};
use crate::upstream::config;
use crate::upstream::connect::Concurrency;
use crate::upstream::retry::Config as Retry;
use std::sync::Arc;
use std::time::Duration;
use tokio::time::{Instant, sleep};

fn places(most: u32, queue: u32) -> config::Config {
    config::Config { concurrency: Some(Concurrency { most, queue }), ..config::Config::default() }
}

const TIMES: fn() -> timeout::Config = || timeout::Config { total: Duration::from_secs(1), ..timeout::Config::default() };

#[tokio::test(start_paused = true)]
async fn no_more_are_in_flight_than_may_be_and_the_others_wait_in_time() {
    let upstream = Arc::new(upstream(2, places(2, 3)));
    let played = Arc::new(Played::by(|came: Came| {
        Box::pin(async move {
            sleep(Duration::from_millis(600)).await;
            drop(came.attempt);
            status(200)
        })
    }));
    let begun = Instant::now();
    let all = (0..6).map(|_| {
        let (upstream, played) = (Arc::clone(&upstream), Arc::clone(&played));
        tokio::spawn(async move {
            let (reply, attempts) = called(&*played, &upstream, (TIMES(), None), request("GET", Body::empty())).await;
            (reply.map(|reply| reply.status.as_u16()).map_err(|fault| fault.kind), attempts, begun.elapsed().as_millis())
        })
    });
    let mut ended = Vec::new();
    for one in all.collect::<Vec<_>>() {
        ended.push(one.await.unwrap());
    }
    // Two at once; two more when these have ended, who then have too little time; one who gets no place; one too many.
    let late = (Err(FaultKind::TotalTimeout), 1, 1_000);
    assert_eq!(ended[..4], [(Ok(200), 1, 600), (Ok(200), 1, 600), late.clone(), late]);
    assert_eq!(ended[4], (Err(FaultKind::TotalTimeout), 0, 1_000));
    assert_eq!(ended[5], (Err(FaultKind::Overloaded), 0, 0));
    assert_eq!(upstream.places.as_ref().unwrap().refused(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_place_is_held_until_the_answer_has_ended_and_given_back_between_attempts() {
    let upstream = upstream(1, places(1, 0));
    let retry = Retry { attempts: 2, ..three() };
    let played = Played::by(|came: Came| now(if came.number == 1 { fault(FaultKind::Reset) } else { held(came) }));
    let (reply, attempts) = called(&played, &upstream, (TIMES(), Some(&retry)), request("GET", Body::empty())).await;
    assert_eq!(attempts, 2);
    let (second, _) = called(&played, &upstream, (TIMES(), None), request("GET", Body::empty())).await;
    assert_eq!(second.unwrap_err().kind, FaultKind::Overloaded);
    drop(reply);
    assert!(called(&played, &upstream, (TIMES(), None), request("GET", Body::empty())).await.0.is_ok());
}

/// A response whose body holds the attempt.
fn held(came: Came) -> super::Answered {
    let body = futures_util::stream::unfold(Some(came.attempt), |attempt| async move {
        let _held = attempt?;
        std::future::pending().await
    });
    Ok(Reply { body: Body::stream(http_body_util::StreamBody::new(body)), ..Reply::empty(http::StatusCode::OK) })
}
