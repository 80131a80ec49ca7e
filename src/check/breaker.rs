//! Breakers held against what calls their upstreams: whether a hanging upstream is noticed, and whether enough is asked of it
//! for the breaker ever to open.

use super::calls;
use super::upstream::UpstreamFacts;
use crate::diag::{Code, Diagnostic, Report, Span};
use crate::http::UpstreamIndex;
use crate::ir::Route;
use crate::lang::Node;
use crate::lang::literal::written;
use crate::policy::limit::{Algorithm, Bound, Limit};
use crate::policy::{Config, Effective};
use crate::upstream::breaker::Opens;
use std::collections::BTreeMap;
use std::time::Duration;

/// How a route calls an upstream.
pub struct Called {
    upstream: UpstreamIndex,
    /// Most attempts for one request.
    attempts: u32,
    /// True when the route or its groups say how long a call may take.
    timed: bool,
    /// The limits that all its requests share, each with where it is written.
    limits: Vec<(Limit, Span)>,
}

/// What a route does with the upstreams it calls.
pub fn called(route: &Route, in_force: &[Effective<'_>], upstreams: &[UpstreamFacts<'_>]) -> Vec<Called> {
    let mut times: BTreeMap<UpstreamIndex, u32> = BTreeMap::new();
    for index in calls::used(Some(route.target), &route.policies) {
        *times.entry(index).or_default() += 1;
    }
    let of_all: Vec<(Limit, Span)> = route
        .policies
        .iter()
        .filter_map(limits)
        .flatten()
        .filter(|limit| for_all(limit))
        .filter_map(|limit| {
            let written = in_force.iter().find(|statement| {
                statement.node.form.word == "limit"
                    && statement.site == limit.site
                    && statement.node.word_in("name").is_some_and(|name| name.text == limit.name)
            })?;
            Some((limit.clone(), written.node.span))
        })
        .collect();
    times
        .into_iter()
        .map(|(upstream, times)| {
            let own = route.retries.iter().find(|(index, _)| *index == upstream).map(|(_, retry)| retry);
            let retry = own.or_else(|| upstreams.get(usize::from(upstream.0)).and_then(|facts| facts.config.retry.as_ref()));
            Called {
                upstream,
                attempts: times.saturating_mul(retry.map_or(1, |retry| retry.attempts)),
                timed: route.timeouts.iter().any(|(index, _)| *index == upstream),
                limits: of_all.clone(),
            }
        })
        .collect()
}

fn limits(config: &Config) -> Option<&[Limit]> {
    match config {
        Config::Limit(config) => Some(&config.limits),
        _ => None,
    }
}

/// True for a limit with one counter and one rate: it bounds what all callers together may ask.
fn for_all(limit: &Limit) -> bool {
    limit.key.is_empty() && limit.counting.is_none() && matches!(&limit.bound, Bound::Rate { arms, .. } if arms.is_empty())
}

/// Warns of breakers that do not do what they are there for.
pub fn breakers(upstreams: &[UpstreamFacts<'_>], called: &[Called], report: &mut Report) {
    for (index, facts) in (0_u16..).zip(upstreams) {
        let calls: Vec<&Called> = called.iter().filter(|call| call.upstream == UpstreamIndex(index)).collect();
        let nodes: Vec<&Node<'_>> =
            facts.level.statements.iter().map(|statement| &statement.node).filter(|node| node.form.word == "breaker").collect();
        let (Some(breaker), Some(node), false) = (&facts.config.breaker, nodes.last(), calls.is_empty()) else { continue };
        if !facts.timeouts.bounds_an_attempt() && calls.iter().any(|call| !call.timed) {
            report.push(without_timeout(node, facts));
        }
        if let Opens::Share { least, window, .. } = breaker.opens {
            let clause = nodes.iter().rev().find_map(|node| node.child("open_when"));
            report_unreachable(clause.map_or(node.span, |clause| clause.span), (least, window), &calls, report);
        }
    }
}

fn without_timeout(node: &Node<'_>, facts: &UpstreamFacts<'_>) -> Diagnostic {
    let default = written(facts.config.timeout.attempt);
    Diagnostic::new(
        Code::UpstreamBreakerWithoutTimeout,
        format!("the breaker of `{}` is slow to notice an upstream that hangs", facts.config.name),
    )
    .at(node.word, format!("without a `timeout` an attempt fails only after {default}"))
    .help("say how long an attempt may take, such as `timeout { attempt 2s; total 5s }`")
}

fn report_unreachable(at: Span, (least, window): (u32, Duration), calls: &[&Called], report: &mut Report) {
    // Routes under one limit share what it lets through.
    let mut shared: BTreeMap<(&str, &str), (u64, Span)> = BTreeMap::new();
    for call in calls {
        let tightest = call.limits.iter().map(|(limit, span)| (limit, most(limit, window).saturating_mul(u64::from(call.attempts)), *span));
        let Some((limit, most, span)) = tightest.min_by_key(|(_, most, _)| *most) else { return };
        let entry = shared.entry((&limit.site, &limit.name)).or_insert((most, span));
        entry.0 = entry.0.max(most);
    }
    let total = shared.values().map(|(most, _)| *most).fold(0, u64::saturating_add);
    if total >= u64::from(least) {
        return;
    }
    let mut found = Diagnostic::new(Code::UpstreamBreakerUnreachable, "this breaker never opens: too little is asked of the upstream")
        .at(at, format!("wants {least} attempts within {}", written(window)));
    for (most, span) in shared.values().take(3) {
        found = found.also(*span, format!("lets at most {most} of them through in that time"));
    }
    report.push(found.help(format!("write `of {}` or less, lengthen `window`, or use `open_after 5 failures`", total.max(1))));
}

/// Most requests that a limit lets through in a span of time, wherever the span begins.
fn most(limit: &Limit, window: Duration) -> u64 {
    let Bound::Rate { algorithm, flow, .. } = &limit.bound else { return u64::MAX };
    let period = flow.rate.per.length().as_millis().max(1);
    let within = |count: u64| u64::try_from(u128::from(count) * window.as_millis() / period).unwrap_or(u64::MAX);
    match algorithm {
        Algorithm::TokenBucket => flow.burst.saturating_add(within(flow.rate.count)),
        Algorithm::FixedWindow | Algorithm::SlidingWindow | Algorithm::SlidingLog => {
            let periods = u64::try_from(window.as_millis() / period).unwrap_or(u64::MAX).saturating_add(2);
            flow.rate.count.saturating_mul(periods)
        }
    }
}
