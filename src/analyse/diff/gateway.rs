//! The gateway's own settings, which hold for every request.

use super::{Class, Comparison, Difference, Gathered, Witness, conditions};
use crate::analyse::words::{duration, size};
use crate::ir::{Gateway, Limits};
use crate::route::Remainder;
use std::time::Duration;

/// Listeners, trust, limits and times.
pub fn differences(comparison: &Comparison<'_>, gathered: &mut Gathered) {
    let (was, is) = (&comparison.old.gateway, &comparison.new.gateway);
    if was == is {
        return;
    }
    let any = (0..comparison.new.routes.len()).find_map(|route| any_request(comparison, route));
    let mut found = Vec::new();
    listeners(was, is, &mut found);
    trust(was, is, &mut found);
    if was.request_id != is.request_id {
        found.push(Difference::new(Class::Reshaped, format!("the request id is in `{}`, was in `{}`", is.request_id, was.request_id)));
    }
    limits(&was.limits, &is.limits, &mut found);
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
    for difference in found {
        gathered.whole(difference, any.as_ref());
    }
}

/// A request that some new route takes.
fn any_request(comparison: &Comparison<'_>, route: usize) -> Option<Witness> {
    let key = &comparison.new.routes.get(route)?.key;
    match crate::route::remainder::remainder(&[key], &[], &conditions::possible) {
        Remainder::Request(sample) => Some(Witness::of(&sample)),
        Remainder::Nothing | Remainder::TooComplex => None,
    }
}

fn listeners(was: &Gateway, is: &Gateway, found: &mut Vec<Difference>) {
    for gone in was.listeners.iter().filter(|listener| !is.listeners.iter().any(|other| other.address == listener.address)) {
        let says = format!("nothing listens on {} any more", gone.address);
        found.push(Difference::new(Class::Breaking, says).with(format!("to {}", gone.address)));
    }
    for added in is.listeners.iter().filter(|listener| !was.listeners.iter().any(|other| other.address == listener.address)) {
        let says = format!("the gateway also listens on {}", added.address);
        found.push(Difference::new(Class::Looser, says).with(format!("to {}", added.address)));
    }
}

fn trust(was: &Gateway, is: &Gateway, found: &mut Vec<Difference>) {
    let without = |of: &Gateway, other: &Gateway| {
        let networks: Vec<String> = of.trust.iter().filter(|network| !other.trust.contains(network)).map(ToString::to_string).collect();
        (!networks.is_empty()).then(|| networks.join(", "))
    };
    if let Some(added) = without(is, was) {
        let says = format!("forwarding fields from {added} are believed");
        found.push(Difference::new(Class::Looser, says).with(format!("from {added}")));
    }
    if let Some(gone) = without(was, is) {
        let says = format!("forwarding fields from {gone} are not believed any more");
        found.push(Difference::new(Class::Tighter, says).with(format!("from {gone}")));
    }
}

/// The bound on bodies is told route by route: a route may have its own.
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
