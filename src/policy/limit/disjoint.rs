//! Whether two conditions can hold for one request, as far as equality of the same value with constants decides it.

use crate::lang::expr::{Comparison, Expr};
use crate::lang::value::Value;

/// What is known of two conditions.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Overlap {
    /// No request meets both.
    Never,
    /// Some request meets both.
    Sometimes,
    /// They are made of more than equalities.
    Unknown,
}

/// Whether two conditions can hold for one request.
#[must_use]
pub fn overlap(left: &Expr, right: &Expr) -> Overlap {
    let (left, right) = (atoms(left), atoms(right));
    let apart = left.known.iter().any(|one| right.known.iter().any(|other| one.excludes(other)));
    if apart {
        Overlap::Never
    } else if left.complete && right.complete {
        Overlap::Sometimes
    } else {
        Overlap::Unknown
    }
}

/// A conjunction, as far as it is understood.
struct Atoms<'e> {
    known: Vec<Atom<'e>>,
    /// True when there is nothing else in it.
    complete: bool,
}

/// `subject` is one of the values, or none of them.
struct Atom<'e> {
    subject: &'e Expr,
    values: Vec<&'e Value>,
    negated: bool,
}

impl Atom<'_> {
    fn excludes(&self, other: &Self) -> bool {
        self.subject == other.subject
            && match (self.negated, other.negated) {
                (false, false) => self.values.iter().all(|value| !other.values.contains(value)),
                (false, true) => self.values.iter().all(|value| other.values.contains(value)),
                (true, false) => other.values.iter().all(|value| self.values.contains(value)),
                (true, true) => false,
            }
    }
}

fn atoms(condition: &Expr) -> Atoms<'_> {
    let mut found = Atoms { known: Vec::new(), complete: true };
    collect(condition, &mut found);
    found
}

fn collect<'e>(condition: &'e Expr, found: &mut Atoms<'e>) {
    match condition {
        Expr::And(all) => all.iter().for_each(|each| collect(each, found)),
        Expr::Not(inner) => match atom(inner) {
            Some(atom) => found.known.push(Atom { negated: !atom.negated, ..atom }),
            None => found.complete = false,
        },
        other => match atom(other) {
            Some(atom) => found.known.push(atom),
            None => found.complete = false,
        },
    }
}

const TRUE: &Value = &Value::Bool(true);

fn atom(condition: &Expr) -> Option<Atom<'_>> {
    match condition {
        Expr::Compare(left, how @ (Comparison::Equal | Comparison::NotEqual), right) => {
            let (subject, value) = match (&**left, &**right) {
                (Expr::Const(value), subject) | (subject, Expr::Const(value)) => (subject, value),
                _ => return None,
            };
            // A status class is a range, which equality with one value does not decide.
            let single = !matches!(value, Value::Status(low, high) if low != high);
            single.then_some(Atom { subject, values: vec![value], negated: *how == Comparison::NotEqual })
        }
        Expr::In(subject, set) => match &**set {
            Expr::Const(Value::List(values)) if values.iter().all(|value| !matches!(value, Value::Network(_) | Value::Status(..))) => {
                Some(Atom { subject, values: values.iter().collect(), negated: false })
            }
            _ => None,
        },
        Expr::Ref(_) | Expr::Has(_) => Some(Atom { subject: condition, values: vec![TRUE], negated: false }),
        _ => None,
    }
}
