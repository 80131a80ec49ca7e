//! What an operator sees and turns: TLS.

use crate::lang::expr::Secret;
use serde::{Deserialize, Serialize};

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
