//! The gateway's own settings, which hold for every request.

use super::rest::{Setting, told};
use super::{Class, Comparison, Difference, listener};
use crate::analyse::words::{Names, duration, size};
use crate::ir::{Gateway, Limits};
use crate::policy::{self, Config};
use ipnet::IpNet;
use std::time::Duration;

/// What is compared by its meaning; `body` is told route by route: a route may have its own.
const COVERED: &[&str] = &[
    "listeners",
    "trust",
    "request_id",
    "limits.header_bytes",
    "limits.headers",
    "limits.body",
    "limits.connections",
    "limits.header_timeout",
    "limits.idle",
    "drain",
    "workers",
    "log",
    "unmatched",
];

/// Listeners, trust, limits and times.
pub fn differences(comparison: &Comparison<'_>, found: &mut Vec<Difference>) {
    let (was, is) = (&comparison.old.gateway, &comparison.aligned.gateway);
    if was == is {
        return;
    }
    listener::differences(comparison, found);
    trust(&was.trust, &is.trust, found);
    if was.request_id != is.request_id {
        found.push(Difference::new(Class::Reshaped, format!("the request id is in `{}`, was in `{}`", is.request_id, was.request_id)));
    }
    limits(&was.limits, &is.limits, found);
    let mut time = |what: &str, was: Duration, is: Duration| {
        if was != is {
            found.push(Difference::new(Class::Tuned, format!("`{what}` is {}, was {}", duration(is), duration(was))));
        }
    };
    time("drain", was.drain, is.drain);
    time("limits header_timeout", was.limits.header_timeout, is.limits.header_timeout);
    time("limits idle", was.limits.idle, is.limits.idle);
    if was.workers != is.workers {
        let count = |workers: Option<usize>| workers.map_or_else(|| "one per core".to_owned(), |count| count.to_string());
        found.push(Difference::new(Class::Tuned, format!("`workers` is {}, was {}", count(is.workers), count(was.workers))));
    }
    if was.log != is.log {
        found.push(Difference::new(Class::Tuned, "`log access` of requests that no route takes is another"));
    }
    unmatched(&was.unmatched, &is.unmatched, found);
    others(was, is, comparison, found);
}

/// What becomes of the replies that no route makes, statement by statement.
fn unmatched(was: &[Config], is: &[Config], found: &mut Vec<Difference>) {
    for name in policy::ALL.iter().filter(|entry| entry.unmatched).map(|entry| entry.name) {
        let of = |policies: &[Config]| -> Vec<Config> { policies.iter().filter(|policy| policy.name() == name).cloned().collect() };
        if of(was) != of(is) {
            let says = format!("`{name}` of requests that no route takes is another");
            found.push(Difference::new(Class::Reshaped, says));
        }
    }
}

/// The admin listener, traces, events, and what comes after them; auths by their names.
fn others(was: &Gateway, is: &Gateway, comparison: &Comparison<'_>, found: &mut Vec<Difference>) {
    let asks = |gateway: &Gateway| gateway.admin.as_ref().map(|admin| admin.auth);
    let name = |auth: u16| comparison.aligned.named.get(usize::from(auth)).map_or_else(String::new, |auth| format!("`{}`", auth.name));
    if let (Some(old), Some(new)) = (asks(was), asks(is))
        && old != new
    {
        let text = |auth: Option<u16>| auth.map_or_else(|| "nobody's credential".to_owned(), name);
        let says = format!("the admin listener asks for {}, did for {}", text(new), text(old));
        if old.is_some() {
            found.push(Difference::new(Class::Looser, says.clone()).with("to the admin listener"));
        }
        if new.is_some() {
            found.push(Difference::new(Class::Tighter, says).with("to the admin listener"));
        }
    }
    let covered: Vec<&str> = COVERED.iter().copied().chain(["admin.auth"]).collect();
    let class = |setting: &Setting| match setting.path.first().map(String::as_str) {
        Some("trace" | "events") => Class::Tuned,
        _ => Class::Reshaped,
    };
    let names = Names { auths: &comparison.aligned.named, params: &[] };
    found.extend(told(was, is, &covered, "", &names, class));
}

/// Networks as the sets of addresses that they are.
fn trust(was: &[IpNet], is: &[IpNet], found: &mut Vec<Difference>) {
    let text = |networks: &[IpNet]| networks.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ");
    let (added, gone) = (without(is, was), without(was, is));
    if !added.is_empty() {
        let says = format!("forwarding fields from {} are believed", text(&added));
        found.push(Difference::new(Class::Looser, says).with(format!("from {}", text(&added))));
    }
    if !gone.is_empty() {
        let says = format!("forwarding fields from {} are not believed any more", text(&gone));
        found.push(Difference::new(Class::Tighter, says).with(format!("from {}", text(&gone))));
    }
    if added.is_empty() && gone.is_empty() && was != is {
        found.push(Difference::new(Class::Cosmetic, "`trust` is written otherwise and means the same"));
    }
}

/// The addresses of some networks that are not in others, as few networks as they make up.
fn without(of: &[IpNet], others: &[IpNet]) -> Vec<IpNet> {
    let others = IpNet::aggregate(&others.to_vec());
    let mut left = IpNet::aggregate(&of.to_vec());
    let mut found = Vec::new();
    // A network is halved only while it holds another, so at most its bits times the number of the others.
    while let Some(network) = left.pop() {
        if others.iter().any(|other| other.contains(&network)) {
            continue;
        }
        match network.subnets(network.prefix_len().saturating_add(1)) {
            Ok(halves) if others.iter().any(|other| network.contains(other)) => left.extend(halves),
            Ok(_) | Err(_) => found.push(network),
        }
    }
    found.sort_unstable();
    IpNet::aggregate(&found)
}

fn limits(was: &Limits, is: &Limits, found: &mut Vec<Difference>) {
    let mut bound = |name: &str, (was, is): (u64, u64), text: fn(u64) -> String, with: &str| {
        let class = match is.cmp(&was) {
            std::cmp::Ordering::Equal => return,
            std::cmp::Ordering::Greater => Class::Looser,
            std::cmp::Ordering::Less => Class::Tighter,
        };
        found.push(Difference::new(class, format!("`limits {name}` is {}, was {}", text(is), text(was))).with(with));
    };
    bound("header_bytes", (was.header_bytes, is.header_bytes), size, "with a larger head");
    bound("headers", (was.headers, is.headers), |count| count.to_string(), "with more fields");
    if was.connections != is.connections {
        let says = format!("`limits connections` is {}, was {}", is.connections, was.connections);
        found.push(Difference::new(Class::Tuned, says));
    }
}
