//! What happens to the gateway itself: told from wherever it happens, logged, kept for whoever looks later, and passed to
//! whoever listens.
//!
//! Nothing here is told per request, and whoever tells waits for nobody. Knows nothing of policies, requests and upstreams.

mod change;
pub mod post;
mod seldom;

#[cfg(test)]
mod tests;

pub use change::{Change, Kind};
pub use seldom::Seldom;

use crate::http::clock::{Clock, rfc3339};
use parking_lot::Mutex;
use serde::Serialize;
use serde::ser::SerializeStruct;
use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;
use tokio::sync::broadcast;

/// Events that are kept for those who look later at most; the oldest go first.
pub const KEPT_MAX: usize = 1_000;
/// The same in bytes of what there is to say of them.
const KEPT_BYTES_MAX: usize = 256 << 10;
/// Events that wait for a slow listener; it is told how many of the oldest it missed.
const WAITING_MAX: usize = 1_024;
/// The longest detail, in bytes; what is longer is cut.
const DETAIL_BYTES_MAX: usize = 8 << 10;

/// Something that happened.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Event {
    /// Its number, from 1; each is one more than the last.
    pub number: u64,
    /// What happened.
    pub change: Change,
    /// When, since the Unix epoch.
    pub at: Duration,
    /// Which of several gateways it happened to.
    pub instance: Arc<str>,
    /// What it happened to, by its name in the policy: an upstream, a limit, a store; `gateway` for the gateway itself.
    pub subject: Arc<str>,
    /// What there is to say of it, for people.
    pub detail: String,
}

impl Event {
    /// What it is about.
    #[must_use]
    pub fn kind(&self) -> Kind {
        self.change.kind()
    }
}

/// `{"event", "change", "at", "instance", "subject", "detail", "number"}`
impl Serialize for Event {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut members = serializer.serialize_struct("Event", 7)?;
        members.serialize_field("event", self.kind().name())?;
        members.serialize_field("change", self.change.name())?;
        members.serialize_field("at", &rfc3339(self.at))?;
        members.serialize_field("instance", &*self.instance)?;
        members.serialize_field("subject", &*self.subject)?;
        members.serialize_field("detail", &self.detail)?;
        members.serialize_field("number", &self.number)?;
        members.end()
    }
}

/// What is still known of events.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LookBack {
    /// How many there have been.
    pub told: u64,
    /// How many of those that were asked for, of whatever kind, are not kept any more.
    pub missed: u64,
    /// The others, oldest first.
    pub events: Vec<Arc<Event>>,
}

/// The events of a process.
#[derive(Debug)]
pub struct Events {
    instance: Arc<str>,
    kept: Mutex<Kept>,
    sender: broadcast::Sender<Arc<Event>>,
    lost: AtomicU64,
}

#[derive(Debug, Default)]
struct Kept {
    told: u64,
    last: VecDeque<Arc<Event>>,
    /// Bytes of their details.
    bytes: usize,
}

impl Kept {
    fn push(&mut self, event: Arc<Event>) {
        self.bytes += event.detail.len();
        self.last.push_back(event);
        while (self.last.len() > KEPT_MAX || self.bytes > KEPT_BYTES_MAX)
            && let Some(oldest) = self.last.pop_front()
        {
            self.bytes -= oldest.detail.len();
        }
    }
}

impl Default for Events {
    fn default() -> Self {
        Self::of("")
    }
}

impl Events {
    /// Those of a gateway that is called so.
    #[must_use]
    pub fn of(instance: &str) -> Self {
        let (instance, sender) = (instance.into(), broadcast::Sender::new(WAITING_MAX));
        Self { instance, kept: Mutex::default(), sender, lost: AtomicU64::new(0) }
    }

    /// What the gateway is called.
    #[must_use]
    pub fn instance(&self) -> &Arc<str> {
        &self.instance
    }

    /// Logs what happened, keeps it, and tells all who listen; nobody is waited for. Of what is no fault, the log has the first
    /// line of the detail; of a fault each as a record of its own, but those that are indented: they illustrate the one before.
    pub fn tell(&self, change: Change, subject: &str, detail: impl Into<String>) {
        let mut detail = detail.into();
        if detail.len() > DETAIL_BYTES_MAX {
            detail.truncate(detail.floor_char_boundary(DETAIL_BYTES_MAX));
            detail.push('…');
        }
        let event = change.name();
        if change.is_fault() {
            for line in detail.lines().filter(|line| !line.starts_with([' ', '\t'])) {
                tracing::warn!(event, subject, "{line}");
            }
        } else {
            tracing::info!(event, subject, "{}", detail.lines().next().unwrap_or_default());
        }
        let at = Clock::system().now();
        // Sent while the lock is held, so that listeners see the order of the numbers.
        let mut kept = self.kept.lock();
        kept.told += 1;
        let event =
            Arc::new(Event { number: kept.told, change, at, instance: Arc::clone(&self.instance), subject: subject.into(), detail });
        kept.push(Arc::clone(&event));
        // Nobody has to listen.
        let _ = self.sender.send(event);
    }

    /// Those kept whose number is above `since`, as with [`Self::recent`], and what there has been besides.
    #[must_use]
    pub fn look_back(&self, since: u64, kinds: &[Kind]) -> LookBack {
        let kept = self.kept.lock();
        let wanted = |event: &&Arc<Event>| event.number > since && (kinds.is_empty() || kinds.contains(&event.kind()));
        let before = kept.last.front().map_or(kept.told, |first| first.number - 1);
        LookBack {
            told: kept.told,
            missed: before.saturating_sub(since),
            events: kept.last.iter().filter(wanted).map(Arc::clone).collect(),
        }
    }

    /// Those kept whose number is above `since`, oldest first; of these kinds, or of all where none is named.
    #[must_use]
    pub fn recent(&self, since: u64, kinds: &[Kind]) -> Vec<Arc<Event>> {
        self.look_back(since, kinds).events
    }

    /// All events from now on.
    #[must_use]
    pub fn listen(&self) -> broadcast::Receiver<Arc<Event>> {
        self.sender.subscribe()
    }

    /// Counts events that a receiver of `events post` did not get.
    fn lose(&self, count: u64) {
        self.lost.fetch_add(count, Ordering::Relaxed);
    }

    /// How many events receivers of `events post` did not get: they were away for too long, or too slow.
    #[must_use]
    pub fn lost(&self) -> u64 {
        self.lost.load(Ordering::Relaxed)
    }

    /// How many there have been.
    #[must_use]
    pub fn told(&self) -> u64 {
        self.kept.lock().told
    }
}
