//! Connections that wait for their next request: the one used last is used first, so that the others may grow old.

use super::wire::Wire;
use hashbrown::HashMap;
use parking_lot::Mutex;
use std::collections::VecDeque;
use std::net::SocketAddr;
use std::time::Duration;
use tokio::time::Instant;

/// Idle connections kept per address and worker.
const IDLE_MAX: usize = 1024;
/// How long a connection may wait; most servers keep theirs for a minute or more.
const IDLE_AGE_MAX: Duration = Duration::from_secs(55);

/// The idle connections of one worker, by address, so that they survive a reload. Only that worker takes the lock.
#[derive(Debug, Default)]
pub struct Pool {
    idle: Mutex<HashMap<SocketAddr, VecDeque<Idle>>>,
}

#[derive(Debug)]
struct Idle {
    wire: Wire,
    since: Instant,
}

impl Pool {
    /// The connection to an address that was used last.
    pub fn take(&self, address: SocketAddr) -> Option<Wire> {
        self.idle.lock().get_mut(&address)?.pop_back().map(|idle| idle.wire)
    }

    /// Keeps a connection that is ready for its next request.
    pub fn keep(&self, address: SocketAddr, wire: Wire) {
        let mut all = self.idle.lock();
        let idle = all.entry(address).or_default();
        if idle.len() >= IDLE_MAX {
            idle.pop_front();
        }
        idle.push_back(Idle { wire, since: Instant::now() });
    }

    /// Drops what has waited too long or was closed by the other side. Runs now and then.
    pub fn sweep(&self) {
        let now = Instant::now();
        self.idle.lock().retain(|_, idle| {
            idle.retain_mut(|idle| now.saturating_duration_since(idle.since) < IDLE_AGE_MAX && idle.wire.is_usable());
            !idle.is_empty()
        });
    }

    /// How many connections wait.
    #[must_use]
    pub fn len(&self) -> usize {
        self.idle.lock().values().map(VecDeque::len).sum()
    }

    /// True when none waits.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

#[cfg(test)]
mod tests {
    use super::{IDLE_AGE_MAX, Pool, Wire};
    use std::time::Duration;
    use tokio::net::{TcpListener, TcpStream};

    #[tokio::test]
    async fn what_the_other_side_closed_is_dropped_and_so_is_what_waited_too_long() {
        let (pool, listener) = (Pool::default(), TcpListener::bind("127.0.0.1:0").await.unwrap());
        let address = listener.local_addr().unwrap();
        for _ in 0..2 {
            pool.keep(address, Wire::begin(TcpStream::connect(address).await.unwrap()).await.unwrap());
        }
        let (closed, _open) = (listener.accept().await.unwrap(), listener.accept().await.unwrap());
        pool.sweep();
        assert_eq!(pool.len(), 2);
        drop(closed);
        let swept = async {
            while pool.len() > 1 {
                tokio::task::yield_now().await;
                pool.sweep();
            }
        };
        assert!(tokio::time::timeout(Duration::from_secs(20), swept).await.is_ok());
        tokio::time::pause();
        tokio::time::advance(IDLE_AGE_MAX).await;
        pool.sweep();
        assert!(pool.is_empty());
    }
}
