//! Secrets that are made up: for `gate test`, and under `gate run --dev` for what the machine lacks.

use crate::lang::expr::Secret;
use crate::policy::auth::{self, Algorithm};
use crate::policy::build::Purpose;
use crate::policy::{BuildError, Secrets};
use crate::store::IN_MEMORY;
use parking_lot::Mutex;
use std::collections::HashMap;

/// The name of the user and of the key that are made up.
pub const NAME: &str = "dev";

/// Random secrets of the right shape; the same one again for the same secret.
pub struct MadeUp {
    made: Mutex<Made>,
    /// Real users cost a slow hash: tests, which mint their own, do without.
    users: bool,
}

struct Made {
    random: fastrand::Rng,
    secrets: HashMap<Secret, Invention>,
    /// Certificates and their keys, by host.
    certificates: HashMap<String, (String, String)>,
}

/// One secret that was made up.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Invention {
    /// What stands in for the secret.
    pub value: String,
    /// What a client sends to be let in by it: `name:password`, or a key.
    pub credential: Option<String>,
}

impl MadeUp {
    /// Secrets from a seed; without users anybody could be.
    #[must_use]
    pub fn for_tests(seed: u64) -> Self {
        Self::new(fastrand::Rng::with_seed(seed), false)
    }

    /// Secrets nobody can guess, with a user and a key called [`NAME`].
    #[must_use]
    pub fn for_development() -> Self {
        // Seeded from the system's randomness, and never more than a stand-in on a developer's machine.
        Self::new(fastrand::Rng::new(), true)
    }

    fn new(random: fastrand::Rng, users: bool) -> Self {
        Self { made: Mutex::new(Made { random, secrets: HashMap::new(), certificates: HashMap::new() }), users }
    }

    /// The text with the names of secrets in the place of what was made up for them.
    #[must_use]
    pub fn named(&self, text: &str) -> String {
        let made = self.made.lock();
        let inside = made.secrets.iter().filter(|(_, made)| !made.value.is_empty() && text.contains(&made.value));
        inside.fold(text.to_owned(), |text, (secret, made)| text.replace(&made.value, &secret.to_string()))
    }

    /// What was made up for a secret.
    #[must_use]
    pub fn invention(&self, secret: &Secret) -> Option<Invention> {
        self.made.lock().secrets.get(secret).cloned()
    }

    /// True when a host's certificate was made up.
    #[must_use]
    pub fn made_certificate(&self, host: &str) -> bool {
        self.made.lock().certificates.contains_key(host)
    }
}

impl Secrets for MadeUp {
    /// Signed by its own key: nobody trusts it without being told to.
    fn certificate(&self, host: &str) -> Option<(String, String)> {
        let mut made = self.made.lock();
        if let Some(known) = made.certificates.get(host) {
            return Some(known.clone());
        }
        let signed = rcgen::generate_simple_self_signed([host.to_owned()]).ok()?;
        let pair = (signed.cert.pem(), signed.signing_key.serialize_pem());
        made.certificates.insert(host.to_owned(), pair.clone());
        Some(pair)
    }

    /// A test's store is its own.
    fn keeps_stores_in_memory(&self) -> bool {
        true
    }

    fn does_without_hooks(&self) -> bool {
        true
    }

    fn secret(&self, secret: &Secret, purpose: Purpose<'_>) -> Result<String, BuildError> {
        let mut made = self.made.lock();
        if let Some(known) = made.secrets.get(secret) {
            return Ok(known.value.clone());
        }
        let word: String = std::iter::repeat_with(|| made.random.alphanumeric()).take(64).collect();
        let short: String = word.chars().take(20).collect();
        let invention = match purpose {
            Purpose::Hmac | Purpose::Text(_) => Invention { value: word, credential: None },
            Purpose::Keys(declared) => {
                let attributes: String =
                    declared.iter().skip(1).filter_map(auth::attribute::sample).map(|word| format!(" {word}")).collect();
                Invention { value: format!("{NAME} {}{attributes}\n", auth::hash_key(&short)), credential: Some(short) }
            }
            Purpose::Users if self.users => {
                let hash = auth::hash_password(&short).map_err(BuildError::unset)?;
                Invention { value: format!("{NAME}:{hash}\n"), credential: Some(format!("{NAME}:{short}")) }
            }
            Purpose::Users => Invention { value: String::new(), credential: None },
            Purpose::Store => Invention { value: IN_MEMORY.to_owned(), credential: None },
            Purpose::Certificate => {
                return Err(BuildError::unset(format!("{secret} is a certificate or its key, which cannot be made up")));
            }
            Purpose::SigningKey(algorithm) => Invention { value: key_pair(algorithm)?.serialize_pem(), credential: None },
            Purpose::PublicKey(algorithm) => Invention { value: key_pair(algorithm)?.public_key_pem(), credential: None },
            // Anything fits, and says nothing.
            Purpose::Schema => Invention { value: "{}".to_owned(), credential: None },
            Purpose::Page => Invention { value: String::new(), credential: None },
        };
        let value = invention.value.clone();
        made.secrets.insert(secret.clone(), invention);
        Ok(value)
    }
}

/// A key pair that goes with an algorithm.
fn key_pair(algorithm: Algorithm) -> Result<rcgen::KeyPair, BuildError> {
    let kind = match algorithm {
        Algorithm::Es256 => &rcgen::PKCS_ECDSA_P256_SHA256,
        Algorithm::Es384 => &rcgen::PKCS_ECDSA_P384_SHA384,
        Algorithm::EdDsa => &rcgen::PKCS_ED25519,
        Algorithm::Hs256
        | Algorithm::Hs384
        | Algorithm::Hs512
        | Algorithm::Rs256
        | Algorithm::Rs384
        | Algorithm::Rs512
        | Algorithm::Ps256
        | Algorithm::Ps384
        | Algorithm::Ps512 => &rcgen::PKCS_RSA_SHA256,
    };
    rcgen::KeyPair::generate_for(kind).map_err(|error| BuildError::unset(format!("no key can be made up: {error}")))
}
