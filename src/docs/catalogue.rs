//! The catalogue of a policy as Markdown: its routes with what they ask and answer, and what they are made of. Secrets are
//! named by where they come from; no value of one is ever read.

use super::statements::{Declaration, Files, name, names, source, text_of_docs};
use crate::check::Checked;
use crate::http::UpstreamIndex;
use crate::ir::{Program, Route, Target};
use crate::policy::auth::{AttributeDecl, Carrier, Declared, Kind, Mode, Remote};
use crate::policy::{self, Config};
use crate::syntax::ast::Statement;
use std::collections::{BTreeSet, HashMap};
use std::fmt::Write;

/// Statements of the policies that are conditions on a request.
const CONDITIONS: &[&str] = &["match", "allow", "deny", "require"];

/// The catalogue; none when the policy has errors.
#[must_use]
pub fn markdown(checked: &Checked, title: &str) -> Option<String> {
    let program = checked.program.as_ref()?;
    let files = Files::new(&checked.sources);
    let mut out = format!("# {title}\n");
    if let Some(docs) = files.declarations("gateway").find_map(text_of_docs) {
        let _ = write!(out, "\n{docs}\n");
    }
    let listeners: Vec<String> = program.gateway.listeners.iter().map(|listener| format!("`{}`", listener.name)).collect();
    if !listeners.is_empty() {
        let _ = write!(out, "\nListens on {}.\n", listeners.join(", "));
    }
    let by_name: HashMap<&str, &Route> = program.routes.iter().map(|route| (route.name.as_str(), route)).collect();
    let known: Vec<Known<'_>> = files
        .routes()
        .into_iter()
        .filter_map(|declaration| {
            let route = by_name.get(name(declaration.route).as_str())?;
            Some(Known { declaration, route })
        })
        .collect();
    routes(program, &known, &files, &mut out);
    upstreams(program, &known, &files, &mut out);
    auths(program, &files, &mut out);
    let routes: Vec<&Route> = known.iter().map(|known| known.route).collect();
    super::hooks::hooks(program, &routes, &files, &mut out);
    policies(&files, &mut out);
    Some(out)
}

/// A route as it is written and as it was checked.
struct Known<'a> {
    declaration: Declaration<'a>,
    route: &'a Route,
}

fn routes(program: &Program, known: &[Known<'_>], files: &Files<'_>, out: &mut String) {
    if known.is_empty() {
        return;
    }
    out.push_str("\n## Routes\n\n| Route | Requests | Who may call | Answered by |\n|---|---|---|---|\n");
    for Known { declaration, route } in known {
        let _ = writeln!(
            out,
            "| [{0}](#{1}) | {2} | {3} | {4} |",
            route.name,
            route.name.to_lowercase(),
            cell(&requests(route)),
            cell(&callers(route, program)),
            cell(&answered_by(declaration, route, program, files))
        );
    }
    out.push_str("\nAny of them may also answer 400 (a request with two readings), 408, 413 and 431; a path that no route takes is a 404, a method a 405.\n");
    let mut around: Option<Vec<String>> = None;
    for Known { declaration, route } in known {
        let groups: Vec<String> = declaration.groups.iter().map(|group| name(group)).collect();
        if around.as_ref() != Some(&groups) {
            heading(declaration, &groups, out);
            around = Some(groups);
        }
        entry(declaration, route, program, files, out);
    }
}

fn heading(declaration: &Declaration<'_>, groups: &[String], out: &mut String) {
    match declaration.groups.last() {
        None => out.push_str("\n### Outside of groups\n"),
        Some(group) => {
            let _ = write!(out, "\n### Group {}\n", groups.join(" › "));
            if let Some(docs) = text_of_docs(group) {
                let _ = write!(out, "\n{docs}\n");
            }
        }
    }
}

fn entry(declaration: &Declaration<'_>, route: &Route, program: &Program, files: &Files<'_>, out: &mut String) {
    let _ = write!(out, "\n#### {}\n\n{}\n", route.name, requests(route));
    if let Some(docs) = &route.doc {
        let _ = write!(out, "\n{docs}\n");
    }
    out.push('\n');
    let mut item = |what: &str, text: String| {
        if !text.is_empty() {
            let _ = writeln!(out, "- {what}: {text}");
        }
    };
    item("who may call", callers(route, program));
    let parameters = route.key.pattern.params();
    item("parameters", parameters.iter().map(|(name, kind)| format!("`{name}` ({kind})")).collect::<Vec<_>>().join(", "));
    item("only when", lines(files, &files.in_force(declaration, CONDITIONS)).join(", "));
    item("limits", limits(declaration, route, files).join(", "));
    item("hooks", super::hooks::of_route(route, program).map(|hook| format!("`{}`", hook.name)).collect::<Vec<_>>().join(", "));
    item("answered by", answered_by(declaration, route, program, files));
    item("errors of its own", errors(route, program).iter().map(u16::to_string).collect::<Vec<_>>().join(", "));
    item("declared at", format!("`{}`", route.place));
}

/// Methods, hosts and path.
fn requests(route: &Route) -> String {
    let methods = if route.key.methods.is_any() { "ANY".to_owned() } else { route.key.methods.names().collect::<Vec<_>>().join(",") };
    let hosts: Vec<String> = route.key.hosts.iter().map(|host| format!("`{host}`")).collect();
    let on = if hosts.is_empty() { String::new() } else { format!(" on {}", hosts.join(", ")) };
    format!("`{methods} {}`{on}", route.key.pattern.text())
}

fn callers(route: &Route, program: &Program) -> String {
    let Some(auth) = route.auth() else { return String::new() };
    let names: Vec<String> = auth
        .auths
        .iter()
        .filter_map(|index| program.auths.get(usize::from(*index)))
        .map(|declared| format!("`{}`", declared.name))
        .collect();
    match &auth.mode {
        Mode::Public { why: Some(why) } => format!("everyone: {why}"),
        Mode::Public { why: None } => "everyone".to_owned(),
        Mode::One => names.join(""),
        Mode::Any => format!("one of {}", names.join(", ")),
        Mode::All => format!("all of {}", names.join(", ")),
        Mode::Optional => format!("everyone, perhaps with {}", names.join("")),
    }
}

fn answered_by(declaration: &Declaration<'_>, route: &Route, program: &Program, files: &Files<'_>) -> String {
    if let Target::Upstream(index) = route.target {
        return format!("upstream `{}`", upstream_name(program, index));
    }
    let inside = declaration.route.block.iter().flat_map(|block| &block.statements);
    let Some(answer) = inside.into_iter().find(|statement| policy::answers(&statement.word.text)) else { return "a policy".to_owned() };
    match answer.word.text.as_str() {
        "respond" | "redirect" => format!("`{}`", short(&files.line(answer))),
        word => {
            let called: Vec<String> = called(route, program).into_iter().map(|name| format!("`{name}`")).collect();
            let with = if called.is_empty() { String::new() } else { format!(" of upstreams {}", called.join(", ")) };
            format!("`{word}`{with}")
        }
    }
}

/// Longest text of an answer in a table, in letters.
const SHORT_MAX: usize = 60;

fn short(text: &str) -> String {
    if text.chars().count() <= SHORT_MAX { text.to_owned() } else { text.chars().take(SHORT_MAX).chain(['…']).collect() }
}

fn called(route: &Route, program: &Program) -> Vec<String> {
    indices(route).into_iter().map(|index| upstream_name(program, index)).collect()
}

fn indices(route: &Route) -> BTreeSet<UpstreamIndex> {
    let mut all: BTreeSet<UpstreamIndex> = route.policies.iter().flat_map(Config::upstreams).collect();
    if let Target::Upstream(index) = route.target {
        all.insert(index);
    }
    all
}

fn upstream_name(program: &Program, index: UpstreamIndex) -> String {
    program.upstreams.get(usize::from(index.0)).map_or_else(String::new, |upstream| upstream.name.clone())
}

fn limits(declaration: &Declaration<'_>, route: &Route, files: &Files<'_>) -> Vec<String> {
    let written = files.in_force(declaration, &["limit"]);
    let in_force = route.policies.iter().filter_map(|policy| match policy {
        Config::Limit(config) => Some(&config.limits),
        _ => None,
    });
    let statements: Vec<&Statement> = in_force
        .flatten()
        .filter_map(|limit| written.iter().rev().find(|statement| names(statement).next().as_deref() == Some(limit.name.as_str())))
        .copied()
        .collect();
    lines(files, &statements)
}

fn lines(files: &Files<'_>, statements: &[&Statement]) -> Vec<String> {
    statements.iter().map(|statement| format!("`{}`", files.line(statement))).collect()
}

/// Statuses with which the gateway itself refuses requests of the route, or fails.
fn errors(route: &Route, program: &Program) -> BTreeSet<u16> {
    let mut found = BTreeSet::new();
    for policy in &route.policies {
        match policy {
            Config::Access(config) => found.extend(config.access.iter().chain(&config.authorize).map(|rule| rule.status)),
            Config::Limit(config) if !config.limits.is_empty() => {
                found.insert(429);
            }
            Config::Auth(config) if !config.auths.is_empty() => {
                found.insert(401);
            }
            _ => {}
        }
    }
    if super::hooks::of_route(route, program).any(|hook| hook.refuse) {
        found.extend([502, 503]);
    }
    for index in indices(route) {
        found.extend([502, 504]);
        let breaker = program.upstreams.get(usize::from(index.0)).is_some_and(|upstream| upstream.breaker.is_some());
        if breaker {
            found.insert(503);
        }
    }
    found
}

fn upstreams(program: &Program, known: &[Known<'_>], files: &Files<'_>, out: &mut String) {
    if program.upstreams.is_empty() {
        return;
    }
    out.push_str("\n## Upstreams\n");
    for upstream in &program.upstreams {
        let _ = write!(out, "\n### {}\n\n", upstream.name);
        if let Some(docs) = files.docs("upstream", &upstream.name) {
            let _ = write!(out, "{docs}\n\n");
        }
        for target in &upstream.targets {
            let scheme = if target.tls { "https" } else { "http" };
            let host = if target.host.contains(':') { format!("[{}]", target.host) } else { target.host.clone() };
            let weight = if target.weight == 1 { String::new() } else { format!(", weight {}", target.weight) };
            let backup = if target.backup { ", backup" } else { "" };
            let _ = writeln!(out, "- target `{scheme}://{host}:{}`{weight}{backup}", target.port);
        }
        let users: Vec<String> = known
            .iter()
            .map(|known| known.route)
            .filter(|route| called(route, program).contains(&upstream.name))
            .map(|route| format!("[{}](#{})", route.name, route.name.to_lowercase()))
            .collect();
        if !users.is_empty() {
            let _ = writeln!(out, "- called by {}", users.join(", "));
        }
    }
}

fn auths(program: &Program, files: &Files<'_>, out: &mut String) {
    if program.auths.is_empty() {
        return;
    }
    out.push_str("\n## Who callers are\n");
    for auth in &program.auths {
        let (what, carried) = kind(auth);
        let _ = write!(out, "\n### {}\n\n", auth.name);
        if let Some(docs) = files.docs("auth", &auth.name) {
            let _ = write!(out, "{docs}\n\n");
        }
        let _ = writeln!(out, "- {what}");
        if !carried.is_empty() {
            let _ = writeln!(out, "- looked for in {}", carried.join(", "));
        }
        let known: Vec<String> = auth.attributes.iter().map(attribute).collect();
        if !known.is_empty() {
            let _ = writeln!(out, "- known of a caller: {}", known.join(", "));
        }
    }
}

fn kind(auth: &Declared) -> (String, Vec<String>) {
    let carried = |from: &[Carrier]| from.iter().map(carrier).collect();
    match &auth.kind {
        Kind::Jwt(jwt) => {
            let algorithms: Vec<&str> = jwt.terms.algorithms.iter().map(|algorithm| algorithm.name()).collect();
            let mut what = format!("a token (JWT) signed with {}, the key from {}", algorithms.join(", "), source(&jwt.key));
            if !jwt.terms.issuer.is_empty() {
                let _ = write!(what, ", issued by {}", jwt.terms.issuer.join(", "));
            }
            if !jwt.terms.audience.is_empty() {
                let _ = write!(what, ", meant for {}", jwt.terms.audience.join(", "));
            }
            (what, carried(&jwt.terms.from))
        }
        Kind::Key(key) => {
            let lists: Vec<String> =
                key.keys.iter().map(source).chain(key.single.iter().map(|single| format!("`{}`", single.name))).collect();
            (format!("an API key of {}", lists.join(", ")), carried(&key.from))
        }
        Kind::Basic(basic) => (format!("a name and a password of {}", source(&basic.users)), vec!["`Authorization: Basic`".to_owned()]),
        Kind::Remote(Remote::Issuer(issuer)) => (
            format!(
                "a token (JWT) signed with {}, by an issuer whose keys are public",
                issuer.terms.algorithms.iter().map(|algorithm| algorithm.name()).collect::<Vec<_>>().join(", ")
            ),
            carried(&issuer.terms.from),
        ),
        Kind::Remote(Remote::Forward(service)) => (format!("whatever `{}` accepts", service.url), Vec::new()),
        Kind::Remote(Remote::Introspect(service)) => {
            (format!("a token that `{}` knows", service.url), vec!["`Authorization: Bearer`".to_owned()])
        }
    }
}

fn carrier(carrier: &Carrier) -> String {
    match carrier {
        Carrier::Header(name) => format!("the field `{name}`"),
        Carrier::Cookie(name) => format!("the cookie `{name}`"),
        Carrier::Query(name) => format!("the query parameter `{name}`"),
    }
}

fn attribute(attribute: &AttributeDecl) -> String {
    let optional = if attribute.optional { ", may be missing" } else { "" };
    format!("`{}`{optional}", attribute.name)
}

fn policies(files: &Files<'_>, out: &mut String) {
    let mut declared = files.declarations("policy").peekable();
    if declared.peek().is_some() {
        out.push_str("\n## Policies\n");
    }
    for policy in declared {
        let _ = write!(out, "\n### {}\n\n", files.rest(policy));
        if let Some(docs) = text_of_docs(policy) {
            let _ = write!(out, "{docs}\n\n");
        }
        for statement in policy.block.iter().flat_map(|block| &block.statements) {
            let _ = writeln!(out, "- `{}`", files.line(statement));
        }
    }
}

/// Text that may stand in a cell of a table.
fn cell(text: &str) -> String {
    text.replace('|', "\\|").replace('\n', " ")
}
