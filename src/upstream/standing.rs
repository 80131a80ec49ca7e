//! How an endpoint stands: probed, ejected, lately joined, how fast. Read for every request, without a lock.

use super::health::Tally;
use parking_lot::Mutex;
use std::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, Ordering};
use std::time::Duration;
use tokio::time::Instant;

/// How long an endpoint that joins is spared.
pub const SLOW_START: Duration = Duration::from_secs(30);
/// A whole weight, and what an endpoint gets of its weight when it joins.
pub const WHOLE: u64 = 1 << 10;
const FIRST: u64 = WHOLE / 10;
/// How much longer than the first time an endpoint may be ejected.
const TIMES_MAX: u32 = 10;
/// What is known of an endpoint's speed counts half after this long.
const HALF_LIFE: Duration = Duration::from_secs(10);
/// The longest answer that is told from a longer one, in microseconds: a bit more than four minutes.
const LATENCY_MAX: u64 = (1 << LATENCY_BITS) - 1;
const LATENCY_BITS: u32 = 28;

/// The standing of one endpoint. Times are milliseconds since it began, from 1; 0 is never.
#[derive(Debug)]
pub struct Standing {
    began: Instant,
    down: AtomicBool,
    /// Probes, by the one who probes.
    tally: Mutex<Tally>,
    /// Requests in a row that failed.
    failures: AtomicU32,
    ejected_until: AtomicU64,
    ejections: AtomicU32,
    joined: AtomicU64,
    /// How long answers take, in microseconds, beside when that was measured.
    latency: AtomicU64,
}

impl Default for Standing {
    fn default() -> Self {
        Self {
            began: Instant::now(),
            down: AtomicBool::new(false),
            tally: Mutex::default(),
            failures: AtomicU32::new(0),
            ejected_until: AtomicU64::new(0),
            ejections: AtomicU32::new(0),
            joined: AtomicU64::new(0),
            latency: AtomicU64::new(0),
        }
    }
}

impl Standing {
    fn now(&self) -> u64 {
        1 + millis(self.began.elapsed())
    }

    /// True when it may be asked: no probe found it down, and it is not ejected.
    #[must_use]
    pub fn is_fit(&self) -> bool {
        !self.down.load(Ordering::Relaxed) && !self.is_ejected()
    }

    /// True while probes find it down.
    #[must_use]
    pub fn is_down(&self) -> bool {
        self.down.load(Ordering::Relaxed)
    }

    /// True while it is ejected.
    #[must_use]
    pub fn is_ejected(&self) -> bool {
        let until = self.ejected_until.load(Ordering::Relaxed);
        until != 0 && self.now() < until
    }

    /// It joins others that have long been at work, or comes back to them: for a while it gets less than its share.
    pub fn join(&self) {
        self.joined.store(self.now(), Ordering::Relaxed);
    }

    /// What it gets of its weight now, of [`WHOLE`].
    #[must_use]
    pub fn share(&self) -> u64 {
        let joined = self.joined.load(Ordering::Relaxed);
        if joined == 0 {
            return WHOLE;
        }
        let (passed, whole) = (self.now().saturating_sub(joined), millis(SLOW_START));
        if passed >= whole {
            self.joined.store(0, Ordering::Relaxed);
            return WHOLE;
        }
        FIRST + (WHOLE - FIRST) * passed / whole
    }

    /// Notes a probe; true when its verdict changed.
    pub fn probed(&self, good: bool, config: &super::health::Config) -> bool {
        let down = self.tally.lock().note(good, self.is_down(), config);
        if down == self.down.swap(down, Ordering::Relaxed) {
            return false;
        }
        if !down {
            self.join();
        }
        true
    }

    /// Nobody probes it any more.
    pub fn not_probed(&self) {
        if self.down.swap(false, Ordering::Relaxed) {
            *self.tally.lock() = Tally::default();
        }
    }

    /// A request succeeded.
    pub fn succeeded(&self) {
        if self.failures.load(Ordering::Relaxed) != 0 {
            self.failures.store(0, Ordering::Relaxed);
        }
    }

    /// A request failed: how many have in a row.
    pub fn failed(&self) -> u32 {
        self.failures.fetch_add(1, Ordering::Relaxed).saturating_add(1)
    }

    /// Begins to count failures anew.
    pub fn forgive(&self) {
        self.failures.store(0, Ordering::Relaxed);
    }

    /// Ejects it, each further time for as much longer; a time that it has stayed in since takes one back. For how long.
    pub fn eject(&self, first: Duration) -> Duration {
        let (now, until) = (self.now(), self.ejected_until.load(Ordering::Relaxed));
        let calm = now.saturating_sub(until) / millis(first).max(1);
        let before = self.ejections.load(Ordering::Relaxed).saturating_sub(u32::try_from(calm).unwrap_or(u32::MAX));
        let times = (before + 1).min(TIMES_MAX);
        let time = first.saturating_mul(times);
        self.ejections.store(times, Ordering::Relaxed);
        self.ejected_until.store(now.saturating_add(millis(time)), Ordering::Relaxed);
        self.forgive();
        time
    }

    /// How long its answers lately took, in microseconds: the longer nobody asked, the less is held against it. `None` before
    /// the first one.
    #[must_use]
    pub fn latency(&self) -> Option<u64> {
        let (micros, at) = unpacked(self.latency.load(Ordering::Relaxed));
        let halves = self.now().saturating_sub(at) / millis(HALF_LIFE);
        (at != 0).then(|| (micros >> halves.min(63)).max(1))
    }

    /// Notes how long an answer took.
    pub fn answered(&self, took: Duration) {
        let sample = u64::try_from(took.as_micros()).unwrap_or(u64::MAX).clamp(1, LATENCY_MAX);
        // One of several that end at once may be lost.
        let smooth = self.latency().map_or(sample, |before| (before * 7 + sample) / 8);
        self.latency.store(packed(smooth.max(1), self.now()), Ordering::Relaxed);
    }

    /// Notes that no answer came: an endpoint that fails at once is not a fast one.
    pub fn unanswered(&self, took: Duration) {
        let slow = self.latency().map_or(Duration::ZERO, |micros| Duration::from_micros(micros.saturating_mul(8)));
        self.answered(took.max(slow).max(Duration::from_millis(100)));
    }
}

fn packed(micros: u64, at: u64) -> u64 {
    (at << LATENCY_BITS) | micros.min(LATENCY_MAX)
}

fn unpacked(latency: u64) -> (u64, u64) {
    (latency & LATENCY_MAX, latency >> LATENCY_BITS)
}

fn millis(time: Duration) -> u64 {
    u64::try_from(time.as_millis()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::{Standing, WHOLE};
    use std::time::Duration;
    use tokio::time::advance;

    const SECOND: Duration = Duration::from_secs(1);

    #[tokio::test(start_paused = true)]
    async fn who_joins_gets_more_and_more_of_its_share() {
        let standing = Standing::default();
        assert_eq!(standing.share(), WHOLE);
        standing.join();
        let mut shares = vec![standing.share()];
        for _ in 0..3 {
            advance(10 * SECOND).await;
            shares.push(standing.share());
        }
        assert_eq!(shares, [102, 409, 716, 1024]);
    }

    #[tokio::test(start_paused = true)]
    async fn who_is_ejected_again_and_again_stays_out_longer_and_longer() {
        let standing = Standing::default();
        assert_eq!(standing.eject(10 * SECOND), 10 * SECOND);
        assert!(!standing.is_fit());
        advance(10 * SECOND).await;
        assert!(standing.is_fit());
        assert_eq!(standing.eject(10 * SECOND), 20 * SECOND);
        advance(20 * SECOND).await;
        assert_eq!(standing.eject(10 * SECOND), 30 * SECOND);
        advance(30 * SECOND + 25 * SECOND).await;
        assert_eq!(standing.eject(10 * SECOND), 20 * SECOND);
        advance(1_000 * SECOND).await;
        assert_eq!(standing.eject(10 * SECOND), 10 * SECOND);
    }

    #[tokio::test(start_paused = true)]
    async fn what_is_known_of_its_speed_fades() {
        let standing = Standing::default();
        assert_eq!(standing.latency(), None);
        standing.answered(Duration::from_millis(80));
        standing.answered(Duration::from_millis(160));
        assert_eq!(standing.latency(), Some(90_000));
        advance(10 * SECOND).await;
        assert_eq!(standing.latency(), Some(45_000));
        standing.unanswered(Duration::ZERO);
        assert!(standing.latency() > Some(80_000));
    }
}
