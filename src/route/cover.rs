//! Whether some sets of requests leave nothing of another: the products are cut into pieces on which methods, hosts
//! and predicates are constant, and each piece is a question about paths.

use std::collections::{BTreeSet, HashMap};

use super::dfa::Universe;
use super::key::{RouteKey, told_apart};
use super::pattern::Pattern;
use super::predicate::{Atom, Predicate, Predicates, Test, holds, values};
use super::product::{Budget, Machine, Verdict, witness};

/// The most pieces that one question is cut into.
pub const PIECES_MAX: usize = 4_096;
/// The most routes whose union one question is about.
pub const UNION_MAX: usize = 256;

/// Steps of work that each condition of a question counts as.
const STEPS_PER_CONDITION: usize = 16;

/// The answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Cover {
    /// Every request of all the first routes is one of some second route.
    Whole,
    /// Some request is left.
    Gaps,
    /// The question is larger than the limits.
    TooComplex,
}

/// The routes that questions are about, by their numbers.
#[derive(Clone, Copy)]
pub(super) struct Routes<'a> {
    pub routes: &'a [RouteKey],
    pub predicates: &'a dyn Predicates,
}

impl Routes<'_> {
    /// Whether the union of `by` holds every request that all of `of` take.
    pub(super) fn covered(self, of: &[usize], by: &[usize]) -> Cover {
        let keys = |numbers: &[usize]| numbers.iter().filter_map(|number| self.routes.get(*number)).collect::<Vec<_>>();
        let conditioned = of.iter().chain(by).filter(|number| self.routes.get(**number).is_some_and(|key| !key.predicate.is_always()));
        if !self.predicates.spend(STEPS_PER_CONDITION * conditioned.count()) {
            return Cover::TooComplex;
        }
        covered(&keys(of), &keys(by), self.predicates.is_exact(), |holding: &[bool]| {
            let of_by = |wanted: bool| by.iter().zip(holding).filter(move |(_, holds)| **holds == wanted).map(|(number, _)| *number);
            self.predicates.possible(of, &of_by(true).collect::<Vec<_>>(), &of_by(false).collect::<Vec<_>>())
        })
    }
}

fn covered(of: &[&RouteKey], by: &[&RouteKey], exact: bool, possible: impl Fn(&[bool]) -> Option<bool>) -> Cover {
    let union = |count: usize| count <= UNION_MAX;
    let holding = |world: &World<'_>| -> Vec<bool> { by.iter().map(|route| world.certainly(&route.predicate, of)).collect() };
    // Mostly a request is left for which no test holds. It is looked for first: worlds double with every test.
    let none = World::default();
    let alone = holding(&none);
    let few = by.len() <= PIECES_MAX && union(alone.iter().filter(|holds| **holds).count());
    let opaque = of.iter().chain(by).any(|route| route.predicate.is_opaque());
    if (opaque || exact) && few && possible(&alone) == Some(true) && pieces(of, by, &[none]) == Cover::Gaps {
        return Cover::Gaps;
    }
    if !opaque {
        let worlds = union(by.len()).then(|| worlds(of, by)).flatten();
        return worlds.map_or(Cover::TooComplex, |worlds| pieces(of, by, &worlds));
    }
    let Some(worlds) = union(by.len()).then(|| worlds(of, by)).flatten() else { return Cover::TooComplex };
    let mut asked: HashMap<Vec<bool>, Option<bool>> = HashMap::new();
    let (mut certain, mut doubtful) = (Vec::new(), Vec::new());
    for world in worlds {
        match *asked.entry(holding(&world)).or_insert_with_key(|holding| possible(holding)) {
            Some(true) => certain.push(world),
            Some(false) => {}
            None => doubtful.push(world),
        }
    }
    match pieces(of, by, &certain) {
        Cover::Whole if pieces(of, by, &doubtful) != Cover::Whole => Cover::TooComplex,
        decided @ (Cover::Whole | Cover::Gaps | Cover::TooComplex) => decided,
    }
}

/// The answer for the requests of some worlds.
fn pieces(of: &[&RouteKey], by: &[&RouteKey], worlds: &[World<'_>]) -> Cover {
    let methods = methods(of, by);
    let hosts = told_apart(of, by);
    if methods.len() * hosts.len() * worlds.len() > PIECES_MAX {
        return Cover::TooComplex;
    }
    let mut asked: HashMap<Vec<usize>, Verdict> = HashMap::new();
    let mut budget = Budget::default();
    for method in &methods {
        for host in &hosts {
            for world in worlds {
                let there: Vec<usize> = (0..by.len())
                    .filter(|index| {
                        by.get(*index).is_some_and(|route| {
                            route.methods.contains(method) && route.takes_host(host) && world.certainly(&route.predicate, of)
                        })
                    })
                    .collect();
                let verdict = asked.entry(there).or_insert_with_key(|there| left_over(of, by, there, &mut budget));
                match verdict {
                    Verdict::Word(_) => return Cover::Gaps,
                    Verdict::TooComplex => return Cover::TooComplex,
                    Verdict::Empty => {}
                }
            }
        }
    }
    Cover::Whole
}

fn left_over(of: &[&RouteKey], by: &[&RouteKey], there: &[usize], budget: &mut Budget) -> Verdict {
    let positives: Vec<Machine<'_>> = of.iter().map(|route| Machine::Path(&route.pattern)).chain([Machine::All(Universe::Path)]).collect();
    let patterns: Vec<&Pattern> = there.iter().filter_map(|index| by.get(*index)).map(|route| &route.pattern).collect();
    let negatives: Vec<Machine<'_>> = patterns.into_iter().map(Machine::Path).collect();
    witness(&positives, &negatives, budget)
}

/// One method of each kind that the routes tell apart.
fn methods(of: &[&RouteKey], by: &[&RouteKey]) -> Vec<String> {
    let named = of.iter().chain(by).flat_map(|route| route.methods.names().map(str::to_owned));
    let mut methods: BTreeSet<String> = named.collect();
    // No route names it: it stands for every method that only `ANY` takes.
    let mut unnamed = "UNNAMED".to_owned();
    while methods.contains(&unnamed) {
        unnamed.push('X');
    }
    methods.insert(unnamed);
    methods.into_iter().filter(|method| of.iter().all(|route| route.methods.contains(method))).collect()
}

/// What is so of the attributes that the predicates test: a value each, or the truth of a test that only the
/// request can answer.
#[derive(Clone, Default)]
struct World<'a> {
    values: HashMap<&'a str, Option<String>>,
    opaque: HashMap<&'a Atom, bool>,
}

impl World<'_> {
    /// True when the predicate holds in this world, or whenever one of the wanted routes' does.
    fn certainly(&self, predicate: &Predicate, of: &[&RouteKey]) -> bool {
        predicate.atoms.iter().all(|atom| self.atom(atom)) || of.iter().any(|route| route.predicate.is_subset(predicate))
    }

    fn atom(&self, atom: &Atom) -> bool {
        if let Some(known) = self.opaque.get(atom) {
            return *known;
        }
        self.values.get(atom.attribute.as_str()).is_some_and(|value| holds(&atom.test, value.as_deref()) == Some(true))
    }
}

/// All worlds in which the wanted routes' predicates hold; `None` past the limit.
fn worlds<'a>(of: &[&'a RouteKey], by: &[&'a RouteKey]) -> Option<Vec<World<'a>>> {
    let mut opaque: BTreeSet<&Atom> = BTreeSet::new();
    let mut tested: HashMap<&str, BTreeSet<&str>> = HashMap::new();
    for atom in of.iter().chain(by).flat_map(|route| &route.predicate.atoms) {
        match &atom.test {
            Test::Matches(_) | Test::Other(_) => {
                opaque.insert(atom);
            }
            Test::Equals(value) | Test::NotEquals(value) => {
                tested.entry(&atom.attribute).or_default().insert(value);
            }
            Test::In(_) => tested.entry(&atom.attribute).or_default().extend(values(&atom.test).into_iter().flatten()),
            Test::Present | Test::Absent => {
                tested.entry(&atom.attribute).or_default();
            }
        }
    }
    let mut worlds = vec![World::default()];
    for atom in opaque {
        worlds = worlds.into_iter().flat_map(|world| [true, false].map(|truth| with_truth(&world, atom, truth))).collect();
        if worlds.len() > PIECES_MAX {
            return None;
        }
    }
    for (name, texts) in tested {
        // Longer than every text that is tested, so equal to none.
        let another = "x".repeat(texts.iter().map(|text| text.len()).max().unwrap_or(0) + 1);
        let choices: Vec<Option<String>> =
            [None, Some(another)].into_iter().chain(texts.into_iter().map(|text| Some(text.to_owned()))).collect();
        if worlds.len() * choices.len() > PIECES_MAX {
            return None;
        }
        worlds = worlds.iter().flat_map(|world| choices.iter().map(|choice| with_value(world, name, choice))).collect();
    }
    worlds.retain(|world| of.iter().all(|route| route.predicate.atoms.iter().all(|atom| world.atom(atom))));
    Some(worlds)
}

fn with_truth<'a>(world: &World<'a>, atom: &'a Atom, truth: bool) -> World<'a> {
    let mut world = world.clone();
    world.opaque.insert(atom, truth);
    world
}

fn with_value<'a>(world: &World<'a>, name: &'a str, value: &Option<String>) -> World<'a> {
    let mut world = world.clone();
    world.values.insert(name, value.clone());
    world
}
