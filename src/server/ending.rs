//! What happens when a request has ended, however it did: it is counted, its line is in the log, and what it held is free.

use super::access_log::Line;
use super::metrics::{Counts, Entered};
use smallvec::SmallVec;
use std::any::Any;
use std::sync::Arc;
use std::sync::atomic::AtomicUsize;
use tokio::time::Instant;

/// Slots that a request held; free again when its reply has ended.
pub type Guards = SmallVec<[Box<dyn Any + Send + Sync>; 1]>;

/// The end of a request, which is that of its reply or tunnel: it comes when this is dropped.
pub struct Ending {
    counts: Arc<Counts>,
    started: Instant,
    status: u16,
    cache: Option<&'static str>,
    line: Option<Box<Line>>,
    /// Bytes of the reply's body that the client was sent.
    pub sent: u64,
    /// Bytes of the request's body that came.
    pub received: u64,
    /// A request that has become a tunnel is counted when that opens.
    tunnel: Option<Entered>,
    _guards: Guards,
}

impl Ending {
    /// The end of a request that began at `started` and is answered with `status`.
    #[must_use]
    pub fn new(
        counts: Arc<Counts>,
        started: Instant,
        status: u16,
        cache: Option<&'static str>,
        line: Option<Box<Line>>,
        guards: Guards,
    ) -> Self {
        Self { counts, started, status, cache, line, sent: 0, received: 0, tunnel: None, _guards: guards }
    }

    /// The request becomes a tunnel, one of those that are open: how long that lasts is not how long the request took.
    #[must_use]
    pub fn of_tunnel(mut self, tunnels: &Arc<AtomicUsize>) -> Self {
        self.counts.request(self.status, self.started.elapsed(), self.cache);
        self.tunnel = Some(Entered::one_of(tunnels));
        self
    }
}

impl Drop for Ending {
    fn drop(&mut self) {
        let now = Instant::now();
        if self.tunnel.is_none() {
            self.counts.request(self.status, now.saturating_duration_since(self.started), self.cache);
        }
        self.counts.bytes(self.received, self.sent);
        if let Some(line) = self.line.take() {
            line.write(self.sent);
        }
    }
}
