//! What `gate run --dev` says when it starts: what is made up, and a request for each route that works as printed.

use super::secrets::Machine;
use crate::compile::made_up::NAME;
use crate::http::Clock;
use crate::ir::{Program, Route};
use crate::lang::expr::Secret;
use crate::policy::auth::{Declared, Kind, Mode, Runtime};
use crate::route::relation::overlap;
use std::fmt::Write;
use std::net::SocketAddr;
use std::sync::Arc;

/// The runtimes of a program's auths, by their index.
type Auths = [Option<Arc<Runtime>>];

/// The text, for a gateway that listens at an address.
pub fn notes(program: &Program, auths: &Auths, machine: &Machine, address: SocketAddr) -> String {
    let mut out = String::from("gate: development mode, for this machine only: upstreams answer from their stubs\n");
    for declared in &program.auths {
        for secret in secrets(declared) {
            if machine.invention(secret).is_some() {
                let _ = writeln!(out, "gate: {} is not set, so one was made up for auth `{}`", secret_name(secret), declared.name);
            }
        }
    }
    out.push_str("\ntry:\n");
    for route in &program.routes {
        if let Some(line) = curl(route, program, auths, machine, address) {
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
        Kind::Remote(_) => Vec::new(),
    }
}

/// A request that the route takes, with credentials that let it in.
fn curl(route: &Route, program: &Program, auths: &Auths, machine: &Machine, address: SocketAddr) -> Option<String> {
    let example = overlap(&route.key, &route.key)?;
    let mut line = "curl -i".to_owned();
    if example.method != "GET" {
        let _ = write!(line, " -X {}", example.method);
    }
    if let Some(host) = &example.host {
        let _ = write!(line, " -H 'Host: {host}'");
    }
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
    let _ = write!(line, " 'http://{}{}'", reachable(address), example.path);
    Some(line)
}

/// The credential of an auth as curl takes it; none when it is the machine's own and so not ours to know.
fn credential(index: u16, program: &Program, auths: &Auths, machine: &Machine) -> Option<String> {
    let declared = program.auths.get(usize::from(index))?;
    let invented = || secrets(declared).into_iter().find_map(|secret| machine.invention(secret)?.credential);
    let runtime = auths.get(usize::from(index))?.as_ref()?;
    match &declared.kind {
        Kind::Remote(_) => None,
        Kind::Basic(_) => invented().map(|credential| format!(" -u '{credential}'")),
        Kind::Jwt(_) | Kind::Key(_) => {
            let mut given = serde_json::Map::new();
            if matches!(declared.kind, Kind::Key(_)) {
                given.insert("name".to_owned(), NAME.into());
            }
            let (name, value) = runtime.mint(&given, Clock::system().now()).ok()?;
            Some(format!(" -H '{name}: {}'", value.to_str().ok()?))
        }
    }
}

/// An address a client on this machine can use.
fn reachable(address: SocketAddr) -> String {
    if address.ip().is_unspecified() { format!("localhost:{}", address.port()) } else { address.to_string() }
}
