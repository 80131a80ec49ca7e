//! A policy while it is made: declarations as text, routes with what decides which of them goes first.

use super::{Fault, Imported, LeftOut, settle, words};
use crate::syntax;
use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write;

/// Most routes of one policy.
pub(super) const ROUTES_MAX: usize = 20_000;
/// Most entries of the list of what was not carried over.
const LEFT_OUT_MAX: usize = 100_000;

/// A policy in the making.
#[derive(Debug, Default)]
pub(super) struct Draft {
    /// The doc comment of the gateway.
    pub docs: Vec<String>,
    /// Statements of `gateway`.
    pub gateway: Vec<String>,
    /// `auth` declarations.
    pub auths: Vec<String>,
    /// `upstream` declarations.
    pub upstreams: Vec<String>,
    /// Groups and their routes; one without a name stands for the top of the file.
    pub groups: Vec<Group>,
    left_out: Vec<LeftOut>,
    names: BTreeMap<&'static str, BTreeSet<String>>,
}

/// Routes that share something.
#[derive(Debug, Default)]
pub(super) struct Group {
    /// Its name; empty for routes at the top of the file.
    pub name: String,
    /// Comment lines before it.
    pub notes: Vec<String>,
    /// Its hosts; none is every host.
    pub hosts: Vec<String>,
    /// The addresses it is reached at.
    pub listeners: BTreeSet<String>,
    /// What its paths begin with; empty or `/a`.
    pub prefix: String,
    /// Its statements.
    pub statements: Vec<String>,
    /// Its routes.
    pub routes: Vec<Route>,
}

/// A route.
#[derive(Debug, Clone, Default)]
pub(super) struct Route {
    /// Its name.
    pub name: String,
    /// Its doc comment.
    pub docs: Vec<String>,
    /// Those of its group's hosts that its conditions leave; none is all of them.
    pub hosts: Vec<String>,
    /// `GET`, `GET,POST` or `ANY`.
    pub methods: String,
    /// A pattern as the language writes it, below the group's prefix.
    pub path: String,
    /// Further conditions.
    pub conditions: Vec<String>,
    /// The upstream; none when a statement answers.
    pub upstream: Option<String>,
    /// Its statements.
    pub statements: Vec<String>,
    /// True when it only keeps its requests from other routes: what it stands for was not carried over.
    pub refuses: bool,
    /// Whether it goes before others that take the same request: those with the smaller rank do.
    pub rank: Vec<u32>,
    /// True when its rank counts even against a route that takes less: one with a larger rank inside it is never reached.
    pub strict: bool,
    /// Its priority, when its place in the order does not follow from what it takes.
    pub priority: u32,
    /// Where it comes from.
    pub line: usize,
    /// What it comes from; empty for one that nobody misses when no request reaches it.
    pub what: String,
}

impl Group {
    /// Moves what all routes say alike to the group; who may call a route stays with it.
    fn share(&mut self) {
        const SHARED: &[&str] = &["compress", "log ", "response ", "request ", "body "];
        let said = |word: &str| self.statements.iter().any(|statement| statement.starts_with(word));
        let mut routes = self.routes.iter().filter(|route| !route.refuses);
        let (Some(first), true) = (routes.next(), self.routes.len() > 1) else { return };
        let mut shared: Vec<String> = first
            .statements
            .iter()
            .filter(|statement| SHARED.iter().any(|word| statement.starts_with(word) && !said(word)))
            .cloned()
            .collect();
        for route in routes {
            shared.retain(|statement| route.statements.contains(statement));
        }
        self.routes.iter_mut().for_each(|route| route.statements.retain(|statement| !shared.contains(statement)));
        self.statements.append(&mut shared);
    }
}

impl Route {
    /// The same route when it cannot be carried over: it refuses what it takes, so that no wider route takes it instead. It is
    /// left out where there is none.
    pub fn refusing(self, status: u16) -> Self {
        Self {
            docs: vec!["Was not carried over: refused, so that no wider route takes these requests.".to_owned()],
            upstream: None,
            statements: vec!["public \"nothing is behind it\"".to_owned(), format!("respond {status}")],
            refuses: true,
            ..self
        }
    }
}

impl Draft {
    /// A name that nothing of a kind has yet.
    pub fn name(&mut self, kind: &'static str, wish: &str) -> String {
        let taken = self.names.entry(kind).or_default();
        let mut name = wish.to_owned();
        let mut number = 2_u64;
        while !taken.insert(name.clone()) {
            name = format!("{wish}_{number}");
            number += 1;
        }
        name
    }

    /// Notes something that is not carried over.
    pub fn leave_out(&mut self, line: usize, what: impl Into<String>, why: impl Into<String>) {
        if self.left_out.len() < LEFT_OUT_MAX {
            self.left_out.push(LeftOut { line, what: what.into(), why: why.into() });
        }
    }

    /// The environment variable that a field's secret moves to, which is listed; the secret stays out of it.
    pub fn secret(&mut self, line: usize, what: &str, field: &str) -> String {
        let variable = words::name(field).to_ascii_uppercase();
        self.leave_out(line, what, format!("secrets do not stand in a policy: put the value into the environment variable `{variable}`"));
        format!("env({})", words::text(&variable))
    }

    /// The number of routes.
    pub fn routes(&self) -> usize {
        self.groups.iter().map(|group| group.routes.len()).sum()
    }

    /// The policy's text, formatted.
    pub fn print(mut self) -> Result<Imported, Fault> {
        self.groups.iter_mut().filter(|group| !group.name.is_empty()).for_each(Group::share);
        self.listen();
        let unfit = settle::settle(&mut self.groups);
        for entry in unfit {
            self.leave_out(entry.line, entry.what, entry.why);
        }
        let text = self.text();
        let policy = syntax::format(&text).map_err(|found| {
            let first = found.first().map_or_else(String::new, |first| first.message.to_string());
            Fault::new(1, format!("this cannot be written as a policy: {first}"))
        })?;
        self.left_out.sort();
        self.left_out.dedup();
        Ok(Imported { policy, left_out: self.left_out })
    }

    /// Declares the listeners. Where there are several, a group that is not reached at all of them says at which it is.
    fn listen(&mut self) {
        let all: BTreeSet<String> = self.groups.iter().flat_map(|group| group.listeners.iter().cloned()).collect();
        let mut statements = Vec::new();
        for address in &all {
            if address == LOOPBACK {
                statements.push("# Stands for a listener with TLS: give it its certificates with `tls`, then its own address.".to_owned());
            }
            let name = if all.len() > 1 { format!(" as {}", listener_name(address)) } else { String::new() };
            statements.push(format!("listen {address}{name}"));
        }
        for group in self.groups.iter_mut().filter(|group| group.listeners.len() < all.len()) {
            let names: Vec<String> = group.listeners.iter().map(|address| words::text(&listener_name(address))).collect();
            group.statements.insert(
                0,
                match names.as_slice() {
                    [only] => format!("match request.listener == {only}"),
                    several => format!("match request.listener in [{}]", several.join(", ")),
                },
            );
        }
        if all.is_empty() {
            statements.push(format!("listen {LOOPBACK}"));
        }
        statements.append(&mut self.gateway);
        self.gateway = statements;
    }

    fn text(&self) -> String {
        let mut out = String::from("gate 1\n\n");
        comments("##", &self.docs, &mut out);
        let _ = writeln!(out, "gateway {{\n{}\n}}\n", self.gateway.join("\n"));
        for declaration in self.auths.iter().chain(&self.upstreams) {
            let _ = writeln!(out, "{declaration}\n");
        }
        for group in self.groups.iter().filter(|group| !group.routes.is_empty()) {
            comments("#", &group.notes, &mut out);
            if group.name.is_empty() {
                group.routes.iter().for_each(|route| print_route(route, &mut out));
                continue;
            }
            let hosts = match group.hosts.as_slice() {
                [] => String::new(),
                [only] => format!(" host {only}"),
                several => format!(" host [{}]", several.join(", ")),
            };
            let prefix = if group.prefix.is_empty() { String::new() } else { format!(" {}", group.prefix) };
            let _ = writeln!(out, "group {}{hosts}{prefix} {{", group.name);
            group.statements.iter().for_each(|statement| out.push_str(&format!("{statement}\n")));
            for (at, route) in group.routes.iter().enumerate() {
                if at > 0 || !group.statements.is_empty() {
                    out.push('\n');
                }
                print_route(route, &mut out);
            }
            out.push_str("}\n\n");
        }
        // The formatter keeps at most one empty line, and none at the end.
        out.trim_end().to_owned() + "\n"
    }
}

fn comments(mark: &str, lines: &[String], out: &mut String) {
    for line in lines {
        let _ = writeln!(out, "{}", format!("{mark} {line}").trim_end());
    }
}

fn print_route(route: &Route, out: &mut String) {
    comments("##", &route.docs, out);
    let target = route.upstream.as_ref().map_or_else(String::new, |upstream| format!(" -> {upstream}"));
    let _ = writeln!(out, "route {} {} {}{target} {{", route.name, route.methods, route.path);
    if !route.conditions.is_empty() {
        let _ = writeln!(out, "match {}", route.conditions.join(" and "));
    }
    if route.priority > 0 {
        let _ = writeln!(out, "priority {}", route.priority);
    }
    route.statements.iter().for_each(|statement| out.push_str(&format!("{statement}\n")));
    out.push_str("}\n");
}

/// The statements of an upstream whose address is known, and the declaration around them.
pub(super) fn upstream(name: &str, notes: &[String], statements: &[String]) -> String {
    let mut out = format!("upstream {name} {{\n");
    comments("#", notes, &mut out);
    out.push_str(&statements.join("\n"));
    out.push_str("\n}");
    out
}

/// What stands in for an address that is not known, or is none.
pub(super) const LOOPBACK_TARGET: &str = "target http://127.0.0.1:3000";
/// What stands in for a listener with TLS.
pub(super) const LOOPBACK: &str = "127.0.0.1:8080";

/// A listener's name, from its address.
fn listener_name(address: &str) -> String {
    match address.strip_prefix(':') {
        Some(port) => format!("port_{port}"),
        None if address == LOOPBACK => "stands_for_tls".to_owned(),
        None => words::name(&format!("at {address}")),
    }
}

/// A target statement for an address as other gateways write it: `host`, `host:port`, `http://host:port`.
pub(super) fn target(address: &str) -> Target {
    let (scheme, rest) = address.split_once("://").unwrap_or(("http", address));
    let authority = rest.trim_end_matches('/');
    let (host, port) = match authority.rsplit_once(':') {
        Some((host, port)) if !port.contains(']') => (host, port),
        _ => (authority, if scheme == "https" { "443" } else { "80" }),
    };
    let bracketed = host.strip_prefix('[').and_then(|inner| inner.strip_suffix(']'));
    let good = match bracketed {
        Some(inner) => inner.parse::<std::net::Ipv6Addr>().is_ok(),
        None => {
            !host.is_empty()
                && host.len() <= 253
                && host.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'.' || byte == b'_')
        }
    };
    match port.parse::<u16>() {
        Ok(number) if matches!(scheme, "http" | "https") && good && number > 0 => Target::Fit(format!("target {scheme}://{host}:{number}")),
        _ => Target::Unfit,
    }
}

/// What becomes of an address.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Target {
    /// The statement.
    Fit(String),
    /// It is no address of a TCP service.
    Unfit,
}

/// The name of an upstream, from its address.
pub(super) fn upstream_name(address: &str) -> String {
    let rest = address.split_once("://").map_or(address, |(_, rest)| rest);
    let host = rest.split('/').next().unwrap_or(rest);
    let local = host.starts_with("127.") || host.starts_with("localhost") || host.starts_with("[::1]");
    if local {
        let port = host.rsplit(':').next().unwrap_or_default();
        return format!("local_{}", words::name(port).trim_start_matches('n'));
    }
    let name = host.rsplit_once(':').map_or(host, |(name, _)| name);
    words::name(name)
}
