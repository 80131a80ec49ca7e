//! A worker: one thread, one runtime, its own listening sockets, upstream connections and timers.

use super::GATEWAY;
use super::access_log::{Line, Log};
use super::doors::Door;
use super::drive::Engine;
use super::ending::{Ending, Guards};
use super::entrance;
use super::metrics::{self, Hub, Shard, Sheet};
use super::spare::Spare;
use super::tls::HANDSHAKES_MAX;
use crate::compile::Plan;
use crate::events::{Change, Seldom};
use crate::http::Clock;
use crate::http::h1::Refusal;
use crate::upstream::Transport;
use crate::upstream::transport::TIDY_EVERY;
use arc_swap::ArcSwap;
use http::HeaderValue;
use parking_lot::Mutex;
use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::{Duration, UNIX_EPOCH};
use tokio::sync::{Notify, Semaphore, mpsc};
use tokio::task::JoinSet;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

/// How far the wall clock may be from the machine's before it is read anew.
const CLOCK_DRIFT_MAX: Duration = Duration::from_millis(100);
/// What all workers of a process share.
pub struct Shared {
    /// The current plan.
    pub plan: ArcSwap<Plan>,
    /// The way to the access log.
    pub log: Log,
    /// Connections open, over all workers.
    pub open: AtomicUsize,
    /// Cancelled when the process is to end.
    pub stop: CancellationToken,
    /// Cancelled when what runs then is not waited for.
    pub hurry: CancellationToken,
    /// That there are too many connections is said seldom.
    pub crowded: Seldom,
    /// Told when another plan is in force.
    pub swapped: Notify,
    /// What is counted.
    pub metrics: Hub,
}

/// A worker's own state. Its locks are taken by its thread alone.
pub struct Worker<T> {
    shared: Arc<Shared>,
    handshakes: Semaphore,
    spare: Arc<Spare>,
    engine: Mutex<Arc<Engine<T>>>,
    shard: Arc<Shard>,
    /// What still runs is cut.
    over: AtomicBool,
    /// The value of `Date` for a second since the epoch.
    date: Mutex<(u64, HeaderValue)>,
}

impl<T: Transport> Worker<T> {
    /// A worker under the current plan.
    #[must_use]
    pub fn new(shared: Arc<Shared>, transport: T) -> Self {
        let (plan, shard) = (shared.plan.load_full(), shared.metrics.shard());
        let engine = Engine {
            sheet: Arc::new(Sheet::of(&plan, &shard)),
            plan,
            transport: Arc::new(transport),
            clock: Clock::system(),
            random: Arc::new(Mutex::new(fastrand::Rng::new())),
        };
        Self {
            shared,
            handshakes: Semaphore::new(HANDSHAKES_MAX),
            spare: Arc::default(),
            engine: Mutex::new(Arc::new(engine)),
            shard,
            over: AtomicBool::new(false),
            date: Mutex::new((0, HeaderValue::from_static(""))),
        }
    }

    /// The value of `Date` now (RFC 9110 §6.6.1).
    #[must_use]
    pub fn date(&self, clock: &Clock) -> HeaderValue {
        let now = clock.now();
        let mut date = self.date.lock();
        if date.0 != now.as_secs() {
            let text = httpdate::fmt_http_date(UNIX_EPOCH + now);
            *date = (now.as_secs(), HeaderValue::try_from(text).unwrap_or_else(|_| HeaderValue::from_static("")));
        }
        date.1.clone()
    }

    /// The engine under the current plan. A request keeps the one it began with.
    #[must_use]
    pub fn engine(&self) -> Arc<Engine<T>> {
        let plan = self.shared.plan.load();
        let mut engine = self.engine.lock();
        if !Arc::ptr_eq(&engine.plan, &plan) {
            let sheet = Arc::new(Sheet::of(&plan, &self.shard));
            *engine = Arc::new(Engine { plan: Arc::clone(&plan), clock: Clock::system(), sheet, ..Engine::clone(&engine) });
        }
        Arc::clone(&engine)
    }

    /// The end of what was no request, with its line in the log.
    #[must_use]
    pub fn refused(&self, refusal: &Refusal, line: Option<Box<Line>>) -> Ending {
        Ending::new((Arc::clone(&self.engine.lock().sheet), None), Instant::now(), refusal.status.as_u16(), None, line, Guards::new())
    }

    /// What the worker counts.
    #[must_use]
    pub fn shard(&self) -> &Arc<Shard> {
        &self.shard
    }

    /// Follows the machine's clock when it was set, or stood still while the machine slept: requests that begin from now on
    /// go by it.
    fn follow(&self, clock: Clock) {
        let mut engine = self.engine.lock();
        if clock.now().abs_diff(engine.clock.now()) > CLOCK_DRIFT_MAX {
            tracing::warn!("the machine's clock was set");
            *engine = Arc::new(Engine { clock, ..Engine::clone(&engine) });
        }
    }

    /// The slots of handshakes.
    #[must_use]
    pub fn handshakes(&self) -> &Semaphore {
        &self.handshakes
    }

    /// Says, once in a while, that clients are turned away.
    pub fn tell_crowded(&self) {
        if self.shared.crowded.is_due(Clock::system().now()) {
            let plan = self.shared.plan.load();
            plan.events.tell(Change::Failed, GATEWAY, format!("more than {} connections: some are refused", plan.settings.connections));
        }
    }

    /// The worker's spare buffers.
    #[must_use]
    pub fn spare(&self) -> &Arc<Spare> {
        &self.spare
    }

    /// The way to the access log.
    #[must_use]
    pub fn log(&self) -> &Log {
        &self.shared.log
    }

    /// Has connections come in at all doors that it is given until the process is to end, and finishes what runs then: how
    /// many connections had to be cut.
    pub async fn run(self: Arc<Self>, mut given: mpsc::Receiver<Vec<Door>>) -> io::Result<usize> {
        let mut doors = JoinSet::new();
        let tidy = tokio::spawn(Arc::clone(&self).tidy());
        let lateness = tokio::spawn(metrics::watch(Arc::clone(&self.shard)));
        loop {
            tokio::select! {
                () = self.shared.stop.cancelled() => break,
                Some(more) = given.recv() => self.serve(&mut doors, more),
                // One that a reload has closed.
                Some(_) = doors.join_next() => {}
            }
        }
        tidy.abort();
        lateness.abort();
        while let Ok(more) = given.try_recv() {
            self.serve(&mut doors, more);
        }
        let mut cut = 0;
        while let Some(left) = doors.join_next().await {
            cut += left.map_err(io::Error::other)?;
        }
        Ok(cut)
    }

    fn serve(self: &Arc<Self>, doors: &mut JoinSet<usize>, more: Vec<Door>) {
        for door in more {
            doors.spawn(entrance::serve(Arc::clone(self), door));
        }
    }

    /// True when the process is to end.
    #[must_use]
    pub fn is_ending(&self) -> bool {
        self.shared.stop.is_cancelled()
    }

    /// Waits until the process is to end, and longer than what runs then may take.
    pub async fn time_is_over(&self) {
        self.shared.stop.cancelled().await;
        let longest = self.shared.plan.load().settings.drain;
        // Either way it is over.
        let _ = tokio::time::timeout(longest, self.shared.hurry.cancelled()).await;
        self.over.store(true, Ordering::Relaxed);
    }

    /// True once it is: requests without an answer are cut then, not left by their clients.
    #[must_use]
    pub fn is_over(&self) -> bool {
        self.over.load(Ordering::Relaxed)
    }

    /// One of the places of open connections; none when all are taken.
    #[must_use]
    pub fn place(&self) -> Option<Place> {
        let place = Place::take(&self.shared);
        let counted = if place.is_some() { &self.shard.accepted } else { &self.shard.refused };
        counted.fetch_add(1, Ordering::Relaxed);
        place
    }

    /// Runs until it is aborted.
    async fn tidy(self: Arc<Self>) {
        let transport = Arc::clone(&self.engine.lock().transport);
        loop {
            tokio::time::sleep(TIDY_EVERY).await;
            transport.tidy();
            self.follow(Clock::system());
            // Without requests it would keep a plan that is not in force any more.
            drop(self.engine());
        }
    }
}

/// One of the connections that may be open.
pub struct Place(Arc<Shared>);

impl Place {
    fn take(shared: &Arc<Shared>) -> Option<Self> {
        let most = shared.plan.load().settings.connections;
        let place = Self(Arc::clone(shared));
        (shared.open.fetch_add(1, Ordering::Relaxed) < most).then_some(place)
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        self.0.open.fetch_sub(1, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::{Clock, Worker};
    use crate::http::{Fault, FaultKind, Outgoing, Reply};
    use crate::server::tests::rig::{draft, shared};
    use crate::upstream::{Attempt, Endpoint, Registry, Transport, Upstream};
    use std::sync::Arc;
    use std::sync::atomic::{AtomicUsize, Ordering};
    use std::time::Duration;

    /// Counts how often it is tidied.
    struct Counting(Arc<AtomicUsize>);

    impl Transport for Counting {
        async fn exchange(&self, _: &Upstream, _: &Arc<Endpoint>, _: Outgoing, _: Attempt) -> Result<Reply, Fault> {
            Err(Fault::new(FaultKind::ConnectError, "nobody is there"))
        }

        fn tidy(&self) {
            self.0.fetch_add(1, Ordering::Relaxed);
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_worker_has_its_transport_tidied_until_it_ends() {
        let shared = shared(draft("127.0.0.1:1".parse().unwrap()).plan(&Registry::default()));
        let tidied = Arc::new(AtomicUsize::new(0));
        let worker = Arc::new(Worker::new(Arc::clone(&shared), Counting(Arc::clone(&tidied))));
        let running = tokio::spawn(worker.run(tokio::sync::mpsc::channel(1).1));
        tokio::time::sleep(Duration::from_secs(61)).await;
        assert_eq!(tidied.load(Ordering::Relaxed), 12);
        shared.stop.cancel();
        assert_eq!(running.await.unwrap().unwrap(), 0);
    }

    #[tokio::test(start_paused = true)]
    async fn a_worker_without_requests_lets_go_of_a_plan_that_is_not_in_force() {
        let plan = || draft("127.0.0.1:1".parse().unwrap()).plan(&Registry::default());
        let shared = shared(plan());
        let worker = Arc::new(Worker::new(Arc::clone(&shared), Counting(Arc::default())));
        let running = tokio::spawn(worker.run(tokio::sync::mpsc::channel(1).1));
        let old = Arc::downgrade(&shared.plan.load_full());
        shared.plan.store(Arc::new(plan()));
        tokio::time::sleep(Duration::from_secs(6)).await;
        assert!(old.upgrade().is_none());
        shared.stop.cancel();
        running.await.unwrap().unwrap();
    }

    #[tokio::test(start_paused = true)]
    async fn a_clock_that_was_set_is_followed() {
        let shared = shared(draft("127.0.0.1:1".parse().unwrap()).plan(&Registry::default()));
        let worker = Worker::new(shared, Counting(Arc::default()));
        let hour = Duration::from_secs(3600);
        for time in [worker.engine().clock.now() + hour, worker.engine().clock.now() - hour] {
            worker.follow(Clock::at(time));
            assert_eq!(worker.engine().clock.now(), time);
        }
        let same = worker.engine();
        worker.follow(Clock::at(same.clock.now() + Duration::from_millis(50)));
        assert!(Arc::ptr_eq(&same, &worker.engine()));
    }
}
