//! `invariant`: what must hold for all routes, proved from what their requests have passed.

use super::declare::Bench;
use super::route::Spans;
use crate::diag::suggest::near;
use crate::diag::{Code, Diagnostic, Report, Span};
use crate::ir::Route;
use crate::lang::checker::{AttributeFact, Checker, Entrance, Moment, RouteFacts};
use crate::lang::expr::Expr as Condition;
use crate::lang::form::Declared;
use crate::lang::{Given, Node};
use crate::logic::{Facts, Model, Sample, TooComplex, implies, sample};
use crate::policy::auth;
use crate::route::{Pattern, relation};
use crate::syntax::ast::{Expr, ExprKind, Operator};
use crate::upstream::check::{params, pattern};

/// A route and where it stands.
type Placed = (Route, Spans);

/// Holds every invariant against the routes. Without `auths`, of which one is broken, nothing is proved of callers.
pub fn invariants<'a>(
    nodes: &[Node<'a>],
    routes: &[Placed],
    auths: Option<&[auth::Declared]>,
    entrances: &[Entrance],
    bench: &mut Bench<'_, 'a>,
) {
    for node in nodes.iter().filter(|node| node.form.word == "invariant" && !node.damaged) {
        let mut invariant = Invariant { node, routes, auths, entrances, bench };
        let Some(spoken_of) = invariant.spoken_of() else { continue };
        for expect in node.children_of("expect") {
            invariant.expectation(expect, &spoken_of);
        }
    }
}

struct Invariant<'i, 'b, 'a> {
    node: &'i Node<'a>,
    routes: &'i [Placed],
    auths: Option<&'i [auth::Declared]>,
    entrances: &'i [Entrance],
    bench: &'i mut Bench<'b, 'a>,
}

impl<'i> Invariant<'i, '_, '_> {
    /// The routes behind `for`.
    fn spoken_of(&mut self) -> Option<Vec<&'i Placed>> {
        let subject = self.node.child("for").filter(|subject| !subject.damaged)?;
        let public = subject.child("public").is_some();
        let prefix: Option<Pattern> = match subject.child("under").and_then(|under| under.get("path")) {
            None => None,
            Some(given) => Some(pattern(given, &mut self.bench.checker("invariant"))?),
        };
        let named: Option<Vec<String>> = subject.get("names").map(|given| self.names(items(given.expr)));
        let found: Vec<&Placed> = self
            .routes
            .iter()
            .filter(|(route, _)| !public || route.auth().is_some_and(auth::Config::is_public))
            .filter(|(route, _)| prefix.as_ref().is_none_or(|prefix| relation::lies_under(&route.key.pattern, prefix)))
            .filter(|(route, _)| named.as_ref().is_none_or(|named| named.contains(&route.name)))
            .collect();
        if let (true, false, Some(prefix)) = (found.is_empty(), public, &prefix) {
            self.bench.report.push(
                Diagnostic::new(Code::NameUnused, format!("the invariant {} says nothing", self.name()))
                    .at(subject.span, format!("no route lies under `{prefix}`"))
                    .help("correct the path, or remove the invariant"),
            );
        }
        Some(found)
    }

    /// The invariant's name in its quotes.
    fn name(&self) -> String {
        self.bench.sources.text(self.node.span_of("name")).to_owned()
    }

    /// The names of routes as written; those that no route has are reported.
    fn names(&mut self, written: Vec<&Expr>) -> Vec<String> {
        let mut names = Vec::new();
        for expr in written {
            let Some(word) = expr.as_word() else {
                self.bench.report.push(Diagnostic::new(Code::TypeMismatch, "the name of a route is expected").at(expr.span, "no name"));
                continue;
            };
            // A route that could not be read is declared all the same.
            let declared = self.bench.names.declaration(Declared::Route, self.node.scope, std::slice::from_ref(word)).is_some();
            if !declared && !self.bench.names.suspects.contains(&word.text) {
                let mut found =
                    Diagnostic::new(Code::NameUnknown, format!("no route is called `{}`", word.text)).at(expr.span, "not declared");
                if let Some(near) = near(&word.text, self.routes.iter().map(|(route, _)| route.name.as_str())) {
                    found = found.meant(expr.span, &word.text, near.word, near.alone);
                }
                self.bench.report.push(found);
            }
            names.push(word.text.clone());
        }
        names
    }

    fn expectation(&mut self, expect: &Node<'_>, spoken_of: &[&Placed]) {
        match expect.all("claim").as_slice() {
            [given] if route_list(given.expr).is_some() => {
                let listed = route_list(given.expr).unwrap_or_default();
                let names = self.names(listed);
                self.listed(expect, &names, spoken_of);
            }
            [word, given] if word.expr.as_word().is_some_and(|word| word.text == "implied") => self.implied(expect.span, *given, spoken_of),
            _ => self.bench.report.push(
                Diagnostic::new(Code::SchemaArity, "an invariant expects a list of routes or a condition")
                    .at(expect.span, "neither")
                    .help("write `expect route in [a, b]`, or `expect implied CONDITION`"),
            ),
        }
    }

    /// `expect route in [a, b]`
    fn listed(&mut self, expect: &Node<'_>, names: &[String], spoken_of: &[&Placed]) {
        for (route, spans) in spoken_of.iter().filter(|(route, _)| !names.contains(&route.name)) {
            let label = request(route, &Model::default()).map_or_else(String::new, |request| format!("e.g. {request}"));
            let found = self.violated(route).at(spans.name, label).also(expect.span, "only these are expected");
            self.bench.report.push(found.help(format!("change the route, or add `{}` to the list", route.name)));
        }
    }

    /// `expect implied CONDITION`
    fn implied(&mut self, expect: Span, given: Given<'_>, spoken_of: &[&Placed]) {
        let Some(auths) = self.auths else { return };
        let mut strangers: Vec<(&Placed, Report)> = Vec::new();
        let mut understood = false;
        for placed in spoken_of {
            let (route, spans) = placed;
            let attributes = route.auth().map_or_else(Vec::new, |config| auth::facts(config, auths).0);
            let (condition, found) = self.condition(given, route, &attributes);
            let Some(condition) = condition else {
                strangers.push((placed, found));
                continue;
            };
            understood = true;
            let identity = route.auth().map_or_else(Vec::new, |config| auth::identity(config, auths));
            let passed: Vec<&Condition> = route.conditions().into_iter().chain(&identity).collect();
            let known = Facts { key: Some(&route.key), attributes: &attributes, entrances: self.entrances };
            match implies(known, &passed, &condition) {
                Ok(None) => {}
                Ok(Some(model)) => self.refuted(route, spans.name, expect, &model),
                Err(TooComplex) => self.bench.report.push(
                    Diagnostic::new(
                        Code::AnalysisTooComplex,
                        format!("it cannot be decided whether the invariant {} holds for `{}`", self.name(), route.name),
                    )
                    .at(expect, "too complex")
                    .also(spans.name, "with what this route asks for")
                    .help("simplify the conditions: fewer `or`s inside `and`s, or shorter regular expressions"),
                ),
            }
        }
        for ((route, spans), report) in strangers {
            // What no route understands is a mistake of the invariant, what some do not is one of theirs.
            if !understood {
                self.bench.report.extend(report);
                return;
            }
            let why = report.into_sorted().into_iter().next().map(|found| found.message).unwrap_or_default();
            let example = request(route, &Model::default()).map_or_else(String::new, |request| format!(", e.g. for {request}"));
            let found = self.violated(route).at(spans.name, why).also(expect, format!("so this does not follow{example}"));
            self.bench.report.push(found.help("give the route the `auth` that the invariant speaks of, and require what it expects"));
        }
    }

    /// The condition as it is meant on a route, and what was found while it was read.
    fn condition(&self, given: Given<'_>, route: &Route, attributes: &[AttributeFact]) -> (Option<Condition>, Report) {
        let mut report = Report::new();
        let facts = RouteFacts {
            route: route.name.clone(),
            params: params(&route.key.pattern),
            attributes: attributes.to_vec(),
            identified: route.auth().is_some_and(|config| !config.is_public()),
            ..RouteFacts::default()
        };
        let mut checker = Checker { report: &mut report, names: &self.bench.names, facts };
        let condition = checker.condition(given, Moment::Authenticate).map(|typed| typed.expr);
        (condition, report)
    }

    fn refuted(&mut self, route: &Route, name: Span, expect: Span, model: &Model) {
        let example = request(route, model).map_or_else(|| model.to_string(), |request| request.to_string());
        let found = self.violated(route).at(name, format!("lets through e.g. {example}")).also(expect, "this does not hold for it");
        self.bench.report.push(found.help("add a `require` to the route or to a group around it, or correct the invariant"));
    }

    fn violated(&self, route: &Route) -> Diagnostic {
        Diagnostic::new(Code::InvariantViolated, format!("route `{}` breaks the invariant {}", route.name, self.name()))
    }
}

fn request(route: &Route, model: &Model) -> Option<Sample> {
    sample(&route.key, model)
}

fn items(expr: &Expr) -> Vec<&Expr> {
    match &expr.kind {
        ExprKind::List(items) => items.iter().collect(),
        _ => vec![expr],
    }
}

fn route_list(expr: &Expr) -> Option<Vec<&Expr>> {
    let ExprKind::Binary(left, Operator::In, right) = &expr.kind else { return None };
    let ExprKind::List(items) = &right.kind else { return None };
    left.as_word().filter(|word| word.text == "route").map(|_| items.iter().collect())
}
