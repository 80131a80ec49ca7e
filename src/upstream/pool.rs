//! Connections that wait for their next request: the one used last is used first, so that the others may grow old.

use super::transport::TIDY_EVERY;
use super::wire::Wire;
use hashbrown::HashMap;
use parking_lot::Mutex;
use std::collections::VecDeque;
use std::net::SocketAddr;
use std::time::Duration;

/// Idle connections kept per address and worker.
const IDLE_MAX: usize = 1024;
/// How long a connection may wait; most servers keep theirs for a minute or more.
const IDLE_AGE_MAX: Duration = Duration::from_secs(55);
/// The same in sweeps.
const IDLE_SWEEPS_MAX: u64 = IDLE_AGE_MAX.as_secs() / TIDY_EVERY.as_secs();
/// Room of a buffer for heads, the most it may have to be kept, and how many are.
const BUFFER_BYTES: usize = 1 << 10;
const BUFFER_BYTES_MAX: usize = 16 << 10;
const BUFFERS_MAX: usize = 64;

/// The idle connections of one worker, by address, so that they survive a reload. Only that worker takes the lock.
#[derive(Debug, Default)]
pub struct Pool {
    kept: Mutex<Kept>,
}

#[derive(Debug, Default)]
struct Kept {
    idle: HashMap<SocketAddr, VecDeque<Idle>>,
    /// Buffers in which heads are written.
    buffers: Vec<Vec<u8>>,
    sweeps: u64,
}

#[derive(Debug)]
struct Idle {
    wire: Box<Wire>,
    /// The sweep after which it began to wait: cheaper than the time.
    since: u64,
}

impl Pool {
    /// The connection to an address that was used last and is still open.
    pub fn take(&self, address: SocketAddr) -> Option<Box<Wire>> {
        let mut kept = self.kept.lock();
        let idle = kept.idle.get_mut(&address)?;
        while let Some(mut last) = idle.pop_back() {
            if last.wire.is_usable() {
                return Some(last.wire);
            }
        }
        None
    }

    /// An empty buffer.
    #[must_use]
    pub fn buffer(&self) -> Vec<u8> {
        self.kept.lock().buffers.pop().unwrap_or_else(|| Vec::with_capacity(BUFFER_BYTES))
    }

    /// Keeps a connection that is ready for its next request, and the buffer it used, unless that has grown large.
    pub fn keep(&self, address: SocketAddr, wire: Box<Wire>, mut buffer: Vec<u8>) {
        let mut kept = self.kept.lock();
        let since = kept.sweeps;
        let idle = kept.idle.entry(address).or_default();
        if idle.len() >= IDLE_MAX {
            idle.pop_front();
        }
        idle.push_back(Idle { wire, since });
        if buffer.capacity() <= BUFFER_BYTES_MAX && kept.buffers.len() < BUFFERS_MAX {
            buffer.clear();
            kept.buffers.push(buffer);
        }
    }

    /// Drops what has waited too long or was closed by the other side.
    pub fn sweep(&self) {
        let mut kept = self.kept.lock();
        kept.sweeps += 1;
        let now = kept.sweeps;
        kept.idle.retain(|_, idle| {
            idle.retain_mut(|idle| now - idle.since <= IDLE_SWEEPS_MAX && idle.wire.is_usable());
            !idle.is_empty()
        });
    }

    /// How many connections wait.
    #[must_use]
    pub fn len(&self) -> usize {
        self.kept.lock().idle.values().map(VecDeque::len).sum()
    }

    /// True when none waits.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

#[cfg(test)]
mod tests {
    use super::{IDLE_SWEEPS_MAX, Pool, Wire};
    use std::time::Duration;
    use tokio::net::{TcpListener, TcpStream};

    #[tokio::test]
    async fn what_the_other_side_closed_is_dropped_and_so_is_what_waited_too_long() {
        let (pool, listener) = (Pool::default(), TcpListener::bind("127.0.0.1:0").await.unwrap());
        let address = listener.local_addr().unwrap();
        for _ in 0..2 {
            let wire = Wire::begin(TcpStream::connect(address).await.unwrap()).unwrap();
            pool.keep(address, Box::new(wire), Vec::new());
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
        for _ in 0..=IDLE_SWEEPS_MAX {
            pool.sweep();
        }
        assert!(pool.is_empty());
    }
}
