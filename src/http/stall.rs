//! The wait for the other side of a body: for more of it to come, or for some of it to be taken.

use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;
use tokio::time::{Instant, Sleep, sleep_until};

/// How long nothing has moved. The timer is made when something is waited for, and moved as seldom as may be.
#[derive(Debug)]
pub struct Stall {
    longest: Duration,
    deadline: Option<Instant>,
    timer: Option<Pin<Box<Sleep>>>,
}

impl Stall {
    /// Nothing may be waited for longer.
    #[must_use]
    pub fn new(longest: Duration) -> Self {
        Self { longest, deadline: None, timer: None }
    }

    /// Something has moved.
    pub fn end(&mut self) {
        self.deadline = None;
    }

    /// Nothing has: ready when that has lasted too long.
    pub fn poll(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        let now = Instant::now();
        let deadline = *self.deadline.get_or_insert(now + self.longest);
        if deadline <= now {
            return Poll::Ready(());
        }
        let timer = self.timer.get_or_insert_with(|| Box::pin(sleep_until(deadline)));
        // One that goes off too early finds the later deadline then.
        while timer.as_mut().poll(cx).is_ready() {
            timer.as_mut().reset(deadline);
        }
        Poll::Pending
    }
}
