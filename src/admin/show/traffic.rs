//! What requests go through: upstreams, breakers, limits, caches.

use super::{listed, shown};
use crate::admin::answer::{Answered, unknown};
use crate::admin::desk::Desk;
use crate::admin::endpoints::Asked;
use crate::http::Problem;
use crate::ir::Program;
use crate::policy::limit::Limiter;
use crate::upstream::concurrency::Places;
use crate::upstream::endpoint::State;
use crate::upstream::{Breaker, Endpoint, Upstream};
use serde_json::{Value as Json, json};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use tokio::time::Instant;

/// The upstreams.
pub fn upstreams(desk: &Desk, _: &Asked) -> Answered {
    listed(desk.server.plan().upstreams.iter().map(|upstream| (upstream.name.to_string(), of_upstream(upstream))))
}

/// One of them.
pub fn upstream(desk: &Desk, asked: &Asked) -> Answered {
    shown(of_upstream(&*upstream_of(desk, &asked.name)?))
}

fn upstream_of(desk: &Desk, name: &str) -> Result<Arc<Upstream>, Problem> {
    let plan = desk.server.plan();
    let found = plan.upstreams.iter().find(|upstream| *upstream.name == *name);
    found.cloned().ok_or_else(|| unknown(format!("there is no upstream `{name}`")))
}

fn of_upstream(upstream: &Upstream) -> Json {
    let endpoints = upstream.endpoints();
    json!({
        "healthy": upstream.healthy(),
        "targets": endpoints.iter().map(|endpoint| of_endpoint(endpoint, upstream.state_of(endpoint))).collect::<Vec<_>>(),
        "breaker": upstream.breaker.as_deref().map(of_breaker),
        "concurrency": upstream.places.as_deref().map(of_places),
    })
}

fn of_endpoint(endpoint: &Endpoint, state: State) -> Json {
    json!({
        "target": endpoint.place(),
        "state": state.name(),
        "weight": endpoint.target.weight,
        "backup": endpoint.target.backup,
        "in_flight": endpoint.in_flight(),
        "latency_us": endpoint.standing.latency(),
    })
}

fn of_places(places: &Places) -> Json {
    let config = places.config();
    json!({ "most": config.most, "queue": config.queue, "waiting": places.waiting(), "refused": places.refused() })
}

/// The breakers, by their upstreams.
pub fn breakers(desk: &Desk, _: &Asked) -> Answered {
    let plan = desk.server.plan();
    let all = plan.upstreams.iter().filter_map(|upstream| Some((upstream.name.to_string(), of_breaker(upstream.breaker.as_deref()?))));
    listed(all)
}

/// One of them.
pub fn breaker(desk: &Desk, asked: &Asked) -> Answered {
    shown(of_breaker(&*breaker_of(desk, &asked.name)?))
}

/// The breaker of an upstream.
///
/// # Errors
/// With 404 where there is none.
pub fn breaker_of(desk: &Desk, name: &str) -> Result<Arc<Breaker>, Problem> {
    let upstream = upstream_of(desk, name)?;
    upstream.breaker.clone().ok_or_else(|| unknown(format!("upstream `{name}` has no `breaker`")))
}

fn of_breaker(breaker: &Breaker) -> Json {
    json!({ "state": breaker.state(Instant::now()).name(), "by_hand": breaker.is_held(), "failures": breaker.failures() })
}

/// The limits. Declarations of one name are one here.
pub fn limits(desk: &Desk, _: &Asked) -> Answered {
    let plan = desk.server.plan();
    let mut names: Vec<&str> = plan.limiters.iter().map(|limiter| &**limiter.name()).collect();
    names.sort_unstable();
    names.dedup();
    let program = desk.policy.program();
    let mut declared = declared(&program);
    let all = names.into_iter().filter_map(|name| {
        let texts = declared.remove(name).unwrap_or_default();
        Some((name.to_owned(), of_limits(&plan.limiters, name, texts)?))
    });
    listed(all)
}

/// One of them.
pub fn limit(desk: &Desk, asked: &Asked) -> Answered {
    let program = desk.policy.program();
    let texts = declared(&program).remove(asked.name.as_str()).unwrap_or_default();
    let found = of_limits(&desk.server.plan().limiters, &asked.name, texts);
    shown(found.ok_or_else(|| unknown(format!("there is no limit `{}`", asked.name)))?)
}

/// What the policy says of its limits, by their names: a name that is declared twice says two things.
fn declared(program: &Program) -> BTreeMap<&str, BTreeSet<&str>> {
    let mut all: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
    for statement in program.written.routes.values().flatten().filter(|statement| statement.word == "limit") {
        let Some(name) = statement.name.as_deref() else { continue };
        let text = statement.text.strip_prefix("limit ").and_then(|text| text.strip_prefix(name)).unwrap_or(&statement.text);
        all.entry(name).or_default().insert(text.trim_start());
    }
    all
}

fn of_limits(all: &[Arc<Limiter>], name: &str, declared: BTreeSet<&str>) -> Option<Json> {
    let meant: Vec<&Arc<Limiter>> = all.iter().filter(|limiter| **limiter.name() == *name).collect();
    let tallies: Vec<_> = meant.iter().map(|limiter| limiter.tally()).collect();
    (!meant.is_empty()).then(|| {
        json!({
            "declared": declared,
            "allowed": tallies.iter().map(|tally| tally.allowed).sum::<u64>(),
            "rejected": tallies.iter().map(|tally| tally.rejected).sum::<u64>(),
            "forgotten": tallies.iter().map(|tally| tally.forgotten).sum::<u64>(),
            "keys": meant.iter().map(|limiter| limiter.keys()).sum::<usize>(),
            "bytes": meant.iter().map(|limiter| limiter.bytes()).sum::<usize>(),
        })
    })
}

/// How full the caches are, all together.
pub fn cache(desk: &Desk, _: &Asked) -> Answered {
    let plan = desk.server.plan();
    let sum = |of: fn(&crate::policy::cache::Shelf) -> u64| plan.shelves.iter().map(|shelf| of(shelf)).sum::<u64>();
    shown(json!({
        "caches": plan.shelves.len(),
        "entries": sum(|shelf| shelf.store.entries()),
        "bytes": sum(|shelf| shelf.store.bytes()),
        "bytes_most": sum(|shelf| shelf.store.max()),
        "bytes_on_their_way": sum(|shelf| shelf.store.filling()),
        "evicted": sum(|shelf| shelf.store.evicted()),
    }))
}
