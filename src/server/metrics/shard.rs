//! What one worker counts: by route, and of its connections.
//!
//! With ten thousand routes, the counts of one are nowhere in the processor's cache. So requests that have ended are noted
//! one after the other, and counted many at a time: then the processor fetches the counts of several at once. And most are
//! counted in what came last of their route first, which is a line of memory.

use super::counts::{Answered, Counts, Recent, Seen};
use crate::compile::Plan;
use crate::meter::{Histogram, NO_ROUTE, PAST_ROUTES};
use hashbrown::{HashMap, HashSet};
use parking_lot::Mutex;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, OnceLock, Weak};

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
    /// Those of the plans that run here.
    sheets: Mutex<Vec<Weak<Sheet>>>,
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
        all.iter().for_each(|noted| noted.sheet.count(noted.route, noted.seen));
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
        let sheets: Vec<_> = self.sheets.lock().iter().filter_map(Weak::upgrade).collect();
        sheets.iter().for_each(|sheet| sheet.settle());
        let mut read = |name: &Arc<str>, counts: &Counts| {
            let _nobody_writes = self.noted.lock();
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

/// Where the requests of one plan are counted, by the indices of its routes.
pub struct Sheet {
    shard: Arc<Shard>,
    plan: Arc<Plan>,
    /// What each route was asked last.
    recent: Vec<Recent>,
    /// The counts of each route that they are added to.
    routes: Vec<OnceLock<Arc<Counts>>>,
}

impl Sheet {
    /// That of a plan.
    #[must_use]
    pub fn of(plan: &Arc<Plan>, shard: &Arc<Shard>) -> Arc<Self> {
        let sheet = Arc::new(Self {
            shard: Arc::clone(shard),
            plan: Arc::clone(plan),
            recent: plan.routes.iter().map(|_| Recent::default()).collect(),
            routes: plan.routes.iter().map(|_| OnceLock::new()).collect(),
        });
        let mut sheets = shard.sheets.lock();
        sheets.retain(|other| other.strong_count() > 0);
        sheets.push(Arc::downgrade(&sheet));
        drop(sheets);
        sheet
    }

    /// Notes what is to be counted of a request of a route, or of one that no route takes: how it was answered, unless that
    /// is noted already, and the bytes of its body and of its reply's. It is counted before anybody reads the counts.
    pub fn note(self: &Arc<Self>, route: Option<usize>, answered: Option<Answered>, (received, sent): (u64, u64)) {
        self.shard.note(Noted { sheet: Arc::clone(self), route, seen: Seen { answered, received, sent } });
    }

    /// Counts a request; whoever does holds the lock of what is noted.
    fn count(&self, route: Option<usize>, seen: Seen) {
        let Some((route, recent)) = route.and_then(|route| Some((route, self.recent.get(route)?))) else {
            return self.shard.none.count(seen);
        };
        let Some(timed) = seen.as_most() else { return self.counts(route).count(seen) };
        if !recent.take(timed, seen.sent) {
            self.counts(route).settle(recent);
            recent.take(timed, seen.sent);
        }
    }

    /// Adds what came last of every route to its counts.
    fn settle(&self) {
        for (route, recent) in self.recent.iter().enumerate().filter(|(_, recent)| !recent.is_empty()) {
            let _nobody_else = self.shard.noted.lock();
            self.counts(route).settle(recent);
        }
    }

    /// The counts of a route.
    fn counts(&self, route: usize) -> &Counts {
        let counts = || self.plan.name(route).map(|name| self.shard.route(name, &self.plan)).unwrap_or_default();
        self.routes.get(route).map_or(&self.shard.none, |place| place.get_or_init(counts))
    }
}

impl Drop for Sheet {
    fn drop(&mut self) {
        self.settle();
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
