//! One key that verifies tokens, judged when it is read: its family, its size, and which algorithms it goes with.

use super::algorithm::{Algorithm, Family};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jsonwebtoken::jwk::Jwk;
use jsonwebtoken::{DecodingKey, EncodingKey, crypto};
use serde_json::{Map, Value as Json};

/// Smallest RSA key, in bits (RFC 7518 §3.3).
const RSA_BITS_MIN: usize = 2048;
/// Largest: a larger one costs more than it protects.
const RSA_BITS_MAX: usize = 8192;
/// Longest RSA exponent, in bytes.
const EXPONENT_MAX: usize = 5;
const NO_PRIVATE_KEY: &str = "is no private key of RSA, P-256, P-384 or Ed25519 in PEM (PKCS #8)";
const NO_KEY: &str = "is no key of RSA, P-256, P-384 or Ed25519";

/// A key that verifies, never for an algorithm of another family.
pub struct Key {
    id: Option<String>,
    algorithms: Vec<Algorithm>,
    family: Family,
    /// What it is made of, to tell keys apart.
    material: Vec<u8>,
    decoding: DecodingKey,
}

/// A key that signs, and the algorithm it signs with.
pub struct Signing {
    key: EncodingKey,
    algorithm: Algorithm,
}

impl Key {
    /// A secret that both sides share.
    pub fn shared(secret: &[u8]) -> Self {
        Self::of(Family::Hmac, DecodingKey::from_secret(secret), secret.to_vec())
    }

    fn of(family: Family, decoding: DecodingKey, material: Vec<u8>) -> Self {
        let algorithms = Algorithm::ALL.iter().copied().filter(|algorithm| algorithm.family() == family).collect();
        Self { id: None, algorithms, family, material, decoding }
    }

    /// A public key in PEM: `PUBLIC KEY` or `RSA PUBLIC KEY`.
    ///
    /// # Errors
    /// Why it is none; never a part of it.
    pub fn public(pem: &str) -> Result<Self, &'static str> {
        if !pem.contains("-----BEGIN PUBLIC KEY-----") && !pem.contains("-----BEGIN RSA PUBLIC KEY-----") {
            return Err("is no public key in PEM: `-----BEGIN PUBLIC KEY-----` is expected");
        }
        let bytes = pem.as_bytes();
        let read = [
            (DecodingKey::from_rsa_pem(bytes), Algorithm::Rs256),
            (DecodingKey::from_ec_pem(bytes), Algorithm::Es256),
            (DecodingKey::from_ed_pem(bytes), Algorithm::EdDsa),
        ];
        let jwk = read.into_iter().find_map(|(key, algorithm)| Jwk::from_decoding_key(&key.ok()?, Some(algorithm.library())).ok());
        Self::of_members(&members(&jwk.ok_or(NO_KEY)?))
    }

    /// A key as an issuer publishes it (RFC 7517 §4); none when it is not one that verifies tokens.
    ///
    /// # Errors
    /// Why it is not used though it seems to be meant for that.
    pub fn published(jwk: &Map<String, Json>) -> Result<Option<Self>, &'static str> {
        let text = |name: &str| jwk.get(name).and_then(Json::as_str);
        let other_use = jwk.get("use").is_some_and(|meant| meant != "sig");
        let verifies = jwk.get("key_ops").is_none_or(|ops| ops.as_array().is_some_and(|ops| ops.iter().any(|op| op == "verify")));
        if other_use || !verifies || !matches!(text("kty"), Some("RSA" | "EC" | "OKP")) {
            return Ok(None);
        }
        if jwk.contains_key("d") {
            return Err("was published with its private half");
        }
        let mut key = Self::of_members(jwk)?;
        key.id = text("kid").map(str::to_owned);
        if let Some(only) = jwk.get("alg") {
            key.algorithms.retain(|algorithm| only == algorithm.name());
        }
        Ok(Some(key).filter(|key| !key.algorithms.is_empty()))
    }

    /// The key that the members of a JWK describe (RFC 7518 §6, RFC 8037 §2).
    fn of_members(jwk: &Map<String, Json>) -> Result<Self, &'static str> {
        let text = |name: &str| jwk.get(name).and_then(Json::as_str);
        let bytes = |name: &str| text(name).and_then(|text| URL_SAFE_NO_PAD.decode(text).ok()).ok_or("is malformed");
        let (family, material, decoding) = match (text("kty"), text("crv")) {
            (Some("RSA"), _) => {
                let (n, e) = (bytes("n")?, bytes("e")?);
                judge_rsa(&n, &e)?;
                (Family::Rsa, [&*n, b".", &*e].concat(), DecodingKey::from_rsa_raw_components(&n, &e))
            }
            (Some("EC"), Some(curve @ ("P-256" | "P-384"))) => {
                let (family, size) = if curve == "P-256" { (Family::P256, 32) } else { (Family::P384, 48) };
                let (x, y) = (bytes("x")?, bytes("y")?);
                if (x.len(), y.len()) != (size, size) {
                    return Err("is no point of its curve");
                }
                let point = [&[4], &*x, &*y].concat();
                (family, point.clone(), DecodingKey::from_ec_der(&point))
            }
            (Some("OKP"), Some("Ed25519")) => {
                let x = bytes("x")?;
                if x.len() != 32 {
                    return Err("is no point of its curve");
                }
                (Family::Ed25519, x.clone(), DecodingKey::from_ed_der(&x))
            }
            _ => return Err(NO_KEY),
        };
        Ok(Self::of(family, decoding, material))
    }

    /// Its family.
    pub fn family(&self) -> Family {
        self.family
    }

    /// True when it is the same key under the same name for the same algorithms.
    pub fn is(&self, other: &Self) -> bool {
        self.material == other.material && self.id == other.id && self.algorithms == other.algorithms
    }

    /// True when a token with this algorithm and this key's name (`kid`) may have been signed with it. A key without a name may
    /// have signed any.
    pub fn fits(&self, algorithm: Algorithm, id: Option<&str>) -> bool {
        let named = match (id, &self.id) {
            (Some(asked), Some(own)) => asked == own,
            (None, _) | (_, None) => true,
        };
        named && self.algorithms.contains(&algorithm)
    }

    /// True when it signed this.
    pub fn verifies(&self, signature: &str, signed: &str, algorithm: Algorithm) -> bool {
        crypto::verify(signature, signed.as_bytes(), &self.decoding, algorithm.library()).unwrap_or(false)
    }
}

/// A key that the library has read, as its members.
fn members(jwk: &Jwk) -> Map<String, Json> {
    match serde_json::to_value(jwk) {
        Ok(Json::Object(members)) => members,
        Ok(_) | Err(_) => Map::new(),
    }
}

fn judge_rsa(n: &[u8], e: &[u8]) -> Result<(), &'static str> {
    let (n, e) = (significant(n), significant(e));
    let bits = n.len() * 8 - n.first().map_or(0, |first| first.leading_zeros() as usize);
    if bits < RSA_BITS_MIN {
        return Err("has fewer than 2048 bits");
    }
    if bits > RSA_BITS_MAX {
        return Err("has more than 8192 bits");
    }
    // 1 would let anybody sign.
    let odd = e.last().is_some_and(|last| last % 2 == 1);
    if !odd || e == [1] || e.len() > EXPONENT_MAX {
        return Err("has an exponent that protects nothing");
    }
    Ok(())
}

fn significant(number: &[u8]) -> &[u8] {
    let zeros = number.iter().take_while(|byte| **byte == 0).count();
    number.get(zeros..).unwrap_or_default()
}

impl Signing {
    /// A secret that both sides share.
    pub fn shared(secret: &[u8], algorithm: Algorithm) -> Self {
        Self { key: EncodingKey::from_secret(secret), algorithm }
    }

    /// A private key in PEM (PKCS #8), for the first of the algorithms that it goes with, and the key that verifies what it signs.
    ///
    /// # Errors
    /// Why it is none; never a part of it.
    pub fn private(pem: &str, algorithms: &[Algorithm]) -> Result<(Self, Key), &'static str> {
        // What the parser says could quote the key.
        let pair = rcgen::KeyPair::from_pem(pem).map_err(|_| NO_PRIVATE_KEY)?;
        let public = Key::public(&pair.public_key_pem())?;
        let fitting = algorithms.iter().find(|algorithm| algorithm.family() == public.family());
        let algorithm = *fitting.ok_or("goes with none of the algorithms")?;
        let key = match public.family() {
            Family::Hmac => return Err(NO_PRIVATE_KEY),
            Family::Rsa => EncodingKey::from_rsa_pem(pem.as_bytes()),
            Family::P256 | Family::P384 => EncodingKey::from_ec_pem(pem.as_bytes()),
            Family::Ed25519 => EncodingKey::from_ed_pem(pem.as_bytes()),
        };
        Ok((Self { key: key.map_err(|_| NO_PRIVATE_KEY)?, algorithm }, public))
    }

    /// The algorithm.
    pub fn algorithm(&self) -> Algorithm {
        self.algorithm
    }

    /// The signature, in base64url. None when the provider of cryptography refuses the key.
    pub fn sign(&self, signed: &str) -> Option<String> {
        crypto::sign(signed.as_bytes(), &self.key, self.algorithm.library()).ok()
    }
}
