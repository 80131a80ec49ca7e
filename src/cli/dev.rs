//! What `gate run --dev` says when it starts: what is made up, and a request for each route that works as printed.

use super::secrets::Machine;
use crate::compile::made_up::NAME;
use crate::http::{Address, Clock};
use crate::ir::{Listener, Program, Route};
use crate::lang::expr::Secret;
use crate::policy::auth::{Declared, Introspect, Issuer, IssuerKeys, Kind, Mode, Remote, Runtime};
use crate::route::relation::overlap;
use std::fmt::Write;
use std::sync::Arc;

/// The runtimes of a program's auths, by their index.
type Auths = [Option<Arc<Runtime>>];

/// The text, for a gateway whose listeners are at these addresses.
pub fn notes(program: &Program, auths: &Auths, machine: &Machine, addresses: &[Address]) -> String {
    let mut out = String::from("gate: development mode, for this machine only: upstreams answer from their stubs\n");
    for declared in &program.auths {
        for secret in secrets(declared) {
            if machine.invention(secret).is_some() {
                let _ = writeln!(out, "gate: {} is not set, so one was made up for auth `{}`", secret_name(secret), declared.name);
            }
        }
    }
    let listeners = || program.gateway.listeners.iter().zip(addresses);
    for certificate in listeners().filter_map(|(listener, _)| listener.tls.as_ref()).flat_map(|tls| &tls.certificates) {
        if machine.made_certificate(&certificate.host) {
            let _ = writeln!(out, "gate: the certificate of {} is not there, so one was made up that nobody trusts", certificate.host);
        }
    }
    // One that answers, where there is one.
    let Some(door) = listeners().find(|(listener, _)| !listener.redirect_https).or_else(|| listeners().next()) else { return out };
    out.push_str("\ntry:\n");
    for route in &program.routes {
        if let Some(line) = curl(route, program, auths, machine, door) {
            let _ = writeln!(out, "  {line}");
        }
    }
    out
}

fn secret_name(secret: &Secret) -> String {
    match secret {
        Secret::Env(name) => format!("the environment variable {name}"),
        Secret::File(path) => format!("the file {path}"),
    }
}

fn secrets(declared: &Declared) -> Vec<&Secret> {
    match &declared.kind {
        Kind::Jwt(jwt) => vec![&jwt.key],
        Kind::Key(key) => key.keys.iter().chain(key.single.iter().map(|single| &single.secret)).collect(),
        Kind::Basic(basic) => vec![&basic.users],
        Kind::Remote(Remote::Issuer(Issuer { keys: IssuerKeys::PublicKey(key), .. })) => vec![key],
        Kind::Remote(Remote::Introspect(Introspect { client_secret: Some(secret), .. })) => vec![secret],
        Kind::Remote(Remote::Issuer(_) | Remote::Forward(_) | Remote::Introspect(_)) => Vec::new(),
    }
}

/// A request that the route takes, with credentials that let it in.
fn curl(route: &Route, program: &Program, auths: &Auths, machine: &Machine, door: (&Listener, &Address)) -> Option<String> {
    let example = overlap(&route.key, &route.key)?;
    let mut line = "curl -i".to_owned();
    if example.method != "GET" {
        let _ = write!(line, " -X {}", example.method);
    }
    let base = base(door, example.host.as_deref(), machine, &mut line);
    if let Some(auth) = route.auth() {
        let wanted: &[u16] = match auth.mode {
            Mode::Public { .. } => &[],
            Mode::One | Mode::All => &auth.auths,
            // One of them is enough.
            Mode::Any | Mode::Optional => auth.auths.get(..1).unwrap_or_default(),
        };
        for index in wanted {
            line.push_str(&credential(*index, program, auths, machine)?);
        }
    }
    if matches!(example.method.as_str(), "POST" | "PUT" | "PATCH") {
        line.push_str(" -H 'Content-Type: application/json' -d '{}'");
    }
    let _ = write!(line, " '{base}{}'", example.path);
    Some(line)
}

/// The credential of an auth as curl takes it; none when it is the machine's own and so not ours to know.
fn credential(index: u16, program: &Program, auths: &Auths, machine: &Machine) -> Option<String> {
    let declared = program.auths.get(usize::from(index))?;
    let invented = || secrets(declared).into_iter().find_map(|secret| machine.invention(secret)?.credential);
    let runtime = auths.get(usize::from(index))?.as_ref()?;
    match &declared.kind {
        Kind::Basic(_) => invented().map(|credential| format!(" -u '{credential}'")),
        Kind::Jwt(_) | Kind::Key(_) | Kind::Remote(_) => {
            let mut given = serde_json::Map::new();
            if declared.attributes.iter().any(|attribute| attribute.name == "name") {
                given.insert("name".to_owned(), NAME.into());
            }
            let (name, value) = runtime.mint(&given, Clock::system().now()).ok()?;
            Some(format!(" -H '{name}: {}'", value.to_str().ok()?))
        }
    }
}

/// What a URL begins with, for a listener and perhaps a host; what else curl has to be told to reach them goes to `line`.
fn base((listener, address): (&Listener, &Address), host: Option<&str>, machine: &Machine, line: &mut String) -> String {
    let mut say = |words: std::fmt::Arguments<'_>| _ = line.write_fmt(words);
    if listener.proxy_protocol {
        say(format_args!(" --haproxy-protocol"));
    }
    let (place, port) = match address {
        Address::Unix(path) => {
            say(format_args!(" --unix-socket '{path}'"));
            ("localhost".to_owned(), None)
        }
        Address::Tcp(address) if address.ip().is_unspecified() => ("localhost".to_owned(), Some(address.port())),
        Address::Tcp(address) if address.is_ipv6() => (format!("[{}]", address.ip()), Some(address.port())),
        Address::Tcp(address) => (address.ip().to_string(), Some(address.port())),
    };
    let port_text = port.map(|port| format!(":{port}")).unwrap_or_default();
    let Some(tls) = &listener.tls else {
        if let Some(host) = host {
            say(format_args!(" -H 'Host: {host}'"));
        }
        return format!("http://{place}{port_text}");
    };
    if tls.certificates.iter().any(|certificate| machine.made_certificate(&certificate.host)) {
        say(format_args!(" --insecure"));
    }
    // The name decides which certificate is shown, so it stands in the URL.
    match (host, port) {
        (Some(host), Some(port)) => {
            say(format_args!(" --connect-to '{host}:{port}:{place}:{port}'"));
            format!("https://{host}:{port}")
        }
        (Some(host), None) => format!("https://{host}"),
        (None, _) => format!("https://{place}{port_text}"),
    }
}
