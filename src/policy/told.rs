//! What a stored response is made of: every expression behind the cache that the upstream, or the response itself, is told.

use super::{Config, aggregate, issue, respond, shape, to};
use crate::lang::expr::{Expr, Piece, Ref};

/// Expressions that decide what is kept: which upstream is asked, what it is asked, and what the policy itself answers.
/// A key that holds the upstream holds what it is chosen by.
pub fn exprs<'e>(policies: &'e [Config], by: &[Expr]) -> Vec<&'e Expr> {
    let mut exprs: Vec<&Expr> = Vec::new();
    let by_upstream = by.contains(&Expr::Ref(Ref::UpstreamName));
    for policy in policies {
        match policy {
            Config::Shape(shape) => shaping(shape, &mut exprs),
            Config::To(_) if by_upstream => {}
            Config::To(to) => choosing(to, &mut exprs),
            Config::Aggregate(aggregate::Config { parts }) => {
                exprs.extend(parts.iter().flat_map(|part| part.body.iter().chain([&part.target])));
            }
            Config::Respond(respond) => exprs.extend(answering(respond)),
            Config::Issue(issue::Config { auth: _, ttl: _, claims }) => exprs.extend(claims.iter().map(|(_, value)| value)),
            // These run before the cache, and refuse or let pass; the key is the cache's own.
            Config::Access(_)
            | Config::Maintenance(_)
            | Config::Limit(_)
            | Config::Auth(_)
            | Config::Body(_)
            | Config::Cache(_)
            // Preflights are never kept, and these change each response on its way out.
            | Config::Cors(_)
            | Config::Error(_)
            | Config::Deprecated(_)
            | Config::SecurityHeaders(_)
            | Config::Compress(_)
            // What a mirror answers goes nowhere, and what stands in for the target is not kept.
            | Config::Mirror(_)
            | Config::Fallback(_) => {}
        }
    }
    exprs
}

fn answering(respond: &respond::Config) -> Option<&Expr> {
    match respond {
        respond::Config::Body { status: _, format: _, body } => Some(body),
        respond::Config::Redirect { status: _, location, keeps_query: _ } => Some(location),
        respond::Config::Health | respond::Config::Routes | respond::Config::Openapi => None,
    }
}

fn shaping<'e>(shape: &'e shape::Config, exprs: &mut Vec<&'e Expr>) {
    let lines = [&shape.request, &shape.query];
    let choices = lines.into_iter().flat_map(|lines| lines.set.iter().chain(&lines.add)).flat_map(|set| &set.choices);
    for choice in choices {
        exprs.push(&choice.value);
        exprs.extend(&choice.when);
    }
    exprs.extend(shape.request_body.iter().flat_map(|body| &body.set).map(|(_, value)| value));
    match &shape.path {
        shape::Path::Prefix { add, .. } => exprs.extend(add),
        shape::Path::Rewrite(path) => exprs.push(path),
        shape::Path::Keep => {}
    }
}

fn choosing<'e>(to: &'e to::Config, exprs: &mut Vec<&'e Expr>) {
    exprs.extend(to.arms.iter().map(|arm| &arm.when));
    if let Some(to::Choice::Split { sticky: Some(key), .. }) = &to.otherwise {
        exprs.push(key);
    }
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
