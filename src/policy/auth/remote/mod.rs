//! Auths whose word is another service's: an issuer that publishes its keys, or a service that is asked about each credential.

pub(super) mod check;
pub(super) mod forward;
pub(super) mod introspect;

pub use introspect::INTROSPECT_MAX;

use super::config::Terms;
use crate::lang::expr::Secret;
use serde::{Deserialize, Serialize};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

/// Who vouches for callers.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Remote {
    /// `auth jwt` with `jwks` or `public_key`
    Issuer(Issuer),
    /// `auth forward`
    Forward(Forward),
    /// `auth introspect` (RFC 7662)
    Introspect(Introspect),
}

/// An issuer of tokens whose keys are public.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Issuer {
    /// Its keys.
    pub keys: IssuerKeys,
    /// What is accepted; no algorithm is symmetric.
    #[serde(flatten)]
    pub terms: Terms,
}

/// Where an issuer's keys are.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum IssuerKeys {
    /// It publishes them (RFC 7517).
    Jwks {
        /// Where.
        url: String,
        /// How long they are kept (10 min).
        refresh: Duration,
    },
    /// One, in PEM.
    PublicKey(Secret),
}

/// A service that sees the request's head and lets it pass with a 2xx; its other answers go to the client as they are.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Forward {
    /// Where it is.
    pub url: String,
    /// How long it may take (200 ms).
    pub timeout: Duration,
    /// The fields it is sent, in lower case; `authorization` and `cookie` where none is named.
    pub headers: Vec<String>,
    /// The fields of its answer that go upstream, in lower case; the first one says who the caller is.
    pub copy: Vec<String>,
    /// How long a verdict is kept; none: each request is asked about.
    pub cache: Option<Duration>,
}

/// A service that says what a token is worth.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Introspect {
    /// Where it is.
    pub url: String,
    /// The gateway's name there,
    pub client_id: Option<String>,
    /// and its secret.
    pub client_secret: Option<Secret>,
    /// How long a verdict is kept; none: each request is asked about.
    pub cache: Option<Duration>,
}

/// Whether a service can be asked, told when that changes: a line for each request that fails would drown all others.
pub(super) struct Reach {
    auth: String,
    failing: AtomicBool,
}

impl Reach {
    /// Of the service of an auth.
    pub(super) fn new(auth: &str) -> Self {
        Self { auth: auth.to_owned(), failing: AtomicBool::new(false) }
    }

    /// It answered.
    pub(super) fn answered(&self) {
        if self.failing.swap(false, Ordering::Relaxed) {
            tracing::info!(auth = self.auth, "the service answers again");
        }
    }

    /// It did not, or not what was asked.
    pub(super) fn failed(&self, cause: &dyn std::fmt::Display) {
        if self.failing.swap(true, Ordering::Relaxed) {
            tracing::debug!(auth = self.auth, %cause, "the service still does not answer");
        } else {
            tracing::warn!(auth = self.auth, %cause, "the service does not answer: callers are refused");
        }
    }
}
