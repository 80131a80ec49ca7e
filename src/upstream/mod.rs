//! Where requests go: endpoints, their breaker, balance and timeouts, and one call under all of them.

pub mod balance;
pub mod breaker;
pub mod call;
pub mod check;
pub mod concurrency;
pub mod config;
pub mod connect;
mod dial;
pub mod discovery;
pub mod endpoint;
pub mod forms;
pub mod health;
mod http2;
mod link;
pub mod members;
pub mod pool;
pub mod replay;
mod rest;
pub mod retry;
pub mod script;
pub mod standing;
pub mod tally;
pub mod timeout;
pub mod timers;
pub mod tls;
pub mod transport;
mod upload;
mod wire;

pub use breaker::Breaker;
pub use config::Config;
pub use endpoint::Endpoint;
pub use http2::Duplex;
pub use members::Endpoints;
pub use tally::Tally;
pub use transport::{Attempt, Transport};

use crate::events::{Change, Events};
use crate::http::{Affinity, Exchange, Scheme, UpstreamHealth, share};
use crate::lang::eval::Facts;
use arc_swap::{ArcSwapOption, Guard};
use balance::Chosen;
use discovery::Kept;
use hashbrown::HashMap;
use http::HeaderValue;
use members::Members;
use parking_lot::Mutex;
use std::sync::Arc;
use tls::Secure;
use tokio::time::Instant;

/// A declared upstream with its state, shared by all workers.
#[derive(Debug)]
pub struct Upstream {
    /// Its name.
    pub name: Arc<str>,
    /// What the policy says of it.
    pub config: Config,
    /// Its targets, in the order of the configuration. With `resolve` alone, one that stands for those that are not known yet.
    written: Members,
    /// Those and the ones that DNS names.
    found: Option<Arc<Kept<Members>>>,
    /// Its breaker, if it has one.
    pub breaker: Option<Arc<Breaker>>,
    /// What happens to it is told here.
    pub events: Arc<Events>,
    /// What its calls came to.
    pub tally: Arc<Tally>,
    /// Whether any of its endpoints is fit.
    pub panic: health::Panic,
    /// Held by the worker that ejects an endpoint.
    ejecting: Mutex<()>,
    /// The places it has for requests, if they are counted.
    pub places: Option<Arc<concurrency::Places>>,
    /// What its requests have earned for attempts that are made again.
    pub credit: Arc<retry::Credit>,
    /// The `Host` it is sent whatever the client asked for.
    host_fixed: Option<HeaderValue>,
    /// What handshakes with it run under, from when its certificates have been read.
    secure: ArcSwapOption<Secure>,
}

impl Upstream {
    /// An upstream with fresh state.
    #[must_use]
    pub fn new(config: Config) -> Self {
        Self::continuing(config, None, Arc::default())
    }

    /// An upstream that takes over the state of what its predecessor declared alike.
    fn continuing(config: Config, before: Option<&Self>, events: Arc<Events>) -> Self {
        let breaker = config.breaker.as_ref().map(|declared| {
            before
                .and_then(|before| before.breaker.as_ref())
                .filter(|breaker| breaker.config() == declared)
                .map_or_else(|| Arc::new(Breaker::telling(declared.clone(), &config.name, &events)), Arc::clone)
        });
        let places = config.concurrency.as_ref().map(|declared| {
            before
                .and_then(|before| before.places.as_ref())
                .filter(|places| places.config() == declared)
                .map_or_else(|| Arc::new(concurrency::Places::new(declared.clone())), Arc::clone)
        });
        let credit = before.map(|before| Arc::clone(&before.credit)).unwrap_or_default();
        let tally = before.map(|before| Arc::clone(&before.tally)).unwrap_or_default();
        let host_fixed = match &config.host {
            config::HostSent::Fixed(host) => HeaderValue::from_str(host).ok(),
            config::HostSent::Keep | config::HostSent::Target => None,
        };
        let written = members::written(&config, before);
        let found = members::found(&config, &written, before);
        // Connections stay whose other end had to prove the same.
        let same = before
            .filter(|before| (&before.config.tls, &before.config.host, before.config.http2) == (&config.tls, &config.host, config.http2));
        Self {
            name: config.name.as_str().into(),
            written,
            found,
            breaker,
            places,
            credit,
            tally,
            events,
            panic: health::Panic::default(),
            ejecting: Mutex::new(()),
            host_fixed,
            secure: ArcSwapOption::new(same.and_then(|same| same.secure.load_full())),
            config,
        }
    }

    /// Which endpoint a request belongs to.
    #[must_use]
    pub fn affinity(&self, exchange: &Exchange) -> Affinity {
        let key = match &self.config.balance {
            balance::Config::Hash(key) => key.eval(Facts::request(exchange)).as_text().map(|text| share::hash(text.as_bytes())),
            _ => None,
        };
        let Some(name) = &self.config.sticky else { return Affinity { key, ..Affinity::default() } };
        let cookie = balance::sticky::named(name, &exchange.request.headers);
        Affinity { key, cookie, secure: exchange.client.scheme == Scheme::Https }
    }

    /// The endpoint of the next attempt; one that is excluded only when no other is fit. `None` without any endpoint.
    pub fn choose(&self, affinity: Affinity, excluded: &[Arc<Endpoint>], random: &Mutex<fastrand::Rng>) -> Option<Arc<Endpoint>> {
        let endpoints = self.endpoints();
        let chosen = match &**endpoints {
            [only] => Chosen { endpoint: only, panicking: !only.is_fit() },
            several => endpoints.balancer().choose(several, affinity, excluded, &mut random.lock())?,
        };
        match self.panic.note(chosen.panicking) {
            Some(true) => self.events.tell(Change::UpstreamPanic, &self.name, "no target is healthy: all are tried"),
            Some(false) => self.events.tell(Change::UpstreamCalm, &self.name, "a target is healthy again"),
            None => {}
        }
        Some(Arc::clone(chosen.endpoint))
    }

    /// The cookie that names the endpoint that has answered to the client, where it is to stay with it and does not know it.
    #[must_use]
    pub fn sticks(&self, endpoint: &Endpoint, affinity: Affinity) -> Option<HeaderValue> {
        self.config.sticky.as_ref().and_then(|name| balance::sticky::cookie(name, endpoint, affinity))
    }

    /// Makes handshakes run under something else from now on. Connections that stand are used up, and then no more.
    pub fn secure(&self, secure: Secure) {
        self.secure.store(Some(Arc::new(secure)));
    }

    /// What handshakes run under, once that is there.
    #[must_use]
    pub fn secured(&self) -> Guard<Option<Arc<Secure>>> {
        self.secure.load()
    }

    /// The name that an endpoint has to prove in TLS, which is the one it is asked for as well: what the policy says, never
    /// what a client asked for.
    #[must_use]
    pub fn proves<'n>(&'n self, endpoint: &'n Endpoint) -> &'n str {
        match (self.config.tls.as_ref().and_then(|tls| tls.server_name.as_ref()), &self.config.host) {
            (Some(name), _) => name,
            (None, config::HostSent::Fixed(host)) => crate::route::host::bare(host).trim_matches(['[', ']']),
            (None, config::HostSent::Keep | config::HostSent::Target) => endpoint.name.strip_suffix('.').unwrap_or(&endpoint.name),
        }
    }

    /// The `Host` an endpoint is sent for the authority a client asked for.
    #[must_use]
    pub fn host(&self, endpoint: &Endpoint, asked: &HeaderValue) -> HeaderValue {
        match (&self.config.host, &self.host_fixed) {
            (config::HostSent::Target, _) => endpoint.authority.clone(),
            (config::HostSent::Fixed(_), Some(host)) => host.clone(),
            (config::HostSent::Fixed(_) | config::HostSent::Keep, _) => asked.clone(),
        }
    }

    /// Its state now.
    #[must_use]
    pub fn health(&self, now: Instant) -> UpstreamHealth {
        UpstreamHealth {
            name: Arc::clone(&self.name),
            breaker: self.breaker.as_ref().map(|breaker| breaker.state(now).name()),
            healthy: self.healthy(),
            targets: self.endpoints().len(),
        }
    }
}

/// The upstreams of a process by name: state survives a reload where the declaration did not change.
#[derive(Debug, Default)]
pub struct Registry {
    known: Mutex<HashMap<String, Arc<Upstream>>>,
    events: Arc<Events>,
}

impl Registry {
    /// No upstreams yet; what happens to them is told there.
    #[must_use]
    pub fn telling(events: Arc<Events>) -> Self {
        Self { known: Mutex::default(), events }
    }

    /// What happens to the upstreams.
    #[must_use]
    pub fn events(&self) -> &Arc<Events> {
        &self.events
    }

    /// The upstream of a declaration: the same one when it did not change, else one that keeps the state of its unchanged
    /// targets and breaker. It is remembered with the rest of its plan by [`Self::keep`].
    pub fn make(&self, config: &Config) -> Arc<Upstream> {
        let known = self.known.lock();
        let before = known.get(&config.name);
        match before.filter(|before| before.config == *config) {
            Some(same) => Arc::clone(same),
            None => Arc::new(Upstream::continuing(config.clone(), before.map(|before| &**before), Arc::clone(&self.events))),
        }
    }

    /// The same, remembered at once.
    pub fn upstream(&self, config: &Config) -> Arc<Upstream> {
        let upstream = self.make(config);
        self.known.lock().insert(config.name.clone(), Arc::clone(&upstream));
        upstream
    }

    /// Remembers exactly these: what is not declared any more lives as long as requests that began with it.
    pub fn keep(&self, upstreams: &[Arc<Upstream>]) {
        *self.known.lock() = upstreams.iter().map(|upstream| (upstream.config.name.clone(), Arc::clone(upstream))).collect();
    }
}

#[cfg(test)]
mod tests;
