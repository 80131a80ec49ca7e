//! What one worker counts: by route, and of its connections.
//!
//! With ten thousand routes, the counts of one are nowhere in the processor's cache. So requests that have ended are noted
//! one after the other, and counted many at a time: then the processor fetches the counts of several at once.

use super::counts::{Answered, Counts, Seen};
use crate::compile::Plan;
use crate::meter::{Histogram, NO_ROUTE, PAST_ROUTES};
use hashbrown::{HashMap, HashSet};
use parking_lot::Mutex;
use smallvec::SmallVec;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, OnceLock};

/// Routes of earlier policies whose counts are kept under their names; those of others are added to [`PAST_ROUTES`].
pub const PAST_MAX: usize = 1_000;

/// Requests that have ended and are not counted yet, at most.
const NOTED_MAX: usize = 64;

/// What is noted of a request.
struct Noted {
    sheet: Arc<Sheet>,
    route: Option<usize>,
    seen: Seen,
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
            counts.count(&noted.seen);
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

    /// Every route's counts by its name, of those that were ever asked for. Counting waits for one of them at a time.
    pub fn each(&self, mut each: impl FnMut(&Arc<str>, &Counts)) {
        self.settle();
        let mut read = |name: &Arc<str>, counts: &Counts| {
            let _nobody_writes = self.noted.lock();
            counts.settle();
            if !counts.is_unused() {
                each(name, counts);
            }
        };
        let routes: Vec<_> = self.routes.lock().iter().map(|(name, counts)| (Arc::clone(name), Arc::clone(counts))).collect();
        routes.iter().for_each(|(name, counts)| read(name, counts));
        read(&NO_ROUTE.into(), &self.none);
        read(&PAST_ROUTES.into(), &self.other);
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
        self.shard.note(Noted { sheet: Arc::clone(self), route, seen: Seen { answered, received, sent } });
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
