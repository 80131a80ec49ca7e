//! What the policy says of an upstream, checked.

use super::{breaker, timeout};
use crate::lang::expr::Expr;
use serde::{Deserialize, Serialize};

/// A declared upstream.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Config {
    /// Its name.
    pub name: String,
    /// Where it is; at least one.
    pub targets: Vec<Target>,
    /// The `Host` it is sent.
    pub host: HostSent,
    /// Its breaker, if it has one.
    pub breaker: Option<breaker::Config>,
    /// How long a call may take, where no route says otherwise.
    pub timeout: timeout::Config,
    /// What it answers in `gate test` and under `--dev`.
    pub stubs: Vec<Stub>,
    /// True: an encoded slash in a path is passed on (`path encoded_slashes keep`); false: 400.
    pub encoded_slashes: bool,
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
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum HostSent {
    /// The client's own (the default).
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
