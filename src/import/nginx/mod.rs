//! nginx configurations: a group per server, a route per location.
//!
//! What a location inherits is worked out as nginx does (a list of its own replaces an inherited one), so that each route says
//! what holds for it.

mod condition;
mod expression;
mod guard;
mod level;
mod location;
mod passing;
mod rewrite;
mod tokens;
mod values;

use super::draft::{Draft, Group, LOOPBACK, LOOPBACK_TARGET, Target, target, upstream, upstream_name};
use super::{Fault, words};
use level::{Level, common};
use std::collections::BTreeMap;
use tokens::Directive;

/// What a whole file says that its servers refer to.
#[derive(Default)]
struct Http<'f> {
    zones: BTreeMap<String, Zone>,
    upstreams: BTreeMap<String, &'f Directive>,
    /// The upstreams in use: by name or address, the name in the policy and which hosts they are to be sent.
    used: BTreeMap<String, Used>,
    /// Declared auths, by the file of passwords.
    auths: BTreeMap<String, String>,
}

/// `limit_req_zone`
struct Zone {
    rate: String,
    by: String,
}

/// An upstream that a location sends to.
struct Used {
    line: usize,
    name: String,
    kept: bool,
    own: bool,
}

/// Reads a configuration into a draft.
pub(super) fn read(text: &str, draft: &mut Draft) -> Result<(), Fault> {
    let file = tokens::directives(text)?;
    let mut http = Http::default();
    let mut level = Level::default();
    let mut statements = Vec::new();
    let mut inside: Vec<&Directive> = Vec::new();
    for directive in &file {
        match directive.name.as_str() {
            "http" => inside.extend(directive.inner()),
            "worker_processes" => match directive.word(0).parse::<u16>() {
                Ok(number) if number > 0 => draft.gateway.push(format!("workers {number}")),
                _ if directive.word(0) == "auto" => {}
                _ => draft.leave_out(directive.line, directive.text(), "it is no number of workers"),
            },
            "server" | "upstream" | "limit_req_zone" | "map" => inside.push(directive),
            "events" => {
                directive.inner().iter().for_each(|inner| draft.leave_out(inner.line, inner.text(), "the runtime has no such setting"))
            }
            "stream" | "mail" => draft.leave_out(directive.line, directive.text(), "only HTTP is spoken"),
            _ if directive.block.is_some() => draft.leave_out(directive.line, directive.text(), "it has no counterpart"),
            _ => inside.push(directive),
        }
    }
    for directive in &inside {
        match directive.name.as_str() {
            "limit_req_zone" => zone(directive, &mut http, draft),
            "upstream" => {
                http.upstreams.insert(directive.word(0).to_owned(), directive);
            }
            _ => {}
        }
    }
    let rest: Vec<&Directive> =
        inside.iter().copied().filter(|directive| !matches!(directive.name.as_str(), "limit_req_zone" | "upstream" | "server")).collect();
    for left in common(&rest, &mut level, &mut statements, &mut http, draft) {
        match left.name.as_str() {
            "client_header_timeout" | "keepalive_timeout" => {
                let word = if left.name == "keepalive_timeout" { "idle" } else { "header_timeout" };
                match values::time(left.word(0)).filter(|time| *time > 0) {
                    Some(time) => draft.gateway.push(format!("limits {{ {word} {} }}", words::duration(time))),
                    None => draft.leave_out(left.line, left.text(), "it is no time"),
                }
            }
            "set_real_ip_from" => draft.gateway.push(format!("trust {}", left.word(0))),
            // The files of the servers themselves, as a rule.
            "include" => draft.leave_out(left.line, left.text(), level::reason(&left.name)),
            _ => guard::leave(left, &mut level, draft),
        }
    }
    let gateway = std::mem::take(&mut draft.gateway);
    draft.gateway.extend(limits(gateway));
    draft.gateway.extend(statements);
    for server in inside.iter().filter(|directive| directive.name == "server") {
        self::server(server, &level, &mut http, draft)?;
    }
    upstreams(&http, draft);
    let unused: Vec<(usize, String)> = http
        .upstreams
        .iter()
        .filter(|(name, _)| !http.used.contains_key(name.as_str()))
        .map(|(_, directive)| (directive.line, directive.text()))
        .collect();
    unused.into_iter().for_each(|(line, text)| draft.leave_out(line, text, "no location that was carried over sends to it"));
    Ok(())
}

/// The clauses of `limits` and the networks of `trust`, each kind in one statement.
fn limits(statements: Vec<String>) -> Vec<String> {
    let (mut out, mut clauses, mut trusted) = (Vec::new(), Vec::new(), Vec::new());
    for statement in statements {
        if let Some(clause) = statement.strip_prefix("limits { ").and_then(|rest| rest.strip_suffix(" }")) {
            clauses.push(clause.to_owned());
        } else if let Some(network) = statement.strip_prefix("trust ") {
            trusted.push(network.to_owned());
        } else {
            out.push(statement);
        }
    }
    if !clauses.is_empty() {
        out.push(format!("limits {{\n{}\n}}", clauses.join("\n")));
    }
    if !trusted.is_empty() {
        out.push(format!("trust [{}]", trusted.join(", ")));
    }
    out
}

fn zone(directive: &Directive, http: &mut Http<'_>, draft: &mut Draft) {
    let named = |name: &str| directive.words.iter().find_map(|word| word.strip_prefix(name));
    let name = named("zone=").and_then(|zone| zone.split(':').next());
    let rate = named("rate=").and_then(values::rate);
    let by = match directive.word(0) {
        "$binary_remote_addr" | "$remote_addr" => Some(" by client.ip"),
        "$server_name" | "$host" | "$http_host" => Some(" by request.host"),
        "$request_uri" | "$uri" => Some(" by request.path"),
        _ => None,
    };
    match (name, rate, by) {
        (Some(name), Some(rate), Some(by)) => {
            http.zones.insert(name.to_owned(), Zone { rate, by: by.to_owned() });
        }
        (_, _, None) => draft.leave_out(directive.line, directive.text(), "its key has no counterpart, so its limits are left out"),
        _ => draft.leave_out(directive.line, directive.text(), "its zone or rate cannot be read"),
    }
}

fn server(server: &Directive, around: &Level, http: &mut Http<'_>, draft: &mut Draft) -> Result<(), Fault> {
    let mut level = around.clone();
    let mut group = Group::default();
    let mut named = false;
    let mut listens = false;
    let all: Vec<&Directive> = server.inner().iter().collect();
    let mut inner: Vec<&Directive> = Vec::new();
    for directive in &all {
        match directive.name.as_str() {
            "listen" => {
                listens = true;
                listen(directive, &mut group, draft);
            }
            "server_name" => {
                named = true;
                hosts(directive, &mut group, draft);
            }
            "location" | "rewrite" | "return" | "if" => {}
            _ => inner.push(directive),
        }
    }
    if !listens {
        group.listeners.insert(":80".to_owned());
    }
    if named && group.hosts.is_empty() && !all.iter().any(|directive| is_default_name(directive)) {
        draft.leave_out(server.line, "server", "none of its names is a host of the language, and it is not opened to every host");
        return Ok(());
    }
    let mut statements = Vec::new();
    for left in common(&inner, &mut level, &mut statements, http, draft) {
        guard::leave(left, &mut level, draft);
    }
    group.statements = statements;
    let wish = group.hosts.first().map_or_else(|| "server".to_owned(), |host| words::name(host.trim_start_matches("*.")));
    group.name = draft.name("group", &wish);
    location::locations(&all, &level, &mut group, http, draft)?;
    draft.groups.push(group);
    Ok(())
}

fn is_default_name(directive: &Directive) -> bool {
    directive.name == "server_name" && directive.words.iter().any(|word| matches!(word.as_str(), "_" | ""))
}

fn listen(directive: &Directive, group: &mut Group, draft: &mut Draft) {
    let address = directive.word(0);
    if directive.words.iter().any(|word| matches!(word.as_str(), "ssl" | "quic")) {
        draft.leave_out(
            directive.line,
            directive.text(),
            "a listener on loopback stands for it: give it its certificates with `tls`, then its own address",
        );
        group.listeners.insert(LOOPBACK.to_owned());
        return;
    }
    for word in directive.words.iter().skip(1).filter(|word| *word != "default_server") {
        draft.leave_out(directive.line, format!("{word} of {}", directive.text()), "a listener has no such setting");
    }
    let port = |text: &str| text.parse::<u16>().is_ok_and(|port| port > 0);
    let written = if port(address) {
        Some(format!(":{address}"))
    } else {
        let (host, number) = address.rsplit_once(':').filter(|(_, number)| !number.contains(']')).unwrap_or((address, "80"));
        let good = host.parse::<std::net::Ipv4Addr>().is_ok()
            || host
                .strip_prefix('[')
                .and_then(|inner| inner.strip_suffix(']'))
                .is_some_and(|inner| inner.parse::<std::net::Ipv6Addr>().is_ok());
        match host {
            "*" | "[::]" | "0.0.0.0" if port(number) => Some(format!(":{number}")),
            _ => (good && port(number)).then(|| format!("{host}:{number}")),
        }
    };
    match written {
        Some(written) => {
            group.listeners.insert(written);
        }
        None => draft.leave_out(directive.line, directive.text(), "it is no TCP address"),
    }
}

fn hosts(directive: &Directive, group: &mut Group, draft: &mut Draft) {
    for name in &directive.words {
        if matches!(name.as_str(), "_" | "") {
            group.hosts.clear();
            return;
        }
        let found: Vec<String> = match name.strip_prefix('.') {
            Some(domain) => vec![domain.to_owned(), format!("*.{domain}")],
            None => vec![name.clone()],
        };
        if found.iter().any(|host| host.starts_with('~') || crate::route::HostPattern::parse(host).is_err()) {
            draft.leave_out(directive.line, format!("server_name {name}"), "a host is exact, or begins with `*.`");
            continue;
        }
        group.hosts.extend(found);
    }
}

/// The upstream of an address or of a declared name, or why it is none.
fn used(address: &str, line: usize, kept: bool, http: &mut Http<'_>, draft: &mut Draft) -> Result<String, String> {
    let key = if http.upstreams.contains_key(address.trim_start_matches("http://")) {
        address.trim_start_matches("http://").to_owned()
    } else {
        match target(address) {
            Target::Unfit => return Err("it is no address of a TCP service".to_owned()),
            Target::Fit(_) => address.to_owned(),
        }
    };
    if let Some(known) = http.used.get_mut(&key) {
        known.kept |= kept;
        known.own |= !kept;
        return Ok(known.name.clone());
    }
    let wish = if http.upstreams.contains_key(&key) { words::name(&key) } else { upstream_name(address) };
    let name = draft.name("upstream", &wish);
    http.used.insert(key, Used { line, name: name.clone(), kept, own: !kept });
    Ok(name)
}

/// Declares the upstreams in use.
fn upstreams(http: &Http<'_>, draft: &mut Draft) {
    for (key, used) in &http.used {
        let mut statements = Vec::new();
        let secured = key.strip_prefix("https://");
        match (http.upstreams.get(secured.unwrap_or(key)), target(key)) {
            (Some(block), _) => targets(block, &mut statements, draft),
            (None, Target::Fit(target)) => statements.push(target),
            // INVARIANT: only what is an address is noted as used.
            (None, Target::Unfit) => {}
        }
        if secured.is_some() {
            for statement in &mut statements {
                *statement = statement.replacen("http://", "https://", 1);
            }
            draft.leave_out(
                used.line,
                format!("how {key} is believed"),
                "nginx takes any certificate without `proxy_ssl_verify`; here it is always verified: `tls` names authorities of your own",
            );
        }
        // Without `proxy_set_header Host` nginx sends the address's own name.
        if used.own && !used.kept {
            statements.push("host target".to_owned());
        } else if used.own {
            draft.leave_out(
                used.line,
                format!("the Host sent to {key}"),
                "some locations keep the client's and some do not: it is kept for all",
            );
        }
        draft.upstreams.push(upstream(&used.name, &[], &statements));
    }
}

fn targets(block: &Directive, statements: &mut Vec<String>, draft: &mut Draft) {
    for directive in block.inner() {
        if directive.name != "server" {
            let why = match directive.name.as_str() {
                "keepalive" | "keepalive_timeout" | "keepalive_requests" => "connections to upstreams are always kept",
                "least_conn" | "ip_hash" | "hash" | "random" => {
                    "write `balance` in the upstream; without it two targets are drawn, the less busy one is taken"
                }
                _ => "an upstream has no such setting",
            };
            draft.leave_out(directive.line, directive.text(), why);
            continue;
        }
        let Target::Fit(mut statement) = target(directive.word(0)) else {
            draft.leave_out(directive.line, directive.text(), "it is no address of a TCP service");
            continue;
        };
        for word in directive.words.iter().skip(1) {
            match (word.strip_prefix("weight=").and_then(|weight| weight.parse::<u32>().ok()), word.as_str()) {
                (Some(weight), _) => statement.push_str(&format!(" weight {weight}")),
                (None, "backup") => statement.push_str(" backup"),
                (None, "down") => statement.clear(),
                (None, _) => draft.leave_out(
                    directive.line,
                    format!("{word} of {}", directive.text()),
                    "write `eject after N failures for TIME` in the upstream",
                ),
            }
        }
        if statement.starts_with("target") {
            statements.push(statement);
        } else {
            draft.leave_out(directive.line, directive.text(), "it is down");
        }
    }
    if statements.is_empty() {
        draft.leave_out(block.line, block.text(), "none of its servers can be a target: a stand-in on loopback is written");
        statements.push(LOOPBACK_TARGET.to_owned());
    }
}
