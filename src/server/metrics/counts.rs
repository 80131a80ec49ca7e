//! The counts of one route.

use crate::meter::{Codes, CodesRead, Histogram, Timed, add};
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};
use std::time::Duration;

/// What the cache says of a request.
pub const VERDICTS: [&str; 5] = ["hit", "miss", "stale", "revalidated", "bypass"];

/// Times that are kept of what came last, so that it fills a line of the processor's cache.
const RECENT_MAX: usize = 12;

/// The counts of one route. One thread counts at a time; all may read.
#[derive(Debug, Default)]
pub struct Counts {
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

impl Seen {
    /// How long it took, when it went as most do: what came last holds nothing else.
    #[must_use]
    pub fn as_most(&self) -> Option<Timed> {
        match self {
            Self { answered: Some(Answered { status: 200, took, cache: None }), received: 0, sent: _ } => Some(Timed::of(*took)),
            _ => None,
        }
    }
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
    pub fn count(&self, Seen { answered, received, sent }: Seen) {
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

    fn verdict(&self, verdict: &str) {
        if let Some(cell) = VERDICTS.iter().position(|known| *known == verdict).and_then(|at| self.cache.get(at)) {
            add(cell, 1);
        }
    }

    /// Adds what came last, of which nothing is left then.
    pub fn settle(&self, Recent { sent, nanos, times }: &Recent) {
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
        self.codes.take_in(&gone.codes);
        self.times.take_in(&gone.times);
        let bytes = [(&self.received, &gone.received), (&self.sent, &gone.sent)];
        for (sum, cell) in bytes.into_iter().chain(self.cache.iter().zip(&gone.cache)) {
            add(sum, cell.load(Ordering::Relaxed));
        }
    }

    /// True when nobody was answered.
    #[must_use]
    pub fn is_unused(&self) -> bool {
        let mut codes = CodesRead::default();
        codes.add(&self.codes);
        codes.total() == 0
    }
}

/// What a route was asked last, of what goes as most does: answered with 200, to a request without a body, and no cache said
/// anything. The counts of one route of ten thousand are never near, and stand in several lines of memory; this is one line,
/// and those of all routes stand together.
#[derive(Debug, Default)]
#[repr(align(64))]
pub struct Recent {
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
    /// Takes a request that took so long, where there is room.
    pub fn take(&self, Timed { cell, nanos }: Timed, sent: u64) -> bool {
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

    /// True when it holds nothing.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.times.first().is_none_or(|first| first.load(Ordering::Relaxed) == 0)
    }
}

#[cfg(test)]
mod tests {
    use super::{Answered, Counts, RECENT_MAX, Recent, Seen};
    use crate::meter::{CodesRead, Distribution, Histogram};
    use std::sync::atomic::Ordering::Relaxed;
    use std::time::Duration;

    fn seen(micros: u64) -> Seen {
        Seen { answered: Some(Answered { status: 200, took: Duration::from_micros(micros), cache: None }), received: 0, sent: 3 }
    }

    /// Counts requests as a sheet does.
    fn counted(seen: impl Iterator<Item = Seen>) -> (u64, u64, Distribution) {
        let (counts, recent) = (Counts::default(), Recent::default());
        for seen in seen {
            let timed = seen.as_most().unwrap();
            if !recent.take(timed, seen.sent) {
                counts.settle(&recent);
                assert!(recent.is_empty() && recent.take(timed, seen.sent));
            }
        }
        counts.settle(&recent);
        let (mut codes, mut times) = (CodesRead::default(), Distribution::default());
        codes.add(&counts.codes);
        times.add(&counts.times);
        (codes.total(), counts.sent.load(Relaxed), times)
    }

    #[test]
    fn what_came_last_fills_a_line_of_the_cache() {
        assert_eq!(size_of::<Recent>(), 64);
    }

    #[test]
    fn requests_are_counted_alike_however_many_times_they_take() {
        // More times than there is room for at once, by turns.
        let all: Vec<u64> = (0..10_000).map(|at| 1_000 * (at % (3 * RECENT_MAX as u64))).collect();
        let plain = Histogram::default();
        all.iter().for_each(|micros| plain.count(Duration::from_micros(*micros)));
        let mut expected = Distribution::default();
        expected.add(&plain);
        assert_eq!(counted(all.iter().map(|micros| seen(*micros))), (10_000, 30_000, expected));
    }

    #[test]
    fn more_requests_of_one_time_than_a_place_holds_are_all_counted() {
        let (total, sent, times) = counted((0..200_000).map(|_| seen(700)));
        assert_eq!((total, sent, times.count()), (200_000, 600_000, 200_000));
    }

    #[test]
    fn what_does_not_go_as_most_does_is_left_to_the_counts() {
        let usual = seen(700);
        let failed = Answered { status: 404, ..usual.answered.unwrap() };
        let hit = Answered { cache: Some("hit"), ..usual.answered.unwrap() };
        for other in
            [Some(failed), Some(hit), None].map(|answered| Seen { answered, ..usual }).into_iter().chain([Seen { received: 1, ..usual }])
        {
            assert!(other.as_most().is_none(), "{other:?}");
        }
    }
}
