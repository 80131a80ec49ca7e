//! `gate check --env`: what a policy asks of this machine, held against it, as a start of the gateway would.

use super::secrets::Machine;
use crate::compile::tls::Material;
use crate::compile::{Compiler, MadeUp, peers};
use crate::diag::{Code, Diagnostic, FileId, Sources, Span};
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
    for (secret, message) in machine.missing.into_inner() {
        let missing = Diagnostic::new(Code::SecretUnset, message).help(match secret {
            Secret::Env(_) => "set it where the gateway is started; `gate run --dev` makes one up",
            Secret::File(_) => "put it there, readable for the gateway; `gate run --dev` makes one up",
        });
        found.push(labelled(missing, &secret, sources, "asked for here"));
    }
    for listener in &program.gateway.listeners {
        if let Some(tls) = &listener.tls
            && let Err(error) = Material::read(tls, &Machine::strict()).and_then(|material| material.build(tls))
        {
            found.push(
                Diagnostic::new(error.code, error.message)
                    .help("the gateway does not start without it: put both files there, in PEM, readable for it"),
            );
        }
    }
    for upstream in program.upstreams.iter().filter(|upstream| upstream.speaks_tls()) {
        let machine = Machine::strict();
        if let Err(error) = peers::read(upstream, &machine).and_then(|material| peers::build(upstream, &material, &machine.authorities())) {
            found.push(Diagnostic::new(error.code, error.message).help("the gateway does not start without it"));
        }
    }
    match compiled {
        Ok(compiled) => found.extend(compiled.warnings.into_iter().map(|warning| {
            let weak = Diagnostic::new(warning.code, warning.message);
            match &warning.secret {
                Some(secret) => labelled(weak, secret, sources, "this key").help("`openssl rand -hex 32` prints one that is long enough"),
                None => weak,
            }
        })),
        Err(errors) => found.extend(errors.into_iter().map(|error| Diagnostic::new(error.code, error.message))),
    }
    found
}

/// This machine's secrets; where one is missing that is noted, and another stands in for it so that all are looked at.
struct Looking {
    machine: Machine,
    instead: MadeUp,
    missing: Mutex<Vec<(Secret, String)>>,
}

impl Secrets for Looking {
    /// Which hooks an embedding program registers is not for the machine to say.
    fn does_without_hooks(&self) -> bool {
        true
    }

    fn secret(&self, secret: &Secret, purpose: Purpose<'_>) -> Result<String, BuildError> {
        self.machine.secret(secret, purpose).or_else(|error| {
            let mut missing = self.missing.lock();
            if missing.iter().all(|(known, _)| known != secret) {
                missing.push((secret.clone(), error.message.clone()));
            }
            self.instead.secret(secret, purpose).map_err(|_| error)
        })
    }
}

fn labelled(found: Diagnostic, secret: &Secret, sources: &Sources, text: &str) -> Diagnostic {
    match place(secret, sources) {
        Some(span) => found.at(span, text),
        None => found,
    }
}

/// Where a policy names a secret: the first `env("…")` or `file("…")` outside comments that means it.
fn place(secret: &Secret, sources: &Sources) -> Option<Span> {
    let open = match secret {
        Secret::Env(_) => "env(\"",
        Secret::File(_) => "file(\"",
    };
    sources.iter().find_map(|(file, source)| {
        source.text.match_indices(open).find_map(|(at, _)| {
            let rest = source.text.get(at + open.len()..)?;
            let name = rest.get(..rest.find('"')?)?;
            let line = source.text.get(..at)?.rsplit('\n').next()?;
            let meant = match secret {
                Secret::Env(known) => known == name,
                Secret::File(known) => std::path::Path::new(known).ends_with(name),
            };
            (meant && !line.contains('#')).then(|| called(file, at, open.len() + name.len()))
        })
    })
}

fn called(file: FileId, at: usize, length: usize) -> Span {
    Span::new(file, at, at + length + "\")".len())
}
