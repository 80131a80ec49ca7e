//! Why the other routes do not take a request.

use super::Rival;
use super::stages::values;
use crate::http::Exchange;
use crate::ir::Route;
use crate::ir::spell::Speller;
use crate::lang::asked::Asked;
use crate::lang::eval::Facts;
use crate::route::{Captures, Divergence, HostPattern, Miss};
use crate::testing::rig::Rig;

/// How close a route came: the further down, the closer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Close {
    Host,
    Path(usize),
    Method,
    Condition,
    Order,
}

/// All routes but the one that takes the request, the closest first.
pub fn rivals(rig: &Rig<'_>, winner: Option<usize>, method: &str, exchange: &Exchange) -> Vec<Rival> {
    let program = rig.program;
    let taking = winner.and_then(|winner| program.routes.get(winner));
    let others = program.routes.iter().enumerate().filter(|(index, _)| Some(*index) != winner);
    let mut found: Vec<(Close, Rival)> = others
        .map(|(_, route)| {
            let (close, why) = why(rig, route, taking, method, exchange);
            (close, Rival { route: route.name.clone(), place: route.place.clone(), why })
        })
        .collect();
    // Stable: routes that came equally close stay in the order they are tried.
    found.sort_by_key(|(close, _)| std::cmp::Reverse(*close));
    found.into_iter().map(|(_, rival)| rival).collect()
}

fn why(rig: &Rig<'_>, route: &Route, taking: Option<&Route>, method: &str, exchange: &Exchange) -> (Close, String) {
    let key = &route.key;
    match key.miss(method, &exchange.request.host, exchange.request.path()) {
        Some(Miss::Host) => (Close::Host, format!("host: only {}", listed(key.hosts.iter().map(HostPattern::to_string)))),
        Some(Miss::Path(divergence)) => (Close::Path(divergence.fitting), format!("path: {}", path(&divergence, key.pattern.text()))),
        Some(Miss::Method) => (Close::Method, format!("method: only {}", listed(key.methods.names().map(str::to_owned)))),
        None => {
            let mut tried = Captures::new();
            tried.bind(&key.pattern, exchange.request.path());
            let facts = Facts::tried(exchange, tried.as_ranges());
            let refusal = route.predicate.as_ref().and_then(|condition| Asked::of([condition]).refusal(exchange));
            match &route.predicate {
                Some(condition) if let Some(problem) = &refusal => {
                    let written = Speller::new(rig.program, route).expression(condition);
                    (Close::Condition, format!("condition: `match {written}` cannot be judged: {}", problem.detail))
                }
                Some(condition) if !condition.holds(facts) => {
                    let speller = Speller::new(rig.program, route);
                    let values = values(condition, (speller, &rig.credentials), facts);
                    (Close::Condition, format!("condition: `match {}` does not hold: {values}", speller.expression(condition)))
                }
                Some(_) | None => (Close::Order, order(route, taking, method)),
            }
        }
    }
}

/// Why a route that matches is not tried.
fn order(route: &Route, taking: Option<&Route>, method: &str) -> String {
    match taking {
        Some(winner) if winner.key.priority > route.key.priority => {
            format!("order: it matches too, but its priority {} is below {} of `{}`", route.key.priority, winner.key.priority, winner.name)
        }
        Some(winner) => format!("order: it matches too, but takes more requests than `{}`, which goes first", winner.name),
        None if matches!(method, "TRACE" | "CONNECT") => "it matches, but this method is never allowed".to_owned(),
        None => "it matches, but whether another route does cannot be judged".to_owned(),
    }
}

fn path(divergence: &Divergence, pattern: &str) -> String {
    let Divergence { fitting, wanted, found } = divergence;
    let number = fitting + 1;
    let at = format!("of `{pattern}`");
    match (wanted, found) {
        (None, Some(found)) if found == "/" => format!("`{pattern}` has no slash at its end, the request has one"),
        (Some(wanted), None) if wanted == "/" => format!("`{pattern}` has a slash at its end, the request has none"),
        (Some(wanted), Some(found)) if wanted.ends_with(":int}") && found.bytes().all(|byte| byte.is_ascii_digit()) => {
            format!("segment {number} {at} is `{wanted}`, a number of at most {}, the request has `{found}`", u64::MAX)
        }
        (Some(wanted), Some(found)) => format!("segment {number} {at} is `{wanted}`, the request has `{found}`"),
        (Some(wanted), None) => format!("segment {number} {at} is `{wanted}`, the request has ended"),
        (None, Some(found)) => format!("`{pattern}` ends before `{found}`"),
        (None, None) => format!("it is not `{pattern}`"),
    }
}

fn listed(names: impl Iterator<Item = String>) -> String {
    names.map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", ")
}
