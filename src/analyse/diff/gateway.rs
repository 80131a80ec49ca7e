//! The gateway's own settings, which hold for every request.

use super::rest::{self, Setting};
use super::{Class, Comparison, Difference, listener};
use crate::analyse::words::{Names, duration, size};
use crate::ir::operate::{Admin, Events};
use crate::ir::{Gateway, Limits};
use crate::policy::{self, Config};
use ipnet::IpNet;
use std::time::Duration;

/// What is compared by its meaning; `body` is told route by route: a route may have its own.
const COVERED: &[&str] = &[
    "listeners",
    "trust",
    "trust_field",
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
    if was.trust_field != is.trust_field && !was.trust.is_empty() && !is.trust.is_empty() {
        let (is, was) = (is.trust_field.name(), was.trust_field.name());
        found.push(Difference::new(Class::Reshaped, format!("proxies of `trust` are believed in `{is}`, were in `{was}`")));
    }
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

/// What is for operators, which no request of a client meets; auths by their names.
fn others(was: &Gateway, is: &Gateway, comparison: &Comparison<'_>, found: &mut Vec<Difference>) {
    admin(was.admin.as_ref(), is.admin.as_ref(), comparison, found);
    let mut tuned = |says: String| found.push(Difference::new(Class::Tuned, says));
    match (&was.trace, &is.trace) {
        (None, Some(trace)) => tuned(format!("`trace otlp {}` is in force", trace.url)),
        (Some(trace), None) => tuned(format!("`trace otlp {}` is not in force any more", trace.url)),
        (Some(_), Some(_)) | (None, None) => {}
    }
    let told = |events: &Events| format!("`events post {} on [{}]`", events.url, events.on.join(", "));
    is.events.iter().filter(|events| !was.events.contains(events)).for_each(|events| tuned(format!("{} is in force", told(events))));
    was.events
        .iter()
        .filter(|events| !is.events.contains(events))
        .for_each(|events| tuned(format!("{} is not in force any more", told(events))));
    let covered: Vec<&str> = COVERED.iter().copied().chain(["admin", "events", "trace.?"]).collect();
    let names = Names { auths: &comparison.aligned.named, params: &[] };
    let class = |setting: &Setting| if setting.path.first().is_some_and(|name| name == "trace") { Class::Tuned } else { Class::Reshaped };
    found.extend(rest::told(was, is, &covered, "", &names, class));
}

/// The admin listener: whom it asks for decides who gets in there.
fn admin(was: Option<&Admin>, is: Option<&Admin>, comparison: &Comparison<'_>, found: &mut Vec<Difference>) {
    let asked = |admin: &Admin| match admin.auth {
        None => "nobody's credential".to_owned(),
        Some(auth) => comparison.aligned.named.get(usize::from(auth)).map_or_else(String::new, |auth| format!("`{}`", auth.name)),
    };
    let mut tell = |class: Class, says: String| found.push(Difference::new(class, says).unseen());
    match (was, is) {
        (None, None) => {}
        (None, Some(is)) => tell(Class::Tuned, format!("`admin {}` is in force and asks for {}", is.address, asked(is))),
        (Some(was), None) => tell(Class::Tuned, format!("`admin {}` is not in force any more", was.address)),
        (Some(was), Some(is)) => {
            if was.address != is.address {
                tell(Class::Tuned, format!("`admin` is at {}, was at {}", is.address, was.address));
            }
            if was.auth != is.auth {
                let says = format!("the admin listener asks for {}, did for {}", asked(is), asked(was));
                if was.auth.is_some() {
                    tell(Class::Looser, says.clone());
                }
                if is.auth.is_some() {
                    tell(Class::Tighter, says);
                }
            }
        }
    }
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
