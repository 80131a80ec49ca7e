//! A declared auth at work: shared by every route that asks for it, kept over a reload that does not touch it.

use super::config::{Carrier, Declared, Key, Kind};
use super::keys::{self, Keys};
use super::passwords::{Answer, Passwords};
use super::token::{Refusal, Tokens};
use super::{attribute, carry};
use crate::diag::Code;
use crate::http::{Attribute, Identity, Request};
use crate::policy::build::{Build, BuildError, Purpose, Signer, Warning};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use http::header::{AUTHORIZATION, COOKIE};
use http::{HeaderName, HeaderValue};
use serde_json::{Map, Value as Json};
use std::sync::Arc;
use std::time::Duration;

/// How long tokens made for tests are valid.
const MINTED_TTL: Duration = Duration::from_secs(3_600);
/// What a password made for tests is.
const MINTED_PASSWORD: &str = "admitted";

/// A declared auth at work.
pub struct Runtime {
    declared: Declared,
    from: Vec<Carrier>,
    proof: Proof,
}

enum Proof {
    Token(Box<Tokens>),
    Key(Keys),
    Password(Arc<Passwords>),
}

/// What an auth says of a request.
pub enum Verdict {
    /// The request has no credential of this auth's kind.
    Absent,
    /// It has one that is not right.
    Refused(Refusal),
    /// It has one, and this is whose it is.
    Known(Arc<Identity>),
    /// A password has to be checked on another thread.
    Pending(PasswordCheck),
    /// Too many passwords are being checked.
    Busy,
}

/// A name and a password that wait to be checked.
pub struct PasswordCheck {
    users: Arc<Passwords>,
    name: String,
    password: String,
    now: Duration,
}

impl PasswordCheck {
    /// Checks them; never [`Verdict::Pending`].
    pub async fn run(self) -> Verdict {
        verdict(self.users.check(self.name, self.password, self.now).await)
    }
}

fn verdict(answer: Answer) -> Verdict {
    match answer {
        Answer::Known(identity) => Verdict::Known(identity),
        Answer::Wrong => Verdict::Refused("the name and the password do not belong together"),
        Answer::Busy => Verdict::Busy,
    }
}

/// Makes the cryptography of tokens known to the process. Called once when it starts; further calls do nothing.
pub fn install_crypto() {
    // The only error is that a provider is there already.
    let _ = jsonwebtoken::crypto::aws_lc::DEFAULT_PROVIDER.install_default();
}

/// The runtime of the auth at `index`: the one that runs already when neither the declaration nor its secrets changed.
///
/// # Errors
/// When a secret is not set, or a line of keys or users is bad: the message has its number.
pub fn runtime(index: u16, declared: &Declared, build: &mut Build<'_>) -> Result<Arc<Runtime>, BuildError> {
    let place = index.to_string();
    if let Some(runtime) = build.registry.of_plan("auth", &place) {
        return Ok(runtime);
    }
    let sources = sources(declared, build)?;
    let content = serde_json::to_string(declared).map_err(|error| BuildError::unset(error.to_string()))?;
    // Only a hash of the secrets goes into the name.
    let secrets = keys::hash_text(&keys::hash(&sources.join("\0")));
    let name = format!("{index} {content} {secrets}");
    let runtime = build.registry.try_state("auth", name, || Runtime::new(index, declared.clone(), &sources))?;
    build.registry.put_aside("auth", place, runtime.clone());
    Ok(runtime)
}

/// The secrets of an auth, in the order of its declaration.
fn sources(declared: &Declared, build: &mut Build<'_>) -> Result<Vec<String>, BuildError> {
    match &declared.kind {
        Kind::Jwt(jwt) => {
            let key = build.secrets.secret(&jwt.key, Purpose::Hmac)?;
            let longest = jwt.algorithms.iter().max_by_key(|algorithm| algorithm.key_bytes_min());
            if let Some(algorithm) = longest.filter(|algorithm| key.len() < algorithm.key_bytes_min()) {
                let warning = Warning {
                    code: Code::SecretShortHmac,
                    message: format!(
                        "the key of `{}` has {} bytes, {} wants {} or more (RFC 7518 §3.2)",
                        declared.name,
                        key.len(),
                        algorithm.name(),
                        algorithm.key_bytes_min()
                    ),
                    secret: Some(jwt.key.clone()),
                };
                if !build.warnings.contains(&warning) {
                    build.warnings.push(warning);
                }
            }
            if key.is_empty() {
                return Err(BuildError::unset(format!("the key of `{}` is empty", declared.name)));
            }
            Ok(vec![key])
        }
        Kind::Key(Key { keys, single, .. }) => keys
            .iter()
            .map(|source| build.secrets.secret(source, Purpose::Keys))
            .chain(single.iter().map(|key| build.secrets.secret(&key.secret, Purpose::Text(&key.name))))
            .collect(),
        Kind::Basic(basic) => Ok(vec![build.secrets.secret(&basic.users, Purpose::Users)?]),
        Kind::Remote(_) => Err(not_available(declared)),
    }
}

/// An auth that is checked and not carried out.
fn not_available(declared: &Declared) -> BuildError {
    BuildError { code: Code::SchemaNotAvailable, message: format!("the auth `{}` is not available yet", declared.name) }
}

impl Runtime {
    fn new(index: u16, declared: Declared, sources: &[String]) -> Result<Self, BuildError> {
        let bad = |what: &str, error: String| BuildError::unset(format!("the {what} of `{}`: {error}", declared.name));
        let first = sources.first().map_or("", String::as_str);
        let (from, proof) = match &declared.kind {
            Kind::Jwt(jwt) => {
                let tokens = Tokens::new(index, jwt.clone(), declared.attributes.clone(), first.as_bytes());
                (jwt.from.clone(), Proof::Token(Box::new(tokens)))
            }
            Kind::Key(key) => {
                let (lines, single) = sources.split_at_checked(key.keys.len()).unwrap_or_default();
                let mut entries = Vec::new();
                for text in lines {
                    entries.extend(keys::lines(text, &declared.attributes).map_err(|error| bad("keys", error))?);
                }
                for (single, secret) in key.single.iter().zip(single) {
                    let attributes = keys::identity(&single.name, &declared.attributes, |attribute| {
                        let given = single.attributes.iter().find(|(name, _)| *name == attribute.name);
                        given.map(|(_, value)| Some(attribute::from_value(value)))
                    });
                    entries.push((keys::hash(secret), attributes.map_err(|error| bad("keys", error))?));
                }
                (key.from.clone(), Proof::Key(Keys::new(index, entries).map_err(|error| bad("keys", error))?))
            }
            Kind::Basic(_) => {
                let users = Passwords::new(index, first).map_err(|error| bad("users", error))?;
                (vec![Carrier::Header(AUTHORIZATION)], Proof::Password(Arc::new(users)))
            }
            Kind::Remote(_) => return Err(not_available(&declared)),
        };
        Ok(Self { declared, from, proof })
    }

    /// What the auth says of a request. `now` is the time since the epoch.
    #[must_use]
    pub fn judge(&self, request: &Request, now: Duration) -> Verdict {
        let scheme = match self.proof {
            Proof::Token(_) => Some("Bearer"),
            Proof::Password(_) => Some("Basic"),
            Proof::Key(_) => None,
        };
        let credential = match carry::find(request, &self.from, scheme) {
            carry::Found::Absent => return Verdict::Absent,
            carry::Found::Unclear => return Verdict::Refused("there is more than one credential, or one that is no text"),
            carry::Found::One(credential) => credential,
        };
        match &self.proof {
            Proof::Token(tokens) => {
                // Outside `Authorization` the scheme may be left out.
                let token = credential.strip_prefix("Bearer ").unwrap_or(&credential);
                match tokens.verify(token, now) {
                    Ok(identity) => Verdict::Known(identity),
                    Err(refusal) => Verdict::Refused(refusal),
                }
            }
            Proof::Key(keys) => keys.find(&credential).map_or(Verdict::Refused("the key is not known"), Verdict::Known),
            Proof::Password(users) => {
                let Some((name, password)) = name_and_password(&credential) else {
                    return Verdict::Refused("the credential is no base64 of a name, a colon and a password");
                };
                match users.at_once(&name, &password, now) {
                    Some(answer) => verdict(answer),
                    None => Verdict::Pending(PasswordCheck { users: users.clone(), name, password, now }),
                }
            }
        }
    }

    /// Takes the credential out of a request that goes on, unless the auth says `forward credential`.
    pub fn take_credential(&self, request: &mut Request) {
        if !self.declared.forward {
            carry::remove(request, &self.from);
        }
    }

    /// The `WWW-Authenticate` of a 401 (RFC 9110 §11.6.1); `refused` when there was a credential.
    #[must_use]
    pub fn challenge(&self, refused: bool) -> HeaderValue {
        HeaderValue::from_static(match (&self.proof, refused) {
            (Proof::Token(_), false) => "Bearer realm=\"gatewright\"",
            (Proof::Token(_), true) => "Bearer realm=\"gatewright\", error=\"invalid_token\"",
            (Proof::Key(_), _) => "ApiKey",
            (Proof::Password(_), _) => "Basic realm=\"gatewright\"",
        })
    }

    /// A credential that this auth accepts, as a header, for `gate test` and `gate run --dev`. What `given` says of the
    /// caller is part of it: claims of a token, `name` and attributes of a key, `name` of a user. What is required and not
    /// given is made up.
    ///
    /// # Errors
    /// When something given is not declared or has another type, or the credential travels in the query only.
    pub fn mint(&self, given: &Map<String, Json>, now: Duration) -> Result<(HeaderName, HeaderValue), String> {
        let declared = &self.declared.attributes;
        for (name, value) in given {
            let Some(attribute) = declared.iter().find(|attribute| attribute.name == *name) else {
                return Err(format!("`{}` declares no `{}.{name}`", self.declared.name, self.declared.root()));
            };
            if attribute::from_json(attribute, Some(value)).is_none() {
                return Err(format!("`{}.{name}` is no `{}`", self.declared.root(), attribute.expression_type()));
            }
        }
        let mut filled = given.clone();
        for attribute in declared.iter().filter(|attribute| attribute::missing(attribute).is_none()) {
            filled.entry(attribute.name.as_str()).or_insert_with(|| attribute::made_up(attribute));
        }
        let name = filled.get("name").and_then(Json::as_str).unwrap_or_default();
        let credential = match &self.proof {
            Proof::Token(tokens) => tokens.sign(&filled, now, MINTED_TTL).ok_or("the token cannot be signed")?,
            Proof::Key(keys) => {
                let attributes = keys::identity(name, declared, |attribute| {
                    filled.get(&attribute.name).map(|value| attribute::from_json(attribute, Some(value)))
                })?;
                // The credential says who it is for, so that two callers of one test have two.
                let key = format!("minted-{}", keys::hash_text(&keys::hash(&Json::Object(filled.clone()).to_string())));
                keys.admit(&key, attributes);
                key
            }
            Proof::Password(users) => {
                users.admit(name, MINTED_PASSWORD);
                STANDARD.encode(format!("{name}:{MINTED_PASSWORD}"))
            }
        };
        self.carried(&credential)
    }

    fn carried(&self, credential: &str) -> Result<(HeaderName, HeaderValue), String> {
        let scheme = match self.proof {
            Proof::Token(_) => "Bearer ",
            Proof::Password(_) => "Basic ",
            Proof::Key(_) => "",
        };
        let header = self.from.iter().find_map(|place| match place {
            Carrier::Header(name) if *name == AUTHORIZATION => Some((name.clone(), format!("{scheme}{credential}"))),
            Carrier::Header(name) => Some((name.clone(), credential.to_owned())),
            Carrier::Cookie(name) => Some((COOKIE, format!("{name}={credential}"))),
            Carrier::Query(_) => None,
        });
        let (name, value) = header.ok_or_else(|| format!("`{}` takes its credential from the query only", self.declared.name))?;
        HeaderValue::try_from(value).map(|value| (name, value)).map_err(|_| "the credential is no field value".to_owned())
    }

    /// A token for claims by their declared names, valid from `now` for `ttl`; `iat`, `exp`, `iss` and `aud` are filled in.
    /// `None` when this is no auth with tokens.
    #[must_use]
    pub fn sign(&self, claims: &Map<String, Json>, now: Duration, ttl: Duration) -> Option<String> {
        match &self.proof {
            Proof::Token(tokens) => tokens.sign(claims, now, ttl),
            Proof::Key(_) | Proof::Password(_) => None,
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
}

impl Signer for Runtime {
    fn sign(&self, claims: &Map<String, Json>, now: Duration, ttl: Duration) -> Option<String> {
        Self::sign(self, claims, now, ttl)
    }
}

/// A token for an auth and its key, outside of a running gateway: `gate token`. `None` when it is no auth with tokens.
#[must_use]
pub fn sign(declared: &Declared, key: &str, claims: &Map<String, Json>, now: Duration, ttl: Duration) -> Option<String> {
    let Kind::Jwt(jwt) = &declared.kind else { return None };
    Tokens::new(0, jwt.clone(), declared.attributes.clone(), key.as_bytes()).sign(claims, now, ttl)
}

/// What lines of keys say behind the name: `sha256:HEX`.
#[must_use]
pub fn hash_key(key: &str) -> String {
    keys::hash_text(&keys::hash(key))
}

fn name_and_password(credential: &str) -> Option<(String, String)> {
    let bytes = STANDARD.decode(credential).ok()?;
    let text = String::from_utf8(bytes).ok()?;
    let (name, password) = text.split_once(':')?;
    Some((name.to_owned(), password.to_owned()))
}
