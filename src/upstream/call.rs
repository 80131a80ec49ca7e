//! One call of an upstream: breaker, balance, one attempt under its timeouts, and the outcome noted.

use super::transport::{Attempt, Transport};
use super::{Upstream, balance, timeout};
use crate::http::{Body, Fault, FaultKind, Outgoing, Reply, Side, hop};
use bytes::Bytes;
use futures_util::task::AtomicWaker;
use http_body::{Frame, SizeHint};
use parking_lot::Mutex;
use std::future::{Future, poll_fn};
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::task::{Context, Poll};
use tokio::time::{Instant, Sleep, sleep_until};

/// Calls an upstream; `attempts` counts those that were made.
///
/// # Errors
/// When the breaker is open, no connection stands, no head comes in time, what comes is no HTTP, or the client's body
/// fails while it is passed on.
pub async fn call<T: Transport>(
    transport: &T,
    upstream: &Upstream,
    timeouts: timeout::Config,
    outgoing: Outgoing,
    random: &Mutex<fastrand::Rng>,
    attempts: &mut u32,
) -> Result<Reply, Fault> {
    if upstream.resolves() {
        Box::pin(transport.find(upstream, timeouts.connect.min(timeouts.attempt).min(timeouts.total))).await?;
    }
    let permit = match &upstream.breaker {
        None => None,
        Some(breaker) => {
            let refused = |left| Fault::new(FaultKind::BreakerOpen(left), "the breaker is open");
            Some(breaker.admit(Instant::now()).map_err(refused)?)
        }
    };
    let endpoints = upstream.endpoints();
    let chosen = match &*endpoints {
        [only] => Some(only),
        several => balance::choose(several, &mut random.lock()),
    };
    let endpoint = chosen.ok_or_else(|| Fault::new(FaultKind::ConnectError, "the upstream has no target"))?;
    *attempts += 1;

    let mut request = outgoing;
    let passing = pass_on(&mut request.body);
    let connect = timeouts.connect.min(timeouts.attempt).min(timeouts.total);
    let host = upstream.host(endpoint, &request.authority);
    let attempt = Attempt { host, connect, read: timeouts.read, occupied: endpoint.occupy() };
    let exchange = pin!(transport.exchange(upstream, endpoint, request, attempt));
    let answer = within(exchange, passing.as_deref(), timeouts).await;

    if let Some(permit) = permit {
        match &answer {
            Ok(reply) => permit.settle(!reply.status.is_server_error(), Instant::now()),
            Err(fault) if fault.side() == Side::Upstream && !awaits_client(passing.as_deref()) => permit.settle(false, Instant::now()),
            // The client's doing, or an upstream that would not wait for it any longer, says nothing of the upstream.
            Err(_) => drop(permit),
        }
    }
    let mut reply = answer?;
    hop::strip_reply(&mut reply.headers);
    Ok(reply)
}

/// True while more of the request's body is wanted than the client has sent.
fn awaits_client(passing: Option<&Passing>) -> bool {
    passing.is_some_and(|passing| passing.starved.load(Ordering::Relaxed))
}

/// Waits for an answer as long as the timeouts allow. They count from the moment the body has been passed on; until then
/// only an upstream that takes nothing of what is there for as long as `read` is given up: a client that sends nothing is
/// its connection's to judge.
async fn within(
    mut exchange: Pin<&mut impl Future<Output = Result<Reply, Fault>>>,
    passing: Option<&Passing>,
    timeouts: timeout::Config,
) -> Result<Reply, Fault> {
    let mut timer = pin!(None::<Sleep>);
    let mut clock = Clock::NotStarted;
    poll_fn(|cx| {
        if let Poll::Ready(answer) = exchange.as_mut().poll(cx) {
            return Poll::Ready(answer);
        }
        let passed = passing.is_none_or(|passing| passing.poll_done(cx));
        if passed && !matches!(clock, Clock::Head) {
            clock = Clock::Head;
            timer.set(Some(sleep_until(Instant::now() + timeouts.attempt.min(timeouts.total))));
        } else if matches!(clock, Clock::NotStarted) {
            clock = Clock::Upload(0);
            timer.set(Some(sleep_until(Instant::now() + timeouts.read)));
        }
        while let Some(sleep) = timer.as_mut().as_pin_mut()
            && sleep.poll(cx).is_ready()
        {
            match (clock, passing) {
                (Clock::Upload(before), Some(passing)) if passing.frames() != before || awaits_client(Some(passing)) => {
                    clock = Clock::Upload(passing.frames());
                    timer.set(Some(sleep_until(Instant::now() + timeouts.read)));
                }
                _ => {
                    let kind = if timeouts.total < timeouts.attempt { FaultKind::TotalTimeout } else { FaultKind::AttemptTimeout };
                    return Poll::Ready(Err(Fault::new(kind, "no response head in time")));
                }
            }
        }
        Poll::Pending
    })
    .await
}

/// What the timer measures.
#[derive(Debug, Clone, Copy)]
enum Clock {
    NotStarted,
    /// The upload's progress: frames taken when the timer was set.
    Upload(u64),
    /// The wait for the head.
    Head,
}

/// How much of a body was passed on, told by the body to the call.
#[derive(Debug, Default)]
struct Passing {
    done: AtomicBool,
    frames: AtomicU64,
    /// It was asked for more than there was.
    starved: AtomicBool,
    waker: AtomicWaker,
}

impl Passing {
    fn poll_done(&self, cx: &Context<'_>) -> bool {
        self.waker.register(cx.waker());
        self.done.load(Ordering::Acquire)
    }

    fn frames(&self) -> u64 {
        self.frames.load(Ordering::Relaxed)
    }

    fn finish(&self) {
        if !self.done.swap(true, Ordering::AcqRel) {
            self.waker.wake();
        }
    }
}

/// A stream is watched on its way; what is at hand passes at once.
fn pass_on(body: &mut Body) -> Option<Arc<Passing>> {
    if body.at_hand().is_some() {
        return None;
    }
    let passing = Arc::new(Passing::default());
    *body = Body::stream(PassedOn { body: body.take(), passing: Arc::clone(&passing) });
    Some(passing)
}

struct PassedOn {
    body: Body,
    passing: Arc<Passing>,
}

impl http_body::Body for PassedOn {
    type Data = Bytes;
    type Error = Fault;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Fault>>> {
        let frame = Pin::new(&mut self.body).poll_frame(cx);
        self.passing.starved.store(frame.is_pending(), Ordering::Relaxed);
        if frame.is_ready() {
            self.passing.frames.fetch_add(1, Ordering::Relaxed);
        }
        if matches!(frame, Poll::Ready(None | Some(Err(_)))) || self.body.is_end_stream() {
            self.passing.finish();
        }
        frame
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

impl Drop for PassedOn {
    fn drop(&mut self) {
        self.passing.finish();
    }
}

#[cfg(test)]
mod tests {
    use super::{Body, Bytes, Fault, FaultKind, Frame, Outgoing, Reply, Transport, Upstream, call, timeout};
    use crate::upstream::breaker::{Opens, State};
    use crate::upstream::{Attempt, Endpoint, breaker, config};
    use http_body_util::{BodyExt, StreamBody};
    use parking_lot::Mutex;
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
        let opens = breaker::Config { opens: Opens::AfterFailures(1), cooldown: Duration::from_secs(30), probes: 1 };
        let upstream = Upstream::new(config::Config {
            name: "app".to_owned(),
            targets: vec![config::Target { tls: false, host: "127.0.0.1".to_owned(), port: 1, weight: 1, backup: false }],
            breaker: Some(opens),
            ..config::Config::default()
        });
        let parts = futures_util::stream::unfold(0, |number| async move {
            sleep(Duration::from_secs(60 * (number % 2))).await;
            (number < 2).then(|| (Ok(Frame::data(Bytes::from_static(b"part"))), number + 1))
        });
        let outgoing = Outgoing {
            method: http::Method::POST,
            target: http::uri::PathAndQuery::from_static("/"),
            authority: http::HeaderValue::from_static("shop.example"),
            headers: http::HeaderMap::new(),
            forwarding: None,
            body: Body::stream(StreamBody::new(parts)),
            early: None,
        };
        let timeouts = timeout::Config { read: Duration::from_secs(1), ..timeout::Config::default() };
        let random = Mutex::new(fastrand::Rng::with_seed(1));
        let reply = call(&taker, &upstream, timeouts, outgoing, &random, &mut 0).await;
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
}
