//! What happens to stores, as it is logged and told to whoever listens.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use tokio::sync::broadcast;

/// Events that wait for a slow listener; it is told how many of the oldest it missed.
const EVENTS_MAX: usize = 64;

/// What changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Change {
    /// It does not answer: its limits are under `on_failure`.
    Down,
    /// It answers again.
    Up,
}

impl Change {
    /// Its name in events and metrics.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Down => "store_down",
            Self::Up => "store_up",
        }
    }
}

/// Something that happened to a store.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Event {
    /// The store's name.
    pub store: Arc<str>,
    /// What happened.
    pub change: Change,
}

/// The events of all stores of a process.
#[derive(Debug)]
pub struct Events {
    sender: broadcast::Sender<Event>,
    told: AtomicU64,
}

impl Default for Events {
    fn default() -> Self {
        Self { sender: broadcast::Sender::new(EVENTS_MAX), told: AtomicU64::new(0) }
    }
}

impl Events {
    /// Logs an event, with the reason, and tells it to all who listen; nobody is waited for.
    pub fn tell(&self, event: Event, reason: &str) {
        let store = &event.store;
        match event.change {
            Change::Down => tracing::warn!(%store, reason, "a store is down"),
            Change::Up => tracing::info!(%store, "a store is up again"),
        }
        self.told.fetch_add(1, Ordering::Relaxed);
        // Nobody has to listen.
        let _ = self.sender.send(event);
    }

    /// All events from now on.
    #[must_use]
    pub fn listen(&self) -> broadcast::Receiver<Event> {
        self.sender.subscribe()
    }

    /// How many there have been.
    #[must_use]
    pub fn told(&self) -> u64 {
        self.told.load(Ordering::Relaxed)
    }
}
