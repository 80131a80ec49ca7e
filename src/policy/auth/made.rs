//! From a declaration to the auth at work: its secrets read, its keys judged.

use super::algorithm::Algorithm;
use super::config::{Carrier, Declared, Jwt, Key as ApiKeys, Kind};
use super::jwks::Jwks;
use super::key::{Key, Signing};
use super::keyring::Keyring;
use super::keys::{self, Keys};
use super::passwords::Passwords;
use super::remote::{Issuer, IssuerKeys, Remote, forward, introspect};
use super::runtime::{Proof, Runtime};
use super::token::{Source, Tokens};
use super::{attribute, remote};
use crate::diag::Code;
use crate::events::Events;
use crate::fetch::{Fetch, address};
use crate::lang::expr::Secret;
use crate::policy::build::{Build, BuildError, Purpose, Warning};
use crate::policy::dependencies::Dependency;
use http::header::AUTHORIZATION;
use std::sync::Arc;

/// The runtime of the auth at `index`: the one that runs already when neither the declaration nor its secrets changed.
///
/// # Errors
/// When a secret is not set, or a key or a line of keys or users is bad: the message says which. Of several the last, the others
/// stand in `build.errors`.
pub fn runtime(index: u16, declared: &Declared, build: &mut Build<'_>) -> Result<Arc<Runtime>, BuildError> {
    let place = index.to_string();
    if let Some(runtime) = build.registry.of_plan("auth", &place) {
        return Ok(runtime);
    }
    let secrets = secrets(declared, build)?;
    let content = serde_json::to_string(declared).map_err(|error| BuildError::unset(error.to_string()))?;
    // Only a hash of the secrets goes into the name.
    let name = format!("{index} {content} {}", keys::hash_text(&keys::hash(&secrets.join("\0"))));
    let (fetch, events) = (Arc::clone(build.fetch), Arc::clone(build.events));
    let runtime =
        build.registry.try_state("auth", name, || make(index, declared.clone(), &secrets, (&fetch, &events), &mut build.errors))?;
    if let Proof::Token(Tokens { source: Source::Published(jwks), .. }) = &runtime.proof {
        build.dependencies().add(Arc::clone(jwks) as Arc<dyn Dependency>);
    }
    build.registry.put_aside("auth", place, runtime.clone());
    Ok(runtime)
}

/// The secrets of an auth, in the order of its declaration.
fn secrets(declared: &Declared, build: &mut Build<'_>) -> Result<Vec<String>, BuildError> {
    let one = |secret, purpose| Ok(vec![build.secrets.secret(secret, purpose)?]);
    match &declared.kind {
        Kind::Jwt(jwt) => {
            let key = build.secrets.secret(&jwt.key, purpose(jwt))?;
            if let Some(warning) = short(declared, jwt, &key)
                && !build.warnings.contains(&warning)
            {
                build.warnings.push(warning);
            }
            Ok(vec![key])
        }
        Kind::Key(ApiKeys { keys, single, .. }) => keys
            .iter()
            .map(|source| build.secrets.secret(source, Purpose::Keys(&declared.attributes)))
            .chain(single.iter().map(|key| build.secrets.secret(&key.secret, Purpose::Text(&key.name))))
            .collect(),
        Kind::Basic(basic) => one(&basic.users, Purpose::Users),
        Kind::Remote(Remote::Issuer(Issuer { keys: IssuerKeys::PublicKey(secret), terms })) => {
            one(secret, Purpose::PublicKey(terms.algorithms.first().copied().unwrap_or(Algorithm::Es256)))
        }
        Kind::Remote(Remote::Introspect(remote::Introspect { client_secret: Some(secret), .. })) => {
            one(secret, Purpose::Text(&declared.name))
        }
        Kind::Remote(Remote::Issuer(_) | Remote::Forward(_) | Remote::Introspect(_)) => Ok(Vec::new()),
    }
}

/// What the key of an `auth jwt` is.
#[must_use]
pub fn purpose(jwt: &Jwt) -> Purpose<'static> {
    match jwt.terms.algorithms.first() {
        Some(algorithm) if !algorithm.is_symmetric() => Purpose::SigningKey(*algorithm),
        _ => Purpose::Hmac,
    }
}

/// A key that is shorter than the hash.
fn short(declared: &Declared, jwt: &Jwt, key: &str) -> Option<Warning> {
    let longest = jwt.terms.algorithms.iter().max_by_key(|algorithm| algorithm.key_bytes_min())?;
    let (bytes, wanted) = (key.len(), longest.key_bytes_min());
    let message = format!("the key of `{}` has {bytes} bytes, {} wants {wanted} or more (RFC 7518 §3.2)", declared.name, longest.name());
    (bytes < wanted).then(|| Warning { code: Code::SecretShortHmac, message, secret: Some(jwt.key.clone()) })
}

fn make(
    index: u16,
    declared: Declared,
    secrets: &[String],
    (fetch, events): (&Arc<dyn Fetch>, &Arc<Events>),
    errors: &mut Vec<BuildError>,
) -> Result<Runtime, BuildError> {
    let bad = |what: &str, error: String| BuildError::new(Code::SecretBadKey, format!("the {what} of `{}`: {error}", declared.name));
    let first = secrets.first().map_or("", String::as_str);
    let in_authorization = || vec![Carrier::Header(AUTHORIZATION)];
    let (from, proof) = match &declared.kind {
        Kind::Jwt(jwt) => (jwt.terms.from.clone(), Proof::Token(tokens(index, &declared, jwt, first)?)),
        Kind::Key(key) => (key.from.clone(), Proof::Key(api_keys(index, &declared, key, secrets, errors)?)),
        Kind::Basic(basic) => {
            let users = Passwords::new(index, first).map_err(|why| unfit(&declared, Purpose::Users, &basic.users, "users", &why))?;
            (in_authorization(), Proof::Password(Arc::new(users)))
        }
        Kind::Remote(Remote::Issuer(issuer)) => {
            let source = match &issuer.keys {
                IssuerKeys::PublicKey(secret) => Source::Fixed(Arc::new(Keyring::only(public(&declared, issuer, (secret, first))?))),
                IssuerKeys::Jwks { url, refresh } => {
                    let url = address(url).map_err(|why| bad("keys", format!("the url `{url}` {why}")))?;
                    Source::Published(Arc::new(Jwks::new(&declared.name, url, *refresh, Arc::clone(fetch), Arc::clone(events))))
                }
            };
            let (terms, claims) = (issuer.terms.clone(), declared.attributes.clone());
            (terms.from.clone(), Proof::Token(Tokens { auth: index, terms, claims, source, signing: None }))
        }
        Kind::Remote(Remote::Forward(service)) => {
            let service =
                forward::Service::new(index, &declared.name, service, Arc::clone(fetch)).map_err(|error| bad("service", error))?;
            (service.sent.iter().cloned().map(Carrier::Header).collect(), Proof::Forward(Arc::new(service)))
        }
        Kind::Remote(Remote::Introspect(service)) => {
            let (claims, secret) = (declared.attributes.clone(), secrets.first().map(String::as_str));
            let service = introspect::Service::new(index, &declared.name, service, claims, secret, Arc::clone(fetch));
            (in_authorization(), Proof::Introspect(Arc::new(service.map_err(|error| bad("service", error))?)))
        }
    };
    Ok(Runtime::new(declared, from, proof))
}

/// A key, or lines of keys or users, that their auth cannot use: what they are, where they stand, and why.
fn unfit(declared: &Declared, purpose: Purpose<'_>, secret: &Secret, what: &str, why: &str) -> BuildError {
    BuildError::unfit(purpose, secret, format!("the {what} of `{}` in {}: {why}", declared.name, secret.place()))
}

fn api_keys(index: u16, declared: &Declared, key: &ApiKeys, secrets: &[String], errors: &mut Vec<BuildError>) -> Result<Keys, BuildError> {
    let (lines, single) = secrets.split_at_checked(key.keys.len()).unwrap_or_default();
    let purpose = Purpose::Keys(&declared.attributes);
    let (mut entries, mut bad) = (Vec::new(), None);
    for (source, text) in key.keys.iter().zip(lines) {
        match keys::lines(text, &declared.attributes) {
            Ok(found) => entries.extend(found),
            Err(why) => errors.extend(bad.replace(unfit(declared, purpose, source, "keys", &why))),
        }
    }
    for (single, secret) in key.single.iter().zip(single) {
        let attributes = keys::identity(&single.name, &declared.attributes, |attribute| {
            let given = single.attributes.iter().find(|(name, _)| *name == attribute.name);
            given.map(|(_, value)| Some(attribute::from_value(value)))
        });
        match attributes {
            Ok(attributes) => entries.push((keys::hash(secret), attributes)),
            Err(why) => errors.extend(bad.replace(unfit(declared, Purpose::Text(&single.name), &single.secret, "key", &why))),
        }
    }
    bad.map_or(Ok(()), Err)?;
    Keys::new(index, entries).map_err(|why| match key.keys.as_slice() {
        [only] if key.single.is_empty() => unfit(declared, purpose, only, "keys", &why),
        _ => BuildError::new(Code::SecretBadKey, format!("the keys of `{}`: {why}", declared.name)),
    })
}

/// The tokens of an auth that has the key to sign them.
///
/// # Errors
/// When the key is none for the algorithms.
pub fn tokens(index: u16, declared: &Declared, jwt: &Jwt, key: &str) -> Result<Tokens, BuildError> {
    let bad = |why: &str| BuildError::unfit(purpose(jwt), &jwt.key, format!("the key of `{}` in {} {why}", declared.name, jwt.key.place()));
    let (signing, verifying) = match jwt.terms.algorithms.as_slice() {
        [] => return Err(bad("has no algorithm")),
        [first, ..] if first.is_symmetric() => {
            if key.is_empty() {
                return Err(bad("is empty"));
            }
            // Half of a key pair as a shared secret: whoever knows the public half could sign (RFC 8725 §2.1).
            if key.contains("-----BEGIN ") {
                return Err(bad(&format!("is in PEM, which `{}` would take for a shared secret", first.name())));
            }
            (Signing::shared(key.as_bytes(), *first), Key::shared(key.as_bytes()))
        }
        several => Signing::private(key, several).map_err(bad)?,
    };
    Ok(Tokens {
        auth: index,
        terms: jwt.terms.clone(),
        claims: declared.attributes.clone(),
        source: Source::Fixed(Arc::new(Keyring::only(verifying))),
        signing: Some(signing),
    })
}

fn public(declared: &Declared, issuer: &Issuer, (secret, pem): (&Secret, &str)) -> Result<Key, BuildError> {
    let bad = |why: &str| {
        let purpose = Purpose::PublicKey(issuer.terms.algorithms.first().copied().unwrap_or(Algorithm::Es256));
        BuildError::unfit(purpose, secret, format!("the public key of `{}` in {} {why}", declared.name, secret.place()))
    };
    let key = Key::public(pem).map_err(bad)?;
    if issuer.terms.algorithms.iter().all(|algorithm| algorithm.family() != key.family()) {
        return Err(bad(&format!("is one of {}, which goes with none of the algorithms", key.family().name())));
    }
    Ok(key)
}
