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
            // Those that take no more requests end by themselves, and are in nobody's way.
            if lanes.open.lock().iter().filter(|(session, _)| self.fits(session, addresses)).count() >= CONNECTIONS_MAX {
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
        open.retain(|(session, _)| !session.is_over() && (session.streams() > 0 || self.fits(session, addresses)));
        let place = open.iter_mut().find_map(|(session, used)| {
            let place = self.fits(session, addresses).then(|| session.place()).flatten()?;
            *used = now;
            Some(place)
        })?;
        Some(Room { place, kept: true, _freed: Freed(Arc::clone(lanes)) })
    }

    /// True for a connection that may be given a request for one of the addresses.
    fn fits(&self, session: &Session, addresses: &[SocketAddr]) -> bool {
        addresses.contains(&session.address) && self.sweeps.load(Ordering::Relaxed).saturating_sub(session.made) < AGE_SWEEPS_MAX
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

#[cfg(test)]
mod tests {
    use super::super::super::link::Link;
    use super::super::super::tally::Tally;
    use super::{AGE_SWEEPS_MAX, CONNECTIONS_MAX, Ordering, Session, Sessions};
    use crate::http::Fault;
    use std::net::SocketAddr;
    use std::sync::Arc;
    use std::time::Duration;
    use tokio::net::{TcpListener, TcpStream};

    const LONG: Duration = Duration::from_secs(20);

    /// A connection to somebody who takes one request at a time, said to lead to an address.
    async fn session(address: SocketAddr, made: u64) -> Result<Session, Fault> {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let stream = TcpStream::connect(listener.local_addr().unwrap()).await.unwrap();
        let (other, _) = listener.accept().await.unwrap();
        tokio::spawn(async move {
            let mut connection = h2::server::Builder::new().max_concurrent_streams(1).handshake::<_, bytes::Bytes>(other).await.unwrap();
            while connection.accept().await.is_some() {}
        });
        Session::begin(Link::Plain(stream), address, made, Arc::<Tally>::default().connected()).await
    }

    #[tokio::test]
    async fn connections_that_take_no_more_requests_are_in_nobodys_way() {
        let (old, new): (SocketAddr, SocketAddr) = ("127.0.0.1:1".parse().unwrap(), "127.0.0.2:1".parse().unwrap());
        for idle in [true, false] {
            let sessions = Sessions::default();
            let mut held = Vec::new();
            for _ in 0..CONNECTIONS_MAX {
                held.push(sessions.room((0, 0), &[old], LONG, |made| session(old, made)).await.unwrap());
            }
            if idle {
                held.clear();
            }
            let room = tokio::time::timeout(LONG, sessions.room((0, 0), &[new], LONG, |made| session(new, made))).await;
            assert!(!room.expect("nobody waits for an address that has gone").unwrap().kept);
            let open = sessions.ways.lock()[&(0, 0)].open.lock().len();
            assert_eq!(open, if idle { 1 } else { CONNECTIONS_MAX + 1 });
            sessions.sweeps.store(AGE_SWEEPS_MAX, Ordering::Relaxed);
            let room = tokio::time::timeout(LONG, sessions.room((0, 0), &[old], LONG, |made| session(old, made))).await;
            assert!(!room.expect("nobody waits for what is too old").unwrap().kept);
        }
    }
}
