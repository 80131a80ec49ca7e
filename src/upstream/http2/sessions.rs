//! The connections of a worker, by endpoint.

use super::super::transport::TIDY_EVERY;
use super::STREAMS_MAX;
use super::connection::{Place, Session};
use crate::http::{Fault, FaultKind};
use hashbrown::HashMap;
use parking_lot::Mutex;
use std::future::Future;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::time::Duration;
use tokio::sync::{Notify, Semaphore};
use tokio::time::timeout;

/// Connections to an endpoint, per worker. With all of them full a request waits for a place.
const CONNECTIONS_MAX: usize = 64;
/// Requests that wait for a place, per endpoint and worker.
const WAITING_MAX: usize = 4 * STREAMS_MAX;
/// How long a connection without requests lasts.
const IDLE_AGE_MAX: Duration = Duration::from_secs(300);
/// How old a connection may grow before it is given no more requests.
const AGE_MAX: Duration = Duration::from_secs(3600);
/// The same in sweeps.
const IDLE_SWEEPS_MAX: u64 = IDLE_AGE_MAX.as_secs() / TIDY_EVERY.as_secs();
const AGE_SWEEPS_MAX: u64 = AGE_MAX.as_secs() / TIDY_EVERY.as_secs();

/// Where connections lead that can stand in for each other: what the handshake ran under (0 without TLS), and the endpoint.
pub type Way = (u64, u64);

/// The connections of one worker.
#[derive(Debug, Default)]
pub struct Sessions {
    ways: Mutex<HashMap<Way, Arc<Lanes>>>,
    sweeps: AtomicU64,
}

/// The connections to one endpoint.
#[derive(Debug)]
pub struct Lanes {
    open: Mutex<Vec<(Arc<Session>, u64)>>,
    /// One connection is made at a time: whoever waits for it may find room on it.
    connecting: Semaphore,
    freed: Notify,
    waiting: AtomicUsize,
}

impl Default for Lanes {
    fn default() -> Self {
        Self { open: Mutex::default(), connecting: Semaphore::new(1), freed: Notify::new(), waiting: AtomicUsize::new(0) }
    }
}

/// Room for one request.
#[derive(Debug)]
pub struct Room {
    /// The way to send it.
    pub place: Place,
    /// True when the connection stood before: it may have come to its end unseen.
    pub kept: bool,
    _freed: Freed,
}

#[derive(Debug)]
struct Freed(Arc<Lanes>);

impl Drop for Freed {
    fn drop(&mut self) {
        self.0.freed.notify_one();
    }
}

impl Sessions {
    /// Room for a request at one of some addresses; where there is none, on a connection that `connect` makes, which may
    /// take `within`.
    ///
    /// # Errors
    /// When no connection comes about in time, or too many requests wait for a place.
    pub async fn room<C>(&self, way: Way, addresses: &[SocketAddr], within: Duration, connect: impl Fn(u64) -> C) -> Result<Room, Fault>
    where
        C: Future<Output = Result<Session, Fault>> + Send,
    {
        let lanes = Arc::clone(self.ways.lock().entry(way).or_default());
        loop {
            if let Some(room) = self.free(&lanes, addresses) {
                return Ok(room);
            }
            if lanes.open.lock().len() >= CONNECTIONS_MAX {
                lanes.wait().await?;
                continue;
            }
            let made = async {
                // INVARIANT: the semaphore is never closed.
                let _alone = lanes.connecting.acquire().await;
                match self.free(&lanes, addresses) {
                    Some(room) => Ok(room),
                    None => self.add(&lanes, connect(self.sweeps.load(Ordering::Relaxed)).await?),
                }
            };
            let late = |_| Fault::new(FaultKind::ConnectTimeout, "no connection in time");
            return timeout(within, made).await.map_err(late)?;
        }
    }

    fn free(&self, lanes: &Arc<Lanes>, addresses: &[SocketAddr]) -> Option<Room> {
        let now = self.sweeps.load(Ordering::Relaxed);
        let mut open = lanes.open.lock();
        open.retain(|(session, _)| !session.is_over());
        let place = open.iter_mut().find_map(|(session, used)| {
            let fits = addresses.contains(&session.address) && now - session.made < AGE_SWEEPS_MAX;
            let place = fits.then(|| session.place()).flatten()?;
            *used = now;
            Some(place)
        })?;
        Some(Room { place, kept: true, _freed: Freed(Arc::clone(lanes)) })
    }

    fn add(&self, lanes: &Arc<Lanes>, session: Session) -> Result<Room, Fault> {
        let session = Arc::new(session);
        let place = session.place().ok_or_else(|| Fault::new(FaultKind::ConnectError, "it takes no requests"))?;
        lanes.open.lock().push((session, self.sweeps.load(Ordering::Relaxed)));
        Ok(Room { place, kept: false, _freed: Freed(Arc::clone(lanes)) })
    }

    /// Drops what has waited too long or has ended.
    pub fn sweep(&self) {
        let now = self.sweeps.fetch_add(1, Ordering::Relaxed) + 1;
        self.ways.lock().retain(|_, lanes| {
            let mut open = lanes.open.lock();
            open.retain_mut(|(session, used)| {
                if session.streams() > 0 {
                    *used = now;
                }
                !session.is_over() && now - *used < IDLE_SWEEPS_MAX
            });
            // Whoever is about to connect holds it as well.
            !open.is_empty() || Arc::strong_count(lanes) > 1
        });
    }
}

impl Lanes {
    /// Waits until some request has ended. How long is bounded by what the request may take.
    async fn wait(&self) -> Result<(), Fault> {
        struct Waiting<'w>(&'w AtomicUsize);
        impl Drop for Waiting<'_> {
            fn drop(&mut self) {
                self.0.fetch_sub(1, Ordering::Relaxed);
            }
        }
        let before = self.waiting.fetch_add(1, Ordering::Relaxed);
        let _waiting = Waiting(&self.waiting);
        if before >= WAITING_MAX {
            return Err(Fault::new(FaultKind::ConnectError, "too many requests wait for a place on its connections"));
        }
        self.freed.notified().await;
        Ok(())
    }
}
