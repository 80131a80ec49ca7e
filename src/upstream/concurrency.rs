//! `concurrency N queue N`: the places an upstream has for requests, and who waits for one. First come, first served.

use super::connect::Concurrency;
use crate::http::{Fault, FaultKind};
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::{Instant, timeout_at};

/// A place, until it is dropped.
pub type Place = OwnedSemaphorePermit;

/// The places of an upstream, shared by all workers.
#[derive(Debug)]
pub struct Places {
    config: Concurrency,
    free: Arc<Semaphore>,
    waiting: AtomicU32,
    refused: AtomicU64,
}

impl Places {
    /// All of them free.
    #[must_use]
    pub fn new(config: Concurrency) -> Self {
        let most = usize::try_from(config.most).unwrap_or(usize::MAX).min(Semaphore::MAX_PERMITS);
        Self { config, free: Arc::new(Semaphore::new(most)), waiting: AtomicU32::new(0), refused: AtomicU64::new(0) }
    }

    /// What was declared.
    #[must_use]
    pub fn config(&self) -> &Concurrency {
        &self.config
    }

    /// Requests that found neither a place nor room to wait for one, so far.
    #[must_use]
    pub fn refused(&self) -> u64 {
        self.refused.load(Ordering::Relaxed)
    }

    /// Requests that wait for a place now.
    #[must_use]
    pub fn waiting(&self) -> u32 {
        self.waiting.load(Ordering::Relaxed)
    }

    /// A place, when one is free and nobody waits for it.
    #[must_use]
    pub fn take(&self) -> Option<Place> {
        Arc::clone(&self.free).try_acquire_owned().ok()
    }

    /// Waits for a place, in line behind those that came before.
    ///
    /// # Errors
    /// [`FaultKind::Overloaded`] at once when as many wait as may, [`FaultKind::TotalTimeout`] when there is none in time.
    pub async fn wait(&self, until: Instant) -> Result<Place, Fault> {
        let _in_line = self.line_up()?;
        match timeout_at(until, Arc::clone(&self.free).acquire_owned()).await {
            Ok(Ok(place)) => Ok(place),
            Ok(Err(closed)) => Err(Fault::new(FaultKind::Overloaded, closed)),
            Err(_) => Err(Fault::new(FaultKind::TotalTimeout, "no place at the upstream in time")),
        }
    }

    fn line_up(&self) -> Result<InLine<'_>, Fault> {
        let room = |waiting: u32| (waiting < self.config.queue).then(|| waiting + 1);
        match self.waiting.try_update(Ordering::Relaxed, Ordering::Relaxed, room) {
            Ok(_) => Ok(InLine(&self.waiting)),
            Err(_) => {
                self.refused.fetch_add(1, Ordering::Relaxed);
                Err(Fault::new(FaultKind::Overloaded, "every place is taken, and so is every one in the queue"))
            }
        }
    }
}

/// Somebody who waits.
struct InLine<'p>(&'p AtomicU32);

impl Drop for InLine<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::{Concurrency, FaultKind, Places};
    use std::sync::Arc;
    use std::time::Duration;
    use tokio::time::Instant;

    fn places(most: u32, queue: u32) -> Arc<Places> {
        Arc::new(Places::new(Concurrency { most, queue }))
    }

    #[tokio::test(start_paused = true)]
    async fn those_who_wait_are_served_in_the_order_they_came() {
        let places = places(1, 3);
        let (held, until) = (places.take().unwrap(), Instant::now() + Duration::from_secs(1));
        let (served, mut order) = tokio::sync::mpsc::unbounded_channel();
        for number in 0..3 {
            let (places, served) = (Arc::clone(&places), served.clone());
            tokio::spawn(async move {
                let place = places.wait(until).await.unwrap();
                served.send(number).unwrap();
                drop(place);
            });
            tokio::task::yield_now().await;
        }
        assert_eq!(places.wait(until).await.unwrap_err().kind, FaultKind::Overloaded);
        assert_eq!(places.refused(), 1);
        drop(held);
        // What is freed goes to who waits, not to who comes by.
        assert!(places.take().is_none());
        for number in 0..3 {
            assert_eq!(order.recv().await, Some(number));
        }
    }

    #[tokio::test(start_paused = true)]
    async fn who_waits_too_long_or_goes_away_leaves_the_queue() {
        let places = places(1, 1);
        let held = places.take().unwrap();
        let begun = Instant::now();
        assert_eq!(places.wait(begun + Duration::from_secs(2)).await.unwrap_err().kind, FaultKind::TotalTimeout);
        assert_eq!(begun.elapsed(), Duration::from_secs(2));
        let gone = tokio::time::timeout(Duration::from_secs(1), places.wait(Instant::now() + Duration::from_secs(60)));
        assert!(gone.await.is_err());
        let again = places.wait(Instant::now() + Duration::from_secs(60));
        let freed = async move { drop(held) };
        assert!(tokio::join!(again, freed).0.is_ok());
        assert_eq!(places.refused(), 0);
    }
}
