//! The order of routes, and what is wrong with it.

use super::predicate::Conditions;
use super::route::Spans;
use crate::diag::{Code, Diagnostic, Edit, Report};
use crate::ir::Route;
use crate::lang::checker::Entrance;
use crate::lang::expr::{Expr, Ref};
use crate::policy::auth;
use crate::route::{Analysis, Finding, RouteKey, Witness, analyse_with, relation};

/// The routes in the order they are tried; what overlaps without an order is reported.
pub fn order(routes: Vec<(Route, Spans)>, entrances: &[Entrance], report: &mut Report) -> Vec<(Route, Spans)> {
    let keys: Vec<RouteKey> = routes.iter().map(|(route, _)| route.key.clone()).collect();
    let conditions = Conditions::new(&routes, &keys, entrances);
    let Analysis { order, findings } = analyse_with(&keys, &conditions);
    for finding in &findings {
        if let Some(found) = diagnostic(finding, &routes, &conditions) {
            report.push(found);
        }
    }
    let mut routes: Vec<Option<(Route, Spans)>> = routes.into_iter().map(Some).collect();
    order.into_iter().filter_map(|at| routes.get_mut(at).and_then(Option::take)).collect()
}

/// What tells two routes apart: their patterns where those cross, else their conditions where both have one.
fn ambiguous_help(one: &RouteKey, other: &RouteKey, both: Option<&Witness>) -> String {
    let Some(path) = both.map(|witness| &witness.path) else {
        return "narrow one pattern or one `match`, or give one route a `priority`".to_owned();
    };
    if relation::paths_cross(one, other) {
        format!("narrow one pattern (`{{id:int}}` makes them disjoint from words), add a route for {path}, or give one a `priority`")
    } else if !one.predicate.is_always() && !other.predicate.is_always() {
        "narrow one `match` until both cannot hold for one request, or give one route a `priority`".to_owned()
    } else {
        format!("add a route for {path} that takes what both match, or give one a `priority`")
    }
}

/// What was asked of routes.
fn question(which: &[usize], name: impl Fn(usize) -> Option<String>) -> String {
    let names: Vec<String> = which.iter().filter_map(|at| name(*at)).map(|name| format!("`{name}`")).collect();
    match names.as_slice() {
        [one] => format!("whether any request reaches {one}"),
        several => format!("whether {} conflict", several.join(" and ")),
    }
}

fn diagnostic(finding: &Finding, routes: &[(Route, Spans)], conditions: &Conditions<'_>) -> Option<Diagnostic> {
    let name = |at: usize| routes.get(at).map(|(route, _)| route.name.clone());
    let path = |at: usize| routes.get(at).map(|(_, spans)| spans.path);
    let takes = |at: usize, path: &str| routes.get(at).is_some_and(|(route, _)| route.key.pattern.matches(path));
    Some(match finding {
        Finding::Ambiguous { a, b, witness_a_only, witness_b_only, witness_both } => {
            let alone = |witness: &Option<Witness>, one: usize, other: usize| {
                let (witness, key) = (witness.clone()?, &routes.get(other)?.0.key);
                let shared = key.methods.contains(&witness.method)
                    && key.pattern.matches(&witness.path)
                    && witness.host.as_ref().is_none_or(|host| key.matches_host(host));
                let fail: Vec<usize> = shared.then_some(other).into_iter().collect();
                conditions.told(witness, &[one], &fail, |path| takes(one, path) && (!shared || takes(other, path)))
            };
            let also =
                |witness: Option<Witness>| witness.map_or_else(|| "overlaps".to_owned(), |witness| format!("also matches e.g. {witness}"));
            let witness_both = &witness_both
                .clone()
                .and_then(|witness| conditions.told(witness, &[*a, *b], &[], |path| takes(*a, path) && takes(*b, path)));
            let both = witness_both.as_ref().map_or_else(|| "some requests".to_owned(), ToString::to_string);
            Diagnostic::new(
                Code::RouteAmbiguous,
                format!("`{}` and `{}` both match {both} and neither is more specific", name(*a)?, name(*b)?),
            )
            .at(path(*a)?, also(alone(witness_a_only, *a, *b)))
            .also(path(*b)?, also(alone(witness_b_only, *b, *a)))
            .help(ambiguous_help(&routes.get(*a)?.0.key, &routes.get(*b)?.0.key, witness_both.as_ref()))
        }
        Finding::Duplicate { first, second } => {
            Diagnostic::new(Code::RouteDuplicate, format!("`{}` and `{}` match the same requests", name(*first)?, name(*second)?))
                .at(path(*second)?, "the same again")
                .also(path(*first)?, "first here")
                .help("remove one, or tell them apart by method, host, path or `match`")
        }
        Finding::Unreachable { route, by } => {
            let takers: Vec<String> = by.iter().filter_map(|at| name(*at)).map(|name| format!("`{name}`")).collect();
            let mut found = Diagnostic::new(Code::RouteUnreachable, format!("no request reaches `{}`", name(*route)?))
                .at(path(*route)?, format!("all of it is taken by {}", takers.join(" and ")));
            for at in by.iter().take(3) {
                found = found.also(path(*at)?, "goes before it");
            }
            found.help("remove it, or change the priorities")
        }
        Finding::TrailingSlash { without: first, with: second } => Diagnostic::new(
            Code::RouteTrailingSlash,
            format!("`{}` and `{}` differ by a trailing slash only", name(*first)?, name(*second)?),
        )
        .at(path(*second)?, "with a slash at the end")
        .also(path(*first)?, "without a slash at the end")
        .help("a trailing slash is significant: keep both only when they really answer differently"),
        Finding::CaseTwin { first, second } => Diagnostic::new(
            Code::RouteCaseTwin,
            format!("`{}` and `{}` differ by upper and lower case only", name(*first)?, name(*second)?),
        )
        .at(path(*second)?, "differs in its letters' case")
        .also(path(*first)?, "the other path")
        .help("paths are case-sensitive: keep both only when they really answer differently"),
        Finding::PriorityRedundant { route } => {
            let at = routes.get(*route).and_then(|(_, spans)| spans.priority);
            let found = Diagnostic::new(Code::RoutePriorityRedundant, format!("the priority of `{}` changes nothing", name(*route)?))
                .at(at.or_else(|| path(*route))?, "the same route would win without it")
                .help("remove `priority`");
            match at {
                Some(span) => found.fix("remove `priority`", vec![Edit { span, text: String::new() }]),
                None => found,
            }
        }
        Finding::TooComplex { routes: which } => {
            let message = format!("{} could not be decided", question(which, name));
            let found = which
                .iter()
                .take(3)
                .try_fold(Diagnostic::new(Code::AnalysisTooComplex, message), |found, at| Some(found.at(path(*at)?, "too complex")))?;
            found.help("simplify the patterns or the `match` conditions, or give one route a `priority`")
        }
        Finding::TooMany { such_as, more } => {
            let message = match (such_as.as_slice(), more) {
                ([], _) => "too many routes overlap to compare them all: some conflicts may go unseen".to_owned(),
                (one, 0) => format!("too many routes overlap to compare them all: {} was left open", question(one, name)),
                (one, more) => {
                    format!(
                        "too many routes overlap to compare them all: {} was left open, and {more} more such questions",
                        question(one, name)
                    )
                }
            };
            let found = such_as
                .iter()
                .take(3)
                .try_fold(Diagnostic::new(Code::AnalysisTooComplex, message), |found, at| Some(found.at(path(*at)?, "not compared")))?;
            found.help("tell routes apart by method, host or path, or by `==` or `in` on one and the same header: those are not compared")
        }
    })
}

/// Where an auth looks for its credentials.
pub fn credentials(declared: &auth::Declared) -> Vec<Ref> {
    let reference = |carrier: &auth::Carrier| match carrier {
        auth::Carrier::Header(name) => Ref::Header(name.clone()),
        auth::Carrier::Cookie(name) => Ref::Cookie(name.clone()),
        auth::Carrier::Query(name) => Ref::Query(name.clone()),
    };
    declared.from().iter().map(reference).collect()
}

/// True when an expression asks for what carries credentials: of HTTP itself, or of an `auth` of the policy.
pub fn names_credential(expr: &Expr, credentials: &[Ref]) -> bool {
    expr.mentions(|reference| match reference {
        Ref::Header(name) if matches!(name.as_str(), "authorization" | "proxy-authorization") => true,
        other => credentials.contains(other),
    })
}
