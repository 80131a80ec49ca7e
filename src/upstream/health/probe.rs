//! Probes: every endpoint is asked again and again whether it is well.

use super::super::config::HostSent;
use super::super::{Attempt, Endpoint, Transport, Upstream};
use super::Config;
use crate::events::Change;
use crate::http::{Affinity, Body, Outgoing};
use futures_util::future::join_all;
use http::Method;
use http::header::{HeaderMap, HeaderValue, USER_AGENT};
use http_body_util::{BodyExt, Limited};
use std::sync::Arc;
use tokio::task::AbortHandle;
use tokio::time::{Instant, sleep, sleep_until, timeout};

/// Who asks.
const AGENT: HeaderValue = HeaderValue::from_static("gatewright-health");
/// What is read of an answer's body, so that its connection can be used again; more closes it.
const BODY_MAX: usize = 64 << 10;
/// The part of `every` by which a probe may be late, so that not all are made at once.
const JITTER: u32 = 5;

/// Probes the endpoints of upstreams, one for a whole process. Ends with this.
#[derive(Debug)]
pub struct Prober<T> {
    transport: Arc<T>,
    random: fastrand::Rng,
    running: Vec<(Arc<Upstream>, AbortHandle)>,
}

impl<T: Transport> Prober<T> {
    /// One that probes nothing yet.
    #[must_use]
    pub fn new(transport: Arc<T>, random: fastrand::Rng) -> Self {
        Self { transport, random, running: Vec::new() }
    }

    /// Probes these upstreams from now on, and no others: those that were probed before go on as they were. Runs within the
    /// runtime that is to probe.
    pub fn follow(&mut self, upstreams: &[Arc<Upstream>]) {
        let stays = |known: &Arc<Upstream>| upstreams.iter().any(|upstream| Arc::ptr_eq(upstream, known));
        self.running.retain(|(known, task)| {
            let stays = stays(known);
            if !stays {
                task.abort();
            }
            stays
        });
        for upstream in upstreams {
            let Some(config) = &upstream.config.health else {
                upstream.endpoints().iter().for_each(|endpoint| endpoint.standing.not_probed());
                continue;
            };
            if !self.running.iter().any(|(known, _)| Arc::ptr_eq(known, upstream)) {
                let (transport, of_task, config) = (Arc::clone(&self.transport), Arc::clone(upstream), config.clone());
                let random = self.random.fork();
                let task = tokio::spawn(async move { keep_probing(&*transport, &of_task, &config, random).await });
                self.running.push((Arc::clone(upstream), task.abort_handle()));
            }
        }
    }
}

impl<T> Drop for Prober<T> {
    fn drop(&mut self) {
        for (_, task) in &self.running {
            task.abort();
        }
    }
}

/// Round after round, each endpoint that is there at its own moment of a round.
async fn keep_probing<T: Transport>(transport: &T, upstream: &Upstream, config: &Config, mut random: fastrand::Rng) {
    loop {
        let round = Instant::now() + config.every;
        let late = config.every / JITTER;
        // Without any endpoint there is nothing to probe yet.
        let found = !upstream.resolves() || transport.find(upstream, config.timeout).await.is_ok();
        let endpoints = upstream.endpoints();
        let probes = endpoints.iter().filter(|_| found).map(|endpoint| {
            let wait = late.mul_f64(random.f64());
            async move {
                sleep(wait).await;
                let good = probe(transport, upstream, endpoint, config).await;
                if endpoint.standing.probed(good, config) {
                    let (change, says) = if good { (Change::TargetUp, "up again") } else { (Change::TargetDown, "down") };
                    upstream.events.tell(change, &upstream.name, format!("target {} is {says}, by its probes", endpoint.place()));
                }
            }
        });
        join_all(probes).await;
        sleep_until(round).await;
    }
}

/// True when an endpoint answers as is expected of it.
async fn probe<T: Transport>(transport: &T, upstream: &Upstream, endpoint: &Arc<Endpoint>, config: &Config) -> bool {
    let (Ok(method), Ok(target)) = (Method::from_bytes(config.method.as_bytes()), config.path.parse()) else { return false };
    let outgoing = Outgoing {
        method,
        target,
        authority: endpoint.authority.clone(),
        headers: HeaderMap::from_iter([(USER_AGENT, AGENT)]),
        forwarding: None,
        affinity: Affinity::default(),
        body: Body::empty(),
        early: None,
        spans: None,
    };
    let host = match &upstream.config.host {
        HostSent::Keep | HostSent::Target => endpoint.authority.clone(),
        HostSent::Fixed(_) => upstream.host(endpoint, &endpoint.authority),
    };
    let attempt = Attempt { host, connect: config.timeout, read: config.timeout, occupied: endpoint.occupy() };
    let asked = async {
        let reply = transport.exchange(upstream, endpoint, outgoing, attempt).await.ok()?;
        // It has answered; what it says does not matter, and may be too much.
        let _ = Limited::new(reply.body, BODY_MAX).collect().await;
        Some(reply.status.as_u16())
    };
    let status = timeout(config.timeout, asked).await.ok().flatten();
    status.is_some_and(|status| config.expect.iter().any(|(from, to)| (*from..=*to).contains(&status)))
}

#[cfg(test)]
mod tests;
