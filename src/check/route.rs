//! Routes: the groups around them, the statements in force on each, and what they mean together.

use super::access::{overrides, public_with_require, uncovered};
use super::declare::{Bench, declared_name};
use super::explain::{self, Explained};
use super::gateway;
use super::key::{empty, hosts, matches, param_names, predicate, prefixed, shape};
use super::merge::merged;
use super::together::{self, Shadows};
use super::upstream::UpstreamFacts;
use super::uses::{self, Level};
use super::written::Interned;
use super::{asked, breaker, cache, calls};
use crate::diag::{Code, Diagnostic, Span};
use crate::http::UpstreamIndex;
use crate::ir::{self, Gateway, Target};
use crate::lang::checker::{Checker, Entrance};
use crate::lang::expr::{Expr, Ref};
use crate::lang::form::{Declared, Place};
use crate::lang::read::Mode;
use crate::lang::{Given, Node};
use crate::policy::{self, Config, Effective, auth};
use crate::route::{HostPattern, Pattern, RouteKey};
use crate::upstream::{check as upstream_check, timeout};
use std::rc::Rc;
use std::sync::Arc;

/// Where a route's parts stand.
#[derive(Debug, Clone, Copy)]
pub struct Spans {
    /// Its name.
    pub name: Span,
    /// Its path.
    pub path: Span,
    /// Its `priority`, if it is written.
    pub priority: Option<Span>,
}

/// All routes while they are read.
pub struct Routes<'r, 'a> {
    /// The declarations of auths, in their order.
    pub auth_nodes: Vec<&'r Node<'a>>,
    /// The declarations of hooks, in their order, with what was read of them.
    pub hooks: Vec<(&'r Node<'a>, Option<&'r ir::operate::Hook>)>,
    /// Declared auths; none when one of them is broken.
    pub auths: Option<&'r [auth::Declared]>,
    /// What `issue` knows of them.
    pub auth_facts: Arc<[crate::lang::checker::AuthFact]>,
    /// Upstreams.
    pub upstreams: &'r [UpstreamFacts<'a>],
    /// The gateway.
    pub gateway: &'r Gateway,
    /// Where requests come in.
    pub entrances: Arc<[Entrance]>,
    /// Where callers' credentials stand.
    pub credentials: Vec<Ref>,
    /// The route to be explained.
    pub explain: Option<&'r str>,
    /// How they call the upstreams.
    pub called: Vec<breaker::Called>,
    /// Where `drain` is written, if it is.
    pub drain_at: Option<Span>,
    /// Limits that are never reached.
    pub shadows: Shadows,
    /// What was read.
    pub found: Vec<(ir::Route, Spans)>,
    /// The statements in force on each route, as written.
    pub written: Interned,
    /// The explanation.
    pub explained: Option<Explained>,
}

/// What the groups around a route say.
#[derive(Clone, Default)]
struct Around<'a> {
    levels: Vec<Rc<Level<'a>>>,
    hosts: Option<Vec<HostPattern>>,
    prefix: Option<Pattern>,
    matches: Vec<Given<'a>>,
    groups: Vec<String>,
    damaged: bool,
}

impl<'a> Routes<'_, 'a> {
    /// Reads the routes of a file.
    pub fn all(&mut self, nodes: &[Node<'a>], gateway: Level<'a>, bench: &mut Bench<'_, 'a>) {
        let around = Around { damaged: gateway.damaged, levels: vec![Rc::new(gateway)], ..Around::default() };
        self.inside(nodes, &around, bench);
    }

    fn inside(&mut self, nodes: &[Node<'a>], around: &Around<'a>, bench: &mut Bench<'_, 'a>) {
        for node in nodes {
            match node.form.word {
                "group" => self.group(node, around, bench),
                "route" => self.route(node, around, bench),
                _ => {}
            }
        }
    }

    fn group(&mut self, node: &Node<'a>, around: &Around<'a>, bench: &mut Bench<'_, 'a>) {
        let name = node.word_in("name").map_or_else(|| "?".to_owned(), |name| name.text.clone());
        let mut inner = around.clone();
        inner.groups.push(name);
        let mut checker = bench.checker("group");
        if let Some(given) = node.child("host").and_then(|host| host.get("hosts")) {
            inner.hosts = Some(hosts(given, &mut checker));
        }
        if let Some(given) = node.get("prefix")
            && let Some(pattern) = upstream_check::pattern(given, &mut checker)
        {
            inner.prefix = Some(match &around.prefix {
                None => pattern,
                Some(outer) => prefixed(&pattern, outer, given.expr.span, &mut checker).unwrap_or(pattern),
            });
        }
        inner.matches.extend(matches(node));
        let level = bench.level(&node.statements, &format!("group {}", inner.groups.join(".")), Place::Group);
        inner.damaged |= node.damaged || level.damaged;
        inner.levels.push(Rc::new(level));
        self.inside(&node.statements, &inner, bench);
    }

    fn route(&mut self, node: &Node<'a>, around: &Around<'a>, bench: &mut Bench<'_, 'a>) {
        let Some(name) = declared_name(node) else { return };
        let level = Rc::new(bench.level(&node.statements, &format!("route {}", name.text), Place::Route));
        let damaged = around.damaged || node.damaged || level.damaged;
        let mut levels = around.levels.clone();
        levels.push(level);
        let sources = bench.sources;
        let place = sources.place(name.span);
        let mut checker = bench.checker(&name.text);
        let Some((methods, pattern)) = shape(node, around.prefix.as_ref(), &mut checker) else { return };
        checker.facts.params = upstream_check::params(&pattern);
        checker.facts.path = node.get("path").map(|path| path.expr.span);
        checker.facts.param_names = node.get("path").map_or_else(Vec::new, |path| param_names(path.expr));
        checker.facts.methods = methods.names().map(str::to_owned).collect();
        checker.facts.auths = self.auth_facts.clone();
        checker.facts.entrances = self.entrances.clone();

        let statements: Vec<&[Effective<'a>]> = levels.iter().map(|level| level.statements.as_slice()).collect();
        let mut in_force: Vec<Effective<'a>> = Vec::new();
        let mut policies = Vec::new();
        self.access(node, damaged, &statements, &mut checker, &mut policies, &mut in_force);
        let conditions: Vec<Given<'a>> = around.matches.iter().copied().chain(matches(node)).collect();
        let predicate = predicate(&conditions, &self.credentials, &pattern, &mut checker);
        let written = node.statements.iter().find(|inner| inner.form.word == "priority");
        let priority = written.and_then(|inner| inner.get("number")).and_then(|given| checker.int(given, 0..=1_000_000)).unwrap_or(0);
        let (predicate, atoms) = predicate.unzip();
        let key = Arc::new(RouteKey {
            hosts: around.hosts.clone().unwrap_or_default(),
            methods,
            pattern,
            predicate: atoms.unwrap_or_default(),
            priority: i64::try_from(priority).unwrap_or(0),
        });
        checker.facts.key = Some(key.clone());
        checker.facts.given = predicate.iter().cloned().collect();
        empty(&conditions, &mut checker);
        for entry in policy::ALL.iter().filter(|entry| entry.name != "auth") {
            let relevant = entry
                .words
                .iter()
                .any(|word| statements.iter().any(|level| level.iter().any(|statement| statement.node.form.word == word.form.word)));
            if !relevant {
                continue;
            }
            let effective = merged(&statements, entry.words, checker.report);
            if effective.is_empty() {
                continue;
            }
            if entry.name == "to" {
                checker.facts.given.extend(required(&policies));
            }
            if let Some(config) = (entry.check)(&effective, &mut checker) {
                policies.push(config);
            }
            in_force.extend(effective);
        }
        together::unsendable(&policies, &in_force, &conditions, self.auths, checker.report);
        self.shadows.look(&policies, &in_force);
        let target = target(node, damaged, &in_force, &mut checker);
        let parts = cache::Parts { in_force: &in_force, policies: &policies, auths: self.auths, credentials: &self.credentials };
        cache::cache(&parts, node.span_of("methods"), sources, &mut checker);
        let inner = inner_timeouts(&statements, &mut checker);
        let timeouts = self.timeouts(target, &policies, inner, &mut checker);
        let said = calls::Said { levels: &statements, timeouts: inner, in_force: &in_force, methods: node.span_of("methods") };
        let retries = self.retries(target, &policies, &said, &mut checker);
        let log = gateway::log_of_route(&statements, self.auths, &mut checker).unwrap_or_else(|| self.gateway.log.clone());
        checker.facts.key = None;
        let asked = asked::on(&uses::hooks(&levels), &self.hooks);
        let route = ir::Route {
            name: name.text.clone(),
            doc: (!node.docs.is_empty()).then(|| Checker::doc(node)),
            groups: around.groups.clone(),
            key: Arc::unwrap_or_clone(key),
            predicate,
            target: target.unwrap_or(Target::Policy),
            policies,
            timeouts,
            retries,
            hooks: asked.iter().map(|asked| asked.index).collect(),
            reads_body: checker.facts.reads_body,
            log,
            place,
        };
        if self.explain == Some(route.name.as_str()) {
            let context = explain::Context {
                in_force: &in_force,
                levels: &statements,
                hooks: &asked,
                upstreams: self.upstreams,
                auths: &self.auth_nodes,
                timeouts: inner,
                sources: bench.sources,
            };
            self.explained = Some(explain::explain(&route, &context));
        }
        self.called.extend(breaker::called(&route, &in_force, self.upstreams));
        self.written.route(&route.name, &in_force, &statements, &asked, bench);
        self.found.push((route, Spans { name: name.span, path: node.span_of("path"), priority: written.map(|node| node.span) }));
    }

    /// `auth` and `public`: who is let in, whether that is looser than the groups around, and what is known of the caller.
    fn access(
        &self,
        node: &Node<'a>,
        damaged: bool,
        levels: &[&[Effective<'a>]],
        checker: &mut Checker<'_>,
        policies: &mut Vec<Config>,
        in_force: &mut Vec<Effective<'a>>,
    ) {
        let Some(entry) = policy::ALL.iter().find(|entry| entry.name == "auth") else { return };
        let written: Vec<&Effective<'a>> = levels
            .iter()
            .flat_map(|level| level.iter())
            .filter(|statement| matches!(statement.node.form.word, "auth" | "public"))
            .collect();
        let contrary = overrides(&written, levels, checker);
        let Some(last) = written.last() else {
            if !damaged {
                uncovered(node, checker);
            }
            // Who calls is not known here; that has been said, and need not be said of every claim.
            checker.facts.uncertain = true;
            return;
        };
        if last.node.form.word == "public" && last.node.mode == Mode::Override {
            checker.facts.uncertain = public_with_require(last, levels, checker.report);
        }
        checker.facts.uncertain |= contrary;
        let Some(config) = (entry.check)(&[(*last).clone()], checker) else {
            checker.facts.uncertain = true;
            return;
        };
        in_force.push((*last).clone());
        if let Config::Auth(config) = &config {
            match self.auths {
                Some(auths) => {
                    let (attributes, identified) = auth::facts(config, auths);
                    checker.facts.attributes = attributes;
                    checker.facts.identified = identified;
                    if let Some(clash) = auth::clash(config, auths) {
                        checker.report.push(
                            Diagnostic::new(
                                Code::TypeMismatch,
                                format!("`{}` is `{}` for one auth and `{}` for the other", clash.attribute, clash.first.1, clash.second.1),
                            )
                            .at(last.node.span, "the same name with two types")
                            .help("declare it with one type in both, or under two names"),
                        );
                    }
                }
                None => checker.facts.uncertain = true,
            }
        }
        policies.push(config);
    }

    fn timeouts(
        &self,
        target: Option<Target>,
        policies: &[Config],
        inner: upstream_check::Timeouts,
        checker: &mut Checker<'_>,
    ) -> Vec<(UpstreamIndex, timeout::Config)> {
        if inner.is_empty() {
            return Vec::new();
        }
        together::past_drain(inner.total(), self.gateway.drain, self.drain_at, checker.report);
        let mut used = calls::used(target, policies);
        used.sort_unstable();
        used.dedup();
        used.into_iter()
            .filter_map(|index| self.upstreams.get(usize::from(index.0)).map(|facts| (index, facts.timeouts.or(inner).complete(checker))))
            .collect()
    }
}

/// What holds of every request that gets past `authorize`.
fn required(policies: &[Config]) -> impl Iterator<Item = Expr> {
    let rules = policies.iter().filter_map(|policy| match policy {
        Config::Access(config) => Some(config.access.iter().chain(&config.authorize)),
        _ => None,
    });
    rules.flatten().map(|rule| rule.holds.clone())
}

/// What groups and the route say; the gateway's own timeouts are part of each upstream's already.
fn inner_timeouts(levels: &[&[Effective<'_>]], checker: &mut Checker<'_>) -> upstream_check::Timeouts {
    let written = levels.iter().skip(1).flat_map(|level| level.iter()).filter(|statement| statement.node.form.word == "timeout");
    written.fold(upstream_check::Timeouts::default(), |outer, statement| outer.or(upstream_check::Timeouts::read(&statement.node, checker)))
}

/// What answers: exactly one of an upstream behind `->` and a policy that answers itself.
fn target(node: &Node<'_>, damaged: bool, in_force: &[Effective<'_>], checker: &mut Checker<'_>) -> Option<Target> {
    let arrow = node.get("upstream");
    let answering: Vec<&Effective<'_>> = in_force.iter().filter(|statement| policy::answers(statement.node.form.word)).collect();
    let index = arrow.map(|given| checker.declared(given, Declared::Upstream));
    let own: Vec<&&Effective<'_>> =
        answering.iter().filter(|statement| node.statements.iter().any(|inner| inner.span == statement.node.span)).collect();
    let two = match (arrow, answering.as_slice()) {
        (Some(given), [_, ..]) => own.first().map(|statement| (statement.node.span, given.expr.span)),
        (None, [first, second, ..]) => Some((second.node.span, first.node.span)),
        _ => None,
    };
    if let Some((second, first)) = two {
        checker.report.push(
            Diagnostic::new(Code::RouteTwoTargets, format!("route `{}` has two targets", checker.facts.route))
                .at(second, "answers as well")
                .also(first, "already answers")
                .help("keep one of them"),
        );
        return None;
    }
    if let Some(index) = index {
        return u16::try_from(index?).ok().map(|index| Target::Upstream(UpstreamIndex(index)));
    }
    if answering.is_empty() {
        if !damaged {
            let name = declared_name(node).map_or(node.span, |name| name.span);
            checker.report.push(
                Diagnostic::new(Code::RouteNoTarget, format!("route `{}` does not say what answers", checker.facts.route))
                    .at(name, "no target")
                    .help("add `-> upstream`, or `respond`, `redirect`, `issue` or `aggregate` in its block"),
            );
        }
        return None;
    }
    Some(Target::Policy)
}
