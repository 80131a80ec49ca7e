//! Credentials that an auth accepts, for `gate test`, `gate run --dev` and `gate token`.

use super::attribute;
use super::config::{Carrier, Declared, Kind};
use super::keys;
use super::made::tokens;
use super::runtime::{Proof, Runtime};
use crate::http::{Attribute, Identity};
use crate::policy::BuildError;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use http::header::{AUTHORIZATION, COOKIE};
use http::{HeaderName, HeaderValue};
use serde_json::{Map, Value as Json};
use std::time::Duration;

/// How long credentials made for tests are valid.
const MINTED_TTL: Duration = Duration::from_secs(3_600);
/// What a password made for tests is.
const MINTED_PASSWORD: &str = "admitted";

impl Runtime {
    /// A credential that this auth accepts, as a header. What `given` says of the caller is part of it: claims of a token, `name`
    /// and attributes of a key, `name` of a user. What is required and not given is made up.
    ///
    /// # Errors
    /// When something given is not declared or has another type, or the credential travels in the query only.
    pub fn mint(&self, given: &Map<String, Json>, now: Duration) -> Result<(HeaderName, HeaderValue), String> {
        let filled = self.filled(given)?;
        let name = filled.get("name").and_then(Json::as_str).unwrap_or_default();
        let credential = match &self.proof {
            Proof::Token(tokens) if tokens.signing.is_some() => {
                tokens.sign(&filled, now, MINTED_TTL).ok_or("the token cannot be signed")?
            }
            Proof::Token(tokens) => self.vouched(tokens.auth, &filled, now)?,
            Proof::Key(keys) => {
                let attributes = keys::identity(name, &self.declared.attributes, |attribute| {
                    filled.get(&attribute.name).map(|value| attribute::from_json(attribute, Some(value)))
                })?;
                let key = unique(&filled);
                keys.admit(&key, attributes);
                key
            }
            Proof::Password(users) => {
                users.admit(name, MINTED_PASSWORD);
                STANDARD.encode(format!("{name}:{MINTED_PASSWORD}"))
            }
            Proof::Forward(service) => self.vouched(service.auth(), &filled, now)?,
            Proof::Introspect(service) => self.vouched(service.auth(), &filled, now)?,
        };
        self.carried(&credential)
    }

    /// What is given and what is made up; all of it has its declared type.
    fn filled(&self, given: &Map<String, Json>) -> Result<Map<String, Json>, String> {
        let declared = &self.declared.attributes;
        let mut filled = given.clone();
        // A service that tells nothing of its callers may let in anybody a test names.
        if matches!(self.proof, Proof::Forward(_)) && declared.is_empty() {
            return Ok(filled);
        }
        for (name, value) in given {
            let Some(attribute) = declared.iter().find(|attribute| attribute.name == *name) else {
                return Err(format!("`{}` declares no `{}.{name}`", self.declared.name, self.declared.root()));
            };
            if attribute::from_json(attribute, Some(value)).is_none() {
                return Err(format!("`{}.{name}` is no `{}`", self.declared.root(), attribute.expression_type()));
            }
        }
        for attribute in declared.iter().filter(|attribute| attribute::missing(attribute).is_none()) {
            filled.entry(attribute.name.as_str()).or_insert_with(|| attribute::made_up(attribute));
        }
        Ok(filled)
    }

    /// A credential whose worth only somebody else could tell: it is simply known from now on.
    fn vouched(&self, auth: u16, filled: &Map<String, Json>, now: Duration) -> Result<String, String> {
        let attributes: Option<Box<[Attribute]>> =
            self.declared.attributes.iter().map(|attribute| attribute::from_json(attribute, filled.get(&attribute.name))).collect();
        let attributes = attributes.ok_or("an attribute is missing")?;
        let credential = unique(filled);
        self.mint_known(&credential, Identity { auth, attributes }, now.saturating_add(MINTED_TTL), now);
        Ok(credential)
    }

    fn carried(&self, credential: &str) -> Result<(HeaderName, HeaderValue), String> {
        let scheme = match self.proof {
            Proof::Token(_) | Proof::Introspect(_) => "Bearer ",
            Proof::Password(_) => "Basic ",
            Proof::Key(_) | Proof::Forward(_) => "",
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
}

/// A credential that says who it is for, so that two callers of one test have two.
fn unique(filled: &Map<String, Json>) -> String {
    format!("minted-{}", keys::hash_text(&keys::hash(&Json::Object(filled.clone()).to_string())))
}

/// A token for an auth and its key, outside of a running gateway: `gate token`. `None` when it is no auth that signs tokens.
///
/// # Errors
/// When the key is none for the auth's algorithms.
pub fn sign(
    declared: &Declared,
    key: &str,
    claims: &Map<String, Json>,
    now: Duration,
    ttl: Duration,
) -> Result<Option<String>, BuildError> {
    let Kind::Jwt(jwt) = &declared.kind else { return Ok(None) };
    Ok(tokens(0, declared, jwt, key)?.sign(claims, now, ttl))
}

/// The claims for which an auth will refuse a token: those that are missing, and those of another type. `role` has to be …
#[must_use]
pub fn unfit(declared: &Declared, claims: &Map<String, Json>) -> Vec<String> {
    let unfit = declared.attributes.iter().filter(|claim| attribute::from_json(claim, claims.get(&claim.name)).is_none());
    unfit.map(|claim| format!("`{}` as {}", claim.name, claim.expression_type())).collect()
}

/// What lines of keys say behind the name: `sha256:HEX`.
#[must_use]
pub fn hash_key(key: &str) -> String {
    keys::hash_text(&keys::hash(key))
}
