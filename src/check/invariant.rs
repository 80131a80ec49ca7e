//! `invariant`: what must hold for all routes, proved from what their requests have passed.

use super::declare::Bench;
use super::route::Spans;
use super::under::{Order, Part};
use crate::diag::suggest::near;
use crate::diag::{Code, Diagnostic, Report, Span};
use crate::ir::Route;
use crate::lang::checker::{AttributeFact, Checker, Entrance, Moment, RouteFacts};
use crate::lang::expr::Expr as Condition;
use crate::lang::form::Declared;
use crate::lang::{Given, Node};
use crate::logic::{Facts, Model, TooComplex, implies, sample};
use crate::policy::auth;
use crate::route::{Pattern, Witness, relation};
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
    let order = Order::new(routes, entrances);
    for node in nodes.iter().filter(|node| node.form.word == "invariant" && !node.damaged) {
        let mut invariant = Invariant { node, routes, order: &order, auths, entrances, bench };
        let Some(spoken_of) = invariant.spoken_of() else { continue };
        for expect in node.children_of("expect") {
            invariant.expectation(expect, &spoken_of);
        }
    }
}

/// A route that an invariant speaks of.
struct Subject<'i> {
    order: &'i Order<'i>,
    /// Its place in that order.
    at: usize,
    route: &'i Route,
    spans: &'i Spans,
    /// Where it speaks of some of its requests only: which.
    part: Option<Under>,
}

/// The requests under a prefix.
#[derive(Clone)]
struct Under {
    prefix: Pattern,
    /// Where it is written.
    span: Span,
    /// One that the route takes.
    request: Witness,
}

struct Invariant<'i, 'b, 'a> {
    node: &'i Node<'a>,
    routes: &'i [Placed],
    order: &'i Order<'i>,
    auths: Option<&'i [auth::Declared]>,
    entrances: &'i [Entrance],
    bench: &'i mut Bench<'b, 'a>,
}

impl<'i> Invariant<'i, '_, '_> {
    /// The routes behind `for`.
    fn spoken_of(&mut self) -> Option<Vec<Subject<'i>>> {
        let subject = self.node.child("for").filter(|subject| !subject.damaged)?;
        let public = subject.child("public").is_some();
        let prefix: Option<(Pattern, Span)> = match subject.child("under").and_then(|under| under.get("path")) {
            None => None,
            Some(given) => Some((pattern(given, &mut self.bench.checker("invariant"))?, given.expr.span)),
        };
        let named: Option<Vec<String>> = subject.get("names").map(|given| self.names(items(given.expr)));
        let mut found = Vec::new();
        for (at, (route, spans)) in self.routes.iter().enumerate() {
            let meant = (!public || route.auth().is_some_and(auth::Config::is_public))
                && named.as_ref().is_none_or(|named| named.contains(&route.name));
            if !meant {
                continue;
            }
            let part = match prefix.as_ref().map(|(prefix, span)| (prefix, *span, self.order.part(at, prefix))) {
                None | Some((_, _, Part::Whole)) => None,
                Some((_, _, Part::Nothing)) => continue,
                Some((prefix, span, Part::Some(request))) => Some(Under { prefix: prefix.clone(), span, request }),
                Some((prefix, span, Part::Unknown)) => {
                    let message = format!("it cannot be decided whether `{}` takes requests under `{prefix}`", route.name);
                    self.bench.report.push(
                        Diagnostic::new(Code::AnalysisTooComplex, message)
                            .at(span, format!("so {} is not held against it", self.name()))
                            .also(spans.name, "too many routes go before it, or conditions of `match` are too complex")
                            .help("give what lies there a route of its own that takes all of it"),
                    );
                    continue;
                }
            };
            found.push(Subject { order: self.order, at, route, spans, part });
        }
        if let (true, false, Some((prefix, _))) = (found.is_empty(), public, &prefix) {
            self.bench.report.push(
                Diagnostic::new(Code::NameUnused, format!("the invariant {} says nothing", self.name()))
                    .at(subject.span, format!("no route takes a request under `{prefix}`"))
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
                let declared = self.routes.iter().map(|(route, spans)| (route.name.as_str(), spans.name));
                self.bench.names.missed_idle(expr.span, &word.text, declared);
                if let Some(near) = near(&word.text, self.routes.iter().map(|(route, _)| route.name.as_str())) {
                    found = found.maybe(near.word);
                } else {
                    found = found.help("only declared routes can be named: correct the name, or take it out");
                }
                self.bench.report.push(found);
            }
            names.push(word.text.clone());
        }
        names
    }

    fn expectation(&mut self, expect: &Node<'_>, spoken_of: &[Subject<'_>]) {
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
    fn listed(&mut self, expect: &Node<'_>, names: &[String], spoken_of: &[Subject<'_>]) {
        for subject in spoken_of.iter().filter(|subject| !names.contains(&subject.route.name)) {
            let label = subject.example().map_or_else(String::new, |request| format!("e.g. {request}"));
            let found = self
                .violated(subject)
                .at(subject.spans.name, label)
                .also(expect.span, format!("`{}` is not in this list", subject.route.name));
            let found = subject.told_apart(found);
            self.bench.report.push(found.help(format!("change the route, or add `{}` to the list", subject.route.name)));
        }
    }

    /// `expect implied CONDITION`
    fn implied(&mut self, expect: Span, given: Given<'_>, spoken_of: &[Subject<'_>]) {
        let Some(auths) = self.auths else { return };
        let mut strangers: Vec<(&Subject<'_>, Report)> = Vec::new();
        let mut understood = false;
        for subject in spoken_of {
            let route = subject.route;
            // Where no auth is in force, the one that is written was not understood, and that has been said.
            let Some(config) = route.auth() else { continue };
            let attributes = auth::facts(config, auths).0;
            let (condition, found) = self.condition(given, route, &attributes);
            let Some(condition) = condition else {
                strangers.push((subject, found));
                continue;
            };
            understood = true;
            let identity = auth::identity(config, auths);
            let passed: Vec<&Condition> = route.conditions().into_iter().chain(&identity).collect();
            let known = Facts { key: Some(&route.key), attributes: &attributes, entrances: self.entrances, ..Facts::default() };
            match subject.refutation(known, &passed, &condition) {
                Ok(None) => {}
                Ok(Some(model)) => self.refuted(subject, expect, &model),
                Err(TooComplex) => self.bench.report.push(
                    Diagnostic::new(
                        Code::AnalysisTooComplex,
                        format!("it cannot be decided whether the invariant {} holds for `{}`", self.name(), route.name),
                    )
                    .at(expect, "too complex")
                    .also(subject.spans.name, "with what this route asks for")
                    .help("simplify the conditions: fewer `or`s inside `and`s, or shorter regular expressions"),
                ),
            }
        }
        for (subject, report) in strangers {
            // What no route understands is a mistake of the invariant, what some do not is one of theirs.
            if !understood {
                self.bench.report.extend(report);
                return;
            }
            let why = report.into_sorted().into_iter().next().map(|found| found.message).unwrap_or_default();
            let example = subject.example().map_or_else(String::new, |request| format!(", e.g. for {request}"));
            let found = self.violated(subject).at(subject.spans.name, why).also(expect, format!("so this does not follow{example}"));
            let found = subject.told_apart(found);
            self.bench.report.push(found.help(match &subject.part {
                None => "give the route the `auth` that the invariant speaks of, and require what it expects".to_owned(),
                Some(Under { prefix, .. }) => {
                    format!("add a route that takes all of `{}` and asks for what the invariant expects", relation::below(prefix))
                }
            }));
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

    fn refuted(&mut self, subject: &Subject<'_>, expect: Span, model: &Model) {
        let example = sample(&subject.route.key, model).map_or_else(|| model.to_string(), |request| request.to_string());
        let name = subject.spans.name;
        let found = self.violated(subject).at(name, format!("lets through e.g. {example}")).also(expect, "this does not hold for it");
        let found = subject.told_apart(found);
        self.bench.report.push(found.help("add a `require` to the route or to a group around it, or correct the invariant"));
    }

    fn violated(&self, subject: &Subject<'_>) -> Diagnostic {
        Diagnostic::new(Code::InvariantViolated, format!("route `{}` breaks the invariant {}", subject.route.name, self.name()))
    }
}

impl Subject<'_> {
    /// A request that it takes and that the invariant speaks of.
    fn example(&self) -> Option<String> {
        match &self.part {
            Some(part) => Some(part.request.to_string()),
            None => sample(&self.route.key, &Model::default()).map(|request| request.to_string()),
        }
    }

    /// Says why a route is spoken of that does not lie under the prefix.
    fn told_apart(&self, found: Diagnostic) -> Diagnostic {
        match &self.part {
            Some(part) => found.also(part.span, format!("of what lies here, the route takes e.g. {}", part.request.path)),
            None => found,
        }
    }

    /// A request of it that passes and for which the condition does not hold.
    fn refutation(&self, facts: Facts<'_>, passed: &[&Condition], condition: &Condition) -> Result<Option<Model>, TooComplex> {
        let of_all = implies(facts, passed, condition);
        let (Some(part), false) = (&self.part, of_all == Ok(None)) else { return of_all };
        // Of what lies under the prefix, and is not taken by the routes before it.
        self.order.refutation(self.at, &part.prefix, facts, (passed, condition))
    }
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
