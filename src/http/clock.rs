//! Wall-clock time that follows tokio's clock, and so is virtual when that is paused.

use std::time::{Duration, SystemTime, UNIX_EPOCH};
use tokio::time::Instant;

/// A wall clock anchored to one instant of tokio's clock.
#[derive(Debug, Clone, Copy)]
pub struct Clock {
    anchor: Instant,
    anchored_at: Duration,
}

impl Clock {
    /// The machine's clock, anchored now. A step of the machine's clock afterwards is not followed: workers anchor anew.
    #[must_use]
    #[expect(clippy::disallowed_methods, reason = "the one place that reads the wall clock")]
    pub fn system() -> Self {
        Self::at(SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default())
    }

    /// A clock that shows `since_epoch` now.
    #[must_use]
    pub fn at(since_epoch: Duration) -> Self {
        Self { anchor: Instant::now(), anchored_at: since_epoch }
    }

    /// Time since the Unix epoch.
    #[must_use]
    pub fn now(&self) -> Duration {
        self.at_instant(Instant::now())
    }

    /// Time since the Unix epoch at an instant that was already read.
    #[must_use]
    pub fn at_instant(&self, instant: Instant) -> Duration {
        self.anchored_at + instant.saturating_duration_since(self.anchor)
    }
}
