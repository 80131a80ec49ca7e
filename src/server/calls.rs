//! The way to the upstreams from a stage of the pipeline that calls them itself.

use super::drive::Engine;
use crate::http::{Affinity, Calls, Exchange, Fault, FaultKind, Outgoing, Reply, UpstreamHealth, UpstreamIndex};
use crate::upstream::call::{self, Terms};
use crate::upstream::{Transport, Upstream};
use futures_core::future::BoxFuture;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;
use tokio::time::Instant;

impl<T: Transport> Engine<T> {
    /// An upstream of the plan.
    ///
    /// # Errors
    /// When there is none of that index.
    pub(super) fn upstream(&self, index: UpstreamIndex) -> Result<&Arc<Upstream>, Fault> {
        let found = self.plan.upstreams.get(usize::from(index.0));
        found.ok_or_else(|| Fault::new(FaultKind::ConnectError, "no such upstream"))
    }

    /// What is in force on calls of an upstream: what a route says, or else the upstream.
    fn terms<'t>(&'t self, index: UpstreamIndex, upstream: &'t Upstream, route: Option<usize>) -> Terms<'t> {
        match route.and_then(|route| self.plan.pipeline(route)) {
            Some(pipeline) => pipeline.terms(index, upstream),
            None => Terms { timeouts: upstream.config.timeout, retry: upstream.config.retry.as_ref() },
        }
    }

    fn total_of(&self, index: UpstreamIndex, route: Option<usize>) -> Option<Duration> {
        self.upstream(index).ok().map(|upstream| self.terms(index, upstream, route).timeouts.total)
    }

    /// A call under what a route says of calls, or else the upstream.
    fn part(
        &self,
        index: UpstreamIndex,
        route: Option<usize>,
        outgoing: Outgoing,
        attempts: Arc<AtomicU32>,
    ) -> BoxFuture<'static, Result<Reply, Fault>> {
        let engine = self.clone();
        Box::pin(async move {
            let mut counted = Counted { made: 0, attempts };
            let upstream = engine.upstream(index)?;
            let terms = engine.terms(index, upstream, route);
            let answered = call::call(&*engine.transport, upstream, terms, outgoing, &engine.random, &mut counted.made).await;
            answered.map(|(reply, _)| reply)
        })
    }
}

/// Attempts of a call, told when it ends, also where nobody waits for it any longer.
struct Counted {
    made: u32,
    attempts: Arc<AtomicU32>,
}

impl Drop for Counted {
    fn drop(&mut self) {
        self.attempts.fetch_add(self.made, Ordering::Relaxed);
    }
}

impl<T: Transport> Calls for Engine<T> {
    fn call(&self, index: UpstreamIndex, outgoing: Outgoing) -> BoxFuture<'static, Result<Reply, Fault>> {
        self.part(index, None, outgoing, Arc::default())
    }

    fn call_counted(&self, index: UpstreamIndex, outgoing: Outgoing, attempts: Arc<AtomicU32>) -> BoxFuture<'static, Result<Reply, Fault>> {
        self.part(index, None, outgoing, attempts)
    }

    fn flag(&self, index: u16, exchange: &Exchange) -> bool {
        self.plan.flags.get(usize::from(index)).is_some_and(|flag| flag.is_on(exchange))
    }

    fn total(&self, index: UpstreamIndex) -> Option<Duration> {
        self.total_of(index, None)
    }

    fn affinity(&self, index: UpstreamIndex, exchange: &Exchange) -> Affinity {
        self.upstream(index).map(|upstream| upstream.affinity(exchange)).unwrap_or_default()
    }

    fn health(&self) -> Vec<UpstreamHealth> {
        let now = Instant::now();
        self.plan.upstreams.iter().map(|upstream| upstream.health(now)).collect()
    }
}

/// The way to the upstreams from a route that says something of its own about calls.
pub struct Routed<T> {
    /// The plan in force.
    pub engine: Arc<Engine<T>>,
    /// The route's index.
    pub route: usize,
}

impl<T: Transport> Calls for Routed<T> {
    fn call(&self, index: UpstreamIndex, outgoing: Outgoing) -> BoxFuture<'static, Result<Reply, Fault>> {
        self.engine.part(index, Some(self.route), outgoing, Arc::default())
    }

    fn call_counted(&self, index: UpstreamIndex, outgoing: Outgoing, attempts: Arc<AtomicU32>) -> BoxFuture<'static, Result<Reply, Fault>> {
        self.engine.part(index, Some(self.route), outgoing, attempts)
    }

    fn flag(&self, index: u16, exchange: &Exchange) -> bool {
        self.engine.flag(index, exchange)
    }

    fn total(&self, index: UpstreamIndex) -> Option<Duration> {
        self.engine.total_of(index, Some(self.route))
    }

    fn affinity(&self, index: UpstreamIndex, exchange: &Exchange) -> Affinity {
        self.engine.affinity(index, exchange)
    }

    fn health(&self) -> Vec<UpstreamHealth> {
        self.engine.health()
    }
}
