//! What a stored response is made of: every expression behind the cache that the upstream, or the response itself, is told.

use super::Config;
use crate::lang::expr::{Expr, Piece, Ref};

/// Expressions that decide what is kept: which upstream is asked, what it is asked, and what the policy itself answers.
/// A key that holds the upstream holds what it is chosen by.
pub fn exprs<'e>(policies: &'e [Config], by: &[Expr]) -> Vec<&'e Expr> {
    let by_upstream = by.contains(&Expr::Ref(Ref::UpstreamName));
    policies.iter().filter(|policy| !(by_upstream && matches!(policy, Config::To(_)))).flat_map(Config::told).collect()
}

/// References of expressions that are one caller's own, and that a key does not hold. `flag_key` says what a flag goes by.
pub fn missing<'e>(exprs: &[&'e Expr], by: &[Expr], flag_key: impl Fn(u16) -> Option<&'e Expr>) -> Vec<&'e Ref> {
    let mut known: Vec<&Expr> = by.iter().collect();
    let mut nth = 0;
    while let Some(expr) = known.get(nth) {
        known.extend(inside(expr));
        nth += 1;
    }
    let mut found: Vec<&Ref> = Vec::new();
    for expr in exprs {
        unknown(expr, &known, &mut |reference| {
            let differs = match reference {
                Ref::Flag { index, .. } => flag_key(*index).is_some_and(|key| {
                    let mut any = false;
                    unknown(key, &known, &mut |of_key| any |= of_key.is_callers_own());
                    any
                }),
                other => other.is_callers_own(),
            };
            if differs && !found.contains(&reference) {
                found.push(reference);
            }
        });
    }
    found
}

/// Values that can be told from that of an expression; a question's answer does not tell what was asked.
fn inside(expr: &Expr) -> Vec<&Expr> {
    match expr {
        Expr::Text(pieces) => pieces
            .iter()
            .filter_map(|piece| match piece {
                Piece::Hole(hole, _) => Some(hole),
                Piece::Literal(_) => None,
            })
            .collect(),
        Expr::OrElse(value, _) => vec![value],
        Expr::Ref(_)
        | Expr::Const(_)
        | Expr::Secret(_)
        | Expr::Not(_)
        | Expr::Has(_)
        | Expr::Lower(_)
        | Expr::Matches(..)
        | Expr::And(_)
        | Expr::Or(_)
        | Expr::Compare(..)
        | Expr::In(..) => Vec::new(),
    }
}

/// Every reference of an expression that stands in no part of it that is known.
fn unknown<'e>(expr: &'e Expr, known: &[&Expr], each: &mut impl FnMut(&'e Ref)) {
    if known.contains(&expr) {
        return;
    }
    if let Expr::Ref(reference) = expr {
        each(reference);
    }
    expr.parts().into_iter().for_each(|part| unknown(part, known, each));
}
