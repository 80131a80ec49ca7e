//! From an upstream's statements to its [`Config`].

use super::breaker::{self, Opens};
use super::config::{HostSent, Stub, Target};
use super::timeout;
use crate::diag::suggest::near;
use crate::diag::{Code, Diagnostic, Edit, Span};
use crate::lang::checker::{Moment, ParamFact, RouteFacts, Spot, Want};
use crate::lang::expr::Expr;
use crate::lang::types::Type;
use crate::lang::value::Value;
use crate::lang::{Checker, Given, Node};
use crate::route::methods::Methods;
use crate::route::segment::TYPE_NAMES;
use crate::route::{Pattern, PatternErrorKind, SegmentType};
use crate::syntax::ast::{ExprKind, Operator};
use std::time::Duration;

/// One `target`.
pub fn target(node: &Node<'_>, checker: &mut Checker<'_>) -> Option<Target> {
    let given = node.get("url")?;
    let Value::Text(url) = checker.constant(given, Type::Url)? else { return None };
    let weight = node.child("weight").and_then(|child| child.get("number")).map_or(Some(1), |given| checker.int(given, 1..=1_000_000))?;
    let (tls, host, port) = endpoint(&url, given.expr.span, checker)?;
    Some(Target { tls, host, port, weight: u32::try_from(weight).ok()?, backup: node.child("backup").is_some() })
}

fn endpoint(url: &str, span: Span, checker: &mut Checker<'_>) -> Option<(bool, String, u16)> {
    let bad = |message: String, help: &str| Diagnostic::new(Code::TypeMismatch, message).at(span, "").help(help);
    let Ok(uri) = url.parse::<http::Uri>() else {
        checker.report.push(bad(format!("`{url}` is no URL"), "write `http://host:port`"));
        return None;
    };
    let tls = match uri.scheme_str() {
        Some("http") => false,
        Some("https") => true,
        Some(scheme) => {
            checker.report.push(bad(format!("`{scheme}` is no scheme of an upstream"), "write `http://host:port`"));
            return None;
        }
        None => {
            checker.report.push(bad(format!("`{url}` has no scheme"), "write `http://host:port`"));
            return None;
        }
    };
    if uri.path_and_query().is_some_and(|rest| rest.as_str() != "/") || url.ends_with('/') {
        checker.report.push(bad(
            "a target has no path".to_owned(),
            "leave the path out here, and use `add_prefix` in the route to put one before the request's",
        ));
        return None;
    }
    let host = uri.host().unwrap_or_default().trim_start_matches('[').trim_end_matches(']').to_ascii_lowercase();
    if host.is_empty() || uri.authority().is_some_and(|authority| authority.as_str().contains('@')) {
        checker.report.push(bad(format!("`{url}` names no host"), "write `http://host:port`"));
        return None;
    }
    if uri.port_u16() == Some(0) {
        checker.report.push(bad("nothing listens on port 0".to_owned(), "write the port of the service: `http://host:9000`"));
        return None;
    }
    Some((tls, host, uri.port_u16().unwrap_or(if tls { 443 } else { 80 })))
}

/// `host keep|target|"name"`
pub fn host(node: &Node<'_>, checker: &mut Checker<'_>) -> Option<HostSent> {
    let given = node.get("name")?;
    if let Some(word) = given.expr.as_word() {
        match word.text.as_str() {
            "keep" => return Some(HostSent::Keep),
            "target" => return Some(HostSent::Target),
            _ => {}
        }
    }
    match checker.constant(given, Type::Host)? {
        Value::Text(name) => Some(HostSent::Fixed(name.to_string())),
        _ => None,
    }
}

/// `path encoded_slashes keep`: true when they are kept.
#[must_use]
pub fn encoded_slashes(node: &Node<'_>) -> bool {
    node.child("encoded_slashes").and_then(|child| child.word_in("choice")).is_some_and(|word| word.text == "keep")
}

/// The rows of a `stub`.
pub fn stubs(node: &Node<'_>, checker: &mut Checker<'_>) -> Vec<Stub> {
    node.children.iter().filter_map(|row| stub(row, checker)).collect()
}

fn stub(row: &Node<'_>, checker: &mut Checker<'_>) -> Option<Stub> {
    let methods = match Methods::parse([row.name]) {
        Ok(methods) => methods,
        Err(_) => {
            checker.error(Code::TypeMismatch, format!("`{}` is no method", row.name), row.word, "write `GET` or `ANY`");
            return None;
        }
    };
    let path = row.get("path")?;
    let pattern = pattern(path, checker)?;
    let Value::Status(status, _) = checker.constant(row.get("status")?, Type::Status)? else { return None };
    let format = row.word_in("format").map_or("json", |word| word.text.as_str());
    let (media_type, spot) = media(format);
    checker.facts = RouteFacts { route: format!("stub {}", row.name), params: params(&pattern), ..RouteFacts::default() };
    let body = match row.get("body") {
        None => Expr::Const(Value::Text("".into())),
        Some(body) => {
            let want = Want { ty: Some(Type::Str), by: Moment::Body, spot, response: false };
            checker.typed(body, &want)?.expr
        }
    };
    Some(Stub { methods, pattern, status, media_type: media_type.to_owned(), body })
}

/// The media type of a literal body's format, and how its holes are encoded.
#[must_use]
pub fn media(format: &str) -> (&'static str, Spot) {
    match format {
        "json" => ("application/json", Spot::Json),
        "html" => ("text/html; charset=utf-8", Spot::Html),
        _ => ("text/plain; charset=utf-8", Spot::Plain),
    }
}

/// A path or regex in a path's place.
pub fn pattern(given: Given<'_>, checker: &mut Checker<'_>) -> Option<Pattern> {
    let span = given.expr.span;
    let (parsed, skip) = match &given.expr.kind {
        ExprKind::Path(text) => (Pattern::parse(text), 0),
        ExprKind::Regex(source) => (Pattern::regex(source), 3),
        ExprKind::Text(_) => match given.expr.as_plain_text() {
            Some(text) => (Pattern::parse(text), 1),
            None => {
                checker.error(Code::TypeMismatch, "a pattern has no interpolation", span, "write parameters as `{name}`");
                return None;
            }
        },
        _ => {
            checker.report.push(Diagnostic::new(Code::TypeMismatch, "a path is expected").at(span, "no path").help("paths begin with `/`"));
            return None;
        }
    };
    match parsed {
        Ok(pattern) => Some(pattern),
        Err(error) => {
            let at = Span {
                file: span.file,
                start: span.start + skip + u32::try_from(error.at.start).unwrap_or(0),
                end: span.start + skip + u32::try_from(error.at.end).unwrap_or(0),
            };
            let code = if error.is_encoding() { Code::RoutePathEncoding } else { Code::TypeMismatch };
            let exact = at.end <= span.end && at.start < at.end;
            let at = if exact { at } else { span };
            let mut found = Diagnostic::new(code, error.to_string()).at(at, "in this path");
            found.help = error.help();
            if let PatternErrorKind::UnknownType { word } = &error.kind
                && let Some(near) = near(word, TYPE_NAMES)
            {
                found = found.meant(at, word, near.word, near.sure && exact);
            }
            if let Some(text) = error.replacement().filter(|_| exact) {
                found = found.fix(format!("write `{text}`"), vec![Edit { span: at, text }]);
            }
            checker.report.push(found);
            None
        }
    }
}

/// What the checker knows of a pattern's parameters.
#[must_use]
pub fn params(pattern: &Pattern) -> Vec<ParamFact> {
    pattern
        .params()
        .iter()
        .map(|(name, kind)| ParamFact {
            name: (*name).to_owned(),
            ty: match kind {
                SegmentType::Int => Type::Int,
                SegmentType::Choice(choices) => Type::Enum(choices.clone().into()),
                SegmentType::Date => Type::Date,
                _ => Type::Str,
            },
            keeps_slashes: matches!(kind, SegmentType::Rest | SegmentType::RegexGroup),
        })
        .collect()
}

/// What `timeout { }` says, clause by clause.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Timeouts {
    pub(super) connect: Option<(Duration, Span)>,
    pub(super) attempt: Option<(Duration, Span)>,
    pub(super) read: Option<(Duration, Span)>,
    pub(super) total: Option<(Duration, Span)>,
}

impl Timeouts {
    /// Reads one statement.
    pub fn read(node: &Node<'_>, checker: &mut Checker<'_>) -> Self {
        let mut clause = |name: &str| {
            let clause = node.child(name)?;
            let given = clause.get("time")?;
            let time = checker.duration(given)?;
            if time.is_zero() {
                checker.error(Code::TypeRange, format!("`{name} 0` lets nothing finish"), given.expr.span, "longer than 0");
                return None;
            }
            Some((time, clause.span))
        };
        Self { connect: clause("connect"), attempt: clause("attempt"), read: clause("read"), total: clause("total") }
    }

    /// What an inner statement says wins.
    #[must_use]
    pub fn or(self, inner: Self) -> Self {
        Self {
            connect: inner.connect.or(self.connect),
            attempt: inner.attempt.or(self.attempt),
            read: inner.read.or(self.read),
            total: inner.total.or(self.total),
        }
    }

    /// The written `total`, and where.
    #[must_use]
    pub fn total(&self) -> Option<(Duration, Span)> {
        self.total
    }

    /// True when nothing is said.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }

    /// True when it is written how long an attempt may take, by itself or as part of all of them.
    #[must_use]
    pub fn bounds_an_attempt(&self) -> bool {
        self.attempt.is_some() || self.total.is_some()
    }

    /// With the defaults filled in, each capped by the longer step; written values that contradict each other are `timeout::inverted`.
    pub fn complete(self, checker: &mut Checker<'_>) -> timeout::Config {
        for (short, long, short_name, long_name) in [
            (self.connect, self.attempt, "connect", "attempt"),
            (self.attempt, self.total, "attempt", "total"),
            (self.connect, self.total, "connect", "total"),
        ] {
            if let (Some((inner, at)), Some((outer, beside))) = (short, long)
                && inner > outer
            {
                checker.report.push(
                    Diagnostic::new(Code::TimeoutInverted, format!("`{short_name}` is longer than `{long_name}`, which includes it"))
                        .at(at, "never reached")
                        .also(beside, "everything stops after this")
                        .help(format!("make `{short_name}` the shorter one")),
                );
            }
        }
        self.complete_quietly()
    }

    /// Where each clause was written, in the order of [`timeout::Config`].
    #[must_use]
    pub fn places(&self) -> [(&'static str, Option<Span>); 4] {
        let place = |said: Option<(Duration, Span)>| said.map(|(_, span)| span);
        [("connect", place(self.connect)), ("attempt", place(self.attempt)), ("read", place(self.read)), ("total", place(self.total))]
    }

    /// With the defaults filled in, each capped by the longer step.
    #[must_use]
    pub fn complete_quietly(self) -> timeout::Config {
        let default = timeout::Config::default();
        let pick = |said: Option<(Duration, Span)>, default: Duration| said.map_or(default, |(time, _)| time);
        let total = pick(self.total, default.total);
        let attempt = pick(self.attempt, default.attempt).min(total);
        let connect = pick(self.connect, default.connect).min(attempt);
        timeout::Config { connect, attempt, read: pick(self.read, default.read), total }
    }
}

/// A `breaker`, its clauses already brought together.
pub fn breaker(node: &Node<'_>, checker: &mut Checker<'_>) -> Option<breaker::Config> {
    let time = |name: &str, default: u64, checker: &mut Checker<'_>| match node.child(name).and_then(|child| child.get("time")) {
        Some(given) => checker.duration(given),
        None => Some(Duration::from_secs(default)),
    };
    let cooldown = time("cooldown", 30, checker)?;
    let window = time("window", 10, checker)?;
    let probes = match node.child("probes").and_then(|child| child.get("count")) {
        Some(given) => u32::try_from(checker.int(given, 1..=1_000)?).ok()?,
        None => 1,
    };
    let after = node.child("open_after");
    let when = node.child("open_when");
    let opens = match (after, when) {
        (Some(after), Some(when)) => {
            checker.report.push(
                Diagnostic::new(Code::SchemaRepeated, "a breaker opens by a run of failures or by their share, not by both")
                    .at(when.span, "by share")
                    .also(after.span, "by run")
                    .help("keep one of them"),
            );
            return None;
        }
        (Some(after), None) => Opens::AfterFailures(u32::try_from(checker.int(after.get("count")?, 1..=1_000_000)?).ok()?),
        (None, Some(when)) => share(when, window, checker)?,
        (None, None) => Opens::AfterFailures(5),
    };
    Some(breaker::Config { opens, cooldown, probes })
}

/// `open_when failures >= 50% of 20`
fn share(node: &Node<'_>, window: Duration, checker: &mut Checker<'_>) -> Option<Opens> {
    let given = node.get("share")?;
    let ExprKind::Binary(left, Operator::GreaterOrEqual, right) = &given.expr.kind else {
        checker.report.push(
            Diagnostic::new(Code::TypeMismatch, "a share of failures is expected")
                .at(given.expr.span, "")
                .help("write `open_when failures >= 50% of 20`"),
        );
        return None;
    };
    if left.as_word().is_none_or(|word| word.text != "failures") {
        checker.error(Code::TypeMismatch, "only `failures` are counted", left.span, "write `failures`");
        return None;
    }
    let share = checker.percent(Given { expr: right, scope: given.scope })?.0;
    if !(1..=10_000).contains(&share) {
        checker.error(Code::TypeRange, "a share of failures is out of range", right.span, "more than 0% and at most 100%");
        return None;
    }
    let least = u32::try_from(checker.int(node.get("least")?, 1..=1_000_000)?).ok()?;
    Some(Opens::Share { share, least, window })
}
