//! How endpoints are found and reached: `resolve`, `concurrency`, `tls`, `http2` and `openapi`.

use super::health::plain_path;
use crate::diag::{Code, Diagnostic};
use crate::lang::expr::Secret;
use crate::lang::form::{Form, Slot};
use crate::lang::types::Type;
use crate::lang::value::Value;
use crate::lang::{Checker, Node};
use serde::{Deserialize, Serialize};
use std::time::Duration;

/// Endpoints that DNS names: A and AAAA records of a host, or SRV records (RFC 2782).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Resolve {
    /// The host, or the SRV name.
    pub host: String,
    /// The port; SRV records bring their own.
    pub port: Option<u16>,
    /// Looked up again after this, or after the record's time to live when that is shorter.
    pub every: Duration,
}

/// How much an upstream is asked at once.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Concurrency {
    /// Most requests in flight.
    pub most: u32,
    /// How many may wait for a place; more are refused with 503.
    pub queue: u32,
}

/// TLS towards an upstream, and what makes the targets that `resolve` finds speak it. Its certificate is always verified.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Tls {
    /// The authorities that are believed, in PEM, instead of the usual ones.
    pub ca: Option<Secret>,
    /// The gateway's own certificate and key, in PEM.
    pub identity: Option<(Secret, Secret)>,
    /// The name that is asked for and verified, when it is not the `Host` sent.
    pub server_name: Option<String>,
}

/// The upstream's own OpenAPI document.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Openapi {
    /// Where it is.
    pub path: String,
    /// How often it is fetched.
    pub every: Duration,
}

/// Most requests in flight or waiting.
const REQUESTS_MAX: u64 = 1_000_000;

const EVERY: Form = Form::new("every", "how often").slots(&[Slot::value("time", "a duration")]).required();

pub(super) const RESOLVE: Form = Form::new("resolve", "targets found by DNS, looked up again and again")
    .slots(&[Slot::fixed("dns"), Slot::value("name", "`\"host:port\"`, or the name of SRV records")])
    .children(&[EVERY]);

pub(super) const CONCURRENCY: Form = Form::new("concurrency", "most requests in flight to the upstream")
    .slots(&[Slot::value("most", "an integer")])
    .children(&[Form::new("queue", "how many may wait for a place; more are refused with 503")
        .slots(&[Slot::value("count", "an integer")])
        .default("queue 0")]);

pub(super) const TLS: Form = Form::new("tls", "TLS towards the upstream; its certificate is always verified").children(&[
    Form::new("ca", "the authorities that are believed, in PEM").slots(&[Slot::value("file", "a `file(…)`")]),
    Form::new("cert", "the gateway's own certificate, in PEM").slots(&[Slot::value("file", "a `file(…)`")]),
    Form::new("key", "the key of that certificate, in PEM").slots(&[Slot::value("file", "a `file(…)` or `env(…)`")]),
    Form::new("server_name", "the name that is asked for and verified").slots(&[Slot::value("name", "a host in quotes")]),
]);

pub(super) const HTTP2: Form = Form::new("http2", "HTTP/2 towards the upstream");

pub(super) const OPENAPI: Form = Form::new("openapi", "the upstream's own OpenAPI document, for `respond openapi`")
    .slots(&[Slot::value("path", "a path")])
    .children(&[EVERY]);

/// Reads `resolve`.
pub fn resolve(node: &Node<'_>, checker: &mut Checker<'_>) -> Option<Resolve> {
    let given = node.get("name")?;
    let text = checker.text(given)?;
    let (host, port) = match text.rsplit_once(':') {
        Some((host, port)) => (host, Some(port.parse::<u16>().ok().filter(|port| *port > 0))),
        None => (text.as_str(), None),
    };
    let service = host.starts_with('_');
    let sound = !host.is_empty() && host.split('.').all(|label| !label.is_empty()) && port.is_some() != service && port != Some(None);
    if !sound {
        checker.report.push(
            Diagnostic::new(Code::TypeMismatch, format!("`{text}` names nothing to look up"))
                .at(given.expr.span, "")
                .help("write `\"orders.svc:9000\"`, or the name of SRV records without a port: `\"_orders._tcp.svc\"`"),
        );
        return None;
    }
    let every = checker.lasting(node.child("every")?.get("time")?)?;
    Some(Resolve { host: host.to_ascii_lowercase(), port: port.flatten(), every })
}

/// Reads `concurrency`.
pub fn concurrency(node: &Node<'_>, checker: &mut Checker<'_>) -> Option<Concurrency> {
    let most = checker.int(node.get("most")?, 1..=REQUESTS_MAX);
    let queue = match node.child("queue").and_then(|child| child.get("count")) {
        Some(given) => checker.int(given, 0..=REQUESTS_MAX),
        None => Some(0),
    };
    Some(Concurrency { most: u32::try_from(most?).ok()?, queue: u32::try_from(queue?).ok()? })
}

/// Reads `tls`.
pub fn tls(node: &Node<'_>, checker: &mut Checker<'_>) -> Option<Tls> {
    let mut file = |clause: &str| match node.child(clause).and_then(|child| child.get("file")) {
        Some(given) if clause == "key" => checker.secret(given).map(Some),
        Some(given) => checker.file(given).map(Some),
        None => Some(None),
    };
    let (ca, cert, key) = (file("ca"), file("cert"), file("key"));
    let server_name = match node.child("server_name").and_then(|child| child.get("name")) {
        Some(given) => match checker.constant(given, Type::Host) {
            Some(Value::Text(name)) => Some(Some(name.to_string())),
            _ => None,
        },
        None => Some(None),
    };
    let (ca, cert, key, server_name) = (ca?, cert?, key?, server_name?);
    let alone = match (&cert, &key) {
        (Some(_), None) => Some(("cert", "key")),
        (None, Some(_)) => Some(("key", "cert")),
        (Some(_), Some(_)) | (None, None) => None,
    };
    if let Some((written, missing)) = alone {
        let at = node.child(written).map_or(node.span, |child| child.span);
        checker.report.push(
            Diagnostic::new(Code::SchemaMissingKey, format!("`{written}` goes with a `{missing}`"))
                .at(at, format!("without `{missing}`"))
                .help("the gateway proves who it is with both, a certificate and its key"),
        );
        return None;
    }
    Some(Tls { ca, identity: cert.zip(key), server_name })
}

/// Reports `tls` where every target is plain.
pub fn tls_for_nobody(upstream: &str, node: &Node<'_>, target: &Node<'_>, checker: &mut Checker<'_>) {
    checker.report.push(
        Diagnostic::new(Code::UpstreamPlainTarget, format!("upstream `{upstream}` has no target that speaks TLS"))
            .at(node.span, "never used")
            .also(target.span, "this is plain text")
            .help("write `https://…` in its targets, or leave `tls` out"),
    );
}

/// Reads `openapi`.
pub fn openapi(node: &Node<'_>, checker: &mut Checker<'_>) -> Option<Openapi> {
    let path = plain_path(node.get("path")?, checker);
    let every = checker.lasting(node.child("every")?.get("time")?);
    Some(Openapi { path: path?, every: every? })
}
