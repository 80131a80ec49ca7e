//! The signals of the process: which it hears, and which of them count.

use futures_util::future::FutureExt;
use nix::sys::signal::{SIGHUP, SIGUSR2, SigSet, SigmaskHow};
use std::io;
use std::time::Duration;
use tokio::runtime::Runtime;
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::time::sleep;

/// A SIGINT so soon after one is the same: `timeout`, and shells that pass signals on, send it twice.
const SAME: Duration = Duration::from_millis(50);

/// What a process may be told before it has begun to listen. They are kept from one that takes over until then ([`Withheld`]).
fn early() -> SigSet {
    [SIGHUP, SIGUSR2].into_iter().collect()
}

/// While this lives, a process that this thread starts begins with SIGHUP and SIGUSR2 blocked: what it is told waits until it
/// listens. This process's other threads hear them meanwhile.
pub(super) struct Withheld(SigSet);

impl Withheld {
    pub(super) fn new() -> io::Result<Self> {
        Ok(Self(early().thread_swap_mask(SigmaskHow::SIG_BLOCK)?))
    }
}

impl Drop for Withheld {
    fn drop(&mut self) {
        // Fails with a mask alone that is none.
        let _ = self.0.thread_set_mask();
    }
}

/// What a process is told while it starts, which is no reason to end: heard from then on, and obeyed once it has started.
pub struct Heard {
    pub(super) runtime: Runtime,
    pub(super) hang_up: Signal,
    pub(super) succeed: Signal,
}

impl Heard {
    /// Begins to listen.
    ///
    /// # Errors
    /// When there can be no runtime, or the signals are refused.
    pub fn new() -> io::Result<Self> {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        let inside = runtime.enter();
        let (hang_up, succeed) = (signal(SignalKind::hangup())?, signal(SignalKind::user_defined2())?);
        drop(inside);
        early().thread_unblock()?;
        Ok(Self { runtime, hang_up, succeed })
    }
}

/// The signals that end a gateway. One has it drain; SIGTERM may come again, as supervisors send it, and only who presses Ctrl-C
/// twice wants it to end at once.
pub(super) struct Ends {
    terminate: Signal,
    interrupt: Signal,
    interrupted: bool,
}

impl Ends {
    pub(super) fn new() -> io::Result<Self> {
        Ok(Self { terminate: signal(SignalKind::terminate())?, interrupt: signal(SignalKind::interrupt())?, interrupted: false })
    }

    /// Waits for the first of either.
    pub(super) async fn first(&mut self) {
        tokio::select! {
            _ = self.terminate.recv() => {}
            _ = self.interrupt.recv() => self.interrupted = true,
        }
    }

    /// Waits for the second SIGINT; the gateway may drain for another reason than the first.
    pub(super) async fn second_interrupt(mut self) {
        if !self.interrupted {
            self.interrupt.recv().await;
        }
        sleep(SAME).await;
        // What waits by now came in that time, also in a process that was stopped for longer.
        let _ = self.interrupt.recv().now_or_never();
        self.interrupt.recv().await;
    }
}
