//! The keys that an issuer publishes (RFC 7517), fetched off the request path and kept while the issuer is away.
//!
//! One fetch runs at a time, whoever asks. A request waits for it only when nothing else tells it what it must know: when there
//! are no keys yet, when they are old and nobody has tried to renew them, or when its token names a key that is not among
//! them. Such names cost the issuer one fetch in [`UNKNOWN_EVERY`], however many there are.

use super::keyring::Keyring;
use crate::events::{Change, Events};
use crate::fetch::{Call, Failure, Fetch};
use crate::policy::dependencies::{Dependency, Health};
use arc_swap::ArcSwapOption;
use futures_core::future::BoxFuture;
use http::header::ACCEPT;
use http::{HeaderValue, StatusCode, Uri};
use parking_lot::Mutex;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;
use tokio::sync::watch;
use tokio::time::Instant;

/// How often keys are fetched because tokens name one that is not known.
const UNKNOWN_EVERY: Duration = Duration::from_secs(30);
/// How long an issuer that failed is left alone.
const PAUSE: Duration = Duration::from_secs(5);
/// How long an issuer may take.
pub const FETCH_MAX: Duration = Duration::from_secs(5);
/// Largest document of keys, in bytes.
const BYTES_MAX: usize = 256 << 10;
/// Most requests that wait for keys; more are a 503.
const WAITING_MAX: usize = 4096;

/// The keys of one issuer.
pub struct Jwks {
    /// The auth's name, for logs.
    name: String,
    url: Uri,
    refresh: Duration,
    fetch: Arc<dyn Fetch>,
    events: Arc<Events>,
    held: ArcSwapOption<Held>,
    state: Mutex<State>,
    /// How many fetches have ended.
    ended: watch::Sender<u64>,
    waiting: AtomicUsize,
}

struct Held {
    keyring: Arc<Keyring>,
    since: Instant,
}

#[derive(Default)]
struct State {
    running: bool,
    /// When the last fetch failed; none after one that did not.
    failed: Option<Instant>,
    /// When keys were last fetched for one that was not known.
    unknown: Option<Instant>,
}

/// How the keys stand.
pub enum Standing {
    /// Here they are.
    Known(Arc<Keyring>),
    /// They have to be waited for, then asked for again.
    Awaited(BoxFuture<'static, ()>),
    /// There are none, and the issuer does not give any.
    Missing,
}

impl Jwks {
    /// No keys yet; the first request asks for them.
    pub fn new(name: &str, url: Uri, refresh: Duration, fetch: Arc<dyn Fetch>, events: Arc<Events>) -> Self {
        Self {
            name: name.to_owned(),
            url,
            refresh,
            fetch,
            events,
            held: ArcSwapOption::empty(),
            state: Mutex::default(),
            ended: watch::Sender::new(0),
            waiting: AtomicUsize::new(0),
        }
    }

    /// The keys as they stand; those that are due are renewed behind the request's back.
    pub fn standing(self: &Arc<Self>) -> Standing {
        let held = self.held.load();
        let now = Instant::now();
        let age = held.as_ref().map(|held| now.saturating_duration_since(held.since));
        if let (Some(held), Some(age)) = (&*held, age)
            && age < self.refresh
        {
            return Standing::Known(Arc::clone(&held.keyring));
        }
        let mut state = self.state.lock();
        if !state.running && state.failed.is_none_or(|at| now.saturating_duration_since(at) >= PAUSE) {
            self.begin(&mut state);
        }
        match (&*held, age) {
            // After a long silence nobody knows whether the issuer has withdrawn them.
            (Some(held), Some(age)) if age < self.refresh * 2 || state.failed.is_some() => Standing::Known(Arc::clone(&held.keyring)),
            (held, _) => match self.wait(&state) {
                Some(waiting) => Standing::Awaited(waiting),
                None => held.as_ref().map_or(Standing::Missing, |held| Standing::Known(Arc::clone(&held.keyring))),
            },
        }
    }

    /// The keys there are, however old.
    pub fn at_hand(&self) -> Option<Arc<Keyring>> {
        self.held.load().as_ref().map(|held| Arc::clone(&held.keyring))
    }

    /// What to wait for when a token names a key that is not known: a fetch that runs, or one more if it is time for that.
    pub fn renewal(self: &Arc<Self>) -> Option<BoxFuture<'static, ()>> {
        let now = Instant::now();
        let mut state = self.state.lock();
        if !state.running {
            if state.unknown.is_some_and(|at| now.saturating_duration_since(at) < UNKNOWN_EVERY) {
                return None;
            }
            state.unknown = Some(now);
            self.begin(&mut state);
        }
        self.wait(&state)
    }

    fn begin(self: &Arc<Self>, state: &mut State) {
        let Ok(runtime) = tokio::runtime::Handle::try_current() else { return };
        state.running = true;
        let running = Running(Arc::clone(self));
        runtime.spawn(async move {
            let outcome = running.0.renew().await;
            let failed = outcome.is_err().then(Instant::now);
            let before = std::mem::replace(&mut running.0.state.lock().failed, failed);
            running.0.tell(before.is_some(), outcome);
        });
    }

    /// Tells of a fetch that ended otherwise than the one before.
    fn tell(&self, failed_before: bool, outcome: Result<(), String>) {
        match outcome {
            Ok(()) if failed_before => self.events.tell(Change::KeysFetched, &self.name, "the issuer's keys can be fetched again"),
            Ok(()) => {}
            Err(cause) if failed_before => tracing::debug!(auth = self.name, %cause, "the issuer's keys still cannot be fetched"),
            Err(cause) => {
                let kept = self.at_hand().map_or(0, |keyring| keyring.len());
                let says = format!("the issuer's keys cannot be fetched: {cause}; {kept} that were fetched before stay in use");
                self.events.tell(Change::KeysMissing, &self.name, says);
            }
        }
    }

    fn wait(self: &Arc<Self>, state: &State) -> Option<BoxFuture<'static, ()>> {
        if !state.running {
            return None;
        }
        let place = Place(Arc::clone(self));
        if self.waiting.fetch_add(1, Ordering::Relaxed) >= WAITING_MAX {
            return None;
        }
        let mut ended = self.ended.subscribe();
        Some(Box::pin(async move {
            let _place = place;
            // The sender lives as long as the place.
            let _ = ended.changed().await;
        }))
    }

    async fn renew(&self) -> Result<(), String> {
        let mut call = Call::get(self.url.clone()).within(FETCH_MAX).at_most(BYTES_MAX);
        call.headers.insert(ACCEPT, HeaderValue::from_static("application/jwk-set+json, application/json"));
        let keyring = match self.fetch.fetch(call).await {
            Ok(answer) if answer.status == StatusCode::OK => {
                let report = |kid: &str, why: &str| tracing::warn!(auth = self.name, kid, why, "a key of the issuer is left out");
                let keyring = Keyring::published(&answer.body, report)?;
                match self.at_hand() {
                    Some(before) => keyring.after(&before),
                    None => keyring,
                }
            }
            Ok(answer) => return Err(format!("it answers {}", answer.status)),
            // Nobody's tokens are known but those that a test makes.
            Err(Failure::Offline) => Keyring::default(),
            Err(failure) => return Err(failure.to_string()),
        };
        self.held.store(Some(Arc::new(Held { keyring: Arc::new(keyring), since: Instant::now() })));
        Ok(())
    }
}

impl Dependency for Jwks {
    fn name(&self) -> &str {
        &self.name
    }

    fn kind(&self) -> &'static str {
        "jwks"
    }

    fn health(&self) -> Health {
        let held = self.held.load();
        let age_s = held.as_ref().map(|held| held.since.elapsed().as_secs());
        let keys = held.as_ref().map_or(0, |held| held.keyring.len());
        let well = self.state.lock().failed.is_none();
        Health { well, state: serde_json::json!({ "keys": keys, "age": age_s, "failing": !well }) }
    }
}

/// A fetch under way; however it ends, those who wait are told.
struct Running(Arc<Jwks>);

impl Drop for Running {
    fn drop(&mut self) {
        self.0.state.lock().running = false;
        self.0.ended.send_modify(|ended| *ended += 1);
    }
}

/// A request that waits.
struct Place(Arc<Jwks>);

impl Drop for Place {
    fn drop(&mut self) {
        self.0.waiting.fetch_sub(1, Ordering::Relaxed);
    }
}
