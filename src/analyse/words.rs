//! Expressions and values in the words of the language, for sentences about policies.

use crate::ir::spell::escaped;
use crate::lang::expr::{Expr, Piece, SlotNames};
use crate::policy::auth::{self, Declared};
use std::fmt::Write;

pub use crate::ir::spell::{size, value};
pub use crate::lang::literal::written as duration;

/// The names that slots of expressions stand for.
#[derive(Debug, Clone, Copy)]
pub struct Names<'a> {
    /// Auths with their attributes, by index and slot.
    pub auths: &'a [Declared],
    /// The parameters of the route's path, by slot.
    pub params: &'a [String],
}

/// How tightly an expression's own operator binds; tighter is more.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Binding {
    Or,
    And,
    Not,
    Compare,
    OrElse,
    Operand,
}

impl Names<'_> {
    /// The expression as one would write it.
    #[must_use]
    pub fn expr(&self, expr: &Expr) -> String {
        match expr {
            Expr::Const(constant) => value(constant),
            Expr::Ref(reference) => reference.spelled(self),
            Expr::Text(pieces) => self.text(pieces),
            Expr::Secret(secret) => secret.to_string(),
            Expr::Not(inner) => match &**inner {
                Expr::In(item, set) => format!("{} not in {}", self.inside(item, Binding::OrElse), self.inside(set, Binding::OrElse)),
                Expr::Const(_)
                | Expr::Ref(_)
                | Expr::Text(_)
                | Expr::Secret(_)
                | Expr::Not(_)
                | Expr::And(_)
                | Expr::Or(_)
                | Expr::Compare(..)
                | Expr::Matches(..)
                | Expr::OrElse(..)
                | Expr::Has(_)
                | Expr::Lower(_) => format!("not {}", self.inside(inner, Binding::Not)),
            },
            Expr::And(all) => self.joined(all, " and ", Binding::Not),
            Expr::Or(any) => self.joined(any, " or ", Binding::And),
            Expr::Compare(left, how, right) => {
                format!("{} {} {}", self.inside(left, Binding::OrElse), how.sign(), self.inside(right, Binding::OrElse))
            }
            Expr::In(item, set) => format!("{} in {}", self.inside(item, Binding::OrElse), self.inside(set, Binding::OrElse)),
            Expr::Matches(text, pattern) => format!("{} matches re\"{}\"", self.inside(text, Binding::OrElse), pattern.source()),
            Expr::OrElse(first, second) => format!("{} ?? {}", self.inside(first, Binding::Operand), self.inside(second, Binding::OrElse)),
            Expr::Has(inner) => format!("has({})", self.expr(inner)),
            Expr::Lower(inner) => format!("lower({})", self.expr(inner)),
        }
    }

    fn inside(&self, expr: &Expr, least: Binding) -> String {
        let text = self.expr(expr);
        if binding(expr) < least { format!("({text})") } else { text }
    }

    fn joined(&self, all: &[Expr], operator: &str, least: Binding) -> String {
        all.iter().map(|each| self.inside(each, least)).collect::<Vec<_>>().join(operator)
    }

    fn text(&self, pieces: &[Piece]) -> String {
        let inner = pieces.iter().fold(String::new(), |mut text, piece| {
            match piece {
                Piece::Literal(literal) => text.push_str(&escaped(literal)),
                Piece::Hole(hole, _) => {
                    let _ = write!(text, "${{{}}}", self.expr(hole));
                }
            }
            text
        });
        format!("\"{inner}\"")
    }
}

impl SlotNames for Names<'_> {
    fn param(&self, slot: u16) -> Option<&str> {
        self.params.get(usize::from(slot)).map(String::as_str)
    }

    fn attribute(&self, slots: &[(u16, u16)]) -> Option<(&str, &str)> {
        auth::attribute(self.auths, slots)
    }
}

fn binding(expr: &Expr) -> Binding {
    match expr {
        Expr::Or(_) => Binding::Or,
        Expr::And(_) => Binding::And,
        Expr::Not(_) => Binding::Not,
        Expr::Compare(..) | Expr::In(..) | Expr::Matches(..) => Binding::Compare,
        Expr::OrElse(..) => Binding::OrElse,
        Expr::Const(_) | Expr::Ref(_) | Expr::Text(_) | Expr::Secret(_) | Expr::Has(_) | Expr::Lower(_) => Binding::Operand,
    }
}

/// Hundredths of a percent: `25%`, `0.5%`.
#[must_use]
pub fn share(hundredths: u32) -> String {
    let digits = format!("{}.{:02}", hundredths / 100, hundredths % 100);
    format!("{}%", digits.trim_end_matches('0').trim_end_matches('.'))
}
