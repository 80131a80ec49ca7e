//! Signed tokens (RFC 7519), verified as RFC 8725 asks, and written.

use super::attribute;
use super::config::{Algorithm, AttributeDecl, Jwt};
use super::token_cache::TokenCache;
use crate::http::Identity;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jsonwebtoken::crypto;
use jsonwebtoken::{DecodingKey, EncodingKey};
use serde::de::{Deserialize, Deserializer, Error as _, MapAccess, Visitor};
use serde_json::{Map, Value as Json};
use std::sync::Arc;
use std::time::Duration;

/// Why a token was refused, in words for the client.
pub type Refusal = &'static str;

/// Header members that name or carry a key, or change how the rest is read: none is ever followed (RFC 8725 §3.10, RFC 7515 §4.1.11).
const REFUSED_MEMBERS: &[&str] = &["crit", "jwk", "jku", "x5u", "x5c", "b64", "enc", "zip"];

/// Verifies and signs the tokens of one auth.
pub struct Tokens {
    auth: u16,
    jwt: Jwt,
    claims: Vec<AttributeDecl>,
    verifying: DecodingKey,
    signing: EncodingKey,
    cache: TokenCache,
}

impl Tokens {
    /// Tokens signed with an HMAC key.
    #[must_use]
    pub fn new(auth: u16, jwt: Jwt, claims: Vec<AttributeDecl>, key: &[u8]) -> Self {
        let (verifying, signing) = (DecodingKey::from_secret(key), EncodingKey::from_secret(key));
        Self { auth, jwt, claims, verifying, signing, cache: TokenCache::new() }
    }

    /// Who the bearer is. `now` is the time since the epoch.
    ///
    /// # Errors
    /// When the token is not valid now, or not for this auth.
    pub fn verify(&self, token: &str, now: Duration) -> Result<Arc<Identity>, Refusal> {
        if let Some(identity) = self.cache.get(token.as_bytes(), now) {
            return Ok(identity);
        }
        let (identity, expires) = self.judge(token, now)?;
        let identity = Arc::new(identity);
        self.cache.put(token.as_bytes(), identity.clone(), expires, now);
        Ok(identity)
    }

    fn judge(&self, token: &str, now: Duration) -> Result<(Identity, Duration), Refusal> {
        const MALFORMED: Refusal = "the token is malformed";
        let (signed, signature) = token.rsplit_once('.').ok_or(MALFORMED)?;
        let (header, payload) = signed.split_once('.').ok_or(MALFORMED)?;
        let header = object(header).ok_or(MALFORMED)?;
        if REFUSED_MEMBERS.iter().any(|member| header.contains_key(*member)) {
            return Err("the token's header asks for more than is supported");
        }
        let named = header.get("alg").and_then(Json::as_str).ok_or(MALFORMED)?;
        let algorithm = self.jwt.algorithms.iter().find(|known| known.name() == named).ok_or("the token's algorithm is not accepted")?;
        match crypto::verify(signature, signed.as_bytes(), &self.verifying, library(*algorithm)) {
            Ok(true) => {}
            Ok(false) | Err(_) => return Err("the token's signature is not valid"),
        }
        let payload = object(payload).ok_or(MALFORMED)?;
        let expires = self.in_time(&payload, now)?;
        self.meant_for_us(&payload)?;
        let attributes: Option<Box<[_]>> =
            self.claims.iter().map(|claim| attribute::from_json(claim, at(&payload, &claim.source))).collect();
        let attributes = attributes.ok_or("a claim of the token is missing or has another type")?;
        Ok((Identity { auth: self.auth, attributes }, expires))
    }

    /// When the token expires, since the epoch.
    fn in_time(&self, payload: &Map<String, Json>, now: Duration) -> Result<Duration, Refusal> {
        let time = |name: &str| match payload.get(name) {
            None => Ok(None),
            Some(value) => value.as_f64().filter(|time| time.is_finite()).map(Some).ok_or("a time in the token is no number"),
        };
        let (now, leeway) = (now.as_secs_f64(), self.jwt.leeway.as_secs_f64());
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
        let issuer = payload.get("iss").map(|issuer| issuer.as_str().ok_or("the token's issuer is no string")).transpose()?;
        if !self.jwt.issuer.is_empty() && !issuer.is_some_and(|issuer| self.jwt.issuer.iter().any(|known| known == issuer)) {
            return Err("the token comes from another issuer");
        }
        let ours = |audience: &Json| audience.as_str().is_some_and(|audience| self.jwt.audience.iter().any(|known| known == audience));
        let meant = match payload.get("aud") {
            None => false,
            Some(Json::Array(all)) if all.iter().all(Json::is_string) => all.iter().any(ours),
            Some(one @ Json::String(_)) => ours(one),
            Some(_) => return Err("the token's audience is no string"),
        };
        if self.jwt.audience.is_empty() || meant { Ok(()) } else { Err("the token is meant for another audience") }
    }

    /// A token for claims by their declared names, valid from `now` for `ttl`; `iat`, `exp`, `iss` and `aud` are filled in.
    /// `None` when the provider of cryptography refuses the key.
    #[must_use]
    pub fn sign(&self, claims: &Map<String, Json>, now: Duration, ttl: Duration) -> Option<String> {
        let algorithm = self.jwt.algorithms.first()?;
        let mut payload = Map::new();
        for (name, value) in claims {
            let source = self.claims.iter().find(|claim| claim.name == *name).map_or(name.as_str(), |claim| &claim.source);
            put(&mut payload, source, value.clone());
        }
        payload.entry("iat").or_insert_with(|| now.as_secs().into());
        payload.entry("exp").or_insert_with(|| (now + ttl).as_secs().into());
        if let Some(issuer) = self.jwt.issuer.first() {
            payload.entry("iss").or_insert_with(|| issuer.as_str().into());
        }
        match self.jwt.audience.as_slice() {
            [] => {}
            [only] => {
                payload.entry("aud").or_insert_with(|| only.as_str().into());
            }
            several => {
                payload.entry("aud").or_insert_with(|| several.into());
            }
        }
        let header = serde_json::json!({"typ": "JWT", "alg": algorithm.name()});
        let signed =
            format!("{}.{}", URL_SAFE_NO_PAD.encode(header.to_string()), URL_SAFE_NO_PAD.encode(Json::Object(payload).to_string()));
        let signature = crypto::sign(signed.as_bytes(), &self.signing, library(*algorithm)).ok()?;
        Some(format!("{signed}.{signature}"))
    }
}

fn library(algorithm: Algorithm) -> jsonwebtoken::Algorithm {
    match algorithm {
        Algorithm::Hs256 => jsonwebtoken::Algorithm::HS256,
        Algorithm::Hs384 => jsonwebtoken::Algorithm::HS384,
        Algorithm::Hs512 => jsonwebtoken::Algorithm::HS512,
    }
}

/// A JSON object in canonical base64url: no padding, no surplus bits, no member twice.
fn object(part: &str) -> Option<Map<String, Json>> {
    let bytes = URL_SAFE_NO_PAD.decode(part).ok()?;
    serde_json::from_slice::<Unique>(&bytes).ok().map(|unique| unique.0)
}

/// An object without two members of one name, of which readers could disagree (RFC 7515 §4).
struct Unique(Map<String, Json>);

impl<'de> Deserialize<'de> for Unique {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Members;
        impl<'de> Visitor<'de> for Members {
            type Value = Unique;

            fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut access: A) -> Result<Unique, A::Error> {
                let mut map = Map::new();
                while let Some((name, value)) = access.next_entry::<String, Json>()? {
                    if map.insert(name, value).is_some() {
                        return Err(A::Error::custom("a member stands twice"));
                    }
                }
                Ok(Unique(map))
            }
        }
        deserializer.deserialize_map(Members)
    }
}

/// The member of a literal name, or what a JSON pointer (RFC 6901) leads to.
fn at<'p>(payload: &'p Map<String, Json>, source: &str) -> Option<&'p Json> {
    let Some(pointer) = source.strip_prefix('/') else { return payload.get(source) };
    let (first, rest) = pointer.split_once('/').map_or((pointer, None), |(first, rest)| (first, Some(rest)));
    let member = payload.get(&unescape(first))?;
    match rest {
        None => Some(member),
        Some(rest) => member.pointer(&format!("/{rest}")),
    }
}

/// Puts a value where [`at`] finds it. Members on the way become objects.
fn put(payload: &mut Map<String, Json>, source: &str, value: Json) {
    let Some(pointer) = source.strip_prefix('/') else {
        payload.insert(source.to_owned(), value);
        return;
    };
    match pointer.split_once('/') {
        None => {
            payload.insert(unescape(pointer), value);
        }
        Some((first, rest)) => {
            let member = payload.entry(unescape(first)).or_insert_with(|| Json::Object(Map::new()));
            if !member.is_object() {
                *member = Json::Object(Map::new());
            }
            if let Json::Object(inner) = member {
                put(inner, &format!("/{rest}"), value);
            }
        }
    }
}

fn unescape(segment: &str) -> String {
    segment.replace("~1", "/").replace("~0", "~")
}
