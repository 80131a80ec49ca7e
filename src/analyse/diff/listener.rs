//! Where the gateway listens, and how clients speak to it there.

use super::align::asks_for;
use super::rest::told;
use super::{Class, Comparison, Difference};
use crate::analyse::words::Names;
use crate::ir::operate::{Tls, TlsVersion};
use crate::ir::{Gateway, Listener};
use crate::lang::expr::Ref;

/// Listeners of one address are held against each other.
pub fn differences(comparison: &Comparison<'_>, found: &mut Vec<Difference>) {
    let (was, is) = (&comparison.old.gateway, &comparison.new.gateway);
    for gone in was.listeners.iter().filter(|listener| !is.listeners.iter().any(|other| other.address == listener.address)) {
        let says = format!("nothing listens on {} any more", gone.address);
        found.push(Difference::new(Class::Breaking, says).with(format!("to {}", gone.address)));
    }
    for added in is.listeners.iter().filter(|listener| !was.listeners.iter().any(|other| other.address == listener.address)) {
        let says = format!("the gateway also listens on {}", added.address);
        found.push(Difference::new(Class::Looser, says).with(format!("to {}", added.address)));
    }
    for (was, is) in in_both(was, is) {
        if was == is {
            continue;
        }
        spoken(was, is, found);
        let names = Names { auths: &[], params: &[] };
        found.extend(told(was, is, COVERED, &format!(" of the listener on {}", is.address), &names, |_| Class::Reshaped));
        if was.name != is.name {
            renamed(was, is, comparison, found);
        }
    }
}

/// What is compared by its meaning.
const COVERED: &[&str] = &[
    "name",
    "address",
    "mode",
    "redirect_https",
    "proxy_protocol",
    "tls.?",
    "tls.certificates",
    "tls.min_version",
    "tls.client_ca.?",
    "tls.client_ca.file",
    "tls.client_ca.optional",
    "tls.resumption",
];

/// A name decides something where rules ask for it, and is seen where fields and logs say it.
fn renamed(was: &Listener, is: &Listener, comparison: &Comparison<'_>, found: &mut Vec<Difference>) {
    let routes = || comparison.old.routes.iter().chain(&comparison.new.routes);
    let called = format!("the listener on {} is called `{}`, was `{}`", is.address, is.name, was.name);
    let decides = routes().any(|route| route.conditions().into_iter().any(|expr| expr.references().contains(&&Ref::Listener)));
    let is_said = || routes().any(|route| asks_for("Listener", &route.policies) || asks_for("Listener", std::slice::from_ref(&route.log)));
    let (classes, says): (&[Class], _) = if decides {
        (&[Class::Looser, Class::Tighter], format!("{called}: what asks for `request.listener` decides otherwise"))
    } else if is_said() {
        (&[Class::Reshaped], format!("{called}: what says `request.listener` says otherwise"))
    } else {
        (&[Class::Cosmetic], called)
    };
    found.extend(classes.iter().map(|class| Difference::new(*class, says.clone()).with(format!("to {}", is.address))));
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
