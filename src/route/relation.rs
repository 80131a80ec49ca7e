//! How the request sets of two routes lie to each other, and examples of requests.

use std::fmt;

use serde::Serialize;

use super::dfa::Universe;
use super::host::{HostPattern, simplified};
use super::key::RouteKey;
use super::methods::Methods;
use super::pattern::{End, Pattern};
use super::product::{Budget, Machine, Verdict, witness};
use super::sample::unlikely_path;
use super::segment::SegmentType;
use super::types::{self, Relation};

/// A request that shows something about two routes: the shortest one, in readable letters.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Witness {
    /// The method.
    pub method: String,
    /// The host, when not every host will do.
    pub host: Option<String>,
    /// The normalised path.
    pub path: String,
    /// What else must be true of the request, in the words of the predicates.
    pub predicates: Vec<String>,
}

impl fmt::Display for Witness {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.host {
            Some(host) => write!(out, "{} http://{host}{}", self.method, self.path)?,
            None => write!(out, "{} {}", self.method, self.path)?,
        }
        for (index, predicate) in self.predicates.iter().enumerate() {
            write!(out, "{}{predicate}", if index == 0 { " with " } else { " and " })?;
        }
        Ok(())
    }
}

/// True when every request of the first route is one of the second's. Priorities play no part.
#[must_use]
pub fn subset(first: &RouteKey, second: &RouteKey) -> bool {
    first.methods.is_subset(&second.methods)
        && hosts(&first.hosts, &second.hosts).subset
        && first.predicate.is_subset(&second.predicate)
        && paths(&first.pattern, &second.pattern).subset
}

/// True unless the paths of one route are certainly all paths of the other.
#[must_use]
pub fn paths_cross(first: &RouteKey, second: &RouteKey) -> bool {
    let paths = paths(&first.pattern, &second.pattern);
    !paths.subset && !paths.superset
}

/// True when both routes take the same requests.
#[must_use]
pub fn equal(first: &RouteKey, second: &RouteKey) -> bool {
    subset(first, second) && subset(second, first)
}

/// A request that both routes take, if there is one that can be found.
#[must_use]
pub fn overlap(first: &RouteKey, second: &RouteKey) -> Option<Witness> {
    if !first.methods.overlaps(&second.methods) || !first.predicate.overlaps(&second.predicate) {
        return None;
    }
    let host = common_host(&first.hosts, &second.hosts)?;
    let path = path_word(&[&first.pattern, &second.pattern], &[])?;
    let method = method_of_both(&first.methods, &second.methods)?;
    let mut predicates: Vec<String> = first.predicate.atoms.iter().chain(&second.predicate.atoms).map(ToString::to_string).collect();
    drop_repeated(&mut predicates);
    Some(Witness { method, host, path, predicates })
}

/// A request that the first route takes and the second does not, if one can be found.
#[must_use]
pub fn difference(first: &RouteKey, second: &RouteKey) -> Option<Witness> {
    let own = || path_word(&[&first.pattern], &[]);
    let path_of_both = || path_word(&[&first.pattern, &second.pattern], &[]).or_else(own);
    let method_of_first = || method_of_both(&first.methods, &second.methods).or_else(|| method_of_both(&first.methods, &first.methods));
    let host_of_first = || common_host(&first.hosts, &second.hosts).or_else(|| common_host(&first.hosts, &first.hosts)).flatten();
    let mut predicates: Vec<String> = first.predicate.atoms.iter().map(ToString::to_string).collect();
    if let Some(path) = path_word(&[&first.pattern], &[&second.pattern]) {
        return Some(Witness { method: method_of_first()?, host: host_of_first(), path, predicates });
    }
    if let Some(method) = method_of_first_only(&first.methods, &second.methods) {
        return Some(Witness { method, host: host_of_first(), path: path_of_both()?, predicates });
    }
    if let Some(host) = host_of_first_only(&first.hosts, &second.hosts) {
        return Some(Witness { method: method_of_first()?, host: Some(host), path: path_of_both()?, predicates });
    }
    let missed = second.predicate.atoms.iter().find(|atom| !first.predicate.atoms.contains(atom))?;
    predicates.push(format!("not ({missed})"));
    Some(Witness { method: method_of_first()?, host: host_of_first(), path: path_of_both()?, predicates })
}

/// True when every path of the pattern is the prefix or lies below it.
#[must_use]
pub fn lies_under(pattern: &Pattern, prefix: &Pattern) -> bool {
    paths(pattern, &below(prefix)).subset
}

/// True when some path may be one of both patterns.
#[must_use]
pub fn share_paths(first: &Pattern, second: &Pattern) -> bool {
    let relation = paths(first, second);
    relation.overlap || relation.unknown
}

/// The paths that are the prefix or lie below it; of a regex, and of what ends in `/**`, its own.
#[must_use]
pub fn below(prefix: &Pattern) -> Pattern {
    let below = match prefix.end() {
        End::Exact => Pattern::parse(&format!("{}/**", prefix.text())).ok(),
        End::Slash => Pattern::parse(&format!("{}**", prefix.text())).ok(),
        End::Rest | End::Regex(_) => None,
    };
    below.unwrap_or_else(|| prefix.clone())
}

/// The shortest segment of a type.
#[must_use]
pub fn segment_example(kind: &SegmentType) -> Option<String> {
    if let Some(words) = types::finite(kind) {
        return words.iter().min_by_key(|word| word.len()).cloned();
    }
    let machine = kind.table().map_or(Machine::All(Universe::Segment), Machine::Table);
    match witness(&[machine], &[], &mut Budget::default()) {
        Verdict::Word(word) => Some(word),
        Verdict::Empty | Verdict::TooComplex => None,
    }
}

/// How two patterns' paths lie to each other. Plain segments are compared one by one, regexes by their tables.
pub(super) fn paths(first: &Pattern, second: &Pattern) -> Relation {
    match (first.end(), second.end()) {
        (End::Regex(_), _) | (_, End::Regex(_)) => paths_by_tables(first, second),
        (one, other) => {
            let lengths = (first.segments().len(), second.segments().len());
            let Some(ends) = ends(one, other, lengths) else { return Relation::DISJOINT };
            first.segments().iter().zip(second.segments()).fold(ends, |relation, (first, second)| {
                if relation.overlap { relation.and(types::segments(first, second)) } else { relation }
            })
        }
    }
}

/// How what follows the shorter pattern's segments lies to each other.
fn ends(first: &End, second: &End, (long_first, long_second): (usize, usize)) -> Option<Relation> {
    let inside = Relation { superset: false, ..Relation::EQUAL };
    match (first, second) {
        (End::Rest, End::Rest) => Some(match long_first.cmp(&long_second) {
            std::cmp::Ordering::Equal => Relation::EQUAL,
            std::cmp::Ordering::Greater => inside,
            std::cmp::Ordering::Less => inside.flipped(),
        }),
        (_, End::Rest) => (long_first >= long_second).then_some(inside),
        (End::Rest, _) => (long_second >= long_first).then_some(inside.flipped()),
        (_, _) => (first == second && long_first == long_second).then_some(Relation::EQUAL),
    }
}

fn paths_by_tables(first: &Pattern, second: &Pattern) -> Relation {
    if first.segments() == second.segments() && first.end() == second.end() {
        return Relation::EQUAL;
    }
    let (one, other) = (lead(first), lead(second));
    if !one.starts_with(&other) && !other.starts_with(&one) {
        return Relation::DISJOINT;
    }
    let mut budget = Budget::default();
    match walk(&[first, second], &[], &mut budget) {
        Verdict::Empty => return Relation::DISJOINT,
        Verdict::TooComplex => return Relation::UNKNOWN,
        Verdict::Word(_) => {}
    }
    match (inside(first, second, &mut budget), inside(second, first, &mut budget)) {
        (Some(subset), Some(superset)) => Relation { subset, superset, overlap: true, unknown: false },
        (_, _) => Relation::UNKNOWN,
    }
}

/// Whether every path of the first pattern is one of the second's; `None` past the budget.
pub(super) fn inside(first: &Pattern, second: &Pattern, budget: &mut Budget) -> Option<bool> {
    if unlikely_path(first).is_some_and(|path| !second.matches(&path)) {
        return Some(false);
    }
    match walk(&[first], &[second], budget) {
        Verdict::Empty => Some(true),
        Verdict::Word(_) => Some(false),
        Verdict::TooComplex => None,
    }
}

fn walk(taken: &[&Pattern], refused: &[&Pattern], budget: &mut Budget) -> Verdict {
    let positives: Vec<Machine<'_>> = taken.iter().map(|pattern| Machine::Path(pattern)).chain([Machine::All(Universe::Path)]).collect();
    let negatives: Vec<Machine<'_>> = refused.iter().map(|pattern| Machine::Path(pattern)).collect();
    witness(&positives, &negatives, budget)
}

/// The text that every path of the pattern begins with.
pub(super) fn lead(pattern: &Pattern) -> Vec<u8> {
    let mut lead = Vec::new();
    for segment in pattern.segments() {
        lead.push(b'/');
        match segment {
            super::pattern::Segment::Literal(text) => lead.extend_from_slice(text.as_bytes()),
            super::pattern::Segment::Parameter { .. } => return lead,
        }
    }
    match pattern.end() {
        End::Exact | End::Rest => {}
        End::Slash => lead.push(b'/'),
        End::Regex(regex) => lead.extend_from_slice(regex.prefix()),
    }
    lead
}

/// How two lists of hosts lie to each other.
pub(super) fn hosts(first: &[HostPattern], second: &[HostPattern]) -> Relation {
    if first == second || (first.is_empty() && second.is_empty()) {
        return Relation::EQUAL;
    }
    let (first, second) = (simplified(first), simplified(second));
    let inside = |mine: &[HostPattern], theirs: &[HostPattern]| mine.iter().all(|host| theirs.iter().any(|other| host.is_subset(other)));
    Relation {
        subset: inside(&first, &second),
        superset: inside(&second, &first),
        overlap: first.iter().any(|host| second.iter().any(|other| host.overlaps(other))),
        unknown: false,
    }
}

/// A path that all of the first take and none of the second.
pub(super) fn path_word(taken: &[&Pattern], refused: &[&Pattern]) -> Option<String> {
    match walk(taken, refused, &mut Budget::default()) {
        Verdict::Word(path) => Some(path),
        Verdict::Empty | Verdict::TooComplex => None,
    }
}

/// A host of both lists; the inner `None` says that any will do.
fn common_host(first: &[HostPattern], second: &[HostPattern]) -> Option<Option<String>> {
    let (first, second) = (simplified(first), simplified(second));
    let (one, other) = first.iter().find_map(|one| second.iter().find(|other| one.overlaps(other)).map(|other| (one, other)))?;
    let narrow = if one.is_subset(other) { one } else { other };
    Some((*narrow != HostPattern::Any).then(|| narrow.example()))
}

fn host_of_first_only(first: &[HostPattern], second: &[HostPattern]) -> Option<String> {
    let second = simplified(second);
    let free = |host: &String| !second.iter().any(|pattern| pattern.matches(host));
    simplified(first).iter().find_map(|pattern| {
        let example = pattern.example();
        let tail = match pattern {
            HostPattern::Exact(_) => return Some(example).filter(free),
            HostPattern::Suffix(suffix) => suffix.as_str(),
            HostPattern::Any => "",
        };
        // One of more names than the second list has cannot be taken by an exact host.
        let others = (0..=second.len()).map(|index| format!("host{index}{tail}"));
        [example].into_iter().chain(others).find(free)
    })
}

fn method_of_both(first: &Methods, second: &Methods) -> Option<String> {
    let common = first.names().find(|name| second.contains(name)).or_else(|| second.names().find(|name| first.contains(name)));
    common.map(str::to_owned)
}

fn method_of_first_only(first: &Methods, second: &Methods) -> Option<String> {
    let unnamed = ["PURGE", "PROPFIND", "REPORT", "LINK", "UNLINK"];
    let candidates = first.names().chain(unnamed.into_iter().filter(|name| first.contains(name)));
    candidates.filter(|name| !second.contains(name)).map(str::to_owned).next()
}

fn drop_repeated(texts: &mut Vec<String>) {
    let mut seen = std::collections::HashSet::new();
    texts.retain(|text| seen.insert(text.clone()));
}
