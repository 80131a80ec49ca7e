//! Connections that wait for their next request: the one used last is used first, so that the others may grow old.

use super::transport::TIDY_EVERY;
use super::wire::Wire;
use bytes::BytesMut;
use hashbrown::HashMap;
use parking_lot::Mutex;
use std::collections::VecDeque;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

/// Idle connections kept per address and worker.
const IDLE_MAX: usize = 1024;
/// Idle connections kept per worker.
const IDLE_TOTAL_MAX: usize = 8192;
/// How long a connection may wait; most servers keep theirs for a minute or more.
const IDLE_AGE_MAX: Duration = Duration::from_secs(55);
/// The same in sweeps.
const IDLE_SWEEPS_MAX: u64 = IDLE_AGE_MAX.as_secs() / TIDY_EVERY.as_secs();
/// How old a connection may grow, so that load moves to where an address has come to lead.
const AGE_MAX: Duration = Duration::from_secs(3600);
/// The same in sweeps.
const AGE_SWEEPS_MAX: u64 = AGE_MAX.as_secs() / TIDY_EVERY.as_secs();
/// Room of a buffer for heads, the most it may have to be kept, and how many are.
const BUFFER_BYTES: usize = 1 << 10;
const BUFFER_BYTES_MAX: usize = 16 << 10;
const BUFFERS_MAX: usize = 64;
/// The most room for answers that is kept, and how often.
const ROOM_BYTES_MAX: usize = 16 << 10;
const ROOMS_MAX: usize = 64;

/// Where connections lead that can stand in for each other: they are kept by this, so that they survive a reload.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Lane {
    /// The address.
    pub address: SocketAddr,
    /// What the handshake ran under, and the endpoint whose name was proved; zeros in plain text.
    pub proved: (u64, u64),
}

/// The idle connections of one worker. Only that worker takes the lock.
#[derive(Debug, Default)]
pub struct Pool {
    kept: Mutex<Kept>,
    rooms: Arc<Rooms>,
}

/// Room that connections read answers into. One has it from when something comes until it is free again: so it is mostly the
/// same room, which the processor has at hand.
#[derive(Debug, Default)]
pub struct Rooms(Mutex<Vec<BytesMut>>);

impl Rooms {
    /// Puts room in the place of none, when there is some.
    pub fn lend(&self, room: &mut BytesMut) {
        if room.capacity() == 0
            && let Some(kept) = self.0.lock().pop()
        {
            *room = kept;
        }
    }

    /// Takes back empty room, unless it is large.
    pub fn give(&self, room: &mut BytesMut) {
        let room = std::mem::take(room);
        if (1..=ROOM_BYTES_MAX).contains(&room.capacity()) {
            let mut kept = self.0.lock();
            if kept.len() < ROOMS_MAX {
                kept.push(room);
            }
        }
    }
}

#[derive(Debug, Default)]
struct Kept {
    idle: HashMap<Lane, VecDeque<Idle>>,
    count: usize,
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
    /// The connection of a lane that was used last and is still open; `once` for a request that cannot be sent again if it
    /// turns out not to be.
    pub fn take(&self, lane: Lane, once: bool) -> Option<Box<Wire>> {
        let mut kept = self.kept.lock();
        let Kept { idle, count, .. } = &mut *kept;
        let idle = idle.get_mut(&lane)?;
        while let Some(mut last) = idle.pop_back() {
            *count -= 1;
            if if once { last.wire.is_usable_once() } else { last.wire.is_usable() } {
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

    /// Room for answers.
    #[must_use]
    pub fn rooms(&self) -> &Arc<Rooms> {
        &self.rooms
    }

    /// How often what is idle was swept.
    #[must_use]
    pub fn sweeps(&self) -> u64 {
        self.kept.lock().sweeps
    }

    /// Keeps a connection that is ready for its next request, unless it is old, and the buffer it used, unless that has
    /// grown large.
    pub fn keep(&self, lane: Lane, wire: Box<Wire>, mut buffer: Vec<u8>) {
        let mut kept = self.kept.lock();
        let since = kept.sweeps;
        if since - wire.made() < AGE_SWEEPS_MAX && kept.count < IDLE_TOTAL_MAX {
            kept.count += 1;
            let idle = kept.idle.entry(lane).or_default();
            idle.push_back(Idle { wire, since });
            if idle.len() > IDLE_MAX {
                idle.pop_front();
                kept.count -= 1;
            }
        }
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
        kept.count = kept.idle.values().map(VecDeque::len).sum();
    }

    /// How many connections wait.
    #[must_use]
    pub fn len(&self) -> usize {
        self.kept.lock().count
    }

    /// True when none waits.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

#[cfg(test)]
mod tests {
    use super::{AGE_SWEEPS_MAX, IDLE_SWEEPS_MAX, Lane, Pool, ROOM_BYTES_MAX, ROOMS_MAX, Rooms, Wire};
    use crate::upstream::link::Link;
    use crate::upstream::tally::Tally;
    use bytes::BytesMut;
    use std::sync::Arc;
    use std::time::Duration;
    use tokio::net::{TcpListener, TcpStream};

    #[tokio::test]
    async fn what_the_other_side_closed_is_dropped_and_so_is_what_waited_too_long() {
        let (pool, listener) = (Pool::default(), TcpListener::bind("127.0.0.1:0").await.unwrap());
        let lane = Lane { address: listener.local_addr().unwrap(), proved: (0, 0) };
        for _ in 0..2 {
            let wire =
                Wire::begin(Link::Plain(TcpStream::connect(lane.address).await.unwrap()), &pool, Arc::<Tally>::default().connected());
            pool.keep(lane, Box::new(wire), Vec::new());
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

    #[tokio::test]
    async fn what_was_closed_just_now_is_not_for_a_request_that_goes_out_once() {
        let (pool, listener) = (Pool::default(), std::net::TcpListener::bind("127.0.0.1:0").unwrap());
        let lane = Lane { address: listener.local_addr().unwrap(), proved: (0, 0) };
        for once in [true, false] {
            let link = Link::Plain(TcpStream::connect(lane.address).await.unwrap());
            let other = listener.accept().unwrap();
            let mut wire = Box::new(Wire::begin(link, &pool, Arc::<Tally>::default().connected()));
            assert!(wire.is_usable_once());
            pool.keep(lane, wire, Vec::new());
            // Nothing waits from here on, so the runtime does not look.
            drop(other);
            assert_eq!(pool.take(lane, once).is_none(), once);
        }
    }

    #[tokio::test]
    async fn what_has_grown_old_is_not_kept_and_lanes_do_not_mix() {
        let (pool, listener) = (Pool::default(), TcpListener::bind("127.0.0.1:0").await.unwrap());
        let lane = Lane { address: listener.local_addr().unwrap(), proved: (0, 0) };
        let connect = async || {
            Box::new(Wire::begin(Link::Plain(TcpStream::connect(lane.address).await.unwrap()), &pool, Arc::<Tally>::default().connected()))
        };
        let (young, old) = (connect().await, connect().await);
        pool.keep(lane, young, Vec::new());
        assert!(pool.take(Lane { proved: (1, 1), ..lane }, false).is_none());
        let young = pool.take(lane, false).unwrap();
        (0..AGE_SWEEPS_MAX - 1).for_each(|_| pool.sweep());
        pool.keep(lane, young, Vec::new());
        assert_eq!(pool.len(), 1);
        pool.sweep();
        pool.keep(lane, old, Vec::new());
        assert_eq!(pool.len(), 1);
    }

    #[test]
    fn room_that_one_gives_back_is_lent_to_the_next_but_none_that_is_large() {
        let rooms = Rooms::default();
        let lent_after = |bytes: usize| {
            let mut room = BytesMut::with_capacity(bytes);
            rooms.give(&mut room);
            assert_eq!(room.capacity(), 0);
            rooms.lend(&mut room);
            room.capacity()
        };
        assert_eq!(lent_after(ROOM_BYTES_MAX), ROOM_BYTES_MAX);
        assert_eq!((lent_after(ROOM_BYTES_MAX + 1), lent_after(0)), (0, 0));
        (0..2 * ROOMS_MAX).for_each(|_| rooms.give(&mut BytesMut::with_capacity(1)));
        assert_eq!(rooms.0.lock().len(), ROOMS_MAX);
        // What is in use already stays.
        let mut used = BytesMut::from("an answer".as_bytes());
        rooms.lend(&mut used);
        assert_eq!(used, "an answer");
    }
}
