//! What the machine has for TLS towards an upstream.

use crate::diag::Code;
use crate::policy::build::Purpose;
use crate::policy::{BuildError, Secrets};
use crate::upstream::config::Config;
use crate::upstream::tls::{Authority, Material, Secure};

/// Reads what an upstream needs.
///
/// # Errors
/// Everything that is not there.
pub fn read(config: &Config, secrets: &dyn Secrets) -> Result<Material, Vec<BuildError>> {
    let Some(tls) = &config.tls else { return Ok(Material::default()) };
    let mut errors = Vec::new();
    let mut read = |clause: &str, secret| match secrets.secret(secret, Purpose::Certificate) {
        Ok(text) => Some(text),
        Err(error) => {
            errors.push(missing(config, format!("`{clause}`: {}", error.message)).of(secret));
            None
        }
    };
    let ca = tls.ca.as_ref().and_then(|secret| read("ca", secret));
    let identity = tls.identity.as_ref().map(|(cert, key)| (read("cert", cert), read("key", key)));
    let identity = identity.and_then(|(cert, key)| cert.zip(key));
    if errors.is_empty() { Ok(Material { ca, identity }) } else { Err(errors) }
}

/// What handshakes with an upstream run under; `machine` are the authorities that the machine believes.
///
/// # Errors
/// When a text is no certificate or key, both do not go together, or nobody is believed.
pub fn build(config: &Config, material: &Material, machine: &[Authority]) -> Result<Secure, BuildError> {
    Secure::build(material, machine, config.http2).map_err(|message| missing(config, message))
}

fn missing(config: &Config, message: String) -> BuildError {
    BuildError::new(Code::TlsCertMissing, format!("TLS with the upstream `{}`: {message}", config.name))
}
