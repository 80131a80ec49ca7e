//! The types of path segments, each a language of non-empty segments.

use std::fmt;
use std::sync::Arc;

use super::dfa::{Dfa, RegexFault, Universe};

/// The names of the built-in types, for messages and completion.
pub const TYPE_NAMES: [&str; 5] = ["int", "hex", "slug", "uuid", "date"];
/// The most alternatives that one `{name:a|b|c}` may list.
pub const CHOICES_MAX: usize = 256;

/// What a parameter of a pattern may be bound to.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum SegmentType {
    /// Any non-empty segment: `{name}`.
    Any,
    /// `[0-9]{1,19}`, which always fits an unsigned 64-bit number.
    Int,
    /// `[0-9a-fA-F]+`.
    Hex,
    /// `[a-z0-9]+(-[a-z0-9]+)*`.
    Slug,
    /// 8-4-4-4-12 hexadecimal digits of either case.
    Uuid,
    /// `[0-9]{4}-[0-9]{2}-[0-9]{2}`.
    Date,
    /// One of some words, sorted, each once.
    Choice(Vec<String>),
    /// A regex over the whole segment.
    Regex(SegmentRegex),
    /// What a final `/**` takes: zero or more segments, without the leading slash. Never the type of one segment.
    Rest,
    /// What a named group of a regex in the path's place takes. Never the type of one segment.
    RegexGroup,
}

impl SegmentType {
    /// The built-in type of that name.
    #[must_use]
    pub fn named(name: &str) -> Option<Self> {
        match name {
            "int" => Some(Self::Int),
            "hex" => Some(Self::Hex),
            "slug" => Some(Self::Slug),
            "uuid" => Some(Self::Uuid),
            "date" => Some(Self::Date),
            _ => None,
        }
    }

    /// True when the type's language holds the segment, which is not empty.
    #[inline]
    #[must_use]
    pub fn contains(&self, segment: &[u8]) -> bool {
        match self {
            Self::Any | Self::Rest | Self::RegexGroup => true,
            Self::Int => segment.len() <= 19 && segment.iter().all(u8::is_ascii_digit),
            Self::Hex => segment.iter().all(u8::is_ascii_hexdigit),
            Self::Slug => is_slug(segment),
            Self::Uuid => {
                segment.len() == 36
                    && segment.iter().enumerate().all(|(at, byte)| match at {
                        8 | 13 | 18 | 23 => *byte == b'-',
                        _ => byte.is_ascii_hexdigit(),
                    })
            }
            Self::Date => {
                segment.len() == 10
                    && segment.iter().enumerate().all(|(at, byte)| match at {
                        4 | 7 => *byte == b'-',
                        _ => byte.is_ascii_digit(),
                    })
            }
            Self::Choice(words) => words.binary_search_by(|word| word.as_bytes().cmp(segment)).is_ok(),
            Self::Regex(regex) => regex.dfa.contains(segment),
        }
    }
}

impl SegmentType {
    /// The type's table, for types that have one.
    #[must_use]
    pub fn table(&self) -> Option<&Dfa> {
        super::types::table(self)
    }
}

impl fmt::Display for SegmentType {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Any | Self::Rest | Self::RegexGroup => out.write_str("str"),
            Self::Int => out.write_str("int"),
            Self::Hex => out.write_str("hex"),
            Self::Slug => out.write_str("slug"),
            Self::Uuid => out.write_str("uuid"),
            Self::Date => out.write_str("date"),
            Self::Choice(words) => out.write_str(&words.join("|")),
            Self::Regex(regex) => write!(out, "re\"{}\"", regex.source),
        }
    }
}

fn is_slug(segment: &[u8]) -> bool {
    let mut letter_before = false;
    for byte in segment {
        match byte {
            b'a'..=b'z' | b'0'..=b'9' => letter_before = true,
            b'-' if letter_before => letter_before = false,
            _ => return false,
        }
    }
    letter_before
}

/// A compiled regex over one segment; equal when the sources are.
#[derive(Debug, Clone)]
pub struct SegmentRegex {
    source: String,
    dfa: Arc<Dfa>,
    words: Option<Arc<Vec<String>>>,
}

impl SegmentRegex {
    /// Compiles the regex, which takes whole segments.
    ///
    /// # Errors
    /// When it is broken, too large, or matches no segment.
    pub fn new(source: &str) -> Result<Self, RegexFault> {
        let dfa = Dfa::compile(source, Universe::Segment)?;
        let words = dfa.words(CHOICES_MAX).map(|words| {
            let mut words: Vec<String> = words.iter().map(|word| String::from_utf8_lossy(word).into_owned()).collect();
            words.sort_unstable();
            Arc::new(words)
        });
        Ok(Self { source: source.to_owned(), dfa: Arc::new(dfa), words })
    }

    /// The regex as it was written.
    #[must_use]
    pub fn source(&self) -> &str {
        &self.source
    }

    /// All segments it takes, sorted, when there are at most [`CHOICES_MAX`].
    #[must_use]
    pub fn words(&self) -> Option<&[String]> {
        self.words.as_deref().map(Vec::as_slice)
    }

    /// The segments it takes.
    #[must_use]
    pub fn dfa(&self) -> &Arc<Dfa> {
        &self.dfa
    }
}

impl PartialEq for SegmentRegex {
    fn eq(&self, other: &Self) -> bool {
        self.source == other.source
    }
}

impl Eq for SegmentRegex {}

impl std::hash::Hash for SegmentRegex {
    fn hash<H: std::hash::Hasher>(&self, state: &mut H) {
        self.source.hash(state);
    }
}
