//! What can be wrong with a pattern, and how it is said.

use std::fmt;
use std::ops::Range;

use crate::route::dfa::RegexFault;
use crate::route::segment::TYPE_NAMES;

use super::SEGMENTS_MAX;

/// A fault of a pattern's text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PatternError {
    /// The bytes of the text that are at fault.
    pub at: Range<usize>,
    /// What is wrong with them.
    pub kind: PatternErrorKind,
}

/// What is wrong with a pattern.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PatternErrorKind {
    /// The pattern does not begin with `/`.
    NoSlash,
    /// No normalised path looks like this: an empty segment, `.`, `..`, a bad or forbidden percent-encoding.
    NotNormal {
        /// The text at fault, as it was written.
        written: String,
        /// What normalisation does to it.
        why: &'static str,
    },
    /// A `?` or `#`: what follows is no part of a path.
    NotPath {
        /// The character.
        character: char,
    },
    /// A parameter's type that is not known.
    UnknownType {
        /// The word.
        word: String,
    },
    /// A parameter without a name, or with a malformed one.
    BadName {
        /// What stands in the name's place.
        written: String,
    },
    /// A `{` that is never closed.
    Unclosed,
    /// Two parameters of one name; a `/**` is named `rest`.
    DuplicateParameter {
        /// The name.
        name: String,
    },
    /// A `/**` that is not the end.
    RestNotLast,
    /// A `*` that is no `/**`.
    Star,
    /// A segment that begins with a colon, which other routers take for a parameter.
    Colon {
        /// The name behind the colon.
        name: String,
    },
    /// A parameter that shares its segment with other text.
    Glued {
        /// The segment.
        segment: String,
    },
    /// An empty alternative, or too many of them.
    BadChoice,
    /// The regex has no language.
    Regex(RegexFault),
    /// A group's prefix that ends in a slash, a `/**` or a regex.
    PrefixNotPlain {
        /// The prefix.
        prefix: String,
    },
    /// More than [`SEGMENTS_MAX`] segments.
    TooLong,
}

impl PatternError {
    /// A regex's fault as that of the pattern it stands in.
    pub(super) fn regex(at: Range<usize>, fault: RegexFault) -> Self {
        Self { at, kind: PatternErrorKind::Regex(fault) }
    }

    /// True for faults that the language calls `route::path-encoding`.
    #[must_use]
    pub fn is_encoding(&self) -> bool {
        matches!(self.kind, PatternErrorKind::NotNormal { .. } | PatternErrorKind::Regex(RegexFault::MatchesNothing))
    }

    /// What stands in the place at fault when it is put right, where that is one thing.
    #[must_use]
    pub fn replacement(&self) -> Option<String> {
        match &self.kind {
            PatternErrorKind::Colon { name } => Some(format!("{{{name}}}")),
            _ => None,
        }
    }

    /// How to put it right.
    #[must_use]
    pub fn help(&self) -> Option<String> {
        match &self.kind {
            PatternErrorKind::NoSlash => Some("begin the path with `/`".to_owned()),
            PatternErrorKind::NotNormal { .. } => {
                Some("write it as requests arrive: without empty and dot segments, and encoded only where a character needs it".to_owned())
            }
            PatternErrorKind::NotPath { .. } => Some("a query is matched by `match query(\"name\") == \"value\"`".to_owned()),
            PatternErrorKind::UnknownType { .. } => Some(types()),
            PatternErrorKind::BadName { .. } => Some("a name is made of letters, digits, `_` and `-` and begins with a letter".to_owned()),
            PatternErrorKind::Unclosed => Some("close the parameter with `}`".to_owned()),
            PatternErrorKind::DuplicateParameter { .. } => Some("give one of them another name".to_owned()),
            PatternErrorKind::RestNotLast => Some("use `{name}` for one segment in the middle".to_owned()),
            PatternErrorKind::Star => Some("write `{name}` for one segment, `/**` at the end for any number".to_owned()),
            PatternErrorKind::Colon { name } => Some(format!("write `{{{name}}}`, or `%3A{name}` for a segment that begins with `:`")),
            PatternErrorKind::Glued { .. } => Some("use `{name:re\"…\"}` for a part of a segment".to_owned()),
            PatternErrorKind::BadChoice | PatternErrorKind::TooLong => None,
            PatternErrorKind::Regex(fault) => match fault {
                RegexFault::Syntax(_) => None,
                RegexFault::TooLarge => Some("use fewer or smaller repetitions".to_owned()),
                RegexFault::MatchesNothing => Some(
                    "a path begins with `/`, a segment has none, and what may stand in neither arrives encoded: `%3C` for `<`".to_owned(),
                ),
            },
            PatternErrorKind::PrefixNotPlain { .. } => {
                Some("a group's prefix is segments alone, without a slash at the end: `/api`".to_owned())
            }
        }
    }
}

/// What there is to choose from.
fn types() -> String {
    let names = TYPE_NAMES.map(|name| format!("`{name}`")).join(", ");
    format!("the types are {names}, a choice `a|b`, and `re\"…\"`; without one a segment is any text")
}

impl fmt::Display for PatternError {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.kind {
            PatternErrorKind::NoSlash => out.write_str("a path begins with `/`"),
            PatternErrorKind::NotNormal { written, why } => write!(out, "`{written}` matches no request: {why}"),
            PatternErrorKind::NotPath { character } => write!(out, "`{character}` is no part of a path"),
            PatternErrorKind::UnknownType { word } => write!(out, "unknown segment type `{word}`"),
            PatternErrorKind::BadName { written } => write!(out, "`{written}` is no name of a parameter"),
            PatternErrorKind::Unclosed => out.write_str("the parameter is not closed"),
            PatternErrorKind::DuplicateParameter { name } => write!(out, "the path has two parameters `{name}`"),
            PatternErrorKind::RestNotLast => out.write_str("`/**` stands at the end of a path"),
            PatternErrorKind::Star => out.write_str("`*` stands for nothing here"),
            PatternErrorKind::Colon { name } => write!(out, "`:{name}` is no parameter"),
            PatternErrorKind::Glued { segment } => write!(out, "a parameter is a whole segment, `{segment}` is more"),
            PatternErrorKind::BadChoice => out.write_str("a choice lists up to 256 words, none of them empty"),
            PatternErrorKind::Regex(fault) => fault.fmt(out),
            PatternErrorKind::PrefixNotPlain { prefix } => write!(out, "`{prefix}` cannot be put before a path"),
            PatternErrorKind::TooLong => write!(out, "the path has more than {SEGMENTS_MAX} segments"),
        }
    }
}

impl std::error::Error for PatternError {}
