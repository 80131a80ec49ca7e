//! A request that is left of some sets of requests when others are taken away.
//!
//! The products are cut into pieces on which methods, hosts and what the predicates test are constant; each piece is a
//! question about paths, and a path that answers it makes a whole request.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use super::dfa::{Dfa, Universe};
use super::host::{HostPattern, simplified};
use super::key::{RouteKey, told_apart};
use super::pattern::Pattern;
use super::predicate::{Atom, Predicate, Test, holds, values};
use super::product::{Budget, Machine, Verdict, witness};

/// The most pieces that one question is cut into.
pub const PIECES_MAX: usize = 4_096;
/// The most routes that may be taken away.
pub const TAKEN_MAX: usize = 256;
/// The most regexes that one attribute may be held against.
pub const REGEXES_MAX: usize = 4;

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
    /// Tests that only the request itself can answer, with the answer.
    pub truths: Vec<(Atom, bool)>,
}

/// A host that no route names.
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

    /// True when the predicate holds for the request; what is not known of it is missing, or false.
    #[must_use]
    pub fn fulfils(&self, predicate: &Predicate) -> bool {
        predicate.atoms.iter().all(|atom| match &atom.test {
            Test::Other(_) => self.truths.iter().any(|(known, truth)| known == atom && *truth),
            Test::Equals(_) | Test::NotEquals(_) | Test::In(_) | Test::Matches(_) | Test::Present | Test::Absent => {
                holds(&atom.test, self.value(&atom.attribute)) == Some(true)
            }
        })
    }

    fn value(&self, attribute: &str) -> Option<&str> {
        match attribute {
            "request.method" => Some(&self.method),
            "request.path" => Some(&self.path),
            "request.host" => Some(self.authority()),
            _ => self.values.iter().find(|(name, _)| name == attribute).and_then(|(_, value)| value.as_deref()),
        }
    }
}

/// True when there may be such a request, whatever the tests say that are not understood here.
pub type Possible<'p> = &'p dyn Fn(&Sample) -> bool;

/// A request that all of `of` take and none of `by` does.
#[must_use]
pub fn remainder(of: &[&RouteKey], by: &[&RouteKey], possible: Possible<'_>) -> Remainder {
    if by.len() > TAKEN_MAX {
        return Remainder::TooComplex;
    }
    let any_host = of.iter().chain(by).all(|key| simplified(&key.hosts) == [HostPattern::Any]);
    let (methods, hosts) = (methods(of, by), if any_host { vec![ANY_HOST.to_owned()] } else { told_apart(of, by) });
    let tables = Tables::of(of.iter().chain(by).copied());
    let Some(worlds) = worlds(of, by, &tables) else { return Remainder::TooComplex };
    if methods.len() * hosts.len() * worlds.len() > PIECES_MAX {
        return Remainder::TooComplex;
    }
    let mut asked: HashMap<Vec<usize>, Verdict> = HashMap::new();
    let mut budget = Budget::default();
    let mut complete = true;
    for world in &worlds {
        for host in &hosts {
            for method in &methods {
                let holds = |key: &&RouteKey| world.holds(&key.predicate, method, host, &tables);
                if !of.iter().all(holds) {
                    continue;
                }
                let takes = |key: &&RouteKey| key.methods.contains(method) && key.takes_host(host) && holds(key);
                let there: Vec<usize> = by.iter().enumerate().filter(|(_, key)| takes(key)).map(|(index, _)| index).collect();
                match asked.entry(there).or_insert_with_key(|there| path(of, by, there, &mut budget)) {
                    Verdict::Word(path) => {
                        let sample = world.sample(method, host, path, of, by);
                        if possible(&sample) {
                            return Remainder::Request(sample);
                        }
                        // With another path there might be such a request.
                        complete &= !world.truths.keys().any(|atom| atom.attribute == "request.path");
                    }
                    Verdict::TooComplex => complete = false,
                    Verdict::Empty => {}
                }
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

/// The regexes of all predicates, compiled once.
struct Tables<'a>(HashMap<&'a str, Dfa>);

impl<'a> Tables<'a> {
    fn of(keys: impl Iterator<Item = &'a RouteKey>) -> Self {
        let atoms = keys.flat_map(|key| &key.predicate.atoms);
        let regexes = atoms.filter_map(|atom| if let Test::Matches(regex) = &atom.test { Some(regex.as_str()) } else { None });
        Self(regexes.filter_map(|regex| Some((regex, Dfa::compile(regex, Universe::Bytes).ok()?))).collect())
    }

    fn holds(&self, test: &Test, value: Option<&str>) -> bool {
        match (test, value) {
            (Test::Matches(regex), Some(value)) => self.0.get(regex.as_str()).is_some_and(|table| table.contains(value.as_bytes())),
            (_, _) => holds(test, value).unwrap_or(false),
        }
    }
}

/// What is so of everything that the predicates test.
#[derive(Clone, Default)]
struct World<'a> {
    values: BTreeMap<&'a str, Option<String>>,
    truths: BTreeMap<&'a Atom, bool>,
}

impl World<'_> {
    fn holds(&self, predicate: &Predicate, method: &str, host: &str, tables: &Tables<'_>) -> bool {
        predicate.atoms.iter().all(|atom| {
            if let Some(truth) = self.truths.get(atom) {
                return *truth;
            }
            let value = match atom.attribute.as_str() {
                "request.method" => Some(method),
                "request.host" => Some(host),
                name => self.values.get(name).and_then(Option::as_deref),
            };
            tables.holds(&atom.test, value)
        })
    }

    fn sample(&self, method: &str, host: &str, path: &str, of: &[&RouteKey], by: &[&RouteKey]) -> Sample {
        let asked = of.iter().chain(by).any(|key| simplified(&key.hosts) != [HostPattern::Any]);
        Sample {
            method: method.to_owned(),
            host: asked.then(|| host.to_owned()),
            path: path.to_owned(),
            values: self.values.iter().map(|(name, value)| ((*name).to_owned(), value.clone())).collect(),
            truths: self.truths.iter().map(|(atom, truth)| ((*atom).clone(), *truth)).collect(),
        }
    }
}

/// Every world that the predicates tell apart, missing values first; `None` past the limits.
fn worlds<'a>(of: &[&'a RouteKey], by: &[&'a RouteKey], tables: &Tables<'_>) -> Option<Vec<World<'a>>> {
    let mut opaque: BTreeSet<&Atom> = BTreeSet::new();
    let mut tested: BTreeMap<&str, Vec<&Test>> = BTreeMap::new();
    for atom in of.iter().chain(by).flat_map(|key| &key.predicate.atoms) {
        match (&atom.test, atom.attribute.as_str()) {
            (_, "request.method" | "request.host") => {}
            (Test::Other(_), _) | (_, "request.path") => {
                opaque.insert(atom);
            }
            (test, name) => tested.entry(name).or_default().push(test),
        }
    }
    let mut worlds = vec![World::default()];
    for (name, tests) in tested {
        let choices = choices(name, &tests, tables)?;
        if worlds.len() * choices.len() > PIECES_MAX {
            return None;
        }
        let with = |world: &World<'a>, choice: &Option<String>| {
            let mut world = world.clone();
            world.values.insert(name, choice.clone());
            world
        };
        worlds = worlds.iter().flat_map(|world| choices.iter().map(|choice| with(world, choice))).collect();
    }
    for atom in opaque {
        let with = |world: &World<'a>, truth: bool| {
            let mut world = world.clone();
            world.truths.insert(atom, truth);
            world
        };
        worlds = worlds.iter().flat_map(|world| [false, true].map(|truth| with(world, truth))).collect();
        if worlds.len() > PIECES_MAX {
            return None;
        }
    }
    Some(worlds)
}

/// A value of an attribute for each way in which its tests can come out.
fn choices(name: &str, tests: &[&Test], tables: &Tables<'_>) -> Option<Vec<Option<String>>> {
    let texts: BTreeSet<&str> = tests
        .iter()
        .flat_map(|test| match test {
            Test::Equals(text) | Test::NotEquals(text) => vec![text.as_str()],
            Test::In(_) => values(test).unwrap_or_default(),
            Test::Matches(_) | Test::Present | Test::Absent | Test::Other(_) => Vec::new(),
        })
        .collect();
    let regexes: BTreeSet<&str> =
        tests.iter().filter_map(|test| if let Test::Matches(regex) = test { Some(regex.as_str()) } else { None }).collect();
    let regexes: Vec<&Dfa> = regexes.iter().map(|regex| tables.0.get(regex)).collect::<Option<_>>()?;
    if regexes.len() > REGEXES_MAX {
        return None;
    }
    let may_be_missing = ["header(", "query(", "cookie("].iter().any(|root| name.starts_with(root));
    let mut choices: Vec<Option<String>> = may_be_missing.then_some(None).into_iter().collect();
    choices.extend(texts.iter().map(|text| Some((*text).to_owned())));
    let written: Vec<String> = texts.iter().map(|text| regex::escape(text)).collect();
    let taken = (!written.is_empty()).then(|| Dfa::compile(&written.join("|"), Universe::Bytes).ok()).flatten();
    for wanted in 0..1_usize << regexes.len() {
        let side = |inside: bool| {
            let chosen = regexes.iter().enumerate().filter(move |(index, _)| (wanted >> index & 1 == 1) == inside);
            chosen.map(|(_, table)| Machine::Table(table))
        };
        let positives: Vec<Machine<'_>> = side(true).chain([Machine::All(Universe::Bytes)]).collect();
        let negatives: Vec<Machine<'_>> = side(false).chain(taken.as_ref().map(Machine::Table)).collect();
        match witness(&positives, &negatives, &mut Budget::default()) {
            // A value that is there and empty is hard to tell from one that is not.
            Verdict::Word(word) if word.is_empty() && regexes.is_empty() => choices.push(Some(another(&texts))),
            Verdict::Word(word) => choices.push(Some(word)),
            Verdict::Empty => {}
            Verdict::TooComplex => return None,
        }
    }
    Some(choices)
}

/// A text that is none of these.
fn another(texts: &BTreeSet<&str>) -> String {
    let mut text = "other".to_owned();
    while texts.contains(text.as_str()) {
        text.push('r');
    }
    text
}
