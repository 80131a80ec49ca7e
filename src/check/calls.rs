//! What the calls of a route come to: how often each is made again, in what time, and how many one request can make.

use super::merge::fields;
use super::route::Routes;
use super::upstream::UpstreamFacts;
use crate::diag::{Code, Diagnostic, Span};
use crate::http::UpstreamIndex;
use crate::ir::Target;
use crate::lang::Node;
use crate::lang::checker::Checker;
use crate::policy::{Config, Effective};
use crate::upstream::check::Timeouts;
use crate::upstream::retry::{self, check::read, exceeds, is_idempotent};

/// Most calls that one request should make of the upstreams behind the gateway.
const CALLS_MAX: u32 = 10;

/// A `retry`, its clauses brought together, held against the timeouts beside it.
pub fn retry(node: &Node<'_>, timeouts: &Timeouts, checker: &mut Checker<'_>) -> Option<retry::Config> {
    let config = read(node, checker)?;
    exceeds(node, &config, timeouts, checker);
    Some(config)
}

/// How a route's calls to one upstream are made again.
struct Again<'a> {
    node: Node<'a>,
    config: retry::Config,
}

/// What is said of calls on all levels of a route.
pub struct Said<'s, 'a> {
    /// Statements of all levels, the gateway's first.
    pub levels: &'s [&'s [Effective<'a>]],
    /// What the groups and the route say of timeouts.
    pub timeouts: Timeouts,
    /// Statements in force.
    pub in_force: &'s [Effective<'a>],
    /// Where the route's methods stand.
    pub methods: Span,
}

impl<'a> Routes<'_, 'a> {
    /// How calls are made again where groups or the route say something other than the upstream.
    pub fn retries(
        &self,
        target: Option<Target>,
        policies: &[Config],
        said: &Said<'_, 'a>,
        checker: &mut Checker<'_>,
    ) -> Vec<(UpstreamIndex, retry::Config)> {
        let inner = said.levels.iter().skip(1).flat_map(|level| level.iter()).any(|statement| statement.node.form.word == "retry");
        let mut used = used(target, policies);
        let asked = used.len();
        used.sort_unstable();
        used.dedup();
        let again: Vec<(UpstreamIndex, Again<'a>)> = used
            .iter()
            .filter_map(|index| {
                let facts = self.upstreams.get(usize::from(index.0))?;
                again(facts, said, checker).map(|again| (*index, again))
            })
            .collect();
        if asked > 0 {
            never_again(&again, said, checker);
        }
        amplifies(target, policies, &again, said, checker);
        if inner { again.into_iter().map(|(index, again)| (index, again.config)).collect() } else { Vec::new() }
    }
}

/// Every upstream that a request may call, as often as it may.
pub fn used(target: Option<Target>, policies: &[Config]) -> Vec<UpstreamIndex> {
    let mut used: Vec<UpstreamIndex> = policies.iter().flat_map(Config::upstreams).collect();
    if let Some(Target::Upstream(index)) = target {
        used.push(index);
    }
    used
}

fn again<'a>(facts: &UpstreamFacts<'a>, said: &Said<'_, 'a>, checker: &mut Checker<'_>) -> Option<Again<'a>> {
    let node = retry_in_force(facts, said.levels)?;
    let config = retry(&node, &facts.timeouts.or(said.timeouts), checker)?;
    Some(Again { node, config })
}

/// What all levels together say of how a route's calls to an upstream are made again.
pub fn retry_in_force<'a>(facts: &UpstreamFacts<'a>, levels: &[&[Effective<'a>]]) -> Option<Node<'a>> {
    let (outer, inner) = levels.split_first()?;
    let of = |statements: &'_ [Effective<'a>]| -> Vec<Node<'a>> {
        statements.iter().map(|statement| &statement.node).filter(|node| node.form.word == "retry").cloned().collect()
    };
    let mut all = of(outer);
    all.extend(of(&facts.level.statements));
    all.extend(inner.iter().flat_map(|level| of(level)));
    fields(&all.iter().collect::<Vec<_>>())
}

/// A `retry` of the route's own that can repeat none of its requests.
fn never_again(again: &[(UpstreamIndex, Again<'_>)], said: &Said<'_, '_>, checker: &mut Checker<'_>) {
    let methods = &checker.facts.methods;
    if methods.is_empty() || methods.iter().any(|method| is_idempotent(method)) {
        return;
    }
    let own = said.levels.last().and_then(|level| level.iter().find(|statement| statement.node.form.word == "retry"));
    let Some(own) = own.filter(|_| again.iter().any(|(_, again)| again.config.methods.is_none() && !again.config.idempotency_key)) else {
        return;
    };
    let names = methods.iter().map(|method| format!("`{method}`")).collect::<Vec<_>>().join(" and ");
    checker.report.push(
        Diagnostic::new(Code::RetryUnsafeMethod, format!("a {names} that is made again may be carried out twice"))
            .at(own.node.span, "repeats nothing here")
            .also(said.methods, "not idempotent (RFC 9110 §9.2.2)")
            .help("leave `retry` out, or add `idempotency_key required`: only requests with an `Idempotency-Key` are then made again"),
    );
}

/// Attempts multiply with the upstreams that a request calls.
fn amplifies(
    target: Option<Target>,
    policies: &[Config],
    again: &[(UpstreamIndex, Again<'_>)],
    said: &Said<'_, '_>,
    checker: &mut Checker<'_>,
) {
    let attempts = |index: UpstreamIndex| again.iter().find(|(known, _)| *known == index).map_or(1, |(_, again)| again.config.attempts);
    let mut total: u32 = match target {
        Some(Target::Upstream(index)) => attempts(index),
        Some(Target::Policy) | None => 0,
    };
    for policy in policies {
        let asked = policy.upstreams().into_iter().map(attempts);
        // Of the upstreams that `to` names a request calls one.
        let calls: u32 = if matches!(policy, Config::To(_)) { asked.max().unwrap_or(0) } else { asked.sum() };
        total = total.saturating_add(calls);
    }
    let Some((_, most)) = again.iter().max_by_key(|(_, again)| again.config.attempts).filter(|_| total > CALLS_MAX) else { return };
    if most.config.attempts < 2 {
        return;
    }
    let clause = most.node.child("attempts").unwrap_or(&most.node);
    let mut found =
        Diagnostic::new(Code::RetryAmplifies, format!("one request to `{}` makes up to {total} upstream calls", checker.facts.route))
            .at(clause.span, format!("each call is made up to {} times", most.config.attempts));
    if let Some(aggregate) = said.in_force.iter().find(|statement| statement.node.form.word == "aggregate") {
        found = found.also(aggregate.node.span, format!("and there are {} of them", aggregate.node.children_of("part").count()));
    }
    checker.report.push(found.help(format!(
        "lower `attempts`{}: a service in trouble would get {total} calls for every request",
        if again.len() > 1 { ", or call fewer upstreams" } else { "" }
    )));
}
