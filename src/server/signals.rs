//! The signals of the process: which it hears, and which of them count.

use std::io;
use std::time::Duration;
use tokio::runtime::Runtime;
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::time::Instant;

/// What comes so soon after a signal to end is the same one: `timeout`, and shells that pass signals on, send it twice.
const SAME: Duration = Duration::from_millis(50);

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
        Ok(Self { runtime, hang_up, succeed })
    }
}

/// The signals that end a gateway: one has it drain, another one after that ends it at once.
pub(super) struct Ends {
    terminate: Signal,
    interrupt: Signal,
    first: Option<Instant>,
}

impl Ends {
    pub(super) fn new() -> io::Result<Self> {
        Ok(Self { terminate: signal(SignalKind::terminate())?, interrupt: signal(SignalKind::interrupt())?, first: None })
    }

    /// Waits for the first.
    pub(super) async fn first(&mut self) {
        self.next().await;
        self.first = Some(Instant::now());
    }

    /// Waits for one after the first, which may come while the gateway drains for another reason: which.
    pub(super) async fn second(&mut self) -> SignalKind {
        if self.first.is_none() {
            self.first().await;
        }
        loop {
            let signal = self.next().await;
            if self.first.is_some_and(|first| first.elapsed() > SAME) {
                return signal;
            }
        }
    }

    async fn next(&mut self) -> SignalKind {
        tokio::select! {
            _ = self.terminate.recv() => SignalKind::terminate(),
            _ = self.interrupt.recv() => SignalKind::interrupt(),
        }
    }
}
