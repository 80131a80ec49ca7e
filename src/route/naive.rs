//! The definition of the match, without any index: all routes are tried.
//!
//! Only tests call it; it is public so that the analyses' and the compiler's tests can, too.

use super::found::{Asked, Captures, Found};
use super::key::RouteKey;
use super::methods::Methods;
use super::relation;

/// What [`super::MatchTree::find`] must answer. `before` says of two routes by their numbers whether the first comes before
/// the second.
pub fn find(
    routes: &[RouteKey],
    (method, host, path): (&str, &str, &str),
    predicate: &mut Asked<'_>,
    before: &dyn Fn(usize, usize) -> bool,
    params: &mut Captures,
) -> Found {
    params.clear();
    let known: Vec<usize> = (0..routes.len())
        .filter(|index| routes.get(*index).is_some_and(|key| key.matches_host(host) && key.pattern.matches(path)))
        .collect();
    let taking: Vec<(usize, &RouteKey)> =
        known.iter().filter_map(|index| Some((*index, routes.get(*index)?))).filter(|(_, key)| key.methods.contains(method)).collect();
    let mut holds = |index: usize, key: &RouteKey| {
        let mut tried = Captures::new();
        tried.bind(&key.pattern, path);
        key.predicate.is_always() || predicate(index, &tried)
    };
    let holding: Vec<(usize, &RouteKey)> = taking.iter().copied().filter(|(index, key)| holds(*index, key)).collect();
    let first = holding.iter().find(|(index, _)| !holding.iter().any(|(other, _)| before(*other, *index)));
    if let Some((index, key)) = first {
        params.bind(&key.pattern, path);
        return Found::Route(*index);
    }
    if known.is_empty() || !taking.is_empty() {
        return Found::NotFound;
    }
    let allowed = known.iter().filter_map(|index| routes.get(*index)).fold(Methods::default(), |set, key| set.union(&key.methods));
    Found::MethodNotAllowed(allowed)
}

/// True when the first route comes before the second by what their keys alone say: a higher priority, or a proper subset at
/// the same one.
#[must_use]
pub fn before(first: &RouteKey, second: &RouteKey) -> bool {
    first.priority > second.priority
        || (first.priority == second.priority && relation::subset(first, second) && !relation::subset(second, first))
}
