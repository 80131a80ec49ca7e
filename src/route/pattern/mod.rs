//! Path patterns: literal segments, parameters, and what may follow them.
//!
//! A pattern is written in the form that request paths have after normalisation, so that comparing it with a
//! path is comparing bytes. It knows nothing of hosts, methods or routes.

mod error;
mod parse;
mod path_regex;

#[cfg(test)]
mod tests;

use std::fmt;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

pub use error::{PatternError, PatternErrorKind};
pub use path_regex::PathRegex;

use super::segment::SegmentType;
use super::types::kinds;

/// The most segments a pattern may have.
pub const SEGMENTS_MAX: usize = 64;

/// A set of normalised paths, with names for parts of them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pattern {
    text: String,
    segments: Vec<Segment>,
    end: End,
}

/// One segment of a pattern.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Segment {
    /// Exactly this text, normalised.
    Literal(String),
    /// A parameter: any segment of its type.
    Parameter {
        /// The name, as in `param.NAME`.
        name: String,
        /// Which segments it takes.
        kind: SegmentType,
    },
}

/// What follows a pattern's segments.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum End {
    /// Nothing: `/a`.
    Exact,
    /// A slash: `/a/`, and `/` when there are no segments.
    Slash,
    /// Nothing, or a slash and any segments: `/a/**`.
    Rest,
    /// What the regex matches: nothing, or a text that begins with a slash.
    Regex(PathRegex),
}

static REST: SegmentType = SegmentType::Rest;
static REGEX_GROUP: SegmentType = SegmentType::RegexGroup;

impl Pattern {
    /// Reads a pattern such as `/users/{id:int}/**`, or `re"…"` with or without segments before it.
    ///
    /// # Errors
    /// The first fault, with its bytes in `text`.
    pub fn parse(text: &str) -> Result<Self, PatternError> {
        parse::pattern(text)
    }

    /// The pattern of a regex that stands in the path's place; it takes whole paths.
    ///
    /// # Errors
    /// When the regex is broken, too large, names a group twice, or matches no path; the bytes are those of `source`.
    pub fn regex(source: &str) -> Result<Self, PatternError> {
        let regex = PathRegex::new(source).map_err(|fault| PatternError::regex(0..source.len(), fault))?;
        Ok(Self { text: regex.to_string(), segments: Vec::new(), end: End::Regex(regex) })
    }

    /// This pattern inside a group with the prefix: `/` is the prefix itself, anything else follows it. A regex
    /// takes what follows the prefix's last segment.
    ///
    /// # Errors
    /// When the prefix is more than segments, or both name the same parameter; the bytes are those of this
    /// pattern's text.
    pub fn prefixed(&self, prefix: &Self) -> Result<Self, PatternError> {
        let whole = 0..self.text.len();
        match prefix.end {
            End::Exact => {}
            End::Slash if prefix.segments.is_empty() => return Ok(self.clone()),
            End::Slash | End::Rest | End::Regex(_) => {
                return Err(PatternError { at: whole, kind: PatternErrorKind::PrefixNotPlain { prefix: prefix.text.clone() } });
            }
        }
        if let Some((name, _)) = self.params().into_iter().find(|(name, _)| prefix.params().iter().any(|(other, _)| other == name)) {
            let at = self.name_at(name).unwrap_or(whole);
            return Err(PatternError { at, kind: PatternErrorKind::DuplicateParameter { name: name.to_owned() } });
        }
        if self.segments.len() + prefix.segments.len() > SEGMENTS_MAX {
            return Err(PatternError { at: whole, kind: PatternErrorKind::TooLong });
        }
        if self.is_root() {
            return Ok(prefix.clone());
        }
        let segments = prefix.segments.iter().chain(&self.segments).cloned().collect();
        Ok(Self { text: format!("{}{}", prefix.text, self.text), segments, end: self.end.clone() })
    }

    /// The pattern as it was written, prefixes included.
    #[must_use]
    pub fn text(&self) -> &str {
        &self.text
    }

    /// The parameters in the order of their captures: those of the segments, then the rest or the regex's groups.
    #[must_use]
    pub fn params(&self) -> Vec<(&str, &SegmentType)> {
        let mut params: Vec<(&str, &SegmentType)> = Vec::new();
        for segment in &self.segments {
            match segment {
                Segment::Literal(_) => {}
                Segment::Parameter { name, kind } => params.push((name, kind)),
            }
        }
        match &self.end {
            End::Exact | End::Slash => {}
            End::Rest => params.push(("rest", &REST)),
            End::Regex(regex) => params.extend(regex.groups().iter().map(|(name, _)| (name.as_str(), &REGEX_GROUP))),
        }
        params
    }

    /// The segments that every matching path begins with.
    #[must_use]
    pub fn segments(&self) -> &[Segment] {
        &self.segments
    }

    /// What follows the segments.
    #[must_use]
    pub fn end(&self) -> &End {
        &self.end
    }

    /// The same paths with a parameter for every segment, so that the number of a segment is that of its capture.
    #[must_use]
    pub fn placed(&self) -> Self {
        let segments = self.segments.iter().map(|segment| match segment {
            Segment::Literal(text) => {
                // A capture has its escapes resolved.
                let kind = if text.contains('%') { SegmentType::Any } else { SegmentType::Choice(vec![text.clone()]) };
                Segment::Parameter { name: text.clone(), kind }
            }
            Segment::Parameter { .. } => segment.clone(),
        });
        Self { text: self.text.clone(), segments: segments.collect(), end: self.end.clone() }
    }

    /// A pattern of all paths that both take and perhaps of others: each segment is the smaller one, where one is.
    #[must_use]
    pub(in crate::route) fn narrowed(&self, other: &Self) -> Self {
        let (long, short) = if self.segments.len() >= other.segments.len() { (self, other) } else { (other, self) };
        let segment = |(at, mine): (usize, &Segment)| match (mine, short.segments.get(at)) {
            (Segment::Parameter { .. }, Some(theirs @ Segment::Literal(_))) => theirs.clone(),
            (Segment::Parameter { kind: mine, .. }, Some(theirs @ Segment::Parameter { kind, .. })) if kinds(kind, mine).subset => {
                theirs.clone()
            }
            (_, _) => mine.clone(),
        };
        let segments = long.segments.iter().enumerate().map(segment).collect();
        let end = match (&long.end, &short.end) {
            (End::Rest, end) if long.segments.len() == short.segments.len() => end,
            (end, _) => end,
        };
        Self { text: long.text.clone(), segments, end: end.clone() }
    }

    /// True for `/`.
    #[must_use]
    pub fn is_root(&self) -> bool {
        self.segments.is_empty() && self.end == End::Slash
    }

    /// True when the pattern takes the normalised path; the definition, without any index.
    #[must_use]
    pub fn matches(&self, path: &str) -> bool {
        let mut rest = path;
        for segment in &self.segments {
            let Some(after) = rest.strip_prefix('/') else { return false };
            let end = after.find('/').unwrap_or(after.len());
            let (text, next) = after.split_at(end);
            let fits = match segment {
                Segment::Literal(literal) => text == literal,
                Segment::Parameter { kind, .. } => !text.is_empty() && kind.contains(text.as_bytes()),
            };
            if !fits {
                return false;
            }
            rest = next;
        }
        match &self.end {
            End::Exact => rest.is_empty(),
            End::Slash => rest == "/",
            End::Rest => rest.is_empty() || rest.starts_with('/'),
            End::Regex(regex) => regex.dfa().contains(rest.as_bytes()),
        }
    }

    fn name_at(&self, name: &str) -> Option<std::ops::Range<usize>> {
        let written = [format!("{{{name}}}"), format!("{{{name}:"), format!("<{name}>")];
        let start = written.iter().find_map(|written| self.text.find(written))? + 1;
        Some(start..start + name.len())
    }
}

impl fmt::Display for Pattern {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(&self.text)
    }
}

impl Serialize for Pattern {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.text)
    }
}

impl<'de> Deserialize<'de> for Pattern {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        Self::parse(&text).map_err(serde::de::Error::custom)
    }
}
