//! The upstreams that a route calls: where they are, what they are sent, and how calls are made.

use super::outcome::called;
use super::rest::{Setting, told};
use super::{Class, Comparison, Difference};
use crate::analyse::words::{Names, duration, share};
use crate::http::UpstreamIndex;
use crate::ir::Route;
use crate::upstream::breaker::Opens;
use crate::upstream::config::{HostSent, Target};
use crate::upstream::{Config, breaker, timeout};
use std::collections::BTreeMap;

/// Differences in the upstreams that both routes call.
pub fn differences(old: &Route, new: &Route, comparison: &Comparison<'_>, found: &mut Vec<Difference>) {
    let before = called(old);
    let mut upstreams: Vec<UpstreamIndex> = called(new).into_iter().filter(|index| before.contains(index)).collect();
    upstreams.sort_unstable_by_key(|index| index.0);
    upstreams.dedup();
    for index in upstreams {
        let Some(both) = comparison.aligned.upstreams.get(usize::from(index.0)) else { continue };
        let Some((was, is)) = both.pair() else { continue };
        let own = |route: &Route, config: &Config| {
            route.timeouts.iter().find(|(of, _)| *of == index).map_or(config.timeout, |(_, timeouts)| *timeouts)
        };
        times(&is.name, own(old, was), own(new, is), found);
        let again = |route: &Route, config: &Config| {
            let retry = route.retries.iter().find(|(of, _)| *of == index).map(|(_, retry)| retry.clone());
            BTreeMap::from([("retry", retry.or_else(|| config.retry.clone()))])
        };
        let names = Names { auths: &comparison.aligned.named, params: &[] };
        let (once, now) = (again(old, was), again(new, is));
        if once != now {
            found.extend(told(&once, &now, &[], &format!(" for `{}`", is.name), &names, |_| Class::Tuned));
        }
        if was != is {
            places(was, is, found);
            calls(was, is, &names, found);
        }
    }
}

fn times(name: &str, was: timeout::Config, is: timeout::Config, found: &mut Vec<Difference>) {
    let clauses = [
        ("connect", was.connect, is.connect),
        ("attempt", was.attempt, is.attempt),
        ("read", was.read, is.read),
        ("total", was.total, is.total),
    ];
    for (clause, was, is) in clauses.into_iter().filter(|(_, was, is)| was != is) {
        let says = format!("`timeout {clause}` for `{name}` is {}, was {}", duration(is), duration(was));
        found.push(Difference::new(Class::Tuned, says));
    }
}

fn places(was: &Config, is: &Config, found: &mut Vec<Difference>) {
    let name = &is.name;
    let place = |target: &Target| format!("{}://{}:{}", if target.tls { "https" } else { "http" }, target.host, target.port);
    let at = |config: &Config| {
        let mut places: Vec<String> = config.targets.iter().map(place).collect();
        places.sort_unstable();
        places
    };
    let (before, now) = (at(was), at(is));
    if before != now {
        let says = format!("upstream `{name}` is at {}, was at {}", now.join(", "), before.join(", "));
        found.push(Difference::new(Class::Rerouted, says));
    } else {
        let shares = |config: &Config| {
            let mut shares: Vec<(String, u32, bool)> =
                config.targets.iter().map(|target| (place(target), target.weight, target.backup)).collect();
            shares.sort_unstable();
            shares
        };
        if shares(was) != shares(is) {
            found.push(Difference::new(Class::Tuned, format!("the targets of `{name}` share its load in another way")));
        }
    }
    if was.host != is.host {
        let sent = |host: &HostSent| match host {
            HostSent::Keep => "the client's".to_owned(),
            HostSent::Target => "the target's".to_owned(),
            HostSent::Fixed(name) => format!("`{name}`"),
        };
        let says = format!("`{name}` is sent {} as `Host`, was sent {}", sent(&is.host), sent(&was.host));
        found.push(Difference::new(Class::Reshaped, says));
    }
    let slash = "with `%2F` in its path";
    match (was.encoded_slashes, is.encoded_slashes) {
        (false, true) => found.push(Difference::new(Class::Looser, format!("`{name}` gets encoded slashes, which were 400")).with(slash)),
        (true, false) => found.push(Difference::new(Class::Tighter, format!("encoded slashes for `{name}` are 400")).with(slash)),
        (true, true) | (false, false) => {}
    }
}

fn calls(was: &Config, is: &Config, names: &Names<'_>, found: &mut Vec<Difference>) {
    let name = &is.name;
    if was.breaker != is.breaker {
        let says = match (&was.breaker, &is.breaker) {
            (Some(_), None) => format!("`{name}` has no breaker any more"),
            (None, Some(is)) => format!("`{name}` has a breaker: {}", opens(is)),
            (was, is) => {
                let text = |breaker: &Option<breaker::Config>| breaker.as_ref().map_or_else(String::new, opens);
                format!("the breaker of `{name}` is {}, was {}", text(is), text(was))
            }
        };
        found.push(Difference::new(Class::Tuned, says));
    }
    found.extend(told(was, is, COVERED, &format!(" of upstream `{name}`"), names, class));
}

/// What is compared by its meaning, or route by route, and the stubs, which answer nobody outside tests.
const COVERED: &[&str] = &["name", "targets", "host", "breaker", "timeout", "retry", "stubs", "encoded_slashes"];

fn class(setting: &Setting) -> Class {
    match setting.path.first().map(String::as_str) {
        Some("resolve") => Class::Rerouted,
        Some("tls" | "http2" | "sticky" | "openapi") => Class::Reshaped,
        _ => Class::Tuned,
    }
}

fn opens(breaker: &breaker::Config) -> String {
    let when = match &breaker.opens {
        Opens::AfterFailures(count) => format!("open after {count} failures"),
        Opens::Share { share: part, least, window } => {
            format!("open when failures >= {} of {least} in {}", share(*part), duration(*window))
        }
    };
    format!("{when}, cooldown {}, probes {}", duration(breaker.cooldown), breaker.probes)
}
