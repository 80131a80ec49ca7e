//! Keys and tokens of issuers, and services played by a function.

use crate::fetch::{Answer, Call, Failure, Fetch};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use futures_core::future::BoxFuture;
use http::{HeaderMap, StatusCode};
use jsonwebtoken::jwk::Jwk;
use jsonwebtoken::{Algorithm, EncodingKey};
use serde_json::{Value as Json, json};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

/// An issuer's key pair.
pub struct Pair {
    pub id: &'static str,
    pub private: String,
    pub public: String,
    jwk: Json,
    key: EncodingKey,
    algorithm: Algorithm,
}

impl Pair {
    pub fn new(id: &'static str, algorithm: Algorithm) -> Self {
        crate::policy::auth::install_crypto();
        let kind = match algorithm {
            Algorithm::ES256 => &rcgen::PKCS_ECDSA_P256_SHA256,
            Algorithm::ES384 => &rcgen::PKCS_ECDSA_P384_SHA384,
            Algorithm::EdDSA => &rcgen::PKCS_ED25519,
            _ => &rcgen::PKCS_RSA_SHA256,
        };
        let pair = rcgen::KeyPair::generate_for(kind).unwrap();
        let (private, public) = (pair.serialize_pem(), pair.public_key_pem());
        let key = match algorithm {
            Algorithm::ES256 | Algorithm::ES384 => EncodingKey::from_ec_pem(private.as_bytes()),
            Algorithm::EdDSA => EncodingKey::from_ed_pem(private.as_bytes()),
            _ => EncodingKey::from_rsa_pem(private.as_bytes()),
        };
        let key = key.unwrap();
        let jwk = match algorithm {
            Algorithm::EdDSA => json!({"kty": "OKP", "crv": "Ed25519", "x": URL_SAFE_NO_PAD.encode(pair.public_key_raw())}),
            _ => serde_json::to_value(Jwk::from_encoding_key(&key, algorithm).unwrap()).unwrap(),
        };
        Self { id, private, public, jwk, key, algorithm }
    }

    /// The key as it is published, with the members of `more` besides.
    pub fn jwk(&self, more: Json) -> Json {
        let mut jwk = self.jwk.clone();
        let members = jwk.as_object_mut().unwrap();
        members.remove("alg");
        members.insert("kid".to_owned(), self.id.into());
        members.extend(more.as_object().unwrap().clone());
        jwk
    }

    /// A token whose header has the members of `more` besides `alg` and `kid`.
    pub fn token(&self, more: Json, payload: Json) -> String {
        let mut header = json!({"alg": format!("{:?}", self.algorithm), "kid": self.id});
        header.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        self.raw(&header.to_string(), payload.to_string().as_bytes())
    }

    pub fn raw(&self, header: &str, payload: &[u8]) -> String {
        let signed = format!("{}.{}", URL_SAFE_NO_PAD.encode(header), URL_SAFE_NO_PAD.encode(payload));
        let signature = jsonwebtoken::crypto::sign(signed.as_bytes(), &self.key, self.algorithm).unwrap();
        format!("{signed}.{signature}")
    }
}

/// The document that publishes keys.
pub fn published(keys: &[Json]) -> String {
    json!({ "keys": keys }).to_string()
}

/// What a service makes of a call.
type Play = dyn Fn(&Call) -> Result<Answer, Failure> + Send + Sync;

/// A service that is played: how long it takes, and how often it was asked.
pub struct Played {
    play: Box<Play>,
    takes: Duration,
    asked: AtomicUsize,
}

impl Played {
    pub fn new(takes: Duration, play: impl Fn(&Call) -> Result<Answer, Failure> + Send + Sync + 'static) -> Arc<Self> {
        Arc::new(Self { play: Box::new(play), takes, asked: AtomicUsize::new(0) })
    }

    pub fn asked(&self) -> usize {
        self.asked.load(Ordering::Relaxed)
    }
}

impl Fetch for Played {
    fn fetch(&self, call: Call) -> BoxFuture<'static, Result<Answer, Failure>> {
        self.asked.fetch_add(1, Ordering::Relaxed);
        let (answer, takes) = ((self.play)(&call), self.takes);
        Box::pin(async move {
            tokio::time::sleep(takes).await;
            answer
        })
    }
}

/// An answer with a status and a body.
pub fn answer(status: u16, body: impl Into<bytes::Bytes>) -> Result<Answer, Failure> {
    Ok(Answer { status: StatusCode::from_u16(status).unwrap(), headers: HeaderMap::new(), body: body.into() })
}
