//! What one worker counts: by route, and of its connections. Only its thread writes; anybody may read.

use crate::compile::Plan;
use crate::meter::{Codes, CodesRead, Histogram, NO_ROUTE, PAST_ROUTES, add};
use hashbrown::{HashMap, HashSet};
use parking_lot::Mutex;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

/// Routes of earlier policies whose counts are kept under their names; those of others are added to [`PAST_ROUTES`].
pub const PAST_MAX: usize = 1_000;
/// What the cache says of a request.
pub const VERDICTS: [&str; 5] = ["hit", "miss", "stale", "revalidated", "bypass"];

/// The counts of one route. What most requests touch stands first and together: with ten thousand routes, none of it is in
/// the processor's cache.
#[derive(Debug, Default)]
#[repr(C)]
pub struct Counts {
    /// Bytes of the bodies of replies.
    pub sent: AtomicU64,
    /// How long they took, to the end of the reply.
    pub times: Histogram,
    /// Requests by the status of their reply.
    pub codes: Codes,
    /// Bytes of the bodies of requests.
    pub received: AtomicU64,
    /// Requests by what the cache said, in the order of [`VERDICTS`].
    pub cache: [AtomicU64; VERDICTS.len()],
}

impl Counts {
    /// Counts a request that has ended.
    pub fn request(&self, status: u16, took: Duration, cache: Option<&'static str>) {
        self.codes.count(status);
        self.times.count(took);
        if let Some(verdict) = cache {
            self.verdict(verdict);
        }
    }

    #[cold]
    fn verdict(&self, verdict: &str) {
        if let Some(cell) = VERDICTS.iter().position(|known| *known == verdict).and_then(|at| self.cache.get(at)) {
            add(cell, 1);
        }
    }

    /// Counts the bytes of its bodies.
    pub fn bytes(&self, received: u64, sent: u64) {
        add(&self.sent, sent);
        if received > 0 {
            add(&self.received, received);
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

/// The counts of one worker.
#[derive(Debug, Default)]
pub struct Shard {
    routes: Mutex<HashMap<Arc<str>, Arc<Counts>>>,
    none: Arc<Counts>,
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

    /// What is counted of requests that no route takes.
    #[must_use]
    pub fn none(&self) -> Arc<Counts> {
        Arc::clone(&self.none)
    }

    /// The counts of a route of a plan.
    #[must_use]
    pub fn route(&self, name: &Arc<str>, plan: &Plan) -> Arc<Counts> {
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
        self.routes.lock().iter().for_each(|(name, counts)| each(name, counts));
        for (name, counts) in [(NO_ROUTE, &*self.none), (PAST_ROUTES, &self.other)] {
            if !counts.is_unused() {
                each(&name.into(), counts);
            }
        }
    }
}

/// The counts of the routes of one plan by their index, made when they are first needed.
#[derive(Debug, Default)]
pub struct Sheet {
    shard: Arc<Shard>,
    routes: Vec<OnceLock<Arc<Counts>>>,
}

impl Sheet {
    /// That of a plan.
    #[must_use]
    pub fn of(plan: &Plan, shard: &Arc<Shard>) -> Self {
        Self { shard: Arc::clone(shard), routes: plan.routes.iter().map(|_| OnceLock::new()).collect() }
    }

    /// Where a request of a route is counted; without one, as of no route.
    #[must_use]
    pub fn counts(&self, plan: &Plan, route: Option<usize>) -> Arc<Counts> {
        let Some((place, name)) = route.and_then(|route| Some((self.routes.get(route)?, plan.name(route)?))) else {
            return self.shard.none();
        };
        Arc::clone(place.get_or_init(|| self.shard.route(name, plan)))
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
