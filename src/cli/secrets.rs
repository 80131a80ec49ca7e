//! The machine's secrets: the environment and files.

use super::follow::{Seen, content};
use crate::compile::MadeUp;
use crate::compile::made_up::Invention;
use crate::lang::expr::Secret;
use crate::policy::build::Purpose;
use crate::policy::{BuildError, Secrets};
use crate::upstream::tls::Authority;
use parking_lot::Mutex;
use std::path::Path;

/// Largest file a secret is read from, in bytes.
const FILE_MAX: u64 = 16 << 20;

/// The environment and files; under `--dev` what is not there is made up.
pub struct Machine {
    made_up: Option<MadeUp>,
    /// Which files were asked for, there or not.
    files: Mutex<Seen>,
}

impl Machine {
    /// What the machine has, and nothing else.
    #[must_use]
    pub fn strict() -> Self {
        Self { made_up: None, files: Mutex::default() }
    }

    /// With stand-ins for what is missing.
    #[must_use]
    pub fn development() -> Self {
        Self { made_up: Some(MadeUp::for_development()), files: Mutex::default() }
    }

    /// Which files were asked for since this was asked last.
    #[must_use]
    pub fn files_read(&self) -> Seen {
        std::mem::take(&mut *self.files.lock())
    }

    /// True when upstreams are played, and so need nothing.
    #[must_use]
    pub fn plays_upstreams(&self) -> bool {
        self.made_up.is_some()
    }

    /// The authorities that the machine believes; `SSL_CERT_FILE` and `SSL_CERT_DIR` say where, in place of the system.
    #[must_use]
    pub fn authorities(&self) -> Vec<Authority> {
        let found = rustls_native_certs::load_native_certs();
        for error in &found.errors {
            tracing::warn!(%error, "some authorities of the machine cannot be read");
        }
        found.certs
    }

    /// What was made up for a secret.
    #[must_use]
    pub fn invention(&self, secret: &Secret) -> Option<Invention> {
        self.made_up.as_ref().and_then(|made_up| made_up.invention(secret))
    }

    /// True when a host's certificate was made up.
    #[must_use]
    pub fn made_certificate(&self, host: &str) -> bool {
        self.made_up.as_ref().is_some_and(|made_up| made_up.made_certificate(host))
    }
}

impl Secrets for Machine {
    fn certificate(&self, host: &str) -> Option<(String, String)> {
        self.made_up.as_ref().and_then(|made_up| made_up.certificate(host))
    }

    fn does_without_hooks(&self) -> bool {
        self.made_up.is_some()
    }

    fn secret(&self, secret: &Secret, purpose: Purpose<'_>) -> Result<String, BuildError> {
        let read = match secret {
            Secret::Env(name) => environment(name),
            Secret::File(path) => {
                // Before it is read: what changes in between is noticed as a change.
                self.files.lock().entry(path.into()).or_insert_with(|| content(Path::new(path)));
                file(path)
            }
        };
        match (read, &self.made_up) {
            (Ok(value), _) => Ok(value),
            (Err(_), Some(made_up)) => made_up.secret(secret, purpose),
            (Err(message), None) => Err(BuildError::missing(purpose, secret, message)),
        }
    }
}

fn environment(name: &str) -> Result<String, String> {
    match std::env::var(name) {
        Ok(value) if value.is_empty() => Err(format!("the environment variable `{name}` is empty")),
        Ok(value) => Ok(value),
        Err(std::env::VarError::NotPresent) => Err(format!("the environment variable `{name}` is not set")),
        Err(std::env::VarError::NotUnicode(_)) => Err(format!("the environment variable `{name}` is not UTF-8")),
    }
}

fn file(path: &str) -> Result<String, String> {
    let length = std::fs::metadata(path).map_err(|error| format!("`{path}` cannot be read: {error}"))?.len();
    if length > FILE_MAX {
        return Err(format!("`{path}` is larger than {} MiB", FILE_MAX >> 20));
    }
    let text = std::fs::read_to_string(path).map_err(|error| format!("`{path}` cannot be read: {error}"))?;
    // One line end behind a secret is the editor's, not the secret's.
    Ok(text.strip_suffix('\n').map_or(text.as_str(), |text| text.strip_suffix('\r').unwrap_or(text)).to_owned())
}
