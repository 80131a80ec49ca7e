//! A block of directives as routes.
//!
//! Caddy asks its directives in an order of their own, each with its matcher. Here the paths of all matchers are taken apart into
//! cells; for each cell it is worked out who answers and what is in force, and that is a route.

use super::super::draft::{Draft, Group, ROUTES_MAX, Route, Target, target, upstream, upstream_name};
use super::super::patterns::Patterns;
use super::super::{Fault, words};
use super::level::{Level, field, is_modifier, modifier};
use super::matcher::{self, Matcher, Named};
use super::tokens::Directive;
use super::values;
use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;

/// Most levels of `handle` and `route`.
const DEPTH_MAX: usize = 16;
/// Most cells of one block.
const CELLS_MAX: usize = 512;

/// What is known where a block stands.
#[derive(Clone)]
pub(super) struct Around {
    /// The paths that reach it.
    pub scope: String,
    /// What was stripped off the front of paths.
    pub prefix: String,
    /// What else must hold.
    pub matcher: Matcher,
    /// What is in force.
    pub level: Level,
    /// The routes' rank so far.
    pub rank: Vec<u32>,
    /// How deep it stands.
    pub depth: usize,
    /// True in a `route`: its directives are asked as they are written.
    pub written: bool,
}

/// What all sites share.
#[derive(Default)]
pub(super) struct Shared {
    /// The upstreams in use: by their addresses the name.
    upstreams: BTreeMap<String, String>,
    /// The auths: by the line of their directive, which is read again for every cell that it reaches.
    pub auths: BTreeMap<usize, String>,
    /// The path patterns of all matchers.
    patterns: Rc<Patterns>,
    /// Directives that answer, by their lines.
    responders: BTreeMap<usize, String>,
    /// The lines of those that some request reaches.
    asked: BTreeSet<usize>,
}

impl Shared {
    /// Notes directives that answer nobody.
    pub fn unreached(&self, draft: &mut Draft) {
        for (line, text) in self.responders.iter().filter(|(line, _)| !self.asked.contains(line)) {
            draft.leave_out(*line, text.clone(), "no request reaches it: directives that go before it take them all");
        }
    }
}

/// A directive that answers.
struct Responder<'f> {
    directive: &'f Directive,
    matcher: Matcher,
    /// Where its own words begin.
    from: usize,
    /// Its place in Caddy's order.
    order: u32,
    /// Nothing is made of it, but what it takes goes nowhere else.
    dead: bool,
}

/// Reads a block into routes of a group.
pub(super) fn block(
    directives: &[Directive],
    around: &Around,
    named: &Named,
    shared: &mut Shared,
    group: &mut Group,
    draft: &mut Draft,
) -> Result<(), Fault> {
    let mut named = named.clone();
    for directive in directives.iter().filter(|directive| directive.name().starts_with('@')) {
        named.insert(directive.name().trim_start_matches('@').to_owned(), matcher::read(directive, &around.prefix));
    }
    let mut modifiers: Vec<(Matcher, Option<Level>)> = Vec::new();
    let mut responders: Vec<Responder<'_>> = Vec::new();
    for directive in directives.iter().filter(|directive| !directive.name().starts_with('@')) {
        let (found, from) = matcher::of(directive, &named, &around.prefix);
        let order = order(directive.name());
        if is_modifier(directive.name()) {
            match found {
                Ok(found) if !found.is_conditional() => {
                    modifiers.push((found, modifier(directive, from, &around.prefix, shared, draft)));
                }
                Ok(_) | Err(_) => {
                    let why = found.err().unwrap_or_else(|| "only a path decides where it is in force".to_owned());
                    draft.leave_out(directive.line, directive.text(), why);
                    if matches!(directive.name(), "basic_auth" | "basicauth") {
                        modifiers.push((Matcher::default(), None));
                    }
                }
            }
        } else if let Some(order) = order {
            match found {
                Ok(matcher) => responders.push(Responder { directive, matcher, from, order, dead: is_dead(directive, draft) }),
                Err(why) => {
                    draft.leave_out(directive.line, directive.text(), why);
                    if refuses(directive) {
                        responders.push(Responder { directive, matcher: Matcher::default(), from, order, dead: true });
                    }
                }
            }
        } else if guards(directive) {
            let why = format!("{}, and it could keep callers out: what it guards refuses everyone", reason(directive.name()));
            draft.leave_out(directive.line, directive.text(), why);
            let guarded = found.ok().filter(|found| !found.is_conditional()).unwrap_or_default();
            modifiers.push((guarded, None));
        } else {
            draft.leave_out(directive.line, directive.text(), reason(directive.name()));
        }
    }
    // What a `route` says is asked as it is written.
    let sorted = if around.written { &mut [][..] } else { responders.as_mut_slice() };
    sorted.sort_by_key(|responder| {
        let longest = responder.matcher.paths.iter().map(String::len).max().unwrap_or(0);
        (responder.order, u32::MAX - u32::try_from(longest).unwrap_or(0), !responder.matcher.is_conditional())
    });
    for responder in responders.iter().filter(|responder| !responder.dead) {
        shared.responders.insert(responder.directive.line, responder.directive.text());
    }
    for cell in cells(&modifiers, &responders, &around.scope, &shared.patterns) {
        answer(&cell, &modifiers, &responders, around, &named, shared, group, draft)?;
    }
    Ok(())
}

/// The paths that are told apart: those of all matchers that lie in the scope, and the scope.
fn cells(modifiers: &[(Matcher, Option<Level>)], responders: &[Responder<'_>], scope: &str, patterns: &Patterns) -> Vec<String> {
    let paths = modifiers.iter().map(|(matcher, _)| matcher).chain(responders.iter().map(|responder| &responder.matcher));
    let mut cells = vec![scope.to_owned()];
    for path in paths.flat_map(|matcher| &matcher.paths) {
        if cells.len() < CELLS_MAX && !cells.contains(path) && patterns.within(path, scope) {
            cells.push(path.clone());
        }
    }
    cells
}

#[expect(clippy::too_many_arguments, reason = "what is read, what is known around it, and what it is read into")]
fn answer(
    cell: &str,
    modifiers: &[(Matcher, Option<Level>)],
    responders: &[Responder<'_>],
    around: &Around,
    named: &Named,
    shared: &mut Shared,
    group: &mut Group,
    draft: &mut Draft,
) -> Result<(), Fault> {
    let patterns = Rc::clone(&shared.patterns);
    let covers = |matcher: &Matcher| matcher.paths.is_empty() || matcher.paths.iter().any(|path| patterns.within(cell, path));
    let mut level = around.level.clone();
    // What cannot be asked for closes the cell.
    let mut closed = false;
    for (_, modifier) in modifiers.iter().filter(|(matcher, _)| covers(matcher)) {
        let Some(modifier) = modifier else {
            closed = true;
            continue;
        };
        level = level.with(modifier);
    }
    for (at, responder) in responders.iter().enumerate().filter(|(_, responder)| covers(&responder.matcher)) {
        if draft.routes() + group.routes.len() >= ROUTES_MAX {
            return Err(Fault::new(responder.directive.line, format!("more than {ROUTES_MAX} routes")));
        }
        shared.asked.insert(responder.directive.line);
        let mut rank = around.rank.clone();
        rank.extend([u32::try_from(at).unwrap_or(u32::MAX), u32::MAX - u32::try_from(cell.len()).unwrap_or(0)]);
        let mut matcher = around.matcher.clone();
        if matcher.methods.is_empty() || responder.matcher.methods.is_empty() {
            matcher.methods.extend(responder.matcher.methods.iter().cloned());
        } else {
            matcher.methods.retain(|method| responder.matcher.methods.contains(method));
        }
        matcher.conditions.extend(responder.matcher.conditions.iter().cloned());
        let inside = Around {
            scope: cell.to_owned(),
            prefix: around.prefix.clone(),
            matcher,
            level: level.clone(),
            rank,
            depth: around.depth + 1,
            written: false,
        };
        if responder.dead || closed {
            let route = bare(responder.directive, inside, draft);
            group.routes.push(route.refusing(if closed { 403 } else { 404 }));
        } else {
            respond(responder, inside, named, shared, group, draft)?;
        }
        if !responder.matcher.is_conditional() {
            break;
        }
    }
    Ok(())
}

fn respond(
    responder: &Responder<'_>,
    mut inside: Around,
    named: &Named,
    shared: &mut Shared,
    group: &mut Group,
    draft: &mut Draft,
) -> Result<(), Fault> {
    let directive = responder.directive;
    let own = directive.words.get(responder.from..).unwrap_or_default();
    let outcome = match directive.name() {
        "handle" | "handle_path" | "route" => {
            if inside.depth > DEPTH_MAX {
                return Err(Fault::new(directive.line, "blocks nest too deep"));
            }
            if directive.name() == "handle_path" {
                let stripped = responder.matcher.paths.first().and_then(|path| path.strip_suffix("/**")).unwrap_or_default().to_owned();
                if !stripped.is_empty() {
                    inside.level.path.push(format!("strip_prefix {stripped}"));
                    inside.prefix = stripped;
                }
            }
            inside.written = directive.name() == "route";
            return block(directive.inner(), &inside, named, shared, group, draft);
        }
        "reverse_proxy" => proxy(directive, own, &mut inside.level, shared, draft).map(|name| (Some(name), None)),
        "redir" => redirect(own).map(|statement| (None, Some(statement))),
        _ => reply(directive, own).map(|statement| (None, Some(statement))),
    };
    match outcome {
        Ok((upstream, statement)) => {
            let mut statements = inside.level.statements(upstream.is_some());
            statements.extend(statement);
            let route = bare(directive, inside, draft);
            group.routes.push(Route { upstream, statements, ..route });
        }
        Err(why) => {
            draft.leave_out(directive.line, directive.text(), why);
            let route = bare(directive, inside, draft);
            group.routes.push(route.refusing(404));
        }
    }
    Ok(())
}

/// A route for a place, without anything in it.
fn bare(directive: &Directive, inside: Around, draft: &mut Draft) -> Route {
    let wish = match inside.scope.trim_start_matches("re\"").trim_matches(['/', '*', '.']) {
        "" => "root".to_owned(),
        path => words::name(path.trim_end_matches("/**")),
    };
    Route {
        name: draft.name("route", &wish),
        methods: if inside.matcher.methods.is_empty() { "ANY".to_owned() } else { inside.matcher.methods.join(",") },
        path: inside.scope,
        conditions: inside.matcher.conditions,
        rank: inside.rank,
        line: directive.line,
        what: directive.text(),
        ..Route::default()
    }
}

fn proxy(directive: &Directive, own: &[String], level: &mut Level, shared: &mut Shared, draft: &mut Draft) -> Result<String, String> {
    let mut addresses: Vec<String> = own.to_vec();
    let (mut lines, mut own_host) = (Level::default(), false);
    for inner in directive.inner() {
        let rest = inner.words.get(1..).unwrap_or_default();
        let outcome = match inner.name() {
            "handle_response" => return Err("what it makes of replies could keep callers out, and has no counterpart".to_owned()),
            "to" => {
                addresses.extend(rest.iter().cloned());
                Ok(())
            }
            "header_up" if rest.first().is_some_and(|name| name.eq_ignore_ascii_case("host")) => {
                own_host = rest.get(1).is_some_and(|value| value.contains("upstream_hostport"));
                if own_host || rest.get(1).is_some_and(|value| value == "{host}") {
                    Ok(())
                } else {
                    Err("the Host sent is a matter of the upstream: `host \"…\"`".to_owned())
                }
            }
            // The gateway sets these by itself.
            "header_up" if rest.first().is_some_and(|name| name.to_ascii_lowercase().starts_with("x-forwarded-")) => Ok(()),
            "header_up" => field(rest, false).map(|line| lines.request.push(line)),
            "header_down" => field(rest, true).map(|line| lines.response.push(line)),
            name => Err(reason(name).to_owned()),
        };
        if let Err(why) = outcome {
            draft.leave_out(inner.line, inner.text(), why);
        }
    }
    if addresses.is_empty() {
        return Err("it names no address".to_owned());
    }
    let key = format!("{} {own_host}", addresses.join(" "));
    let name = match shared.upstreams.get(&key) {
        Some(name) => name.clone(),
        None => {
            let mut statements = Vec::new();
            for address in &addresses {
                let written = if let Some(port) = address.strip_prefix(':') { format!("localhost:{port}") } else { address.clone() };
                match target(&written) {
                    Target::Fit(target) => statements.push(target),
                    Target::Unfit => {
                        draft.leave_out(directive.line, format!("reverse_proxy {address}"), "it is no address of an HTTP service")
                    }
                }
            }
            if statements.is_empty() {
                return Err("none of its addresses can be a target".to_owned());
            }
            if own_host {
                statements.push("host target".to_owned());
            }
            let first = addresses.first().map_or("", String::as_str);
            let first = if first.starts_with(':') { format!("localhost{first}") } else { first.to_owned() };
            let name = draft.name("upstream", &upstream_name(&first));
            draft.upstreams.push(upstream(&name, &[], &statements));
            shared.upstreams.insert(key, name.clone());
            name
        }
    };
    *level = level.with(&lines);
    Ok(name)
}

fn redirect(own: &[String]) -> Result<String, String> {
    let to = own.first().ok_or("it leads nowhere")?;
    let status = match own.get(1).map(String::as_str) {
        None | Some("temporary" | "302") => 302,
        Some("permanent" | "301") => 301,
        Some("303") => 303,
        Some("307") => 307,
        Some("308") => 308,
        Some(_) => return Err("no status of a redirect".to_owned()),
    };
    if !to.starts_with('/') && !to.starts_with("https://") && !to.starts_with("http://") && !to.starts_with("{uri}") {
        return Err("a redirect leads to a URL or to a path".to_owned());
    }
    Ok(format!("redirect {status} {}", values::url(to)?))
}

/// `respond [body] [status]`, `abort`, `error`.
fn reply(directive: &Directive, own: &[String]) -> Result<String, String> {
    let inner = |name: &str| directive.inner().iter().find(|inner| inner.name() == name).map(|inner| inner.word(1).to_owned());
    let is_status = |text: &&String| text.len() == 3 && text.bytes().all(|byte| byte.is_ascii_digit());
    let default = if directive.name() == "error" { "500" } else { "200" };
    let status = own.last().filter(is_status).cloned().unwrap_or_else(|| default.to_owned());
    let body = own.first().filter(|text| !(own.len() == 1 && is_status(text))).cloned().or_else(|| inner("body")).unwrap_or_default();
    if !(200..=599).contains(&status.parse::<u16>().unwrap_or(0)) || status == "304" {
        return Err("no status that can be answered".to_owned());
    }
    if body.is_empty() || matches!(status.as_str(), "204" | "205") {
        return Ok(format!("respond {status}"));
    }
    Ok(format!("respond {status} text {}", values::string(&body)?))
}

/// The place of directives that answer in Caddy's own order; none for the others.
fn order(name: &str) -> Option<u32> {
    ["redir", "forward_auth", "handle", "handle_path", "route", "abort", "error", "respond", "reverse_proxy", "php_fastcgi", "file_server"]
        .iter()
        .position(|known| *known == name)
        // The three kinds of blocks exclude each other and are asked by their paths alone.
        .map(|at| if matches!(name, "handle_path" | "route") { 2 } else { u32::try_from(at).unwrap_or(u32::MAX) })
}

/// True for what answers and is not carried over: what it takes goes nowhere else.
fn is_dead(directive: &Directive, draft: &mut Draft) -> bool {
    let why = match directive.name() {
        "php_fastcgi" => "only HTTP is spoken to upstreams",
        "file_server" => "files are not served: send these requests to a service",
        "forward_auth" => "write an `auth forward` for it: until then what it guards is not opened for everyone",
        "abort" => "a connection is not closed without an answer: these requests are not taken, and answered with 404",
        _ => return false,
    };
    draft.leave_out(directive.line, directive.text(), why);
    true
}

/// True for a directive that could keep callers out: plugins add directives of their own, so any that is not known to let
/// everyone by.
pub(super) fn guards(directive: &Directive) -> bool {
    const HARMLESS: &[&str] = &[
        "root",
        "templates",
        "try_files",
        "bind",
        "vars",
        "map",
        "handle_errors",
        "push",
        "metrics",
        "tracing",
        "log_append",
        "log_name",
        "log_skip",
        "skip_log",
        "fs",
        "method",
        "acme_server",
        "intercept",
        "copy_response",
        "copy_response_headers",
    ];
    match directive.name() {
        "tls" => directive.inner().iter().any(|inner| matches!(inner.name(), "client_auth" | "import")),
        name => !HARMLESS.contains(&name),
    }
}

/// True for a directive that keeps callers out.
fn refuses(directive: &Directive) -> bool {
    matches!(directive.name(), "abort" | "error" | "forward_auth" | "redir")
        || directive.inner().iter().any(|inner| matches!(directive.name(), "handle" | "handle_path" | "route") && refuses(inner))
        || (directive.name() == "respond"
            && directive.words.iter().any(|word| word.len() == 3 && (word.starts_with('4') || word.starts_with('5'))))
}

/// Why a directive is not carried over.
pub(super) fn reason(name: &str) -> &'static str {
    match name {
        "root" | "try_files" | "templates" => "files are not served: send these requests to a service",
        "tls" => "certificates are not carried over: name them in the listener's `tls`",
        "lb_policy" => "write `balance` in the upstream; without it two targets are drawn, the less busy one is taken",
        "lb_try_duration" | "lb_try_interval" | "lb_retries" => "write `retry` in the upstream",
        "health_uri" | "health_interval" | "health_timeout" | "health_status" | "health_port" | "health_path" => {
            "write `health GET /path` in the upstream"
        }
        "fail_duration" | "max_fails" | "unhealthy_status" => "write `eject after N failures for TIME` in the upstream",
        "transport" => "timeouts are those of `timeout`; TLS is that of `tls`, and always verified",
        "flush_interval" => "bodies are always passed on as they come",
        "import" => "no snippet of this file is called so, and other files are not read",
        "handle_errors" => "write `error STATUSES …` with a text or a page",
        "bind" => "write it as the address of `listen`",
        "vars" | "map" => "there are no variables: write a `match`, a `require` or a `when` where it was used",
        _ => "it has no counterpart",
    }
}
