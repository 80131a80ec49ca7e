//! What calls of an upstream came to, for whoever reads it; counted where each thread has cells of its own.

use crate::http::{Fault, FaultKind};
use crate::meter::{Codes, CodesRead, Distribution, Histogram, Stripes, add};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::time::Duration;

/// Why a call may come to nothing, by the words it is counted under.
const REASONS: [&str; 13] = [
    "connect",
    "connect_timeout",
    "timeout",
    "reset",
    "bad_response",
    "no_tunnel",
    "breaker",
    "concurrency",
    "body",
    "client",
    "dns",
    "no_target",
    "cancelled",
];
/// Behind those of faults.
const NO_TARGET: usize = 11;
const CANCELLED: usize = 12;

fn reason(kind: &FaultKind) -> usize {
    match kind {
        FaultKind::ConnectError => 0,
        FaultKind::ConnectTimeout => 1,
        FaultKind::AttemptTimeout | FaultKind::TotalTimeout => 2,
        FaultKind::Reset | FaultKind::Stale => 3,
        FaultKind::BadResponse => 4,
        FaultKind::NoTunnel => 5,
        FaultKind::BreakerOpen(_) => 6,
        FaultKind::Overloaded => 7,
        FaultKind::BodyBroken => 8,
        FaultKind::BodyTooLarge | FaultKind::ClientBody | FaultKind::ClientSlow => 9,
        FaultKind::Unresolved | FaultKind::UnresolvedInTime => 10,
    }
}

/// The counts of one upstream; they go on when it is declared anew under the same name.
#[derive(Debug, Default)]
pub struct Tally {
    stripes: Stripes<Cells>,
    connections: AtomicUsize,
    connected: AtomicU64,
}

#[derive(Debug, Default)]
struct Cells {
    answers: Codes,
    times: Histogram,
    retries: AtomicU64,
    failures: [AtomicU64; REASONS.len()],
}

impl Tally {
    /// An attempt was answered, after so long.
    pub fn answered(&self, status: u16, took: Duration) {
        self.stripes.with_mine(|cells| {
            cells.answers.count(status);
            cells.times.count(took);
        });
    }

    /// An attempt came to nothing, or was not made.
    pub fn failed(&self, fault: &Fault) {
        self.count_failure(reason(&fault.kind));
    }

    /// There was no target to be asked.
    pub fn had_no_target(&self) {
        self.count_failure(NO_TARGET);
    }

    /// An attempt begins. Where it is neither answered nor fails before what is returned is dropped, nobody waits for its answer any
    /// more: the client has gone, or was cut.
    #[must_use]
    pub fn begun(&self) -> UnderWay<'_> {
        UnderWay { tally: self, ended: false }
    }

    fn count_failure(&self, reason: usize) {
        self.stripes.with_mine(|cells| {
            if let Some(cell) = cells.failures.get(reason) {
                add(cell, 1);
            }
        });
    }

    /// An attempt is made again.
    pub fn retried(&self) {
        self.stripes.with_mine(|cells| add(&cells.retries, 1));
    }

    /// A connection stands, until what is returned is dropped.
    #[must_use]
    pub fn connected(self: &Arc<Self>) -> Connected {
        self.connections.fetch_add(1, Ordering::Relaxed);
        self.connected.fetch_add(1, Ordering::Relaxed);
        Connected(Arc::clone(self))
    }

    /// How long attempts took that were answered.
    #[must_use]
    pub fn times(&self) -> Distribution {
        let mut times = Distribution::default();
        self.stripes.all().for_each(|cells| times.add(&cells.times));
        times
    }

    /// All of it, added up.
    #[must_use]
    pub fn read(&self) -> Read {
        let mut read = Read { connections: self.connections.load(Ordering::Relaxed), times: self.times(), ..Read::default() };
        read.connected = self.connected.load(Ordering::Relaxed);
        for cells in self.stripes.all() {
            read.answers.add(&cells.answers);
            read.retries += cells.retries.load(Ordering::Relaxed);
            for (sum, cell) in read.failures.iter_mut().zip(&cells.failures) {
                *sum += cell.load(Ordering::Relaxed);
            }
        }
        read
    }
}

/// An attempt without an outcome.
#[derive(Debug)]
pub struct UnderWay<'t> {
    tally: &'t Tally,
    ended: bool,
}

impl UnderWay<'_> {
    /// It has one.
    pub fn ended(mut self) {
        self.ended = true;
    }
}

impl Drop for UnderWay<'_> {
    fn drop(&mut self) {
        if !self.ended {
            self.tally.count_failure(CANCELLED);
        }
    }
}

/// A connection that stands.
#[derive(Debug)]
pub struct Connected(Arc<Tally>);

impl Drop for Connected {
    fn drop(&mut self) {
        self.0.connections.fetch_sub(1, Ordering::Relaxed);
    }
}

/// What there is in a tally.
#[derive(Debug, Clone, Default)]
pub struct Read {
    /// Attempts that were answered, by status.
    pub answers: CodesRead,
    /// How long they took up to the response's head.
    pub times: Distribution,
    /// Attempts that were made again.
    pub retries: u64,
    /// Connections that stand.
    pub connections: usize,
    /// Connections that were made.
    pub connected: u64,
    failures: [u64; REASONS.len()],
}

impl Read {
    /// Attempts that came to nothing or were not made, by reason.
    pub fn failures(&self) -> impl Iterator<Item = (&'static str, u64)> + '_ {
        REASONS.into_iter().zip(self.failures).filter(|(_, count)| *count > 0)
    }
}

#[cfg(test)]
mod tests {
    use super::Tally;
    use crate::http::{Fault, FaultKind};
    use std::sync::Arc;
    use std::time::Duration;

    #[test]
    fn what_calls_came_to_is_counted_by_status_and_reason() {
        let tally = Arc::<Tally>::default();
        tally.answered(200, Duration::from_millis(3));
        tally.failed(&Fault::new(FaultKind::BreakerOpen(Duration::ZERO), "open"));
        tally.failed(&Fault::new(FaultKind::ClientSlow, "slow"));
        tally.had_no_target();
        tally.begun().ended();
        drop(tally.begun());
        tally.retried();
        let (one, _other) = (tally.connected(), tally.connected());
        drop(one);
        let read = tally.read();
        assert_eq!(read.answers.each().collect::<Vec<_>>(), [("200", 1)]);
        assert_eq!(read.failures().collect::<Vec<_>>(), [("breaker", 1), ("client", 1), ("no_target", 1), ("cancelled", 1)]);
        assert_eq!((read.retries, read.connections, read.connected, read.times.count()), (1, 1, 2, 1));
    }
}
