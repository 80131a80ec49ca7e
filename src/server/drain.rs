//! The connections that a worker has of one listener, and how they are brought to their end.

use hashbrown::HashMap;
use parking_lot::Mutex;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::task::{Context, Waker};
use std::time::Duration;
use tokio::sync::Notify;
use tokio::task::yield_now;
use tokio::time::timeout;

/// Turns of the runtime before idle connections are closed: those whose request has come, but was not yet looked at, are
/// not idle.
const TURNS: usize = 4;

/// The connections that one worker has of one listener.
#[derive(Debug, Default)]
pub struct Connections {
    ending: AtomicBool,
    draining: AtomicBool,
    next: AtomicU64,
    open: Mutex<HashMap<u64, Option<Waker>>>,
    none_left: Notify,
}

impl Connections {
    /// A connection begins; it is one of them until the ticket is dropped.
    #[must_use]
    pub fn enter(self: &Arc<Self>) -> Ticket {
        let number = self.next.fetch_add(1, Ordering::Relaxed);
        self.open.lock().insert(number, None);
        Ticket { connections: Arc::clone(self), number, watched: AtomicBool::new(false) }
    }

    /// Has replies say from now on that their connection ends with them: before the listeners are closed, so that nobody who
    /// has seen that is promised a further request. Connections of HTTP/2 say it at once.
    pub fn announce(&self) {
        self.ending.store(true, Ordering::Relaxed);
        self.wake();
    }

    fn wake(&self) {
        let wakers: Vec<Waker> = self.open.lock().values().flatten().cloned().collect();
        wakers.into_iter().for_each(Waker::wake);
    }

    /// How many are open.
    #[must_use]
    pub fn open(&self) -> usize {
        self.open.lock().len()
    }

    /// Has every connection end, and waits for that: where something runs, once it is finished; where nothing does, when that
    /// has been so for a while. A client that asks until then is answered, and told with it.
    pub async fn end(&self, patience: Duration) {
        self.announce();
        if timeout(patience, self.none_left()).await.is_ok() {
            return;
        }
        for _ in 0..TURNS {
            yield_now().await;
        }
        self.draining.store(true, Ordering::Relaxed);
        self.wake();
        self.none_left().await;
    }

    /// Waits until none is open. One may wait at a time.
    async fn none_left(&self) {
        while self.open() > 0 {
            self.none_left.notified().await;
        }
    }
}

/// One open connection.
#[derive(Debug)]
pub struct Ticket {
    connections: Arc<Connections>,
    number: u64,
    watched: AtomicBool,
}

impl Ticket {
    /// True once the end was announced.
    #[must_use]
    pub fn is_ending(&self) -> bool {
        self.connections.ending.load(Ordering::Relaxed)
    }

    /// True once idle connections are closed.
    #[must_use]
    pub fn is_draining(&self) -> bool {
        self.connections.draining.load(Ordering::Relaxed)
    }

    /// Has the connection's task woken when the end is announced, and when idle connections are closed. A task keeps its waker, so once is enough.
    pub fn watch(&self, cx: &Context<'_>) {
        if !self.watched.swap(true, Ordering::Relaxed) {
            self.connections.open.lock().insert(self.number, Some(cx.waker().clone()));
        }
    }
}

impl Drop for Ticket {
    fn drop(&mut self) {
        let mut open = self.connections.open.lock();
        open.remove(&self.number);
        if open.is_empty() {
            self.connections.none_left.notify_one();
        }
    }
}
