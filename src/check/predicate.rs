//! `match` conditions as routes are compared by them: as atoms, whose order the match tree knows, and as conditions that
//! are decided exactly.

use super::route::Spans;
use crate::ir::Route;
use crate::lang::expr::{Comparison, Expr, Piece, Ref};
use crate::lang::value::Value;
use crate::logic::{Example, Facts, TooComplex, satisfiable};
use crate::route::pattern::{End, Segment};
use crate::route::{Atom, Pattern, Predicate, Predicates, Test, Witness};

/// The `match` condition of each route; none where nothing is known of it.
pub struct Conditions(Vec<Option<Expr>>);

impl Conditions {
    /// Those of all routes.
    pub fn new(routes: &[(Route, Spans)]) -> Self {
        let always = Expr::Const(Value::Bool(true));
        Self(
            routes
                .iter()
                .map(|(route, _)| route.predicate.as_ref().map_or(Some(always.clone()), |all| placed(all, &route.key.pattern)))
                .collect(),
        )
    }

    /// The conditions of `hold`, and the contrary of those of `fail`; none when nothing is known of one.
    fn together(&self, hold: &[usize], fail: &[usize]) -> Option<Vec<Expr>> {
        let of = |route: &usize| self.0.get(*route).and_then(Clone::clone);
        let fail = fail.iter().map(|route| of(route).map(|condition| Expr::Not(Box::new(condition))));
        hold.iter().map(of).chain(fail).collect()
    }

    /// The witness with values that make the conditions of `hold` true and those of `fail` false; none when there are none.
    /// Parameters become parts of its path where `fits` takes that path.
    pub fn told(&self, mut witness: Witness, hold: &[usize], fail: &[usize], fits: impl Fn(&str) -> bool) -> Option<Witness> {
        let Some(all) = self.together(hold, fail) else { return Some(witness) };
        let model = match satisfiable(Facts::default(), &all.iter().collect::<Vec<_>>()) {
            Ok(Some(model)) => model,
            Ok(None) => return None,
            Err(TooComplex) => return Some(witness),
        };
        witness.predicates.clear();
        for known in model.known.iter().filter(|known| known.decisive) {
            let path = match (&known.reference, &known.value) {
                (Ref::Param { slot, .. }, Example::Number(number)) => with_segment(&witness.path, *slot, &number.to_string()),
                (Ref::Param { slot, .. }, Example::Text(text)) => with_segment(&witness.path, *slot, text),
                _ => None,
            };
            match path.filter(|path| fits(path)) {
                Some(path) => witness.path = path,
                None => witness.predicates.push(known.to_string()),
            }
        }
        Some(witness)
    }
}

/// The path with another segment at a place.
fn with_segment(path: &str, place: u16, segment: &str) -> Option<String> {
    let mut segments: Vec<&str> = path.split('/').collect();
    *segments.get_mut(usize::from(place) + 1)? = segment;
    Some(segments.join("/"))
}

impl Predicates for Conditions {
    fn possible(&self, hold: &[usize], fail: &[usize]) -> bool {
        let Some(all) = self.together(hold, fail) else { return true };
        satisfiable(Facts::default(), &all.iter().collect::<Vec<_>>()) != Ok(None)
    }
}

/// Where the parameter that a `/**` binds is counted from: no segment has so high a number.
const REST_PLACE: usize = 1_000;

/// A condition with its parameters called by their place in the path, so that conditions of two routes can be compared. None
/// when it asks for what a regex captures, which has no place.
fn placed(condition: &Expr, pattern: &Pattern) -> Option<Expr> {
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

/// A `match` condition as atoms that can be compared with other routes'.
pub fn atoms(all: &[Expr], pattern: &Pattern) -> Predicate {
    let atom = |condition: &Expr| match placed(condition, pattern) {
        Some(placed) => atom(&placed),
        None => Atom { attribute: pattern.text().to_owned(), ..other(condition) },
    };
    Predicate { atoms: all.iter().map(atom).collect() }
}

fn atom(expr: &Expr) -> Atom {
    let attribute = |reference: &Ref| written(reference);
    match expr {
        Expr::Compare(left, how, right) => match (&**left, how, &**right) {
            (Expr::Ref(reference), how, Expr::Const(value)) | (Expr::Const(value), how, Expr::Ref(reference)) => {
                let test = match (how, value, text(value)) {
                    (Comparison::Equal, Value::None, _) => Some(Test::Absent),
                    (Comparison::NotEqual, Value::None, _) => Some(Test::Present),
                    (Comparison::Equal, _, Some(text)) => Some(Test::Equals(text)),
                    (Comparison::NotEqual, _, Some(text)) => Some(Test::NotEquals(text)),
                    _ => None,
                };
                test.map_or_else(|| other(expr), |test| Atom { attribute: attribute(reference), test })
            }
            _ => other(expr),
        },
        Expr::In(item, set) => match (&**item, &**set) {
            (Expr::Ref(reference), Expr::Const(Value::List(values))) => match values.iter().map(text).collect::<Option<Vec<_>>>() {
                Some(texts) => Atom { attribute: attribute(reference), test: Test::In(texts) },
                None => other(expr),
            },
            _ => other(expr),
        },
        Expr::Matches(item, pattern) => match &**item {
            Expr::Ref(reference) => Atom { attribute: attribute(reference), test: Test::Matches(pattern.source().to_owned()) },
            _ => other(expr),
        },
        Expr::Has(item) => match &**item {
            Expr::Ref(reference) => Atom { attribute: attribute(reference), test: Test::Present },
            _ => other(expr),
        },
        Expr::Not(inner) => match &**inner {
            Expr::Has(item) => match &**item {
                Expr::Ref(reference) => Atom { attribute: attribute(reference), test: Test::Absent },
                _ => other(expr),
            },
            _ => other(expr),
        },
        _ => other(expr),
    }
}

/// A test that is only known to equal itself.
fn other(expr: &Expr) -> Atom {
    let text = serde_json::to_string(expr).unwrap_or_default();
    Atom { attribute: text.clone(), test: Test::Other(text) }
}

fn text(value: &Value) -> Option<String> {
    match value {
        Value::Text(text) => Some(text.to_string()),
        Value::Int(number) => Some(number.to_string()),
        Value::Bool(truth) => Some(truth.to_string()),
        Value::Ip(ip) => Some(ip.to_string()),
        _ => None,
    }
}

/// A reference as it is written.
fn written(reference: &Ref) -> String {
    match reference {
        Ref::Header(name) => format!("header(\"{name}\")"),
        Ref::Query(name) => format!("query(\"{name}\")"),
        Ref::Cookie(name) => format!("cookie(\"{name}\")"),
        Ref::ClientIp => "client.ip".to_owned(),
        Ref::ClientSubject => "client.cert.subject".to_owned(),
        Ref::ClientName => "client.cert.san".to_owned(),
        Ref::Method => "request.method".to_owned(),
        Ref::Path => "request.path".to_owned(),
        Ref::Host => "request.host".to_owned(),
        Ref::Scheme => "request.scheme".to_owned(),
        Ref::Listener => "request.listener".to_owned(),
        Ref::Id => "request.id".to_owned(),
        Ref::Size => "request.size".to_owned(),
        Ref::Param { slot, .. } => format!("segment {} of the path", usize::from(*slot) + 1),
        Ref::Attribute(_) | Ref::UpstreamName | Ref::ResponseStatus | Ref::ResponseDuration | Ref::ResponseHeader(_) => {
            serde_json::to_string(reference).unwrap_or_default()
        }
    }
}
