//! Conditions of `match` as they are said of a whole path: parameters are called by their place, so that conditions of several
//! routes speak of the same parts of it.

use super::model::{Example, Model};
use crate::lang::eval::{Scalar, Source};
use crate::lang::expr::{Expr, Piece, Ref};
use crate::route::Captures;
use crate::route::pattern::{End, Pattern, Segment};
use percent_encoding::percent_decode_str;

/// What a route's `match` asks for.
#[derive(Debug, Clone)]
pub struct Condition {
    pub(super) expr: Expr,
    /// Its parameters are what the pattern's regex captures: they have no place.
    pub(super) captured: bool,
}

impl Condition {
    /// The condition of a route of the pattern.
    #[must_use]
    pub fn of(condition: &Expr, pattern: &Pattern) -> Self {
        match placed(condition, pattern) {
            Some(expr) => Self { expr, captured: false },
            None => Self { expr: condition.clone(), captured: true },
        }
    }

    /// True when it holds for a whole request, which the pattern takes: its parameters are read from its path.
    pub(super) fn holds(&self, pattern: &Pattern, request: &Model) -> bool {
        let path = match request.get(&Ref::Path) {
            Some(Example::Text(path)) => &**path,
            _ => "",
        };
        let mut captures = Captures::new();
        if self.captured {
            captures.bind(pattern, path);
        }
        let captures = self.captured.then_some(&captures);
        self.expr.holds(Seen { request, path, captures })
    }
}

/// A request whose parameters are parts of its path.
#[derive(Clone, Copy)]
struct Seen<'a> {
    request: &'a Model,
    path: &'a str,
    captures: Option<&'a Captures>,
}

impl<'a> Source<'a> for Seen<'a> {
    fn value(self, reference: &'a Ref) -> Scalar<'a> {
        let Ref::Param { slot, int } = reference else { return self.request.value(reference) };
        let raw = match self.captures {
            Some(captures) => captures.get(self.path, usize::from(*slot)),
            None => part(self.path, usize::from(*slot)),
        };
        match raw {
            None => Scalar::Missing,
            Some(raw) if *int => raw.parse().map_or(Scalar::Missing, Scalar::Int),
            Some(raw) => Scalar::Text(percent_decode_str(raw).decode_utf8_lossy()),
        }
    }
}

/// The part of a path at a place: a segment, or what follows some segments.
fn part(path: &str, place: usize) -> Option<&str> {
    match place.checked_sub(REST_PLACE) {
        None => path.split('/').nth(place + 1),
        Some(segments) => Some(path.splitn(segments + 2, '/').nth(segments + 1).unwrap_or_default()),
    }
}

/// Where the parameter that a `/**` binds is counted from: no segment has so high a number.
pub(super) const REST_PLACE: usize = 1_000;

/// A condition with its parameters called by their place in the path, so that conditions of two routes can be compared. None
/// when it asks for what a regex captures, which has no place.
#[must_use]
pub fn placed(condition: &Expr, pattern: &Pattern) -> Option<Expr> {
    let one = |inner: &Expr| placed(inner, pattern).map(Box::new);
    let all = |parts: &[Expr]| parts.iter().map(|part| placed(part, pattern)).collect::<Option<Vec<_>>>();
    Some(match condition {
        Expr::Ref(Ref::Param { slot, int }) => Expr::Ref(Ref::Param { slot: place(*slot, pattern)?, int: *int }),
        Expr::Const(_) | Expr::Secret(_) | Expr::Ref(_) => condition.clone(),
        Expr::Text(pieces) => {
            let piece = |piece: &Piece| match piece {
                Piece::Literal(_) => Some(piece.clone()),
                Piece::Hole(inner, encoding) => placed(inner, pattern).map(|inner| Piece::Hole(inner, *encoding)),
            };
            Expr::Text(pieces.iter().map(piece).collect::<Option<_>>()?)
        }
        Expr::Not(inner) => Expr::Not(one(inner)?),
        Expr::Has(inner) => Expr::Has(one(inner)?),
        Expr::Lower(inner) => Expr::Lower(one(inner)?),
        Expr::Matches(inner, regex) => Expr::Matches(one(inner)?, regex.clone()),
        Expr::And(parts) => Expr::And(all(parts)?),
        Expr::Or(parts) => Expr::Or(all(parts)?),
        Expr::Compare(left, how, right) => Expr::Compare(one(left)?, *how, one(right)?),
        Expr::In(item, set) => Expr::In(one(item)?, one(set)?),
        Expr::OrElse(first, second) => Expr::OrElse(one(first)?, one(second)?),
    })
}

fn place(slot: u16, pattern: &Pattern) -> Option<u16> {
    let parameters = pattern.segments().iter().enumerate().filter(|(_, segment)| matches!(segment, Segment::Parameter { .. }));
    let places: Vec<usize> = parameters.map(|(place, _)| place).collect();
    let place = match (places.get(usize::from(slot)), pattern.end()) {
        (Some(place), _) => *place,
        (None, End::Rest) => REST_PLACE + pattern.segments().len(),
        (None, End::Exact | End::Slash | End::Regex(_)) => return None,
    };
    u16::try_from(place).ok()
}
