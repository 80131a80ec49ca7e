//! What an operator sees and turns: the admin listener, TLS, traces, events, stores, flags and hooks.

use super::spell;
pub use crate::hook::On;
use crate::lang::expr::{Expr, Secret};
use crate::lang::value::Percent;
pub use crate::store::OnFailure;
use serde::{Deserialize, Serialize};
use std::net::SocketAddr;
use std::time::Duration;

/// `listen … { tls { … } }`
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Tls {
    /// At least one certificate; the name a client asks for decides (SNI).
    pub certificates: Vec<Certificate>,
    /// The oldest version that is spoken.
    pub min_version: TlsVersion,
    /// The authorities whose certificates clients show, and whether they may do without.
    pub client_ca: Option<ClientCa>,
    /// Sessions may be taken up again.
    pub resumption: bool,
}

/// A certificate for a host.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Certificate {
    /// The host, `*.x` for those below.
    pub host: String,
    /// The chain, in PEM.
    pub cert: Secret,
    /// Its key, in PEM.
    pub key: Secret,
}

/// Versions of TLS.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum TlsVersion {
    /// TLS 1.2 (RFC 5246)
    #[serde(rename = "tls1_2")]
    Tls12,
    /// TLS 1.3 (RFC 8446)
    #[serde(rename = "tls1_3")]
    Tls13,
}

/// `client_ca file(…) [optional]`
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ClientCa {
    /// The authorities, in PEM.
    pub file: Secret,
    /// A client may do without a certificate.
    pub optional: bool,
}

/// `admin ADDRESS { auth A }`
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Admin {
    /// Where it listens.
    pub address: SocketAddr,
    /// Who may come in, by its place among the declarations; none only on loopback.
    pub auth: Option<u16>,
}

/// `trace otlp URL [sample P]`
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Trace {
    /// The collector.
    pub url: String,
    /// The share of the requests.
    pub sample: Percent,
}

/// `events post URL on [kinds]`
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Events {
    /// Where they are posted.
    pub url: String,
    /// Which ones.
    pub on: Vec<String>,
}

/// `store NAME redis { … }`
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Store {
    /// Its name.
    pub name: String,
    /// Where it is.
    pub url: StoreUrl,
    /// How long an answer may take (50 ms).
    pub timeout: Duration,
    /// What becomes of limits while it is down.
    pub on_failure: OnFailure,
}

/// Where a store is: its URL may hold a password.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum StoreUrl {
    /// In the file, without a password.
    Plain(String),
    /// Known when the gateway starts.
    Secret(Secret),
}

/// `flag NAME = on|off|P% by KEY`
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Flag {
    /// Its name.
    pub name: String,
    /// For how many of the values of `by` it is on at the start; all or none without one.
    pub share: Percent,
    /// The same value always sees the same.
    pub by: Option<Expr>,
}

/// `hook NAME http URL { … }` or `hook NAME embedded { … }`
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Hook {
    /// Its name.
    pub name: String,
    /// The service that is called; none for a hook of the program that the gateway is embedded in.
    pub url: Option<String>,
    /// When.
    pub on: Vec<On>,
    /// How long it may take (200 ms).
    pub timeout: Duration,
    /// A request is refused when it cannot be asked.
    pub refuse: bool,
    /// It is told the credentials of requests.
    pub forward: bool,
}

impl Hook {
    /// True when it is asked about requests or their replies, not only told of the gateway's start and end.
    #[must_use]
    pub fn is_asked(&self) -> bool {
        self.on.iter().any(|on| match on {
            On::Request | On::Response | On::Error => true,
            On::Startup | On::Shutdown => false,
        })
    }

    /// What it may do with a request, in words that follow its name; none where it is not asked about requests.
    #[must_use]
    pub fn may_with_requests(&self) -> Option<String> {
        self.on.contains(&On::Request).then(|| format!("may answer the request; {}", self.failing("it goes on")))
    }

    /// What it may do with a reply; none where it is not asked about replies.
    #[must_use]
    pub fn may_with_replies(&self) -> Option<String> {
        let which = match (self.on.contains(&On::Response), self.on.contains(&On::Error)) {
            (true, true) => "any reply",
            (true, false) => "replies of upstreams and of the policy",
            (false, true) => "errors of the gateway's own",
            (false, false) => return None,
        };
        Some(format!("may change {which}; {}", self.failing("all stays as it is")))
    }

    fn failing(&self, otherwise: &str) -> String {
        let silence = format!("after {} of silence", spell::duration(self.timeout));
        if self.refuse {
            format!("{silence} it is a 503, on an answer that cannot be done a 502")
        } else {
            format!("{silence}, or on an answer that cannot be done, {otherwise}")
        }
    }
}
