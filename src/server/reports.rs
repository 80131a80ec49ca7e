//! The thread that tells others what happens: those who are sent events, and the collector of traces.

use super::worker::Shared;
use crate::events::post;
use crate::otlp::export;
use std::io;
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::Duration;
use tokio::task::JoinSet;
use tokio::time::{sleep, timeout};
use tokio_util::sync::CancellationToken;

/// How often it is seen that another plan traces to another collector.
const LOOK_EVERY: Duration = Duration::from_secs(1);
/// How long the last spans may take when the gateway ends.
const FLUSH_MAX: Duration = Duration::from_secs(5);

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
        let plan = shared.plan.load_full();
        let (heard, ending) = (plan.events.listen(), end.clone());
        let thread = std::thread::Builder::new().name("gate-reports".to_owned()).spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build()?;
            let posts = || Arc::clone(&shared.plan.load().settings.posts);
            let (events, fetch) = (Arc::clone(&plan.events), Arc::clone(&plan.fetch));
            // It is not this thread that keeps the first plan alive.
            drop(plan);
            runtime.block_on(async { tokio::join!(post::run(events, heard, fetch, posts, ending.clone()), trace(&shared, &ending)) });
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

/// Sends what the tracer of the plan in force takes; one that is not in force any more ends when it has sent all it has.
async fn trace(shared: &Shared, end: &CancellationToken) {
    let mut sending = JoinSet::new();
    loop {
        {
            let plan = shared.plan.load();
            if let Some(waiting) = plan.tracer.as_ref().and_then(|tracer| tracer.take_waiting()) {
                sending.spawn(export::run(waiting, Arc::clone(&plan.fetch), end.clone()));
            }
        }
        if end.run_until_cancelled(sleep(LOOK_EVERY)).await.is_none() {
            break;
        }
        while sending.try_join_next().is_some() {}
    }
    let flushed = timeout(FLUSH_MAX, async { while sending.join_next().await.is_some() {} }).await;
    if flushed.is_err() {
        tracing::warn!("the last spans were not taken in time");
    }
}
