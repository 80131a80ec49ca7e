//! What a change of a policy changes for requests: classes of requests whose outcome differs between two programs, each
//! with a request that shows it.
//!
//! Sets of requests are compared, not names: for every old and every new route that take some request in common, what they
//! do with it is held side by side. So a route that is renamed, moved, or split in two that do the same changes nothing.

mod align;
mod attributes;
mod auth;
mod cache;
mod callers;
mod canonical;
mod cors;
mod cosmetic;
mod counters;
mod declared;
mod fields;
mod gateway;
mod hooks;
mod keys;
mod limit;
mod listener;
mod outcome;
mod policies;
mod rest;
mod rules;
mod show;
mod target;
mod upstream;
mod witness;
mod written;

pub use witness::Witness;

use crate::ir::{Program, Route};
use crate::logic::{Matches, Model};
use crate::route::{Found, Remainder, RouteKey, Sample, Shift};
use align::{Aligned, align};
use serde::Serialize;
use std::collections::HashMap;

/// What a change is to those who make requests, the worst first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "UPPERCASE")]
pub enum Class {
    /// What was answered is refused: no route takes it, or its credential is not asked for any more.
    Breaking,
    /// More gets through.
    Looser,
    /// Less gets through, although a route takes it.
    Tighter,
    /// Another upstream or another route answers.
    Rerouted,
    /// The upstream or the client sees something else.
    Reshaped,
    /// Times, retries, breakers, logs.
    Tuned,
    /// Nothing that a request could tell.
    Cosmetic,
}

impl Class {
    /// All, the worst first.
    pub const ALL: [Self; 7] = [Self::Breaking, Self::Looser, Self::Tighter, Self::Rerouted, Self::Reshaped, Self::Tuned, Self::Cosmetic];

    /// Its name.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Breaking => "BREAKING",
            Self::Looser => "LOOSER",
            Self::Tighter => "TIGHTER",
            Self::Rerouted => "REROUTED",
            Self::Reshaped => "RESHAPED",
            Self::Tuned => "TUNED",
            Self::Cosmetic => "COSMETIC",
        }
    }
}

/// All that differs, the worst first.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Diff {
    /// The changes; no two say the same.
    pub changes: Vec<Change>,
    /// False when so many routes overlap that not all could be compared.
    pub complete: bool,
}

/// One thing that differs for a set of requests.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Change {
    /// What it is to those who make requests.
    pub class: Class,
    /// What was and what is.
    pub says: String,
    /// A request that meets it; none for what is cosmetic, and where finding one is too complex.
    pub witness: Option<Witness>,
    /// The routes that took such requests, and those that take them now.
    pub routes: Vec<Pair>,
}

/// The route that took some requests, and the one that takes them; none where there is no route.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Pair {
    /// Before.
    pub old: Option<Place>,
    /// Now.
    pub new: Option<Place>,
}

impl Pair {
    fn of(old: &Route, new: &Route) -> Self {
        Self { old: Some(Place::of(old)), new: Some(Place::of(new)) }
    }
}

/// A route and where it stands.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Place {
    /// Its name.
    pub route: String,
    /// `file:line`
    pub place: String,
}

impl Place {
    fn of(route: &Route) -> Self {
        Self { route: route.name.clone(), place: route.place.clone() }
    }
}

/// One thing that two routes do differently with the same request.
#[derive(Debug, Clone, PartialEq)]
struct Difference {
    class: Class,
    /// What was and what is, without the names of the routes.
    says: String,
    /// What besides route and path makes a request meet it: `without a credential`.
    with: Vec<String>,
    /// The same as values of what conditions ask for.
    model: Option<Model>,
    /// True when no request of a client meets it, so that none can show it.
    unseen: bool,
}

impl Difference {
    fn new(class: Class, says: impl Into<String>) -> Self {
        Self { class, says: says.into(), with: Vec::new(), model: None, unseen: false }
    }

    fn with(mut self, what: impl Into<String>) -> Self {
        self.with.push(what.into());
        self
    }

    fn shown_by(mut self, model: Option<Model>) -> Self {
        self.model = model;
        self
    }

    fn unseen(mut self) -> Self {
        self.unseen = true;
        self
    }
}

/// Compares two programs.
#[must_use]
pub fn diff(old: &Program, new: &Program) -> Diff {
    let aligned = align(old, new);
    let keys = |program: &Program| program.routes.iter().map(|route| route.key.clone()).collect::<Vec<RouteKey>>();
    let (old_keys, new_keys) = (keys(old), keys(new));
    let routes = old.routes.iter().chain(&new.routes);
    let matches = Matches::new(routes.map(|route| (&route.key, route.predicate.as_ref())), &[]);
    let shift = Shift::new(&old_keys, &new_keys, &matches);
    let comparison = Comparison { old, new, aligned: &aligned, shift: &shift, matches: &matches };
    let mut gathered = Gathered::default();
    comparison.shared(&mut gathered);
    comparison.lost(&mut gathered);
    comparison.gained(&mut gathered);
    declared::differences(&comparison, &mut gathered);
    cosmetic::differences(&comparison, &mut gathered);
    let mut changes = gathered.changes;
    changes.sort_by_key(|change| change.class);
    Diff { changes, complete: shift.is_complete() }
}

/// Two programs side by side.
struct Comparison<'c> {
    old: &'c Program,
    new: &'c Program,
    aligned: &'c Aligned<'c>,
    shift: &'c Shift<'c>,
    matches: &'c Matches<'c>,
}

impl Comparison<'_> {
    /// Requests that a route took and a route takes.
    fn shared(&self, gathered: &mut Gathered) {
        let mut counters = counters::Counters::default();
        for (old, new) in self.shift.shared() {
            let (Some(before), Some(after)) = (self.old.routes.get(old), self.aligned.routes.get(new)) else { continue };
            if before.name == after.name || self.shift.is_certain(old, new) {
                counters.note((old, before), (new, after));
            }
            let differences = self.named(before, after, outcome::differences(before, after, self));
            if differences.is_empty() {
                continue;
            }
            let pair = Pair::of(before, after);
            if self.shift.is_certain(old, new) && differences.iter().all(|difference| gathered.knows(difference)) {
                differences.into_iter().for_each(|difference| gathered.add(difference, None, &pair));
                continue;
            }
            let sample = match self.shift.example(old, new) {
                Remainder::Nothing => continue,
                Remainder::Request(sample) => Some(sample),
                Remainder::TooComplex => None,
            };
            let taken =
                |sample: &Sample| self.shift.find_old(sample) == Found::Route(old) && self.shift.find_new(sample) == Found::Route(new);
            for difference in differences {
                let model = difference.model.as_ref();
                let witness = sample.as_ref().map(|sample| Witness::shown(sample, model, &before.key, taken));
                gathered.add(difference, witness.as_ref(), &pair);
            }
        }
        counters.differences(gathered, |old, new| match self.shift.example(old, new) {
            Remainder::Request(sample) => Some(Witness::of(&sample)),
            Remainder::Nothing | Remainder::TooComplex => None,
        });
    }

    /// The differences of two routes, and what is to say of their names.
    fn named(&self, before: &Route, after: &Route, mut differences: Vec<Difference>) -> Vec<Difference> {
        if before.name == after.name {
            return differences;
        }
        let named = |routes: &[Route], name: &str| routes.iter().any(|route| route.name == name);
        // Else the requests went with their route to its new name.
        let another = named(&self.new.routes, &before.name) || named(&self.old.routes, &after.name);
        if !another {
            differences.push(Difference::new(Class::Cosmetic, format!("route `{}` is called `{}`", before.name, after.name)));
        } else if differences.iter().all(|difference| difference.class == Class::Cosmetic) {
            let says = format!("`{}` takes what `{}` took and does the same", after.name, before.name);
            differences.push(Difference::new(Class::Cosmetic, says));
        } else {
            differences.retain(|difference| difference.class != Class::Rerouted);
            let (was, is) = (target::described(before, self), target::described(after, self));
            let there = if was == is { is } else { format!("{is}, was {was}") };
            let says = format!("`{}` takes what `{}` took ({there})", after.name, before.name);
            differences.push(Difference::new(Class::Rerouted, says));
        }
        differences
    }

    /// Requests that a route took and none takes.
    fn lost(&self, gathered: &mut Gathered) {
        for (index, route) in self.old.routes.iter().enumerate() {
            let (witness, status) = match self.shift.lost(index) {
                Remainder::Nothing => continue,
                Remainder::Request(sample) => (Some(Witness::of(&sample)), status(&self.shift.find_new(&sample))),
                Remainder::TooComplex => (None, "404"),
            };
            let now = self.new.routes.iter().find(|other| other.name == route.name);
            let narrowed = now.map(|now| keys::changes(route, now, &self.aligned.named)).unwrap_or_default();
            let says = format!("`{}` answered these requests, now no route takes them ({status}){narrowed}", route.name);
            let pair = Pair { old: Some(Place::of(route)), new: now.map(Place::of) };
            gathered.add(Difference::new(Class::Breaking, says), witness.as_ref(), &pair);
        }
    }

    /// Requests that no route took and one takes.
    fn gained(&self, gathered: &mut Gathered) {
        for (index, route) in self.new.routes.iter().enumerate() {
            let (witness, status) = match self.shift.gained(index) {
                Remainder::Nothing => continue,
                Remainder::Request(sample) => (Some(Witness::of(&sample)), status(&self.shift.find_old(&sample))),
                Remainder::TooComplex => (None, "404"),
            };
            let before = self.old.routes.iter().find(|other| other.name == route.name);
            let widened = before.map(|before| keys::changes(before, route, &self.aligned.named)).unwrap_or_default();
            let says = format!("no route took these requests ({status}), now `{}` answers them{widened}", route.name);
            let pair = Pair { old: before.map(Place::of), new: Some(Place::of(route)) };
            gathered.add(Difference::new(Class::Looser, says), witness.as_ref(), &pair);
        }
    }
}

/// What is answered when no route takes a request.
fn status(found: &Found) -> &'static str {
    match found {
        Found::MethodNotAllowed(_) => "405",
        Found::Route(_) | Found::NotFound => "404",
    }
}

/// Changes so far; the same sentence about several routes is one change.
#[derive(Default)]
struct Gathered {
    changes: Vec<Change>,
    known: HashMap<(Class, String), usize>,
}

impl Gathered {
    /// True when the change has been told already, with an example.
    fn knows(&self, difference: &Difference) -> bool {
        let known = self.known.get(&(difference.class, difference.says.clone())).and_then(|at| self.changes.get(*at));
        known.is_some_and(|change| change.witness.is_some() || change.class == Class::Cosmetic)
    }

    fn add(&mut self, difference: Difference, witness: Option<&Witness>, pair: &Pair) {
        let Difference { class, says, with, model: _, unseen } = difference;
        let witness = || witness.filter(|_| !unseen && class != Class::Cosmetic).map(|witness| witness.clone().with(with));
        if let Some(change) = self.known.get(&(class, says.clone())).and_then(|at| self.changes.get_mut(*at)) {
            if change.witness.is_none() {
                change.witness = witness();
            }
            // The same two routes may meet the same change in two ways, one after the other.
            if change.routes.last() != Some(pair) {
                change.routes.push(pair.clone());
            }
            return;
        }
        self.known.insert((class, says.clone()), self.changes.len());
        self.changes.push(Change { class, says, witness: witness(), routes: vec![pair.clone()] });
    }

    /// A change of the gateway as a whole. No one request shows its times and numbers.
    fn whole(&mut self, difference: Difference, witness: Option<&Witness>) {
        let Difference { class, says, with, model: _, unseen } = difference;
        let shows = !unseen && class < Class::Tuned;
        let witness = witness.filter(|_| shows).map(|witness| witness.clone().with(with));
        self.changes.push(Change { class, says, witness, routes: Vec::new() });
    }
}
