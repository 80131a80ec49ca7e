//! What is wrong with a set of routes as a whole: ambiguous, duplicate and unreachable ones, and likely mistakes.

use std::collections::{HashMap, HashSet};

use super::cover::{Cover, Routes, UNION_MAX};
use super::found::{Captures, Found};
use super::host::HostPattern;
use super::key::RouteKey;
use super::pairs::{Pair, Pairs, overlapping};
use super::pattern::{End, Pattern, Segment};
use super::predicate::{AtomsAlone, Predicates};
use super::rank;
use super::relation::{Witness, difference, overlap};
use super::sample::unlikely_path;
use super::tree::MatchTree;

/// The most routes that an unreachable one's finding is narrowed down from.
const NARROWED_MAX: usize = 32;
/// Steps of work that the three examples of a finding count as.
const STEPS_PER_FINDING: usize = 2_000;

/// One thing to say about some routes, given by their numbers.
#[derive(Debug, Clone, PartialEq, Eq)]
#[expect(clippy::large_enum_variant, reason = "findings are few, and most that matter are the large one")]
pub enum Finding {
    /// Both take some request and neither comes first.
    Ambiguous {
        /// One route.
        a: usize,
        /// The other.
        b: usize,
        /// What only the first takes.
        witness_a_only: Option<Witness>,
        /// What only the second takes.
        witness_b_only: Option<Witness>,
        /// What both take; missing only when the regexes are too complex to find it.
        witness_both: Option<Witness>,
    },
    /// Both take the same requests at the same priority.
    Duplicate {
        /// The route with the smaller number.
        first: usize,
        /// The other.
        second: usize,
    },
    /// Every request of the route is taken by routes before it.
    Unreachable {
        /// The route.
        route: usize,
        /// The routes that take its requests.
        by: Vec<usize>,
    },
    /// Two routes differ by a trailing slash only.
    TrailingSlash {
        /// The one without.
        without: usize,
        /// The one with it.
        with: usize,
    },
    /// Two routes differ by upper and lower case only.
    CaseTwin {
        /// The route with the smaller number.
        first: usize,
        /// The other.
        second: usize,
    },
    /// The route's priority decides nothing.
    PriorityRedundant {
        /// The route.
        route: usize,
    },
    /// The question whether these routes conflict, or whether the first is reached, is beyond the limits.
    TooComplex {
        /// The routes.
        routes: Vec<usize>,
    },
    /// There are too many routes to compare them all.
    TooMany {
        /// The routes of the first question that was left open, where one was come to.
        such_as: Vec<usize>,
        /// How many others were left open besides.
        more: usize,
    },
}

/// What there is to know of a set of routes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Analysis {
    /// The routes' numbers in the order in which they are tried.
    pub order: Vec<usize>,
    /// All findings, those that need two routes by the first of them.
    pub findings: Vec<Finding>,
}

/// All findings by what the routes' keys alone say.
#[must_use]
pub fn analyse(routes: &[RouteKey]) -> Vec<Finding> {
    analyse_with(routes, &AtomsAlone).findings
}

/// Order and findings where more is known of the routes' predicates than their atoms say.
#[must_use]
pub fn analyse_with(routes: &[RouteKey], predicates: &dyn Predicates) -> Analysis {
    let Pairs { list: pairs, complete } = overlapping(routes, predicates);
    let all = Routes { routes, predicates };
    let mut findings = Vec::new();
    if !complete {
        findings.push(Finding::TooMany { such_as: Vec::new(), more: 0 });
    }
    let before = before(routes, &pairs);
    let order = placed(routes, &before);
    conflicts(all, &pairs, &before, &mut findings);
    unreachable(all, &before, &order, &mut findings);
    twins(routes, &mut findings);
    redundant_priorities(routes, &pairs, &mut findings);
    if !predicates.spend(0) {
        // What was left when the work was used up is one finding, which says how much that is.
        let mut open = Vec::new();
        findings.retain_mut(|finding| match finding {
            Finding::TooComplex { routes } => {
                open.push(std::mem::take(routes));
                false
            }
            Finding::TooMany { .. } => false,
            Finding::Ambiguous { .. }
            | Finding::Duplicate { .. }
            | Finding::Unreachable { .. }
            | Finding::TrailingSlash { .. }
            | Finding::CaseTwin { .. }
            | Finding::PriorityRedundant { .. } => true,
        });
        let more = open.len().saturating_sub(1);
        findings.push(Finding::TooMany { such_as: open.into_iter().next().unwrap_or_default(), more });
    }
    Analysis { order, findings }
}

/// The routes' numbers in the order in which they are tried, by what the routes' keys alone say.
#[must_use]
pub fn order(routes: &[RouteKey]) -> Vec<usize> {
    placed(routes, &before(routes, &overlapping(routes, &AtomsAlone).list))
}

fn placed(routes: &[RouteKey], before: &[Vec<Before>]) -> Vec<usize> {
    rank::order(routes, |route| before.get(route).into_iter().flatten().map(|earlier| earlier.route))
}

/// A route that comes before another and shares requests with it.
#[derive(Clone, Copy)]
struct Before {
    route: usize,
    /// It takes everything of the other.
    whole: bool,
}

/// Which of two overlapping routes comes first, if either does.
fn first_of(pair: &Pair, priorities: (i64, i64)) -> Option<usize> {
    match priorities.0.cmp(&priorities.1) {
        std::cmp::Ordering::Greater => Some(pair.first),
        std::cmp::Ordering::Less => Some(pair.second),
        std::cmp::Ordering::Equal => match (pair.relation.subset, pair.relation.superset) {
            (true, false) => Some(pair.first),
            (false, true) => Some(pair.second),
            (true, true) | (false, false) => None,
        },
    }
}

fn priority(routes: &[RouteKey], route: usize) -> i64 {
    routes.get(route).map_or(0, |key| key.priority)
}

fn before(routes: &[RouteKey], pairs: &[Pair]) -> Vec<Vec<Before>> {
    let mut before: Vec<Vec<Before>> = vec![Vec::new(); routes.len()];
    for pair in pairs {
        let first = first_of(pair, (priority(routes, pair.first), priority(routes, pair.second)));
        let (earlier, later, whole) = match first {
            Some(first) if first == pair.first => (pair.first, pair.second, pair.relation.superset),
            Some(_) => (pair.second, pair.first, pair.relation.subset),
            None => continue,
        };
        if let Some(list) = before.get_mut(later) {
            list.push(Before { route: earlier, whole });
        }
    }
    before
}

fn conflicts(all: Routes<'_>, pairs: &[Pair], before: &[Vec<Before>], findings: &mut Vec<Finding>) {
    for pair in pairs {
        if priority(all.routes, pair.first) != priority(all.routes, pair.second) {
            continue;
        }
        match (pair.relation.subset, pair.relation.superset) {
            (true, true) => findings.push(Finding::Duplicate { first: pair.first, second: pair.second }),
            (true, false) | (false, true) => {}
            (false, false) => findings.extend(ambiguous(all, pair, before)),
        }
    }
}

/// The finding for two routes neither of which lies inside the other, unless routes before both take what they share.
fn ambiguous(all: Routes<'_>, pair: &Pair, before: &[Vec<Before>]) -> Option<Finding> {
    let (one, other) = (all.routes.get(pair.first)?, all.routes.get(pair.second)?);
    let theirs: HashSet<usize> = before.get(pair.second)?.iter().map(|earlier| earlier.route).collect();
    let of_both: Vec<usize> = before.get(pair.first)?.iter().map(|earlier| earlier.route).filter(|route| theirs.contains(route)).collect();
    if !of_both.is_empty() {
        match all.covered(&[pair.first, pair.second], &of_both) {
            Cover::Whole => return None,
            Cover::Gaps => {}
            Cover::TooComplex => return Some(Finding::TooComplex { routes: vec![pair.first, pair.second] }),
        }
    }
    if pair.relation.unknown || !all.predicates.spend(STEPS_PER_FINDING) {
        return Some(Finding::TooComplex { routes: vec![pair.first, pair.second] });
    }
    Some(Finding::Ambiguous {
        a: pair.first,
        b: pair.second,
        witness_a_only: difference(one, other),
        witness_b_only: difference(other, one),
        witness_both: overlap(one, other),
    })
}

fn unreachable(all: Routes<'_>, before: &[Vec<Before>], order: &[usize], findings: &mut Vec<Finding>) {
    let routes = all.routes;
    let tree = MatchTree::in_order(routes, order);
    for (route, earlier) in before.iter().enumerate() {
        if earlier.is_empty() {
            continue;
        }
        if let Some(whole) = earlier.iter().find(|earlier| earlier.whole) {
            findings.push(Finding::Unreachable { route, by: vec![whole.route] });
            continue;
        }
        let conditioned = earlier.iter().filter(|earlier| routes.get(earlier.route).is_some_and(|key| !key.predicate.is_always()));
        if !all.predicates.spend(conditioned.count()) {
            findings.push(Finding::TooComplex { routes: vec![route] });
            return;
        }
        if sampled(&tree, routes, route) {
            continue;
        }
        let by: Vec<usize> = earlier.iter().map(|earlier| earlier.route).collect();
        match all.covered(&[route], &by) {
            Cover::Whole => findings.push(Finding::Unreachable { route, by: narrowed(all, route, by) }),
            Cover::Gaps => {}
            Cover::TooComplex => findings.push(Finding::TooComplex { routes: vec![route] }),
        }
    }
}

/// The routes without those that are not needed to cover the other.
fn narrowed(all: Routes<'_>, route: usize, mut by: Vec<usize>) -> Vec<usize> {
    if by.len() > NARROWED_MAX.min(UNION_MAX) {
        return by;
    }
    let mut at = 0;
    while at < by.len() {
        let mut fewer = by.clone();
        fewer.remove(at);
        if all.covered(&[route], &fewer) == Cover::Whole {
            by = fewer;
        } else {
            at += 1;
        }
    }
    by
}

/// True when a request that hardly any other route would take reaches the route; most routes need no more proof.
fn sampled(tree: &MatchTree, routes: &[RouteKey], route: usize) -> bool {
    let Some(key) = routes.get(route) else { return false };
    let host = match key.hosts.first() {
        None | Some(HostPattern::Any) => "sample.invalid".to_owned(),
        Some(HostPattern::Exact(name)) => name.clone(),
        Some(HostPattern::Suffix(suffix)) => format!("sample-of-any{suffix}"),
    };
    let Some(path) = unlikely_path(&key.pattern) else { return false };
    let method = key.methods.names().last().unwrap_or("GET").to_owned();
    let method = if key.methods.is_any() { "UNNAMED".to_owned() } else { method };
    let mut params = Captures::new();
    let mut overlaps =
        |other: usize, _: &Captures| other == route || routes.get(other).is_none_or(|other| other.predicate.overlaps(&key.predicate));
    let paths: &[String] = &match key.pattern.end() {
        End::Rest => vec![format!("{path}/~/~/~/~"), format!("{path}/"), path],
        End::Exact | End::Slash | End::Regex(_) => vec![path],
    };
    paths.iter().any(|path| tree.find(&method, &host, path, &mut overlaps, &mut params) == Found::Route(route))
}

/// Routes that differ by a trailing slash or by case only, and may be asked for by the same client.
fn twins(routes: &[RouteKey], findings: &mut Vec<Finding>) {
    let mut exact: HashMap<String, Vec<usize>> = HashMap::new();
    let mut folded: HashMap<String, Vec<usize>> = HashMap::new();
    let shapes: Vec<String> = routes.iter().map(|key| shape(&key.pattern, str::to_owned)).collect();
    let folded_shapes: Vec<String> = routes.iter().map(|key| shape(&key.pattern, str::to_ascii_lowercase)).collect();
    for (number, (shape, lower)) in shapes.iter().zip(&folded_shapes).enumerate() {
        exact.entry(shape.clone()).or_default().push(number);
        folded.entry(lower.clone()).or_default().push(number);
    }
    let alike = |one: usize, other: usize| match (routes.get(one), routes.get(other)) {
        (Some(one), Some(other)) => one.methods.overlaps(&other.methods) && super::relation::hosts(&one.hosts, &other.hosts).overlap,
        (_, _) => false,
    };
    for (number, (shape, lower)) in shapes.iter().zip(&folded_shapes).enumerate() {
        if let Some(bare) = shape.strip_suffix('/')
            && let Some(without) = exact.get(bare).into_iter().flatten().find(|other| alike(number, **other))
        {
            findings.push(Finding::TrailingSlash { without: *without, with: number });
        }
        let earlier = folded.get(lower).into_iter().flatten().take_while(|other| **other < number);
        if let Some(first) = earlier.filter(|other| shapes.get(**other) != Some(shape)).find(|other| alike(number, **other)) {
            findings.push(Finding::CaseTwin { first: *first, second: number });
        }
    }
}

/// The pattern without the names of its parameters; its literals as `spelled` writes them.
fn shape(pattern: &Pattern, spelled: fn(&str) -> String) -> String {
    let mut shape = String::new();
    for segment in pattern.segments() {
        shape.push('/');
        match segment {
            Segment::Literal(text) => shape.push_str(&spelled(text)),
            Segment::Parameter { kind, .. } => shape.push_str(&format!("{{{kind}}}")),
        }
    }
    match pattern.end() {
        End::Exact => {}
        End::Slash => shape.push('/'),
        End::Rest => shape.push_str("/**"),
        End::Regex(regex) => shape.push_str(&regex.to_string()),
    }
    shape
}

fn redundant_priorities(routes: &[RouteKey], pairs: &[Pair], findings: &mut Vec<Finding>) {
    let mut needed: Vec<bool> = routes.iter().map(|key| key.priority == 0).collect();
    for pair in pairs {
        let now = (priority(routes, pair.first), priority(routes, pair.second));
        let first = first_of(pair, now);
        let mut decides = |route: usize, priorities: (i64, i64)| {
            if first_of(pair, priorities) != first
                && let Some(cell) = needed.get_mut(route)
            {
                *cell = true;
            }
        };
        decides(pair.first, (0, now.1));
        decides(pair.second, (now.0, 0));
    }
    findings.extend(needed.iter().enumerate().filter(|(_, needed)| !**needed).map(|(route, _)| Finding::PriorityRedundant { route }));
}
