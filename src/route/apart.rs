//! Routes that one attribute tells apart (a header's value, the caller's network), found without comparing each with each.

use std::collections::HashMap;

use super::pairs::PAIRS_MAX;
use super::predicate::{ByteRange, Predicates};

/// A route on the attribute's line.
struct Span {
    range: ByteRange,
    route: u32,
    /// It is of the second list.
    second: bool,
}

/// Adds the pairs of a route of each list that the attribute which most of them ask for does not tell apart. `same` says
/// that the lists are one. False when there is no such attribute.
pub(super) fn pairs(predicates: &dyn Predicates, first: &[u32], second: &[u32], same: bool, met: &mut Vec<(u32, u32)>) -> bool {
    let second = if same { &[] } else { second };
    let routes: Vec<(u32, bool)> = first.iter().map(|route| (*route, false)).chain(second.iter().map(|route| (*route, true))).collect();
    let mut asked: HashMap<String, Vec<(usize, Vec<ByteRange>)>> = HashMap::new();
    for (place, (route, _)) in routes.iter().enumerate() {
        for (attribute, ranges) in predicates.ranges(*route as usize) {
            let known = asked.entry(attribute).or_default();
            if known.last().is_none_or(|(last, _)| *last != place) {
                known.push((place, ranges));
            }
        }
    }
    let Some((_, told)) = asked.into_iter().max_by(|(name, one), (other_name, other)| (one.len(), name).cmp(&(other.len(), other_name)))
    else {
        return false;
    };
    if told.len() * 2 < routes.len() {
        return false;
    }
    let mut is_told = vec![false; routes.len()];
    let mut spans: Vec<Span> = Vec::new();
    for (place, ranges) in told {
        let (Some((route, second)), Some(cell)) = (routes.get(place), is_told.get_mut(place)) else { continue };
        *cell = true;
        spans.extend(ranges.into_iter().map(|range| Span { range, route: *route, second: *second }));
    }
    let pair = |one: (u32, bool), other: (u32, bool)| (same || one.1 != other.1).then_some((one.0, other.0));
    for (place, _) in is_told.iter().enumerate().filter(|(_, told)| !**told) {
        let Some(free) = routes.get(place) else { continue };
        let others = routes.iter().zip(&is_told).enumerate().filter(|(other, (_, told))| **told || *other > place);
        met.extend(others.filter_map(|(_, (other, _))| pair(*free, *other)));
        if met.len() > PAIRS_MAX {
            return true;
        }
    }
    sweep(spans, pair, met);
    true
}

/// Adds the pairs of spans that share a value.
fn sweep(mut spans: Vec<Span>, pair: impl Fn((u32, bool), (u32, bool)) -> Option<(u32, u32)>, met: &mut Vec<(u32, u32)>) {
    spans.sort_by(|one, other| one.range.cmp(&other.range));
    let mut open: Vec<&Span> = Vec::new();
    for span in &spans {
        open.retain(|earlier| earlier.range.1 >= span.range.0);
        let others = open.iter().filter(|other| other.route != span.route);
        met.extend(others.filter_map(|other| pair((span.route, span.second), (other.route, other.second))));
        if met.len() > PAIRS_MAX {
            return;
        }
        open.push(span);
    }
}
