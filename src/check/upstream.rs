//! `upstream NAME { }`: its statements, the gateway's and those of its policies brought together.

use super::calls;
use super::declare::{Bench, FileNodes, declared_name};
use super::merge::fields;
use super::uses::Level;
use crate::diag::{Code, Diagnostic, Span};
use crate::lang::Node;
use crate::lang::checker::{Checker, RouteFacts};
use crate::lang::form::Place;
use crate::policy::auth;
use crate::syntax::ast::Ident;
use crate::upstream::check::{self, Timeouts};
use crate::upstream::config::HostSent;
use crate::upstream::{self, balance, connect, health};

/// An upstream with what its timeouts were made of.
pub struct UpstreamFacts<'a> {
    /// Where its name stands.
    pub name: Span,
    /// Its statements.
    pub level: Level<'a>,
    /// What it means.
    pub config: upstream::Config,
    /// The gateway's timeouts and its own.
    pub timeouts: Timeouts,
}

/// What every upstream begins with.
struct Outer<'g, 'a> {
    timeouts: Timeouts,
    retries: Vec<&'g Node<'a>>,
    /// Any caller of the gateway may come by here.
    facts: RouteFacts,
}

impl<'a> Bench<'_, 'a> {
    /// The upstreams of all files, in the order of their declarations.
    pub fn upstreams(&mut self, files: &[FileNodes<'a>], gateway: &Level<'a>, auths: Option<&[auth::Declared]>) -> Vec<UpstreamFacts<'a>> {
        let mut checker = self.checker("gateway");
        let of = |word: &'static str| gateway.statements.iter().map(|statement| &statement.node).filter(move |node| node.form.word == word);
        let outer = Outer {
            timeouts: of("timeout").fold(Timeouts::default(), |outer, node| outer.or(Timeouts::read(node, &mut checker))),
            retries: of("retry").collect(),
            facts: anyone(auths),
        };
        let mut found = Vec::new();
        for file in files {
            for node in file.nodes.iter().filter(|node| node.form.word == "upstream") {
                let Some(name) = declared_name(node) else { continue };
                let level = self.level(&node.statements, &format!("upstream {}", name.text), Place::Upstream);
                found.push(self.upstream(node, name, level, &outer));
            }
        }
        found
    }

    fn upstream(&mut self, node: &Node<'a>, name: &Ident, level: Level<'a>, outer: &Outer<'_, 'a>) -> UpstreamFacts<'a> {
        let of = |word: &'static str| level.statements.iter().map(|statement| &statement.node).filter(move |node| node.form.word == word);
        let last = |word: &'static str| of(word).next_back();
        let damaged = node.damaged || level.damaged;
        let facts = RouteFacts { route: format!("upstream {}", name.text), ..outer.facts.clone() };
        let mut checker = Checker { report: self.report, names: &self.names, facts };
        let checker = &mut checker;
        let timeouts = of("timeout").fold(outer.timeouts, |outer, node| outer.or(Timeouts::read(node, checker)));
        let written: Vec<&Node<'a>> = of("target").collect();
        if written.is_empty() && last("resolve").is_none() && !damaged {
            checker.report.push(
                Diagnostic::new(Code::UpstreamNoTarget, format!("upstream `{}` has no target", name.text))
                    .at(name.span, "where is it?")
                    .help("add `target http://host:port`"),
            );
        }
        if let (Some(balance), [target], None, false) = (last("balance"), written.as_slice(), last("resolve"), damaged) {
            balance::of_one(&name.text, balance, target, checker);
        }
        let retries: Vec<&Node<'a>> = outer.retries.iter().copied().chain(of("retry")).collect();
        let breaker = fields(&of("breaker").collect::<Vec<_>>());
        let config = upstream::Config {
            name: name.text.clone(),
            targets: written.iter().filter_map(|node| check::target(node, checker)).collect(),
            host: last("host").and_then(|node| check::host(node, checker)).unwrap_or(HostSent::Keep),
            resolve: last("resolve").and_then(|node| connect::resolve(node, checker)),
            balance: last("balance").and_then(|node| balance::read(node, checker)).unwrap_or_default(),
            sticky: last("sticky").and_then(|node| balance::read_sticky(node, checker)),
            health: last("health").and_then(|node| health::read(node, checker)),
            eject: last("eject").and_then(|node| health::eject(node, checker)),
            concurrency: last("concurrency").and_then(|node| connect::concurrency(node, checker)),
            tls: last("tls").and_then(|node| connect::tls(node, checker)),
            http2: last("http2").is_some(),
            openapi: last("openapi").and_then(|node| connect::openapi(node, checker)),
            retry: fields(&retries).and_then(|node| calls::retry(&node, &timeouts, checker)),
            breaker: breaker.as_ref().and_then(|node| check::breaker(node, checker)),
            timeout: timeouts.complete(checker),
            encoded_slashes: last("path").is_some_and(check::encoded_slashes),
            stubs: of("stub").flat_map(|node| check::stubs(node, checker)).collect(),
        };
        if let (Some(tls), Some(target), false, false) = (last("tls"), written.first(), config.speaks_tls(), damaged) {
            connect::tls_for_nobody(&name.text, tls, target, checker);
        }
        UpstreamFacts { name: name.span, level, config, timeouts }
    }
}

/// What is known of a caller whose route is not: it came by any of the auths, or by none.
pub fn anyone(auths: Option<&[auth::Declared]>) -> RouteFacts {
    let Some(auths) = auths else { return RouteFacts { uncertain: true, ..RouteFacts::default() } };
    let all = (0..auths.len()).filter_map(|index| u16::try_from(index).ok()).collect();
    let (attributes, _) = auth::facts(&auth::Config { mode: auth::Mode::Any, auths: all }, auths);
    RouteFacts { attributes, ..RouteFacts::default() }
}
