//! Conditions in one spelling, so that those that are equal but for how they are written are known to be, however complex.

use crate::lang::expr::{Comparison, Expr, Piece};
use crate::lang::value::Value;

/// The condition with its parts in one order, `a > b` as `b < a`, and `a in [b]` as `a == b`.
pub fn canonical(expr: &Expr) -> Expr {
    let boxed = |expr: &Expr| Box::new(canonical(expr));
    match expr {
        Expr::Not(inner) => match canonical(inner) {
            Expr::Not(twice) => *twice,
            once => Expr::Not(Box::new(once)),
        },
        Expr::And(parts) => joined(parts, true),
        Expr::Or(parts) => joined(parts, false),
        Expr::Compare(left, how, right) => compared(boxed(left), *how, boxed(right)),
        Expr::In(item, set) => match &**set {
            Expr::Const(Value::List(members)) => match members.as_slice() {
                [one @ (Value::Int(_) | Value::Text(_) | Value::Bool(_))] => {
                    compared(boxed(item), Comparison::Equal, Box::new(Expr::Const(one.clone())))
                }
                _ => Expr::In(boxed(item), Box::new(Expr::Const(Value::List(sorted(members.clone()))))),
            },
            _ => Expr::In(boxed(item), boxed(set)),
        },
        Expr::Matches(text, pattern) => Expr::Matches(boxed(text), pattern.clone()),
        Expr::OrElse(first, second) => Expr::OrElse(boxed(first), boxed(second)),
        Expr::Has(inner) => Expr::Has(boxed(inner)),
        Expr::Lower(inner) => Expr::Lower(boxed(inner)),
        Expr::Text(pieces) => {
            let piece = |piece: &Piece| match piece {
                Piece::Literal(text) => Piece::Literal(text.clone()),
                Piece::Hole(hole, spot) => Piece::Hole(canonical(hole), *spot),
            };
            Expr::Text(pieces.iter().map(piece).collect())
        }
        Expr::Const(_) | Expr::Ref(_) | Expr::Secret(_) => expr.clone(),
    }
}

fn compared(left: Box<Expr>, how: Comparison, right: Box<Expr>) -> Expr {
    match how {
        Comparison::Greater => Expr::Compare(right, Comparison::Less, left),
        Comparison::GreaterOrEqual => Expr::Compare(right, Comparison::LessOrEqual, left),
        Comparison::Equal | Comparison::NotEqual if text(&right) < text(&left) => Expr::Compare(right, how, left),
        Comparison::Equal | Comparison::NotEqual | Comparison::Less | Comparison::LessOrEqual => Expr::Compare(left, how, right),
    }
}

fn joined(parts: &[Expr], all: bool) -> Expr {
    let mut flat = Vec::new();
    for part in parts {
        match canonical(part) {
            Expr::And(inner) if all => flat.extend(inner),
            Expr::Or(inner) if !all => flat.extend(inner),
            other => flat.push(other),
        }
    }
    let mut flat = sorted(flat);
    match flat.len() {
        1 => flat.pop().unwrap_or(Expr::Const(Value::Bool(all))),
        _ if all => Expr::And(flat),
        _ => Expr::Or(flat),
    }
}

/// In one order, each once.
fn sorted<T: serde::Serialize>(mut all: Vec<T>) -> Vec<T> {
    all.sort_by_cached_key(text);
    all.dedup_by_key(|each| text(each));
    all
}

fn text<T: serde::Serialize>(of: &T) -> String {
    serde_json::to_string(of).unwrap_or_default()
}
