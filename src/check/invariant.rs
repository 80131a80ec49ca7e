//! `invariant`: what must hold for all routes.

use super::declare::Bench;
use super::route::Spans;
use crate::diag::{Code, Diagnostic};
use crate::ir::Route;
use crate::lang::form::Declared;
use crate::lang::{Given, Node};
use crate::route::Pattern;
use crate::syntax::ast::{Expr, ExprKind, Operator};
use crate::upstream::check::pattern;

/// Holds every invariant against the routes.
pub fn invariants<'a>(nodes: &[Node<'a>], routes: &[(Route, Spans)], bench: &mut Bench<'_, 'a>) {
    for node in nodes.iter().filter(|node| node.form.word == "invariant") {
        invariant(node, routes, bench);
    }
}

fn invariant<'a>(node: &Node<'a>, routes: &[(Route, Spans)], bench: &mut Bench<'_, 'a>) {
    let Some(subject) = node.child("for").filter(|subject| !subject.damaged) else { return };
    let public = subject.child("public").is_some();
    let under = match subject.child("under").and_then(|under| under.get("path")) {
        None => None,
        Some(given) => match pattern(given, &mut bench.checker("invariant")) {
            Some(pattern) => Some(pattern),
            None => return,
        },
    };
    let spoken_of: Vec<&(Route, Spans)> = routes
        .iter()
        .filter(|(route, _)| !public || route.auth().is_some_and(crate::policy::auth::Config::is_public))
        .filter(|(route, _)| under.as_ref().is_none_or(|prefix| is_under(&route.key.pattern, prefix)))
        .collect();
    for expect in node.children_of("expect") {
        expectation(node, expect, &spoken_of, routes, bench);
    }
}

/// `expect route in [a, b]`
fn expectation<'a>(
    node: &Node<'a>,
    expect: &Node<'a>,
    spoken_of: &[&(Route, Spans)],
    routes: &[(Route, Spans)],
    bench: &mut Bench<'_, 'a>,
) {
    let claim = expect.all("claim");
    let Some(listed) = claim.first().filter(|_| claim.len() == 1).and_then(|given| route_list(*given)) else {
        bench.report.push(
            Diagnostic::new(Code::SchemaNotAvailable, "this expectation is not available yet")
                .at(expect.span, "cannot be proved by this release")
                .help("this release proves `expect route in [names]`"),
        );
        return;
    };
    for name in &listed {
        // A route that could not be read is declared all the same.
        let known = name.as_word().is_some_and(|word| {
            let declared = bench.names.declaration(Declared::Route, node.scope, std::slice::from_ref(word)).is_some();
            declared || bench.names.suspects.contains(&word.text)
        });
        if !known {
            let written = name.as_word().map_or("?", |word| word.text.as_str());
            let mut found = Diagnostic::new(Code::NameUnknown, format!("no route is called `{written}`")).at(name.span, "not declared");
            if let Some(near) = crate::diag::suggest::near(written, routes.iter().map(|(route, _)| route.name.as_str())) {
                found = found.meant(name.span, written, near.word, near.alone);
            }
            bench.report.push(found);
        }
    }
    for (route, spans) in spoken_of {
        if listed.iter().any(|name| name.as_word().is_some_and(|word| word.text == route.name)) {
            continue;
        }
        let example = crate::route::relation::overlap(&route.key, &route.key).map_or_else(String::new, |witness| format!("e.g. {witness}"));
        bench.report.push(
            Diagnostic::new(
                Code::InvariantViolated,
                format!("route `{}` breaks the invariant {}", route.name, bench.sources.text(node.span_of("name"))),
            )
            .at(spans.name, example)
            .also(expect.span, "only these are expected")
            .help(format!("change the route, or add `{}` to the list", route.name)),
        );
    }
}

fn route_list(given: Given<'_>) -> Option<Vec<&Expr>> {
    let ExprKind::Binary(left, Operator::In, right) = &given.expr.kind else { return None };
    let ExprKind::List(items) = &right.kind else { return None };
    left.as_word().filter(|word| word.text == "route").map(|_| items.iter().collect())
}

/// True when every path of the pattern begins with the prefix's segments.
fn is_under(pattern: &Pattern, prefix: &Pattern) -> bool {
    let (inner, outer) = (pattern.segments(), prefix.segments());
    inner.len() >= outer.len() && inner.iter().zip(outer).all(|(inner, outer)| inner == outer)
}
