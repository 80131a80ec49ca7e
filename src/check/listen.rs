//! `listen` and `admin`: where the gateway listens, for whom, and how.

use crate::diag::{Code, Diagnostic, Span};
use crate::ir::operate::{Admin, Certificate, ClientCa, Tls, TlsVersion};
use crate::ir::{Gateway, Listener};
use crate::lang::Node;
use crate::lang::checker::{Checker, Entrance};
use crate::lang::form::{Declared, Form, Slot};
use crate::lang::types::Type;
use crate::lang::value::Value;
use std::net::{Ipv6Addr, SocketAddr};
use std::sync::Arc;

const ADDRESS: Slot = Slot::value("address", "an address such as `:8080`");

/// `listen ADDRESS …`
pub const LISTEN: Form = Form::new("listen", "an address to listen on")
    .slots(&[ADDRESS])
    .children(&[
        Form::new("as", "its name, which `request.listener` gives").slots(&[Slot::name("name")]),
        Form::new("redirect", "sends clients to https").slots(&[Slot::word("scheme", &["https"])]),
        TLS,
        Form::new("proxy_protocol", "the PROXY protocol tells the client's address").later(),
    ])
    .many();

const TLS: Form = Form::new("tls", "certificates and TLS settings").children(&[
    Form::new("certificate", "a certificate and the host it is for")
        .slots(&[Slot::value("host", "a host in quotes")])
        .children(&[
            Form::new("cert", "the chain, in PEM").slots(&[Slot::value("file", "a `file(…)`")]).required(),
            Form::new("key", "its key, in PEM").slots(&[Slot::value("file", "a `file(…)` or `env(…)`")]).required(),
        ])
        .many(),
    Form::new("min_version", "the oldest version that is spoken")
        .slots(&[Slot::word("version", &["tls1_2", "tls1_3"])])
        .default("min_version tls1_2"),
    Form::new("client_ca", "the authorities whose certificates clients show")
        .slots(&[Slot::value("file", "a `file(…)`")])
        .children(&[Form::new("optional", "a client may do without a certificate")]),
    Form::new("resumption", "whether sessions may be taken up again")
        .slots(&[Slot::word("choice", &["on", "off"])])
        .default("resumption on"),
]);

/// `admin ADDRESS { auth A }`
pub const ADMIN: Form = Form::new("admin", "the admin listener: state, metrics, and what can be turned; on loopback, or with an `auth`")
    .slots(&[ADDRESS])
    .children(&[Form::new("auth", "who may come in").slots(&[Slot::declared("auth", Declared::Auth)])]);

/// The listeners and the admin listener, no two on one port.
pub fn listeners<'n, 'a: 'n>(
    nodes: impl Iterator<Item = &'n Node<'a>>,
    admin: Option<&'n Node<'a>>,
    checker: &mut Checker<'_>,
) -> (Vec<Listener>, Option<Admin>) {
    let mut taken: Vec<(SocketAddr, Span)> = Vec::new();
    let mut found = Vec::new();
    for node in nodes {
        let tls = node.child("tls").map(|tls| self::tls(tls, checker));
        let Some((address, text)) = free(node, &mut taken, checker) else { continue };
        let name = node.child("as").and_then(|child| child.word_in("name")).map_or(text, |word| word.text.clone());
        found.push(Listener {
            name,
            address,
            redirect_https: node.child("redirect").is_some(),
            tls: tls.flatten(),
            proxy_protocol: node.child("proxy_protocol").is_some(),
        });
    }
    let admin = admin.and_then(|node| {
        let auth = node.child("auth").and_then(|child| child.get("auth")).map(|given| checker.declared(given, Declared::Auth));
        let (address, text) = free(node, &mut taken, checker)?;
        if auth.is_none() && !address.ip().is_loopback() && !node.damaged {
            exposed(node, address, &text, checker);
        }
        let auth = match auth {
            Some(index) => Some(u16::try_from(index?).ok()?),
            None => None,
        };
        Some(Admin { address, auth })
    });
    (found, admin)
}

/// Where requests come to routes; nothing when some listener is not known as it is meant.
pub fn entrances<'n, 'a: 'n>(nodes: impl Iterator<Item = &'n Node<'a>>, gateway: &Gateway) -> Arc<[Entrance]> {
    let nodes: Vec<&Node<'a>> = nodes.collect();
    let as_written = |(node, listener): (&&Node<'a>, &Listener)| !node.damaged && node.child("tls").is_some() == listener.tls.is_some();
    if nodes.len() != gateway.listeners.len() || !nodes.iter().zip(&gateway.listeners).all(as_written) {
        return Arc::default();
    }
    // A proxy that is believed says itself how its client came.
    let schemes = |listener: &Listener| -> &'static [&'static str] {
        match (gateway.trust.is_empty(), &listener.tls) {
            (false, _) => &["http", "https"],
            (true, Some(_)) => &["https"],
            (true, None) => &["http"],
        }
    };
    let serving = gateway.listeners.iter().filter(|listener| !listener.redirect_https || listener.tls.is_some());
    serving.map(|listener| Entrance { listener: listener.name.clone(), schemes: schemes(listener) }).collect()
}

/// Entrances as they are told to people: `` `public` (https) and `internal` (http) ``.
pub fn told(entrances: &[Entrance]) -> String {
    let one = |entrance: &Entrance| format!("`{}` ({})", entrance.listener, entrance.schemes.join(" or "));
    entrances.iter().map(one).collect::<Vec<_>>().join(" and ")
}

fn exposed(node: &Node<'_>, address: SocketAddr, text: &str, checker: &mut Checker<'_>) {
    checker.report.push(
        Diagnostic::new(Code::TlsAdminExposed, format!("everyone who reaches `{text}` may read the gateway's state and change it"))
            .at(node.span_of("address"), "not a loopback address, and no `auth` beside it")
            .help(format!("write `admin 127.0.0.1:{}`, or say who may come in: `admin {text} {{ auth NAME }}`", address.port())),
    );
}

/// An address as it is written, unless another listener has it.
fn free(node: &Node<'_>, taken: &mut Vec<(SocketAddr, Span)>, checker: &mut Checker<'_>) -> Option<(SocketAddr, String)> {
    let given = node.get("address")?;
    let Value::Text(text) = checker.constant(given, Type::Address)? else { return None };
    let Some(address) = address(&text) else {
        checker.report.push(
            Diagnostic::new(Code::TypeMismatch, format!("`{text}` is no address to listen on"))
                .at(given.expr.span, "not an address")
                .help("write `:8080` for every address, or an IP address: `127.0.0.1:8080`, `[::1]:8080`"),
        );
        return None;
    };
    if let Some((_, first)) = taken.iter().find(|(known, _)| clash(*known, address)) {
        checker.report.push(
            Diagnostic::new(Code::TlsPortClash, format!("two listeners share port {}", address.port()))
                .at(given.expr.span, "taken already")
                .also(*first, "listens there already")
                .help("give one of them another port; `:8080` is every address of the machine"),
        );
        return None;
    }
    taken.push((address, given.expr.span));
    Some((address, text.to_string()))
}

/// `:8080` is every address of both families.
pub fn address(text: &str) -> Option<SocketAddr> {
    match text.strip_prefix(':') {
        Some(port) => Some(SocketAddr::new(Ipv6Addr::UNSPECIFIED.into(), port.parse().ok()?)),
        None => text.parse().ok(),
    }
}

/// Port 0 is a free port each time.
fn clash(first: SocketAddr, second: SocketAddr) -> bool {
    first.port() == second.port()
        && first.port() != 0
        && (first.ip() == second.ip() || first.ip().is_unspecified() || second.ip().is_unspecified())
}

fn tls(node: &Node<'_>, checker: &mut Checker<'_>) -> Option<Tls> {
    let certificates: Vec<Option<Certificate>> = node.children_of("certificate").map(|child| certificate(child, checker)).collect();
    if certificates.is_empty() && !node.damaged {
        checker.report.push(
            Diagnostic::new(Code::SchemaMissingKey, "`tls` needs a `certificate`")
                .at(node.word, "shows clients nothing")
                .help("add `certificate \"example.com\" cert file(\"example.crt\") key file(\"example.key\")`"),
        );
        return None;
    }
    let client_ca = match node.child("client_ca") {
        Some(child) => {
            let file = checker.secret(child.get("file")?);
            Some(ClientCa { file: file?, optional: child.child("optional").is_some() })
        }
        None => None,
    };
    let word = |clause: &str, slot: &str| node.child(clause).and_then(|child| child.word_in(slot)).map(|word| word.text.as_str());
    Some(Tls {
        certificates: certificates.into_iter().collect::<Option<_>>()?,
        min_version: if word("min_version", "version") == Some("tls1_3") { TlsVersion::Tls13 } else { TlsVersion::Tls12 },
        client_ca,
        resumption: word("resumption", "choice") != Some("off"),
    })
}

fn certificate(node: &Node<'_>, checker: &mut Checker<'_>) -> Option<Certificate> {
    let host = checker.constant(node.get("host")?, Type::Host);
    let mut file = |clause: &str| node.child(clause).and_then(|child| child.get("file")).and_then(|given| checker.secret(given));
    let (cert, key) = (file("cert"), file("key"));
    let Some(Value::Text(host)) = host else { return None };
    Some(Certificate { host: host.to_ascii_lowercase(), cert: cert?, key: key? })
}
