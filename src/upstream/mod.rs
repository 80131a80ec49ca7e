//! Where requests go: endpoints, their breaker, balance and timeouts, and one call under all of them.

pub mod balance;
pub mod breaker;
pub mod call;
pub mod check;
pub mod concurrency;
pub mod config;
pub mod connect;
pub mod endpoint;
pub mod events;
pub mod forms;
pub mod health;
pub mod pool;
pub mod replay;
pub mod retry;
pub mod script;
pub mod standing;
pub mod timeout;
pub mod transport;
mod upload;
mod wire;

pub use breaker::Breaker;
pub use config::Config;
pub use endpoint::Endpoint;
pub use events::Events;
pub use transport::{Attempt, Transport};

use crate::http::{Affinity, Exchange, Scheme, UpstreamHealth, share};
use crate::lang::eval::Facts;
use balance::Chosen;
use hashbrown::HashMap;
use http::{HeaderMap, HeaderValue};
use parking_lot::Mutex;
use std::sync::Arc;
use tokio::time::Instant;

/// A declared upstream with its state, shared by all workers.
#[derive(Debug)]
pub struct Upstream {
    /// Its name.
    pub name: Arc<str>,
    /// What the policy says of it.
    pub config: Config,
    /// Its targets, in the order of the configuration.
    pub endpoints: Vec<Arc<Endpoint>>,
    /// Its breaker, if it has one.
    pub breaker: Option<Arc<Breaker>>,
    /// What happens to it is told here.
    pub events: Arc<Events>,
    /// Whether any of its endpoints is fit.
    pub panic: health::Panic,
    balancer: balance::Balancer,
    /// Held by the worker that ejects an endpoint.
    ejecting: Mutex<()>,
    /// The places it has for requests, if they are counted.
    pub places: Option<Arc<concurrency::Places>>,
    /// What its requests have earned for attempts that are made again.
    pub credit: Arc<retry::Credit>,
    /// The `Host` it is sent whatever the client asked for.
    host_fixed: Option<HeaderValue>,
}

impl Upstream {
    /// An upstream with fresh state.
    #[must_use]
    pub fn new(config: Config) -> Self {
        Self::continuing(config, None, Arc::default())
    }

    /// An upstream that takes over the state of what its predecessor declared alike.
    fn continuing(config: Config, before: Option<&Self>, events: Arc<Events>) -> Self {
        let endpoint = |target: &config::Target| {
            if let Some(same) = before.and_then(|before| before.endpoints.iter().find(|endpoint| endpoint.target == *target)) {
                return Arc::clone(same);
            }
            let endpoint = Endpoint::new(target.clone());
            if before.is_some() {
                endpoint.standing.join();
            }
            Arc::new(endpoint)
        };
        let breaker = config.breaker.as_ref().map(|declared| {
            before
                .and_then(|before| before.breaker.as_ref())
                .filter(|breaker| breaker.config() == declared)
                .map_or_else(|| Arc::new(Breaker::new(declared.clone())), Arc::clone)
        });
        let places = config.concurrency.as_ref().map(|declared| {
            before
                .and_then(|before| before.places.as_ref())
                .filter(|places| places.config() == declared)
                .map_or_else(|| Arc::new(concurrency::Places::new(declared.clone())), Arc::clone)
        });
        let credit = before.map(|before| Arc::clone(&before.credit)).unwrap_or_default();
        let host_fixed = match &config.host {
            config::HostSent::Fixed(host) => HeaderValue::from_str(host).ok(),
            config::HostSent::Keep | config::HostSent::Target => None,
        };
        let endpoints: Vec<_> = config.targets.iter().map(endpoint).collect();
        Self {
            name: config.name.as_str().into(),
            balancer: balance::Balancer::new(&config.balance, &endpoints),
            endpoints,
            breaker,
            places,
            credit,
            events,
            panic: health::Panic::default(),
            ejecting: Mutex::new(()),
            host_fixed,
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
    pub fn choose(&self, affinity: Affinity, excluded: &[Arc<Endpoint>], random: &Mutex<fastrand::Rng>) -> Option<&Arc<Endpoint>> {
        let chosen = match self.endpoints.as_slice() {
            [only] => Chosen { endpoint: only, panicking: !only.standing.is_fit() },
            several => self.balancer.choose(several, affinity, excluded, &mut random.lock())?,
        };
        if let Some(change) = self.panic.note(chosen.panicking) {
            self.tell(None, change);
        }
        Some(chosen.endpoint)
    }

    /// Names the endpoint that has answered to the client, where it is to stay with it.
    pub fn stick(&self, endpoint: &Endpoint, affinity: Affinity, headers: &mut HeaderMap) {
        if let Some(name) = &self.config.sticky {
            balance::sticky::name(name, endpoint, affinity, headers);
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
            healthy: self.endpoints.iter().filter(|endpoint| endpoint.standing.is_fit()).count(),
            targets: self.endpoints.len(),
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
    /// What happens to the upstreams.
    #[must_use]
    pub fn events(&self) -> &Arc<Events> {
        &self.events
    }

    /// The upstream of a declaration: the same one when it did not change, else one that keeps the state of its unchanged
    /// targets and breaker.
    pub fn upstream(&self, config: &Config) -> Arc<Upstream> {
        let mut known = self.known.lock();
        let before = known.get(&config.name);
        if let Some(same) = before.filter(|before| before.config == *config) {
            return Arc::clone(same);
        }
        let upstream = Arc::new(Upstream::continuing(config.clone(), before.map(|before| &**before), Arc::clone(&self.events)));
        known.insert(config.name.clone(), Arc::clone(&upstream));
        upstream
    }
}

#[cfg(test)]
mod tests;
