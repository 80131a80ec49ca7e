//! The order in which routes are tried: every route behind those that come before it.
//!
//! Of what no definition orders, small sets go first, so that look-ups soon see the best: each set gets a size that grows
//! with it. Hosts, paths and methods that lie inside others have the smaller sizes, so what is left to put right is little.

use std::collections::{BTreeMap, HashMap};

use super::host::{HostPattern, simplified};
use super::key::RouteKey;
use super::pattern::{End, Pattern, Segment};
use super::product::Budget;
use super::relation::{inside, paths};
use super::segment::SegmentType;
use super::types::{self, finite, kinds};

/// The most distinct regexes of one sort whose mutual sizes are worked out; past it they are all of one size.
pub const REGEXES_MAX: usize = 512;

/// How far a route's place is known.
#[derive(Clone, Copy, PartialEq, Eq)]
enum State {
    New,
    /// The routes before it are being placed.
    Open,
    Placed,
}

/// The routes' numbers, first in order first. `before` tells which routes come before one; if that should go in a circle,
/// which only equal sets can, any of them is first.
#[must_use]
pub(super) fn order<B: Iterator<Item = usize>>(routes: &[RouteKey], before: impl Fn(usize) -> B) -> Vec<usize> {
    let mut left = by_size(routes);
    left.reverse();
    let mut states = vec![State::New; routes.len()];
    let mut order = Vec::with_capacity(routes.len());
    while let Some(route) = left.pop() {
        let Some(state) = states.get_mut(route) else { continue };
        match state {
            State::New => {
                *state = State::Open;
                left.push(route);
                left.extend(before(route).filter(|earlier| states.get(*earlier) == Some(&State::New)));
            }
            State::Open => {
                *state = State::Placed;
                order.push(route);
            }
            State::Placed => {}
        }
    }
    order
}

fn by_size(routes: &[RouteKey]) -> Vec<usize> {
    let paths = path_sizes(routes);
    let mut sized: Vec<(RouteSize, usize)> = routes
        .iter()
        .enumerate()
        .map(|(index, route)| {
            let size = RouteSize {
                priority: std::cmp::Reverse(route.priority),
                hosts: host_size(&route.hosts),
                path: paths.get(route.pattern.text()).copied().unwrap_or_default(),
                methods: route.methods.size(),
                always: route.predicate.is_always(),
            };
            (size, index)
        })
        .collect();
    sized.sort_unstable();
    sized.into_iter().map(|(_, index)| index).collect()
}

#[derive(PartialEq, Eq, PartialOrd, Ord)]
struct RouteSize {
    priority: std::cmp::Reverse<i64>,
    hosts: HostSize,
    path: PathSize,
    methods: (bool, usize),
    always: bool,
}

/// Any; how many suffixes of one label, of two, …; how many exact hosts.
type HostSize = (bool, Vec<u32>, u32);

fn host_size(hosts: &[HostPattern]) -> HostSize {
    if hosts.is_empty() {
        return (true, Vec::new(), 0);
    }
    let mut size = (false, Vec::new(), 0);
    for host in simplified(hosts) {
        match host {
            HostPattern::Any => size.0 = true,
            HostPattern::Exact(_) => size.2 += 1,
            HostPattern::Suffix(suffix) => {
                let labels = suffix.matches('.').count();
                if size.1.len() < labels {
                    size.1.resize(labels, 0);
                }
                if let Some(count) = size.1.get_mut(labels - 1) {
                    *count += 1;
                }
            }
        }
    }
    size
}

/// Where a pattern stands among the plain ones, then among the regexes that stand there, too.
type PathSize = (u32, u32);

/// A segment's or an end's size: literals, choices by their number, infinite types by their level, `/**`.
type StepSize = (u8, u32);

const REST_SIZE: StepSize = (2, 0);

fn path_sizes(routes: &[RouteKey]) -> HashMap<&str, PathSize> {
    let mut plain: HashMap<&str, &Pattern> = HashMap::new();
    let mut regexes: BTreeMap<&str, &Pattern> = BTreeMap::new();
    for route in routes {
        match route.pattern.end() {
            End::Regex(_) => {
                regexes.insert(route.pattern.text(), &route.pattern);
            }
            End::Exact | End::Slash | End::Rest => {
                plain.insert(route.pattern.text(), &route.pattern);
            }
        }
    }
    let levels = type_levels(routes);
    let mut steps: Vec<(Vec<StepSize>, &Pattern)> = plain.values().map(|pattern| (step_sizes(pattern, &levels), *pattern)).collect();
    steps.sort_unstable_by(|(first, _), (second, _)| first.cmp(second));
    let mut sizes: HashMap<&str, PathSize> = HashMap::with_capacity(steps.len() + regexes.len());
    let mut position = 0;
    for (index, (size, pattern)) in steps.iter().enumerate() {
        // Patterns of one size share a position: `/{a}` and `/{b}` are the same set.
        if index > 0 && steps.get(index - 1).is_some_and(|(before, _)| before != size) {
            position += 1;
        }
        sizes.insert(pattern.text(), (position + 1, 0));
    }
    let placed: Vec<(PathSize, &Pattern)> = steps.iter().filter_map(|(_, pattern)| Some((*sizes.get(pattern.text())?, *pattern))).collect();
    place_regexes(&regexes, &placed, &mut sizes);
    sizes
}

/// A regex comes after all plain patterns inside it; among themselves regexes come by level.
fn place_regexes<'a>(regexes: &BTreeMap<&'a str, &'a Pattern>, placed: &[(PathSize, &Pattern)], sizes: &mut HashMap<&'a str, PathSize>) {
    let patterns: Vec<&Pattern> = regexes.values().copied().collect();
    let levels = levels(&patterns, |first, second| paths(first, second).subset);
    for (pattern, level) in patterns.iter().zip(levels) {
        // The largest plain subset decides, so the search runs from the end.
        let last = placed.iter().rev().find(|(_, candidate)| inside(candidate, pattern, &mut Budget::default()) == Some(true));
        let after = last.map_or(0, |((position, _), _)| *position);
        sizes.insert(pattern.text(), (after, level + 1));
    }
}

fn step_sizes(pattern: &Pattern, levels: &HashMap<String, u32>) -> Vec<StepSize> {
    let mut sizes: Vec<StepSize> = pattern
        .segments()
        .iter()
        .map(|segment| match segment {
            Segment::Literal(_) => (0, 1),
            Segment::Parameter { kind, .. } => match finite(kind) {
                Some(words) => (0, u32::try_from(words.len()).unwrap_or(u32::MAX)),
                None => (1, levels.get(&kind.to_string()).copied().unwrap_or(u32::MAX)),
            },
        })
        .collect();
    match pattern.end() {
        End::Exact | End::Slash | End::Regex(_) => {}
        End::Rest => sizes.push(REST_SIZE),
    }
    sizes
}

/// The levels of the infinite types that some route uses, by their text.
fn type_levels(routes: &[RouteKey]) -> HashMap<String, u32> {
    // Any segment is a level, too: `re".+"` is the same set.
    let mut used: BTreeMap<String, &SegmentType> = BTreeMap::from([(SegmentType::Any.to_string(), &SegmentType::Any)]);
    for route in routes {
        for segment in route.pattern.segments() {
            match segment {
                Segment::Parameter { kind, .. } if types::table(kind).is_some() && finite(kind).is_none() => {
                    used.entry(kind.to_string()).or_insert(kind);
                }
                Segment::Parameter { .. } | Segment::Literal(_) => {}
            }
        }
    }
    let types: Vec<&SegmentType> = used.values().copied().collect();
    let levels = levels(&types, |first, second| kinds(first, second).subset);
    used.into_keys().zip(levels).collect()
}

/// The level of each set: above all its proper subsets, the same for equal sets.
fn levels<T>(sets: &[T], subset: impl Fn(&T, &T) -> bool) -> Vec<u32> {
    let mut levels = vec![0_u32; sets.len()];
    if sets.len() > REGEXES_MAX {
        return levels;
    }
    let inside: Vec<Vec<bool>> = sets.iter().map(|first| sets.iter().map(|second| subset(first, second)).collect()).collect();
    let proper = |first: usize, second: usize| {
        let at = |row: usize, column: usize| inside.get(row).and_then(|row| row.get(column)).copied().unwrap_or(false);
        at(first, second) && !at(second, first)
    };
    // Sets with fewer subsets first: a proper subset has strictly fewer than what contains it.
    let mut by_count: Vec<usize> = (0..sets.len()).collect();
    by_count.sort_by_key(|set| (0..sets.len()).filter(|other| proper(*other, *set)).count());
    for set in by_count {
        let below = (0..sets.len()).filter(|other| proper(*other, set)).filter_map(|other| levels.get(other)).max();
        let level = below.map_or(0, |below| below + 1);
        if let Some(cell) = levels.get_mut(set) {
            *cell = level;
        }
    }
    levels
}
