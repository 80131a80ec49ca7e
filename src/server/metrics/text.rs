//! All that is counted, as text for Prometheus.

use super::super::worker::Shared;
use super::catalogue as family;
use super::process;
use super::read::{self, Reading};
use super::shard::VERDICTS;
use super::write::{Format, Writer};
use crate::upstream::breaker::State;
use std::collections::BTreeMap;
use std::sync::atomic::Ordering::Relaxed;
use tokio::time::Instant;

/// Writes all of it.
#[must_use]
pub fn text(shared: &Shared, format: Format) -> String {
    let (mut writer, reading) = (Writer::new(format), read::of(shared));
    routes(&mut writer, &reading);
    upstreams(&mut writer, &reading);
    targets(&mut writer, &reading);
    policies(&mut writer, &reading);
    connections(&mut writer, shared, &reading);
    own(&mut writer, shared, &reading);
    system(&mut writer, shared);
    writer.end()
}

fn routes(writer: &mut Writer, reading: &Reading) {
    let mut series = writer.family(&family::REQUESTS);
    for (name, route) in &reading.routes {
        route.codes.each().for_each(|(code, count)| series.put(&[name, code], count));
    }
    let mut series = writer.family(&family::REQUEST_DURATION);
    reading.routes.iter().for_each(|(name, route)| series.put_times(&[name], &route.times));
    let mut series = writer.family(&family::REQUEST_BYTES);
    reading.routes.iter().for_each(|(name, route)| series.put(&[name], route.received));
    let mut series = writer.family(&family::RESPONSE_BYTES);
    reading.routes.iter().for_each(|(name, route)| series.put(&[name], route.sent));
    let mut series = writer.family(&family::CACHE_REQUESTS);
    for (name, route) in &reading.routes {
        let verdicts = VERDICTS.into_iter().zip(route.cache).filter(|(_, count)| *count > 0);
        verdicts.for_each(|(verdict, count)| series.put(&[name, verdict], count));
    }
}

fn upstreams(writer: &mut Writer, reading: &Reading) {
    let all = || reading.upstreams.iter().map(|(upstream, read)| (&*upstream.name, &**upstream, read));
    let mut series = writer.family(&family::UPSTREAM_REQUESTS);
    for (name, _, read) in all() {
        read.answers.each().for_each(|(code, count)| series.put(&[name, code], count));
    }
    let mut series = writer.family(&family::UPSTREAM_DURATION);
    all().for_each(|(name, _, read)| series.put_times(&[name], &read.times));
    let mut series = writer.family(&family::UPSTREAM_FAILURES);
    for (name, _, read) in all() {
        read.failures().for_each(|(reason, count)| series.put(&[name, reason], count));
    }
    let mut series = writer.family(&family::UPSTREAM_RETRIES);
    all().for_each(|(name, _, read)| series.put(&[name], read.retries));
    let mut series = writer.family(&family::UPSTREAM_IN_FLIGHT);
    all().for_each(|(name, upstream, _)| series.put(&[name], upstream.in_flight()));
    let mut series = writer.family(&family::UPSTREAM_CONNECTIONS);
    for (name, upstream, read) in all() {
        // A connection of HTTP/2 has many requests, and none has its own before it stands.
        let busy = (upstream.in_flight() as usize).min(read.connections);
        series.put(&[name, "busy"], busy);
        series.put(&[name, "idle"], read.connections - busy);
    }
    let mut series = writer.family(&family::UPSTREAM_CONNECTS);
    all().for_each(|(name, _, read)| series.put(&[name], read.connected));
    let mut series = writer.family(&family::UPSTREAM_PANICS);
    all().for_each(|(name, upstream, _)| series.put(&[name], upstream.panic.requests()));
}

fn targets(writer: &mut Writer, reading: &Reading) {
    let all = || reading.upstreams.iter().map(|(upstream, _)| (&*upstream.name, &**upstream));
    let mut series = writer.family(&family::TARGET_HEALTHY);
    for (name, upstream) in all() {
        // Two targets may lead to one place.
        let places: BTreeMap<String, bool> =
            upstream.endpoints().iter().map(|endpoint| (endpoint.place(), upstream.state_of(endpoint).is_up())).collect();
        places.iter().for_each(|(place, fit)| series.put(&[name, place], u8::from(*fit)));
    }
    let mut series = writer.family(&family::DNS_LOOKUPS);
    for (name, upstream) in all() {
        let (found, missed) = upstream.looks();
        if found + missed > 0 {
            series.put(&[name, "found"], found);
            series.put(&[name, "failed"], missed);
        }
    }
    let breakers = || all().filter_map(|(name, upstream)| Some((name, upstream.breaker.as_ref()?)));
    let now = Instant::now();
    let mut series = writer.family(&family::BREAKER_STATE);
    for (name, breaker) in breakers() {
        let current = breaker.state(now);
        for state in [State::Closed, State::Open, State::HalfOpen] {
            series.put(&[name, state.name()], u8::from(state == current));
        }
    }
    let mut series = writer.family(&family::BREAKER_TRIPS);
    breakers().for_each(|(name, breaker)| series.put(&[name], breaker.trips()));
}

fn policies(writer: &mut Writer, reading: &Reading) {
    let plan = &reading.plan;
    let limits = reading.limits();
    let mut series = writer.family(&family::LIMITER_REQUESTS);
    for (name, limit) in &limits {
        series.put(&[name, "allowed"], limit.tally.allowed);
        series.put(&[name, "rejected"], limit.tally.rejected);
    }
    let mut series = writer.family(&family::LIMITER_KEYS);
    limits.iter().for_each(|(name, limit)| series.put(&[name], limit.keys));
    let mut series = writer.family(&family::LIMITER_FORGOTTEN);
    limits.iter().for_each(|(name, limit)| series.put(&[name], limit.tally.forgotten));
    let caches = [
        (&family::CACHE_BYTES, plan.shelves.iter().map(|shelf| shelf.store.bytes()).sum::<u64>()),
        (&family::CACHE_BYTES_MAX, plan.shelves.iter().map(|shelf| shelf.store.max()).sum()),
        (&family::CACHE_ENTRIES, plan.shelves.iter().map(|shelf| shelf.store.entries()).sum()),
        (&family::CACHE_EVICTIONS, plan.shelves.iter().map(|shelf| shelf.store.evicted()).sum()),
    ];
    caches.into_iter().for_each(|(family, number)| writer.family(family).put(&[], number));
    let mut series = writer.family(&family::AUTH_FAILURES);
    for auth in &plan.auths {
        auth.failures().for_each(|(reason, count)| series.put(&[auth.name(), reason.name()], count));
    }
    let mut series = writer.family(&family::DEPENDENCY_UP);
    for store in &plan.stores {
        series.put(&["store", store.name()], u8::from(store.is_up()));
    }
    for (kind, name, well) in plan.dependencies.each().into_iter().filter(|(kind, ..)| *kind != "store") {
        series.put(&[kind, &name], u8::from(well));
    }
}

fn connections(writer: &mut Writer, shared: &Shared, reading: &Reading) {
    let counted = reading.connections;
    writer.family(&family::CONNECTIONS).put(&[], shared.open.load(Relaxed));
    writer.family(&family::CONNECTIONS_ACCEPTED).put(&[], counted.accepted);
    writer.family(&family::CONNECTIONS_REFUSED).put(&[], counted.refused);
    writer.family(&family::HTTP2_CONNECTIONS).put(&[], counted.sessions);
    writer.family(&family::TUNNELS).put(&[], counted.tunnels);
}

fn own(writer: &mut Writer, shared: &Shared, reading: &Reading) {
    let mut series = writer.family(&family::EVENT_LOOP_DELAY);
    for (worker, late) in reading.lateness.iter().enumerate() {
        series.put_times(&[&worker.to_string()], late);
    }
    writer.family(&family::LOG_DROPPED).put(&[], shared.log.dropped());
    let hub = &shared.metrics;
    let mut series = writer.family(&family::RELOADS);
    for (outcome, count) in ["applied", "refused"].into_iter().zip(&hub.reloads) {
        series.put(&[outcome], count.load(Relaxed));
    }
    writer.family(&family::GENERATION).put(&[], hub.generation.load(Relaxed));
    writer.family(&family::CONFIG_INFO).put(&[&reading.plan.digest], 1);
    writer.family(&family::BUILD_INFO).put(&[env!("CARGO_PKG_VERSION")], 1);
}

fn system(writer: &mut Writer, shared: &Shared) {
    let process = process::read();
    let mut cpu = writer.family(&family::PROCESS_CPU);
    process.cpu_seconds.iter().for_each(|seconds| cpu.put(&[], seconds));
    let numbers = [
        (&family::PROCESS_RESIDENT, process.resident_bytes),
        (&family::PROCESS_VIRTUAL, process.virtual_bytes),
        (&family::PROCESS_FDS, process.fds),
        (&family::PROCESS_FDS_MAX, process.fds_max),
        (&family::PROCESS_THREADS, process.threads),
    ];
    for (family, number) in numbers {
        let mut series = writer.family(family);
        number.iter().for_each(|number| series.put(&[], number));
    }
    writer.family(&family::PROCESS_START).put(&[], shared.metrics.began.as_secs_f64());
}
