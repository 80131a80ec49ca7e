//! What the policy says of an upstream, checked.

use super::{balance, breaker, connect, health, retry, timeout};
use crate::lang::expr::Expr;
use serde::{Deserialize, Serialize};

/// A declared upstream; its default is one without targets.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct Config {
    /// Its name.
    pub name: String,
    /// Where it is; at least one, or `resolve`.
    pub targets: Vec<Target>,
    /// The `Host` it is sent.
    pub host: HostSent,
    /// Targets that DNS names, besides those that are written.
    pub resolve: Option<connect::Resolve>,
    /// How a target is chosen.
    pub balance: balance::Config,
    /// The cookie that keeps a client on a target.
    pub sticky: Option<String>,
    /// Active probes of its targets.
    pub health: Option<health::Config>,
    /// When a target that fails requests is left out for a while.
    pub eject: Option<health::Eject>,
    /// How much it is asked at once.
    pub concurrency: Option<connect::Concurrency>,
    /// TLS towards targets whose URL is `https`.
    pub tls: Option<connect::Tls>,
    /// It is spoken to in HTTP/2.
    pub http2: bool,
    /// Its own OpenAPI document.
    pub openapi: Option<connect::Openapi>,
    /// When a failed call is made again, where no route says otherwise.
    pub retry: Option<retry::Config>,
    /// Its breaker, if it has one.
    pub breaker: Option<breaker::Config>,
    /// How long a call may take, where no route says otherwise.
    pub timeout: timeout::Config,
    /// What it answers in `gate test` and under `--dev`.
    pub stubs: Vec<Stub>,
    /// True: an encoded slash in a path is passed on (`path encoded_slashes keep`); false: 400.
    pub encoded_slashes: bool,
}

impl Config {
    /// True when a request may belong to one of its endpoints.
    #[must_use]
    pub fn has_affinity(&self) -> bool {
        self.sticky.is_some() || matches!(self.balance, balance::Config::Hash(_))
    }

    /// True when some of its endpoints speak TLS.
    #[must_use]
    pub fn speaks_tls(&self) -> bool {
        self.targets.iter().any(|target| target.tls) || (self.resolve.is_some() && self.tls.is_some())
    }
}

/// One endpoint.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Target {
    /// True for `https`.
    pub tls: bool,
    /// A host name or an IP address (without brackets).
    pub host: String,
    /// The port.
    pub port: u16,
    /// Its share of the load relative to the others' (1).
    pub weight: u32,
    /// Used only when no other target is healthy.
    pub backup: bool,
}

/// Which `Host` an upstream is sent.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub enum HostSent {
    /// The client's own.
    #[default]
    Keep,
    /// The target's.
    Target,
    /// This one.
    Fixed(String),
}

/// A scripted answer of an upstream.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Stub {
    /// Requests with one of these methods (as a route's methods)
    pub methods: crate::route::methods::Methods,
    /// and a path of this pattern
    pub pattern: crate::route::pattern::Pattern,
    /// get this status
    pub status: u16,
    /// with this media type
    pub media_type: String,
    /// and this body, whose parameter references are those of `pattern`.
    pub body: Expr,
}
