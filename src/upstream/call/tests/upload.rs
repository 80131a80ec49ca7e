use super::{
    Attempt, Body, Endpoint, Fault, FaultKind, Outgoing, Reply, Transport, Upstream, called, opens_after, request, timeout, upstream,
};
use crate::upstream::breaker::State;
use crate::upstream::config;
use bytes::Bytes;
use http_body::Frame;
use http_body_util::{BodyExt, StreamBody};
use std::sync::Arc;
use std::time::Duration;
use tokio::time::{Instant, sleep};

/// Takes the whole body, or gives up waiting for it; or takes nothing of it.
enum Taker {
    All,
    Within(Duration),
    Nothing,
}

impl Transport for Taker {
    async fn exchange(&self, _: &Upstream, _: &Arc<Endpoint>, request: Outgoing, _: Attempt) -> Result<Reply, Fault> {
        let whole = request.body.collect();
        match self {
            Self::All => whole.await.map(drop)?,
            Self::Within(time) => {
                let late = |_| Fault::new(FaultKind::Reset, "the upstream hangs up");
                tokio::time::timeout(*time, whole).await.map_err(late)?.map(drop)?;
            }
            Self::Nothing => std::future::pending().await,
        }
        Ok(Reply::empty(http::StatusCode::OK))
    }
}

/// A call with a body that stalls for a minute, where `read` is a second; and the state of the breaker then, which one
/// failure opens.
async fn stalled(taker: Taker) -> (Result<Reply, Fault>, State) {
    let upstream = upstream(1, config::Config { breaker: opens_after(1), ..config::Config::default() });
    let parts = futures_util::stream::unfold(0, |number| async move {
        sleep(Duration::from_secs(60 * (number % 2))).await;
        (number < 2).then(|| (Ok(Frame::data(Bytes::from_static(b"part"))), number + 1))
    });
    let timeouts = timeout::Config { read: Duration::from_secs(1), ..timeout::Config::default() };
    let outgoing = request("POST", Body::stream(StreamBody::new(parts)));
    let (reply, _) = called(&taker, &upstream, (timeouts, None), outgoing).await;
    let state = upstream.breaker.as_ref().unwrap().state(Instant::now());
    (reply, state)
}

#[tokio::test(start_paused = true)]
async fn a_client_that_stalls_its_upload_is_not_the_upstreams_fault() {
    let (reply, breaker) = stalled(Taker::All).await;
    assert!(reply.is_ok(), "{reply:?}");
    assert_eq!(breaker, State::Closed);
}

#[tokio::test(start_paused = true)]
async fn an_upstream_that_gives_up_on_a_stalled_upload_opens_no_breaker() {
    let (reply, breaker) = stalled(Taker::Within(Duration::from_secs(5))).await;
    assert_eq!(reply.unwrap_err().kind, FaultKind::Reset);
    assert_eq!(breaker, State::Closed);
}

#[tokio::test(start_paused = true)]
async fn an_upstream_that_takes_nothing_of_an_upload_is_given_up() {
    let (reply, breaker) = stalled(Taker::Nothing).await;
    assert_eq!(reply.unwrap_err().kind, FaultKind::AttemptTimeout);
    assert_eq!(breaker, State::Open);
}

#[tokio::test(start_paused = true)]
async fn an_upload_that_drips_keeps_an_upstream_shut_no_longer_than_an_attempt_may_take() {
    let upstream = Arc::new(upstream(1, config::Config { breaker: opens_after(1), ..config::Config::default() }));
    let timeouts = timeout::Config { attempt: Duration::from_secs(5), ..timeout::Config::default() };
    let ask = async |transport: Taker, body: Body| called(&transport, &upstream, (timeouts, None), request("POST", body)).await.0;
    assert!(ask(Taker::Nothing, Body::empty()).await.is_err());
    sleep(Duration::from_secs(30)).await;
    let drip = futures_util::stream::unfold((), |()| async {
        sleep(Duration::from_secs(1)).await;
        Some((Ok(Frame::data(Bytes::from_static(b"z"))), ()))
    });
    let dripping = ask(Taker::All, Body::stream(StreamBody::new(drip)));
    let others = async {
        sleep(Duration::from_secs(1)).await;
        assert!(matches!(ask(Taker::All, Body::empty()).await.unwrap_err().kind, FaultKind::BreakerOpen(_)));
        sleep(Duration::from_secs(4)).await;
        ask(Taker::All, Body::empty()).await
    };
    tokio::select! {
        reply = dripping => panic!("{reply:?}"),
        reply = others => assert!(reply.is_ok(), "{reply:?}"),
    }
    assert_eq!(upstream.breaker.as_ref().unwrap().state(Instant::now()), State::Closed);
}
