//! `gate run`: the server in the foreground, under the signals of the process.

use super::Server;
use crate::compile::Plan;
use crate::upstream::Transport;
use std::io;
use tokio::signal::unix::{SignalKind, signal};

/// Serves until SIGTERM or SIGINT, then drains and says how many connections had to be cut. SIGHUP asks `reload` for
/// another plan, off the workers: an error leaves the current one, and is `reload`'s to report. `ready` is called when
/// every listener accepts.
///
/// # Errors
/// When the server cannot start, or a worker failed.
pub fn run<T: Transport>(
    plan: Plan,
    transport: impl Fn() -> T,
    mut reload: impl FnMut() -> Result<Plan, String>,
    ready: impl FnOnce(&Server),
) -> io::Result<usize> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let _inside = runtime.enter();
    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    let mut hang_up = signal(SignalKind::hangup())?;
    let server = Server::start(plan, transport, io::stdout())?;
    ready(&server);
    loop {
        let asked_to_reload = runtime.block_on(async {
            tokio::select! {
                _ = terminate.recv() => false,
                _ = interrupt.recv() => false,
                _ = hang_up.recv() => true,
            }
        });
        if !asked_to_reload {
            return server.shutdown();
        }
        match reload() {
            Ok(plan) => {
                server.swap(plan);
                tracing::info!("reloaded");
            }
            Err(error) => tracing::error!(%error, "not reloaded; the old policy stays"),
        }
    }
}
