//! Walks over products of automata: the shortest word that some languages hold and others do not.
//!
//! One walk answers all questions about paths: overlap (two positives), subset (one positive, one negative, no
//! word), cover (one positive, many negatives, no word), and the examples that diagnostics print.

use std::collections::{HashSet, VecDeque};

use smallvec::SmallVec;

use super::dfa::{DEAD, Dfa, Place, START, State, Universe};
use super::pattern::{End, Pattern, Segment};
use super::segment::SegmentType;
use super::types;

/// Bytes in the order in which examples prefer them.
const PREFERENCE: &[u8] = b"/abcdefghijklmnopqrstuvwxyz1234567890ABCDEFGHIJKLMNOPQRSTUVWXYZ-_.~!$&'()*+,;=:@%";

/// The same for values, which are rarely paths.
const VALUE_PREFERENCE: &[u8] = b"abcdefghijklmnopqrstuvwxyz1234567890ABCDEFGHIJKLMNOPQRSTUVWXYZ-_.~/!$&'()*+,;=:@% ";

/// How much work a question may be; what is over it is `too complex`.
#[derive(Debug, Clone)]
pub struct Budget {
    /// How many product states may still be visited.
    pub states: usize,
}

impl Default for Budget {
    fn default() -> Self {
        Self { states: STATES_PER_QUESTION_MAX }
    }
}

/// The most product states that one question may visit.
pub const STATES_PER_QUESTION_MAX: usize = 200_000;

/// The answer of a walk.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verdict {
    /// The shortest word, and of those the most readable.
    Word(String),
    /// There is none.
    Empty,
    /// The budget is used up.
    TooComplex,
}

/// A language that can be walked byte by byte.
#[derive(Debug, Clone, Copy)]
pub enum Machine<'a> {
    /// A compiled regex.
    Table(&'a Dfa),
    /// A pattern: paths.
    Path(&'a Pattern),
    /// All words of a universe.
    All(Universe),
    /// One word alone.
    Word(&'a str),
    /// The words that come before a limit byte by byte, and the limit itself when that is said.
    Below(&'a str, bool),
    /// The words that are in the table once their ASCII letters are lower case.
    Folded(&'a Dfa),
    /// The words that are this one once their ASCII letters are lower case.
    FoldedWord(&'a str),
}

/// The state of a [`Machine`]: where in the pattern, and the state there.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Spot {
    segment: u32,
    state: Inner,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum Inner {
    Table(State),
    Literal(u32),
    Any(bool),
    Choice(u32, u32),
    Place(Place),
    Boundary,
    Rest,
}

impl<'a> Machine<'a> {
    fn start(self) -> Spot {
        match self {
            Self::Table(_) | Self::Folded(_) => Spot { segment: 0, state: Inner::Table(START) },
            Self::Word(_) | Self::Below(..) | Self::FoldedWord(_) => Spot { segment: 0, state: Inner::Literal(0) },
            Self::All(universe) => Spot { segment: 0, state: Inner::Place(universe.start()) },
            Self::Path(pattern) => boundary(pattern, 0),
        }
    }

    fn step(self, spot: Spot, byte: u8) -> Option<Spot> {
        match self {
            Self::Table(dfa) => table_step(dfa, spot, byte),
            Self::Folded(dfa) => table_step(dfa, spot, byte.to_ascii_lowercase()),
            Self::Word(word) => word_step(word, spot, byte),
            Self::FoldedWord(word) => word_step(word, spot, byte.to_ascii_lowercase()),
            Self::Below(limit, _) => below_step(limit, spot, byte),
            Self::All(universe) => match spot.state {
                Inner::Place(place) => universe.step(place, byte).map(|place| Spot { state: Inner::Place(place), ..spot }),
                _ => None,
            },
            Self::Path(pattern) => path_step(pattern, spot, byte),
        }
    }

    /// The only byte that can follow, where that is plain to see.
    fn only(self, spot: Spot) -> Option<u8> {
        match (self, spot.state) {
            (_, Inner::Boundary) => Some(b'/'),
            (Self::Path(pattern), Inner::Literal(at)) => match pattern.segments().get(spot.segment as usize) {
                Some(Segment::Literal(text)) => Some(text.as_bytes().get(at as usize).copied().unwrap_or(b'/')),
                Some(Segment::Parameter { .. }) | None => None,
            },
            (Self::Path(_) | Self::Table(_) | Self::All(_), _) => None,
            (Self::Word(_) | Self::Below(..) | Self::Folded(_) | Self::FoldedWord(_), _) => None,
        }
    }

    fn accepts(self, spot: Spot) -> bool {
        match (self, spot.state) {
            (Self::Table(dfa) | Self::Folded(dfa), Inner::Table(state)) => dfa.accepts(state),
            (Self::Word(word) | Self::FoldedWord(word), Inner::Literal(at)) => at as usize == word.len(),
            (Self::Below(limit, inclusive), Inner::Literal(at)) => inclusive || (at as usize) < limit.len(),
            (Self::Below(..), Inner::Rest) => true,
            (Self::All(universe), Inner::Place(place)) => universe.accepts(place),
            (Self::Path(pattern), _) => path_accepts(pattern, spot),
            (Self::Table(_) | Self::All(_), _) => false,
            (Self::Word(_) | Self::Below(..) | Self::Folded(_) | Self::FoldedWord(_), _) => false,
        }
    }
}

fn word_step(word: &str, spot: Spot, byte: u8) -> Option<Spot> {
    let Inner::Literal(at) = spot.state else { return None };
    (word.as_bytes().get(at as usize) == Some(&byte)).then_some(Spot { state: Inner::Literal(at + 1), ..spot })
}

/// A word below the limit is equal to it so far, or was the smaller one at some byte.
fn below_step(limit: &str, spot: Spot, byte: u8) -> Option<Spot> {
    let Inner::Literal(at) = spot.state else { return Some(spot) };
    let there = *limit.as_bytes().get(at as usize)?;
    match byte.cmp(&there) {
        std::cmp::Ordering::Less => Some(Spot { state: Inner::Rest, ..spot }),
        std::cmp::Ordering::Equal => Some(Spot { state: Inner::Literal(at + 1), ..spot }),
        std::cmp::Ordering::Greater => None,
    }
}

fn table_step(dfa: &Dfa, spot: Spot, byte: u8) -> Option<Spot> {
    let Inner::Table(state) = spot.state else { return None };
    let next = dfa.step(state, byte);
    (next != DEAD).then_some(Spot { state: Inner::Table(next), ..spot })
}

/// The state at the end of `segment` segments.
fn boundary(pattern: &Pattern, segment: u32) -> Spot {
    let state = match pattern.end() {
        End::Regex(_) if segment as usize == pattern.segments().len() => Inner::Table(START),
        End::Exact | End::Slash | End::Rest | End::Regex(_) => Inner::Boundary,
    };
    Spot { segment, state }
}

fn path_step(pattern: &Pattern, spot: Spot, byte: u8) -> Option<Spot> {
    let in_segment = pattern.segments().get(spot.segment as usize);
    match spot.state {
        Inner::Rest => Some(spot),
        Inner::Boundary => {
            if byte != b'/' {
                return None;
            }
            let state = match in_segment {
                Some(segment) => segment_start(segment),
                None => match pattern.end() {
                    End::Exact | End::Regex(_) => return None,
                    End::Slash => Inner::Literal(0),
                    End::Rest => Inner::Rest,
                },
            };
            Some(Spot { state, ..spot })
        }
        _ => match in_segment {
            None => match pattern.end() {
                End::Regex(regex) => table_step(regex.dfa(), spot, byte),
                End::Exact | End::Slash | End::Rest => None,
            },
            Some(segment) if byte == b'/' => {
                if !segment_accepts(segment, spot.state) {
                    return None;
                }
                let end = boundary(pattern, spot.segment + 1);
                match end.state {
                    Inner::Table(_) => match pattern.end() {
                        End::Regex(regex) => table_step(regex.dfa(), end, byte),
                        End::Exact | End::Slash | End::Rest => None,
                    },
                    _ => path_step(pattern, end, byte),
                }
            }
            Some(segment) => segment_step(segment, spot.state, byte).map(|state| Spot { state, ..spot }),
        },
    }
}

fn path_accepts(pattern: &Pattern, spot: Spot) -> bool {
    let at_end = |end: &End| match end {
        End::Exact | End::Rest => true,
        End::Slash => false,
        End::Regex(regex) => regex.dfa().accepts(START),
    };
    match (spot.state, pattern.segments().get(spot.segment as usize)) {
        (Inner::Rest, _) => true,
        (Inner::Boundary, None) => at_end(pattern.end()),
        (Inner::Boundary, Some(_)) => false,
        (state, Some(segment)) => {
            spot.segment as usize + 1 == pattern.segments().len() && segment_accepts(segment, state) && at_end(pattern.end())
        }
        (state, None) => match (pattern.end(), state) {
            (End::Regex(regex), Inner::Table(state)) => regex.dfa().accepts(state),
            // The slash itself has been taken.
            (End::Slash, _) => true,
            (End::Exact | End::Rest | End::Regex(_), _) => false,
        },
    }
}

fn segment_start(segment: &Segment) -> Inner {
    match segment {
        Segment::Literal(_) => Inner::Literal(0),
        Segment::Parameter { kind, .. } => match kind {
            SegmentType::Any | SegmentType::Rest | SegmentType::RegexGroup => Inner::Any(false),
            SegmentType::Choice(words) => Inner::Choice(u32::try_from(words.len()).unwrap_or(u32::MAX) << 16, 0),
            SegmentType::Int | SegmentType::Hex | SegmentType::Slug | SegmentType::Uuid | SegmentType::Date | SegmentType::Regex(_) => {
                Inner::Table(START)
            }
        },
    }
}

fn segment_step(segment: &Segment, state: Inner, byte: u8) -> Option<Inner> {
    match (segment, state) {
        (Segment::Literal(text), Inner::Literal(at)) => (text.as_bytes().get(at as usize) == Some(&byte)).then_some(Inner::Literal(at + 1)),
        (Segment::Parameter { .. }, Inner::Any(_)) => Some(Inner::Any(true)),
        (Segment::Parameter { kind: SegmentType::Choice(words), .. }, Inner::Choice(range, depth)) => {
            choice_step(words, range, depth, byte)
        }
        (Segment::Parameter { kind, .. }, Inner::Table(state)) => {
            let next = types::table(kind)?.step(state, byte);
            (next != DEAD).then_some(Inner::Table(next))
        }
        (Segment::Literal(_) | Segment::Parameter { .. }, _) => None,
    }
}

/// Narrows the run of sorted words that begin with what was read; `range` packs its first word and its length.
fn choice_step(words: &[String], range: u32, depth: u32, byte: u8) -> Option<Inner> {
    let (first, count) = ((range & 0xffff) as usize, (range >> 16) as usize);
    let run = words.get(first..first + count)?;
    let letter = |word: &String| word.as_bytes().get(depth as usize).copied();
    let start = run.partition_point(|word| letter(word) < Some(byte));
    let end = run.partition_point(|word| letter(word) <= Some(byte));
    if start == end {
        return None;
    }
    let packed = u32::try_from(((end - start) << 16) | (first + start)).ok()?;
    Some(Inner::Choice(packed, depth + 1))
}

fn segment_accepts(segment: &Segment, state: Inner) -> bool {
    match (segment, state) {
        (Segment::Literal(text), Inner::Literal(at)) => at as usize == text.len(),
        (Segment::Parameter { .. }, Inner::Any(some)) => some,
        (Segment::Parameter { kind: SegmentType::Choice(words), .. }, Inner::Choice(range, depth)) => {
            words.get((range & 0xffff) as usize).is_some_and(|word| word.len() == depth as usize)
        }
        (Segment::Parameter { kind, .. }, Inner::Table(state)) => types::table(kind).is_some_and(|table| table.accepts(state)),
        (Segment::Literal(_) | Segment::Parameter { .. }, _) => false,
    }
}

type Spots = SmallVec<[Option<Spot>; 4]>;

/// The shortest word that every positive holds and no negative does.
#[must_use]
pub fn witness(positives: &[Machine<'_>], negatives: &[Machine<'_>], budget: &mut Budget) -> Verdict {
    let machines: SmallVec<[Machine<'_>; 4]> = positives.iter().chain(negatives).copied().collect();
    let start: Spots = machines.iter().map(|machine| Some(machine.start())).collect();
    let accepted = |spots: &Spots| {
        machines.iter().zip(spots).enumerate().all(|(index, (machine, spot))| {
            let inside = spot.is_some_and(|spot| machine.accepts(spot));
            inside == (index < positives.len())
        })
    };
    let of_paths = machines.iter().any(|machine| matches!(machine, Machine::Path(_) | Machine::All(_)));
    let preferred = if of_paths { PREFERENCE } else { VALUE_PREFERENCE };
    let mut parents: Vec<(usize, u8)> = vec![(0, 0)];
    let mut seen: HashSet<Spots> = HashSet::from([start.clone()]);
    let mut open: VecDeque<(usize, Spots)> = VecDeque::from([(0, start)]);
    while let Some((number, spots)) = open.pop_front() {
        if accepted(&spots) {
            return Verdict::Word(spelled(&parents, number));
        }
        let only = positives.iter().zip(&spots).find_map(|(machine, spot)| machine.only((*spot)?));
        for byte in preferred.iter().copied().chain(rare_bytes(of_paths)) {
            if only.is_some_and(|only| only != byte) {
                continue;
            }
            let Some(next) = stepped(&machines, &spots, byte, positives.len()) else { continue };
            if seen.contains(&next) {
                continue;
            }
            let Some(left) = budget.states.checked_sub(1) else { return Verdict::TooComplex };
            budget.states = left;
            parents.push((number, byte));
            seen.insert(next.clone());
            open.push_back((parents.len() - 1, next));
        }
    }
    Verdict::Empty
}

/// All machines after `byte`, unless a positive is dead.
fn stepped(machines: &[Machine<'_>], spots: &Spots, byte: u8, positives: usize) -> Option<Spots> {
    let mut next = Spots::new();
    for (index, (machine, spot)) in machines.iter().zip(spots).enumerate() {
        let after = spot.and_then(|spot| machine.step(spot, byte));
        if after.is_none() && index < positives {
            return None;
        }
        next.push(after);
    }
    Some(next)
}

/// The bytes that no readable example would use; only texts that are no paths can hold all of them.
fn rare_bytes(of_paths: bool) -> impl Iterator<Item = u8> {
    let rare = if of_paths { b'!'..=b'~' } else { 0..=u8::MAX };
    rare.filter(|byte| !PREFERENCE.contains(byte))
}

fn spelled(parents: &[(usize, u8)], mut number: usize) -> String {
    let mut word = Vec::new();
    while number != 0 {
        let Some((parent, byte)) = parents.get(number) else { break };
        word.push(*byte);
        number = *parent;
    }
    word.reverse();
    String::from_utf8_lossy(&word).into_owned()
}
