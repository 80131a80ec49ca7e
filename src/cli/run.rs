//! `gate run`

use super::policies::Policies;
use super::{Outcome, Policy, complain};
use crate::policy::auth;
use crate::server::{self, Inherited, control};
use crate::upstream::script::Scripted;
use crate::upstream::transport::Tcp;
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
pub fn run(arguments: Arguments) -> Outcome {
    start_log();
    auth::install_crypto();
    let (control, commands) = control::channel();
    let (policies, plan) = match Policies::first(arguments.policy, arguments.dev, control.clone()) {
        Ok(first) => first,
        Err(outcome) => return outcome,
    };
    if !policies.listens() {
        complain("the policy says nowhere to listen: add `gateway { listen :8080 }`");
        return Outcome::Failed;
    }
    let inherited = match Inherited::from_environment(&std::env::var("LISTEN_FDNAMES").unwrap_or_default()) {
        Ok(inherited) => inherited,
        Err(error) => {
            complain(&error.to_string());
            return Outcome::Failed;
        }
    };
    let office = policies.office();
    let ended = if arguments.dev {
        server::run(plan, inherited, Scripted::default, policies, (control, commands))
    } else {
        server::run(plan, inherited, Tcp::default, policies, (control, commands))
    };
    office.end();
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

/// The process's own log goes to standard error; `GATE_LOG` sets its levels.
fn start_log() {
    let filter = tracing_subscriber::EnvFilter::try_from_env("GATE_LOG").unwrap_or_else(|_| tracing_subscriber::EnvFilter::new("info"));
    // A second call in one process keeps the first log.
    let colour = std::io::stderr().is_terminal() && std::env::var_os("NO_COLOR").is_none();
    let log = tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr).with_ansi(colour);
    let _ = log.with_target(false).try_init();
}
