//! A regex in the path's place.

use std::fmt;
use std::ops::Range;
use std::sync::Arc;

use regex_automata::meta;
use regex_automata::util::primitives::{NonMaxUsize, PatternID};
use regex_automata::util::syntax;
use regex_automata::{Anchored, Input};
use smallvec::SmallVec;

use crate::route::dfa::{Dfa, RegexFault, Universe};

/// The most memory in bytes that a compiled regex may take.
const REGEX_BYTES_MAX: usize = 8 << 20;

/// A compiled regex over what is left of a path at a segment's end; equal when the sources are.
#[derive(Clone)]
pub struct PathRegex {
    source: String,
    dfa: Arc<Dfa>,
    prefix: Arc<[u8]>,
    captures: Arc<meta::Regex>,
    groups: Vec<(String, usize)>,
}

impl PathRegex {
    /// Compiles the regex, which takes the whole of what is left.
    ///
    /// # Errors
    /// When it is broken, too large, or matches nothing that could be left of a path.
    pub fn new(source: &str) -> Result<Self, RegexFault> {
        let dfa = Dfa::compile(source, Universe::Tail)?;
        let captures = meta::Regex::builder()
            .syntax(syntax::Config::new().unicode(false).utf8(false))
            .configure(meta::Config::new().utf8_empty(false).nfa_size_limit(Some(REGEX_BYTES_MAX)))
            .build(&format!(r"\A(?:{source})\z"))
            .map_err(|error| if error.size_limit().is_some() { RegexFault::TooLarge } else { RegexFault::Syntax(error.to_string()) })?;
        let groups = captures
            .group_info()
            .pattern_names(PatternID::ZERO)
            .enumerate()
            .filter_map(|(index, name)| Some((name?.to_owned(), index)))
            .collect();
        let prefix = dfa.prefix().into();
        Ok(Self { source: source.to_owned(), dfa: Arc::new(dfa), prefix, captures: Arc::new(captures), groups })
    }

    /// The regex as it was written.
    #[must_use]
    pub fn source(&self) -> &str {
        &self.source
    }

    /// What it takes.
    #[must_use]
    pub fn dfa(&self) -> &Arc<Dfa> {
        &self.dfa
    }

    /// The text that everything it takes begins with.
    #[must_use]
    pub fn prefix(&self) -> &[u8] {
        &self.prefix
    }

    /// The named groups with their numbers, in the order in which they open.
    #[must_use]
    pub fn groups(&self) -> &[(String, usize)] {
        &self.groups
    }

    /// Gives the bytes of each named group within `tail`, in order; a group that took no part is empty.
    pub fn captures(&self, tail: &str, mut found: impl FnMut(Range<usize>)) {
        let mut slots: SmallVec<[Option<NonMaxUsize>; 32]> = SmallVec::new();
        slots.resize(self.captures.group_info().slot_len(), None);
        self.captures.search_slots(&Input::new(tail).anchored(Anchored::Yes), &mut slots);
        for (_, index) in &self.groups {
            let slot = |at: usize| slots.get(at).copied().flatten().map(NonMaxUsize::get);
            found(match (slot(index * 2), slot(index * 2 + 1)) {
                (Some(start), Some(end)) => start..end,
                (_, _) => 0..0,
            });
        }
    }
}

impl fmt::Debug for PathRegex {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "PathRegex({})", self.source)
    }
}

impl fmt::Display for PathRegex {
    /// `re"…"` with its quotes escaped.
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut quoted = String::with_capacity(self.source.len());
        let mut escaped = false;
        for character in self.source.chars() {
            if character == '"' && !escaped {
                quoted.push('\\');
            }
            escaped = character == '\\' && !escaped;
            quoted.push(character);
        }
        write!(out, "re\"{quoted}\"")
    }
}

impl PartialEq for PathRegex {
    fn eq(&self, other: &Self) -> bool {
        self.source == other.source
    }
}

impl Eq for PathRegex {}
