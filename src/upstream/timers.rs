//! Timers that are used again. To arm one and to disarm it costs more than all else that a call does with time; most calls
//! end long before theirs would go off. So an armed timer is left alone, and finds the later deadline of whoever has it by
//! then when it goes off.

use parking_lot::Mutex;
use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use tokio::time::{Instant, Sleep, sleep_until};

/// Timers that are kept while nobody waits.
const KEPT_MAX: usize = 256;

/// The timers of one worker. Only that worker takes the lock.
#[derive(Debug, Default)]
pub struct Timers(Mutex<Vec<Pin<Box<Sleep>>>>);

/// A wait until a deadline.
#[derive(Debug)]
pub struct Timer<'t> {
    deadline: Instant,
    /// Goes off at the deadline or before.
    sleep: Option<Pin<Box<Sleep>>>,
    timers: Option<&'t Timers>,
}

impl<'t> Timer<'t> {
    /// A timer that goes off at a deadline, one of `timers` if there are any.
    #[must_use]
    pub fn until(deadline: Instant, timers: Option<&'t Timers>) -> Self {
        let kept = timers.and_then(|timers| timers.0.lock().pop());
        let sleep = match kept {
            Some(mut sleep) => {
                if sleep.deadline() > deadline {
                    sleep.as_mut().reset(deadline);
                }
                sleep
            }
            None => Box::pin(sleep_until(deadline)),
        };
        Self { deadline, sleep: Some(sleep), timers }
    }

    /// Ready at the deadline.
    pub fn poll(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        let Some(sleep) = &mut self.sleep else { return Poll::Ready(()) };
        loop {
            ready!(sleep.as_mut().poll(cx));
            if sleep.deadline() >= self.deadline {
                return Poll::Ready(());
            }
            sleep.as_mut().reset(self.deadline);
        }
    }
}

impl Drop for Timer<'_> {
    fn drop(&mut self) {
        if let (Some(timers), Some(sleep)) = (self.timers, self.sleep.take()) {
            let mut kept = timers.0.lock();
            if kept.len() < KEPT_MAX {
                kept.push(sleep);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{Timer, Timers};
    use std::future::poll_fn;
    use std::time::Duration;
    use tokio::time::Instant;

    async fn waits(timers: &Timers, wanted: Duration) -> Duration {
        let begun = Instant::now();
        let mut timer = Timer::until(begun + wanted, Some(timers));
        poll_fn(|cx| timer.poll(cx)).await;
        begun.elapsed()
    }

    #[tokio::test(start_paused = true)]
    async fn a_timer_that_is_used_again_goes_off_at_its_new_deadline() {
        let timers = Timers::default();
        for seconds in [15, 20, 3, 15] {
            // One that was given back armed: earlier, or later than the next deadline.
            let mut given_back = Timer::until(Instant::now() + Duration::from_secs(10), Some(&timers));
            assert!(poll_fn(|cx| std::task::Poll::Ready(given_back.poll(cx))).await.is_pending());
            drop(given_back);
            assert_eq!(waits(&timers, Duration::from_secs(seconds)).await, Duration::from_secs(seconds));
        }
        assert_eq!(timers.0.lock().len(), 1);
    }

    #[tokio::test(start_paused = true)]
    async fn one_that_has_gone_off_is_used_again_as_well() {
        let timers = Timers::default();
        drop(Timer::until(Instant::now() + Duration::from_secs(1), Some(&timers)));
        tokio::time::sleep(Duration::from_secs(5)).await;
        assert_eq!(waits(&timers, Duration::from_secs(2)).await, Duration::from_secs(2));
    }
}
