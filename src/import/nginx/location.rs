//! Locations as routes.

use super::super::draft::{Draft, Group, ROUTES_MAX, Route};
use super::super::{Fault, words};
use super::expression::{literal_begin, regex};
use super::guard;
use super::level::{Level, common};
use super::passing::{access, received, sent};
use super::rewrite::{self, Taken};
use super::tokens::Directive;
use super::{Http, condition, used, values};
use crate::route::Pattern;

/// How a location takes requests: the smaller, the earlier it is asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Class {
    Exact,
    /// `^~`, and prefixes inside one
    PrefixFirst,
    Regex,
    Prefix,
}

/// What a location takes.
struct Place {
    class: Class,
    /// The path as it is written; of a regular expression its text.
    path: String,
    /// The route's path.
    pattern: String,
}

/// What answers on a route, with the statements that belong to it.
struct Answer {
    upstream: Option<String>,
    statements: Vec<String>,
}

/// Makes routes of a server's locations, rewrites and returns.
pub(super) fn locations(
    server: &[&Directive],
    level: &Level,
    group: &mut Group,
    http: &mut Http<'_>,
    draft: &mut Draft,
) -> Result<(), Fault> {
    let host = u32::from(group.hosts.is_empty()) * 2 + u32::from(group.hosts.iter().any(|host| host.starts_with('*')));
    let firsts: Vec<&str> = server
        .iter()
        .filter(|directive| directive.name == "location" && directive.word(0) == "^~")
        .map(|directive| directive.word(1))
        .collect();
    let returns = server.iter().find(|directive| directive.name == "return");
    // An `if` of the server is asked before all its locations, wherever it stands.
    let mut level = level.clone();
    for directive in server.iter().filter(|directive| directive.name == "if") {
        if returns.is_none_or(|first| directive.line <= first.line)
            && let Err(why) = asked(directive, &level)
        {
            guard::leave_if(directive, &why, &mut level, draft);
        }
    }
    let level = &level;
    for (order, directive) in server.iter().enumerate() {
        if draft.routes() + group.routes.len() >= ROUTES_MAX {
            return Err(Fault::new(directive.line, format!("more than {ROUTES_MAX} locations")));
        }
        let order = u32::try_from(order).unwrap_or(u32::MAX);
        match directive.name.as_str() {
            "return" | "rewrite" | "location" | "if" if returns.is_some_and(|first| directive.line > first.line) => {
                draft.leave_out(directive.line, directive.text(), "no request reaches it: the `return` of the server answers them all");
            }
            "return" => match answer_at_once(directive, level, &[]) {
                Ok(statements) => {
                    let place = Place { class: Class::Prefix, path: "/".to_owned(), pattern: "/**".to_owned() };
                    let level = level.clone().open();
                    push(directive, &place, vec![host, 3, 0], Answer { upstream: None, statements }, &level, group, draft);
                }
                Err(why) => draft.leave_out(directive.line, directive.text(), why),
            },
            "if" => {
                let place = Place { class: Class::Prefix, path: "/".to_owned(), pattern: "/**".to_owned() };
                answered(directive, &place, vec![host, 0, order], level, group, draft).ok();
            }
            "rewrite" => server_rewrite(directive, vec![host, 0, order], level, group, draft),
            "location" => {
                let (mut place, read) = match place(directive, draft) {
                    Some(place) => (place, true),
                    None => (unread(directive), false),
                };
                if place.class == Class::Prefix && firsts.iter().any(|first| place.path.starts_with(first)) {
                    place.class = Class::PrefixFirst;
                }
                let length = u32::MAX - u32::try_from(place.path.len()).unwrap_or(0);
                let rank = match place.class {
                    Class::Exact => vec![host, 1, order],
                    Class::PrefixFirst => vec![host, 2, length],
                    Class::Regex => vec![host, 3, order],
                    Class::Prefix => vec![host, 4, length],
                };
                if read {
                    location(directive, &place, rank, level, group, http, draft);
                } else {
                    let route = bare(directive, &place, rank, draft);
                    group.routes.push(route.refusing(403));
                }
            }
            _ => {}
        }
    }
    Ok(())
}

/// What an `if` answers, as a route of its own: nginx asks it before it asks who is there.
fn answered(
    directive: &Directive,
    place: &Place,
    rank: Vec<u32>,
    level: &Level,
    group: &mut Group,
    draft: &mut Draft,
) -> Result<(), String> {
    let (condition, statements) = asked(directive, level)?;
    push(directive, place, rank, Answer { upstream: None, statements }, &level.clone().open(), group, draft);
    if let Some(route) = group.routes.last_mut() {
        route.conditions.push(condition);
        route.strict = true;
    }
    Ok(())
}

/// What an `if` asks, and the statements of what it answers.
fn asked(directive: &Directive, level: &Level) -> Result<(String, Vec<String>), String> {
    let (condition, answer) = condition::answered(directive)?;
    Ok((condition, answer_at_once(answer, level, &[])?))
}

/// A redirect of the server's that goes before all locations.
fn server_rewrite(directive: &Directive, rank: Vec<u32>, level: &Level, group: &mut Group, draft: &mut Draft) {
    let status = match directive.word(2) {
        "permanent" => 301,
        "redirect" => 302,
        _ if directive.word(1).starts_with("http://") || directive.word(1).starts_with("https://") => 302,
        _ => {
            draft.leave_out(directive.line, directive.text(), "a path is matched once: redirect, or rewrite in the location that takes it");
            return;
        }
    };
    let Some(taken) = rewrite::taken(directive.word(0)) else {
        draft.leave_out(directive.line, directive.text(), "only `^/path$`, `^/prefix/(.*)$` and `^` are read");
        return;
    };
    match redirect(status, directive.word(1), &rewrite::captures(&taken)) {
        Ok(statement) => {
            let place = Place { class: Class::Exact, path: directive.word(0).to_owned(), pattern: rewrite::pattern(&taken) };
            let level = level.clone().open();
            push(directive, &place, rank, Answer { upstream: None, statements: vec![statement] }, &level, group, draft);
        }
        Err(why) => draft.leave_out(directive.line, directive.text(), why),
    }
}

fn class(directive: &Directive) -> (Class, &str) {
    match directive.word(0) {
        "=" => (Class::Exact, directive.word(1)),
        "^~" => (Class::PrefixFirst, directive.word(1)),
        "~" | "~*" => (Class::Regex, directive.word(1)),
        path => (Class::Prefix, path),
    }
}

fn place(directive: &Directive, draft: &mut Draft) -> Option<Place> {
    let (class, path) = class(directive);
    let pattern = match class {
        Class::Regex => match regex(path, directive.word(0) == "~*") {
            Ok(pattern) => pattern,
            Err(why) => {
                draft.leave_out(directive.line, directive.text(), why);
                return None;
            }
        },
        Class::Exact | Class::PrefixFirst | Class::Prefix => {
            if words::literal_path(path).is_none() {
                draft.leave_out(directive.line, directive.text(), "it is no plain path");
                return None;
            }
            if class != Class::Exact && !path.ends_with('/') {
                let why = format!("a prefix takes whole segments here: `{path}` and `{path}/…`, not `{path}…`");
                draft.leave_out(directive.line, directive.text(), why);
            }
            if class == Class::Exact { path.to_owned() } else { format!("{}/**", path.trim_end_matches('/')) }
        }
    };
    Some(Place { class, path: path.to_owned(), pattern })
}

/// All that a location whose path cannot be read may take: what begins as it does.
fn unread(directive: &Directive) -> Place {
    let (class, path) = class(directive);
    let begin = if class == Class::Regex { literal_begin(path) } else { path };
    let any_case = if directive.word(0) == "~*" { "(?i)" } else { "" };
    let written = words::regex(&format!("{any_case}{}.*", regex::escape(begin)));
    let known = begin.len() > 1 && Pattern::parse(&written).is_ok();
    let (path, pattern) = if known { (begin, written) } else { ("", "/**".to_owned()) };
    Place { class, path: path.to_owned(), pattern }
}

fn location(
    directive: &Directive,
    place: &Place,
    mut rank: Vec<u32>,
    around: &Level,
    group: &mut Group,
    http: &mut Http<'_>,
    draft: &mut Draft,
) {
    let mut level = around.clone();
    let mut statements = Vec::new();
    let inner: Vec<&Directive> = directive.inner().iter().collect();
    let (mut pass, mut answers, mut path, mut refused) = (None, None, Vec::new(), false);
    let known = ["proxy_pass", "return", "rewrite", "if"];
    let others: Vec<&Directive> = inner.iter().copied().filter(|inner| !known.contains(&inner.name.as_str())).collect();
    for left in common(&others, &mut level, &mut statements, http, draft) {
        if left.name == "location" {
            nested(left, place, &rank, &mut level, group, draft);
        } else {
            guard::leave(left, &mut level, draft);
        }
    }
    let first = |name: &str| inner.iter().position(|inner| inner.name == name).unwrap_or(usize::MAX);
    let (returns, rewrites) = (first("return"), first("rewrite"));
    for (at, inner) in inner.iter().enumerate().filter(|(_, inner)| inner.name == "if") {
        if at > returns || at > rewrites {
            let why = if at > returns { "no request reaches it: a `return` stands before it" } else { "a `rewrite` stands before it" };
            // One that takes all paths of the location ends the rules.
            let ends = directive.inner().get(rewrites).is_some_and(|found| inner_rewrite(found, place).is_ok());
            if at > returns || ends {
                draft.leave_out(inner.line, inner.text(), why);
            } else {
                guard::leave_if(inner, why, &mut level, draft);
            }
            continue;
        }
        let mut earlier = rank.clone();
        earlier.push(u32::try_from(at).unwrap_or(u32::MAX));
        if let Err(why) = answered(inner, place, earlier, &level, group, draft) {
            guard::leave_if(inner, &why, &mut level, draft);
        }
    }
    rank.push(u32::MAX);
    for inner in inner.iter().filter(|inner| known.contains(&inner.name.as_str()) && inner.name != "if") {
        let outcome = match inner.name.as_str() {
            "proxy_pass" => proxy(inner, place, &level, http, draft).map(|found| pass = Some(found)),
            "return" => answer_at_once(inner, &level, &[]).map(|found| answers = answers.take().or(Some(found))),
            _ => inner_rewrite(inner, place).map(|found| match found {
                Rewrite::Redirect(statement) => answers = answers.take().or(Some(vec![statement])),
                Rewrite::Path(statements) => path = statements,
            }),
        };
        if let Err(why) = outcome {
            refused |= inner.name != "rewrite";
            draft.leave_out(inner.line, inner.text(), why);
        }
    }
    let denied = level.access.first().is_some_and(|rule| rule.name == "deny" && rule.word(0) == "all");
    let answer = match (answers, pass) {
        (Some(answers), _) => {
            // nginx returns and redirects before it asks who is there.
            level = level.open();
            Answer { upstream: None, statements: answers }
        }
        (None, _) if denied => {
            level = level.open();
            Answer { upstream: None, statements: vec!["respond 403 text \"forbidden\\n\"".to_owned()] }
        }
        (None, Some((upstream, own))) => {
            // A rewritten path goes as it is: the URI of `proxy_pass` no longer counts.
            let shaped = if path.is_empty() { own } else { path };
            Answer { upstream: Some(upstream), statements: shaped }
        }
        (None, None) => {
            if !refused {
                draft.leave_out(directive.line, directive.text(), "nothing in it answers but files, which are not served");
            } else {
                draft.leave_out(directive.line, directive.text(), "what answers in it was not carried over");
            }
            beside(directive, place, &rank, 404, group, draft);
            let route = bare(directive, place, rank, draft);
            group.routes.push(route.refusing(404));
            return;
        }
    };
    statements.extend(answer.statements);
    push(directive, place, rank, Answer { upstream: answer.upstream, statements }, &level, group, draft);
}

/// A location inside another: what it takes is refused, or, where that cannot be told, all of the outer one.
fn nested(directive: &Directive, around: &Place, rank: &[u32], level: &mut Level, group: &mut Group, draft: &mut Draft) {
    draft.leave_out(directive.line, directive.text(), "locations inside locations are not read: what it takes is refused");
    let (class, path) = class(directive);
    let inside = around.class != Class::Regex && class != Class::Regex && path.starts_with(&around.path);
    let found = if inside { place(directive, draft) } else { None };
    let Some(found) = found else {
        level.guards.insert("location".to_owned(), true);
        return;
    };
    let mut earlier = rank.to_vec();
    earlier.push(0);
    beside(directive, &found, &earlier, 403, group, draft);
    let route = bare(directive, &found, earlier, draft);
    group.routes.push(route.refusing(403));
}

/// The upstream and what becomes of the path.
fn proxy(
    directive: &Directive,
    place: &Place,
    level: &Level,
    http: &mut Http<'_>,
    draft: &mut Draft,
) -> Result<(String, Vec<String>), String> {
    let url = directive.word(0);
    if url.contains('$') {
        return Err("the upstream is chosen by a variable: write `to { when … -> UPSTREAM }`".to_owned());
    }
    let (scheme, rest) = url.split_once("://").ok_or("it is no URL")?;
    if rest.starts_with("unix:") {
        return Err("Unix sockets are not spoken to".to_owned());
    }
    let (authority, uri) = rest.split_at_checked(rest.find('/').unwrap_or(rest.len())).unwrap_or((rest, ""));
    let kept = level.sent.iter().any(|sent| sent.word(0).eq_ignore_ascii_case("host") && matches!(sent.word(1), "$host" | "$http_host"));
    let upstream = used(&format!("{scheme}://{authority}"), directive.line, kept, http, draft)?;
    if uri.is_empty() {
        return Ok((upstream, Vec::new()));
    }
    if words::literal_path(uri).is_none() {
        return Err("its path is no plain path".to_owned());
    }
    let path = match place.class {
        Class::Exact => vec![format!("rewrite {}", words::text(uri))],
        Class::Regex => return Err("a path behind the address of a regular expression's location".to_owned()),
        Class::PrefixFirst | Class::Prefix => {
            if place.path.ends_with('/') != uri.ends_with('/') {
                draft.leave_out(
                    directive.line,
                    directive.text(),
                    "the prefixes are exchanged segment by segment, as if both or none ended in `/`",
                );
            }
            rewrite::prefix(&place.path, uri)
        }
    };
    Ok((upstream, path))
}

enum Rewrite {
    Redirect(String),
    Path(Vec<String>),
}

/// A `rewrite` in a location: a redirect, or another path for the upstream.
fn inner_rewrite(directive: &Directive, place: &Place) -> Result<Rewrite, String> {
    let (to, flag) = (directive.word(1), directive.word(2));
    let taken = rewrite::taken(directive.word(0)).ok_or("only `^/path$`, `^/prefix/(.*)$` and `^` are read")?;
    let whole = match &taken {
        Taken::All => true,
        Taken::Prefix(path) => place.class != Class::Regex && path.trim_end_matches('/') == place.path.trim_end_matches('/'),
        Taken::Exact(path) => place.class == Class::Exact && *path == place.path,
    };
    if !whole {
        return Err("it takes other paths than its location".to_owned());
    }
    match flag {
        "permanent" => return redirect(301, to, &rewrite::captures(&taken)).map(Rewrite::Redirect),
        "redirect" => return redirect(302, to, &rewrite::captures(&taken)).map(Rewrite::Redirect),
        "break" => {}
        _ => return Err("a path is matched once: `break` is read, `last` is not".to_owned()),
    }
    match (&taken, to.split_once("$1")) {
        (Taken::Prefix(from), Some((before, ""))) if before.ends_with('/') && words::literal_path(before).is_some() => {
            Ok(Rewrite::Path(rewrite::prefix(from, before)))
        }
        (Taken::All, Some((before, ""))) if words::literal_path(before).is_some() => Ok(Rewrite::Path(rewrite::prefix("", before))),
        (_, None) if words::literal_path(to).is_some() => Ok(Rewrite::Path(vec![format!("rewrite {}", words::text(to))])),
        _ => Err("its replacement is more than a prefix and `$1`".to_owned()),
    }
}

fn redirect(status: u16, url: &str, captures: &[String]) -> Result<String, String> {
    if !url.starts_with("http://") && !url.starts_with("https://") && !url.starts_with('/') && !url.starts_with("$scheme://") {
        return Err("a redirect leads to a URL or to a path".to_owned());
    }
    // Behind a plain listener the scheme is the one that the client used.
    let url = url.replacen("$scheme://", "http://", 1);
    Ok(format!("redirect {status} {}", values::url(&url, captures)?))
}

/// `return` as what answers.
fn answer_at_once(directive: &Directive, level: &Level, captures: &[String]) -> Result<Vec<String>, String> {
    let (first, second) = (directive.word(0), directive.word(1));
    let Ok(status) = first.parse::<u16>() else { return Ok(vec![redirect(302, first, captures)?]) };
    match status {
        301 | 302 | 303 | 307 | 308 => Ok(vec![redirect(status, second, captures)?]),
        204 => Ok(vec!["respond 204".to_owned()]),
        200..=599 if status != 304 && second.is_empty() => Ok(vec![format!("respond {status}")]),
        200..=599 if status != 304 => {
            let json = level.media_type.contains("json") && serde_json::from_str::<serde::de::IgnoredAny>(second).is_ok();
            let format = if json {
                "json"
            } else if level.media_type.contains("html") {
                "html"
            } else {
                "text"
            };
            Ok(vec![format!("respond {status} {format} {}", values::string(second, captures)?)])
        }
        444 => Err("closing a connection without an answer is not one of the language".to_owned()),
        _ => Err("no status that can be answered".to_owned()),
    }
}

/// Adds a route with all that its location inherits.
fn push(directive: &Directive, place: &Place, rank: Vec<u32>, answer: Answer, level: &Level, group: &mut Group, draft: &mut Draft) {
    let mut statements = Vec::new();
    if level.closed || !level.guards.is_empty() || level.auth.is_some() || !level.access.is_empty() {
        beside(directive, place, &rank, 403, group, draft);
    }
    if level.closed || !level.guards.is_empty() {
        let why = match level.guards.keys().next() {
            Some(guard) => format!("`{guard}` stands before it and was not carried over: it refuses everyone"),
            None => "it asks for a password without a file of users, and is not opened for everyone".to_owned(),
        };
        draft.leave_out(directive.line, directive.text(), why);
        let route = bare(directive, place, rank, draft);
        group.routes.push(route.refusing(403));
        return;
    }
    match &level.auth {
        Some(auth) => statements.push(format!("auth {auth}")),
        None => statements.push("public \"the configuration asks for no password\"".to_owned()),
    }
    match access(&level.access) {
        Ok(found) => statements.extend(found),
        Err((line, what)) => {
            draft.leave_out(line, what, "it is no address or network");
            draft.leave_out(directive.line, directive.text(), "whom it lets in is not clear, and it is not opened for everyone");
            let route = bare(directive, place, rank, draft);
            group.routes.push(route.refusing(403));
            return;
        }
    }
    statements.extend(answer.statements);
    if answer.upstream.is_some() {
        statements.extend(sent(level, draft));
    }
    statements.extend(received(level, draft));
    let route = bare(directive, place, rank, draft);
    group.routes.push(Route { upstream: answer.upstream, statements, ..route });
}

/// Refuses what a location that does not let everyone in takes beside whole segments: `/adminer` of `location /admin`.
fn beside(directive: &Directive, place: &Place, rank: &[u32], status: u16, group: &mut Group, draft: &mut Draft) {
    let prefix = matches!(place.class, Class::PrefixFirst | Class::Prefix);
    if !prefix || place.path.ends_with('/') {
        return;
    }
    let pattern = words::regex(&format!("{}[^/]+(?:/.*)?", regex::escape(&place.path)));
    let place = Place { class: place.class, path: format!("{} beside", place.path), pattern };
    let route = bare(directive, &place, rank.to_vec(), draft);
    group.routes.push(route.refusing(status));
}

/// A location's route without anything in it.
fn bare(directive: &Directive, place: &Place, rank: Vec<u32>, draft: &mut Draft) -> Route {
    let wish = match place.path.trim_matches('/') {
        "" => "root".to_owned(),
        path => words::name(path),
    };
    Route {
        name: draft.name("route", &wish),
        methods: "ANY".to_owned(),
        path: place.pattern.clone(),
        rank,
        strict: place.class == Class::Regex || directive.name == "rewrite",
        line: directive.line,
        what: directive.text(),
        ..Route::default()
    }
}
