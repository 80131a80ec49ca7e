//! The certificates of listeners with TLS: read at start and on reload, and looked at again while the gateway runs.

use super::secrets::Machine;
use crate::compile::Settings;
use crate::compile::tls::{Material, Tls};
use crate::http::Address;
use crate::ir::{Gateway, operate};
use crate::policy::BuildError;

/// What was read for the listeners of the plan in force.
#[derive(Default)]
pub struct Certificates {
    listeners: Vec<Listener>,
}

struct Listener {
    address: Address,
    declared: operate::Tls,
    /// What was read last, good or not, so that each change is looked at once.
    read: Result<Material, BuildError>,
}

impl Certificates {
    /// Gives every listener of a plan its TLS, and remembers what that was made of.
    ///
    /// # Errors
    /// Everything that is missing or does not go together; what was remembered stays then.
    pub fn install(&mut self, gateway: &Gateway, settings: &mut Settings, machine: &Machine) -> Result<(), Vec<BuildError>> {
        let (mut listeners, mut errors) = (Vec::new(), Vec::new());
        for (declared, listener) in gateway.listeners.iter().zip(&mut settings.listeners) {
            let Some(tls) = &declared.tls else { continue };
            match Material::read(tls, machine).and_then(|material| Ok((material.build(tls)?, material))) {
                Ok((built, material)) => {
                    listener.tls = Some(built);
                    listeners.push(Listener { address: declared.address.clone(), declared: tls.clone(), read: Ok(material) });
                }
                Err(error) => errors.push(error),
            }
        }
        if errors.is_empty() {
            self.listeners = listeners;
            Ok(())
        } else {
            Err(errors)
        }
    }

    /// Reads all again: what has changed goes to `renew`, unless it is broken; then what is in force stays, and why is
    /// logged.
    pub fn look_again(&mut self, machine: &Machine, renew: impl Fn(&Address, &Tls)) {
        for listener in &mut self.listeners {
            let read = Material::read(&listener.declared, machine);
            if read == listener.read {
                continue;
            }
            listener.read = read;
            match listener.read.as_ref().map_err(BuildError::clone).and_then(|material| material.build(&listener.declared)) {
                Ok(tls) => {
                    renew(&listener.address, &tls);
                    tracing::info!(address = %listener.address, "certificates renewed");
                }
                Err(error) => tracing::error!(address = %listener.address, %error, "the old certificates stay"),
            }
        }
    }
}
