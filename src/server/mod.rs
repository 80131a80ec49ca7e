//! The engine at work: listeners, workers, requests driven through their plan, reload and drain.
//!
//! Knows nothing of the language: it runs a [`Plan`].

pub mod access_log;
mod answer;
mod cache;
mod calls;
mod connection;
pub mod control;
mod described;
mod doors;
pub mod drain;
pub mod drive;
mod ending;
mod entrance;
mod fallback;
mod hooks;
mod http2;
pub mod inherit;
mod input;
pub mod listener;
mod listeners;
mod lookout;
pub mod metrics;
mod onward;
mod patience;
mod peer;
mod prober;
mod proxy;
mod reply;
mod reports;
pub mod run;
mod share;
mod signals;
mod site;
mod spare;
mod stream;
mod tls;
mod traced;
mod tunnel;
pub mod upgrade;
pub mod watch;
mod worker;

pub use control::Control;
pub use drive::{Arrival, Asked, Driven, Engine, drive, drive_watched};
pub use entrance::{ACCEPT_PAUSE, is_of_one_connection};
pub use inherit::Inherited;
pub use peer::Peer;
pub use run::{Ended, Policies, Wanted, run};
pub use signals::Heard;
pub use site::{Accepts, Closed, accepting};
pub use watch::Watch;

use crate::compile::Plan;
use crate::compile::tls::Tls;
use crate::events::{Change, Events, Seldom};
use crate::http::Address;
use crate::lang::value::Percent;
use crate::upstream::Transport;
use access_log::Log;
use listeners::Listeners;
use metrics::{Hub, Metrics};
use parking_lot::Mutex;
use reports::Reports;
use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread::JoinHandle;
use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;
use worker::{Shared, Worker};

/// The subject of events that are about the gateway itself.
pub const GATEWAY: &str = "gateway";

/// A running server.
pub struct Server {
    listeners: Listeners,
    shared: Arc<Shared>,
    threads: Mutex<Option<Threads>>,
}

/// What is waited for at the end.
struct Threads {
    workers: Vec<JoinHandle<io::Result<usize>>>,
    prober: Option<JoinHandle<io::Result<()>>>,
    lookout: JoinHandle<io::Result<()>>,
    metrics: JoinHandle<io::Result<()>>,
    log_writer: JoinHandle<()>,
    reports: Reports,
}

impl Server {
    /// Binds every listener and starts the workers; each gets a transport of its own. The access log goes to `log`.
    ///
    /// # Errors
    /// When an address cannot be bound or is in use, or a thread cannot be started.
    pub fn start<T: Transport>(plan: Plan, transport: impl Fn() -> T, log: impl io::Write + Send + 'static) -> io::Result<Self> {
        Self::start_with(plan, transport, log, Inherited::default())
    }

    /// The same with sockets that are open already, for the listeners they are meant for.
    ///
    /// # Errors
    /// Those of [`Self::start`]; and when a socket is no listener's.
    pub fn start_with<T: Transport>(
        plan: Plan,
        transport: impl Fn() -> T,
        log: impl io::Write + Send + 'static,
        inherited: Inherited,
    ) -> io::Result<Self> {
        let stop = CancellationToken::new();
        let (listeners, given) = Listeners::new(plan.settings.workers, stop.clone());
        plan.open_stores()?;
        hooks::start(&plan.hooks)?;
        if let Err(error) = listeners.be(&plan.settings.listeners, inherited, None, || {}) {
            hooks::stop(&plan.hooks, &[])?;
            return Err(error);
        }
        let (log, log_writer) = Log::start(log)?;
        let shared = Arc::new(Shared {
            plan: arc_swap::ArcSwap::from_pointee(plan),
            log,
            open: AtomicUsize::new(0),
            crowded: Seldom::default(),
            stop,
            hurry: CancellationToken::new(),
            swapped: Notify::new(),
            metrics: Hub::default(),
        });
        let reports = Reports::start(Arc::clone(&shared))?;
        lookout::look(&shared.plan.load());
        let lookout = lookout::start(Arc::clone(&shared))?;
        let metrics = metrics::start(Arc::clone(&shared))?;
        let prober = T::PROBES.then(|| prober::start(Arc::clone(&shared), transport())).transpose()?;
        let workers = given
            .into_iter()
            .enumerate()
            .map(|(number, given)| {
                let (shared, transport) = (Arc::clone(&shared), transport());
                std::thread::Builder::new().name(format!("gate-worker-{number}")).spawn(move || {
                    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
                    runtime.block_on(async move { Arc::new(Worker::new(shared, transport)).run(given).await })
                })
            })
            .collect::<io::Result<Vec<_>>>()?;
        let listening = listeners.addresses().iter().map(ToString::to_string).collect::<Vec<_>>().join(", ");
        shared.plan.load().events.tell(Change::Started, GATEWAY, format!("listening on {listening}"));
        let threads = Mutex::new(Some(Threads { workers, prober, lookout, metrics, log_writer, reports }));
        Ok(Self { listeners, shared, threads })
    }

    /// Where it listens, in the order of the plan's listeners.
    #[must_use]
    pub fn addresses(&self) -> Vec<Address> {
        self.listeners.addresses()
    }

    /// Puts another plan in the place of the current one; requests under way keep theirs. Listeners that it does not have are
    /// closed, further ones opened; workers stay. The plan is returned as it is shared from then on.
    ///
    /// # Errors
    /// When a listener cannot be opened or hooks cannot be told. Nothing has changed then.
    pub fn swap(&self, plan: Plan) -> io::Result<Arc<Plan>> {
        self.swap_beside(plan, None, |_| {})
    }

    /// The same where something else in this process leaves a port for it: that is done, with all else that goes with the plan, by
    /// `in_force`, which is called once the plan is, before any wait for whom it concerns no more.
    ///
    /// # Errors
    /// Those of [`Self::swap`].
    pub fn swap_beside(&self, plan: Plan, left: Option<u16>, in_force: impl FnOnce(&Arc<Plan>)) -> io::Result<Arc<Plan>> {
        if let Err(error) = plan.open_stores() {
            tracing::error!(%error, "a store of the new policy cannot be connected: its limits are under `on_failure`");
        }
        let plan = Arc::new(plan);
        let old = self.shared.plan.load_full();
        hooks::start(&plan.hooks)?;
        let swapped = self.listeners.be(&plan.settings.listeners, Inherited::default(), left, || {
            lookout::look(&plan);
            self.shared.plan.store(Arc::clone(&plan));
            self.shared.swapped.notify_one();
            self.follow_up("what goes with it broke down", || in_force(&plan));
        });
        let (over, stays) = if swapped.is_ok() { (&old, &plan) } else { (&plan, &old) };
        if let Err(error) = hooks::stop(&over.hooks, &stays.hooks) {
            tracing::error!(%error, "hooks cannot be told that they are not asked any more");
        }
        swapped.map(|()| plan)
    }

    /// Does what follows once a policy is in force: none when that breaks down, which takes nothing back and is told with what
    /// it `means`.
    pub fn follow_up<T>(&self, means: &str, act: impl FnOnce() -> T) -> Option<T> {
        let done = catch_unwind(AssertUnwindSafe(act));
        if done.is_err() {
            let says = format!("the policy is in force, but {means}: this is a fault of the gateway's own, please report it");
            self.plan().events.tell(Change::Failed, GATEWAY, says);
        }
        done.ok()
    }

    /// The ports that its listeners leave when a plan is in force.
    #[must_use]
    pub fn left_by(&self, plan: &Plan) -> Vec<u16> {
        self.listeners.left_by(&plan.settings.listeners)
    }

    /// Shows other certificates to clients that connect from now on to an address of the plan.
    pub fn renew(&self, address: &Address, tls: &Tls) {
        self.listeners.renew(address, tls);
    }

    /// Its listeners.
    #[must_use]
    fn listeners(&self) -> &Listeners {
        &self.listeners
    }

    /// Closes a route for maintenance, or opens it, whatever its flag file says; `None` leaves it to the file again. Without a
    /// route: all that have `maintenance`. How many there were.
    pub fn maintenance(&self, route: Option<&str>, on: Option<bool>) -> usize {
        let plan = self.shared.plan.load();
        let meant = plan.switches.iter().filter(|switch| route.is_none_or(|route| switch.route() == route));
        meant.map(|switch| switch.turn(on)).count()
    }

    /// Turns a flag: on for a share of its key's values, or for all or none of the requests; `None` is what the policy
    /// declares. False when there is no such flag.
    pub fn turn_flag(&self, name: &str, share: Option<Percent>) -> bool {
        let plan = self.shared.plan.load();
        let flag = plan.flags.iter().find(|flag| flag.name() == name);
        flag.inspect(|flag| flag.turn(share)).is_some()
    }

    /// The current plan.
    #[must_use]
    pub fn plan(&self) -> Arc<Plan> {
        self.shared.plan.load_full()
    }

    /// Counts a policy that was put in force, or refused.
    fn note_reload(&self, applied: bool) {
        self.shared.metrics.reloaded(applied);
    }

    /// Notes the number of the policy in force.
    fn note_generation(&self, generation: u64) {
        self.shared.metrics.in_force(generation);
    }

    /// The way to what it counts.
    #[must_use]
    pub fn metrics(&self) -> Metrics {
        Metrics::of(&self.shared)
    }

    /// Connections open now.
    #[must_use]
    pub fn connections(&self) -> usize {
        self.shared.open.load(Ordering::Relaxed)
    }

    /// Has a [shutdown](Self::shutdown) wait no longer for what runs.
    fn hurry(&self) {
        self.shared.hurry.cancel();
    }

    /// Stops accepting, lets what runs finish within the plan's `drain`, and ends: how many connections had to be cut.
    ///
    /// # Errors
    /// When a worker failed.
    pub fn shutdown(&self) -> io::Result<usize> {
        let events = Arc::clone(&self.shared.plan.load().events);
        let Some(threads) = self.threads.lock().take() else { return Ok(0) };
        events.tell(Change::Draining, GATEWAY, format!("draining: {}", connections(self.connections(), "is open", "are open")));
        self.listeners.close();
        let cut = threads.join(&self.listeners, &self.shared.log, &events)?;
        hooks::stop(&self.shared.plan.load().hooks, &[])?;
        Ok(cut)
    }
}

impl Threads {
    /// Waits for them, and for the log when nobody has a line for it any more: how many connections had to be cut.
    fn join(self, listeners: &Listeners, log: &Log, events: &Events) -> io::Result<usize> {
        let mut cut = 0;
        for worker in self.workers {
            cut += worker.join().map_err(|_| io::Error::other("a worker panicked"))??;
        }
        if let Some(prober) = self.prober {
            prober.join().map_err(|_| io::Error::other("the prober panicked"))??;
        }
        self.lookout.join().map_err(|_| io::Error::other("the lookout panicked"))??;
        self.metrics.join().map_err(|_| io::Error::other("the thread that reads what is counted panicked"))??;
        listeners.join()?;
        if !log.end(self.log_writer)? {
            tracing::warn!("the last lines of the access log are lost: nobody reads it");
        }
        let dropped = log.dropped();
        if dropped > 0 {
            let lines = if dropped == 1 { "line of the access log was" } else { "lines of the access log were" };
            events.tell(Change::Failed, GATEWAY, format!("{dropped} {lines} dropped: its output was too slow, or failed"));
        }
        events.tell(Change::Stopped, GATEWAY, format!("stopped: {}", connections(cut, "was cut", "were cut")));
        self.reports.end()?;
        Ok(cut)
    }
}

fn connections(count: usize, is: &str, are: &str) -> String {
    if count == 1 { format!("1 connection {is}") } else { format!("{count} connections {are}") }
}

#[cfg(test)]
mod tests;
