//! What was invalidated since when. Everything stored notes how its route and its path stood when it was asked for; a step
//! of either makes all of it stale beyond use, what is still on its way included, at the cost of one addition.

use std::hash::BuildHasher;
use std::sync::atomic::{AtomicU64, Ordering};

/// Counters; routes and paths that share one are invalidated together, which costs a miss and nothing else.
const COUNTERS: usize = 16 << 10;

/// How routes, paths and the whole cache have been invalidated so far.
#[derive(Debug)]
pub struct Epochs {
    counters: Box<[AtomicU64]>,
    purges: AtomicU64,
    hasher: std::hash::RandomState,
}

impl Default for Epochs {
    fn default() -> Self {
        Self {
            counters: std::iter::repeat_with(AtomicU64::default).take(COUNTERS).collect(),
            purges: AtomicU64::new(0),
            hasher: std::hash::RandomState::new(),
        }
    }
}

/// What can be invalidated.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Subject<'a> {
    /// Everything of a route, by its name.
    Route(&'a str),
    /// Everything at a path of a host, whatever its query.
    Path(&'a str, &'a str),
}

/// How things stood at one time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Stamp {
    route: (usize, u64),
    path: (usize, u64),
    purges: u64,
}

impl Epochs {
    fn slot(&self, subject: Subject<'_>) -> usize {
        let hash = match subject {
            Subject::Route(name) => self.hasher.hash_one((0_u8, name)),
            Subject::Path(host, path) => self.hasher.hash_one((1_u8, host, path)),
        };
        usize::try_from(hash).unwrap_or(usize::MAX) % COUNTERS
    }

    fn at(&self, slot: usize) -> u64 {
        self.counters.get(slot).map_or(0, |counter| counter.load(Ordering::Acquire))
    }

    /// How a route and a path stand now.
    #[must_use]
    pub fn stamp(&self, route: &str, host: &str, path: &str) -> Stamp {
        let (route, path) = (self.slot(Subject::Route(route)), self.slot(Subject::Path(host, path)));
        Stamp { route: (route, self.at(route)), path: (path, self.at(path)), purges: self.purges.load(Ordering::Acquire) }
    }

    /// True while nothing of a stamp was invalidated since.
    #[must_use]
    pub fn stands(&self, stamp: &Stamp) -> bool {
        self.at(stamp.route.0) == stamp.route.1 && self.at(stamp.path.0) == stamp.path.1
    }

    /// The same for what is only now to be stored: a purge may have looked for it and not found it yet.
    #[must_use]
    pub fn stands_on_arrival(&self, stamp: &Stamp) -> bool {
        self.purges.load(Ordering::Acquire) == stamp.purges && self.stands(stamp)
    }

    /// Invalidates.
    pub fn step(&self, subject: Subject<'_>) {
        if let Some(counter) = self.counters.get(self.slot(subject)) {
            counter.fetch_add(1, Ordering::AcqRel);
        }
    }

    /// Keeps everything that is on its way from being stored.
    pub fn purging(&self) {
        self.purges.fetch_add(1, Ordering::AcqRel);
    }
}
