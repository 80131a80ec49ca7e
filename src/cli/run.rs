//! `gate run`

use super::certificates::Certificates;
use super::secrets::Machine;
use super::{Outcome, Policy, complain, dev, diff, print_error};
use crate::compile::{Compiled, Compiler, Plan};
use crate::http::{Address, Clock};
use crate::ir::{Program, Written};
use crate::policy::auth;
use crate::server::{self, Inherited, Server};
use crate::upstream::script::Scripted;
use crate::upstream::transport::Tcp;
use std::cell::RefCell;
use std::fmt::Write;
use std::io::IsTerminal;

/// Arguments of `gate run`.
#[derive(Debug, clap::Args)]
pub struct Arguments {
    #[command(flatten)]
    policy: Policy,
    /// Stands in for what a developer's machine lacks: upstreams answer from their stubs, missing secrets are made up
    #[arg(long)]
    dev: bool,
}

/// Runs the gateway until it is told to stop.
pub fn run(arguments: &Arguments) -> Outcome {
    start_log();
    auth::install_crypto();
    let program = match load(arguments) {
        Ok(program) => program,
        Err(outcome) => return outcome,
    };
    if program.gateway.listeners.is_empty() {
        complain("the policy says nowhere to listen: add `gateway { listen :8080 }`");
        return Outcome::Failed;
    }
    let machine = if arguments.dev { Machine::development() } else { Machine::strict() };
    let mut compiler = Compiler::new();
    let certificates = RefCell::new(Certificates::default());
    let compiled = match compile(&mut compiler, &program, &machine, &mut certificates.borrow_mut()) {
        Ok(compiled) => compiled,
        Err(message) => {
            print_error(&message);
            return Outcome::Failed;
        }
    };
    let Compiled { plan, auths, .. } = compiled;
    let notes = |addresses: &[Address]| arguments.dev.then(|| dev::notes(&program, &auths, &machine, addresses));
    let bound = |program: &Program| {
        let addresses: Vec<_> = program.gateway.listeners.iter().map(|listener| (listener.address.clone(), listener.mode)).collect();
        (addresses, program.gateway.workers)
    };
    let inherited = match Inherited::from_environment(&std::env::var("LISTEN_FDNAMES").unwrap_or_default()) {
        Ok(inherited) => inherited,
        Err(error) => {
            complain(&error.to_string());
            return Outcome::Failed;
        }
    };
    let started = &program;
    let mut reloaded: Option<Program> = None;
    let reload = || {
        let next = load(arguments).map_err(|_| "the policy has errors".to_owned())?;
        if bound(&next) != bound(started) {
            tracing::warn!("`listen` or `workers` changed: that takes effect when the gateway is started again");
        }
        let plan = compile(&mut compiler, &next, &machine, &mut certificates.borrow_mut())?.plan;
        diff::log(reloaded.as_ref().unwrap_or(started), &next);
        reloaded = Some(next);
        Ok(plan)
    };
    let look_again = |server: &Server| certificates.borrow_mut().look_again(&machine, |address, tls| server.renew(address, tls));
    let ended = if arguments.dev {
        serve(plan, inherited, Scripted::default, reload, look_again, notes)
    } else {
        serve(plan, inherited, Tcp::default, reload, look_again, notes)
    };
    match ended {
        Ok(0) => Outcome::Fine,
        Ok(cut) => {
            complain(&format!("stopped; {cut} connection{} cut when the drain time was over", if cut == 1 { " was" } else { "s were" }));
            Outcome::Fine
        }
        Err(error) => {
            complain(&error.to_string());
            Outcome::Failed
        }
    }
}

fn serve<T: crate::upstream::Transport>(
    plan: Plan,
    inherited: Inherited,
    transport: impl Fn() -> T,
    reload: impl FnMut() -> Result<Plan, String>,
    look_again: impl FnMut(&Server),
    notes: impl FnOnce(&[Address]) -> Option<String>,
) -> std::io::Result<usize> {
    server::run(plan, inherited, transport, reload, look_again, |server: &Server| {
        let addresses: Vec<String> = server.addresses().iter().map(ToString::to_string).collect();
        print_error(&format!("gate: listening on {}\n", addresses.join(", ")));
        if let Some(notes) = notes(server.addresses()) {
            print_error(&notes);
        }
    })
}

fn load(arguments: &Arguments) -> Result<Program, Outcome> {
    let policy = &arguments.policy;
    let mut program = policy.load(policy.params_with_environment(), None)?.program.ok_or(Outcome::Failed)?;
    // Kept for as long as the gateway runs, to be compared with the next one: for that it matters what is in force, not how it
    // was written.
    program.written = Written::default();
    if arguments.dev {
        // Stand-ins are nobody else's business.
        for listener in &mut program.gateway.listeners {
            if let Address::Tcp(address) = &mut listener.address
                && address.ip().is_unspecified()
            {
                address.set_ip(std::net::Ipv4Addr::LOCALHOST.into());
            }
        }
    }
    Ok(program)
}

/// Builds the plan; what is missing is said all at once.
fn compile(compiler: &mut Compiler, program: &Program, machine: &Machine, certificates: &mut Certificates) -> Result<Compiled, String> {
    let compiled = compiler.compile(program, machine, Clock::system()).and_then(|mut compiled| {
        certificates.install(program, &mut compiled.plan, machine)?;
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

/// The process's own log goes to standard error; `GATE_LOG` sets its levels.
fn start_log() {
    let filter = tracing_subscriber::EnvFilter::try_from_env("GATE_LOG").unwrap_or_else(|_| tracing_subscriber::EnvFilter::new("info"));
    // A second call in one process keeps the first log.
    let colour = std::io::stderr().is_terminal() && std::env::var_os("NO_COLOR").is_none();
    let log = tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr).with_ansi(colour);
    let _ = log.with_target(false).try_init();
}
