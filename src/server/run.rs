//! `gate run`: the server in the foreground, under the signals of the process.

use super::{Inherited, Server};
use crate::compile::Plan;
use crate::upstream::Transport;
use std::io;
use std::time::Duration;
use tokio::signal::unix::{SignalKind, signal};

/// How often what may change outside the policy is looked at.
pub const LOOK_AGAIN: Duration = Duration::from_secs(10);

enum Next {
    End,
    Reload,
    LookAgain,
}

/// Serves until SIGTERM or SIGINT, then drains and says how many connections had to be cut. SIGHUP asks `reload` for
/// another plan, off the workers: an error leaves the current one, and is `reload`'s to report. `look_again` runs every
/// [`LOOK_AGAIN`], off the workers too. `ready` is called when every listener accepts.
///
/// # Errors
/// When the server cannot start, or a worker failed.
pub fn run<T: Transport>(
    plan: Plan,
    inherited: Inherited,
    transport: impl Fn() -> T,
    mut reload: impl FnMut() -> Result<Plan, String>,
    mut look_again: impl FnMut(&Server),
    ready: impl FnOnce(&Server),
) -> io::Result<usize> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let _inside = runtime.enter();
    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    let mut hang_up = signal(SignalKind::hangup())?;
    let server = Server::start_with(plan, transport, io::stdout(), inherited)?;
    ready(&server);
    loop {
        let next = runtime.block_on(async {
            tokio::select! {
                _ = terminate.recv() => Next::End,
                _ = interrupt.recv() => Next::End,
                _ = hang_up.recv() => Next::Reload,
                () = tokio::time::sleep(LOOK_AGAIN) => Next::LookAgain,
            }
        });
        match next {
            Next::End => return server.shutdown(),
            Next::LookAgain => look_again(&server),
            Next::Reload => match reload() {
                Ok(plan) => {
                    server.swap(plan);
                    tracing::info!("reloaded");
                }
                Err(error) => tracing::error!(%error, "not reloaded; the old policy stays"),
            },
        }
    }
}
