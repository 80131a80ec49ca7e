//! What a stored response is made of: every expression behind the cache that the upstream, or the response itself, is told.

use super::Config;
use crate::lang::expr::{Expr, Piece, Ref};

/// Expressions that decide what is kept: which upstream is asked, what it is asked, and what the policy itself answers.
/// A key that holds the upstream holds what it is chosen by.
pub fn exprs<'e>(policies: &'e [Config], by: &[Expr]) -> Vec<&'e Expr> {
    let by_upstream = by.contains(&Expr::Ref(Ref::UpstreamName));
    policies.iter().filter(|policy| !(by_upstream && matches!(policy, Config::To(_)))).flat_map(Config::told).collect()
}

/// References of expressions that tell callers apart, and that a key does not hold. `flag_key` says what a flag goes by.
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
                    unknown(key, &known, &mut |of_key| any |= names_caller(of_key));
                    any
                }),
                other => names_caller(other),
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
    match expr {
        Expr::Ref(reference) => each(reference),
        Expr::Const(_) | Expr::Secret(_) => {}
        Expr::Text(pieces) => {
            for piece in pieces {
                match piece {
                    Piece::Hole(hole, _) => unknown(hole, known, each),
                    Piece::Literal(_) => {}
                }
            }
        }
        Expr::Not(inner) | Expr::Has(inner) | Expr::Lower(inner) | Expr::Matches(inner, _) => unknown(inner, known, each),
        Expr::And(all) | Expr::Or(all) => all.iter().for_each(|inner| unknown(inner, known, each)),
        Expr::Compare(left, _, right) | Expr::In(left, right) | Expr::OrElse(left, right) => {
            unknown(left, known, each);
            unknown(right, known, each);
        }
    }
}

/// True for what is one caller's and not the next one's. The host is always part of the key.
fn names_caller(reference: &Ref) -> bool {
    match reference {
        Ref::Attribute(_) | Ref::ClientIp | Ref::ClientSubject | Ref::ClientName | Ref::Cookie(_) => true,
        Ref::Header(name) => *name != http::header::HOST,
        Ref::Flag { .. }
        | Ref::Method
        | Ref::Path
        | Ref::Host
        | Ref::Scheme
        | Ref::Id
        | Ref::Size
        | Ref::Listener
        | Ref::Query(_)
        | Ref::Body(_)
        | Ref::Param { .. }
        | Ref::UpstreamName
        | Ref::ResponseStatus
        | Ref::ResponseDuration
        | Ref::ResponseHeader(_) => false,
    }
}
