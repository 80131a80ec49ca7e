//! Where the requests of some routes go when other routes take their place.
//!
//! Both lists stand in the order in which they are tried. Only routes that share a request are ever looked at together, so
//! files of ten thousand routes are compared in about the time it takes to check one.

use super::found::{Captures, Found};
use super::key::RouteKey;
use super::pairs::{Pairs, overlapping};
use super::pattern::End;
use super::predicate::AtomsAlone;
use super::relation::overlap;
use super::remainder::{Judge, Remainder, Sample, remainder};
use super::sample::unlikely_path;
use super::tree::MatchTree;

/// The most routes besides which a request is worked out before samples are tried.
const SMALL_MAX: usize = 16;

/// Two lists of routes, each in the order in which it is tried.
pub struct Shift<'k> {
    old: Side<'k>,
    new: Side<'k>,
    complete: bool,
    judge: &'k dyn Judge,
}

/// One list, and how its routes lie to each other and to the other list's.
struct Side<'k> {
    keys: &'k [RouteKey],
    tree: MatchTree,
    /// The routes that go before each and share a request with it.
    before: Vec<Vec<usize>>,
    /// The other list's routes that share a request with each, in order.
    across: Vec<Vec<Across>>,
}

/// A route of the other list.
#[derive(Clone, Copy)]
struct Across {
    route: usize,
    /// It takes every request of this one.
    whole: bool,
}

impl<'k> Shift<'k> {
    /// Finds out which routes have to be looked at together. `judge` knows their predicates.
    #[must_use]
    pub fn new(old: &'k [RouteKey], new: &'k [RouteKey], judge: &'k dyn Judge) -> Self {
        let all: Vec<RouteKey> = old.iter().chain(new).cloned().collect();
        let Pairs { list, complete } = overlapping(&all, &AtomsAlone);
        let (mut first, mut second) = (Side::new(old), Side::new(new));
        let add = |lists: &mut Vec<Vec<usize>>, at: usize, before: usize| {
            if let Some(list) = lists.get_mut(at) {
                list.push(before);
            }
        };
        for pair in list {
            match (pair.first.checked_sub(old.len()), pair.second.checked_sub(old.len())) {
                (None, None) => add(&mut first.before, pair.second, pair.first),
                (Some(one), Some(other)) => add(&mut second.before, other, one),
                (None, Some(other)) => {
                    if let (Some(of_old), Some(of_new)) = (first.across.get_mut(pair.first), second.across.get_mut(other)) {
                        of_old.push(Across { route: other, whole: pair.relation.subset });
                        of_new.push(Across { route: pair.first, whole: pair.relation.superset });
                    }
                }
                // The list's pairs have the smaller number first.
                (Some(_), None) => {}
            }
        }
        for list in first.across.iter_mut().chain(&mut second.across) {
            list.sort_unstable_by_key(|across| across.route);
        }
        Self { old: first, new: second, complete, judge }
    }

    /// False when so many routes overlap that not all were looked at.
    #[must_use]
    pub fn is_complete(&self) -> bool {
        self.complete
    }

    /// The pairs of an old and a new route of which the one may have taken what the other takes now.
    #[must_use]
    pub fn shared(&self) -> Vec<(usize, usize)> {
        let mut pairs = Vec::new();
        for (old, across) in self.old.across.iter().enumerate() {
            for new in in_reach(across) {
                let back = self.new.across.get(new).map(Vec::as_slice).unwrap_or_default();
                if in_reach(back).any(|other| other == old) {
                    pairs.push((old, new));
                }
            }
        }
        pairs
    }

    /// True when it is plain that the old route took something that the new one takes: no route goes before either.
    #[must_use]
    pub fn is_certain(&self, old: usize, new: usize) -> bool {
        let free = |side: &Side<'_>, route: usize| side.before.get(route).is_some_and(Vec::is_empty);
        free(&self.old, old) && free(&self.new, new)
    }

    /// A request that the old route took and the new one takes.
    #[must_use]
    pub fn example(&self, old: usize, new: usize) -> Remainder {
        let (Some(one), Some(other)) = (self.old.keys.get(old), self.new.keys.get(new)) else { return Remainder::Nothing };
        let right = |sample: &Sample| self.find_old(sample) == Found::Route(old) && self.find_new(sample) == Found::Route(new);
        let by: Vec<&RouteKey> =
            self.old.before_that_meet(old, &self.new, new).chain(self.new.before_that_meet(new, &self.old, old)).collect();
        found(&[one, other], &by, self.judge, || samples(one, other).into_iter().find(right))
    }

    /// A request that the old route took and no new one takes.
    #[must_use]
    pub fn lost(&self, old: usize) -> Remainder {
        Self::left(&self.old, &self.new, self.judge, old)
    }

    /// A request that the new route takes and no old one took.
    #[must_use]
    pub fn gained(&self, new: usize) -> Remainder {
        Self::left(&self.new, &self.old, self.judge, new)
    }

    fn left(side: &Side<'_>, other: &Side<'_>, judge: &dyn Judge, route: usize) -> Remainder {
        let (Some(key), Some(across)) = (side.keys.get(route), side.across.get(route)) else { return Remainder::Nothing };
        if across.iter().any(|across| across.whole) {
            return Remainder::Nothing;
        }
        let right =
            |sample: &Sample| side.find(sample, judge) == Found::Route(route) && !matches!(other.find(sample, judge), Found::Route(_));
        let before = side.before.get(route).into_iter().flatten().filter_map(|before| side.keys.get(*before));
        let by: Vec<&RouteKey> = before.chain(across.iter().filter_map(|across| other.keys.get(across.route))).collect();
        found(&[key], &by, judge, || samples(key, key).into_iter().find(right))
    }

    /// Which of the old routes takes the request.
    #[must_use]
    pub fn find_old(&self, sample: &Sample) -> Found {
        self.old.find(sample, self.judge)
    }

    /// Which of the new routes takes the request.
    #[must_use]
    pub fn find_new(&self, sample: &Sample) -> Found {
        self.new.find(sample, self.judge)
    }
}

impl<'k> Side<'k> {
    fn new(keys: &'k [RouteKey]) -> Self {
        Self { keys, tree: MatchTree::build(keys), before: vec![Vec::new(); keys.len()], across: vec![Vec::new(); keys.len()] }
    }

    fn find(&self, sample: &Sample, judge: &dyn Judge) -> Found {
        let mut fulfils = |route: usize, _: &Captures| self.keys.get(route).is_some_and(|key| judge.holds(key, sample));
        self.tree.find(&sample.method, sample.authority(), &sample.path, &mut fulfils, &mut Captures::new())
    }

    /// The routes before one of this list that share a request with it and with one of the other list.
    fn before_that_meet<'s>(&'s self, route: usize, other: &'s Side<'_>, met: usize) -> impl Iterator<Item = &'s RouteKey> {
        let meets = other.across.get(met).map(Vec::as_slice).unwrap_or_default();
        let before = self.before.get(route).into_iter().flatten();
        let both = before.filter(|before| meets.binary_search_by_key(*before, |across| across.route).is_ok());
        both.filter_map(|before| self.keys.get(*before))
    }
}

/// The shortest request of all of `of` and none of `by` where it is soon found, else a sample.
fn found(of: &[&RouteKey], by: &[&RouteKey], judge: &dyn Judge, sampled: impl FnOnce() -> Option<Sample>) -> Remainder {
    if by.len() <= SMALL_MAX {
        match remainder(of, by, judge) {
            Remainder::TooComplex => sampled().map_or(Remainder::TooComplex, Remainder::Request),
            decided @ (Remainder::Request(_) | Remainder::Nothing) => decided,
        }
    } else {
        sampled().map_or_else(|| remainder(of, by, judge), Remainder::Request)
    }
}

/// The routes up to the first that leaves nothing for those behind it.
fn in_reach(across: &[Across]) -> impl Iterator<Item = usize> + '_ {
    let end = across.iter().position(|across| across.whole).map_or(across.len(), |at| at + 1);
    across.iter().take(end).map(|across| across.route)
}

/// Requests that both may take, without what predicates test: one of them is nearly always an answer.
fn samples(one: &RouteKey, other: &RouteKey) -> Vec<Sample> {
    let Some(common) = overlap(one, other) else { return Vec::new() };
    let plain = |path: String| Sample::plain(common.method.clone(), common.host.clone(), path);
    let mut samples = vec![plain(common.path.clone())];
    for key in [one, other] {
        let Some(path) = unlikely_path(&key.pattern) else { continue };
        match key.pattern.end() {
            End::Rest => samples.extend([format!("{path}/~~"), format!("{path}/~~/~~/~~/~~")].map(plain)),
            End::Exact | End::Slash | End::Regex(_) => samples.push(plain(path)),
        }
    }
    samples
}
