//! `gate check --env`: what a policy asks of this machine, held against it, as a start of the gateway would.

use super::faults;
use super::secrets::Machine;
use crate::compile::tls::Material;
use crate::compile::{Compiler, MadeUp, peers};
use crate::diag::{Diagnostic, Sources};
use crate::http::Clock;
use crate::ir::Program;
use crate::lang::expr::Secret;
use crate::policy::build::Purpose;
use crate::policy::{BuildError, Secrets, auth};
use parking_lot::Mutex;

/// What is missing or weak on this machine.
pub fn findings(program: &Program, sources: &Sources) -> Vec<Diagnostic> {
    auth::install_crypto();
    let machine = Looking { machine: Machine::strict(), instead: MadeUp::for_tests(0), missing: Mutex::default() };
    let compiled = Compiler::new().compile(program, &machine, Clock::system());
    let mut found: Vec<Diagnostic> = Vec::new();
    for error in machine.missing.into_inner() {
        let missing = faults::fault(&error, sources);
        found.push(match error.secret {
            Some(Secret::Env(_)) => missing.help("set it where the gateway is started; `gate run --dev` makes one up"),
            Some(Secret::File(_)) => missing.help("put it there, readable for the gateway; `gate run --dev` makes one up"),
            None => missing,
        });
    }
    for listener in &program.gateway.listeners {
        if let Some(tls) = &listener.tls
            && let Err(error) = Material::read(tls, &Machine::strict()).and_then(|material| material.build(tls))
        {
            found.push(
                faults::fault(&error, sources).help("the gateway does not start without it: put both files there, in PEM, readable for it"),
            );
        }
    }
    for upstream in program.upstreams.iter().filter(|upstream| upstream.speaks_tls()) {
        let machine = Machine::strict();
        if let Err(error) = peers::read(upstream, &machine).and_then(|material| peers::build(upstream, &material, &machine.authorities())) {
            found.push(faults::fault(&error, sources).help("the gateway does not start without it"));
        }
    }
    match compiled {
        Ok(compiled) => found.extend(compiled.warnings.iter().map(|warning| faults::weakness(warning, sources))),
        Err(errors) => found.extend(errors.iter().map(|error| faults::fault(error, sources))),
    }
    found
}

/// This machine's secrets; where one is missing that is noted, and another stands in for it so that all are looked at.
struct Looking {
    machine: Machine,
    instead: MadeUp,
    missing: Mutex<Vec<BuildError>>,
}

impl Secrets for Looking {
    /// Which hooks an embedding program registers is not for the machine to say.
    fn does_without_hooks(&self) -> bool {
        true
    }

    fn secret(&self, secret: &Secret, purpose: Purpose<'_>) -> Result<String, BuildError> {
        self.machine.secret(secret, purpose).or_else(|error| {
            let mut missing = self.missing.lock();
            if missing.iter().all(|known| known.secret != error.secret) {
                missing.push(error.clone());
            }
            self.instead.secret(secret, purpose).map_err(|_| error)
        })
    }
}
