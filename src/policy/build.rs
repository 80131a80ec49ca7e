//! What a policy is given when a route's pipeline is built.

use super::Registry;
use super::auth::{Algorithm, AttributeDecl, Runtime};
use super::dependencies::Dependencies;
use super::stage::{OnRequest, OnResponse, Place, ReplyPlace};
use crate::diag::Code;
use crate::events::Events;
use crate::fetch::Fetch;
use crate::lang::expr::{Expr, Piece, Secret};
use crate::lang::value::Value;
use crate::store::Store;
use std::sync::Arc;
use std::time::Duration;

/// Where secrets and files come from: the machine, or made up under `--dev` and in tests.
pub trait Secrets {
    /// A secret's value, without the line end a file may have.
    ///
    /// # Errors
    /// When it is not set or cannot be read.
    fn secret(&self, secret: &Secret, purpose: Purpose<'_>) -> Result<String, BuildError>;

    /// A certificate for a host and its key, in PEM, that stand in for a pair that is not there; the same one each time. Asked
    /// when the pair cannot be read; the default has none.
    fn certificate(&self, _host: &str) -> Option<(String, String)> {
        None
    }

    /// True where every store is kept in memory, wherever it is declared to be; the default is false.
    fn keeps_stores_in_memory(&self) -> bool {
        false
    }

    /// True where a hook of the embedding program may be missing, and then says nothing; the default is false.
    fn does_without_hooks(&self) -> bool {
        false
    }
}

/// What a secret is for, so that a made-up one has the right shape.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Purpose<'a> {
    /// An HMAC key.
    Hmac,
    /// Lines of a key file: `NAME sha256:HEX [attribute=value …]`, with these attributes.
    Keys(&'a [AttributeDecl]),
    /// Lines of an htpasswd file.
    Users,
    /// A certificate or its key, in PEM.
    Certificate,
    /// A private key in PEM that signs tokens with an algorithm.
    SigningKey(Algorithm),
    /// A public key in PEM that verifies tokens with an algorithm.
    PublicKey(Algorithm),
    /// The URL of a store.
    Store,
    /// A JSON Schema.
    Schema,
    /// A page that stands for errors.
    Page,
    /// Text that is sent to an upstream, or a single API key, by the name it is used under.
    Text(&'a str),
}

impl Purpose<'_> {
    /// The code for what is not there.
    fn missing(self) -> Code {
        match self {
            Self::Page => Code::FilePage,
            Self::Schema => Code::FileSchema,
            Self::Hmac
            | Self::Keys(_)
            | Self::Users
            | Self::Certificate
            | Self::SigningKey(_)
            | Self::PublicKey(_)
            | Self::Store
            | Self::Text(_) => Code::SecretUnset,
        }
    }

    /// The code for what is there and cannot be used.
    fn unfit(self) -> Code {
        match self {
            Self::Page => Code::FilePage,
            Self::Schema => Code::FileSchema,
            Self::Store => Code::SecretStoreUrl,
            Self::Certificate => Code::TlsCertMissing,
            Self::Hmac | Self::Keys(_) | Self::Users | Self::SigningKey(_) | Self::PublicKey(_) | Self::Text(_) => Code::SecretBadKey,
        }
    }
}

/// Why a plan could not be built although the policy is sound.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BuildError {
    /// The code.
    pub code: Code,
    /// What is missing or wrong: lower case, never a secret's value.
    pub message: String,
    /// What the policy names there, by which its line is found.
    pub secret: Option<Secret>,
}

impl BuildError {
    /// A fault that is not of one secret.
    #[must_use]
    pub fn new(code: Code, message: impl Into<String>) -> Self {
        Self { code, message: message.into(), secret: None }
    }

    /// A secret that is not there.
    #[must_use]
    pub fn unset(message: impl Into<String>) -> Self {
        Self::new(Code::SecretUnset, message)
    }

    /// A secret or file that is not there.
    #[must_use]
    pub fn missing(purpose: Purpose<'_>, secret: &Secret, message: impl Into<String>) -> Self {
        Self::new(purpose.missing(), message).of(secret)
    }

    /// A secret or file that is there and cannot be used.
    #[must_use]
    pub fn unfit(purpose: Purpose<'_>, secret: &Secret, message: impl Into<String>) -> Self {
        Self::new(purpose.unfit(), message).of(secret)
    }

    /// The same, of a secret.
    #[must_use]
    pub fn of(self, secret: &Secret) -> Self {
        Self { secret: Some(secret.clone()), ..self }
    }
}

impl std::fmt::Display for BuildError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}: {}", self.code, self.message)
    }
}

impl std::error::Error for BuildError {}

/// A route as `respond routes` lists it.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct Endpoint {
    /// The route's name.
    pub route: String,
    /// Its methods.
    pub methods: Vec<String>,
    /// Its path.
    pub path: String,
    /// The auths that let a caller in; none for a public route.
    pub auth: Option<String>,
    /// Its doc comment.
    pub doc: Option<String>,
}

/// A route's pipeline while it is built.
pub struct Build<'b> {
    /// The route's name.
    pub route: &'b str,
    /// Every `auth` of the program.
    pub auths: &'b [super::auth::Declared],
    /// Every route of the program.
    pub endpoints: &'b Arc<[Endpoint]>,
    /// The document that `respond openapi` serves.
    pub document: &'b Arc<super::respond::Document>,
    /// State that survives a reload.
    pub registry: &'b mut Registry,
    /// Secrets.
    pub secrets: &'b dyn Secrets,
    /// Every store of the program.
    pub stores: &'b [Arc<Store>],
    /// The gateway's own calls.
    pub fetch: &'b Arc<dyn Fetch>,
    /// Where what happens to the gateway is told.
    pub events: &'b Arc<Events>,
    /// Wall-clock time, virtual in tests.
    pub clock: crate::http::Clock,
    /// Request parts so far.
    pub request: Vec<(Place, Arc<dyn OnRequest>)>,
    /// Response parts so far.
    pub response: Vec<(ReplyPlace, Arc<dyn OnResponse>)>,
    /// The largest request body in bytes, when the policy sets one; the inner `None` is unbounded.
    pub body_max: Option<Option<u64>>,
    /// True when a request part chooses the upstream.
    pub chooses: bool,
    /// What answers in the place of a target that fails.
    pub fallback: Option<super::fallback::Fallback>,
    /// What is asked before the upstream is, and keeps what it answers.
    pub cache: Option<super::cache::Cache>,
    /// The routes whose kept responses a request that succeeds makes invalid, by their names.
    pub invalidates: Vec<String>,
    /// What is weak about what the machine has, found so far: reported at start, and by `check --env`.
    pub warnings: Vec<Warning>,
    /// What is missing or bad besides the one that building a policy ends with, so that one look tells all.
    pub errors: Vec<BuildError>,
}

/// Signs tokens for an auth of the program.
pub trait Signer: Send + Sync {
    /// A token for claims by their declared names, valid from `now` (since the epoch) for `ttl`; `iat`, `exp`, `iss` and `aud`
    /// are filled in. `None` when the auth has no tokens.
    fn sign(&self, claims: &serde_json::Map<String, serde_json::Value>, now: Duration, ttl: Duration) -> Option<String>;
}

/// Something outside the policy that is there but weak.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Warning {
    /// The code: `secret::short-hmac`.
    pub code: Code,
    /// What is weak: lower case, never a secret's value.
    pub message: String,
    /// The secret it is about.
    pub secret: Option<Secret>,
}

impl Build<'_> {
    /// Adds a request part.
    pub fn on_request(&mut self, place: Place, part: impl OnRequest + 'static) {
        self.request.push((place, Arc::new(part)));
    }

    /// The runtime of an auth, shared by all routes.
    ///
    /// # Errors
    /// When a secret is missing or bad, or there is no such auth.
    pub fn auth(&mut self, index: u16) -> Result<Arc<Runtime>, BuildError> {
        let auths = self.auths;
        let declared = auths.get(usize::from(index)).ok_or_else(|| BuildError::unset(format!("there is no auth {index}")))?;
        super::auth::runtime(index, declared, self)
    }

    /// What the plan depends on besides its upstreams.
    pub fn dependencies(&mut self) -> Arc<Dependencies> {
        self.registry.of_plan("dependencies", "").unwrap_or_else(|| {
            let none = Arc::new(Dependencies::default());
            self.registry.put_aside("dependencies", String::new(), none.clone());
            none
        })
    }

    /// What signs the tokens of an auth.
    ///
    /// # Errors
    /// Those of [`Self::auth`].
    pub fn signer(&mut self, auth: u16) -> Result<Arc<dyn Signer>, BuildError> {
        let signer: Arc<dyn Signer> = self.auth(auth)?;
        Ok(signer)
    }

    /// Adds a response part.
    pub fn on_response(&mut self, place: ReplyPlace, part: impl OnResponse + 'static) {
        self.response.push((place, Arc::new(part)));
    }

    /// The expression with its secrets' values in place.
    ///
    /// # Errors
    /// When a secret is not set.
    pub fn resolve(&self, expr: &Expr) -> Result<Expr, BuildError> {
        Ok(match expr {
            Expr::Secret(secret) => Expr::Const(Value::Text(self.secrets.secret(secret, Purpose::Text(self.route))?.into())),
            Expr::Text(pieces) => Expr::Text(
                pieces
                    .iter()
                    .map(|piece| {
                        Ok(match piece {
                            Piece::Literal(text) => Piece::Literal(text.clone()),
                            Piece::Hole(hole, encoding) => Piece::Hole(self.resolve(hole)?, *encoding),
                        })
                    })
                    .collect::<Result<_, BuildError>>()?,
            ),
            Expr::OrElse(first, second) => Expr::OrElse(Box::new(self.resolve(first)?), Box::new(self.resolve(second)?)),
            other => other.clone(),
        })
    }
}
