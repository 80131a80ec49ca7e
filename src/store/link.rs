//! The connection of a process to a store: kept open by a thread of its own, used by all workers.
//!
//! ```text
//! closed ──open──▶ up ──broken──▶ down ──connected, and a write went through──▶ up …
//! ```

use super::Down;
use super::lease::Leases;
use crate::events::{Change, Events};
use arc_swap::ArcSwapOption;
use redis::aio::MultiplexedConnection;
use redis::{AsyncConnectionConfig, RedisError, Script, ScriptInvocation};
use std::sync::Arc;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, Ordering};
use std::sync::mpsc::sync_channel;
use std::time::Duration;
use tokio::runtime::{Builder, Handle};
use tokio::sync::{Notify, Semaphore};
use tokio_util::sync::CancellationToken;

/// Longest time for a connection to be made and to prove itself.
const CONNECT: Duration = Duration::from_secs(1);
/// The first wait before another attempt to connect; each is twice the one before.
const BACKOFF_MIN: Duration = Duration::from_millis(50);
/// The longest.
const BACKOFF_MAX: Duration = Duration::from_secs(2);
/// How often a connection is tried that may have nothing else to do.
const PROBE_EVERY: Duration = Duration::from_secs(1);
/// Answers that fail in a row before the store counts as down; a lost connection is enough by itself.
const FAILURES_MAX: u32 = 3;
/// Questions under way at once; more wait, within their own time.
const UNDER_WAY_MAX: usize = 4096;
/// What nobody waits for, at once.
const LATER_MAX: usize = 4096;

pub struct Link {
    pub name: Arc<str>,
    client: redis::Client,
    timeout: Duration,
    connection: ArcSwapOption<MultiplexedConnection>,
    failures: AtomicU32,
    broken: Notify,
    stop: CancellationToken,
    opened: AtomicBool,
    /// Where what nobody waits for runs.
    runtime: OnceLock<Handle>,
    later: Arc<Semaphore>,
    lost: AtomicU64,
    pub leases: Leases,
    events: Arc<Events>,
}

impl Link {
    pub fn new(name: Arc<str>, client: redis::Client, timeout: Duration, events: Arc<Events>) -> Self {
        Self {
            name,
            client,
            timeout,
            connection: ArcSwapOption::empty(),
            failures: AtomicU32::new(0),
            broken: Notify::new(),
            stop: CancellationToken::new(),
            opened: AtomicBool::new(false),
            runtime: OnceLock::new(),
            later: Arc::new(Semaphore::new(LATER_MAX)),
            lost: AtomicU64::new(0),
            leases: Leases::new(),
            events,
        }
    }

    pub fn is_up(&self) -> bool {
        self.connection.load().is_some()
    }

    pub fn open(self: &Arc<Self>) -> std::io::Result<()> {
        if self.opened.swap(true, Ordering::AcqRel) {
            return Ok(());
        }
        let runtime = Builder::new_current_thread().enable_all().build()?;
        let _ = self.runtime.set(runtime.handle().clone());
        let (tried, first) = sync_channel::<()>(1);
        let link = Arc::clone(self);
        std::thread::Builder::new().name(format!("gate-store-{}", self.name)).spawn(move || runtime.block_on(link.keep(tried)))?;
        // Without an answer in time it goes on in the background, under `on_failure`.
        let _ = first.recv_timeout(CONNECT);
        Ok(())
    }

    pub fn close(&self) {
        self.stop.cancel();
    }

    /// Keeps the connection until the store is dropped. The sender is dropped when the first attempt has been made.
    async fn keep(self: Arc<Self>, tried: std::sync::mpsc::SyncSender<()>) {
        let mut tried = Some(tried);
        let (mut down, mut wait) = (false, BACKOFF_MIN);
        loop {
            let reason = match self.connect().await {
                Ok(()) => {
                    if std::mem::take(&mut down) {
                        self.events.tell(Change::StoreUp, &self.name, "the store is up again");
                    }
                    tried = None;
                    wait = BACKOFF_MIN;
                    tokio::select! {
                        () = self.stop.cancelled() => return self.connection.store(None),
                        () = self.watch() => "the connection broke, or answers took too long".to_owned(),
                    }
                }
                Err(reason) => reason,
            };
            if !std::mem::replace(&mut down, true) {
                self.events.tell(Change::StoreDown, &self.name, format!("the store is down: {reason}"));
            }
            drop(tried.take());
            // Half of it at random, so that many gateways do not come back at once.
            let pause = wait.mul_f64(0.5 + fastrand::f64() / 2.0);
            tokio::select! {
                () = self.stop.cancelled() => return,
                () = tokio::time::sleep(pause) => wait = (wait * 2).min(BACKOFF_MAX),
            }
        }
    }

    async fn connect(&self) -> Result<(), String> {
        let config = AsyncConnectionConfig::new()
            .set_connection_timeout(Some(CONNECT))
            .set_response_timeout(None)
            .set_pipeline_buffer_size(UNDER_WAY_MAX)
            .set_concurrency_limit(UNDER_WAY_MAX);
        let made = async {
            let mut connection = self.client.get_multiplexed_async_connection_with_config(&config).await?;
            self.prove(&mut connection).await?;
            self.leases.renew(&mut connection, true).await?;
            Ok::<_, RedisError>(connection)
        };
        let connection = tokio::time::timeout(CONNECT, made).await.map_err(|_| "no answer in time".to_owned())?;
        self.failures.store(0, Ordering::Relaxed);
        self.connection.store(Some(Arc::new(connection.map_err(|error| error.to_string())?)));
        Ok(())
    }

    /// A write, for a server that only reads is of no use.
    async fn prove(&self, connection: &mut MultiplexedConnection) -> Result<(), RedisError> {
        redis::cmd("SET").arg("gate:probe").arg(1).arg("PX").arg(1000).exec_async(connection).await
    }

    /// Tries the connection now and then, and renews the leases, until it is broken.
    async fn watch(&self) {
        let mut renewed = tokio::time::Instant::now();
        loop {
            let Some(connection) = self.connection.load_full() else { return };
            tokio::select! {
                () = self.broken.notified() => continue,
                () = tokio::time::sleep(PROBE_EVERY) => {}
            }
            let mut own = MultiplexedConnection::clone(&connection);
            let due = renewed.elapsed() >= super::lease::RENEW_EVERY;
            let tried = async {
                self.prove(&mut own).await?;
                if due { self.leases.renew(&mut own, false).await } else { Ok(()) }
            };
            match tokio::time::timeout(CONNECT, tried).await {
                Ok(Ok(())) => {
                    self.failures.store(0, Ordering::Relaxed);
                    if due {
                        renewed = tokio::time::Instant::now();
                    }
                }
                Ok(Err(error)) => self.failed(&connection, Some(&error)),
                Err(_) => self.failed(&connection, None),
            }
        }
    }

    pub async fn run<T: redis::FromRedisValue>(&self, call: &ScriptInvocation<'_>) -> Result<T, Down> {
        let connection = self.connection.load_full().ok_or(Down)?;
        let mut own = MultiplexedConnection::clone(&connection);
        let failure = match tokio::time::timeout(self.timeout, call.invoke_async(&mut own)).await {
            Ok(Ok(said)) => {
                // Read first: the line is shared by all workers.
                if self.failures.load(Ordering::Relaxed) > 0 {
                    self.failures.store(0, Ordering::Relaxed);
                }
                return Ok(said);
            }
            Ok(Err(error)) => Some(error),
            Err(_) => None,
        };
        self.failed(&connection, failure.as_ref());
        Err(Down)
    }

    /// Something was asked and not answered, or not in time: a moment in which the machine is busy is no reason to stop asking.
    fn failed(&self, connection: &Arc<MultiplexedConnection>, error: Option<&RedisError>) {
        let lost = error.is_some_and(|error| error.is_io_error() || error.is_unrecoverable_error());
        if lost || self.failures.fetch_add(1, Ordering::Relaxed) + 1 >= FAILURES_MAX {
            self.give_up(connection);
        }
    }

    /// Runs a script that nobody waits for.
    pub fn later(self: &Arc<Self>, script: &'static Script, key: Vec<u8>, numbers: Vec<u64>, member: Option<String>) {
        let Some(runtime) = self.runtime.get().filter(|_| self.is_up()) else { return };
        let Ok(permit) = Arc::clone(&self.later).try_acquire_owned() else {
            let lost = self.lost.fetch_add(1, Ordering::Relaxed) + 1;
            if lost.is_power_of_two() {
                tracing::warn!(store = %self.name, lost, "a store is too slow: what was counted for nothing stays counted");
            }
            return;
        };
        let link = Arc::clone(self);
        runtime.spawn(async move {
            let mut call = script.prepare_invoke();
            call.key(key).arg(numbers).arg(member);
            let _: Result<redis::Value, Down> = link.run(&call).await;
            drop(permit);
        });
    }

    /// Stops asking by a connection. One that took its place in the meantime stays.
    fn give_up(&self, connection: &Arc<MultiplexedConnection>) {
        let before = self.connection.compare_and_swap(connection, None);
        if before.as_ref().is_some_and(|before| Arc::ptr_eq(before, connection)) {
            self.broken.notify_one();
        }
    }
}
