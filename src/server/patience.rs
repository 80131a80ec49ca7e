//! How long a connection may keep the gateway waiting, with one timer that is armed only while it does.

use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;
use tokio::time::{Instant, Sleep, sleep_until};

/// Time a request's body may take before its rate counts.
const BODY_GRACE: Duration = Duration::from_secs(10);
/// The least rate of a request's body, in bytes per second of waiting for it.
const BODY_RATE_MIN: u64 = 256;

/// What the client is being waited for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum For {
    /// The rest of a head, or the connection's first one.
    Head,
    /// The next request.
    Next,
    /// More of a body.
    Body,
    /// The reply, by a client that sends nothing more.
    Reply,
}

/// Longest time a client that sends nothing more waits for more of its reply.
const ENDED_MAX: Duration = Duration::from_secs(2);

/// Longest time the client may take nothing of a reply that is there: a stream's idle limit.
pub const UNTAKEN_MAX: Duration = Duration::from_secs(300);

/// Waiting times of one connection.
#[derive(Debug)]
pub struct Patience {
    head: Duration,
    idle: Duration,
    timer: Option<Pin<Box<Sleep>>>,
    waiting: Option<(For, Instant)>,
    body_waited: Duration,
    body_bytes: u64,
    sent: u64,
}

impl Patience {
    /// Patience for a whole head, and for the next request.
    #[must_use]
    pub fn new(head: Duration, idle: Duration) -> Self {
        Self { head, idle, timer: None, waiting: Some((For::Head, Instant::now())), body_waited: Duration::ZERO, body_bytes: 0, sent: 0 }
    }

    /// Bytes of a body came.
    pub fn body(&mut self, bytes: usize) {
        if let Some((For::Body, since)) = self.waiting.take() {
            self.body_waited += since.elapsed();
        }
        self.body_bytes += bytes as u64;
    }

    /// A whole head has come.
    pub fn new_request(&mut self) {
        self.waiting = None;
        self.body_waited = Duration::ZERO;
        self.body_bytes = 0;
    }

    /// Waits on behalf of a client that sends nothing more, anew whenever more of the reply has been sent.
    pub fn poll_reply(&mut self, sent: u64, cx: &mut Context<'_>) -> Poll<()> {
        if std::mem::replace(&mut self.sent, sent) != sent {
            self.waiting = None;
        }
        self.poll_wait(For::Reply, cx)
    }

    /// Waits, and wakes the task when patience is at its end; ready when it is.
    pub fn poll_wait(&mut self, what: For, cx: &mut Context<'_>) -> Poll<()> {
        let now = Instant::now();
        let since = match self.waiting {
            Some((before, since)) if before == what => since,
            _ => now,
        };
        self.waiting = Some((what, since));
        let deadline = since
            + match what {
                For::Head => self.head,
                For::Next => self.idle,
                For::Reply => ENDED_MAX,
                For::Body => (BODY_GRACE + Duration::from_secs(self.body_bytes / BODY_RATE_MIN)).saturating_sub(self.body_waited),
            };
        if deadline <= now {
            return Poll::Ready(());
        }
        self.arm(deadline, now, cx);
        Poll::Pending
    }

    /// A timer that is set to go off earlier than needed is left alone: it finds the new deadline when it does. So a
    /// connection that is busy touches its timer once per waiting time, not once per request.
    fn arm(&mut self, deadline: Instant, now: Instant, cx: &mut Context<'_>) {
        let timer = match &mut self.timer {
            Some(timer) => {
                if timer.deadline() > now && timer.deadline() <= deadline {
                    return;
                }
                timer.as_mut().reset(deadline);
                timer
            }
            None => self.timer.insert(Box::pin(sleep_until(deadline))),
        };
        if timer.as_mut().poll(cx).is_ready() {
            cx.waker().wake_by_ref();
        }
    }
}
