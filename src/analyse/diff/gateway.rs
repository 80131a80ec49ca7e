//! The gateway's own settings, which hold for every request.

use super::{Class, Comparison, Difference, Gathered, Witness, conditions};
use crate::analyse::words::{duration, size};
use crate::ir::operate::{Tls, TlsVersion};
use crate::ir::spell::references;
use crate::ir::{Gateway, Limits, Listener};
use crate::lang::expr::Ref;
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
    if asks_for_listeners(comparison) {
        renamed(was, is, &mut found);
    }
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
    for (was, is) in in_both(was, is) {
        spoken(was, is, found);
    }
}

/// Some rule decides by the listener's name.
fn asks_for_listeners(comparison: &Comparison<'_>) -> bool {
    let mut routes = comparison.old.routes.iter().chain(&comparison.new.routes);
    routes.any(|route| route.conditions().into_iter().any(|expr| references(expr).contains(&&Ref::Listener)))
}

fn renamed(was: &Gateway, is: &Gateway, found: &mut Vec<Difference>) {
    for (was, is) in in_both(was, is).filter(|(was, is)| was.name != is.name) {
        let says = format!(
            "the listener on {} is called `{}`, was `{}`: what asks for `request.listener` decides otherwise",
            is.address, is.name, was.name
        );
        for class in [Class::Looser, Class::Tighter] {
            found.push(Difference::new(class, says.clone()).with(format!("to {}", is.address)));
        }
    }
}

/// Listeners of one address.
fn in_both<'g>(was: &'g Gateway, is: &'g Gateway) -> impl Iterator<Item = (&'g Listener, &'g Listener)> {
    was.listeners.iter().filter_map(|old| is.listeners.iter().find(|new| new.address == old.address).map(|new| (old, new)))
}

/// How clients speak to one listener.
fn spoken(was: &Listener, is: &Listener, found: &mut Vec<Difference>) {
    let address = &is.address;
    let mut say = |class: Class, says: &str, with: &str| {
        found.push(Difference::new(class, format!("the listener on {address} {says}")).with(format!("to {address}{with}")));
    };
    match (was.redirect_https, is.redirect_https) {
        (true, false) => say(Class::Looser, "answers requests in the clear, before it sent them to https", ""),
        (false, true) => say(Class::Breaking, "sends clients to https, before it answered them", ""),
        (true, true) | (false, false) => {}
    }
    let (before, now) = (was.mode, is.mode);
    if now & !before != 0 {
        say(Class::Looser, "lets more users of this machine connect", "");
    }
    if before & !now != 0 {
        say(Class::Tighter, "lets fewer users of this machine connect", "");
    }
    if was.proxy_protocol != is.proxy_protocol {
        let says = if is.proxy_protocol { "asks for the PROXY protocol" } else { "does not understand the PROXY protocol any more" };
        say(Class::Breaking, says, "");
    }
    match (&was.tls, &is.tls) {
        (None, None) => {}
        (None, Some(_)) => say(Class::Breaking, "speaks TLS only", ", in the clear"),
        (Some(_), None) => {
            say(Class::Breaking, "does not speak TLS any more", ", over TLS");
            say(Class::Looser, "takes requests in the clear", ", in the clear");
        }
        (Some(was), Some(is)) => tls(was, is, &mut say),
    }
}

fn tls(was: &Tls, is: &Tls, say: &mut impl FnMut(Class, &str, &str)) {
    match (was.min_version, is.min_version) {
        (TlsVersion::Tls12, TlsVersion::Tls13) => say(Class::Tighter, "speaks TLS 1.3 only", ", over TLS 1.2"),
        (TlsVersion::Tls13, TlsVersion::Tls12) => say(Class::Looser, "speaks TLS 1.2 too", ", over TLS 1.2"),
        (TlsVersion::Tls12, TlsVersion::Tls12) | (TlsVersion::Tls13, TlsVersion::Tls13) => {}
    }
    match (&was.client_ca, &is.client_ca) {
        (None, None) => {}
        (None, Some(ca)) if ca.optional => {
            say(Class::Tighter, "refuses client certificates of other authorities", ", with such a certificate")
        }
        (None, Some(_)) => say(Class::Breaking, "asks for client certificates", ", without one"),
        (Some(ca), None) if ca.optional => say(Class::Looser, "does not look at client certificates any more", ", with any certificate"),
        (Some(_), None) => say(Class::Looser, "does not ask for client certificates any more", ", without one"),
        (Some(was), Some(is)) => {
            match (was.optional, is.optional) {
                (false, true) => say(Class::Looser, "lets clients without a certificate in", ", without one"),
                (true, false) => say(Class::Breaking, "asks for client certificates", ", without one"),
                (true, true) | (false, false) => {}
            }
            if was.file != is.file {
                say(Class::Breaking, "takes client certificates of other authorities", ", with a certificate that it took");
                say(Class::Looser, "takes client certificates of other authorities", ", with a certificate that it did not take");
            }
        }
    }
    if was.certificates != is.certificates {
        say(Class::Reshaped, "shows other certificates", ", over TLS");
    }
    if was.resumption != is.resumption {
        say(Class::Tuned, if is.resumption { "takes sessions up again" } else { "takes no session up again" }, ", over TLS");
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
