//! What two routes do differently with a request that both take.

use super::align::{asks_for, first_slot, with_first_slots, with_slots};
use super::{Comparison, Difference, auth, cache, callers, cors, fields, limit, policies, rules, target, upstream};
use crate::analyse::words::Names;
use crate::http::UpstreamIndex;
use crate::ir::{Route, Target};
use crate::lang::checker::AttributeFact;
use crate::logic::Facts;
use crate::policy::Config;
use crate::policy::auth::Declared;
use crate::route::Pattern;
use std::borrow::Cow;

/// All differences; the new route is in the old program's numbers.
pub fn differences(old: &Route, new: &Route, comparison: &Comparison<'_>) -> Vec<Difference> {
    // Every field of a route is named, so that a new one is either compared here or said to be compared elsewhere.
    let Route {
        name: _,
        doc: _,
        groups: _,
        key: _,
        predicate: _,
        target: _,
        policies: _,
        timeouts: _,
        retries: _,
        hooks: _,
        reads_body: _,
        log: _,
        place: _,
    } = old;
    let named = &comparison.aligned.named;
    let (policies, params) = same_slots(old, new);
    let mut before = Cow::Borrowed(old.policies.as_slice());
    let mut policies = policies;
    let known = identities(old, new, named);
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
    callers::differences((old.auth(), new.auth()), &policies, comparison, &names, facts, &mut found);
    limit::differences(&before, &policies, comparison, &names, facts, &mut found);
    cache::differences(&before, &policies, &names, &mut found);
    cors::differences(&before, &policies, &mut found);
    fields::differences(&before, &policies, &names, &mut found);
    policies::differences((old, &before), (new, &policies), comparison, &names, &mut found);
    found
}

/// What conditions of either route may ask about the caller. Where they ask different auths, attributes go by their names.
fn identities(old: &Route, new: &Route, named: &[Declared]) -> Vec<AttributeFact> {
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

/// The upstreams that a route calls.
pub fn called(route: &Route) -> Vec<UpstreamIndex> {
    let own = match route.target {
        Target::Upstream(index) => Some(index),
        Target::Policy => None,
    };
    own.into_iter().chain(route.policies.iter().flat_map(Config::upstreams)).collect()
}
