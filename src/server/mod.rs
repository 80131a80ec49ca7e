//! The engine at work: listeners, workers, requests driven through their plan, reload and drain.
//!
//! Knows nothing of the language: it runs a [`Plan`].

pub mod access_log;
mod answer;
mod connection;
pub mod drain;
pub mod drive;
mod http2;
mod input;
pub mod listener;
mod patience;
mod peer;
mod reply;
pub mod run;
mod site;
mod spare;
mod stream;
mod tls;
mod tunnel;
pub mod watch;
mod worker;

pub use drive::{Arrival, Asked, Driven, Engine, drive, drive_watched};
pub use run::run;
pub use watch::Watch;

use crate::compile::Plan;
use crate::compile::tls::Tls;
use crate::upstream::Transport;
use access_log::Log;
use site::Site;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread::JoinHandle;
use tokio_util::sync::CancellationToken;
use worker::{Shared, Worker};

/// A running server.
pub struct Server {
    addresses: Vec<SocketAddr>,
    sites: Vec<Arc<Site>>,
    shared: Arc<Shared>,
    workers: Vec<JoinHandle<io::Result<usize>>>,
    log_writer: JoinHandle<()>,
}

impl Server {
    /// Binds every listener and starts the workers; each gets a transport of its own. The access log goes to `log`.
    ///
    /// # Errors
    /// When an address cannot be bound or is in use, or a thread cannot be started.
    pub fn start<T: Transport>(plan: Plan, transport: impl Fn() -> T, log: impl io::Write + Send + 'static) -> io::Result<Self> {
        let (listeners, workers) = (plan.settings.listeners.clone(), plan.settings.workers.max(1));
        let (mut addresses, mut sites) = (Vec::new(), Vec::new());
        let mut sockets: Vec<Vec<_>> = (0..workers).map(|_| Vec::new()).collect();
        for declared in listeners {
            let address = declared.address;
            let named = |error: io::Error| io::Error::new(error.kind(), format!("cannot listen on {address}: {error}"));
            if listener::is_taken(address).map_err(named)? {
                return Err(named(io::ErrorKind::AddrInUse.into()));
            }
            let mut bound = address;
            let site = Arc::new(Site::new(declared));
            for of_worker in &mut sockets {
                let socket = listener::bind(bound).map_err(named)?;
                // A port that the kernel chose is the same for all workers.
                bound = socket.local_addr()?;
                of_worker.push((socket, Arc::clone(&site)));
            }
            addresses.push(bound);
            sites.push(site);
        }
        let (log, log_writer) = Log::start(log)?;
        let shared = Arc::new(Shared {
            plan: arc_swap::ArcSwap::from_pointee(plan),
            log,
            open: AtomicUsize::new(0),
            stop: CancellationToken::new(),
        });
        let workers = sockets
            .into_iter()
            .enumerate()
            .map(|(number, sockets)| {
                let (shared, transport) = (Arc::clone(&shared), transport());
                std::thread::Builder::new().name(format!("gate-worker-{number}")).spawn(move || {
                    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
                    runtime.block_on(async move { Arc::new(Worker::new(shared, transport)).run(sockets).await })
                })
            })
            .collect::<io::Result<Vec<_>>>()?;
        Ok(Self { addresses, sites, shared, workers, log_writer })
    }

    /// Where it listens, in the order of the plan's listeners.
    #[must_use]
    pub fn addresses(&self) -> &[SocketAddr] {
        &self.addresses
    }

    /// Puts another plan in the place of the current one; requests under way keep theirs. Listeners and workers stay.
    pub fn swap(&self, plan: Plan) {
        for site in &self.sites {
            site.follow(&plan.settings.listeners);
        }
        self.shared.plan.store(Arc::new(plan));
    }

    /// Shows other certificates to clients that connect from now on to an address of the plan.
    pub fn renew(&self, address: SocketAddr, tls: &Tls) {
        for site in &self.sites {
            site.renew(address, tls);
        }
    }

    /// The current plan.
    #[must_use]
    pub fn plan(&self) -> Arc<Plan> {
        self.shared.plan.load_full()
    }

    /// Connections open now.
    #[must_use]
    pub fn connections(&self) -> usize {
        self.shared.open.load(Ordering::Relaxed)
    }

    /// Stops accepting, lets what runs finish within the plan's `drain`, and ends: how many connections had to be cut.
    ///
    /// # Errors
    /// When a worker failed.
    pub fn shutdown(self) -> io::Result<usize> {
        self.shared.stop.cancel();
        let mut cut = 0;
        for worker in self.workers {
            cut += worker.join().map_err(|_| io::Error::other("a worker panicked"))??;
        }
        let dropped = self.shared.log.dropped();
        if dropped > 0 {
            tracing::warn!(dropped, "access log lines were dropped");
        }
        drop(self.shared);
        self.log_writer.join().map_err(|_| io::Error::other("the access log panicked"))?;
        Ok(cut)
    }
}

#[cfg(test)]
mod tests;
