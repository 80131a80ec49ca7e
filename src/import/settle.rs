//! Which route goes first: other gateways have an order, here the smaller set does. Where the two differ, a priority says so;
//! a route that no request reaches is taken out.

use super::LeftOut;
use super::draft::{Group, Route};
use super::patterns::Patterns;
use crate::route::order::Finding;
use crate::route::relation::{overlap, subset};
use crate::route::{Atom, HostPattern, Methods, Predicate, RouteKey, Test, analyse};

/// Most rounds of raising priorities; each finding of a round is settled in it, and settling may bring new ones.
const ROUNDS_MAX: usize = 64;
/// Most routes of a group of which each is held against each.
const STRICT_MAX: usize = 1_000;

/// Gives routes their priorities, and takes out those that cannot be. What was taken out is said.
pub(super) fn settle(groups: &mut [Group]) -> Vec<LeftOut> {
    let mut unfit = Vec::new();
    let patterns = Patterns::default();
    drop_broken(groups, &patterns, &mut unfit);
    drop_hidden(groups, &patterns, &mut unfit);
    drop_idle(groups, &patterns);
    for _ in 0..ROUNDS_MAX {
        if !round(groups, &patterns, &mut unfit) {
            return unfit;
        }
    }
    unfit
}

/// Takes out routes whose path or hosts the language does not have.
fn drop_broken(groups: &mut [Group], patterns: &Patterns, unfit: &mut Vec<LeftOut>) {
    for group in groups {
        let faults: Vec<Option<String>> = group.routes.iter().map(|route| key(group, route, patterns).err()).collect();
        let mut faults = faults.into_iter();
        group.routes.retain(|route| match faults.next().flatten() {
            None => true,
            Some(why) => {
                unfit.push(LeftOut { line: route.line, what: route.what.clone(), why });
                false
            }
        });
    }
}

/// Takes out routes inside another that goes before them in the file although it takes more.
fn drop_hidden(groups: &mut [Group], patterns: &Patterns, unfit: &mut Vec<LeftOut>) {
    for group in groups.iter_mut().filter(|group| group.routes.len() <= STRICT_MAX) {
        let keys: Vec<Option<RouteKey>> = group.routes.iter().map(|route| key(group, route, patterns).ok()).collect();
        let hider = |at: usize, hidden: &Route| {
            let own = keys.get(at)?.as_ref()?;
            let mut before = group.routes.iter().zip(&keys).filter(|(route, _)| route.strict && route.rank < hidden.rank);
            before.find(|(_, key)| key.as_ref().is_some_and(|key| subset(own, key))).map(|(route, _)| route.name.clone())
        };
        let hidden: Vec<Option<String>> = group.routes.iter().enumerate().map(|(at, route)| hider(at, route)).collect();
        let mut hidden = hidden.into_iter();
        group.routes.retain(|route| match hidden.next().flatten() {
            None => true,
            Some(by) => {
                unfit.push(LeftOut {
                    line: route.line,
                    what: route.what.clone(),
                    why: format!("no request reaches it: `{by}` goes first"),
                });
                false
            }
        });
    }
}

/// Takes out routes that refuse what no other would take: others that take less go before them anyway.
fn drop_idle(groups: &mut [Group], patterns: &Patterns) {
    let taking: Vec<RouteKey> = groups
        .iter()
        .flat_map(|group| group.routes.iter().filter(|route| !route.refuses).filter_map(|route| key(group, route, patterns).ok()))
        .collect();
    for group in groups {
        let idle = |route: &Route| {
            let Ok(own) = key(group, route, patterns) else { return true };
            !taking.iter().any(|other| !subset(other, &own) && overlap(other, &own).is_some())
        };
        let kept: Vec<bool> = group.routes.iter().map(|route| !route.refuses || !idle(route)).collect();
        let mut kept = kept.into_iter();
        group.routes.retain(|_| kept.next().unwrap_or(true));
    }
}

/// One round; false when nothing is left to settle.
fn round(groups: &mut [Group], patterns: &Patterns, unfit: &mut Vec<LeftOut>) -> bool {
    let places: Vec<(usize, usize)> =
        groups.iter().enumerate().flat_map(|(group, all)| (0..all.routes.len()).map(move |route| (group, route))).collect();
    let keys: Vec<RouteKey> =
        groups.iter().flat_map(|group| group.routes.iter().filter_map(|route| key(group, route, patterns).ok())).collect();
    if keys.len() != places.len() {
        return false;
    }
    let mut gone: Vec<(usize, String)> = Vec::new();
    let mut changed = false;
    for finding in analyse(&keys) {
        match finding {
            Finding::Ambiguous { a, b, .. } => {
                let first_goes_first = rank(groups, &places, a) <= rank(groups, &places, b);
                let (first, second) = if first_goes_first { (a, b) } else { (b, a) };
                changed |= raise(groups, &places, first, priority(groups, &places, second) + 1);
            }
            Finding::Duplicate { first, second } => {
                let (kept, dropped) =
                    if rank(groups, &places, first) <= rank(groups, &places, second) { (first, second) } else { (second, first) };
                gone.push((dropped, format!("`{}` takes the same requests", name(groups, &places, kept))));
            }
            Finding::Unreachable { route, by } => {
                // Whoever goes before it here but not in the file was raised above it: it is raised as well.
                let own = rank(groups, &places, route);
                let above =
                    by.iter().filter(|other| own < rank(groups, &places, **other)).map(|other| priority(groups, &places, *other)).max();
                let raised = above.is_some_and(|above| raise(groups, &places, route, above));
                if !raised && !gone.iter().any(|(other, _)| *other == route) {
                    let names: Vec<String> = by.iter().map(|other| format!("`{}`", name(groups, &places, *other))).collect();
                    gone.push((route, format!("no request reaches it: {} go first", names.join(", "))));
                }
                changed |= raised;
            }
            Finding::TrailingSlash { .. }
            | Finding::CaseTwin { .. }
            | Finding::PriorityRedundant { .. }
            | Finding::TooComplex { .. }
            | Finding::TooMany { .. } => {}
        }
    }
    // Raising comes first: what looks taken may be reached afterwards.
    if changed {
        return true;
    }
    gone.sort();
    gone.dedup_by_key(|(route, _)| *route);
    for (route, why) in gone.iter().rev() {
        if let Some((group, at)) = places.get(*route)
            && let Some(group) = groups.get_mut(*group)
        {
            let route = group.routes.remove(*at);
            if !route.what.is_empty() {
                unfit.push(LeftOut { line: route.line, what: route.what, why: why.clone() });
            }
        }
    }
    !gone.is_empty()
}

fn route<'g>(groups: &'g [Group], places: &[(usize, usize)], index: usize) -> Option<&'g Route> {
    let (group, route) = places.get(index)?;
    groups.get(*group)?.routes.get(*route)
}

fn rank(groups: &[Group], places: &[(usize, usize)], index: usize) -> (Vec<u32>, usize) {
    (route(groups, places, index).map_or_else(Vec::new, |route| route.rank.clone()), index)
}

fn priority(groups: &[Group], places: &[(usize, usize)], index: usize) -> u32 {
    route(groups, places, index).map_or(0, |route| route.priority)
}

fn name<'g>(groups: &'g [Group], places: &[(usize, usize)], index: usize) -> &'g str {
    route(groups, places, index).map_or("", |route| route.name.as_str())
}

/// Raises a route's priority; false when it has that much.
fn raise(groups: &mut [Group], places: &[(usize, usize)], index: usize, to: u32) -> bool {
    let found = places.get(index).and_then(|(group, route)| groups.get_mut(*group)?.routes.get_mut(*route));
    match found {
        Some(route) if route.priority < to => {
            route.priority = to;
            true
        }
        _ => false,
    }
}

/// What a route takes, or why it takes nothing.
fn key(group: &Group, route: &Route, patterns: &Patterns) -> Result<RouteKey, String> {
    let hosts = if route.hosts.is_empty() { &group.hosts } else { &route.hosts };
    let hosts = hosts.iter().map(|host| HostPattern::parse(host).map_err(|error| error.to_string())).collect::<Result<_, _>>()?;
    let methods = Methods::parse(route.methods.split(',')).map_err(|error| error.to_string())?;
    let mut pattern = patterns.parse(&route.path)?;
    if !group.prefix.is_empty() {
        let prefix = patterns.parse(&group.prefix)?;
        pattern = pattern.prefixed(&prefix).map_err(|error| error.to_string())?;
    }
    // What a condition says of the host stands in the hosts.
    let conditions = route.conditions.iter().filter(|text| route.hosts.is_empty() || !text.starts_with("request.host "));
    let mut atoms: Vec<Atom> = conditions.map(|text| Atom { attribute: text.clone(), test: Test::Other(text.clone()) }).collect();
    if !group.listeners.is_empty() {
        atoms.push(Atom { attribute: "request.listener".to_owned(), test: Test::In(group.listeners.iter().cloned().collect()) });
    }
    Ok(RouteKey { hosts, methods, pattern, predicate: Predicate { atoms }, priority: i64::from(route.priority) })
}
