//! `gate run`

use super::policies::{Beginning, Policies};
use super::state::State;
use super::{Outcome, Policy, complain, instance};
use crate::policy::auth;
use crate::server::upgrade::{Line, SUCCEEDS, TOKEN, Told};
use crate::server::{self, Ended, Heard, Inherited, control};
use crate::upstream::script::Scripted;
use crate::upstream::transport::Tcp;
use std::io::IsTerminal;
use std::path::PathBuf;
use std::process::Command;

/// Arguments of `gate run`.
#[derive(Debug, clap::Args)]
pub struct Arguments {
    #[command(flatten)]
    policy: Policy,
    /// Stands in for what a developer's machine lacks: upstreams answer from their stubs, missing secrets are made up
    #[arg(long)]
    dev: bool,
    /// Reloads when the policy's file, one that it imports or one that it reads changes
    #[arg(long)]
    watch: bool,
    /// Where policies that were in force are kept: `$STATE_DIRECTORY`, else `~/.local/state/gatewright`
    #[arg(long, value_name = "DIR", conflicts_with = "dev")]
    state: Option<PathBuf>,
    /// Starts the policy that was in force last, whatever its file says now
    #[arg(long, conflicts_with = "dev")]
    last_good: bool,
    /// What events and traces call this gateway, so that it is told from others: the machine's name where nothing else is said
    #[arg(long, value_name = "NAME")]
    instance: Option<String>,
}

/// Runs the gateway until it is told to stop.
pub fn run(arguments: Arguments) -> Outcome {
    let heard = match Heard::new() {
        Ok(heard) => heard,
        Err(error) => {
            complain(&error.to_string());
            return Outcome::Failed;
        }
    };
    start_log();
    auth::install_crypto();
    let state = State::of(&arguments.policy.file, arguments.state.as_deref()).filter(|_| !arguments.dev);
    let set = |name: &str| std::env::var(name).ok().filter(|value| !value.is_empty());
    let predecessor = set(SUCCEEDS);
    let (control, commands) = control::channel();
    let instance = arguments.instance.unwrap_or_else(instance::of_machine);
    let beginning =
        Beginning { development: arguments.dev, state, last_good: arguments.last_good, instance, succeeds: predecessor.is_some() };
    let (policies, plan) = match Policies::first(arguments.policy, beginning, control.clone()) {
        Ok(first) => first,
        Err(outcome) => return outcome,
    };
    let names = set("LISTEN_FDNAMES").unwrap_or_default();
    let inherited = match Inherited::from_environment(&names, predecessor.is_some()) {
        Ok(inherited) => inherited,
        Err(error) => {
            complain(&error.to_string());
            return Outcome::Failed;
        }
    };
    let predecessor = predecessor.map(|address| Told { address, token: set(TOKEN) });
    let manager = set("NOTIFY_SOCKET").map(|address| Told { address, token: None });
    let line = Line { successor: Box::new(again), tell: predecessor.into_iter().chain(manager).collect() };
    if arguments.watch
        && let Err(error) = policies.watched().follow(control.clone())
    {
        complain(&error.to_string());
        return Outcome::Failed;
    }
    let (office, control) = (policies.office(), (control, commands));
    let ended = if arguments.dev {
        server::run(plan, inherited, Scripted::default, policies, control, &line, heard)
    } else {
        server::run(plan, inherited, Tcp::default, policies, control, &line, heard)
    };
    if !matches!(ended, Ok(Ended { hurried: true, .. })) {
        office.end();
    }
    match ended {
        Ok(Ended { cut, hurried }) => {
            let when = if hurried { "at the second signal" } else { "when the drain time was over" };
            if cut > 0 {
                complain(&format!("stopped; {cut} connection{} cut {when}", if cut == 1 { " was" } else { "s were" }));
            }
            if hurried { Outcome::Hurried } else { Outcome::Fine }
        }
        Err(error) => {
            complain(&error.to_string());
            Outcome::Failed
        }
    }
}

/// The program that was called, as it is now, with the same arguments; it reads the policy's file, whatever this one has read.
fn again() -> Command {
    let mut called = std::env::args_os();
    let mut command = Command::new(called.next().unwrap_or_else(|| "gate".into()));
    let mut options = true;
    command.args(called.filter(|argument| {
        options &= argument != "--";
        !options || argument != "--last-good"
    }));
    command
}

/// The process's own log goes to standard error; `GATE_LOG` sets its levels.
fn start_log() {
    let filter = tracing_subscriber::EnvFilter::try_from_env("GATE_LOG").unwrap_or_else(|_| tracing_subscriber::EnvFilter::new("info"));
    // A second call in one process keeps the first log.
    let colour = std::io::stderr().is_terminal() && std::env::var_os("NO_COLOR").is_none();
    let log = tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr).with_ansi(colour);
    let _ = log.with_target(false).try_init();
}
