//! The policies of a gateway that runs: checked and compiled one after the other, the state of what stays the same taken along.

use super::archive::Shelf;
use super::certificates::{Certificates, Prepared};
use super::files::Disk;
use super::follow::{Noting, Seen, Watched};
use super::kept::Kept;
use super::secrets::Machine;
use super::state::{Bundle, Snapshot, State};
use super::{Outcome, Policy, complain, dev, diff, environment, faults, print_error};
use crate::admin::Office;
use crate::check::Files;
use crate::compile::{Compiled, Compiler, Plan};
use crate::diag::render::{Format, render};
use crate::diag::{Code, Diagnostic, Sources};
use crate::fetch::Network;
use crate::http::{Address, Clock};
use crate::ir::{Program, Written};
use crate::policy::BuildError;
use crate::policy::auth::Runtime;
use crate::policy::build::Warning;
use crate::server::control::{By, Control, Refused, Reloaded};
use crate::server::{self, Server, Wanted};
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;

/// What is wrong with a policy that nobody could reach.
const NOWHERE: &str = "the policy says nowhere to listen: add `gateway { listen :8080 }`";

/// How a gateway begins.
pub struct Beginning {
    /// Upstreams are played, and secrets made up.
    pub development: bool,
    /// Where policies are kept.
    pub state: Option<State>,
    /// With the policy that was in force last, not that of the file.
    pub last_good: bool,
    /// What it is called, among others.
    pub instance: String,
    /// In the place of another one, which still runs.
    pub succeeds: bool,
}

/// What keeps a gateway from beginning; it has been said.
enum Fault {
    /// What stands in the policy, or in a file that it names: another policy may do.
    Policy(Outcome),
    /// What the machine lacks or has given to others.
    Elsewhere,
}

/// The policy in force, and what further ones are made with.
pub struct Policies {
    policy: Policy,
    workshop: Workshop,
    program: Arc<Program>,
    office: Arc<Office>,
    kept: Kept,
    watched: Watched,
    /// Until it has started, that the policy in force is not that of the file.
    other: Option<String>,
    /// Until it has started, what a developer is told then.
    auths: Option<Vec<Option<Arc<Runtime>>>>,
}

impl Policies {
    /// Checks and compiles the first policy. What is wrong is printed.
    ///
    /// # Errors
    /// How the command ends then.
    pub fn first(policy: Policy, beginning: Beginning, control: Control) -> Result<(Self, Plan), Outcome> {
        let before = beginning.state.as_ref().and_then(|state| state.last(&policy.file, |message| complain(&message)));
        let hint = before.is_some() && !beginning.last_good && !beginning.succeeds;
        Self::of(policy, beginning, before, control).map_err(|fault| match fault {
            Fault::Policy(outcome) => {
                if hint {
                    complain("the policy that was in force last is kept: `gate run --last-good` with the same arguments starts it");
                }
                outcome
            }
            Fault::Elsewhere => Outcome::Failed,
        })
    }

    fn of(policy: Policy, beginning: Beginning, before: Option<Snapshot>, control: Control) -> Result<(Self, Plan), Fault> {
        let Beginning { development, state, last_good: last, instance, succeeds } = beginning;
        let params = policy.params_with_environment();
        let files = Noting::new(match &before {
            Some(before) if last => &before.files,
            None if last => {
                complain("no policy that was in force is kept");
                return Err(Fault::Elsewhere);
            }
            Some(_) | None => &Disk,
        });
        let (checked, found) = policy.check_in(&files, params, None).map_err(|error| {
            complain(&error);
            Fault::Policy(Outcome::Usage)
        })?;
        super::show(super::Shown::Human, &checked.sources, &found);
        let watched = Watched::default();
        watched.add(files.seen());
        if last {
            // What the file names is to be mended, whatever it says now.
            let files = Noting::new(&Disk);
            let _ = policy.check_in(&files, policy.params_with_environment(), None);
            watched.add(files.seen());
        }
        let bundle = Bundle::of(&policy.file, &checked.sources);
        // From the same text comes the same again.
        let same = before.as_ref().is_some_and(|before| before.files == bundle);
        let of_policy = || if same { Fault::Elsewhere } else { Fault::Policy(Outcome::Failed) };
        let program = Arc::new(in_force(checked.program.ok_or_else(of_policy)?, development));
        if program.gateway.listeners.is_empty() {
            complain(NOWHERE);
            return Err(of_policy());
        }
        let mut workshop = Workshop {
            machine: if development { Machine::development() } else { Machine::strict() },
            compiler: Compiler::with(Arc::new(Network::new(|| Machine::strict().authorities())), &instance),
            certificates: Certificates::default(),
        };
        let (Compiled { plan, auths, warnings }, prepared) = workshop.build(&program).map_err(|errors| {
            print_error(&unbuilt(&errors, &checked.sources));
            let unset = errors.iter().any(|error| error.code == Code::SecretUnset);
            if unset { Fault::Elsewhere } else { of_policy() }
        })?;
        warn(&warnings, &checked.sources);
        workshop.in_force(&plan, prepared);
        watched.add(workshop.files());
        let archive = Arc::new(Shelf { policy: policy.clone(), state: state.clone() });
        let first = (policy.file.as_path(), Arc::clone(&program));
        let office = Office::open(first, archive, control, super::trace::rehearse, succeeds).map_err(|error| {
            complain(&error.to_string());
            Fault::Elsewhere
        })?;
        let office = Arc::new(office);
        let other = before.as_ref().zip(state.as_ref()).filter(|_| last).map(|(before, state)| {
            let (number, date, file) = (before.generation.number, before.date(), policy.file.display());
            format!("policy {number} of {date}, kept in `{}`, is in force, not the file `{file}`", state.folder().display())
        });
        let kept = Kept::first(state, before, bundle, plan.digest.clone());
        Ok((Self { policy, workshop, program, office, kept, watched, other, auths: development.then_some(auths) }, plan))
    }

    /// The admin listener, which outlives the policies.
    #[must_use]
    pub fn office(&self) -> Arc<Office> {
        Arc::clone(&self.office)
    }

    /// The files that policies are made of.
    #[must_use]
    pub fn watched(&self) -> Watched {
        self.watched.clone()
    }

    /// Checks a policy. What is weak is printed; what is wrong is returned as text.
    fn check(&self, from: &dyn Files) -> Result<(Program, Sources, Bundle), String> {
        let files = Noting::new(from);
        let checked = self.policy.check_in(&files, self.policy.params_with_environment(), None);
        self.watched.add(files.seen());
        let (checked, found) = checked?;
        let program = checked.program.ok_or_else(|| render(Format::Plain, &checked.sources, &found))?;
        super::show(super::Shown::Human, &checked.sources, &found);
        let bundle = Bundle::of(&self.policy.file, &checked.sources);
        Ok((in_force(program, self.workshop.machine.plays_upstreams()), checked.sources, bundle))
    }
}

/// What plans are made with, and of what is outside the policy.
struct Workshop {
    machine: Machine,
    compiler: Compiler,
    certificates: Certificates,
}

impl Workshop {
    /// Builds a plan; what is missing comes all at once.
    fn build(&mut self, program: &Program) -> Result<(Compiled, Prepared), Vec<BuildError>> {
        let Self { machine, compiler, certificates } = self;
        let built = compiler.build(program, machine, Clock::system()).and_then(|mut compiled| {
            let prepared = certificates.prepare(program, &mut compiled.plan, machine)?;
            Ok((compiled, prepared))
        });
        built.map_err(|errors| environment::all(program, machine, errors))
    }

    /// Says that a plan is in force, the one that was compiled last.
    fn in_force(&mut self, plan: &Plan, prepared: Prepared) {
        self.compiler.commit(plan);
        self.certificates.install(prepared);
    }

    /// The files that were read since this was asked last.
    fn files(&self) -> Seen {
        self.machine.files_read()
    }
}

impl server::Policies for Policies {
    fn started(&mut self, server: &Arc<Server>) -> u64 {
        // Whoever asks the admin listener finds it among those that are kept.
        let number = self.kept.started();
        listening(&server.addresses());
        let admin = self.office.started(server);
        let at = admin.as_ref().ok().copied().flatten();
        administered(admin);
        if let Some(other) = self.other.take() {
            tracing::warn!("{other}");
        }
        if let Some(auths) = self.auths.take() {
            print_error(&dev::notes(&self.program, &auths, &self.workshop.machine, &server.addresses(), at));
        }
        number
    }

    fn put_in_force(&mut self, wanted: Wanted, by: By, server: &Server) -> Result<Reloaded, Refused> {
        self.watched.attempt();
        // What was looked at meanwhile was for the policy in force.
        drop(self.workshop.files());
        let ((program, sources, bundle), rollback) = match wanted {
            Wanted::File => (self.check(&Disk)?, None),
            Wanted::Generation(number) => (self.check(&self.kept.read(number, &self.policy.file)?)?, Some(number)),
        };
        // An empty file is a policy too: one that is being written.
        if program.gateway.listeners.is_empty() {
            return Err(NOWHERE.to_owned().into());
        }
        let built = self.workshop.build(&program);
        self.watched.add(self.workshop.files());
        let (Compiled { plan, warnings, .. }, prepared) = built.map_err(|errors| unbuilt(&errors, &sources))?;
        let (program, hash) = (Arc::new(program), plan.digest.clone());
        let moved = self.office.prepare(&program, &server.left_by(&plan)).map_err(|error| error.to_string())?;
        let (before, left) = (server.addresses(), self.office.leaves(&moved));
        let (office, workshop) = (&self.office, &mut self.workshop);
        let in_force = |plan: &Arc<Plan>| {
            workshop.in_force(plan, prepared);
            administered(office.settle(moved, Arc::clone(&program)));
        };
        server.swap_beside(plan, left, in_force).map_err(|error| error.to_string())?;
        server.follow_up("what it leaves may stay", || {
            // Who goes back leaves the file as it is, and may mend whatever it names.
            if rollback.is_none() {
                self.watched.in_force();
            }
            self.office.has_left();
        });
        let told = server.follow_up("what it changes cannot be told", || {
            let now = server.addresses();
            if now != before {
                listening(&now);
            }
            warn(&warnings, &sources);
            if program.gateway.workers != self.program.gateway.workers {
                tracing::warn!("`workers` changed: that takes effect when the gateway is started again");
            }
            diff::log(&self.program, &program)
        });
        let (changes, summary) = told.unwrap_or_default();
        self.program = program;
        server.follow_up("nobody can go back to it", || self.kept.next(bundle, by, rollback, hash, summary));
        Ok(Reloaded { generation: self.kept.number(), changes })
    }

    fn look_again(&mut self, server: &Server) {
        let Workshop { machine, certificates, .. } = &mut self.workshop;
        certificates.look_again(machine, &server.plan().events, |address, tls| server.renew(address, tls));
    }
}

/// Says where the gateway listens from now on.
fn listening(addresses: &[Address]) {
    let addresses: Vec<String> = addresses.iter().map(ToString::to_string).collect();
    print_error(&format!("gate: listening on {}\n", addresses.join(", ")));
}

/// Says where the admin listener is from now on.
fn administered(outcome: io::Result<Option<SocketAddr>>) {
    match outcome {
        Ok(Some(address)) => print_error(&format!("gate: administered at {address}\n")),
        Ok(None) => {}
        Err(error) => tracing::error!(%error, "the admin listener cannot be served"),
    }
}

/// Why a policy that is sound cannot be put in force, a line each.
fn unbuilt(errors: &[BuildError], sources: &Sources) -> String {
    let mut found: Vec<Diagnostic> = errors.iter().map(|error| faults::fault(error, sources)).collect();
    found.sort_by_key(Diagnostic::primary);
    render(Format::Plain, sources, &found)
}

fn warn(warnings: &[Warning], sources: &Sources) {
    let found: Vec<Diagnostic> = warnings.iter().map(|warning| faults::weakness(warning, sources)).collect();
    print_error(&render(Format::Plain, sources, &found));
}

/// A program as it is kept for as long as the gateway runs, to be compared with the next one: for that it matters what is in
/// force, not how it was written. Only the traces of the admin listener show that.
pub fn in_force(mut program: Program, development: bool) -> Program {
    if program.gateway.admin.is_none() {
        program.written = Written::default();
    }
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
