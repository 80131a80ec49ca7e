//! nginx configurations: a group per server, a route per location.
//!
//! What a location inherits is worked out as nginx does (a list of its own replaces an inherited one), so that each route says
//! what holds for it.

mod answer;
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
use std::collections::{BTreeMap, BTreeSet};
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
    let servers: Vec<&Directive> = inside.iter().copied().filter(|directive| directive.name == "server").collect();
    let defaults = defaults(&servers);
    for (nth, server) in servers.into_iter().enumerate() {
        let others: Vec<&str> = addresses(server)
            .into_iter()
            .filter_map(|(address, _)| defaults.get_key_value(&address).filter(|(_, default)| **default != nth))
            .map(|(address, _)| address.as_str())
            .collect();
        self::server(server, &others, &level, &mut http, draft)?;
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

/// The addresses that a server listens on, and whether it says that it is the default there.
fn addresses(server: &Directive) -> Vec<(String, bool)> {
    let listens = server.inner().iter().filter(|directive| directive.name == "listen");
    let found: Vec<(String, bool)> = listens
        .filter_map(|directive| {
            Some((address(directive)?, directive.words.iter().any(|word| matches!(word.as_str(), "default_server" | "default"))))
        })
        .collect();
    if found.is_empty() { vec![(":80".to_owned(), false)] } else { found }
}

/// Which server takes the hosts that none is named after, by address: the one that says so, else the first.
fn defaults(servers: &[&Directive]) -> BTreeMap<String, usize> {
    let mut found: BTreeMap<String, (bool, usize)> = BTreeMap::new();
    for (nth, server) in servers.iter().enumerate() {
        for (address, says) in addresses(server) {
            let default = found.entry(address).or_insert((says, nth));
            if says && !default.0 {
                *default = (true, nth);
            }
        }
    }
    found.into_iter().map(|(address, (_, nth))| (address, nth)).collect()
}

/// Makes a group of a server; on the addresses in `others` another one is nginx's default.
fn server(server: &Directive, others: &[&str], around: &Level, http: &mut Http<'_>, draft: &mut Draft) -> Result<(), Fault> {
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
    let own: BTreeSet<String> =
        addresses(server).into_iter().map(|(address, _)| address).filter(|own| !others.contains(&own.as_str())).collect();
    if others.is_empty() && !group.hosts.is_empty() {
        group.notes.push("The default server of its addresses: it takes every host.".to_owned());
        group.hosts.clear();
    } else if group.hosts.is_empty() && own.is_empty() {
        draft.leave_out(
            server.line,
            "server",
            format!("no request reaches it: another server is the default at `{}`", others.join("`, `")),
        );
        return Ok(());
    } else if !own.is_empty() && !group.hosts.is_empty() {
        let own: Vec<&str> = own.iter().map(String::as_str).collect();
        draft.leave_out(
            server.line,
            "server",
            format!("it is the default at `{}` and takes every host there: here only its names", own.join("`, `")),
        );
    }
    closed(server, draft);
    location::locations(&all, &level, &mut group, http, draft)?;
    if !group.hosts.is_empty() {
        location::rest(server, &mut group, draft);
    }
    draft.groups.push(group);
    Ok(())
}

/// Lists each `return 444`.
fn closed(directive: &Directive, draft: &mut Draft) {
    for inner in directive.inner() {
        if inner.name == "return" && inner.word(0) == "444" {
            draft.leave_out(inner.line, inner.text(), "connections are not closed without an answer: 404 is answered");
        }
        closed(inner, draft);
    }
}

fn is_default_name(directive: &Directive) -> bool {
    directive.name == "server_name" && directive.words.iter().any(|word| matches!(word.as_str(), "_" | ""))
}

fn listen(directive: &Directive, group: &mut Group, draft: &mut Draft) {
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
    match address(directive) {
        Some(written) => {
            group.listeners.insert(written);
        }
        None => draft.leave_out(directive.line, directive.text(), "it is no TCP address"),
    }
}

/// The address of a `listen`, as the language writes it.
fn address(directive: &Directive) -> Option<String> {
    let address = directive.word(0);
    let port = |text: &str| text.parse::<u16>().is_ok_and(|port| port > 0);
    if port(address) {
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
