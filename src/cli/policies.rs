//! The policies of a gateway that runs: checked and compiled one after the other, the state of what stays the same taken along.

use super::certificates::Certificates;
use super::secrets::Machine;
use super::{Outcome, Policy, complain, dev, diff, print_error};
use crate::admin::Office;
use crate::check::Checked;
use crate::compile::{Compiled, Compiler, Plan};
use crate::diag::Diagnostic;
use crate::diag::render::{Format, render};
use crate::fetch::Network;
use crate::http::{Address, Clock};
use crate::ir::{Program, Written};
use crate::policy::auth::Runtime;
use crate::server::control::{Control, Reloaded};
use crate::server::{self, Server, Wanted};
use std::fmt::Write;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;

/// The policy in force, and what further ones are made with.
pub struct Policies {
    policy: Policy,
    workshop: Workshop,
    program: Arc<Program>,
    office: Arc<Office>,
    generation: u64,
    /// Until it has started, what a developer is told then.
    auths: Option<Vec<Option<Arc<Runtime>>>>,
}

impl Policies {
    /// Checks and compiles the first policy; what is wrong is printed.
    ///
    /// # Errors
    /// How the command ends then.
    pub fn first(policy: Policy, development: bool, control: Control) -> Result<(Self, Plan), Outcome> {
        let checked = policy.load(policy.params_with_environment(), None)?;
        let program = Arc::new(in_force(checked.program.ok_or(Outcome::Failed)?, development));
        let mut workshop = Workshop {
            machine: if development { Machine::development() } else { Machine::strict() },
            compiler: Compiler::with(Arc::new(Network::new(|| Machine::strict().authorities()))),
            certificates: Certificates::default(),
        };
        let Compiled { plan, auths, .. } = workshop.compile(&program).map_err(|message| {
            print_error(&message);
            Outcome::Failed
        })?;
        let office = Office::open(&policy.file, Arc::clone(&program), control).map_err(|error| {
            complain(&error.to_string());
            Outcome::Failed
        })?;
        let office = Arc::new(office);
        Ok((Self { policy, workshop, program, office, generation: 1, auths: development.then_some(auths) }, plan))
    }

    /// True when the policy says where to listen.
    #[must_use]
    pub fn listens(&self) -> bool {
        !self.program.gateway.listeners.is_empty()
    }

    /// The admin listener, which outlives the policies.
    #[must_use]
    pub fn office(&self) -> Arc<Office> {
        Arc::clone(&self.office)
    }

    /// Checks the file. What was found is printed; of errors the text is returned as well.
    fn check(&self) -> Result<Program, String> {
        let unread = "the policy's file cannot be read".to_owned();
        let (Checked { sources, program, .. }, found) =
            self.policy.check(self.policy.params_with_environment(), None).map_err(|_| unread)?;
        super::show(super::Shown::Human, &sources, &found);
        let errors = |found: &[Diagnostic]| render(Format::Plain, &sources, found);
        Ok(in_force(program.ok_or_else(|| errors(&found))?, self.workshop.machine.plays_upstreams()))
    }
}

/// What plans are made with, and of what is outside the policy.
struct Workshop {
    machine: Machine,
    compiler: Compiler,
    certificates: Certificates,
}

impl Workshop {
    /// Builds the plan; what is missing is said all at once.
    fn compile(&mut self, program: &Program) -> Result<Compiled, String> {
        let compiled = self.compiler.compile(program, &self.machine, Clock::system()).and_then(|mut compiled| {
            self.certificates.install(program, &mut compiled.plan, &self.machine)?;
            Ok(compiled)
        });
        match compiled {
            Ok(compiled) => {
                for warning in &compiled.warnings {
                    print_error(&format!("warning[{}]: {}\n", warning.code, warning.message));
                }
                Ok(compiled)
            }
            Err(errors) => Err(errors.iter().fold(String::new(), |mut text, error| {
                let _ = writeln!(text, "error[{}]: {}", error.code, error.message);
                text
            })),
        }
    }
}

impl server::Policies for Policies {
    fn started(&mut self, server: &Arc<Server>) {
        let addresses: Vec<String> = server.addresses().iter().map(ToString::to_string).collect();
        print_error(&format!("gate: listening on {}\n", addresses.join(", ")));
        administered(self.office.started(server));
        if let Some(auths) = self.auths.take() {
            print_error(&dev::notes(&self.program, &auths, &self.workshop.machine, server.addresses()));
        }
    }

    fn put_in_force(&mut self, wanted: Wanted, server: &Server) -> Result<Reloaded, String> {
        let program = match wanted {
            Wanted::File => Arc::new(self.check()?),
            Wanted::Generation(number) => return Err(format!("there is no policy {number}")),
        };
        if bound(&program) != bound(&self.program) {
            tracing::warn!("`listen` or `workers` changed: that takes effect when the gateway is started again");
        }
        let plan = self.workshop.compile(&program)?.plan;
        let moved = self.office.prepare(&program).map_err(|error| error.to_string())?;
        let changes = diff::log(&self.program, &program);
        server.swap(plan);
        administered(self.office.settle(moved, Arc::clone(&program)));
        self.program = program;
        self.generation += 1;
        Ok(Reloaded { generation: self.generation, changes })
    }

    fn look_again(&mut self, server: &Server) {
        let Workshop { machine, certificates, .. } = &mut self.workshop;
        certificates.look_again(machine, &server.plan().events, |address, tls| server.renew(address, tls));
    }
}

/// Says where the admin listener is from now on.
fn administered(outcome: io::Result<Option<SocketAddr>>) {
    match outcome {
        Ok(Some(address)) => print_error(&format!("gate: administered at {address}\n")),
        Ok(None) => {}
        Err(error) => tracing::error!(%error, "the admin listener cannot be served"),
    }
}

/// What is decided once, when the gateway starts.
fn bound(program: &Program) -> (Vec<(&Address, u16)>, Option<usize>) {
    let addresses = program.gateway.listeners.iter().map(|listener| (&listener.address, listener.mode)).collect();
    (addresses, program.gateway.workers)
}

/// A program as it is kept for as long as the gateway runs, to be compared with the next one: for that it matters what is in
/// force, not how it was written.
fn in_force(mut program: Program, development: bool) -> Program {
    program.written = Written::default();
    if development {
        // Stand-ins are nobody else's business.
        if let Some(admin) = &mut program.gateway.admin
            && admin.address.ip().is_unspecified()
        {
            admin.address.set_ip(std::net::Ipv4Addr::LOCALHOST.into());
        }
        for listener in &mut program.gateway.listeners {
            if let Address::Tcp(address) = &mut listener.address
                && address.ip().is_unspecified()
            {
                address.set_ip(std::net::Ipv4Addr::LOCALHOST.into());
            }
        }
    }
    program
}
