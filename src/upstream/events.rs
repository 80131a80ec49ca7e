//! What happens to endpoints, as it is logged and told to whoever listens.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;
use tokio::sync::broadcast;

/// Events that wait for a slow listener; it is told how many of the oldest it missed.
const EVENTS_MAX: usize = 256;

/// What changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Change {
    /// Probes find a target down.
    Down,
    /// They find it well again.
    Up,
    /// It failed too many requests, and is left out for so long.
    Ejected(Duration),
    /// No target is fit: all are tried.
    Panic,
    /// One is fit again.
    Calm,
}

impl Change {
    /// Its name in events and metrics.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Down => "target_down",
            Self::Up => "target_up",
            Self::Ejected(_) => "target_ejected",
            Self::Panic => "upstream_panic",
            Self::Calm => "upstream_calm",
        }
    }
}

/// Something that happened to an upstream or one of its targets.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Event {
    /// The upstream's name.
    pub upstream: Arc<str>,
    /// The target's host and port, when it is about one.
    pub target: Option<Arc<str>>,
    /// What happened.
    pub change: Change,
}

/// The events of all upstreams of a process.
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
    /// Logs an event and tells it to all who listen; nobody is waited for.
    pub fn tell(&self, event: Event) {
        let Event { upstream, target, change } = &event;
        let target = target.as_deref().unwrap_or_default();
        match change {
            Change::Down => tracing::warn!(%upstream, target, "a target is down"),
            Change::Up => tracing::info!(%upstream, target, "a target is up again"),
            Change::Ejected(time) => {
                tracing::warn!(%upstream, target, seconds = time.as_secs_f64(), "a target is left out: it failed requests")
            }
            Change::Panic => tracing::warn!(%upstream, "no target is healthy: all are tried"),
            Change::Calm => tracing::info!(%upstream, "a target is healthy again"),
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
