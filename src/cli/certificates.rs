//! The certificates of listeners and of upstreams with TLS: read at start and on reload, and looked at again while the
//! gateway runs.

use super::secrets::Machine;
use crate::compile::tls::{self, Tls};
use crate::compile::{Plan, peers};
use crate::events::{Change, Events};
use crate::http::Address;
use crate::ir::{Program, operate};
use crate::policy::BuildError;
use crate::upstream::Upstream;
use crate::upstream::tls::{Authority, Material, Secure};
use std::sync::Arc;

/// What was read for the plan in force.
#[derive(Default)]
pub struct Certificates {
    listeners: Vec<Listener>,
    peers: Vec<Peer>,
}

struct Listener {
    address: Address,
    declared: operate::Tls,
    /// What was read last, good or not, so that each change is looked at once.
    read: Result<tls::Material, Vec<BuildError>>,
}

struct Peer {
    upstream: Arc<Upstream>,
    /// What was read last, good or not.
    read: Result<Material, Vec<BuildError>>,
}

/// What was read for a plan that is not yet in force.
pub struct Prepared {
    listeners: Vec<Listener>,
    peers: Vec<(Peer, Option<Secure>)>,
}

impl Certificates {
    /// Gives the listeners of a plan and its new upstreams their TLS, and reads what the others need.
    ///
    /// # Errors
    /// Everything that is missing or does not go together.
    pub fn prepare(&self, program: &Program, plan: &mut Plan, machine: &Machine) -> Result<Prepared, Vec<BuildError>> {
        let (mut listeners, mut errors) = (Vec::new(), Vec::new());
        for (declared, listener) in program.gateway.listeners.iter().zip(&mut plan.settings.listeners) {
            let Some(tls) = &declared.tls else { continue };
            match tls::Material::read(tls, machine).and_then(|material| Ok((material.build(tls)?, material))) {
                Ok((built, material)) => {
                    listener.tls = Some(built);
                    listeners.push(Listener { address: declared.address.clone(), declared: tls.clone(), read: Ok(material) });
                }
                Err(faults) => errors.extend(faults),
            }
        }
        let mut peers = Vec::new();
        let mut authorities = None;
        for upstream in plan.upstreams.iter().filter(|upstream| upstream.config.speaks_tls() && !machine.plays_upstreams()) {
            match self.peer(upstream, machine, &mut authorities) {
                // One that is new is nobody's yet, and has all it needs before anybody asks for it.
                Ok((peer, Some(secure))) if upstream.secured().is_none() => {
                    upstream.secure(secure);
                    peers.push((peer, None));
                }
                Ok(peer) => peers.push(peer),
                Err(faults) => errors.extend(faults),
            }
        }
        if errors.is_empty() { Ok(Prepared { listeners, peers }) } else { Err(errors) }
    }

    /// Gives the upstreams that a plan has in common with the one before their TLS, and remembers what all was made of.
    pub fn install(&mut self, prepared: Prepared) {
        let install = |(peer, secure): (Peer, Option<Secure>)| {
            if let Some(secure) = secure {
                peer.upstream.secure(secure);
            }
            peer
        };
        self.listeners = prepared.listeners;
        self.peers = prepared.peers.into_iter().map(install).collect();
    }

    /// What an upstream is to be given; nothing when it has it already. The machine's authorities are read once for all.
    fn peer(
        &self,
        upstream: &Arc<Upstream>,
        machine: &Machine,
        authorities: &mut Option<Vec<Authority>>,
    ) -> Result<(Peer, Option<Secure>), Vec<BuildError>> {
        let material = peers::read(&upstream.config, machine)?;
        let before = self.peers.iter().find(|before| before.upstream.name == upstream.name);
        let same = upstream.secured().is_some() && before.is_some_and(|before| before.read.as_ref() == Ok(&material));
        let secure = if same {
            None
        } else {
            let machine: &[Authority] = if material.ca.is_some() { &[] } else { authorities.get_or_insert_with(|| machine.authorities()) };
            Some(peers::build(&upstream.config, &material, machine).map_err(|error| vec![error])?)
        };
        Ok((Peer { upstream: Arc::clone(upstream), read: Ok(material) }, secure))
    }

    /// Reads all files again: what has changed is put in force, that of listeners by `renew`, unless it is broken; then what
    /// is in force stays, and why is told.
    pub fn look_again(&mut self, machine: &Machine, events: &Events, renew: impl Fn(&Address, &Tls)) {
        for listener in &mut self.listeners {
            let read = tls::Material::read(&listener.declared, machine);
            if read == listener.read {
                continue;
            }
            listener.read = read;
            match listener.read.as_ref().map_err(Vec::clone).and_then(|material| material.build(&listener.declared)) {
                Ok(tls) => {
                    renew(&listener.address, &tls);
                    events.tell(Change::CertificateRenewed, &listener.address.to_string(), "certificates renewed");
                }
                Err(errors) => events.tell(Change::CertificateRefused, &listener.address.to_string(), stay(&errors)),
            }
        }
        for Peer { upstream, read } in &mut self.peers {
            let now = peers::read(&upstream.config, machine);
            if now == *read {
                continue;
            }
            *read = now;
            let material = read.as_ref().map_err(Vec::clone);
            let secure =
                material.and_then(|material| peers::build(&upstream.config, material, &machine.authorities()).map_err(|error| vec![error]));
            match secure {
                Ok(secure) => {
                    upstream.secure(secure);
                    events.tell(Change::CertificateRenewed, &upstream.name, "certificates renewed");
                }
                Err(errors) => events.tell(Change::CertificateRefused, &upstream.name, stay(&errors)),
            }
        }
    }
}

fn stay(errors: &[BuildError]) -> String {
    let errors: Vec<String> = errors.iter().map(BuildError::to_string).collect();
    format!("the old certificates stay: {}", errors.join("; "))
}

#[cfg(test)]
mod tests {
    use super::Certificates;
    use crate::check::{Options, check};
    use crate::cli::files::Disk;
    use crate::cli::secrets::Machine;
    use crate::compile::Compiler;
    use crate::http::Clock;

    #[test]
    fn an_upstream_that_is_new_has_its_tls_before_it_is_in_force() {
        let folder = tempfile::tempdir().unwrap();
        let authority = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
        std::fs::write(folder.path().join("ca.pem"), authority.cert.pem()).unwrap();
        let file = folder.path().join("policy.gate");
        let text = |connect: u32| {
            format!(
                "gateway {{ listen 127.0.0.1:0 }}\nupstream app {{\n target https://localhost:1\n tls {{ ca file(\"ca.pem\") }}\n timeout {{ connect {connect}ms }}\n}}\n\
                 route all ANY /** -> app {{ public \"a test\" }}\n"
            )
        };
        let (mut compiler, mut certificates, machine) = (Compiler::new(), Certificates::default(), Machine::strict());
        for connect in [100, 200] {
            std::fs::write(&file, text(connect)).unwrap();
            let checked = check(&file, &Disk, &Options::default()).unwrap();
            let program = checked.program.unwrap_or_else(|| panic!("{:?}", checked.report.into_sorted()));
            let mut plan = compiler.build(&program, &machine, Clock::system()).unwrap().plan;
            let Ok(prepared) = certificates.prepare(&program, &mut plan, &machine) else { panic!("it cannot be read") };
            assert!(plan.upstreams[0].secured().is_some());
            compiler.commit(&plan);
            certificates.install(prepared);
        }
    }
}
