//! Signed tokens (RFC 7519), verified as RFC 8725 asks, and written.

use super::attribute;
use super::claims::{at, object, put};
use super::config::{AttributeDecl, Terms};
use super::jwks::{Jwks, Standing};
use super::key::Signing;
use super::keyring::{Keyring, Signature};
use crate::http::Identity;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use futures_core::future::BoxFuture;
use serde_json::{Map, Value as Json};
use std::sync::Arc;
use std::time::Duration;

/// Why a token was refused, in words for the client.
pub type Refusal = &'static str;

/// Header members that name or carry a key, or change how the rest is read: none is ever followed (RFC 8725 §3.10, RFC 7515 §4.1.11).
const REFUSED_MEMBERS: &[&str] = &["crit", "jwk", "jku", "x5u", "x5c", "b64", "enc", "zip"];
/// Most fetches of keys that a token waits for.
const FETCHES_MAX: usize = 2;
const MALFORMED: Refusal = "the token is malformed";
const UNKNOWN_KEY: Refusal = "the token is signed with a key that is not known";

/// Where the keys that verify come from.
pub enum Source {
    /// They were read at start.
    Fixed(Arc<Keyring>),
    /// The issuer publishes them.
    Published(Arc<Jwks>),
}

/// Verifies and signs the tokens of one auth.
pub struct Tokens {
    /// The auth's index.
    pub auth: u16,
    /// What is accepted.
    pub terms: Terms,
    /// What is read of a token.
    pub claims: Vec<AttributeDecl>,
    /// The keys that verify.
    pub source: Source,
    /// The key that signs, where the gateway has it.
    pub signing: Option<Signing>,
}

/// What a token is worth.
pub enum Outcome {
    /// Its bearer is this.
    Known(Arc<Identity>),
    /// Nothing.
    Refused(Refusal),
    /// Keys have to be waited for; then [`Tokens::settle`] says.
    Waits(BoxFuture<'static, ()>),
    /// There are no keys to judge it by.
    NoKeys,
}

/// Why a token is not accepted.
enum Fault {
    Refused(Refusal),
    UnknownKey,
}

impl From<Refusal> for Fault {
    fn from(refusal: Refusal) -> Self {
        Self::Refused(refusal)
    }
}

impl Tokens {
    /// Who the bearer is. `now` is the time since the epoch.
    pub fn verify(&self, token: &str, now: Duration) -> Outcome {
        match &self.source {
            Source::Fixed(keyring) => match self.with(keyring, token, now) {
                Ok(identity) => Outcome::Known(identity),
                Err(Fault::Refused(refusal)) => Outcome::Refused(refusal),
                Err(Fault::UnknownKey) => Outcome::Refused(UNKNOWN_KEY),
            },
            Source::Published(jwks) => match jwks.standing() {
                Standing::Known(keyring) => match self.with(&keyring, token, now) {
                    Ok(identity) => Outcome::Known(identity),
                    Err(Fault::Refused(refusal)) => Outcome::Refused(refusal),
                    Err(Fault::UnknownKey) => jwks.renewal().map_or(Outcome::Refused(UNKNOWN_KEY), Outcome::Waits),
                },
                Standing::Awaited(waiting) => Outcome::Waits(waiting),
                Standing::Missing => Outcome::NoKeys,
            },
        }
    }

    /// The same after keys were waited for. A fetch that had begun before may have missed a new key: that is worth one more.
    pub async fn settle(&self, waiting: BoxFuture<'static, ()>, token: &str, now: Duration) -> Outcome {
        let Source::Published(jwks) = &self.source else { return Outcome::Refused(UNKNOWN_KEY) };
        let mut waiting = waiting;
        for _ in 0..FETCHES_MAX {
            waiting.await;
            let Some(keyring) = jwks.at_hand() else { return Outcome::NoKeys };
            match self.with(&keyring, token, now) {
                Ok(identity) => return Outcome::Known(identity),
                Err(Fault::Refused(refusal)) => return Outcome::Refused(refusal),
                Err(Fault::UnknownKey) => match jwks.renewal() {
                    Some(next) => waiting = next,
                    None => break,
                },
            }
        }
        Outcome::Refused(UNKNOWN_KEY)
    }

    fn with(&self, keyring: &Keyring, token: &str, now: Duration) -> Result<Arc<Identity>, Fault> {
        if let Some(identity) = keyring.verified().get(token.as_bytes(), now) {
            return Ok(identity);
        }
        let (identity, expires) = self.judge(keyring, token, now)?;
        let identity = Arc::new(identity);
        keyring.verified().put(token.as_bytes(), Arc::clone(&identity), expires, now);
        Ok(identity)
    }

    fn judge(&self, keyring: &Keyring, token: &str, now: Duration) -> Result<(Identity, Duration), Fault> {
        let payload = object(self.signed(keyring, token)?).ok_or(MALFORMED)?;
        let expires = self.in_time(&payload, now)?;
        self.meant_for_us(&payload)?;
        let attributes: Option<Box<[_]>> =
            self.claims.iter().map(|claim| attribute::from_json(claim, at(&payload, &claim.source))).collect();
        let attributes = attributes.ok_or("a claim of the token is missing or has another type")?;
        Ok((Identity { auth: self.auth, attributes }, expires))
    }

    /// The payload of a token whose signature is valid. What the header says is a choice among what is accepted, never more.
    fn signed<'t>(&self, keyring: &Keyring, token: &'t str) -> Result<&'t str, Fault> {
        let (signed, signature) = token.rsplit_once('.').ok_or(MALFORMED)?;
        let (header, payload) = signed.split_once('.').ok_or(MALFORMED)?;
        let header = object(header).ok_or(MALFORMED)?;
        if REFUSED_MEMBERS.iter().any(|member| header.contains_key(*member)) {
            return Err("the token's header asks for more than is supported".into());
        }
        if !header.get("typ").is_none_or(is_access_token) {
            return Err("the token is one of another kind".into());
        }
        let named = header.get("alg").and_then(Json::as_str).ok_or(MALFORMED)?;
        let accepted = self.terms.algorithms.iter().find(|known| known.name() == named);
        let algorithm = *accepted.ok_or("the token's algorithm is not accepted")?;
        let id = header.get("kid").map(|id| id.as_str().ok_or(MALFORMED)).transpose()?;
        match keyring.judge(signature, signed, algorithm, id) {
            Signature::Valid => Ok(payload),
            Signature::Invalid => Err("the token's signature is not valid".into()),
            Signature::UnknownKey => Err(Fault::UnknownKey),
        }
    }

    /// When the token expires, since the epoch.
    fn in_time(&self, payload: &Map<String, Json>, now: Duration) -> Result<Duration, Refusal> {
        let time = |name: &str| match payload.get(name) {
            None => Ok(None),
            Some(value) => value.as_f64().filter(|time| time.is_finite()).map(Some).ok_or("a time in the token is no number"),
        };
        let (now, leeway) = (now.as_secs_f64(), self.terms.leeway.as_secs_f64());
        let (expires, not_before, _) = (time("exp")?, time("nbf")?, time("iat")?);
        let expires = expires.ok_or("the token never expires")?;
        if expires + leeway <= now {
            return Err("the token has expired");
        }
        if not_before.is_some_and(|not_before| not_before - leeway > now) {
            return Err("the token is not valid yet");
        }
        Ok(Duration::try_from_secs_f64(expires.max(0.0)).unwrap_or(Duration::MAX))
    }

    fn meant_for_us(&self, payload: &Map<String, Json>) -> Result<(), Refusal> {
        let Terms { issuer: issuers, audience, .. } = &self.terms;
        let issuer = payload.get("iss").map(|issuer| issuer.as_str().ok_or("the token's issuer is no string")).transpose()?;
        if !issuers.is_empty() && !issuer.is_some_and(|issuer| issuers.iter().any(|known| known == issuer)) {
            return Err("the token comes from another issuer");
        }
        let ours = |named: &Json| named.as_str().is_some_and(|named| audience.iter().any(|known| known == named));
        let meant = match payload.get("aud") {
            None => false,
            Some(Json::Array(all)) if all.iter().all(Json::is_string) => all.iter().any(ours),
            Some(one @ Json::String(_)) => ours(one),
            Some(_) => return Err("the token's audience is no string"),
        };
        if audience.is_empty() || meant { Ok(()) } else { Err("the token is meant for another audience") }
    }

    /// A token for claims by their declared names, valid from `now` for `ttl`; `iat`, `exp`, `iss` and `aud` are filled in.
    /// `None` when there is no key to sign with, or the provider of cryptography refuses it.
    #[must_use]
    pub fn sign(&self, claims: &Map<String, Json>, now: Duration, ttl: Duration) -> Option<String> {
        let signing = self.signing.as_ref()?;
        let mut payload = Map::new();
        for (name, value) in claims {
            let source = self.claims.iter().find(|claim| claim.name == *name).map_or(name.as_str(), |claim| &claim.source);
            put(&mut payload, source, value.clone());
        }
        payload.entry("iat").or_insert_with(|| now.as_secs().into());
        payload.entry("exp").or_insert_with(|| (now + ttl).as_secs().into());
        if let Some(issuer) = self.terms.issuer.first() {
            payload.entry("iss").or_insert_with(|| issuer.as_str().into());
        }
        match self.terms.audience.as_slice() {
            [] => {}
            [only] => {
                payload.entry("aud").or_insert_with(|| only.as_str().into());
            }
            several => {
                payload.entry("aud").or_insert_with(|| several.into());
            }
        }
        let header = serde_json::json!({"typ": "JWT", "alg": signing.algorithm().name()});
        let signed =
            format!("{}.{}", URL_SAFE_NO_PAD.encode(header.to_string()), URL_SAFE_NO_PAD.encode(Json::Object(payload).to_string()));
        let signature = signing.sign(&signed)?;
        Some(format!("{signed}.{signature}"))
    }
}

/// True when a token does not say that it is meant for something else, as `logout+jwt` or `dpop+jwt` do (RFC 8725 §3.11). Those
/// for access are `at+jwt` (RFC 9068) where their issuer says so.
fn is_access_token(kind: &Json) -> bool {
    let Some(kind) = kind.as_str().map(str::to_ascii_lowercase) else { return false };
    let kind = kind.strip_prefix("application/").unwrap_or(&kind);
    !kind.ends_with("+jwt") || kind == "at+jwt"
}
