//! What all workers and upstreams counted, added up.

use super::super::worker::Shared;
use super::minute::{Of, Times};
use super::shard::{Counts, VERDICTS};
use crate::compile::Plan;
use crate::meter::{CodesRead, Distribution};
use crate::policy::limit::Tally;
use crate::upstream::{Upstream, tally};
use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;

/// What was counted of a route.
#[derive(Debug, Default)]
pub struct Route {
    /// Requests by status.
    pub codes: CodesRead,
    /// How long they took.
    pub times: Distribution,
    /// Bytes of requests' bodies.
    pub received: u64,
    /// Bytes of replies' bodies.
    pub sent: u64,
    /// Requests by what the cache said.
    pub cache: [u64; VERDICTS.len()],
}

impl Route {
    fn add(&mut self, counts: &Counts) {
        self.codes.add(&counts.codes);
        self.times.add(&counts.times);
        self.received += counts.received.load(Relaxed);
        self.sent += counts.sent.load(Relaxed);
        for (sum, cell) in self.cache.iter_mut().zip(&counts.cache) {
            *sum += cell.load(Relaxed);
        }
    }
}

/// What was counted of connections.
#[derive(Debug, Default, Clone, Copy)]
pub struct Connections {
    /// Taken in so far.
    pub accepted: u64,
    /// Closed at once, since there were too many.
    pub refused: u64,
    /// Of HTTP/2, open now.
    pub sessions: usize,
    /// Tunnels open now.
    pub tunnels: usize,
}

/// A reading.
pub struct Reading {
    /// The plan in force.
    pub plan: Arc<Plan>,
    /// Each route that was asked for, by name.
    pub routes: BTreeMap<Arc<str>, Route>,
    /// Each upstream of the plan.
    pub upstreams: Vec<(Arc<Upstream>, tally::Read)>,
    /// Connections of all workers.
    pub connections: Connections,
    /// How late each worker's timers are.
    pub lateness: Vec<Distribution>,
}

/// Reads what there is now.
#[must_use]
pub fn of(shared: &Shared) -> Reading {
    let plan = shared.plan.load_full();
    let (mut routes, mut connections, mut lateness) = (BTreeMap::<Arc<str>, Route>::new(), Connections::default(), Vec::new());
    for shard in shared.metrics.shards.lock().iter() {
        shard.each(|name, counts| routes.entry(Arc::clone(name)).or_default().add(counts));
        connections.accepted += shard.accepted.load(Relaxed);
        connections.refused += shard.refused.load(Relaxed);
        connections.sessions += shard.sessions().load(Relaxed);
        connections.tunnels += shard.tunnels().load(Relaxed);
        let mut late = Distribution::default();
        late.add(&shard.lateness);
        lateness.push(late);
    }
    let upstreams = plan.upstreams.iter().map(|upstream| (Arc::clone(upstream), upstream.tally.read())).collect();
    Reading { plan, routes, upstreams, connections, lateness }
}

/// Only the times there are now, of routes and upstreams: this is read all the time.
#[must_use]
pub fn times(shared: &Shared) -> Times {
    let mut times = Times::new();
    for shard in shared.metrics.shards.lock().iter() {
        shard.each(|name, counts| times.entry((Of::Route, Arc::clone(name))).or_default().add(&counts.times));
    }
    times.extend(shared.plan.load().upstreams.iter().map(|it| ((Of::Upstream, Arc::clone(&it.name)), it.tally.times())));
    times
}

/// What a limit did, under one name.
#[derive(Debug, Default)]
pub struct Limit {
    /// Requests that it let through and refused.
    pub tally: Tally,
    /// Keys it counts for.
    pub keys: usize,
}

impl Reading {
    /// Every limit by its name, which several declarations may share.
    #[must_use]
    pub fn limits(&self) -> BTreeMap<Arc<str>, Limit> {
        let mut all = BTreeMap::<Arc<str>, Limit>::new();
        for limiter in &self.plan.limiters {
            let limit = all.entry(Arc::clone(limiter.name())).or_default();
            let Tally { allowed, rejected, forgotten } = limiter.tally();
            limit.tally.allowed += allowed;
            limit.tally.rejected += rejected;
            limit.tally.forgotten += forgotten;
            limit.keys += limiter.keys();
        }
        all
    }
}
