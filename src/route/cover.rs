//! Whether some sets of requests leave nothing of another: the products are cut into pieces on which methods, hosts
//! and predicates are constant, and each piece is a question about paths.

use std::cell::Cell;
use std::collections::{BTreeSet, HashMap};

use super::dfa::Universe;
use super::key::{RouteKey, told_apart};
use super::pattern::{End, Pattern};
use super::predicate::{Atom, Predicate, Predicates, Test, holds, values};
use super::product::{Budget, Machine, Verdict, witness};
use super::relation::paths;
use super::sample::unlikely_path;

/// The most pieces that one question is cut into.
pub const PIECES_MAX: usize = 4_096;
/// The most routes whose union one question is about.
pub const UNION_MAX: usize = 256;

/// Steps of work that each condition of a question counts as.
const STEPS_PER_CONDITION: usize = 16;
/// Routes that are held against a question's bounds in one step of work.
const COMPARED_PER_STEP: usize = 8;
/// States of single patterns that a walk visits in one step of work.
const VISITED_PER_STEP: usize = 4;

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
        if !self.predicates.spend(STEPS_PER_CONDITION * conditioned.count() + by.len() / COMPARED_PER_STEP) {
            return Cover::TooComplex;
        }
        let (of_keys, by_keys) = (keys(of), keys(by));
        if one_takes_all(&of_keys, &by_keys) {
            return Cover::Whole;
        }
        let affordable = self.predicates.left().saturating_mul(VISITED_PER_STEP);
        let visits = Cell::new(affordable);
        let cover = covered(&of_keys, &by_keys, &visits, self.predicates.is_exact(), |holding: &[bool]| {
            let of_by = |wanted: bool| by.iter().zip(holding).filter(move |(_, holds)| **holds == wanted).map(|(number, _)| *number);
            self.predicates.possible(of, &of_by(true).collect::<Vec<_>>(), &of_by(false).collect::<Vec<_>>())
        });
        self.predicates.spend((affordable - visits.get()) / VISITED_PER_STEP);
        cover
    }
}

/// True when a single route plainly takes what all of `of` take: mostly it is the one that was written for that.
fn one_takes_all(of: &[&RouteKey], by: &[&RouteKey]) -> bool {
    let Some(bounds) = of.iter().map(|key| (*key).clone()).reduce(|bounds, key| bounds.bounds(&key)) else { return false };
    let is_plain = |key: &RouteKey| !matches!(key.pattern.end(), End::Regex(_));
    let takes_all = |route: &RouteKey| {
        is_plain(route)
            && bounds.methods.is_subset(&route.methods)
            && bounds.within_hosts(route)
            && of.iter().any(|key| key.predicate.is_subset(&route.predicate))
            && paths(&bounds.pattern, &route.pattern).subset
    };
    of.iter().all(|key| is_plain(key)) && by.iter().any(|route| takes_all(route))
}

/// The answer, for which walks may visit so many states of single patterns.
fn covered(of: &[&RouteKey], by: &[&RouteKey], visits: &Cell<usize>, exact: bool, possible: impl Fn(&[bool]) -> Option<bool>) -> Cover {
    let union = |count: usize| count <= UNION_MAX;
    let holding = |world: &World<'_>| -> Vec<bool> { by.iter().map(|route| world.certainly(&route.predicate, of)).collect() };
    // Mostly a request is left for which no test holds. It is looked for first: worlds double with every test.
    let none = World::default();
    let alone = holding(&none);
    let few = by.len() <= PIECES_MAX && union(alone.iter().filter(|holds| **holds).count());
    let opaque = of.iter().chain(by).any(|route| route.predicate.is_opaque());
    if (opaque || exact) && few && possible(&alone) == Some(true) && pieces(of, by, visits, &[none]) == Cover::Gaps {
        return Cover::Gaps;
    }
    if !opaque {
        let worlds = union(by.len()).then(|| worlds(of, by)).flatten();
        return worlds.map_or(Cover::TooComplex, |worlds| pieces(of, by, visits, &worlds));
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
    match pieces(of, by, visits, &certain) {
        Cover::Whole if pieces(of, by, visits, &doubtful) != Cover::Whole => Cover::TooComplex,
        decided @ (Cover::Whole | Cover::Gaps | Cover::TooComplex) => decided,
    }
}

/// The answer for the requests of some worlds.
fn pieces(of: &[&RouteKey], by: &[&RouteKey], visits: &Cell<usize>, worlds: &[World<'_>]) -> Cover {
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
                let verdict = asked.entry(there).or_insert_with_key(|there| left_over(of, by, there, visits, &mut budget));
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

fn left_over(of: &[&RouteKey], by: &[&RouteKey], there: &[usize], visits: &Cell<usize>, budget: &mut Budget) -> Verdict {
    let positives: Vec<Machine<'_>> = of.iter().map(|route| Machine::Path(&route.pattern)).chain([Machine::All(Universe::Path)]).collect();
    let patterns: Vec<&Pattern> = there.iter().filter_map(|index| by.get(*index)).map(|route| &route.pattern).collect();
    // A path that hardly any other route would take mostly is one.
    let narrow = of.iter().map(|route| route.pattern.clone()).reduce(|one, other| one.narrowed(&other));
    if let Some(path) = narrow.as_ref().and_then(unlikely_path)
        && of.iter().all(|route| route.pattern.matches(&path))
        && !patterns.iter().any(|pattern| pattern.matches(&path))
    {
        return Verdict::Word(path);
    }
    let negatives: Vec<Machine<'_>> = patterns.into_iter().map(Machine::Path).collect();
    let machines = positives.len() + negatives.len();
    let affordable = visits.get() / machines;
    let states = budget.states.min(affordable);
    let mut walk = Budget { states };
    let verdict = witness(&positives, &negatives, &mut walk);
    let visited = states - walk.states;
    budget.states -= visited;
    let is_spent = verdict == Verdict::TooComplex && visited == affordable;
    visits.set(if is_spent { 0 } else { visits.get() - visited * machines });
    verdict
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
