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

/// A time since the Unix epoch by RFC 3339, in UTC with milliseconds; the calendar by Howard Hinnant's `civil_from_days`.
#[must_use]
pub fn rfc3339(since_epoch: Duration) -> String {
    let seconds = since_epoch.as_secs();
    let (days, of_day) = (seconds / 86_400, seconds % 86_400);
    let z = days + 719_468;
    let (era, of_era) = (z / 146_097, z % 146_097);
    let year_of_era = (of_era - of_era / 1_460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let shifted = (5 * of_year + 2) / 153;
    let day = of_year - (153 * shifted + 2) / 5 + 1;
    let month = if shifted < 10 { shifted + 3 } else { shifted - 9 };
    let year = year_of_era + era * 400 + u64::from(month <= 2);
    let (hour, minute, second) = (of_day / 3_600, of_day / 60 % 60, of_day % 60);
    format!("{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}.{:03}Z", since_epoch.subsec_millis())
}

#[cfg(test)]
mod tests {
    use super::rfc3339;
    use std::time::Duration;

    #[test]
    fn timestamps_are_rfc_3339() {
        assert_eq!(rfc3339(Duration::from_millis(1_800_000_000_250)), "2027-01-15T08:00:00.250Z");
        assert_eq!(rfc3339(Duration::from_secs(951_782_400)), "2000-02-29T00:00:00.000Z");
        assert_eq!(rfc3339(Duration::ZERO), "1970-01-01T00:00:00.000Z");
    }
}
