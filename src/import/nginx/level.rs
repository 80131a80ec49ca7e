//! What holds on a level (http, server, location) and what of it is inherited.

use super::super::draft::Draft;
use super::super::words;
use super::tokens::Directive;
use super::{Http, values};
use std::collections::BTreeMap;

/// What a location inherits. Lists are those of the innermost level that has any of their kind.
#[derive(Debug, Clone, Default)]
pub(super) struct Level {
    /// `proxy_set_header`
    pub sent: Vec<Directive>,
    /// `add_header`
    pub added: Vec<Directive>,
    /// `proxy_hide_header`
    pub hidden: Vec<Directive>,
    /// `allow` and `deny`
    pub access: Vec<Directive>,
    /// The limits in force, by name.
    pub limits: Vec<String>,
    /// The auth in force.
    pub auth: Option<String>,
    /// Why nobody may come in: a password file was to be asked for and cannot be.
    pub closed: bool,
    /// What could keep callers out and was not carried over, and whether it is asked before a `return` answers.
    pub guards: BTreeMap<String, bool>,
    /// `default_type`
    pub media_type: String,
    connect: Option<u64>,
    read: Option<u64>,
    realm: Option<bool>,
    users: Option<String>,
}

impl Level {
    /// The same without anything that keeps callers out once a `return` has been passed.
    pub fn open(mut self) -> Self {
        self.guards.retain(|_, first| *first);
        Self { access: Vec::new(), auth: None, closed: false, ..self }
    }
}

/// Takes what may stand on any level into the level and its statements. What it does not know comes back.
pub(super) fn common<'f>(
    directives: &[&'f Directive],
    level: &mut Level,
    statements: &mut Vec<String>,
    http: &mut Http<'_>,
    draft: &mut Draft,
) -> Vec<&'f Directive> {
    let mut unknown = Vec::new();
    let mut own = Level { ..Level::default() };
    let (mut times, mut limits, mut auth) = (false, Vec::new(), false);
    for directive in directives {
        let mut refuse = |why: &str| draft.leave_out(directive.line, directive.text(), why);
        match directive.name.as_str() {
            "proxy_set_header" => own.sent.push((*directive).clone()),
            "add_header" => own.added.push((*directive).clone()),
            "proxy_hide_header" => own.hidden.push((*directive).clone()),
            "allow" | "deny" => own.access.push((*directive).clone()),
            "default_type" => directive.word(0).clone_into(&mut level.media_type),
            "proxy_connect_timeout" | "proxy_read_timeout" => match values::time(directive.word(0)).filter(|time| *time > 0) {
                Some(time) if directive.name == "proxy_connect_timeout" => (level.connect, times) = (Some(time), true),
                Some(time) => (level.read, times) = (Some(time), true),
                None => refuse("it is no time"),
            },
            "client_max_body_size" => match values::size(directive.word(0)) {
                Some(0) => statements.push("body max none".to_owned()),
                Some(bytes) => statements.push(format!("body max {}", words::size(bytes))),
                None => refuse("it is no size"),
            },
            "gzip" if directive.word(0) == "on" => statements.push("compress [gzip]".to_owned()),
            "gzip" => {}
            "access_log" if directive.word(0) == "off" => statements.push("log access off".to_owned()),
            "access_log" => {
                statements.push("log access text".to_owned());
                refuse("the access log goes to standard output, in the gateway's own format");
            }
            "limit_req" => limits.push(*directive),
            "auth_basic" => (level.realm, auth) = (Some(directive.word(0) != "off"), true),
            "auth_basic_user_file" => (level.users, auth) = (Some(directive.word(0).to_owned()), true),
            // The gateway does so by itself.
            "proxy_http_version" | "server_tokens" => {}
            _ => unknown.push(*directive),
        }
    }
    let lists =
        [(&mut level.sent, own.sent), (&mut level.added, own.added), (&mut level.hidden, own.hidden), (&mut level.access, own.access)];
    for (inherited, own) in lists {
        if !own.is_empty() {
            *inherited = own;
        }
    }
    if times {
        statements.push(timeout(level));
    }
    if auth {
        passwords(level, http, draft);
    }
    limit(&limits, level, statements, http, draft);
    unknown
}

/// nginx bounds the connect and each wait for bytes; an attempt here is both.
fn timeout(level: &Level) -> String {
    const READ_DEFAULT: u64 = 60_000;
    const TOTAL_DEFAULT: u64 = 30_000;
    let read = level.read.unwrap_or(READ_DEFAULT);
    let attempt = level.connect.unwrap_or(0).saturating_add(read);
    let connect = level.connect.map_or_else(String::new, |time| format!("connect {}; ", words::duration(time)));
    let total = words::duration(attempt.max(TOTAL_DEFAULT));
    format!("timeout {{ {connect}attempt {}; read {}; total {total} }}", words::duration(attempt), words::duration(read))
}

fn passwords(level: &mut Level, http: &mut Http<'_>, draft: &mut Draft) {
    (level.auth, level.closed) = (None, false);
    if level.realm != Some(true) {
        return;
    }
    let Some(users) = level.users.clone() else {
        level.closed = true;
        return;
    };
    let name = match http.auths.get(&users) {
        Some(name) => name.clone(),
        None => {
            let name = draft.name("auth", "people");
            draft.auths.push(format!("auth basic {name} {{\n{}\nusers file({})\n}}", words::PASSWORDS, words::text(&users)));
            http.auths.insert(users, name.clone());
            name
        }
    };
    level.auth = Some(name);
}

fn limit(directives: &[&Directive], level: &mut Level, statements: &mut Vec<String>, http: &Http<'_>, draft: &mut Draft) {
    if directives.is_empty() {
        return;
    }
    let inherited = std::mem::take(&mut level.limits);
    for directive in directives {
        let named = |name: &str| directive.words.iter().find_map(|word| word.strip_prefix(name));
        let zone = named("zone=").unwrap_or_default();
        let Some(found) = http.zones.get(zone) else {
            draft.leave_out(directive.line, directive.text(), "its zone was not carried over");
            continue;
        };
        // A bucket of nginx lets one request through besides its burst.
        let burst: u64 = named("burst=").and_then(|burst| burst.parse().ok()).unwrap_or(0);
        if burst > 0 && !directive.words.iter().any(|word| word == "nodelay") {
            draft.leave_out(
                directive.line,
                format!("the delay of {}", directive.text()),
                "requests within the burst pass at once (as with `nodelay`)",
            );
        }
        let name = words::name(zone);
        statements.push(format!("limit {name} {}{} burst {}", found.rate, found.by, burst.saturating_add(1)));
        level.limits.push(name);
    }
    let dropped = inherited.iter().filter(|name| !level.limits.contains(name)).map(|name| format!("drop limit {name}"));
    let dropped: Vec<String> = dropped.collect();
    statements.splice(0..0, dropped);
}

/// Why a directive is not carried over.
pub(super) fn reason(name: &str) -> &'static str {
    match name {
        "root" | "alias" | "index" | "try_files" | "autoindex" => "files are not served: send these requests to a service",
        "expires" => "write `response { set Cache-Control \"…\" }`",
        "error_page" | "proxy_intercept_errors" => "write `error STATUSES …` with a text or a page",
        "if" => "it is read in a server or a location only",
        "internal" => "requests of the gateway's own do not exist",
        "limit_except" => "write a route for each set of methods",
        "map" | "set" | "geo" | "split_clients" => "there are no variables: write a `match`, a `require` or a `when` where it was used",
        "include" => "other files are not read: import them one by one",
        "log_format" => "the access log has its own format; `log access json { field … }` adds to it",
        "satisfy" => "addresses and passwords are both asked for",
        "gzip_types" | "gzip_min_length" | "gzip_comp_level" | "gzip_vary" | "gzip_proxied" | "gzip_disable" | "gzip_http_version" => {
            "`compress` takes compressible types from 1 KiB, and sets `Vary`"
        }
        "proxy_next_upstream" | "proxy_next_upstream_tries" | "proxy_next_upstream_timeout" => "write `retry` in the upstream",
        "limit_conn" | "limit_conn_zone" => "write `limit NAME N concurrent by KEY`",
        "auth_request" | "auth_request_set" => "write an `auth forward` for it",
        "mirror" | "mirror_request_body" => "write `mirror P% -> UPSTREAM` on the route",
        "real_ip_header" | "real_ip_recursive" => {
            "`trust` reads `X-Forwarded-For` from right to left over trusted addresses, or `Forwarded` where it says `field forwarded`"
        }
        _ if name.starts_with("ssl_") => "certificates are not carried over: name them in the listener's `tls`",
        _ if name.starts_with("proxy_cache") => "write `cache` on the route, with what it is to keep and for how long",
        _ if name.starts_with("fastcgi_") || name.starts_with("uwsgi_") || name.starts_with("grpc_") => "only HTTP is spoken to upstreams",
        _ => "it has no counterpart",
    }
}
