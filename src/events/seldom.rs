//! What would happen for every request is told once in a while.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

/// How often it may be told.
const EVERY: u64 = 60_000;

/// Lets one through within a minute, of all who ask at once.
#[derive(Debug, Default)]
pub struct Seldom {
    /// When, in milliseconds since the epoch; 0 is never.
    last_ms: AtomicU64,
}

impl Seldom {
    /// True when it is time. A clock that was set back counts as time that has passed.
    pub fn is_due(&self, since_epoch: Duration) -> bool {
        let now = u64::try_from(since_epoch.as_millis()).unwrap_or(u64::MAX).max(1);
        let last = self.last_ms.load(Ordering::Relaxed);
        let due = last == 0 || now >= last.saturating_add(EVERY) || now < last;
        due && self.last_ms.compare_exchange(last, now, Ordering::Relaxed, Ordering::Relaxed).is_ok()
    }
}

#[cfg(test)]
mod tests {
    use super::Seldom;
    use std::time::Duration;

    #[test]
    fn it_is_due_once_a_minute_and_when_the_clock_was_set_back() {
        let seldom = Seldom::default();
        let due = [1, 2, 60, 61, 62, 120, 121, 5, 6, 65].map(|second| seldom.is_due(Duration::from_secs(second)));
        assert_eq!(due, [true, false, false, true, false, false, true, true, false, true]);
    }
}
