//! Who may come in: the statement of a route, and the auths it asks for.

use super::{Class, Comparison, Difference};
use crate::analyse::words::{duration, value};
use crate::policy::auth::{AttributeDecl, AttributeType, Carrier, Config, Declared, Jwt, Key, Kind, Mode};

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
        if let Some(both) = comparison.aligned.auths.get(usize::from(*index))
            && let (Some(was), Some(is)) = (both.old, both.new)
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
        (None, Some(gained)) => {
            let says = format!("{is} is in force, was {was}: callers {} get in", caller(gained));
            found.push(Difference::new(Class::Looser, says).with(caller(gained)));
        }
        (None, None) if old.mode == new.mode && auths.iter().all(|auth| old.auths.contains(auth) && new.auths.contains(auth)) => {
            found.push(Difference::new(Class::Cosmetic, format!("{is} names its auths in another order")));
        }
        (None, None) if old.is_public() != new.is_public() || old.auths != new.auths => {
            found.push(Difference::new(Class::Reshaped, format!("{is} is in force, was {was}: who calls is known in another way")));
        }
        (None, None) => found.push(Difference::new(Class::Cosmetic, "the reason of `public` reads otherwise")),
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

/// One auth that is declared otherwise.
fn declarations(was: &Declared, is: &Declared, found: &mut Vec<Difference>) {
    let name = &is.name;
    let old_credential = || format!("with a credential that `{name}` took");
    match (&was.kind, &is.kind) {
        (Kind::Jwt(was), Kind::Jwt(is)) => tokens(name, was, is, found),
        (Kind::Key(was), Kind::Key(is)) => keys(name, was, is, found),
        (Kind::Basic(was), Kind::Basic(is)) => {
            if was != is {
                let says = format!("the users of `{name}` are those of {}, were those of {}", is.users, was.users);
                found.push(Difference::new(Class::Breaking, says).with(old_credential()));
            }
        }
        (Kind::Remote(was), Kind::Remote(is)) => {
            if was != is {
                found.push(
                    Difference::new(Class::Breaking, format!("another service vouches for callers of `{name}`")).with(old_credential()),
                );
            }
        }
        (
            Kind::Jwt(_) | Kind::Key(_) | Kind::Basic(_) | Kind::Remote(_),
            Kind::Jwt(_) | Kind::Key(_) | Kind::Basic(_) | Kind::Remote(_),
        ) => {
            let says = format!("`{name}` asks for credentials of another kind");
            found.push(Difference::new(Class::Breaking, says).with(old_credential()));
        }
    }
    if was.forward != is.forward {
        let says = if is.forward { "is sent upstream" } else { "is not sent upstream any more" };
        found.push(Difference::new(Class::Reshaped, format!("the credential of `{name}` {says}")));
    }
    attributes(was, is, found);
}

fn tokens(name: &str, was: &Jwt, is: &Jwt, found: &mut Vec<Difference>) {
    if was.key != is.key {
        let says = format!("tokens of `{name}` are signed with {}, were with {}", is.key, was.key);
        found.push(Difference::new(Class::Breaking, says).with(format!("with a token that `{name}` took")));
    }
    let algorithms = |jwt: &Jwt| jwt.algorithms.iter().map(|algorithm| algorithm.name().to_owned()).collect::<Vec<_>>();
    let token = |what: &str| format!("with a token of `{name}` that {what}");
    if was.algorithms.iter().any(|algorithm| is.algorithms.contains(algorithm)) {
        narrowed(&format!("`{name}` takes tokens signed by"), &algorithms(was), &algorithms(is), false, &token("is signed so"), found);
    } else {
        let says = format!("`{name}` takes tokens signed by {}, not by {} any more", algorithms(is).join(", "), algorithms(was).join(", "));
        found.push(Difference::new(Class::Breaking, says).with(format!("with a token that `{name}` took")));
    }
    narrowed(&format!("`{name}` takes tokens issued by"), &was.issuer, &is.issuer, true, &token("is issued so"), found);
    narrowed(&format!("`{name}` takes tokens for the audience"), &was.audience, &is.audience, true, &token("is meant for it"), found);
    if was.leeway != is.leeway {
        let class = if is.leeway > was.leeway { Class::Looser } else { Class::Tighter };
        let says = format!("the leeway of `{name}` is {}, was {}", duration(is.leeway), duration(was.leeway));
        found.push(Difference::new(class, says).with(token("has just expired")));
    }
    carriers(name, &was.from, &is.from, found);
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
    if gone.is_empty() && added.is_empty() && was.single != is.single {
        found.push(Difference::new(Class::Reshaped, format!("keys of `{name}` have other attributes")));
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
}

fn attributes(was: &Declared, is: &Declared, found: &mut Vec<Difference>) {
    let name = &is.name;
    let required = |attribute: &AttributeDecl| matches!(is.kind, Kind::Jwt(_)) && !attribute.optional && attribute.default.is_none();
    for attribute in &is.attributes {
        let before = was.attributes.iter().find(|other| other.name == attribute.name);
        let claim = &attribute.name;
        let with = || format!("with a token without `{claim}`");
        match (before.is_some_and(&required), required(attribute)) {
            (false, true) => found.push(Difference::new(Class::Tighter, format!("tokens of `{name}` must have `{claim}`")).with(with())),
            (true, false) => {
                found.push(Difference::new(Class::Looser, format!("tokens of `{name}` need no `{claim}` any more")).with(with()))
            }
            (true, true) | (false, false) => {}
        }
        let Some(before) = before else { continue };
        if (&before.ty, &before.source) != (&attribute.ty, &attribute.source) {
            let text = |attribute: &AttributeDecl| format!("{} from `{}`", kind(&attribute.ty), attribute.source);
            let says = format!("`{claim}` of `{name}` is {}, was {}", text(attribute), text(before));
            found.push(Difference::new(Class::Tighter, says).with("with a credential that says it the old way"));
        }
        if before.default != attribute.default {
            let text = |attribute: &AttributeDecl| attribute.default.as_ref().map_or_else(|| "nothing".to_owned(), value);
            let says = format!("`{claim}` of `{name}` is {} where it is missing, was {}", text(attribute), text(before));
            found.push(Difference::new(Class::Reshaped, says).with(with()));
        }
    }
    for gone in was.attributes.iter().filter(|gone| required(gone) && !is.attributes.iter().any(|other| other.name == gone.name)) {
        let says = format!("tokens of `{name}` need no `{}` any more", gone.name);
        found.push(Difference::new(Class::Looser, says).with(format!("with a token without `{}`", gone.name)));
    }
}

fn kind(ty: &AttributeType) -> String {
    match ty {
        AttributeType::Bool => "bool".to_owned(),
        AttributeType::Int => "int".to_owned(),
        AttributeType::Text => "str".to_owned(),
        AttributeType::Enum(words) => format!("enum({})", words.join(", ")),
        AttributeType::Set => "set<str>".to_owned(),
    }
}
