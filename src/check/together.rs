//! What parts that are sound by themselves mean together: passwords on listeners without TLS, upstreams that are the gateway
//! itself, times that outlast the drain, fields that scripts of other origins may not send, limits that others shadow.

use super::declare::Bench;
use super::upstream::UpstreamFacts;
use super::uses::Level;
use crate::diag::{Code, Diagnostic, Edit, Report, Span};
use crate::ir::Route;
use crate::lang::checker::{Checker, RouteFacts};
use crate::lang::literal;
use crate::lang::types::Type;
use crate::lang::value::Value;
use crate::lang::{Given, Node};
use crate::policy::auth::{self, Carrier, Kind, Mode, Remote};
use crate::policy::{Config, Effective, cors};
use crate::syntax::ast::{Expr, ExprKind, TextPart};
use crate::upstream::check as upstream_check;
use http::HeaderName;
use std::collections::BTreeMap;
use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

/// A listener as it is written.
pub struct Door<'a> {
    node: Node<'a>,
    address: SocketAddr,
    at: Span,
}

/// The gateway's listeners at ports; what is wrong with one has been said.
pub fn doors<'a>(level: &Level<'a>, bench: &Bench<'_, 'a>) -> Vec<Door<'a>> {
    let mut unheard = Report::new();
    let mut checker = Checker { report: &mut unheard, names: &bench.names, facts: RouteFacts::default() };
    let listens = level.statements.iter().map(|statement| &statement.node).filter(|node| node.form.word == "listen");
    let mut found = Vec::new();
    for node in listens {
        let Some(given) = node.get("address") else { continue };
        let Some(Value::Text(text)) = checker.constant(given, Type::Address) else { continue };
        if let Some(address) = super::listen::address(&text).and_then(|address| address.tcp()) {
            found.push(Door { node: node.clone(), address, at: given.expr.span });
        }
    }
    found
}

/// `upstream::target-loop`: a target that is one of the gateway's own listeners.
pub fn loops<'a>(upstreams: &[UpstreamFacts<'a>], doors: &[Door<'a>], bench: &mut Bench<'_, 'a>) {
    let mut found = Vec::new();
    let mut unheard = Report::new();
    let mut checker = Checker { report: &mut unheard, names: &bench.names, facts: RouteFacts::default() };
    for facts in upstreams {
        let targets = facts.level.statements.iter().map(|statement| &statement.node).filter(|node| node.form.word == "target");
        for node in targets {
            let Some(target) = upstream_check::target(node, &mut checker) else { continue };
            let own = doors.iter().find(|door| is_own(&target.host, target.port, door.address));
            if let Some(door) = own {
                found.push(
                    Diagnostic::new(Code::UpstreamTargetLoop, format!("upstream `{}` is the gateway itself", facts.config.name))
                        .at(node.span_of("url"), "requests would be sent here")
                        .also(door.at, "where the gateway listens")
                        .help("name the address of the service behind the gateway"),
                );
            }
        }
    }
    found.into_iter().for_each(|found| bench.report.push(found));
}

/// True when a connection to the target is one to the listener.
fn is_own(host: &str, port: u16, listener: SocketAddr) -> bool {
    if port != listener.port() || port == 0 {
        return false;
    }
    let here = listener.ip();
    match host.parse::<IpAddr>() {
        Ok(ip) if ip.is_loopback() || ip.is_unspecified() => here == ip || reaches(here, ip) || (ip.is_unspecified() && here.is_loopback()),
        Ok(ip) => here == ip,
        Err(_) => host == "localhost" && (here.is_unspecified() || here.is_loopback()),
    }
}

/// True when a listener on every address takes connections to this one: `[::]` takes both families.
fn reaches(listener: IpAddr, ip: IpAddr) -> bool {
    listener.is_unspecified() && (listener.is_ipv6() || ip.is_ipv4())
}

/// `auth::basic-over-plaintext`: passwords that a listener without TLS takes from other machines.
pub fn plaintext_passwords<'a>(routes: &[Route], auths: &[auth::Declared], nodes: &[&Node<'a>], doors: &[Door<'a>], report: &mut Report) {
    let open =
        |door: &&Door<'_>| !door.address.ip().is_loopback() && door.node.child("tls").is_none() && door.node.child("redirect").is_none();
    let Some(door) = doors.iter().find(open) else { return };
    for (index, (declared, node)) in auths.iter().zip(nodes).enumerate() {
        let used = || routes.iter().filter_map(Route::auth).any(|auth| auth.auths.iter().any(|used| usize::from(*used) == index));
        if matches!(declared.kind, Kind::Basic(_)) && used() {
            report.push(
                Diagnostic::new(Code::AuthBasicOverPlaintext, format!("the passwords of `{}` can be read on their way", declared.name))
                    .at(node.span_of("name"), "a name and a password in every request")
                    .also(door.at, "taken here without TLS")
                    .help("listen with `tls`, or on 127.0.0.1 behind something that has it"),
            );
        }
    }
}

/// `timeout::past-drain`: a written `total` that is longer than `drain`.
pub fn past_drain(total: Option<(Duration, Span)>, drain: Duration, written: Option<Span>, report: &mut Report) {
    let Some((total, at)) = total.filter(|(total, _)| *total > drain) else { return };
    let (long, short) = (literal::written(total), literal::written(drain));
    let found = Diagnostic::new(Code::TimeoutPastDrain, format!("a request may take {long}, but a gateway that stops waits only {short}"))
        .at(at, "longer than `drain`");
    let found = match written {
        Some(drain) => found.also(drain, "then what still runs is cut off"),
        None => found,
    };
    report.push(found.help(format!("write `drain {long}` in `gateway`, or a shorter `total`")));
}

/// A field that a request must have, and where that is said.
struct Needed {
    name: HeaderName,
    at: Span,
}

/// `cors::header-missing`: a route reads a field that scripts of the allowed origins may not send.
pub fn unsendable<'a>(
    policies: &[Config],
    in_force: &[Effective<'a>],
    conditions: &[Given<'a>],
    auths: Option<&[auth::Declared]>,
    report: &mut Report,
) {
    let Some(config) = policies.iter().find_map(|policy| match policy {
        Config::Cors(config) => Some(config),
        _ => None,
    }) else {
        return;
    };
    let Some(cors) = in_force.iter().map(|statement| &statement.node).find(|node| node.form.word == "cors") else { return };
    if cors.damaged {
        return;
    }
    let mut needed = by_auth(policies, in_force, auths, config);
    let asking = in_force.iter().filter(|statement| matches!(statement.node.form.word, "require" | "allow"));
    let asked = asking.filter_map(|statement| statement.node.get("condition")).chain(conditions.iter().copied());
    asked.for_each(|given| fields(given.expr, &mut needed));
    let mut missing: BTreeMap<String, Span> = BTreeMap::new();
    for field in needed.into_iter().filter(|field| !may_send(config, &field.name)) {
        missing.entry(field.name.as_str().to_owned()).or_insert(field.at);
    }
    if missing.is_empty() {
        return;
    }
    let names = missing.keys().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(" and ");
    let list = cors.child("headers").and_then(|child| child.get("list"));
    let at = list.map_or(cors.word, |list| list.expr.span);
    let mut found = Diagnostic::new(Code::CorsHeaderMissing, format!("scripts of other origins may not send {names}"))
        .at(at, if list.is_some() { "not among these" } else { "no `headers` in it" });
    for (name, place) in &missing {
        found = found.also(*place, format!("but `{name}` is asked for here"));
    }
    let texts = missing.keys().map(|name| format!("\"{name}\"")).collect::<Vec<_>>().join(", ");
    found = match list.map(|list| (&list.expr.kind, list.expr.span)) {
        Some((ExprKind::List(items), span)) if !span.is_empty() => {
            let at = Span { start: span.end - 1, end: span.end - 1, ..span };
            let text = if items.is_empty() { texts.clone() } else { format!(", {texts}") };
            found.help(format!("add {texts} to `headers`")).fix(format!("add {texts} to `headers`"), vec![Edit { span: at, text }])
        }
        _ => found.help(format!("add `headers [{texts}]`")),
    };
    report.push(found);
}

/// The fields that the auth in force takes credentials from, as far as none of its other ways is open to scripts.
fn by_auth(policies: &[Config], in_force: &[Effective<'_>], auths: Option<&[auth::Declared]>, cors: &cors::Config) -> Vec<Needed> {
    let config = policies.iter().find_map(|policy| match policy {
        Config::Auth(config) => Some(config),
        _ => None,
    });
    let statement = in_force.iter().map(|statement| &statement.node).find(|node| node.form.word == "auth");
    let (Some(config), Some(statement), Some(auths)) = (config, statement, auths) else { return Vec::new() };
    let asked = config.auths.iter().filter_map(|index| auths.get(usize::from(*index)));
    let blocked: Vec<Option<HeaderName>> = asked.map(|declared| blocked(declared, cors)).collect();
    // One way in is enough where one identity is.
    if config.mode == Mode::Any && blocked.iter().any(Option::is_none) {
        return Vec::new();
    }
    blocked.into_iter().flatten().map(|name| Needed { name, at: statement.span }).collect()
}

/// The first field of an auth when scripts can send its credential in none of its ways.
fn blocked(declared: &auth::Declared, cors: &cors::Config) -> Option<HeaderName> {
    let carriers: Vec<Carrier> = match &declared.kind {
        Kind::Jwt(jwt) => jwt.terms.from.clone(),
        Kind::Key(key) => key.from.clone(),
        Kind::Remote(Remote::Issuer(issuer)) => issuer.terms.from.clone(),
        Kind::Basic(_) | Kind::Remote(Remote::Introspect(_)) => vec![Carrier::Header(http::header::AUTHORIZATION)],
        // The service decides what it looks at.
        Kind::Remote(Remote::Forward(_)) => return None,
    };
    let open = carriers.iter().any(|carrier| match carrier {
        Carrier::Header(name) => may_send(cors, name),
        Carrier::Cookie(_) => cors.credentials,
        Carrier::Query(_) => true,
    });
    let first = carriers.into_iter().find_map(|carrier| match carrier {
        Carrier::Header(name) => Some(name),
        Carrier::Cookie(_) | Carrier::Query(_) => None,
    });
    first.filter(|_| !open)
}

/// The fields that an expression reads by name.
fn fields(tree: &Expr, out: &mut Vec<Needed>) {
    match &tree.kind {
        ExprKind::Term(term) => {
            let values = term.args.iter().flatten().filter_map(|arg| arg.value.as_ref());
            if let ([function], Some(name)) = (term.path.as_slice(), values.clone().next().and_then(Expr::as_plain_text))
                && function.text == "header"
                && let Ok(name) = HeaderName::try_from(name)
            {
                out.push(Needed { name, at: tree.span });
                return;
            }
            values.for_each(|value| fields(value, out));
        }
        ExprKind::Paren(inner) | ExprKind::Not(inner) => fields(inner, out),
        ExprKind::Binary(left, _, right) => {
            fields(left, out);
            fields(right, out);
        }
        ExprKind::List(items) => items.iter().for_each(|item| fields(item, out)),
        ExprKind::Text(parts) => parts.iter().for_each(|part| {
            if let TextPart::Interpolation(inner) = part {
                fields(inner, out);
            }
        }),
        ExprKind::Literal(..) | ExprKind::Regex(_) | ExprKind::Path(_) | ExprKind::Url(_) => {}
    }
}

/// Fields that need no leave, that browsers write themselves, or that proxies do (Fetch standard, "CORS-safelisted" and
/// "forbidden request-header").
const NO_LEAVE: &[&str] = &[
    "accept",
    "accept-charset",
    "accept-encoding",
    "accept-language",
    "content-language",
    "content-type",
    "cookie",
    "date",
    "dnt",
    "forwarded",
    "host",
    "origin",
    "range",
    "referer",
    "user-agent",
    "via",
    "x-real-ip",
];

/// True when a script of an allowed origin may send the field.
fn may_send(cors: &cors::Config, name: &HeaderName) -> bool {
    let name = name.as_str();
    let own = NO_LEAVE.contains(&name) || ["sec-", "proxy-", "x-forwarded-"].iter().any(|start| name.starts_with(start));
    // `*` does not stand for `authorization`, and with credentials for nothing.
    let any = !cors.credentials && name != "authorization" && cors.headers.iter().any(|listed| listed == "*");
    own || any || cors.headers.iter().any(|listed| listed == name)
}

/// What is known of limits that others shadow, by the place of their declaration: a limit is reached when it is on one route.
#[derive(Default)]
pub struct Shadows(BTreeMap<Span, Option<Diagnostic>>);

impl Shadows {
    /// Looks at the limits of one route.
    pub fn look(&mut self, policies: &[Config], in_force: &[Effective<'_>]) {
        let limits = policies.iter().find_map(|policy| match policy {
            Config::Limit(config) => Some(config),
            _ => None,
        });
        let Some(config) = limits else { return };
        let node = |name: &str| {
            let mut limits = in_force.iter().map(|statement| &statement.node).filter(|node| node.form.word == "limit");
            limits.find(|node| node.word_in("name").is_some_and(|word| word.text == name))
        };
        for (at, limit) in config.limits.iter().enumerate() {
            let Some(here) = node(&limit.name) else { continue };
            let shadow = config.shadow_of(at).and_then(|by| Some((by, node(&by.name)?)));
            let found = shadow.map(|(by, there)| {
                Diagnostic::new(Code::LimitShadowed, format!("limit `{}` is never reached", limit.name))
                    .at(here.span_of("rate"), format!("`{}` stops a request first", by.name))
                    .also(there.span_of("rate"), "for the same callers, and allows no more")
                    .help("remove it, or make it the stricter one")
            });
            let known = self.0.entry(here.span).or_insert_with(|| found.clone());
            if found.is_none() {
                *known = None;
            }
        }
    }

    /// Reports what is shadowed wherever it is in force.
    pub fn report(self, report: &mut Report) {
        self.0.into_values().flatten().for_each(|found| report.push(found));
    }
}
