//! `listen` and `admin`: where the gateway listens, for whom, and how.

use crate::diag::{Code, Diagnostic, Span};
use crate::http::Address;
use crate::ir::operate::{Admin, Certificate, ClientCa, Tls, TlsVersion};
use crate::ir::{Gateway, Listener};
use crate::lang::checker::{Checker, Entrance};
use crate::lang::form::{Declared, Form, Slot};
use crate::lang::types::Type;
use crate::lang::value::Value;
use crate::lang::{Given, Node};
use crate::syntax::relative_socket;
use std::net::{Ipv6Addr, SocketAddr};
use std::sync::Arc;

const ADDRESS: Slot = Slot::value("address", "an address such as `:8080`");

/// `listen ADDRESS …`
pub const LISTEN: Form = Form::new("listen", "an address to listen on, or a Unix socket")
    .slots(&[ADDRESS])
    .children(&[
        Form::new("as", "its name, which `request.listener` gives").slots(&[Slot::name("name")]),
        Form::new("redirect", "sends clients to https").slots(&[Slot::word("scheme", &["https"])]),
        TLS,
        Form::new("proxy_protocol", "a header of the PROXY protocol tells the client's address, from peers of `trust` only"),
        Form::new("mode", "who may connect to a Unix socket: its file's permissions")
            .slots(&[Slot::value("permissions", "permissions such as `0660`")])
            .default("mode 0660"),
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
    trusts: bool,
    checker: &mut Checker<'_>,
) -> (Vec<Listener>, Option<Admin>) {
    let mut taken: Vec<(Address, Span)> = Vec::new();
    let mut found = Vec::new();
    for node in nodes {
        let tls = node.child("tls").map(|tls| self::tls(tls, checker));
        let mode = node.child("mode").and_then(|child| child.get("permissions")).and_then(|given| self::mode(given, checker));
        let Some((address, text)) = free(node, &mut taken, checker) else { continue };
        conflicts(node, &address, trusts, checker);
        let name = node.child("as").and_then(|child| child.word_in("name")).map_or(text, |word| word.text.clone());
        found.push(Listener {
            name,
            address,
            mode: mode.unwrap_or(Address::MODE_DEFAULT),
            redirect_https: node.child("redirect").is_some(),
            tls: tls.flatten(),
            proxy_protocol: node.child("proxy_protocol").is_some(),
        });
    }
    let admin = admin.and_then(|node| {
        let auth = node.child("auth").and_then(|child| child.get("auth")).map(|given| checker.declared(given, Declared::Auth));
        let (address, text) = free(node, &mut taken, checker)?;
        let Some(address) = address.tcp() else {
            checker.report.push(no_address(&text, node.span_of("address")).help("write `127.0.0.1:9901`: the admin listener is at a port"));
            return None;
        };
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
    // By the PROXY protocol a client may be at https already, and is not sent there.
    let serving = gateway.listeners.iter().filter(|listener| !listener.redirect_https || listener.proxy_protocol);
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
fn free(node: &Node<'_>, taken: &mut Vec<(Address, Span)>, checker: &mut Checker<'_>) -> Option<(Address, String)> {
    let given = node.get("address")?;
    let Value::Text(text) = checker.constant(given, Type::Address)? else { return None };
    let Some(address) = address(&text) else {
        if text.starts_with("unix:") {
            checker.report.push(relative_socket(Code::TypeMismatch, given.expr.span));
            return None;
        }
        checker.report.push(
            no_address(&text, given.expr.span)
                .help("write `:8080` for every address, an IP address: `127.0.0.1:8080`, `[::1]:8080`, or `unix:/run/gate.sock`"),
        );
        return None;
    };
    if matches!(&address, Address::Unix(path) if path.len() > Address::PATH_BYTES_MAX) {
        let message = "the path of the Unix socket is too long";
        checker.error(Code::TypeRange, message, given.expr.span, format!("at most {} bytes", Address::PATH_BYTES_MAX));
        return None;
    }
    if let Some((_, first)) = taken.iter().find(|(known, _)| clash(known, &address)) {
        let (message, help) = match &address {
            Address::Tcp(address) => (
                format!("two listeners share port {}", address.port()),
                "give one of them another port; `:8080` is every address of the machine",
            ),
            Address::Unix(path) => (format!("two listeners share `{path}`"), "give one of them another path"),
        };
        let found = Diagnostic::new(Code::TlsPortClash, message);
        checker.report.push(found.at(given.expr.span, "taken already").also(*first, "listens there already").help(help));
        return None;
    }
    taken.push((address.clone(), given.expr.span));
    Some((address, text.to_string()))
}

fn no_address(text: &str, at: Span) -> Diagnostic {
    Diagnostic::new(Code::TypeMismatch, format!("`{text}` is no address to listen on")).at(at, "not an address")
}

/// Octal digits, as `chmod` takes them.
fn mode(given: Given<'_>, checker: &mut Checker<'_>) -> Option<u16> {
    let digits = checker.int(given, 0..=u64::MAX)?;
    let mode = u16::from_str_radix(&digits.to_string(), 8).ok().filter(|mode| *mode <= 0o777);
    if mode.is_none() {
        checker.error(Code::TypeRange, "`mode` is out of range", given.expr.span, "three digits from 0 to 7, such as `0660`");
    }
    mode
}

/// What a listener is told that cannot be done at once.
fn conflicts(node: &Node<'_>, address: &Address, trusts: bool, checker: &mut Checker<'_>) {
    if let (Some(redirect), Some(tls)) = (node.child("redirect"), node.child("tls")) {
        checker.report.push(
            Diagnostic::new(Code::TlsListenerConflict, "clients of a listener with `tls` are at https already")
                .at(redirect.word, "would send them where they are")
                .also(tls.word, "speaks TLS here")
                .help("give the redirect a listener of its own: `listen :80 redirect https`"),
        );
    }
    if let (Some(mode), Address::Tcp(_)) = (node.child("mode"), address) {
        checker.report.push(
            Diagnostic::new(Code::TlsListenerConflict, "a port has no permissions")
                .at(mode.word, "for the file of a Unix socket")
                .also(node.span_of("address"), "a port")
                .help("take `mode` away, or listen on a Unix socket: `listen unix:/run/gate.sock mode 0660`"),
        );
    }
    if let (Some(proxied), false) = (node.child("proxy_protocol"), trusts) {
        let whom = if address.tcp().is_some() { "`trust 10.0.0.0/8`" } else { "`trust 127.0.0.1`, which a Unix socket's clients are" };
        checker.report.push(
            Diagnostic::new(Code::TlsProxyUntrusted, "nobody is trusted to say whose connection it is")
                .at(proxied.word, "taken from trusted peers only, and there are none")
                .help(format!("name the proxies: {whom}")),
        );
    }
}

/// `:8080` is every address of both families.
pub fn address(text: &str) -> Option<Address> {
    match text.strip_prefix(':') {
        Some(port) => Some(SocketAddr::new(Ipv6Addr::UNSPECIFIED.into(), port.parse().ok()?).into()),
        None => text.parse().ok(),
    }
}

/// Port 0 is a free port each time.
fn clash(first: &Address, second: &Address) -> bool {
    match (first, second) {
        (Address::Tcp(first), Address::Tcp(second)) => {
            first.port() == second.port()
                && first.port() != 0
                && (first.ip() == second.ip() || first.ip().is_unspecified() || second.ip().is_unspecified())
        }
        (first, second) => first == second,
    }
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
            let file = checker.file(child.get("file")?);
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
    let given = |clause: &str| node.child(clause).and_then(|child| child.get("file"));
    let cert = given("cert").and_then(|given| checker.file(given));
    let key = given("key").and_then(|given| checker.secret(given));
    let Some(Value::Text(host)) = host else { return None };
    Some(Certificate { host: host.to_ascii_lowercase(), cert: cert?, key: key? })
}
