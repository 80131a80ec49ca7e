//! How the types of segments relate as languages.

use std::sync::LazyLock;

use super::dfa::{Dfa, Universe};
use super::pattern::Segment;
use super::product::{Budget, Machine, Verdict, witness};
use super::segment::SegmentType;

static INT: LazyLock<Option<Dfa>> = LazyLock::new(|| Dfa::compile("[0-9]{1,19}", Universe::Segment).ok());
static HEX: LazyLock<Option<Dfa>> = LazyLock::new(|| Dfa::compile("[0-9a-fA-F]+", Universe::Segment).ok());
static SLUG: LazyLock<Option<Dfa>> = LazyLock::new(|| Dfa::compile("[a-z0-9]+(-[a-z0-9]+)*", Universe::Segment).ok());
static UUID: LazyLock<Option<Dfa>> =
    LazyLock::new(|| Dfa::compile("[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}", Universe::Segment).ok());
static DATE: LazyLock<Option<Dfa>> = LazyLock::new(|| Dfa::compile("[0-9]{4}-[0-9]{2}-[0-9]{2}", Universe::Segment).ok());

/// The type's table, for types that have one.
pub(super) fn table(kind: &SegmentType) -> Option<&Dfa> {
    match kind {
        SegmentType::Int => INT.as_ref(),
        SegmentType::Hex => HEX.as_ref(),
        SegmentType::Slug => SLUG.as_ref(),
        SegmentType::Uuid => UUID.as_ref(),
        SegmentType::Date => DATE.as_ref(),
        SegmentType::Regex(regex) => Some(regex.dfa()),
        SegmentType::Any | SegmentType::Choice(_) | SegmentType::Rest | SegmentType::RegexGroup => None,
    }
}

/// How two languages lie to each other.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Relation {
    /// Every word of the first is one of the second.
    pub subset: bool,
    /// Every word of the second is one of the first.
    pub superset: bool,
    /// Some word is in both.
    pub overlap: bool,
    /// The question was too large; nothing is known, so they are taken to overlap.
    pub unknown: bool,
}

impl Relation {
    pub(super) const DISJOINT: Self = Self { subset: false, superset: false, overlap: false, unknown: false };
    pub(super) const EQUAL: Self = Self { subset: true, superset: true, overlap: true, unknown: false };
    const INSIDE: Self = Self { superset: false, ..Self::EQUAL };
    const AROUND: Self = Self { subset: false, ..Self::EQUAL };
    const CROSSING: Self = Self { overlap: true, ..Self::DISJOINT };
    pub(super) const UNKNOWN: Self = Self { unknown: true, ..Self::CROSSING };

    /// Of two products: component by component.
    pub(super) fn and(self, other: Self) -> Self {
        if !self.overlap || !other.overlap {
            return Self::DISJOINT;
        }
        Self {
            subset: self.subset && other.subset,
            superset: self.superset && other.superset,
            overlap: true,
            unknown: self.unknown || other.unknown,
        }
    }

    /// The same, seen from the second.
    pub(super) fn flipped(self) -> Self {
        Self { subset: self.superset, superset: self.subset, ..self }
    }
}

/// How two segments of patterns lie to each other.
pub(super) fn segments(first: &Segment, second: &Segment) -> Relation {
    match (first, second) {
        (Segment::Literal(first), Segment::Literal(second)) => {
            if first == second {
                Relation::EQUAL
            } else {
                Relation::DISJOINT
            }
        }
        (Segment::Literal(text), Segment::Parameter { kind, .. }) => literal(text, kind),
        (Segment::Parameter { kind, .. }, Segment::Literal(text)) => literal(text, kind).flipped(),
        (Segment::Parameter { kind: first, .. }, Segment::Parameter { kind: second, .. }) => kinds(first, second),
    }
}

/// How a literal segment lies to a type.
pub(super) fn literal(text: &str, kind: &SegmentType) -> Relation {
    if !kind.contains(text.as_bytes()) {
        return Relation::DISJOINT;
    }
    if finite(kind).is_some_and(|words| words.len() == 1) { Relation::EQUAL } else { Relation::INSIDE }
}

/// The words of a type that has few.
pub(super) fn finite(kind: &SegmentType) -> Option<&[String]> {
    match kind {
        SegmentType::Choice(words) => Some(words),
        SegmentType::Regex(regex) => regex.words(),
        SegmentType::Any
        | SegmentType::Int
        | SegmentType::Hex
        | SegmentType::Slug
        | SegmentType::Uuid
        | SegmentType::Date
        | SegmentType::Rest
        | SegmentType::RegexGroup => None,
    }
}

/// How two types lie to each other.
pub(super) fn kinds(first: &SegmentType, second: &SegmentType) -> Relation {
    if first == second {
        return Relation::EQUAL;
    }
    match (finite(first), finite(second)) {
        (Some(words), _) => few(words, second),
        (None, Some(words)) => few(words, first).flipped(),
        (None, None) => infinite(first, second),
    }
}

fn few(words: &[String], kind: &SegmentType) -> Relation {
    let inside = words.iter().filter(|word| kind.contains(word.as_bytes())).count();
    Relation {
        subset: inside == words.len(),
        superset: finite(kind).is_some_and(|all| all.len() == inside),
        overlap: inside > 0,
        unknown: false,
    }
}

fn infinite(first: &SegmentType, second: &SegmentType) -> Relation {
    use SegmentType::{Any, Date, Hex, Int, Regex, Slug, Uuid};
    match (first, second) {
        (Int | Hex | Slug | Uuid | Date, Any) | (Int, Hex | Slug) | (Date, Slug) => Relation::INSIDE,
        (Any, Int | Hex | Slug | Uuid | Date) | (Hex | Slug, Int) | (Slug, Date) => Relation::AROUND,
        (Hex, Slug) | (Slug, Hex) | (Slug, Uuid) | (Uuid, Slug) => Relation::CROSSING,
        (Int | Hex, Uuid | Date) | (Uuid | Date, Int | Hex) | (Uuid, Date) | (Date, Uuid) => Relation::DISJOINT,
        (Regex(_), _) | (_, Regex(_)) => by_tables(machine(first), machine(second)),
        (_, _) => Relation::EQUAL,
    }
}

fn machine(kind: &SegmentType) -> Machine<'_> {
    table(kind).map_or(Machine::All(Universe::Segment), Machine::Table)
}

/// How two languages lie to each other, by walking them.
pub(super) fn by_tables(first: Machine<'_>, second: Machine<'_>) -> Relation {
    let mut budget = Budget::default();
    let mut some = |positives: &[Machine<'_>], negatives: &[Machine<'_>]| match witness(positives, negatives, &mut budget) {
        Verdict::Word(_) => Some(true),
        Verdict::Empty => Some(false),
        Verdict::TooComplex => None,
    };
    match some(&[first, second], &[]) {
        None => Relation::UNKNOWN,
        Some(false) => Relation::DISJOINT,
        Some(true) => match (some(&[first], &[second]), some(&[second], &[first])) {
            (Some(first_only), Some(second_only)) => {
                Relation { subset: !first_only, superset: !second_only, overlap: true, unknown: false }
            }
            (_, _) => Relation::UNKNOWN,
        },
    }
}
