//! The keys that verify the tokens of one auth, and the tokens that they verified.

use super::algorithm::Algorithm;
use super::kept::Kept;
use super::key::Key;
use crate::http::Identity;
use serde_json::{Map, Value as Json};
use std::sync::Arc;

/// Most keys that an issuer publishes; the others are not looked at.
const KEYS_MAX: usize = 128;
/// Most keys that are tried on one token, where its header names none.
const TRIES_MAX: usize = 8;

/// Keys, and what they verified: who leaves the first takes the second along.
#[derive(Default)]
pub struct Keyring {
    keys: Vec<Key>,
    verified: Arc<Kept<Arc<Identity>>>,
}

/// What the keys say of a signature.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Signature {
    /// One of them made it.
    Valid,
    /// None of those that the token could mean did.
    Invalid,
    /// The token means a key that is not among them.
    UnknownKey,
}

impl Keyring {
    /// One key.
    pub fn only(key: Key) -> Self {
        Self { keys: vec![key], verified: Arc::default() }
    }

    /// The keys that an issuer publishes (RFC 7517 §5); `report` hears of each that is left out, by its name.
    ///
    /// # Errors
    /// Why there is none in it.
    pub fn published(text: &[u8], mut report: impl FnMut(&str, &'static str)) -> Result<Self, &'static str> {
        let set: Map<String, Json> = serde_json::from_slice(text).map_err(|_| "it is no JSON object")?;
        let listed = set.get("keys").and_then(Json::as_array).ok_or("it has no `keys`")?;
        let mut keys = Vec::new();
        for jwk in listed.iter().take(KEYS_MAX).filter_map(Json::as_object) {
            match Key::published(jwk) {
                Ok(Some(key)) => keys.push(key),
                Ok(None) => {}
                Err(why) => report(jwk.get("kid").and_then(Json::as_str).unwrap_or("?"), why),
            }
        }
        if keys.is_empty() { Err("no key in it can be used") } else { Ok(Self { keys, verified: Arc::default() }) }
    }

    /// Takes over what was verified before, unless a key is gone: what that one vouched for is worth nothing any more.
    #[must_use]
    pub fn after(mut self, before: &Self) -> Self {
        if before.keys.iter().all(|old| self.keys.iter().any(|new| new.is(old))) {
            self.verified = Arc::clone(&before.verified);
        }
        self
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.keys.len()
    }

    /// Tokens that were verified.
    pub fn verified(&self) -> &Kept<Arc<Identity>> {
        &self.verified
    }

    /// Whether one of the keys signed this.
    pub fn judge(&self, signature: &str, signed: &str, algorithm: Algorithm, id: Option<&str>) -> Signature {
        let mut fitting = self.keys.iter().filter(|key| key.fits(algorithm, id)).take(TRIES_MAX).peekable();
        if fitting.peek().is_none() {
            return Signature::UnknownKey;
        }
        if fitting.any(|key| key.verifies(signature, signed, algorithm)) { Signature::Valid } else { Signature::Invalid }
    }
}
