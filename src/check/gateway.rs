//! `gateway { }`: the gateway's own settings.

use super::declare::Bench;
use super::merge::merged;
use super::uses::Level;
use super::{listen, operate};
use crate::diag::{Code, Diagnostic, Report};
use crate::http::forward::Field;
use crate::ir::{Gateway, Limits, Log, LogFormat};
use crate::lang::checker::{Checker, Moment, RouteFacts, Spot, Want};
use crate::lang::expr::Expr;
use crate::lang::types::Type;
use crate::lang::value::Value;
use crate::lang::{Given, Node};
use crate::policy::{self, Config, Effective, auth};
use crate::syntax::ast::{ExprKind, Ident};
use std::time::Duration;

/// Reads the gateway's settings, the defaults filled in.
pub fn gateway<'a>(level: &Level<'a>, bench: &mut Bench<'_, 'a>) -> Gateway {
    let statements = level.statements.as_slice();
    let mut checker = bench.checker("gateway");
    let of = |word: &'static str| statements.iter().map(|statement| &statement.node).filter(move |node| node.form.word == word);
    let trusting = of("trust").next_back();
    let trusted = trusting.and_then(|node| node.get("networks"));
    let trusts = trusted.is_some_and(|given| !matches!(&given.expr.kind, ExprKind::List(items) if items.is_empty()));
    let (listeners, admin) = listen::listeners(of("listen"), of("admin").next_back(), trusts, &mut checker);
    let trust = trusted.map(|given| networks(given, &mut checker)).unwrap_or_default();
    let trust_field = trusting.and_then(|node| node.child("field")).and_then(|child| child.word_in("name"));
    let trust_field = trust_field.and_then(|word| Field::named(&word.text)).unwrap_or_default();
    let request_id = of("request_id")
        .next_back()
        .and_then(|node| node.get("field"))
        .and_then(|given| checker.header_name(given))
        .unwrap_or(http::HeaderName::from_static("x-request-id"));
    let limits = of("limits").next_back().map(|node| limits(node, &mut checker)).unwrap_or_default();
    let drain = of("drain")
        .next_back()
        .and_then(|node| node.get("time"))
        .and_then(|given| checker.duration(given))
        .unwrap_or(Duration::from_secs(30));
    let workers = of("workers")
        .next_back()
        .and_then(|node| node.get("number"))
        .and_then(|given| checker.int(given, 1..=1_024))
        .and_then(|number| usize::try_from(number).ok());
    // Who calls is known route by route: there the gateway's `log` is held against it again. A request that no route takes
    // has no caller.
    checker.facts.uncertain = true;
    let log = log(&[statements], &mut checker).unwrap_or_default();
    let trace = of("trace").next_back().and_then(|node| operate::trace(node, &mut checker));
    let events = of("events").filter_map(|node| operate::events(node, &mut checker)).collect();
    let unmatched = unmatched(statements, &checker);
    Gateway { listeners, admin, trust, trust_field, request_id, limits, drain, workers, log, trace, events, unmatched }
}

/// What is done to replies where no route takes the request. What is wrong with a statement is said of the routes it is in force
/// on; one that speaks of a route's own, such as its parameters, says nothing here.
fn unmatched(statements: &[Effective<'_>], checker: &Checker<'_>) -> Vec<Config> {
    let mut found = Vec::new();
    for entry in policy::ALL.iter().filter(|entry| entry.unmatched) {
        let mut report = Report::new();
        for statement in merged(&[statements], entry.words, &mut report) {
            let mut checker = Checker { report: &mut report, names: checker.names, facts: RouteFacts::default() };
            found.extend((entry.check)(&[statement], &mut checker));
        }
    }
    found
}

fn networks(given: Given<'_>, checker: &mut Checker<'_>) -> Vec<ipnet::IpNet> {
    let literal = matches!(given.expr.kind, ExprKind::Literal(..));
    let ty = if literal { Type::Cidr } else { Type::List(Box::new(Type::Cidr)) };
    match checker.constant(given, ty) {
        Some(Value::Network(network)) => vec![network],
        Some(Value::List(all)) => all
            .into_iter()
            .filter_map(|value| match value {
                Value::Network(network) => Some(network),
                _ => None,
            })
            .collect(),
        _ => Vec::new(),
    }
}

fn limits(node: &Node<'_>, checker: &mut Checker<'_>) -> Limits {
    let default = Limits::default();
    let slot = |name: &str, slot: &str| node.child(name).and_then(|child| child.get(slot));
    let mut size = |name: &str, range: std::ops::RangeInclusive<u64>| {
        let given = slot(name, "size")?;
        let size = checker.size(given)?;
        if range.contains(&size) {
            return Some(size);
        }
        checker.error(
            Code::TypeRange,
            format!("`{name}` is out of range"),
            given.expr.span,
            format!("{} to {} bytes", range.start(), range.end()),
        );
        None
    };
    let header_bytes = size("header_bytes", 1_024..=1 << 20).unwrap_or(default.header_bytes);
    let body = size("body", 0..=u64::MAX).or(default.body);
    let mut number = |name: &str, most: u64| slot(name, "number").and_then(|given| checker.int(given, 1..=most));
    let headers = number("headers", 10_000).unwrap_or(default.headers);
    let connections = number("connections", 10_000_000).unwrap_or(default.connections);
    let mut time = |name: &str| slot(name, "time").and_then(|given| checker.duration(given));
    let header_timeout = time("header_timeout").unwrap_or(default.header_timeout);
    let idle = time("idle").unwrap_or(default.idle);
    Limits { header_bytes, headers, body, connections, header_timeout, idle }
}

/// The `log` in force on a route. One of the gateway or a group speaks of callers whom this route need not know: what it asks
/// of them is missing here, as long as some auth declares it.
pub fn log_of_route(levels: &[&[Effective<'_>]], auths: Option<&[auth::Declared]>, checker: &mut Checker<'_>) -> Option<Log> {
    let own = levels.last().is_some_and(|level| level.iter().any(|statement| statement.node.form.word == "log"));
    let known = checker.facts.attributes.len();
    if !own {
        checker.facts.attributes.extend(auths.into_iter().flatten().flat_map(auth::absent));
    }
    let log = log(levels, checker);
    checker.facts.attributes.truncate(known);
    log
}

/// The innermost `log`.
fn log(levels: &[&[Effective<'_>]], checker: &mut Checker<'_>) -> Option<Log> {
    let node = levels.iter().flat_map(|level| level.iter()).map(|statement| &statement.node).rfind(|node| node.form.word == "log")?;
    let format = match node.word_in("format")?.text.as_str() {
        "json" => Some(LogFormat::Json),
        "text" => Some(LogFormat::Text),
        _ => None,
    };
    let sample =
        node.child("sample").and_then(|child| child.get("share")).and_then(|given| checker.percent(given)).map_or(10_000, |share| share.0);
    let when = node.child("when").and_then(|child| child.get("condition")).and_then(|given| checker.condition(given, Moment::Response));
    named_twice(node, checker);
    let fields = node
        .children_of("field")
        .filter_map(|field| {
            let name = field.word_in("name")?.text.clone();
            let want = Want { response: false, ..Want::scalar(Moment::Response, Spot::Plain) };
            // Of a caller of whom nothing is known it is missing.
            let missing = checker.facts.uncertain.then_some(Expr::Const(Value::None));
            checker.typed(field.get("value")?, &want).map(|typed| typed.expr).or(missing).map(|value| (name, value))
        })
        .collect();
    let redact = match node.child("redact").and_then(|child| child.get("fields")) {
        Some(given) => checker.items(given).into_iter().filter_map(|item| checker.header_name(item)).collect::<Vec<_>>(),
        None => Vec::new(),
    };
    let redact = redact.iter().map(|name| name.as_str().to_owned()).collect();
    Some(Log { format, sample, when: when.map(|typed| typed.expr), redact, fields })
}

/// A line says each thing once: whoever reads it as JSON sees but one of two members.
fn named_twice(node: &Node<'_>, checker: &mut Checker<'_>) {
    let names: Vec<&Ident> = node.children_of("field").filter_map(|field| field.word_in("name")).collect();
    for (at, name) in names.iter().enumerate() {
        let found =
            Diagnostic::new(Code::NameDuplicate, format!("a line of the log has `{}` twice", name.text)).at(name.span, "here again");
        if Log::OWN.contains(&name.text.as_str()) {
            checker.report.push(found.help("every line has this by itself: call the field otherwise"));
        } else if let Some(first) = names.iter().take(at).find(|first| first.text == name.text) {
            checker.report.push(found.also(first.span, "first here").help("give one of them another name, or remove it"));
        }
    }
}
