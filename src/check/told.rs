//! What a stored response is made of: every expression behind the cache that the upstream, or the response itself, is told.

use crate::lang::expr::Expr;
use crate::policy::{Config, aggregate, issue, respond, shape, to};

/// Expressions that decide what is kept: which upstream is asked, what it is asked, and what the policy itself answers.
pub fn exprs(policies: &[Config]) -> Vec<&Expr> {
    let mut exprs: Vec<&Expr> = Vec::new();
    for policy in policies {
        match policy {
            Config::Shape(shape) => shaping(shape, &mut exprs),
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
        respond::Config::Health | respond::Config::Routes => None,
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
