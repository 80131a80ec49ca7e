//! What two routes do differently with a request that both take.

use super::align::{asks_for, first_slot, with_first_slots, with_slots};
use super::{Class, Comparison, Difference, auth, fields, limit, rules, target, upstream};
use crate::analyse::words::{Names, size};
use crate::http::UpstreamIndex;
use crate::ir::{Log, Route, Target};
use crate::lang::checker::AttributeFact;
use crate::logic::Facts;
use crate::policy::auth::Declared;
use crate::policy::{Config, body, cors};
use crate::route::Pattern;
use serde_json::Value;
use std::borrow::Cow;
use std::collections::BTreeMap;

/// Policies that are compared by their meaning, or together with the target; of any other it is only said that it changed.
const BY_MEANING: &[&str] = &["access", "auth", "limit", "cors", "body", "shape", "aggregate", "respond", "issue"];

/// All differences; the new route is in the old program's numbers.
pub fn differences(old: &Route, new: &Route, comparison: &Comparison<'_>) -> Vec<Difference> {
    let named = &comparison.aligned.named;
    let (policies, params) = same_slots(old, new);
    let mut before = Cow::Borrowed(old.policies.as_slice());
    let mut policies = policies;
    let known = callers(old, new, named);
    if old.auth() != new.auth() {
        for side in [&mut before, &mut policies] {
            if asks_for("Attribute", side) {
                *side = Cow::Owned(with_first_slots(side, named));
            }
        }
    }
    let names = Names { auths: named, params: &params };
    let facts = Facts { key: Some(&old.key), attributes: &known, ..Facts::default() };
    let mut found = Vec::new();
    target::differences((old, &before), (new, &policies), comparison, &names, &mut found);
    upstream::differences(old, new, comparison, &mut found);
    auth::differences(old.auth(), new.auth(), comparison, &mut found);
    rules::differences(&before, &policies, &names, facts, &mut found);
    limit::differences(&before, &policies, &names, facts, &mut found);
    origins(&before, &policies, &mut found);
    body_size(&before, &policies, comparison, &mut found);
    fields::differences(&before, &policies, &names, &mut found);
    others(&before, &policies, &mut found);
    log(&old.log, &new.log, &mut found);
    found
}

/// What conditions of either route may ask about the caller. Where they ask different auths, attributes go by their names.
fn callers(old: &Route, new: &Route, named: &[Declared]) -> Vec<AttributeFact> {
    let facts = |route: &Route| route.auth().map(|auth| crate::policy::auth::facts(auth, named).0).unwrap_or_default();
    let mut known = facts(old);
    if old.auth() != new.auth() {
        known.extend(facts(new));
        for fact in &mut known {
            fact.slots = fact.slots.first().and_then(|slot| first_slot(*slot, named)).into_iter().collect();
        }
        let mut names = std::collections::HashSet::new();
        known.retain(|fact| names.insert((fact.root, fact.name.clone())));
    }
    known
}

/// The new route's policies, asking for parameters by the old path's slots, and the names of those.
fn same_slots<'r>(old: &Route, new: &'r Route) -> (Cow<'r, [Config]>, Vec<String>) {
    let (known, places) = (places(&old.key.pattern), places(&new.key.pattern));
    let mut names: Vec<String> = old.key.pattern.params().iter().map(|(name, _)| (*name).to_owned()).collect();
    if places.iter().zip(&known).all(|(one, other)| one == other) && places.len() <= known.len() || !asks_for("Param", &new.policies) {
        return (Cow::Borrowed(&new.policies), names);
    }
    let mut slots = Vec::new();
    for ((name, _), place) in new.key.pattern.params().iter().zip(&places) {
        let slot = known.iter().position(|other| other == place).unwrap_or_else(|| {
            names.push((*name).to_owned());
            names.len() - 1
        });
        slots.push(u16::try_from(slot).unwrap_or(u16::MAX));
    }
    (Cow::Owned(with_slots(&new.policies, &slots)), names)
}

/// Which part of the path each parameter is.
fn places(pattern: &Pattern) -> Vec<String> {
    use crate::route::pattern::{End, Segment};
    let segments = pattern.segments().iter().enumerate();
    let mut places: Vec<String> = segments
        .filter_map(|(at, segment)| match segment {
            Segment::Literal(_) => None,
            Segment::Parameter { .. } => Some(format!("segment {at}")),
        })
        .collect();
    match pattern.end() {
        End::Exact | End::Slash => {}
        End::Rest => places.push(format!("from segment {}", pattern.segments().len())),
        End::Regex(regex) => places.extend((0..regex.groups().len()).map(|group| format!("group {group} of {regex}"))),
    }
    places
}

fn origins(old: &[Config], new: &[Config], found: &mut Vec<Difference>) {
    let of = |policies: &[Config]| {
        policies.iter().find_map(|policy| if let Config::Cors(config) = policy { Some(config.clone()) } else { None })
    };
    let preflight = "from a script of another origin";
    match (of(old), of(new)) {
        (None, None) => {}
        (Some(_), None) => {
            found.push(Difference::new(Class::Tighter, "scripts of other origins may not call it any more: no `cors`").with(preflight))
        }
        (None, Some(new)) => {
            let origins: Vec<String> = new.origins.iter().map(origin).collect();
            found.push(Difference::new(Class::Looser, format!("scripts of {} may call it: `cors`", origins.join(", "))).with(preflight));
        }
        (Some(old), Some(new)) => {
            let origins = |config: &cors::Config| config.origins.iter().map(origin).collect::<Vec<_>>();
            list("`cors origins`", &origins(&old), &origins(&new), "*", found);
            let methods = |config: &cors::Config| if config.methods.is_empty() { vec!["*".to_owned()] } else { config.methods.clone() };
            list("`cors methods`", &methods(&old), &methods(&new), "*", found);
            list("`cors headers`", &old.headers, &new.headers, "*", found);
            list("`cors expose`", &old.expose, &new.expose, "*", found);
            match (old.credentials, new.credentials) {
                (false, true) => found.push(Difference::new(Class::Looser, "`cors` lets credentials come along").with(preflight)),
                (true, false) => {
                    found.push(Difference::new(Class::Tighter, "`cors` lets no credentials come along any more").with(preflight))
                }
                (true, true) | (false, false) => {}
            }
            if old.max_age != new.max_age {
                let time = crate::analyse::words::duration;
                found.push(Difference::new(Class::Tuned, format!("`cors max_age` is {}, was {}", time(new.max_age), time(old.max_age))));
            }
        }
    }
}

fn origin(origin: &cors::Origin) -> String {
    match origin {
        cors::Origin::Any => "*".to_owned(),
        cors::Origin::Exact(text) => text.clone(),
        cors::Origin::Under { scheme, suffix } => format!("{scheme}*{suffix}"),
    }
}

/// Two lists of what is let through, one word of which may stand for everything.
fn list(what: &str, old: &[String], new: &[String], all: &str, found: &mut Vec<Difference>) {
    let more = |of: &[String], than: &[String]| -> Vec<String> {
        if than.iter().any(|word| word == all) { Vec::new() } else { of.iter().filter(|word| !than.contains(word)).cloned().collect() }
    };
    let (added, gone) = (more(new, old), more(old, new));
    if !added.is_empty() {
        found.push(Difference::new(Class::Looser, format!("{what} also has {}", added.join(", "))));
    }
    if !gone.is_empty() {
        found.push(Difference::new(Class::Tighter, format!("{what} has no {} any more", gone.join(", "))));
    }
}

fn body_size(old: &[Config], new: &[Config], comparison: &Comparison<'_>, found: &mut Vec<Difference>) {
    let most = |policies: &[Config], otherwise: Option<u64>| {
        let own = policies.iter().find_map(|policy| if let Config::Body(body::Config { max, .. }) = policy { Some(*max) } else { None });
        match own {
            Some(body::Max::Bytes(most)) => most,
            Some(body::Max::Unbounded) => u64::MAX,
            Some(body::Max::Gateway) | None => otherwise.unwrap_or(u64::MAX),
        }
    };
    let (was, is) = (most(old, comparison.old.gateway.limits.body), most(new, comparison.new.gateway.limits.body));
    let text = |most: u64| if most == u64::MAX { "none".to_owned() } else { size(most) };
    let class = match is.cmp(&was) {
        std::cmp::Ordering::Equal => return,
        std::cmp::Ordering::Greater => Class::Looser,
        std::cmp::Ordering::Less => Class::Tighter,
    };
    let above = size(was.min(is));
    found.push(Difference::new(class, format!("`body max` is {}, was {}", text(is), text(was))).with(format!("with a body over {above}")));
}

/// Policies of which only equality is known here.
fn others(old: &[Config], new: &[Config], found: &mut Vec<Difference>) {
    let of = |policies: &[Config]| -> BTreeMap<String, Value> {
        let values = policies.iter().filter_map(|policy| serde_json::to_value(policy).ok());
        let members = values.filter_map(|value| if let Value::Object(members) = value { members.into_iter().next() } else { None });
        members.filter(|(name, _)| !BY_MEANING.contains(&name.as_str())).collect()
    };
    if old == new {
        return;
    }
    let (old, new) = (of(old), of(new));
    for (name, value) in &new {
        match old.get(name) {
            None => found.push(Difference::new(Class::Reshaped, format!("`{name}` is in force"))),
            Some(was) if was != value => {
                found.push(Difference::new(Class::Reshaped, format!("`{name}` says something else: {}", shown(was, value))))
            }
            Some(_) => {}
        }
    }
    for name in old.keys().filter(|name| !new.contains_key(*name)) {
        found.push(Difference::new(Class::Reshaped, format!("`{name}` is not in force any more")));
    }
}

/// The members that differ, as data.
fn shown(was: &Value, is: &Value) -> String {
    let (Value::Object(was), Value::Object(is)) = (was, is) else { return format!("{is}, was {was}") };
    let missing = Value::Null;
    let changed = is.iter().map(|(name, value)| (name, value, was.get(name).unwrap_or(&missing))).filter(|(_, is, was)| is != was);
    changed.map(|(name, is, was)| format!("{name} {is}, was {was}")).collect::<Vec<_>>().join("; ")
}

fn log(old: &Log, new: &Log, found: &mut Vec<Difference>) {
    if old != new {
        let text = |log: &Log| match log.format {
            None => "off",
            Some(crate::ir::LogFormat::Json) => "json",
            Some(crate::ir::LogFormat::Text) => "text",
        };
        let says = if old.format == new.format {
            "`log access` writes other requests or fields".to_owned()
        } else {
            format!("`log access` is {}, was {}", text(new), text(old))
        };
        found.push(Difference::new(Class::Tuned, says));
    }
}

/// The upstreams that a route calls.
pub fn called(route: &Route) -> Vec<UpstreamIndex> {
    let own = match route.target {
        Target::Upstream(index) => Some(index),
        Target::Policy => None,
    };
    own.into_iter().chain(route.policies.iter().flat_map(Config::upstreams)).collect()
}
