//! A request that is left of some sets of requests when others are taken away.
//!
//! Where conditions play no part, the products are cut into pieces on which methods and hosts are constant; each piece is a
//! question about paths, and a path that answers it makes a whole request. All else is asked of a [`Judge`].

use std::collections::HashMap;

use super::dfa::Universe;
use super::host::{HostPattern, simplified};
use super::key::{RouteKey, told_apart};
use super::pattern::Pattern;
use super::product::{Budget, Machine, Verdict, witness};

/// The most pieces that one question is cut into.
pub const PIECES_MAX: usize = 4_096;
/// The most routes that may be taken away.
pub const TAKEN_MAX: usize = 256;

/// What is left.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Remainder {
    /// This request, among others.
    Request(Sample),
    /// No request.
    Nothing,
    /// The question is larger than the limits.
    TooComplex,
}

/// A request as far as routes tell requests apart.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Sample {
    /// The method.
    pub method: String,
    /// The host, when not every host will do.
    pub host: Option<String>,
    /// The normalised path.
    pub path: String,
    /// The attributes that decide, by their canonical text (`header("x-version")`); none is missing.
    pub values: Vec<(String, Option<String>)>,
}

/// The host of a request for which every host will do.
const ANY_HOST: &str = "localhost";

impl Sample {
    /// A request without anything that predicates test.
    #[must_use]
    pub fn plain(method: String, host: Option<String>, path: String) -> Self {
        Self { method, host, path, ..Self::default() }
    }

    /// The host to ask for.
    #[must_use]
    pub fn authority(&self) -> &str {
        self.host.as_deref().unwrap_or(ANY_HOST)
    }
}

/// What understands predicates.
pub trait Judge {
    /// A request that all of `of` take and none of `by` does.
    fn left(&self, of: &[&RouteKey], by: &[&RouteKey]) -> Remainder;
    /// True when a route's predicate holds for a request that the rest of its key takes.
    fn holds(&self, key: &RouteKey, request: &Sample) -> bool;
}

/// A request that all of `of` take and none of `by` does.
#[must_use]
pub fn remainder(of: &[&RouteKey], by: &[&RouteKey], judge: &dyn Judge) -> Remainder {
    if by.len() > TAKEN_MAX {
        return Remainder::TooComplex;
    }
    if of.iter().any(|key| !key.predicate.is_always()) {
        return judge.left(of, by);
    }
    // A request that no other route would take, whatever else is so of it, is found without them.
    match bare(of, by) {
        Remainder::Request(sample) => Remainder::Request(sample),
        decided if by.iter().all(|key| key.predicate.is_always()) => decided,
        Remainder::Nothing | Remainder::TooComplex => judge.left(of, by),
    }
}

/// The same for routes without their predicates.
fn bare(of: &[&RouteKey], by: &[&RouteKey]) -> Remainder {
    let any_host = of.iter().chain(by).all(|key| simplified(&key.hosts) == [HostPattern::Any]);
    let (methods, hosts) = (methods(of, by), if any_host { vec![ANY_HOST.to_owned()] } else { told_apart(of, by) });
    if methods.len() * hosts.len() > PIECES_MAX {
        return Remainder::TooComplex;
    }
    let mut asked: HashMap<Vec<usize>, Verdict> = HashMap::new();
    let mut budget = Budget::default();
    let mut complete = true;
    for host in &hosts {
        for method in &methods {
            let takes = |key: &&RouteKey| key.methods.contains(method) && key.takes_host(host);
            let there: Vec<usize> = by.iter().enumerate().filter(|(_, key)| takes(key)).map(|(index, _)| index).collect();
            match asked.entry(there).or_insert_with_key(|there| path(of, by, there, &mut budget)) {
                Verdict::Word(path) => {
                    return Remainder::Request(Sample::plain(method.clone(), (!any_host).then(|| host.clone()), path.clone()));
                }
                Verdict::TooComplex => complete = false,
                Verdict::Empty => {}
            }
        }
    }
    if complete { Remainder::Nothing } else { Remainder::TooComplex }
}

fn path(of: &[&RouteKey], by: &[&RouteKey], there: &[usize], budget: &mut Budget) -> Verdict {
    let positives: Vec<Machine<'_>> = of.iter().map(|key| Machine::Path(&key.pattern)).chain([Machine::All(Universe::Path)]).collect();
    let patterns = there.iter().filter_map(|index| by.get(*index)).map(|key| &key.pattern);
    let negatives: Vec<Machine<'_>> = patterns.map(|pattern: &Pattern| Machine::Path(pattern)).collect();
    witness(&positives, &negatives, budget)
}

/// One method of each kind that the routes tell apart, those with a name in the routes first.
fn methods(of: &[&RouteKey], by: &[&RouteKey]) -> Vec<String> {
    let mut methods: Vec<String> = Vec::new();
    for name in of.iter().chain(by).flat_map(|key| key.methods.names()) {
        if !methods.iter().any(|known| known == name) {
            methods.push(name.to_owned());
        }
    }
    let unnamed = ["PURGE", "PROPFIND", "REPORT", "LINK"].into_iter().map(str::to_owned);
    let numbered = (0..=methods.len()).map(|number| format!("METHOD{number}"));
    let free = unnamed.chain(numbered).find(|name| !methods.contains(name));
    methods.extend(free);
    methods.retain(|method| of.iter().all(|key| key.methods.contains(method)));
    methods
}
