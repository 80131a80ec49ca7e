//! Regular languages over normalised paths, as small complete tables.
//!
//! A regex is determinised once (size-capped), cut down to what can occur in a normalised path or segment, and
//! freed of states that can no longer accept. The same table answers requests and is walked by the analyses.

use std::collections::HashMap;
use std::fmt;

use regex_automata::dfa::{Automaton, StartKind, dense};
use regex_automata::nfa::thompson;
use regex_automata::util::syntax;
use regex_automata::{Anchored, Input, MatchKind};

/// The most states a table may have; a regex past it is refused as too large.
pub const STATES_MAX: usize = 20_000;
/// The most memory in bytes that building one regex over paths may take.
const PATH_BYTES_MAX: usize = 8 << 20;
/// The same for a regex over values, which is only ever compared: past it nothing is known of it.
const VALUE_BYTES_MAX: usize = 1 << 20;

/// A state of a [`Dfa`]; [`DEAD`] accepts nothing any more.
pub type State = u32;
/// The state from which nothing is accepted.
pub const DEAD: State = 0;
/// The state before the first byte.
pub const START: State = 1;

/// What the words of a language may be made of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Universe {
    /// One non-empty segment of a normalised path.
    Segment,
    /// What is left of a normalised path at a segment's end: nothing, or a path that begins with `/`.
    Tail,
    /// A whole normalised path.
    Path,
    /// Any bytes: values of headers, queries and cookies.
    Bytes,
}

/// Why a regex has no table.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RegexFault {
    /// The regex cannot be read; the reason in words.
    Syntax(String),
    /// The regex needs more than [`STATES_MAX`] states.
    TooLarge,
    /// No word of the universe is in the language.
    MatchesNothing,
}

impl fmt::Display for RegexFault {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Syntax(reason) => write!(out, "the regex cannot be read: {reason}"),
            Self::TooLarge => write!(out, "the regex is too large (more than {STATES_MAX} states)"),
            Self::MatchesNothing => out.write_str("the regex matches no path that survives normalisation"),
        }
    }
}

/// A deterministic automaton: every state but [`DEAD`] can still accept.
#[derive(Clone)]
pub struct Dfa {
    classes: Box<[u8; 256]>,
    stride: usize,
    table: Vec<State>,
    accepting: Vec<bool>,
}

impl Dfa {
    /// The words of `universe` that the whole of `source` matches.
    ///
    /// # Errors
    /// When the regex is broken, too large, or matches nothing of the universe.
    pub fn compile(source: &str, universe: Universe) -> Result<Self, RegexFault> {
        let unicode = universe == Universe::Bytes;
        let bytes_max = if unicode { VALUE_BYTES_MAX } else { PATH_BYTES_MAX };
        let built = dense::Builder::new()
            .syntax(syntax::Config::new().unicode(unicode).utf8(unicode))
            .thompson(thompson::Config::new().utf8(unicode).nfa_size_limit(Some(bytes_max)))
            .configure(
                dense::Config::new()
                    .start_kind(StartKind::Anchored)
                    .match_kind(MatchKind::All)
                    .accelerate(false)
                    .dfa_size_limit(Some(bytes_max))
                    .determinize_size_limit(Some(bytes_max)),
            )
            .build(source)
            .map_err(|error| fault(source, unicode, &error))?;
        let start =
            built.start_state_forward(&Input::new("").anchored(Anchored::Yes)).map_err(|error| RegexFault::Syntax(error.to_string()))?;
        let machine = explore(
            (start, universe.start()),
            |(state, place), byte| {
                let place = universe.step(place, byte)?;
                let next = built.next_state(state, byte);
                (!built.is_dead_state(next) && !built.is_quit_state(next)).then_some((next, place))
            },
            |(state, place)| universe.accepts(place) && built.is_match_state(built.next_eoi_state(state)),
        )
        .ok_or(RegexFault::TooLarge)?;
        if machine.is_empty() { Err(RegexFault::MatchesNothing) } else { Ok(machine) }
    }

    /// The table of no words at all.
    #[must_use]
    pub fn nothing() -> Self {
        written(&[false], &[])
    }

    /// Where `byte` leads from `state`.
    #[inline]
    #[must_use]
    pub fn step(&self, state: State, byte: u8) -> State {
        let class = self.classes.get(usize::from(byte)).copied().unwrap_or(0);
        self.table.get(state as usize * self.stride + usize::from(class)).copied().unwrap_or(DEAD)
    }

    /// True when a word may end in `state`.
    #[inline]
    #[must_use]
    pub fn accepts(&self, state: State) -> bool {
        self.accepting.get(state as usize).copied().unwrap_or(false)
    }

    /// True when the language holds the word.
    #[inline]
    #[must_use]
    pub fn contains(&self, word: &[u8]) -> bool {
        let mut state = START;
        for byte in word {
            state = self.step(state, *byte);
            if state == DEAD {
                return false;
            }
        }
        self.accepts(state)
    }

    /// The longest text that every word of the language begins with.
    #[must_use]
    pub fn prefix(&self) -> Vec<u8> {
        let mut prefix = Vec::new();
        let mut state = START;
        while !self.accepts(state) && prefix.len() < self.accepting.len() {
            let mut live = (0..=u8::MAX).filter(|byte| self.step(state, *byte) != DEAD);
            let (Some(byte), None) = (live.next(), live.next()) else { break };
            prefix.push(byte);
            state = self.step(state, byte);
        }
        prefix
    }

    /// All words, when there are at most `limit`.
    #[must_use]
    pub fn words(&self, limit: usize) -> Option<Vec<Vec<u8>>> {
        let mut words = Vec::new();
        let mut open = vec![(START, Vec::new())];
        while let Some((state, word)) = open.pop() {
            // A word longer than the number of states went round a loop, so the language is infinite.
            if word.len() > self.accepting.len() || open.len() > 256 * limit.max(1) {
                return None;
            }
            if self.accepts(state) {
                words.push(word.clone());
                if words.len() > limit {
                    return None;
                }
            }
            for byte in 0..=u8::MAX {
                let next = self.step(state, byte);
                if next != DEAD {
                    let mut longer = word.clone();
                    longer.push(byte);
                    open.push((next, longer));
                }
            }
        }
        Some(words)
    }

    fn is_empty(&self) -> bool {
        !self.accepts(START) && (0..=u8::MAX).all(|byte| self.step(START, byte) == DEAD)
    }
}

impl fmt::Debug for Dfa {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "Dfa({} states)", self.accepting.len())
    }
}

fn fault(source: &str, unicode: bool, error: &dense::BuildError) -> RegexFault {
    let config = syntax::Config::new().unicode(unicode).utf8(unicode);
    match syntax::parse_with(source, &config) {
        Err(syntax) => {
            let text = syntax.to_string();
            RegexFault::Syntax(text.lines().last().unwrap_or_default().trim_start_matches("error: ").to_owned())
        }
        Ok(_) if error.is_size_limit_exceeded() => RegexFault::TooLarge,
        Ok(_) => RegexFault::Syntax(error.to_string()),
    }
}

/// Walks all states of a machine and writes them down without those that cannot accept.
fn explore<S: Copy + Eq + std::hash::Hash>(start: S, step: impl Fn(S, u8) -> Option<S>, accepts: impl Fn(S) -> bool) -> Option<Dfa> {
    let mut numbers = HashMap::from([(start, 0_u32)]);
    let mut states = vec![start];
    let mut edges: Vec<(u32, u8, u32)> = Vec::new();
    let mut at = 0;
    while let Some(&state) = states.get(at) {
        for byte in 0..=u8::MAX {
            let Some(next) = step(state, byte) else { continue };
            let fresh = u32::try_from(states.len()).ok()?;
            let number = *numbers.entry(next).or_insert(fresh);
            if number == fresh {
                states.push(next);
                if states.len() > STATES_MAX {
                    return None;
                }
            }
            edges.push((u32::try_from(at).ok()?, byte, number));
        }
        at += 1;
    }
    let accepting: Vec<bool> = states.iter().map(|state| accepts(*state)).collect();
    Some(written(&accepting, &edges))
}

fn written(accepting: &[bool], edges: &[(u32, u8, u32)]) -> Dfa {
    let live = live_states(accepting, edges);
    let mut new = vec![DEAD; accepting.len()];
    let mut count = START;
    for (number, live) in new.iter_mut().zip(&live) {
        // The start keeps its number even when nothing is accepted from it.
        if *live || count == START {
            *number = count;
            count += 1;
        }
    }
    let number = |old: u32| new.get(old as usize).copied().unwrap_or(DEAD);
    let mut rows = vec![[DEAD; 256]; count as usize];
    for (from, byte, to) in edges {
        let live_target = live.get(*to as usize).copied().unwrap_or(false);
        if let Some(cell) = rows.get_mut(number(*from) as usize).and_then(|row| row.get_mut(usize::from(*byte)))
            && live_target
            && number(*from) != DEAD
        {
            *cell = number(*to);
        }
    }
    let mut columns: HashMap<Vec<State>, u8> = HashMap::new();
    let mut classes = Box::new([0_u8; 256]);
    let mut distinct: Vec<Vec<State>> = Vec::new();
    for (byte, class) in classes.iter_mut().enumerate() {
        let column: Vec<State> = rows.iter().map(|row| row.get(byte).copied().unwrap_or(DEAD)).collect();
        let fresh = u8::try_from(distinct.len()).unwrap_or(u8::MAX);
        *class = *columns.entry(column.clone()).or_insert_with(|| {
            distinct.push(column);
            fresh
        });
    }
    let stride = distinct.len();
    let mut table = Vec::with_capacity(stride * rows.len());
    for row in 0..rows.len() {
        table.extend(distinct.iter().map(|column| column.get(row).copied().unwrap_or(DEAD)));
    }
    let mut ends = vec![false; count as usize];
    for (old, accepts) in accepting.iter().enumerate() {
        if let Some(cell) = ends.get_mut(new.get(old).copied().unwrap_or(DEAD) as usize) {
            *cell |= *accepts;
        }
    }
    Dfa { classes, stride, table, accepting: ends }
}

/// Which states can still reach an accepting one.
fn live_states(accepting: &[bool], edges: &[(u32, u8, u32)]) -> Vec<bool> {
    let mut before: Vec<Vec<u32>> = vec![Vec::new(); accepting.len()];
    for (from, _, to) in edges {
        if let Some(list) = before.get_mut(*to as usize)
            && list.last() != Some(from)
        {
            list.push(*from);
        }
    }
    let mut live = accepting.to_vec();
    let mut open: Vec<usize> = (0..accepting.len()).filter(|state| accepting.get(*state) == Some(&true)).collect();
    while let Some(state) = open.pop() {
        for from in before.get(state).into_iter().flatten() {
            if let Some(cell) = live.get_mut(*from as usize)
                && !*cell
            {
                *cell = true;
                open.push(*from as usize);
            }
        }
    }
    live
}

/// A place within a path or segment: what the bytes so far allow next.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Place {
    /// Before anything; a path must go on with `/`.
    Begin,
    /// At the start of a segment.
    Empty,
    /// The segment so far is `.`.
    Dot,
    /// The segment so far is `..`.
    DotDot,
    /// Behind an encoded slash, where dots may hide: the segment may end here.
    Slashed,
    /// After a `%` behind nothing but dots.
    DotPercent,
    /// And its first digit.
    DotDigit(u8),
    /// In a segment that may end here.
    Inside,
    /// After a `%`.
    Percent,
    /// After a `%` and its first digit.
    Digit(u8),
}

impl Universe {
    /// The place before the first byte.
    #[must_use]
    pub fn start(self) -> Place {
        match self {
            Self::Segment => Place::Empty,
            Self::Tail | Self::Path => Place::Begin,
            Self::Bytes => Place::Inside,
        }
    }

    /// The place after `byte`, if a word may go on with it.
    #[must_use]
    pub fn step(self, place: Place, byte: u8) -> Option<Place> {
        match self {
            Self::Bytes => Some(place),
            Self::Segment if byte == b'/' => None,
            Self::Segment | Self::Tail | Self::Path => path_step(place, byte),
        }
    }

    /// True when the universe holds the word.
    #[must_use]
    pub fn contains(self, word: &[u8]) -> bool {
        let end = word.iter().try_fold(self.start(), |place, byte| self.step(place, *byte));
        end.is_some_and(|place| self.accepts(place))
    }

    /// True when a word may end here.
    #[must_use]
    pub fn accepts(self, place: Place) -> bool {
        match self {
            Self::Bytes => true,
            Self::Segment => matches!(place, Place::Inside | Place::Slashed),
            Self::Path => matches!(place, Place::Empty | Place::Inside | Place::Slashed),
            Self::Tail => matches!(place, Place::Begin | Place::Empty | Place::Inside | Place::Slashed),
        }
    }
}

fn path_step(place: Place, byte: u8) -> Option<Place> {
    match (place, byte) {
        (Place::Begin | Place::Inside | Place::Slashed, b'/') => Some(Place::Empty),
        (Place::Percent, b'0'..=b'9' | b'A'..=b'F') => Some(Place::Digit(byte)),
        (Place::DotPercent, b'0'..=b'9' | b'A'..=b'F') => Some(Place::DotDigit(byte)),
        (Place::Begin | Place::Percent | Place::DotPercent, _) => None,
        (Place::Digit(b'2'), b'F') => Some(Place::Slashed),
        // `;` and `/`: normalisation refuses dots that hide before them.
        (Place::Dot | Place::DotDot, b';') | (Place::DotDigit(b'3'), b'B') | (Place::DotDigit(b'2'), b'F') => None,
        (Place::Digit(first) | Place::DotDigit(first), _) => stays_encoded(first, byte).then_some(Place::Inside),
        (Place::Dot | Place::DotDot, b'%') => Some(Place::DotPercent),
        (Place::Empty | Place::Slashed | Place::Inside, b'%') => Some(Place::Percent),
        (Place::Empty | Place::Slashed, b'.') => Some(Place::Dot),
        (Place::Dot, b'.') => Some(Place::DotDot),
        (Place::Empty | Place::Slashed | Place::Dot | Place::DotDot | Place::Inside, _) => stands_bare(byte).then_some(Place::Inside),
    }
}

/// True for the two digits of an octet that normalisation leaves percent-encoded: it refuses NUL and the backslash.
fn stays_encoded(first: u8, second: u8) -> bool {
    let (Some(high), Some(low)) = ((first as char).to_digit(16), (second as char).to_digit(16)) else { return false };
    let octet = u8::try_from(high * 16 + low).unwrap_or(0);
    !second.is_ascii_lowercase() && octet != 0 && octet != b'\\' && !is_unreserved(octet)
}

/// True for the characters that RFC 3986 section 2.3 calls unreserved.
#[must_use]
pub fn is_unreserved(octet: u8) -> bool {
    octet.is_ascii_alphanumeric() || matches!(octet, b'-' | b'.' | b'_' | b'~')
}

/// True for the characters that a segment holds as they are (RFC 3986 section 3.3); normalisation encodes the others.
#[must_use]
pub fn stands_bare(octet: u8) -> bool {
    is_unreserved(octet) || b"!$&'()*+,;=:@".contains(&octet)
}
