//! What a policy asks of this machine, held against it: for `gate check --env`, and for a start or reload that came to nothing.

use super::faults;
use super::secrets::Machine;
use crate::compile::tls::Material;
use crate::compile::{Compiler, MadeUp, peers};
use crate::diag::{Code, Diagnostic, Sources};
use crate::http::Clock;
use crate::ir::Program;
use crate::lang::expr::Secret;
use crate::policy::build::{Purpose, Warning};
use crate::policy::{BuildError, Secrets, auth};
use parking_lot::Mutex;

/// What is missing or weak on this machine, each with what to do about it.
pub fn findings(program: &Program, sources: &Sources) -> Vec<Diagnostic> {
    auth::install_crypto();
    let (errors, warnings) = look(program, &Machine::strict());
    let fault = |error: &BuildError| {
        let fault = faults::fault(error, sources);
        match (&error.secret, error.code) {
            (_, Code::TlsCertMissing) => fault.help("the gateway does not start without it: put it there in PEM, readable for it"),
            (Some(Secret::Env(_)), Code::SecretUnset) => fault.help("set it where the gateway is started; `gate run --dev` makes one up"),
            (Some(Secret::File(_)), Code::SecretUnset | Code::FilePage | Code::FileSchema) => {
                fault.help("put it there, readable for the gateway; `gate run --dev` makes one up")
            }
            _ => fault,
        }
    };
    errors.iter().map(fault).chain(warnings.iter().map(|warning| faults::weakness(warning, sources))).collect()
}

/// Everything that keeps a policy from being put in force on this machine: `first` is what was come across, behind which more
/// may be hidden.
pub fn all(program: &Program, machine: &Machine, first: Vec<BuildError>) -> Vec<BuildError> {
    let (mut errors, _) = look(program, machine);
    let known = |error: &BuildError| errors.iter().any(|known| known == error || (known.secret.is_some() && known.secret == error.secret));
    let others: Vec<BuildError> = first.into_iter().filter(|error| !known(error)).collect();
    errors.extend(others);
    errors
}

/// What is missing or wrong, and what is weak.
fn look(program: &Program, machine: &Machine) -> (Vec<BuildError>, Vec<Warning>) {
    let looking = Looking { machine, instead: MadeUp::for_tests(0), missing: Mutex::default() };
    let compiled = Compiler::new().compile(program, &looking, Clock::system());
    let mut errors = looking.missing.into_inner();
    for tls in program.gateway.listeners.iter().filter_map(|listener| listener.tls.as_ref()) {
        let built = Material::read(tls, machine).and_then(|material| material.build(tls));
        errors.extend(built.err().into_iter().flatten());
    }
    for upstream in program.upstreams.iter().filter(|upstream| upstream.speaks_tls() && !machine.plays_upstreams()) {
        let build = |material| peers::build(upstream, &material, &machine.authorities()).map_err(|error| vec![error]);
        errors.extend(peers::read(upstream, machine).and_then(build).err().into_iter().flatten());
    }
    match compiled {
        Ok(compiled) => (errors, compiled.warnings),
        Err(unfit) => {
            errors.extend(unfit);
            (errors, Vec::new())
        }
    }
}

/// This machine's secrets; where one is missing that is noted, and another stands in for it so that all are looked at.
struct Looking<'m> {
    machine: &'m Machine,
    instead: MadeUp,
    missing: Mutex<Vec<BuildError>>,
}

impl Secrets for Looking<'_> {
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
