//! What one worker counts: by route, and of its connections.
//!
//! With ten thousand routes, the counts of one are nowhere in the processor's cache. So requests that have ended are noted
//! one after the other, and counted many at a time: then the processor fetches the counts of several at once.

use crate::compile::Plan;
use crate::meter::{Codes, CodesRead, Histogram, NO_ROUTE, PAST_ROUTES, add};
use hashbrown::{HashMap, HashSet};
use parking_lot::Mutex;
use smallvec::SmallVec;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

/// Routes of earlier policies whose counts are kept under their names; those of others are added to [`PAST_ROUTES`].
pub const PAST_MAX: usize = 1_000;
/// What the cache says of a request.
pub const VERDICTS: [&str; 5] = ["hit", "miss", "stale", "revalidated", "bypass"];

/// Requests that have ended and are not counted yet, at most.
const NOTED_MAX: usize = 64;

/// The counts of one route. What most requests touch stands first and together.
#[derive(Debug, Default)]
#[repr(C)]
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

impl Counts {
    fn count(&self, noted: &Noted) {
        if let Some(Answered { status, took, cache }) = noted.answered {
            self.codes.count(status);
            self.times.count(took);
            if let Some(verdict) = cache {
                self.verdict(verdict);
            }
        }
        add(&self.sent, noted.sent);
        if noted.received > 0 {
            add(&self.received, noted.received);
        }
    }

    #[cold]
    fn verdict(&self, verdict: &str) {
        if let Some(cell) = VERDICTS.iter().position(|known| *known == verdict).and_then(|at| self.cache.get(at)) {
            add(cell, 1);
        }
    }

    /// Adds what was counted elsewhere.
    fn take_in(&self, gone: &Self) {
        self.codes.take_in(&gone.codes);
        self.times.take_in(&gone.times);
        let bytes = [(&self.received, &gone.received), (&self.sent, &gone.sent)];
        for (sum, cell) in bytes.into_iter().chain(self.cache.iter().zip(&gone.cache)) {
            add(sum, cell.load(Ordering::Relaxed));
        }
    }

    fn is_unused(&self) -> bool {
        let mut codes = CodesRead::default();
        codes.add(&self.codes);
        codes.total() == 0
    }
}

/// What is noted of a request.
struct Noted {
    sheet: Arc<Sheet>,
    route: Option<usize>,
    answered: Option<Answered>,
    received: u64,
    sent: u64,
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

/// The counts of one worker.
#[derive(Default)]
pub struct Shard {
    /// Whoever writes counts holds this.
    noted: Mutex<Vec<Noted>>,
    routes: Mutex<HashMap<Arc<str>, Arc<Counts>>>,
    none: Counts,
    other: Counts,
    /// Connections taken in.
    pub accepted: AtomicU64,
    /// Connections closed at once, since there were too many.
    pub refused: AtomicU64,
    sessions: Arc<AtomicUsize>,
    tunnels: Arc<AtomicUsize>,
    /// How late the worker's timers are.
    pub lateness: Histogram,
}

impl Shard {
    /// Connections of HTTP/2 that are open.
    #[must_use]
    pub fn sessions(&self) -> &Arc<AtomicUsize> {
        &self.sessions
    }

    /// Tunnels that are open, such as WebSockets.
    #[must_use]
    pub fn tunnels(&self) -> &Arc<AtomicUsize> {
        &self.tunnels
    }

    fn note(&self, noted: Noted) {
        let mut all = self.noted.lock();
        all.push(noted);
        if all.len() >= NOTED_MAX {
            drop(all);
            self.settle();
        }
    }

    /// Counts what was noted so far.
    pub fn settle(&self) {
        let mut all = self.noted.lock();
        let counts: SmallVec<[&Counts; NOTED_MAX]> = all.iter().map(|noted| noted.sheet.counts(noted.route)).collect();
        for (counts, noted) in counts.into_iter().zip(&*all) {
            counts.count(noted);
        }
        let counted = std::mem::replace(&mut *all, Vec::with_capacity(NOTED_MAX));
        drop(all);
        // They may be the last to hold a plan, which is large.
        drop(counted);
    }

    fn route(&self, name: &Arc<str>, plan: &Plan) -> Arc<Counts> {
        let mut routes = self.routes.lock();
        if let Some(known) = routes.get(name) {
            return Arc::clone(known);
        }
        if routes.len() >= plan.routes.len() + PAST_MAX {
            let current: HashSet<&str> = plan.routes.iter().map(|route| &*route.name).collect();
            // What is held is counted in still.
            routes.retain(|name, counts| {
                let stays = current.contains(&**name) || Arc::strong_count(counts) > 1;
                if !stays {
                    self.other.take_in(counts);
                }
                stays
            });
        }
        Arc::clone(routes.entry(Arc::clone(name)).or_default())
    }

    /// Every route's counts by its name, of those that were ever asked for.
    pub fn each(&self, mut each: impl FnMut(&Arc<str>, &Counts)) {
        self.settle();
        // Whoever counts a route for the first time does not wait for all to be read.
        let routes: Vec<_> = self.routes.lock().iter().map(|(name, counts)| (Arc::clone(name), Arc::clone(counts))).collect();
        routes.iter().for_each(|(name, counts)| each(name, counts));
        for (name, counts) in [(NO_ROUTE, &self.none), (PAST_ROUTES, &self.other)] {
            if !counts.is_unused() {
                each(&name.into(), counts);
            }
        }
    }
}

/// The counts of the routes of one plan by their index, made when they are first needed.
pub struct Sheet {
    shard: Arc<Shard>,
    plan: Arc<Plan>,
    routes: Vec<OnceLock<Arc<Counts>>>,
}

impl Sheet {
    /// That of a plan.
    #[must_use]
    pub fn of(plan: &Arc<Plan>, shard: &Arc<Shard>) -> Self {
        Self { shard: Arc::clone(shard), plan: Arc::clone(plan), routes: plan.routes.iter().map(|_| OnceLock::new()).collect() }
    }

    /// Notes what is to be counted of a request of a route, or of one that no route takes: how it was answered, unless that
    /// is noted already, and the bytes of its body and of its reply's. It is counted before anybody reads the counts.
    pub fn note(self: &Arc<Self>, route: Option<usize>, answered: Option<Answered>, (received, sent): (u64, u64)) {
        self.shard.note(Noted { sheet: Arc::clone(self), route, answered, received, sent });
    }

    /// Where a request of a route is counted; without one, as of no route.
    fn counts(&self, route: Option<usize>) -> &Counts {
        let Some((place, route)) = route.and_then(|route| Some((self.routes.get(route)?, route))) else { return &self.shard.none };
        place.get_or_init(|| self.plan.name(route).map(|name| self.shard.route(name, &self.plan)).unwrap_or_default())
    }
}

/// One of what is open; no more when it is dropped.
#[derive(Debug)]
pub struct Entered(Arc<AtomicUsize>);

impl Entered {
    /// Counts one more.
    #[must_use]
    pub fn one_of(open: &Arc<AtomicUsize>) -> Self {
        open.fetch_add(1, Ordering::Relaxed);
        Self(Arc::clone(open))
    }
}

impl Drop for Entered {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}
