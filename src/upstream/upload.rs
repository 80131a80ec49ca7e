//! A request's body on its way to an upstream, and the wait for the answer that begins when it has been passed on.

use super::timeout;
use super::timers::{Timer, Timers};
use crate::http::{Body, Fault, FaultKind, Reply};
use bytes::Bytes;
use futures_util::task::AtomicWaker;
use http_body::{Frame, SizeHint};
use std::future::{Future, poll_fn};
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::task::{Context, Poll};
use tokio::time::Instant;

/// How much of a body was passed on, told by the body to the call.
#[derive(Debug, Default)]
pub struct Passing {
    done: AtomicBool,
    frames: AtomicU64,
    /// It was asked for more than there was.
    starved: AtomicBool,
    waker: AtomicWaker,
}

/// A stream is watched on its way; what is at hand passes at once.
pub fn pass_on(body: &mut Body) -> Option<Arc<Passing>> {
    if body.at_hand().is_some() {
        return None;
    }
    let passing = Arc::new(Passing::default());
    *body = Body::stream(PassedOn { body: body.take(), passing: Arc::clone(&passing) });
    Some(passing)
}

/// True while more of the request's body is wanted than the client has sent.
pub fn awaits_client(passing: Option<&Passing>) -> bool {
    passing.is_some_and(|passing| passing.starved.load(Ordering::Relaxed))
}

/// Waits for an answer as long as the timeouts allow. They count from the moment the body has been passed on; until then
/// only an upstream that takes nothing of what is there for as long as `read` is given up: a client that sends nothing is
/// its connection's to judge. `end` is when `total` is over, once that is known: it holds for all attempts of a call. Timers
/// are taken from `timers`. `began` is told when the wait for the head begins.
pub async fn within(
    mut exchange: Pin<&mut impl Future<Output = Result<Reply, Fault>>>,
    passing: Option<&Passing>,
    timeouts: timeout::Config,
    end: &mut Option<Instant>,
    timers: Option<&Timers>,
    began: &mut Option<Instant>,
) -> Result<Reply, Fault> {
    let mut timer = None;
    let mut clock = Clock::NotStarted;
    poll_fn(|cx| {
        if let Poll::Ready(answer) = exchange.as_mut().poll(cx) {
            return Poll::Ready(answer);
        }
        let passed = passing.is_none_or(|passing| passing.poll_done(cx));
        if passed && !matches!(clock, Clock::Head { .. }) {
            let now = Instant::now();
            *began = Some(now);
            let (of_all, of_one) = (*end.get_or_insert(now + timeouts.total), now + timeouts.attempt);
            clock = Clock::Head { is_total: of_all < of_one };
            timer = Some(Timer::until(of_all.min(of_one), timers));
        } else if matches!(clock, Clock::NotStarted) {
            clock = Clock::Upload(0);
            timer = Some(Timer::until(Instant::now() + timeouts.read, timers));
        }
        while let Some(waiting) = &mut timer
            && waiting.poll(cx).is_ready()
        {
            match (clock, passing) {
                (Clock::Upload(before), Some(passing)) if passing.frames() != before || awaits_client(Some(passing)) => {
                    clock = Clock::Upload(passing.frames());
                    timer = Some(Timer::until(Instant::now() + timeouts.read, timers));
                }
                _ => {
                    let is_total = matches!(clock, Clock::Head { is_total: true });
                    let kind = if is_total { FaultKind::TotalTimeout } else { FaultKind::AttemptTimeout };
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
    Head {
        /// `total` ends before `attempt` does.
        is_total: bool,
    },
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
