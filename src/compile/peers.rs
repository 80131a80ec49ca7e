//! What the machine has for TLS towards an upstream.

use crate::diag::Code;
use crate::policy::build::Purpose;
use crate::policy::{BuildError, Secrets};
use crate::upstream::config::Config;
use crate::upstream::tls::{Authority, Material, Secure};

/// Reads what an upstream needs.
///
/// # Errors
/// What is not there.
pub fn read(config: &Config, secrets: &dyn Secrets) -> Result<Material, BuildError> {
    let Some(tls) = &config.tls else { return Ok(Material::default()) };
    let read = |clause: &str, secret| {
        let named = |error: BuildError| missing(config, format!("`{clause}`: {}", error.message)).of(secret);
        secrets.secret(secret, Purpose::Certificate).map_err(named)
    };
    Ok(Material {
        ca: tls.ca.as_ref().map(|secret| read("ca", secret)).transpose()?,
        identity: match &tls.identity {
            Some((cert, key)) => Some((read("cert", cert)?, read("key", key)?)),
            None => None,
        },
    })
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
