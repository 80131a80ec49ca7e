//! A declared auth at work: shared by every route that asks for it, kept over a reload that does not touch it.

use super::carry;
use super::config::{Carrier, Declared};
use super::kept::Kept;
use super::keys::{self, Keys};
use super::passwords::{Answer, Passwords};
use super::remote::{forward, introspect};
use super::token::{Outcome, Refusal, Tokens};
use crate::http::{Attribute, Exchange, Identity, Reply, Request, hop};
use crate::policy::build::Signer;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use futures_core::future::BoxFuture;
use http::HeaderValue;
use serde_json::{Map, Value as Json};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

const NO_KEYS: &str = "the issuer's keys are not there";

/// A declared auth at work.
pub struct Runtime {
    pub(super) declared: Declared,
    /// Where its credentials stand.
    pub(super) from: Vec<Carrier>,
    pub(super) proof: Proof,
    /// Credentials of services' callers that tests made up.
    minted: Kept<Arc<Identity>>,
    has_minted: AtomicBool,
    failures: [AtomicU64; Failure::ALL.len()],
}

/// Why a caller is not let in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Failure {
    /// There is no credential.
    Absent,
    /// There is one that is not right.
    Refused,
    /// Nobody can say now.
    Unavailable,
}

impl Failure {
    const ALL: [Self; 3] = [Self::Absent, Self::Refused, Self::Unavailable];

    /// Its name in metrics.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Absent => "absent",
            Self::Refused => "refused",
            Self::Unavailable => "unavailable",
        }
    }
}

/// How callers prove who they are.
pub(super) enum Proof {
    Token(Tokens),
    Key(Keys),
    Password(Arc<Passwords>),
    Forward(Arc<forward::Service>),
    Introspect(Arc<introspect::Service>),
}

/// What an auth says of a request.
pub enum Verdict {
    /// The request has no credential of this auth's kind.
    Absent,
    /// It has one that is not right.
    Refused(Refusal),
    /// It has one, and this is whose it is.
    Known(Arc<Identity>),
    /// A service lets the caller pass, and says more of it.
    Vouched(Arc<forward::Vouched>),
    /// A service answers the request in the route's place.
    Answered(Box<Reply>),
    /// Nobody can say now: why, in words for the client.
    Unavailable(&'static str),
    /// It takes a while: a password to be checked on another thread, keys or a service to be asked. Never waits again.
    Waits(BoxFuture<'static, Verdict>),
}

impl From<Answer> for Verdict {
    fn from(answer: Answer) -> Self {
        match answer {
            Answer::Known(identity) => Self::Known(identity),
            Answer::Wrong => Self::Refused("the name and the password do not belong together"),
            Answer::Busy => Self::Unavailable("too many passwords are being checked"),
        }
    }
}

impl From<Outcome> for Verdict {
    fn from(outcome: Outcome) -> Self {
        match outcome {
            Outcome::Known(identity) => Self::Known(identity),
            Outcome::Refused(refusal) => Self::Refused(refusal),
            Outcome::NoKeys | Outcome::Waits(_) => Self::Unavailable(NO_KEYS),
        }
    }
}

/// Makes the cryptography of tokens known to the process. Called once when it starts; further calls do nothing.
pub fn install_crypto() {
    // The only error is that a provider is there already.
    let _ = jsonwebtoken::crypto::aws_lc::DEFAULT_PROVIDER.install_default();
}

impl Runtime {
    pub(super) fn new(declared: Declared, from: Vec<Carrier>, proof: Proof) -> Self {
        Self { declared, from, proof, minted: Kept::default(), has_minted: AtomicBool::new(false), failures: Default::default() }
    }

    /// The auth's name.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.declared.name
    }

    /// What it was declared as.
    #[must_use]
    pub fn declared(&self) -> &Declared {
        &self.declared
    }

    /// What somebody is called whom it knows: the `sub` of a token, the `name` of a key or of a user. None where it is not told.
    #[must_use]
    pub fn name_of<'i>(&self, identity: &'i Identity) -> Option<&'i Arc<str>> {
        let slot = |wanted: &&str| self.declared.attributes.iter().position(|attribute| attribute.name == **wanted);
        match identity.attributes.get(["sub", "name"].iter().find_map(slot)?)? {
            Attribute::Text(name) => Some(name),
            Attribute::Missing | Attribute::Bool(_) | Attribute::Int(_) | Attribute::Set(_) => None,
        }
    }

    /// Counts a request that was not let in.
    pub fn failed(&self, failure: Failure) {
        if let Some(cell) = self.failures.get(failure as usize) {
            cell.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// How many requests were not let in, by why.
    pub fn failures(&self) -> impl Iterator<Item = (Failure, u64)> + '_ {
        Failure::ALL.into_iter().zip(&self.failures).map(|(failure, cell)| (failure, cell.load(Ordering::Relaxed)))
    }

    /// What the auth says of a request. `now` is the time since the epoch.
    #[must_use]
    pub fn judge(self: &Arc<Self>, exchange: &Exchange, now: Duration) -> Verdict {
        if let Proof::Forward(service) = &self.proof {
            return self.passes(service, exchange, now);
        }
        let scheme = match self.proof {
            Proof::Token(_) | Proof::Introspect(_) => Some("Bearer"),
            Proof::Password(_) => Some("Basic"),
            Proof::Key(_) | Proof::Forward(_) => None,
        };
        let credential = match carry::find(&exchange.request, &self.from, scheme) {
            carry::Found::Absent => return Verdict::Absent,
            carry::Found::Unclear => return Verdict::Refused("there is more than one credential, or one that is no text"),
            carry::Found::One(credential) => credential,
        };
        // Outside `Authorization` the scheme may be left out.
        let token = credential.strip_prefix("Bearer ").unwrap_or(&credential);
        if let Some(identity) = self.minted(token, now) {
            return Verdict::Known(identity);
        }
        match &self.proof {
            Proof::Token(tokens) => match tokens.verify(token, now) {
                Outcome::Waits(keys) => {
                    let (runtime, token) = (Arc::clone(self), token.to_owned());
                    Verdict::Waits(Box::pin(async move {
                        match &runtime.proof {
                            Proof::Token(tokens) => tokens.settle(keys, &token, now).await.into(),
                            Proof::Key(_) | Proof::Password(_) | Proof::Forward(_) | Proof::Introspect(_) => Verdict::Absent,
                        }
                    }))
                }
                outcome => outcome.into(),
            },
            Proof::Key(keys) => keys.find(&credential).map_or(Verdict::Refused("the key is not known"), Verdict::Known),
            Proof::Password(users) => {
                let Some((name, password)) = name_and_password(&credential) else {
                    return Verdict::Refused("the credential is no base64 of a name, a colon and a password");
                };
                match users.at_once(&name, &password, now) {
                    Some(answer) => answer.into(),
                    None => {
                        let users = Arc::clone(users);
                        Verdict::Waits(Box::pin(async move { users.check(name, password, now).await.into() }))
                    }
                }
            }
            Proof::Introspect(service) => service.remembered(token, now).unwrap_or_else(|| {
                let (service, token) = (Arc::clone(service), token.to_owned());
                Verdict::Waits(Box::pin(async move { service.ask(token, now).await }))
            }),
            Proof::Forward(_) => Verdict::Absent,
        }
    }

    fn passes(&self, service: &Arc<forward::Service>, exchange: &Exchange, now: Duration) -> Verdict {
        let fields = service.sent.iter().filter_map(|name| exchange.request.header(name));
        if let Some(identity) = fields.filter_map(|credential| self.minted(credential, now)).next() {
            return Verdict::Known(identity);
        }
        let question = service.question(exchange);
        if let Some(vouched) = service.remembered(&question, now) {
            return Verdict::Vouched(vouched);
        }
        let service = Arc::clone(service);
        Verdict::Waits(Box::pin(async move { service.ask(question, now).await }))
    }

    /// True when something stands where the auth's credentials do.
    #[must_use]
    pub fn is_addressed(&self, request: &Request) -> bool {
        !matches!(carry::find(request, &self.from, None), carry::Found::Absent)
    }

    /// Takes the credential out of a request that goes on, unless the auth says `forward credential`.
    pub fn take_credential(&self, request: &mut Request) {
        if !self.declared.forward {
            carry::remove(request, &self.from);
        }
    }

    /// Takes out of a request what only the auth's service may say, under every spelling an upstream may read it by.
    pub fn scrub(&self, exchange: &mut Exchange) {
        if let Proof::Forward(service) = &self.proof {
            exchange.amend(|fields| service.copied.iter().for_each(|name| hop::remove_aliases(fields, name)));
        }
    }

    /// The `WWW-Authenticate` of a 401 (RFC 9110 §11.6.1), where the auth asks for a credential itself; `refused` when there was
    /// one.
    #[must_use]
    pub fn challenge(&self, refused: bool) -> Option<HeaderValue> {
        Some(HeaderValue::from_static(match (&self.proof, refused) {
            (Proof::Token(_) | Proof::Introspect(_), false) => "Bearer realm=\"gatewright\"",
            (Proof::Token(_) | Proof::Introspect(_), true) => "Bearer realm=\"gatewright\", error=\"invalid_token\"",
            (Proof::Key(_), _) => "ApiKey",
            (Proof::Password(_), _) => "Basic realm=\"gatewright\"",
            (Proof::Forward(_), _) => return None,
        }))
    }

    /// A token for claims by their declared names, valid from `now` for `ttl`; `iat`, `exp`, `iss` and `aud` are filled in.
    /// `None` when this is no auth with tokens, or one whose issuer alone can sign.
    #[must_use]
    pub fn sign(&self, claims: &Map<String, Json>, now: Duration, ttl: Duration) -> Option<String> {
        match &self.proof {
            Proof::Token(tokens) => tokens.sign(claims, now, ttl),
            Proof::Key(_) | Proof::Password(_) | Proof::Forward(_) | Proof::Introspect(_) => None,
        }
    }

    /// Makes a key known under any name and attributes, in slot order behind the name; returns the key. Empty when this is no
    /// auth with keys.
    #[must_use]
    pub fn admit(&self, name: &str, attributes: Vec<Attribute>) -> String {
        let Proof::Key(keys) = &self.proof else { return String::new() };
        let key = format!("admitted-{}", keys::hash_text(&keys::hash(name)));
        keys.admit(&key, std::iter::once(Attribute::Text(name.into())).chain(attributes).collect());
        key
    }

    fn minted(&self, credential: &str, now: Duration) -> Option<Arc<Identity>> {
        // Where nothing is made up, nothing is looked up.
        if !self.has_minted.load(Ordering::Relaxed) {
            return None;
        }
        self.minted.get(credential.as_bytes(), now)
    }

    /// Makes a credential good until it expires, for tests of what only a service could vouch for.
    pub(super) fn mint_known(&self, credential: &str, identity: Identity, expires: Duration, now: Duration) {
        self.minted.put(credential.as_bytes(), Arc::new(identity), expires, now);
        self.has_minted.store(true, Ordering::Relaxed);
    }
}

impl Signer for Runtime {
    fn sign(&self, claims: &Map<String, Json>, now: Duration, ttl: Duration) -> Option<String> {
        Self::sign(self, claims, now, ttl)
    }
}

fn name_and_password(credential: &str) -> Option<(String, String)> {
    let bytes = STANDARD.decode(credential).ok()?;
    let text = String::from_utf8(bytes).ok()?;
    let (name, password) = text.split_once(':')?;
    Some((name.to_owned(), password.to_owned()))
}
