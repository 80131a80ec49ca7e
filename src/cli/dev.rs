//! What `gate run --dev` says when it starts: what is made up, and a request for each route that works as printed.

use super::example::Example;
use super::secrets::Machine;
use crate::compile::made_up::NAME;
use crate::http::{Address, Clock};
use crate::ir::{Listener, Program, Route};
use crate::lang::expr::Secret;
use crate::policy::auth::{Declared, Introspect, Issuer, IssuerKeys, Kind, Mode, Remote, Runtime};
use serde_json::{Map, Value as Json};
use std::fmt::Write;
use std::net::SocketAddr;
use std::sync::Arc;

/// The runtimes of a program's auths, by their index.
type Auths = [Option<Arc<Runtime>>];

/// The text, for a gateway whose listeners are at these addresses, and its admin listener there.
pub fn notes(program: &Program, auths: &Auths, machine: &Machine, addresses: &[Address], admin: Option<SocketAddr>) -> String {
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
        let _ = match curl(route, program, auths, machine, door) {
            Ok(line) => writeln!(out, "  {line}"),
            Err(why) => writeln!(out, "  # {}: {why}", route.name),
        };
    }
    if let (Some(address), Some(admin)) = (admin, &program.gateway.admin) {
        let credential = match admin.auth {
            Some(index) => credential(index, Map::new(), program, auths, machine),
            None => Ok(String::new()),
        };
        let _ = match credential {
            Ok(credential) => writeln!(out, "  curl -i{credential} 'http://{address}/admin/status'"),
            Err(why) => writeln!(out, "  # admin: {why}"),
        };
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

/// A request that the route takes, with credentials that let it in; or why there is none.
fn curl(route: &Route, program: &Program, auths: &Auths, machine: &Machine, door: (&Listener, &Address)) -> Result<String, String> {
    let example = Example::of(route, program, door.0)?;
    let sample = &example.sample;
    let mut line = "curl -i".to_owned();
    if sample.method != "GET" {
        let _ = write!(line, " -X {}", sample.method);
    }
    let base = base(door, sample.host.as_deref(), machine, &mut line);
    for (name, value) in &sample.headers {
        let _ = write!(line, " -H {}", quoted(&format!("{name}: {value}")));
    }
    if let Some(auth) = route.auth() {
        let wanted: &[u16] = match auth.mode {
            Mode::Public { .. } => &[],
            Mode::One | Mode::All => &auth.auths,
            // One of them is enough.
            Mode::Any | Mode::Optional => auth.auths.get(..1).unwrap_or_default(),
        };
        for index in wanted {
            let declared = program.auths.get(usize::from(*index)).ok_or("no such auth")?;
            line.push_str(&credential(*index, example.attributes(*index, declared), program, auths, machine)?);
        }
    }
    if matches!(sample.method.as_str(), "POST" | "PUT" | "PATCH") {
        line.push_str(" -H 'Content-Type: application/json' -d '{}'");
    }
    let _ = write!(line, " {}", quoted(&format!("{base}{}", sample.target)));
    Ok(line)
}

/// One word of a shell's line.
fn quoted(text: &str) -> String {
    format!("'{}'", text.replace('\'', r"'\''"))
}

/// The credential of an auth as curl takes it, for a caller of whom this is known.
///
/// # Errors
/// When there is none that is ours to know.
fn credential(index: u16, mut given: Map<String, Json>, program: &Program, auths: &Auths, machine: &Machine) -> Result<String, String> {
    let found = program.auths.get(usize::from(index)).zip(auths.get(usize::from(index)).and_then(Option::as_ref));
    let (declared, runtime) = found.ok_or("its auth is not there")?;
    let invented = || secrets(declared).into_iter().find_map(|secret| machine.invention(secret)?.credential);
    match &declared.kind {
        Kind::Basic(_) if given.get("name").is_none_or(|name| name == NAME) => match invented() {
            Some(credential) => Ok(format!(" -u {}", quoted(&credential))),
            None => Err(format!("it takes one of your users of `{}`", declared.name)),
        },
        Kind::Basic(_) | Kind::Jwt(_) | Kind::Key(_) | Kind::Remote(_) => {
            if !given.contains_key("name") && declared.attributes.iter().any(|attribute| attribute.name == "name") {
                given.insert("name".to_owned(), NAME.into());
            }
            let (name, value) = runtime.mint(&given, Clock::system().now())?;
            let value = value.to_str().map_err(|_| "its credential is no text".to_owned())?;
            Ok(format!(" -H {}", quoted(&format!("{name}: {value}"))))
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
