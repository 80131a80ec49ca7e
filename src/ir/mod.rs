//! The program: what a policy means, plain, typed, and valid by construction. Written to JSON by `gate dump --ir`.
//!
//! `check` makes it, `analyse` and `compile` read it; the three never meet elsewhere.

mod listed;
pub mod operate;
pub mod script;
pub mod spell;
pub mod written;

#[cfg(test)]
mod tests;

pub use listed::Listed;
pub use written::{Statement, Written};

use crate::http::{Address, UpstreamIndex};
use crate::lang::expr::{Expr, header_name};
use crate::policy::Config;
use crate::policy::auth;
use crate::route::RouteKey;
use crate::upstream::{self, retry, timeout};
use ipnet::IpNet;
use serde::{Deserialize, Serialize};
use std::time::Duration;

/// A checked policy.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Program {
    /// The gateway's own settings.
    pub gateway: Gateway,
    /// Upstreams, by [`UpstreamIndex`].
    pub upstreams: Vec<upstream::Config>,
    /// Declared auths, by the index that identities and [`auth::Config`] name.
    pub auths: Vec<auth::Declared>,
    /// Routes, in the order they are tried where more than one matches.
    pub routes: Vec<Route>,
    /// Declared stores, by the index that limits name.
    pub stores: Vec<operate::Store>,
    /// Declared flags.
    pub flags: Vec<operate::Flag>,
    /// Declared hooks.
    pub hooks: Vec<operate::Hook>,
    /// `test` blocks.
    pub tests: Vec<script::Test>,
    /// What stands in the files; it decides nothing.
    pub written: Written,
}

/// `gateway { }`
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Gateway {
    /// Where it listens; none in a file without routes.
    pub listeners: Vec<Listener>,
    /// Where it is administered.
    pub admin: Option<operate::Admin>,
    /// Proxies whose forwarding fields are believed.
    pub trust: Vec<IpNet>,
    /// The one of those fields that these proxies write.
    pub trust_field: crate::http::forward::Field,
    /// The field that carries the request id.
    #[serde(with = "header_name")]
    pub request_id: http::HeaderName,
    /// Bounds on requests and connections.
    pub limits: Limits,
    /// Longest time for running requests to end after SIGTERM.
    pub drain: Duration,
    /// Worker threads; none is one per core.
    pub workers: Option<usize>,
    /// The access log where no group or route says otherwise.
    pub log: Log,
    /// Where traces go.
    pub trace: Option<operate::Trace>,
    /// Where events go.
    pub events: Vec<operate::Events>,
    /// What becomes of the replies to requests that no route takes.
    pub unmatched: Vec<Config>,
}

/// One address to listen on.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Listener {
    /// Its name, or its address as written.
    pub name: String,
    /// The address; `:8080` is `[::]:8080`, both address families.
    pub address: Address,
    /// Who may connect to a Unix socket: its file's permissions (0660).
    pub mode: u16,
    /// Clients are sent to `https`.
    pub redirect_https: bool,
    /// TLS.
    pub tls: Option<operate::Tls>,
    /// Every connection begins with a header of the PROXY protocol, which tells the client's address.
    pub proxy_protocol: bool,
}

/// Bounds on requests and connections.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Limits {
    /// Largest request line and header section, in bytes.
    pub header_bytes: u64,
    /// Most header fields of a request.
    pub headers: u64,
    /// Largest request body in bytes where no route says otherwise.
    pub body: Option<u64>,
    /// Most connections at once.
    pub connections: u64,
    /// Longest time for a request's head to arrive.
    pub header_timeout: Duration,
    /// Longest time a connection stays open between requests.
    pub idle: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            header_bytes: 32 << 10,
            headers: 100,
            body: Some(8 << 20),
            connections: 10_000,
            header_timeout: Duration::from_secs(10),
            idle: Duration::from_secs(75),
        }
    }
}

/// `log access …`
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Log {
    /// The format; none writes nothing.
    pub format: Option<LogFormat>,
    /// The share of the requests that is written, in hundredths of a percent.
    pub sample: u32,
    /// Written only when this holds.
    pub when: Option<Expr>,
    /// Fields whose values are never written, besides the credentials.
    pub redact: Vec<String>,
    /// Further fields.
    pub fields: Vec<(String, Expr)>,
}

impl Log {
    /// What every line says by itself; no further field is called so.
    pub const OWN: &'static [&'static str] = &[
        "time",
        "method",
        "host",
        "path",
        "route",
        "status",
        "bytes",
        "duration_ms",
        "upstream",
        "attempts",
        "cache",
        "request_id",
        "client_ip",
    ];
}

impl Default for Log {
    fn default() -> Self {
        Self { format: None, sample: 10_000, when: None, redact: Vec::new(), fields: Vec::new() }
    }
}

/// Formats of the access log.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum LogFormat {
    /// One JSON object a line.
    Json,
    /// Words on a line.
    Text,
}

/// One route with everything that is in force on it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Route {
    /// Its name.
    pub name: String,
    /// Its doc comment.
    pub doc: Option<String>,
    /// The groups around it, outermost first.
    pub groups: Vec<String>,
    /// Which requests it takes.
    pub key: RouteKey,
    /// Its `match` condition, together with its groups'.
    pub predicate: Option<Expr>,
    /// What answers.
    pub target: Target,
    /// The policies in force.
    pub policies: Vec<Config>,
    /// How long calls to the upstreams it uses may take, where that is not the upstream's own.
    pub timeouts: Vec<(UpstreamIndex, timeout::Config)>,
    /// When failed calls to the upstreams it uses are made again, where that is not the upstream's own.
    pub retries: Vec<(UpstreamIndex, retry::Config)>,
    /// The hooks that are asked, by their places among the declarations.
    pub hooks: Vec<u16>,
    /// True when something asks for a value of the request's JSON body.
    pub reads_body: bool,
    /// The access log.
    pub log: Log,
    /// `file:line` of its declaration.
    pub place: String,
}

/// What answers a route's requests.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Target {
    /// One upstream.
    Upstream(UpstreamIndex),
    /// One of its policies: `respond`, `redirect`, `issue`, `aggregate`.
    Policy,
}

impl Route {
    /// Whether anyone may call it, and else which auths let a caller in.
    #[must_use]
    pub fn auth(&self) -> Option<&auth::Config> {
        self.policies.iter().find_map(|policy| match policy {
            Config::Auth(config) => Some(config),
            _ => None,
        })
    }

    /// Everything that holds for a request that gets past `authorize`: the `match` conditions, and every `allow`, `deny` and
    /// `require` in force.
    #[must_use]
    pub fn conditions(&self) -> Vec<&Expr> {
        let rules = self.policies.iter().filter_map(|policy| match policy {
            Config::Access(config) => Some(config.access.iter().chain(&config.authorize)),
            _ => None,
        });
        self.predicate.iter().chain(rules.flatten().map(|rule| &rule.holds)).collect()
    }
}
