//! The main figures, as JSON for people and the admin's page.

use super::super::worker::Shared;
use super::minute::{Minute, Of, Whose};
use super::read::{self, Reading};
use super::shard::VERDICTS;
use crate::meter::Distribution;
use serde_json::{Map, Value as Json, json};
use std::sync::Arc;
use tokio::time::Instant;

/// What the cache says of requests that it answers, wholly or after asking whether it may.
const HITS: [&str; 3] = ["hit", "stale", "revalidated"];
/// What it says of those that it could have answered.
const MISS: &str = "miss";

/// The figures now.
#[must_use]
pub fn summary(shared: &Shared) -> Json {
    let reading = read::of(shared);
    let minute = shared.metrics.minute.lock();
    json!({
        "routes": routes(&reading, &minute),
        "upstreams": upstreams(&reading, &minute),
        "cache": cache(&reading),
        "breakers": breakers(&reading),
        "limits": limits(&reading),
        "workers": reading.lateness.iter().map(delay).collect::<Vec<_>>(),
    })
}

fn routes(reading: &Reading, minute: &Minute) -> Map<String, Json> {
    let one = |(name, route): (&Arc<str>, &read::Route)| {
        let mut figures = times(&(Of::Route, Arc::clone(name)), &route.times, minute);
        figures.insert("requests".to_owned(), route.codes.total().into());
        figures.insert("errors".to_owned(), route.codes.errors().into());
        (name.to_string(), Json::Object(figures))
    };
    reading.routes.iter().map(one).collect()
}

fn upstreams(reading: &Reading, minute: &Minute) -> Map<String, Json> {
    let all = reading.upstreams.iter().map(|(upstream, read)| {
        let mut figures = times(&(Of::Upstream, Arc::clone(&upstream.name)), &read.times, minute);
        let failures = read.failures().map(|(reason, count)| (reason.to_owned(), count.into())).collect::<Map<_, _>>();
        let targets: Vec<Json> = upstream
            .endpoints()
            .iter()
            .map(|endpoint| json!({ "target": endpoint.place(), "healthy": upstream.state_of(endpoint).is_up(), "in_flight": endpoint.in_flight() }))
            .collect();
        let more = json!({
            "requests": read.answers.total(),
            "errors": read.answers.errors(),
            "failures": failures,
            "retries": read.retries,
            "connections": read.connections,
            "targets": targets,
        });
        if let Json::Object(more) = more {
            figures.extend(more);
        }
        (upstream.name.to_string(), Json::Object(figures))
    });
    all.collect()
}

/// Quantiles over all time, and over the last minute.
fn times(whose: &Whose, times: &Distribution, minute: &Minute) -> Map<String, Json> {
    let last = minute.last(whose, times);
    let mut figures = quantiles(|share| times.quantile(share));
    let mut of_minute = quantiles(|share| last.quantile(share));
    of_minute.insert("requests".to_owned(), last.count().into());
    figures.insert("last_minute".to_owned(), Json::Object(of_minute));
    figures
}

fn quantiles(quantile: impl Fn(f64) -> Option<f64>) -> Map<String, Json> {
    let shares = [("p50_ms", 0.5), ("p95_ms", 0.95), ("p99_ms", 0.99)];
    shares.into_iter().map(|(name, share)| (name.to_owned(), millis(quantile(share)))).collect()
}

/// Microseconds as milliseconds, to the microsecond.
fn millis(micros: Option<f64>) -> Json {
    micros.map_or(Json::Null, |micros| (micros.round() / 1e3).into())
}

fn delay(late: &Distribution) -> Json {
    json!({
        "delay_p50_ms": millis(late.quantile(0.5)),
        "delay_p99_ms": millis(late.quantile(0.99)),
        "delay_max_ms": millis(late.quantile(1.0)),
    })
}

fn cache(reading: &Reading) -> Json {
    let sum = |meant: &dyn Fn(&str) -> bool| -> u64 {
        let of_route = |route: &read::Route| VERDICTS.iter().zip(route.cache).filter(|(name, _)| meant(name)).map(|(_, n)| n).sum::<u64>();
        reading.routes.values().map(of_route).sum()
    };
    let (hits, misses) = (sum(&|verdict| HITS.contains(&verdict)), sum(&|verdict| verdict == MISS));
    let rate = (hits + misses > 0).then(|| hits as f64 / (hits + misses) as f64);
    let bytes: u64 = reading.plan.shelves.iter().map(|shelf| shelf.store.bytes()).sum();
    json!({ "hits": hits, "misses": misses, "hit_rate": rate, "bytes": bytes })
}

fn breakers(reading: &Reading) -> Map<String, Json> {
    let now = Instant::now();
    let all = reading.upstreams.iter().filter_map(|(upstream, _)| {
        let breaker = upstream.breaker.as_ref()?;
        let figures = json!({ "state": breaker.state(now).name(), "failures": breaker.failures(), "trips": breaker.trips() });
        Some((upstream.name.to_string(), figures))
    });
    all.collect()
}

fn limits(reading: &Reading) -> Map<String, Json> {
    let all = reading.limits().into_iter().map(|(name, limit)| {
        let figures = json!({ "allowed": limit.tally.allowed, "rejected": limit.tally.rejected, "keys": limit.keys });
        (name.to_string(), figures)
    });
    all.collect()
}
