//! `match` predicates as sets: conjunctions of tests on attributes of a request.
//!
//! What an attribute is called and how it is read is not known here; only how tests on one attribute relate.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::product::{Budget, Machine, Verdict, witness};
use super::tables;

/// What is known of the predicates of routes beyond their atoms. Routes are given by their numbers.
pub trait Predicates {
    /// Whether for some request of all of `of` the predicates of `hold` are true and those of `fail` false; `None` when that
    /// is too complex to be decided.
    fn possible(&self, of: &[usize], hold: &[usize], fail: &[usize]) -> Option<bool>;
    /// Whether every request of the first route is one of the second, which takes all its paths; `None` when that is too
    /// complex to be decided.
    fn inside(&self, first: usize, second: usize) -> Option<bool>;
    /// True when [`Predicates::possible`] and [`Predicates::inside`] know at least what the atoms say.
    fn is_exact(&self) -> bool;
    /// Takes so many steps of work; false when there are no more, and whatever is still asked is too complex.
    fn spend(&self, steps: usize) -> bool;
    /// How many steps are left.
    fn left(&self) -> usize;
    /// An attribute's values, as ranges of bytes, outside of which the route's predicate is false.
    fn ranges(&self, route: usize) -> Vec<(String, Vec<ByteRange>)>;
}

/// The texts from the first to the last, byte by byte, both included.
pub type ByteRange = (Vec<u8>, Vec<u8>);

/// What the atoms of a predicate say of [`Predicates::ranges`].
#[must_use]
pub fn atom_ranges(predicate: &Predicate) -> Vec<(String, Vec<ByteRange>)> {
    let listed = predicate.atoms.iter().filter_map(|atom| Some((atom, values(&atom.test)?)));
    let range = |value: &str| (value.as_bytes().to_vec(), value.as_bytes().to_vec());
    listed.map(|(atom, values)| (atom.attribute.clone(), values.into_iter().map(range).collect())).collect()
}

/// Nothing is known beyond the atoms: what they do not rule out is taken to be possible, what they do not prove not to be so.
pub struct AtomsAlone;

impl Predicates for AtomsAlone {
    fn possible(&self, _: &[usize], _: &[usize], _: &[usize]) -> Option<bool> {
        Some(true)
    }

    fn inside(&self, _: usize, _: usize) -> Option<bool> {
        Some(false)
    }

    fn is_exact(&self) -> bool {
        false
    }

    fn spend(&self, _: usize) -> bool {
        true
    }

    fn left(&self) -> usize {
        usize::MAX
    }

    fn ranges(&self, _: usize) -> Vec<(String, Vec<ByteRange>)> {
        Vec::new()
    }
}

/// A conjunction of atoms; without atoms it always holds.
#[derive(Debug, Clone, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Predicate {
    /// The atoms, all of which must hold.
    pub atoms: Vec<Atom>,
}

/// One test on one attribute.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Atom {
    /// What is tested, in canonical text: `header("x-version")`.
    pub attribute: String,
    /// What must be true of it.
    pub test: Test,
}

/// What must be true of an attribute, which is a text or missing.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Test {
    /// It is this text.
    Equals(String),
    /// It is missing or another text.
    NotEquals(String),
    /// It is one of these texts.
    In(Vec<String>),
    /// It is there, and the whole of it matches the regex.
    Matches(String),
    /// It is there.
    Present,
    /// It is missing.
    Absent,
    /// Anything else, in canonical text; equal texts are equal tests, nothing more is known.
    Other(String),
}

impl Predicate {
    /// True when nothing is tested.
    #[must_use]
    pub fn is_always(&self) -> bool {
        self.atoms.is_empty()
    }

    /// True when atoms are in it of which little is known by themselves.
    pub(super) fn is_opaque(&self) -> bool {
        self.atoms.iter().any(|atom| matches!(atom.test, Test::Matches(_) | Test::Other(_)))
    }

    /// True when a regex is in it.
    pub(super) fn has_regex(&self) -> bool {
        self.atoms.iter().any(|atom| matches!(atom.test, Test::Matches(_)))
    }

    /// True when it is certain that every request of this predicate is one of the other's.
    #[must_use]
    pub fn is_subset(&self, other: &Self) -> bool {
        other.atoms.iter().all(|wanted| {
            self.atoms.contains(wanted)
                || implies(
                    &self.atoms.iter().filter(|atom| atom.attribute == wanted.attribute).map(|atom| &atom.test).collect::<Vec<_>>(),
                    &wanted.test,
                )
        })
    }

    /// False when it is certain that no request is in both.
    #[must_use]
    pub fn overlaps(&self, other: &Self) -> bool {
        self.atoms.iter().all(|atom| {
            let tests: Vec<&Test> = self
                .atoms
                .iter()
                .chain(&other.atoms)
                .filter(|candidate| candidate.attribute == atom.attribute)
                .map(|candidate| &candidate.test)
                .collect();
            satisfiable(&tests)
        })
    }

    /// True when it is certain that no request is in it.
    #[must_use]
    pub fn is_never(&self) -> bool {
        !self.overlaps(self)
    }
}

impl fmt::Display for Atom {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = &self.attribute;
        match &self.test {
            Test::Equals(value) => write!(out, "{name} == {value:?}"),
            Test::NotEquals(value) => write!(out, "{name} != {value:?}"),
            Test::In(values) => write!(out, "{name} in {values:?}"),
            Test::Matches(regex) => write!(out, "{name} matches re\"{regex}\""),
            Test::Present => write!(out, "{name} != none"),
            Test::Absent => write!(out, "{name} == none"),
            Test::Other(text) => out.write_str(text),
        }
    }
}

/// The values of a test that only some values pass.
pub(super) fn values(test: &Test) -> Option<Vec<&str>> {
    match test {
        Test::Equals(value) => Some(vec![value]),
        Test::In(values) => Some(values.iter().map(String::as_str).collect()),
        Test::NotEquals(_) | Test::Matches(_) | Test::Present | Test::Absent | Test::Other(_) => None,
    }
}

/// Whether the test holds for a value (`None`: missing); `None` when that is not known.
#[must_use]
pub(super) fn holds(test: &Test, value: Option<&str>) -> Option<bool> {
    match (test, value) {
        (Test::Other(_), _) => None,
        (Test::Equals(wanted), _) => Some(value == Some(wanted)),
        (Test::NotEquals(wanted), _) => Some(value != Some(wanted)),
        (Test::In(wanted), Some(value)) => Some(wanted.iter().any(|wanted| wanted == value)),
        (Test::Matches(regex), Some(value)) => tables::values(regex).ok().map(|dfa| dfa.contains(value.as_bytes())),
        (Test::In(_) | Test::Matches(_) | Test::Present, None) => Some(false),
        (Test::Present, Some(_)) => Some(true),
        (Test::Absent, _) => Some(value.is_none()),
    }
}

/// True when tests on one attribute, all holding, certainly make `wanted` hold.
fn implies(tests: &[&Test], wanted: &Test) -> bool {
    if let Some(finite) = tests.iter().find_map(|test| values(test)) {
        return finite
            .iter()
            .filter(|value| tests.iter().all(|test| holds(test, Some(value)) != Some(false)))
            .all(|value| holds(wanted, Some(value)) == Some(true));
    }
    let present = tests.iter().any(|test| matches!(test, Test::Present | Test::Matches(_)));
    let absent = tests.iter().any(|test| matches!(test, Test::Absent));
    if absent {
        return holds(wanted, None) == Some(true);
    }
    match wanted {
        Test::Present => present,
        Test::Matches(regex) => tests.iter().any(|test| matches!(test, Test::Matches(mine) if regex_subset(mine, regex))),
        Test::NotEquals(value) => tests.iter().any(|test| holds(test, Some(value)) == Some(false)),
        Test::Equals(_) | Test::In(_) | Test::Absent | Test::Other(_) => false,
    }
}

/// False when tests on one attribute certainly cannot hold together.
fn satisfiable(tests: &[&Test]) -> bool {
    if let Some(finite) = tests.iter().find_map(|test| values(test)) {
        return finite.iter().any(|value| tests.iter().all(|test| holds(test, Some(value)) != Some(false)));
    }
    if tests.iter().any(|test| matches!(test, Test::Absent)) {
        return tests.iter().all(|test| holds(test, None) != Some(false));
    }
    let regexes: Vec<&str> =
        tests.iter().filter_map(|test| if let Test::Matches(regex) = test { Some(regex.as_str()) } else { None }).collect();
    regexes.len() < 2 || regexes_overlap(&regexes)
}

fn regex_subset(mine: &str, theirs: &str) -> bool {
    if mine == theirs {
        return true;
    }
    match (tables::values(mine), tables::values(theirs)) {
        (Ok(mine), Ok(theirs)) => {
            matches!(witness(&[Machine::Table(&mine)], &[Machine::Table(&theirs)], &mut Budget::default()), Verdict::Empty)
        }
        (_, _) => false,
    }
}

fn regexes_overlap(sources: &[&str]) -> bool {
    let Ok(tables) = sources.iter().map(|source| tables::values(source)).collect::<Result<Vec<_>, _>>() else {
        return true;
    };
    let machines: Vec<Machine<'_>> = tables.iter().map(|table| Machine::Table(table)).collect();
    !matches!(witness(&machines, &[], &mut Budget::default()), Verdict::Empty)
}
