//! What happens when a request has ended, however it did: it is counted, its line is in the log, and what it held is free.

use super::access_log::Line;
use super::metrics::{Answered, Entered, Sheet};
use smallvec::SmallVec;
use std::any::Any;
use std::sync::Arc;
use std::sync::atomic::AtomicUsize;
use tokio::time::Instant;

/// Slots that a request held; free again when its reply has ended.
pub type Guards = SmallVec<[Box<dyn Any + Send + Sync>; 1]>;

/// The end of a request, which is that of its reply or tunnel: it comes when this is dropped.
pub struct Ending {
    sheet: Arc<Sheet>,
    route: Option<usize>,
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
    /// The end of a request of a route that began at `started` and is answered with `status`.
    #[must_use]
    pub fn new(
        (sheet, route): (Arc<Sheet>, Option<usize>),
        started: Instant,
        status: u16,
        cache: Option<&'static str>,
        line: Option<Box<Line>>,
        guards: Guards,
    ) -> Self {
        Self { sheet, route, started, status, cache, line, sent: 0, received: 0, tunnel: None, _guards: guards }
    }

    /// The request becomes a tunnel, one of those that are open: how long that lasts is not how long the request took.
    #[must_use]
    pub fn of_tunnel(mut self, tunnels: &Arc<AtomicUsize>) -> Self {
        self.sheet.note(self.route, Some(self.answered()), (0, 0));
        self.tunnel = Some(Entered::one_of(tunnels));
        self
    }

    fn answered(&self) -> Answered {
        Answered { status: self.status, took: self.started.elapsed(), cache: self.cache }
    }
}

impl Drop for Ending {
    fn drop(&mut self) {
        let answered = if self.tunnel.is_none() { Some(self.answered()) } else { None };
        self.sheet.note(self.route, answered, (self.received, self.sent));
        if let Some(line) = self.line.take() {
            line.write(self.sent);
        }
    }
}
