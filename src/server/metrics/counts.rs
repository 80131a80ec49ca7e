//! The counts of one route.

use crate::meter::{Codes, CodesRead, Histogram, Timed, add};
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};
use std::time::Duration;

/// What the cache says of a request.
pub const VERDICTS: [&str; 5] = ["hit", "miss", "stale", "revalidated", "bypass"];

/// Cells of times that are kept of what came last, so that it fills a line of the processor's cache.
const RECENT_MAX: usize = 12;

/// The counts of one route. One thread counts or [settles](Self::settle) at a time; all may read.
#[derive(Debug, Default)]
#[repr(C, align(64))]
pub struct Counts {
    recent: Recent,
    /// Bytes of the bodies of requests.
    pub received: AtomicU64,
    /// Bytes of the bodies of replies.
    pub sent: AtomicU64,
    /// Requests by the status of their reply.
    pub codes: Codes,
    /// How long they took, to the end of the reply.
    pub times: Histogram,
    /// Requests by what the cache said, in the order of [`VERDICTS`].
    pub cache: [AtomicU64; VERDICTS.len()],
}

/// What is counted of a request.
#[derive(Debug, Clone, Copy)]
pub struct Seen {
    /// How it was answered, unless that is counted already.
    pub answered: Option<Answered>,
    /// Bytes of its body.
    pub received: u64,
    /// Bytes of its reply's body.
    pub sent: u64,
}

/// How a request was answered.
#[derive(Debug, Clone, Copy)]
pub struct Answered {
    /// The status.
    pub status: u16,
    /// How long it took, to the end of the reply.
    pub took: Duration,
    /// What the cache said.
    pub cache: Option<&'static str>,
}

impl Counts {
    /// Counts a request.
    pub fn count(&self, seen: &Seen) {
        match *seen {
            Seen { answered: Some(Answered { status: 200, took, cache: None }), received: 0, sent } => {
                let timed = Timed::of(took);
                if !self.recent.take(timed, sent) {
                    self.settle();
                    self.recent.take(timed, sent);
                }
            }
            Seen { answered, received, sent } => {
                if let Some(Answered { status, took, cache }) = answered {
                    self.codes.count(status);
                    self.times.count(took);
                    if let Some(verdict) = cache {
                        self.verdict(verdict);
                    }
                }
                add(&self.sent, sent);
                add(&self.received, received);
            }
        }
    }

    fn verdict(&self, verdict: &str) {
        if let Some(cell) = VERDICTS.iter().position(|known| *known == verdict).and_then(|at| self.cache.get(at)) {
            add(cell, 1);
        }
    }

    /// Adds what came last to what is read.
    pub fn settle(&self) {
        let Recent { sent, nanos, times } = &self.recent;
        let mut count = 0;
        let counted = times.iter().map(|time| Kept::of(time.load(Ordering::Relaxed))).filter(|kept| kept.count > 0);
        let counted = counted.map(|kept| (kept.cell, u64::from(kept.count))).inspect(|(_, times)| count += times);
        self.times.add(counted, nanos.load(Ordering::Relaxed));
        self.codes.add_ok(count);
        add(&self.sent, sent.load(Ordering::Relaxed));
        times.iter().for_each(|time| time.store(0, Ordering::Relaxed));
        nanos.store(0, Ordering::Relaxed);
        sent.store(0, Ordering::Relaxed);
    }

    /// Adds what was counted elsewhere.
    pub fn take_in(&self, gone: &Self) {
        gone.settle();
        self.codes.take_in(&gone.codes);
        self.times.take_in(&gone.times);
        let bytes = [(&self.received, &gone.received), (&self.sent, &gone.sent)];
        for (sum, cell) in bytes.into_iter().chain(self.cache.iter().zip(&gone.cache)) {
            add(sum, cell.load(Ordering::Relaxed));
        }
    }

    /// True when nobody was answered, so far as is settled.
    #[must_use]
    pub fn is_unused(&self) -> bool {
        let mut codes = CodesRead::default();
        codes.add(&self.codes);
        codes.total() == 0
    }
}

/// Requests that went as most do: answered with 200, without a body of their own, and no cache said anything. The counts
/// themselves stand in several lines of memory, which of ten thousand routes are never near; this is one line.
#[derive(Debug, Default)]
struct Recent {
    sent: AtomicU64,
    nanos: AtomicU64,
    times: [AtomicU32; RECENT_MAX],
}

/// A cell of times and how often it came, in 32 bits.
#[derive(Debug, Clone, Copy)]
struct Kept {
    cell: u16,
    count: u16,
}

impl Kept {
    fn of(bits: u32) -> Self {
        Self { cell: (bits >> 16) as u16, count: bits as u16 }
    }

    fn bits(self) -> u32 {
        u32::from(self.cell) << 16 | u32::from(self.count)
    }
}

impl Recent {
    /// Takes a request, where there is room.
    fn take(&self, Timed { cell, nanos }: Timed, sent: u64) -> bool {
        for time in &self.times {
            let kept = Kept::of(time.load(Ordering::Relaxed));
            if kept.count > 0 && kept.cell != cell {
                continue;
            }
            let Some(count) = kept.count.checked_add(1) else { return false };
            time.store(Kept { cell, count }.bits(), Ordering::Relaxed);
            add(&self.nanos, nanos);
            add(&self.sent, sent);
            return true;
        }
        false
    }
}

#[cfg(test)]
mod tests {
    use super::{Answered, Counts, RECENT_MAX, Recent, Seen};
    use crate::meter::{CodesRead, Distribution};
    use std::sync::atomic::Ordering::Relaxed;
    use std::time::Duration;

    fn seen(micros: u64) -> Seen {
        Seen { answered: Some(Answered { status: 200, took: Duration::from_micros(micros), cache: None }), received: 0, sent: 3 }
    }

    fn read(counts: &Counts) -> (u64, Distribution) {
        counts.settle();
        let (mut codes, mut times) = (CodesRead::default(), Distribution::default());
        codes.add(&counts.codes);
        times.add(&counts.times);
        (codes.total(), times)
    }

    #[test]
    fn what_came_last_fills_a_line_of_the_cache() {
        assert_eq!(size_of::<Recent>(), 64);
    }

    #[test]
    fn requests_are_counted_alike_however_many_times_they_take() {
        let counts = Counts::default();
        // More cells than there is room for at once, by turns.
        let all: Vec<u64> = (0..10_000).map(|at| 1_000 * (at % (3 * RECENT_MAX as u64))).collect();
        all.iter().for_each(|micros| counts.count(&seen(*micros)));
        let plain = crate::meter::Histogram::default();
        all.iter().for_each(|micros| plain.count(Duration::from_micros(*micros)));
        let mut expected = Distribution::default();
        expected.add(&plain);
        assert_eq!(read(&counts), (10_000, expected));
        assert_eq!(counts.sent.load(Relaxed), 30_000);
    }

    #[test]
    fn more_requests_of_one_time_than_a_place_holds_are_all_counted() {
        let counts = Counts::default();
        (0..200_000).for_each(|_| counts.count(&seen(700)));
        let (total, times) = read(&counts);
        assert_eq!((total, times.count(), counts.sent.load(Relaxed)), (200_000, 200_000, 600_000));
    }
}
