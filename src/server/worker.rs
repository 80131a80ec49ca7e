//! A worker: one thread, one runtime, its own listening sockets, upstream connections and timers.

use super::GATEWAY;
use super::access_log::Log;
use super::connection;
use super::drain::Connections;
use super::drive::Engine;
use super::listener::Accepted;
use super::proxy;
use super::site::Site;
use super::spare::Spare;
use super::stream::Stream;
use super::tls::{self, HANDSHAKES_MAX};
use crate::compile::Plan;
use crate::events::{Change, Seldom};
use crate::http::Clock;
use crate::upstream::Transport;
use crate::upstream::transport::TIDY_EVERY;
use arc_swap::ArcSwap;
use http::HeaderValue;
use parking_lot::Mutex;
use std::io;
use std::net::{IpAddr, Ipv4Addr, SocketAddr, TcpListener};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, UNIX_EPOCH};
use tokio::net::{TcpStream, UnixStream};
use tokio::sync::{Notify, Semaphore, mpsc};
use tokio_util::sync::CancellationToken;

/// How far the wall clock may be from the machine's before it is read anew.
const CLOCK_DRIFT_MAX: Duration = Duration::from_millis(100);
/// How long accepting rests when the process is out of file descriptors or memory.
pub const ACCEPT_PAUSE: Duration = Duration::from_millis(50);
/// Connections that a listener takes in before it is closed.
pub const LAST_MAX: usize = 4096;

/// A client of a Unix socket is this machine.
const LOCAL_PEER: SocketAddr = SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), 0);

/// How connections come to a worker.
pub enum Door {
    /// By a socket of its own.
    Own(TcpListener),
    /// By a socket that all share, from the thread that accepts there.
    Shared(mpsc::Receiver<Accepted>),
}

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
    /// That there are too many connections is said seldom.
    pub crowded: Seldom,
    /// Told when another plan is in force.
    pub swapped: Notify,
}

/// A worker's own state. Its locks are taken by its thread alone.
pub struct Worker<T> {
    shared: Arc<Shared>,
    connections: Arc<Connections>,
    handshakes: Semaphore,
    spare: Arc<Spare>,
    engine: Mutex<Arc<Engine<T>>>,
    /// The value of `Date` for a second since the epoch.
    date: Mutex<(u64, HeaderValue)>,
}

impl<T: Transport> Worker<T> {
    /// A worker under the current plan.
    #[must_use]
    pub fn new(shared: Arc<Shared>, transport: T) -> Self {
        let engine = Engine {
            plan: shared.plan.load_full(),
            transport: Arc::new(transport),
            clock: Clock::system(),
            random: Arc::new(Mutex::new(fastrand::Rng::new())),
        };
        Self {
            shared,
            connections: Arc::default(),
            handshakes: Semaphore::new(HANDSHAKES_MAX),
            spare: Arc::default(),
            engine: Mutex::new(Arc::new(engine)),
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
            *engine = Arc::new(Engine { plan: Arc::clone(&plan), clock: Clock::system(), ..Engine::clone(&engine) });
        }
        Arc::clone(&engine)
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

    /// The worker's connections.
    #[must_use]
    pub fn connections(&self) -> &Arc<Connections> {
        &self.connections
    }

    /// The slots of handshakes.
    #[must_use]
    pub fn handshakes(&self) -> &Semaphore {
        &self.handshakes
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

    /// Accepts and serves until the process is to end, then drains: how many connections had to be cut.
    pub async fn run(self: Arc<Self>, doors: Vec<(Door, Arc<Site>)>) -> io::Result<usize> {
        let (mut running, mut receiving, mut last) = (Vec::new(), Vec::new(), Vec::new());
        for (door, site) in doors {
            match door {
                Door::Own(listener) => {
                    last.push((listener.try_clone()?, Arc::clone(&site)));
                    let listener = tokio::net::TcpListener::from_std(listener)?;
                    running.push(tokio::spawn(Arc::clone(&self).accept(listener, site)));
                }
                Door::Shared(handed) => receiving.push(tokio::spawn(Arc::clone(&self).receive(handed, site))),
            }
        }
        running.push(tokio::spawn(Arc::clone(&self).tidy()));
        self.shared.stop.cancelled().await;
        self.connections.announce();
        for task in &running {
            task.abort();
        }
        for task in running {
            let _ = task.await;
        }
        // Whoever has connected meanwhile would see a reset when the sockets are closed, which the end of this loop does.
        for (listener, site) in last {
            for (stream, peer) in std::iter::from_fn(|| listener.accept().ok()).take(LAST_MAX) {
                stream.set_nonblocking(true)?;
                self.admit_tcp(TcpStream::from_std(stream)?, peer, &site);
            }
        }
        // Who hands over ends as soon as all is handed.
        for task in receiving {
            let _ = task.await;
        }
        let longest = self.shared.plan.load().settings.drain;
        Ok(self.connections.drain(longest).await)
    }

    /// Runs until it is aborted.
    async fn tidy(self: Arc<Self>) {
        let transport = Arc::clone(&self.engine.lock().transport);
        loop {
            tokio::time::sleep(TIDY_EVERY).await;
            transport.tidy();
            self.follow(Clock::system());
        }
    }

    fn admit_tcp(self: &Arc<Self>, stream: TcpStream, peer: SocketAddr, site: &Arc<Site>) {
        if stream.set_nodelay(true).is_ok() {
            self.admit(stream, peer, site);
        }
    }

    fn admit<S: Stream>(self: &Arc<Self>, stream: S, peer: SocketAddr, site: &Arc<Site>) {
        let Some(place) = Place::take(&self.shared) else {
            // Over the cap: closed at once, so that those being served are served well.
            tracing::debug!(%peer, "connection cap reached");
            if self.shared.crowded.is_due(Clock::system().now()) {
                let plan = self.shared.plan.load();
                plan.events.tell(Change::Failed, GATEWAY, format!("more than {} connections: some are refused", plan.settings.connections));
            }
            return;
        };
        let ticket = self.connections.enter();
        let worker = Arc::clone(self);
        if site.is_proxied() {
            let site = Arc::clone(site);
            tokio::spawn(async move {
                proxy::serve(worker, stream, peer, site, ticket).await;
                drop(place);
            });
            return;
        }
        // Tasks of their own kinds: one of plain text is not as large as the other.
        match site.tls() {
            None => {
                let peer = site.plain(site.client(peer));
                tokio::spawn(async move {
                    connection::serve(worker, stream, peer, ticket, true).await;
                    drop(place);
                });
            }
            Some(tls) => {
                let client = site.client(peer);
                tokio::spawn(async move {
                    tls::serve(worker, stream, client, tls, ticket).await;
                    drop(place);
                });
            }
        }
    }

    /// Runs until whoever accepts has ended.
    async fn receive(self: Arc<Self>, mut handed: mpsc::Receiver<Accepted>, site: Arc<Site>) {
        while let Some(accepted) = handed.recv().await {
            let admitted = match accepted {
                Accepted::Tcp(stream, peer) => TcpStream::from_std(stream).map(|stream| self.admit_tcp(stream, peer, &site)),
                Accepted::Unix(stream) => UnixStream::from_std(stream).map(|stream| self.admit(stream, LOCAL_PEER, &site)),
            };
            if let Err(error) = admitted {
                tracing::warn!(%error, "cannot take a connection over");
            }
        }
    }

    async fn accept(self: Arc<Self>, listener: tokio::net::TcpListener, site: Arc<Site>) {
        loop {
            match listener.accept().await {
                Ok((stream, peer)) => self.admit_tcp(stream, peer, &site),
                Err(error) if is_of_one_connection(&error) => {}
                Err(error) => {
                    tracing::warn!(%error, "cannot accept");
                    tokio::time::sleep(ACCEPT_PAUSE).await;
                }
            }
        }
    }
}

/// Errors that say something of the connection that was to be accepted, not of the listener.
#[must_use]
pub fn is_of_one_connection(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::ConnectionAborted | io::ErrorKind::ConnectionReset | io::ErrorKind::ConnectionRefused)
}

/// One of the connections that may be open.
struct Place(Arc<Shared>);

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
    use super::{Clock, Shared, Worker};
    use crate::http::{Fault, FaultKind, Outgoing, Reply};
    use crate::server::access_log::Log;
    use crate::server::tests::rig::draft;
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
        let shared = Arc::new(Shared {
            plan: arc_swap::ArcSwap::from_pointee(draft("127.0.0.1:1".parse().unwrap()).plan(&Registry::default())),
            log: Log::start(std::io::sink()).unwrap().0,
            open: AtomicUsize::new(0),
            crowded: crate::events::Seldom::default(),
            stop: tokio_util::sync::CancellationToken::new(),
            swapped: tokio::sync::Notify::new(),
        });
        let tidied = Arc::new(AtomicUsize::new(0));
        let worker = Arc::new(Worker::new(Arc::clone(&shared), Counting(Arc::clone(&tidied))));
        let running = tokio::spawn(worker.run(Vec::new()));
        tokio::time::sleep(Duration::from_secs(61)).await;
        assert_eq!(tidied.load(Ordering::Relaxed), 12);
        shared.stop.cancel();
        assert_eq!(running.await.unwrap().unwrap(), 0);
    }

    #[tokio::test(start_paused = true)]
    async fn a_clock_that_was_set_is_followed() {
        let shared = Arc::new(Shared {
            plan: arc_swap::ArcSwap::from_pointee(draft("127.0.0.1:1".parse().unwrap()).plan(&Registry::default())),
            log: Log::start(std::io::sink()).unwrap().0,
            open: AtomicUsize::new(0),
            crowded: crate::events::Seldom::default(),
            stop: tokio_util::sync::CancellationToken::new(),
            swapped: tokio::sync::Notify::new(),
        });
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
