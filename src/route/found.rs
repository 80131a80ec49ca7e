//! What a look-up answers.

use std::ops::Range;

use smallvec::SmallVec;

use super::methods::Methods;
use super::pattern::{End, Pattern, Segment};

/// The verdict of the match.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Found {
    /// The route's index in the list that the tree was built from.
    Route(usize),
    /// Host and path are known, but not under this method: 405 with these methods in `Allow`.
    MethodNotAllowed(Methods),
    /// Nothing matches, or a predicate says no: 404.
    NotFound,
}

/// Says whether the predicate of a route holds whose parameters match this.
pub type Asked<'p> = dyn FnMut(usize, &Captures) -> bool + 'p;

/// Where the parameters of the found route stand in the path, in the order of [`Pattern::params`].
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Captures {
    ranges: SmallVec<[(u32, u32); 8]>,
}

impl Captures {
    /// No captures yet.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// How many parameters were bound.
    #[must_use]
    pub fn len(&self) -> usize {
        self.ranges.len()
    }

    /// True when nothing was bound.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.ranges.is_empty()
    }

    /// The bytes of a parameter within the path.
    #[must_use]
    pub fn range(&self, index: usize) -> Option<Range<usize>> {
        self.ranges.get(index).map(|(start, end)| *start as usize..*end as usize)
    }

    /// The text of a parameter; `path` is the one that was matched.
    #[must_use]
    pub fn get<'p>(&self, path: &'p str, index: usize) -> Option<&'p str> {
        path.get(self.range(index)?)
    }

    /// All of them, as byte ranges.
    #[must_use]
    pub fn ranges(&self) -> SmallVec<[(u32, u32); 4]> {
        SmallVec::from_slice(&self.ranges)
    }

    /// All of them, as byte ranges that stay where they are.
    #[must_use]
    pub fn as_ranges(&self) -> &[(u32, u32)] {
        &self.ranges
    }

    /// Forgets all.
    pub fn clear(&mut self) {
        self.ranges.clear();
    }

    fn push(&mut self, range: Range<usize>) {
        let offset = |at: usize| u32::try_from(at).unwrap_or(u32::MAX);
        self.ranges.push((offset(range.start), offset(range.end)));
    }

    /// Binds the segments of a path whose bits stand in `params`, the first one's being the lowest, and what follows the
    /// first `rest` segments.
    pub fn bind_segments(&mut self, mut params: u64, rest: Option<u8>, path: &str) {
        self.clear();
        let bytes = path.as_bytes();
        let mut at = 0;
        let mut passed = 0;
        while params != 0 || rest.is_some_and(|rest| passed < rest) {
            let start = at + 1;
            let length = bytes.get(start..).and_then(|rest| rest.iter().position(|byte| *byte == b'/'));
            at = length.map_or(bytes.len(), |length| start + length);
            if params & 1 != 0 {
                self.push(start..at);
            }
            params >>= 1;
            passed += 1;
        }
        if rest.is_some() {
            self.push((at + 1).min(bytes.len())..bytes.len());
        }
    }

    /// Binds the parameters of a pattern that takes the path.
    pub fn bind(&mut self, pattern: &Pattern, path: &str) {
        self.clear();
        let bytes = path.as_bytes();
        let mut at = 0;
        for segment in pattern.segments() {
            let start = at + 1;
            match segment {
                Segment::Literal(text) => at = start + text.len(),
                Segment::Parameter { .. } => {
                    let length = bytes.get(start..).and_then(|rest| rest.iter().position(|byte| *byte == b'/'));
                    at = length.map_or(bytes.len(), |length| start + length);
                    self.push(start..at);
                }
            }
        }
        match pattern.end() {
            End::Exact | End::Slash => {}
            End::Rest => self.push((at + 1).min(bytes.len())..bytes.len()),
            End::Regex(regex) => {
                regex.captures(path.get(at..).unwrap_or_default(), |range| self.push(at + range.start..at + range.end));
            }
        }
    }
}
