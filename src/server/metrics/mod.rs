//! What the gateway counts of itself, and how it is read: by Prometheus as text, by the admin API as JSON.
//!
//! Each worker counts in a [`Shard`] of its own, by the names of routes; upstreams, limits and caches count where they are.
//! Reading adds up what there is. A reload changes nothing of it: what keeps its name goes on counting.

mod catalogue;
mod lateness;
mod minute;
mod process;
mod read;
mod shard;
mod summary;
mod text;
mod write;

pub use catalogue::{FAMILIES, Family, Kind};
pub use lateness::watch;
pub use shard::{Answered, Counts, Entered, Shard, Sheet};
pub use write::Format;

use super::worker::Shared;
use crate::http::Clock;
use minute::Minute;
use parking_lot::Mutex;
use serde_json::Value as Json;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread::JoinHandle;
use std::time::Duration;

/// What a process counts.
pub struct Hub {
    shards: Mutex<Vec<Arc<Shard>>>,
    minute: Mutex<Minute>,
    /// When the process began, since 1970.
    began: Duration,
    generation: AtomicU64,
    reloads: [AtomicU64; 2],
}

impl Default for Hub {
    fn default() -> Self {
        Self {
            shards: Mutex::default(),
            minute: Mutex::default(),
            began: Clock::system().now(),
            generation: AtomicU64::new(1),
            reloads: [AtomicU64::new(0), AtomicU64::new(0)],
        }
    }
}

impl Hub {
    /// The counts of one more worker.
    #[must_use]
    pub fn shard(&self) -> Arc<Shard> {
        let shard = Arc::<Shard>::default();
        self.shards.lock().push(Arc::clone(&shard));
        shard
    }

    /// The number of the policy in force.
    pub fn in_force(&self, generation: u64) {
        self.generation.store(generation, Ordering::Relaxed);
    }

    /// A policy was put in force, or refused.
    pub fn reloaded(&self, applied: bool) {
        if let Some(cell) = self.reloads.get(usize::from(!applied)) {
            cell.fetch_add(1, Ordering::Relaxed);
        }
    }
}

/// The way to read what a server counts.
#[derive(Clone)]
pub struct Metrics(Arc<Shared>);

impl Metrics {
    /// Those of a server.
    #[must_use]
    pub(super) fn of(shared: &Arc<Shared>) -> Self {
        Self(Arc::clone(shared))
    }

    /// All of it in a format of Prometheus.
    #[must_use]
    pub fn text(&self, format: Format) -> String {
        text::text(&self.0, format)
    }

    /// The main figures by route, upstream, limit and cache, as `/admin/metrics` has them.
    #[must_use]
    pub fn summary(&self) -> Json {
        summary::summary(&self.0)
    }
}

/// Starts the thread that notes now and then what was counted, so that the last minute is known. It ends with the process.
///
/// # Errors
/// When it cannot be started.
pub(super) fn start(shared: Arc<Shared>) -> std::io::Result<JoinHandle<std::io::Result<()>>> {
    std::thread::Builder::new().name("gate-metrics".to_owned()).spawn(move || {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build()?;
        runtime.block_on(shared.stop.run_until_cancelled(async {
            loop {
                tokio::time::sleep(minute::STEP).await;
                let times = read::times(&shared);
                shared.metrics.minute.lock().note(times);
            }
        }));
        Ok(())
    })
}

#[cfg(test)]
mod tests;
