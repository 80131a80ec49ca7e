//! The thread that tells others what happens: those who are sent events.

use super::worker::Shared;
use crate::events::post;
use std::io;
use std::sync::Arc;
use std::thread::JoinHandle;
use tokio_util::sync::CancellationToken;

/// The thread, and how it is brought to its end.
pub struct Reports {
    end: CancellationToken,
    thread: JoinHandle<io::Result<()>>,
}

impl Reports {
    /// Starts it: what happens from now on is heard.
    ///
    /// # Errors
    /// When it cannot be started.
    pub fn start(shared: Arc<Shared>) -> io::Result<Self> {
        let end = CancellationToken::new();
        let (events, fetch) = {
            let plan = shared.plan.load();
            (Arc::clone(&plan.events), Arc::clone(&plan.fetch))
        };
        let (heard, ending) = (events.listen(), end.clone());
        let thread = std::thread::Builder::new().name("gate-reports".to_owned()).spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build()?;
            runtime.block_on(post::run(events, heard, fetch, || Arc::clone(&shared.plan.load().settings.posts), ending));
            Ok(())
        })?;
        Ok(Self { end, thread })
    }

    /// Ends it when all that was told has been passed on, or has taken too long.
    ///
    /// # Errors
    /// When it failed.
    pub fn end(self) -> io::Result<()> {
        self.end.cancel();
        self.thread.join().map_err(|_| io::Error::other("the thread that reports panicked"))?
    }
}
