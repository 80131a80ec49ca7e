//! Expressions as the language writes them, with the names that their slots stand for.

use super::{Program, Route};
use crate::lang::expr::{Expr, Piece, Ref, SlotNames};
use crate::lang::value::Value;
use crate::policy::auth;

pub use crate::lang::literal::{escaped, written as duration};

/// Writes the expressions of one route.
#[derive(Clone, Copy)]
pub struct Speller<'p> {
    program: &'p Program,
    route: &'p Route,
}

impl<'p> Speller<'p> {
    /// For a route of a program.
    #[must_use]
    pub fn new(program: &'p Program, route: &'p Route) -> Self {
        Self { program, route }
    }

    /// An expression; constants stand for the names they were written by.
    #[must_use]
    pub fn expression(&self, expr: &Expr) -> String {
        let inner = |expr: &Expr| self.operand(expr);
        match expr {
            Expr::Const(constant) => value(constant),
            Expr::Ref(reference) => self.reference(reference),
            Expr::Text(pieces) => {
                let pieces = pieces.iter().map(|piece| match piece {
                    Piece::Literal(text) => escaped(text),
                    Piece::Hole(hole, _) => format!("${{{}}}", self.expression(hole)),
                });
                format!("\"{}\"", pieces.collect::<String>())
            }
            Expr::Secret(secret) => secret.to_string(),
            Expr::Not(negated) => format!("not {}", inner(negated)),
            Expr::And(all) => all.iter().map(inner).collect::<Vec<_>>().join(" and "),
            Expr::Or(any) => any.iter().map(inner).collect::<Vec<_>>().join(" or "),
            Expr::Compare(left, how, right) => format!("{} {} {}", inner(left), how.sign(), inner(right)),
            Expr::In(item, set) => format!("{} in {}", inner(item), inner(set)),
            Expr::Matches(text, pattern) => format!("{} matches re\"{}\"", inner(text), pattern.source()),
            Expr::OrElse(first, second) => format!("{} ?? {}", inner(first), inner(second)),
            Expr::Has(tested) => format!("has({})", self.expression(tested)),
            Expr::Lower(text) => format!("lower({})", self.expression(text)),
        }
    }

    /// What is bound by an operator: in parentheses where it is one itself.
    fn operand(&self, expr: &Expr) -> String {
        let text = self.expression(expr);
        match expr {
            Expr::And(_) | Expr::Or(_) | Expr::Not(_) | Expr::Compare(..) | Expr::In(..) | Expr::Matches(..) | Expr::OrElse(..) => {
                format!("({text})")
            }
            Expr::Const(_) | Expr::Ref(_) | Expr::Text(_) | Expr::Secret(_) | Expr::Has(_) | Expr::Lower(_) => text,
        }
    }

    /// Something of the request, the caller or the response.
    #[must_use]
    pub fn reference(&self, reference: &Ref) -> String {
        reference.spelled(self)
    }

    /// An attribute by its auth and slot: `claim.sub`.
    #[must_use]
    pub fn attribute(&self, auth: u16, slot: u16) -> String {
        Ref::Attribute(vec![(auth, slot)]).spelled(self)
    }
}

impl SlotNames for Speller<'_> {
    fn param(&self, slot: u16) -> Option<&str> {
        self.route.key.pattern.params().get(usize::from(slot)).map(|(name, _)| *name)
    }

    fn attribute(&self, slots: &[(u16, u16)]) -> Option<(&str, &str)> {
        auth::attribute(&self.program.auths, slots)
    }
}

/// The conditions that an expression puts together with `and`, `or` and `not`, from left to right.
#[must_use]
pub fn atoms(expr: &Expr) -> Vec<&Expr> {
    match expr {
        Expr::Not(inner) => atoms(inner),
        Expr::And(all) | Expr::Or(all) => all.iter().flat_map(atoms).collect(),
        Expr::Const(_)
        | Expr::Ref(_)
        | Expr::Text(_)
        | Expr::Secret(_)
        | Expr::Compare(..)
        | Expr::In(..)
        | Expr::Matches(..)
        | Expr::OrElse(..)
        | Expr::Has(_)
        | Expr::Lower(_) => vec![expr],
    }
}

/// A constant.
#[must_use]
pub fn value(constant: &Value) -> String {
    match constant {
        Value::None => "none".to_owned(),
        Value::Bool(truth) => truth.to_string(),
        Value::Int(number) => number.to_string(),
        Value::Text(text) => format!("\"{}\"", escaped(text)),
        Value::Duration(time) => duration(*time),
        Value::Size(bytes) => size(*bytes),
        Value::Percent(share) => format!("{}%", f64::from(share.0) / 100.0),
        Value::Rate(rate) => rate.to_string(),
        Value::Status(low, high) if low == high => low.to_string(),
        Value::Status(low, high) if low % 100 == 0 && *high == low + 99 => format!("{}xx", low / 100),
        Value::Status(low, high) => format!("{low}..{high}"),
        Value::Ip(ip) => ip.to_string(),
        Value::Network(network) => network.to_string(),
        Value::Range(low, high) => format!("{}..{}", value(low), value(high)),
        Value::List(all) => format!("[{}]", all.iter().map(value).collect::<Vec<_>>().join(", ")),
    }
}

/// A size: `8MiB`, or bytes where no unit fits.
#[must_use]
pub fn size(bytes: u64) -> String {
    let units = [("GiB", 30), ("MiB", 20), ("KiB", 10)];
    let fitting = units.into_iter().find(|(_, shift)| bytes > 0 && bytes.trailing_zeros() >= *shift);
    fitting.map_or_else(|| format!("{bytes}B"), |(unit, shift)| format!("{}{unit}", bytes >> shift))
}
