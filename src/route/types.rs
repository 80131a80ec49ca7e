//! How the types of segments relate as languages.

use std::sync::LazyLock;

use super::dfa::{Dfa, Universe};
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
