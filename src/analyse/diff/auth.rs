//! Who may come in: the statement of a route, and the auths it asks for.

use super::align::Both;
use super::rest::{Setting, told};
use super::{Class, Comparison, Difference, attributes};
use crate::analyse::words::{Names, duration};
use crate::policy::auth::{
    Algorithm, Carrier, Config, Declared, Forward, Introspect, Issuer, IssuerKeys, Jwt, Key, Kind, Mode, Remote, Terms,
};

/// The most auths of two statements whose combinations are tried.
const AUTHS_MAX: usize = 10;

/// Differences for callers with every combination of credentials.
pub fn differences(old: Option<&Config>, new: Option<&Config>, comparison: &Comparison<'_>, found: &mut Vec<Difference>) {
    let public = Config { mode: Mode::Public { why: None }, auths: Vec::new() };
    let (old, new) = (old.unwrap_or(&public), new.unwrap_or(&public));
    let name = |index: u16| comparison.aligned.named.get(usize::from(index)).map_or_else(String::new, |auth| auth.name.clone());
    if old != new {
        statements(old, new, &name, found);
    }
    for index in new.auths.iter().filter(|index| old.auths.contains(index)) {
        if let Some((was, is)) = comparison.aligned.auths.get(usize::from(*index)).and_then(Both::pair)
            && was != is
        {
            declarations(was, is, found);
        }
    }
}

fn statements(old: &Config, new: &Config, name: &dyn Fn(u16) -> String, found: &mut Vec<Difference>) {
    let mut auths: Vec<u16> = old.auths.iter().chain(&new.auths).copied().collect();
    auths.sort_unstable();
    auths.dedup();
    auths.truncate(AUTHS_MAX);
    let subsets = (0..1_usize << auths.len())
        .map(|chosen| auths.iter().enumerate().filter(|(at, _)| chosen >> at & 1 == 1).map(|(_, auth)| *auth).collect::<Vec<u16>>());
    let (mut lost, mut gained): (Option<Vec<u16>>, Option<Vec<u16>>) = (None, None);
    // Small subsets first, so that the callers who are named carry no more than it takes.
    let mut subsets: Vec<Vec<u16>> = subsets.collect();
    subsets.sort_by_key(Vec::len);
    for held in subsets {
        match (lets_in(old, &held), lets_in(new, &held)) {
            (true, false) => lost = lost.or(Some(held)),
            (false, true) => gained = gained.or(Some(held)),
            (true, true) | (false, false) => {}
        }
    }
    let (was, is) = (asked(old, name), asked(new, name));
    let caller = |held: &[u16]| {
        let names: Vec<String> = held.iter().map(|auth| format!("`{}`", name(*auth))).collect();
        if names.is_empty() { "without a credential".to_owned() } else { format!("with a credential of {}", names.join(" and ")) }
    };
    match (&lost, &gained) {
        // What was good is not looked at any more: whoever holds it is refused, whatever else is true now.
        (Some(lost), _) if !lost.is_empty() && lost.iter().any(|auth| !new.auths.contains(auth)) => {
            let says = format!("{is} is asked for, was {was}: callers {} get 401", caller(lost));
            found.push(Difference::new(Class::Breaking, says).with(caller(lost)));
        }
        (Some(lost), _) => {
            let says = format!("{is} is asked for, was {was}: callers {} get 401", caller(lost));
            found.push(Difference::new(Class::Tighter, says).with(caller(lost)));
        }
        (None, Some(_)) => {}
        (None, None) if old.mode == new.mode && auths.iter().all(|auth| old.auths.contains(auth) && new.auths.contains(auth)) => {
            found.push(Difference::new(Class::Cosmetic, format!("{is} names its auths in another order")));
        }
        (None, None) if old.is_public() != new.is_public() || old.auths != new.auths => {
            found.push(Difference::new(Class::Reshaped, format!("{is} is in force, was {was}: who calls is known in another way")));
        }
        (None, None) => found.push(Difference::new(Class::Cosmetic, "the reason of `public` reads otherwise")),
    }
    if let Some(gained) = &gained {
        let says = format!("{is} is in force, was {was}: callers {} get in", caller(gained));
        found.push(Difference::new(Class::Looser, says).with(caller(gained)));
    }
}

/// Whether a caller with valid credentials of exactly these auths gets in.
fn lets_in(config: &Config, held: &[u16]) -> bool {
    match config.mode {
        Mode::Public { .. } | Mode::Optional => true,
        Mode::One | Mode::All => config.auths.iter().all(|auth| held.contains(auth)),
        Mode::Any => config.auths.iter().any(|auth| held.contains(auth)),
    }
}

fn asked(config: &Config, name: &dyn Fn(u16) -> String) -> String {
    let names = config.auths.iter().map(|auth| name(*auth)).collect::<Vec<_>>().join(", ");
    match config.mode {
        Mode::Public { .. } => "`public`".to_owned(),
        Mode::One => format!("`auth {names}`"),
        Mode::Any => format!("`auth any [{names}]`"),
        Mode::All => format!("`auth all [{names}]`"),
        Mode::Optional => format!("`auth optional {names}`"),
    }
}

/// What is compared by its meaning.
const COVERED: &[&str] = &[
    "name",
    "forward",
    "kind.?",
    "kind.jwt",
    "kind.key.from",
    "kind.key.keys",
    "kind.key.single",
    "kind.basic.users",
    "kind.remote.?",
    "kind.remote.issuer.algorithms",
    "kind.remote.issuer.keys.?",
    "kind.remote.issuer.keys.jwks.url",
    "kind.remote.issuer.keys.public_key",
    "kind.remote.issuer.issuer",
    "kind.remote.issuer.audience",
    "kind.remote.issuer.leeway",
    "kind.remote.issuer.from",
    "kind.remote.forward.url",
    "kind.remote.introspect.url",
    "attributes.?",
    "attributes.order",
    "attributes.*.?",
    "attributes.*.name",
    "attributes.*.ty",
    "attributes.*.optional",
    "attributes.*.default",
    "attributes.*.source",
];

/// One auth that is declared otherwise.
pub fn declarations(was: &Declared, is: &Declared, found: &mut Vec<Difference>) {
    let name = &is.name;
    match (&was.kind, &is.kind) {
        // Here and in `tokens` every field is named, so that a new one is compared as well.
        (Kind::Jwt(Jwt { key: old, terms: was }), Kind::Jwt(Jwt { key: new, terms: is })) => {
            tokens(name, (old.to_string(), was), (new.to_string(), is), found);
        }
        (Kind::Key(was), Kind::Key(is)) => keys(name, was, is, found),
        (Kind::Basic(was), Kind::Basic(is)) => {
            if was.users != is.users {
                let says = format!("the users of `{name}` are those of {}, were those of {}", is.users, was.users);
                others(&says, "credential", name, found);
            }
        }
        (Kind::Remote(Remote::Issuer(Issuer { keys: old, terms: was })), Kind::Remote(Remote::Issuer(Issuer { keys: new, terms: is }))) => {
            tokens(name, (published(old), was), (published(new), is), found);
        }
        (Kind::Remote(Remote::Forward(Forward { url: was, .. })), Kind::Remote(Remote::Forward(Forward { url: is, .. })))
        | (Kind::Remote(Remote::Introspect(Introspect { url: was, .. })), Kind::Remote(Remote::Introspect(Introspect { url: is, .. }))) => {
            if was != is {
                others(&format!("{is} vouches for callers of `{name}`, did {was}"), "credential", name, found);
            }
        }
        (
            Kind::Jwt(_) | Kind::Key(_) | Kind::Basic(_) | Kind::Remote(_),
            Kind::Jwt(_) | Kind::Key(_) | Kind::Basic(_) | Kind::Remote(_),
        ) => others(&format!("`{name}` asks for credentials of another kind"), "credential", name, found),
    }
    if was.forward != is.forward {
        let says = if is.forward { "is sent upstream" } else { "is not sent upstream any more" };
        found.push(Difference::new(Class::Reshaped, format!("the credential of `{name}` {says}")));
    }
    attributes::declared(was, is, found);
    let tuned = |setting: &Setting| setting.path.iter().any(|name| ["cache", "timeout", "refresh"].contains(&name.as_str()));
    let class = |setting: &Setting| if tuned(setting) { Class::Tuned } else { Class::Reshaped };
    found.extend(told(was, is, COVERED, &format!(" of auth `{name}`"), &Names { auths: &[], params: &[] }, class));
}

/// Other credentials are taken: who had one is refused, and who has a new one gets in.
fn others(says: &str, what: &str, name: &str, found: &mut Vec<Difference>) {
    found.push(Difference::new(Class::Breaking, says).with(format!("with a {what} that `{name}` took")));
    found.push(Difference::new(Class::Looser, says).with(format!("with a {what} that `{name}` did not take")));
}

/// Where the keys of an issuer are.
fn published(keys: &IssuerKeys) -> String {
    match keys {
        IssuerKeys::Jwks { url, .. } => format!("the keys at {url}"),
        IssuerKeys::PublicKey(key) => key.to_string(),
    }
}

fn names(algorithms: &[Algorithm]) -> Vec<String> {
    algorithms.iter().map(|algorithm| algorithm.name().to_owned()).collect()
}

fn tokens(name: &str, (old_key, was): (String, &Terms), (new_key, is): (String, &Terms), found: &mut Vec<Difference>) {
    if old_key != new_key {
        others(&format!("tokens of `{name}` are signed with {new_key}, were with {old_key}"), "token", name, found);
    }
    let Terms { algorithms, issuer, audience, leeway, from } = is;
    let (old_algorithms, algorithms) = (names(&was.algorithms), names(algorithms));
    let token = |what: &str| format!("with a token of `{name}` that {what}");
    let shared = |one: &[String], other: &[String]| one.is_empty() || other.is_empty() || one.iter().any(|entry| other.contains(entry));
    if shared(&old_algorithms, &algorithms) {
        narrowed(&format!("`{name}` takes tokens signed by"), &old_algorithms, &algorithms, false, &token("is signed so"), found);
    } else {
        let (now, then) = (algorithms.join(", "), old_algorithms.join(", "));
        others(&format!("`{name}` takes tokens signed by {now}, not by {then} any more"), "token", name, found);
    }
    if shared(&was.issuer, issuer) {
        narrowed(&format!("`{name}` takes tokens issued by"), &was.issuer, issuer, true, &token("is issued so"), found);
    } else {
        let (now, then) = (issuer.join(", "), was.issuer.join(", "));
        others(&format!("`{name}` takes tokens issued by {now}, not by {then} any more"), "token", name, found);
    }
    narrowed(&format!("`{name}` takes tokens for the audience"), &was.audience, audience, true, &token("is meant for it"), found);
    if was.leeway != *leeway {
        let class = if *leeway > was.leeway { Class::Looser } else { Class::Tighter };
        let says = format!("the leeway of `{name}` is {}, was {}", duration(*leeway), duration(was.leeway));
        found.push(Difference::new(class, says).with(token("has just expired")));
    }
    carriers(name, &was.from, from, found);
}

fn keys(name: &str, was: &Key, is: &Key, found: &mut Vec<Difference>) {
    let texts = |key: &Key| {
        let single = key.single.iter().map(|single| format!("`{}` {}", single.name, single.secret));
        key.keys.iter().map(ToString::to_string).chain(single).collect::<Vec<_>>()
    };
    let (old, new) = (texts(was), texts(is));
    let gone: Vec<String> = old.iter().filter(|text| !new.contains(text)).cloned().collect();
    let added: Vec<String> = new.iter().filter(|text| !old.contains(text)).cloned().collect();
    if !gone.is_empty() {
        let says = format!("`{name}` takes no keys of {} any more", gone.join(", "));
        found.push(Difference::new(Class::Breaking, says).with("with such a key"));
    }
    if !added.is_empty() {
        found.push(Difference::new(Class::Looser, format!("`{name}` also takes keys of {}", added.join(", "))).with("with such a key"));
    }
    if gone.is_empty() && added.is_empty() {
        for (before, now) in was.single.iter().zip(&is.single).filter(|(before, now)| before != now) {
            let says = if before.name == now.name && before.secret == now.secret {
                format!("key `{}` of `{name}` has other attributes", now.name)
            } else {
                format!("the keys of `{name}` stand in another order")
            };
            found.push(Difference::new(Class::Reshaped, says).with(format!("with the key `{}`", now.name)));
        }
    }
    carriers(name, &was.from, &is.from, found);
}

fn carriers(name: &str, was: &[Carrier], is: &[Carrier], found: &mut Vec<Difference>) {
    let texts = |from: &[Carrier]| -> Vec<String> {
        from.iter()
            .map(|carrier| match carrier {
                Carrier::Header(name) => format!("header(\"{name}\")"),
                Carrier::Cookie(name) => format!("cookie(\"{name}\")"),
                Carrier::Query(name) => format!("query(\"{name}\")"),
            })
            .collect()
    };
    let what = format!("`{name}` looks for credentials in");
    narrowed(&what, &texts(was), &texts(is), false, "with a credential there", found);
}

/// A list of what is accepted; an empty one accepts everything where `empty_is_all`.
fn narrowed(what: &str, was: &[String], is: &[String], empty_is_all: bool, with: &str, found: &mut Vec<Difference>) {
    let all = |list: &[String]| empty_is_all && list.is_empty();
    let text = |list: &[String]| if all(list) { "any".to_owned() } else { list.join(", ") };
    let covers = |wide: &[String], narrow: &[String]| all(wide) || !all(narrow) && narrow.iter().all(|item| wide.contains(item));
    let says = || format!("{what} {}, was {}", text(is), text(was));
    if !covers(is, was) {
        found.push(Difference::new(Class::Tighter, says()).with(with));
    }
    if !covers(was, is) {
        found.push(Difference::new(Class::Looser, says()).with(with));
    }
    if was != is && covers(was, is) && covers(is, was) {
        found.push(Difference::new(Class::Cosmetic, format!("{}, in another order", says())));
    }
}
