//! Where requests go: endpoints, their breaker, balance and timeouts, and one call under all of them.

pub mod balance;
pub mod breaker;
pub mod call;
pub mod check;
pub mod config;
pub mod connect;
mod dial;
pub mod discovery;
pub mod endpoint;
pub mod forms;
pub mod health;
mod http2;
mod link;
pub mod pool;
pub mod retry;
pub mod script;
mod stall;
pub mod timeout;
pub mod tls;
pub mod transport;
mod wire;

pub use breaker::Breaker;
pub use config::Config;
pub use endpoint::Endpoint;
pub use transport::{Attempt, Transport};

use crate::http::{Fault, FaultKind, UpstreamHealth};
use arc_swap::{ArcSwapOption, Guard};
use discovery::{Found, Kept, Resolver};
use hashbrown::HashMap;
use http::HeaderValue;
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
    written: Vec<Arc<Endpoint>>,
    /// Those and the ones that DNS names.
    found: Option<Arc<Kept<Found>>>,
    /// Its breaker, if it has one.
    pub breaker: Option<Arc<Breaker>>,
    /// The `Host` it is sent whatever the client asked for.
    host_fixed: Option<HeaderValue>,
    /// What handshakes with it run under, from when its certificates have been read.
    secure: ArcSwapOption<Secure>,
}

impl Upstream {
    /// An upstream with fresh state.
    #[must_use]
    pub fn new(config: Config) -> Self {
        Self::continuing(config, None)
    }

    /// An upstream that takes over the state of what its predecessor declared alike.
    fn continuing(config: Config, before: Option<&Self>) -> Self {
        let endpoint = |target: &config::Target| {
            before
                .and_then(|before| before.written.iter().find(|endpoint| endpoint.target == *target))
                .map_or_else(|| Arc::new(Endpoint::new(target.clone())), Arc::clone)
        };
        let breaker = config.breaker.as_ref().map(|declared| {
            before
                .and_then(|before| before.breaker.as_ref())
                .filter(|breaker| breaker.config() == declared)
                .map_or_else(|| Arc::new(Breaker::new(declared.clone())), Arc::clone)
        });
        let host_fixed = match &config.host {
            config::HostSent::Fixed(host) => HeaderValue::from_str(host).ok(),
            config::HostSent::Keep | config::HostSent::Target => None,
        };
        let declared = |config: &Config| (config.resolve.clone(), config.targets.clone(), config.tls.is_some());
        let found = config.resolve.as_ref().map(|_| {
            let same = before.filter(|before| declared(&before.config) == declared(&config));
            same.and_then(|same| same.found.clone()).unwrap_or_default()
        });
        let written = match &config.resolve {
            Some(resolve) if config.targets.is_empty() => vec![endpoint(&stand_in(resolve, config.tls.is_some()))],
            Some(_) | None => config.targets.iter().map(endpoint).collect(),
        };
        // Connections stay whose other end had to prove the same.
        let same = before
            .filter(|before| (&before.config.tls, &before.config.host, before.config.http2) == (&config.tls, &config.host, config.http2));
        Self {
            name: config.name.as_str().into(),
            written,
            found,
            breaker,
            host_fixed,
            secure: ArcSwapOption::new(same.and_then(|same| same.secure.load_full())),
            config,
        }
    }

    /// Its endpoints now.
    #[must_use]
    pub fn endpoints(&self) -> Endpoints<'_> {
        match self.found.as_ref().and_then(|found| found.known()) {
            Some(found) => Endpoints::Found(found),
            None => Endpoints::Written(&self.written),
        }
    }

    /// True when DNS names some of its endpoints: they have to be found first.
    #[must_use]
    pub fn resolves(&self) -> bool {
        self.found.is_some()
    }

    /// Finds the endpoints that DNS names, where that was not done before.
    ///
    /// # Errors
    /// When there is none, and none is written.
    pub async fn find(&self, resolver: &Resolver) -> Result<(), Fault> {
        let (Some(found), Some(resolve)) = (&self.found, &self.config.resolve) else { return Ok(()) };
        let begin = || {
            let written = if self.config.targets.is_empty() { Found::new() } else { self.written.clone() };
            let given = Arc::new((resolver.clone(), resolve.clone(), self.config.tls.is_some(), written));
            move |before: Option<Arc<Found>>| {
                let given = Arc::clone(&given);
                async move {
                    let (resolver, resolve, tls, written) = &*given;
                    discovery::look(resolver, resolve, *tls, written, before.as_ref().map(|before| before.as_slice())).await
                }
            }
        };
        match found.get(begin).await {
            Err(error) if self.config.targets.is_empty() => Err(Fault::new(FaultKind::ConnectError, error)),
            Ok(_) | Err(_) => Ok(()),
        }
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
            healthy: self.endpoints().len(),
            targets: self.endpoints().len(),
        }
    }
}

/// What stands for the targets that DNS names until they are known, and where upstreams are played.
fn stand_in(resolve: &connect::Resolve, tls: bool) -> config::Target {
    let host = discovery::name_of(&resolve.host).to_owned();
    config::Target { tls, host, port: resolve.port.unwrap_or(if tls { 443 } else { 80 }), weight: 1, backup: false }
}

/// Endpoints as they are now.
#[derive(Debug)]
pub enum Endpoints<'u> {
    /// The policy's.
    Written(&'u [Arc<Endpoint>]),
    /// Those that DNS named last, besides the policy's. The same allocation as long as they are the same answer's.
    Found(Arc<Found>),
}

impl std::ops::Deref for Endpoints<'_> {
    type Target = [Arc<Endpoint>];

    fn deref(&self) -> &[Arc<Endpoint>] {
        match self {
            Self::Written(written) => written,
            Self::Found(found) => found,
        }
    }
}

/// The upstreams of a process by name: state survives a reload where the declaration did not change.
#[derive(Debug, Default)]
pub struct Registry {
    known: Mutex<HashMap<String, Arc<Upstream>>>,
}

impl Registry {
    /// The upstream of a declaration: the same one when it did not change, else one that keeps the state of its unchanged
    /// targets and breaker.
    pub fn upstream(&self, config: &Config) -> Arc<Upstream> {
        let mut known = self.known.lock();
        let before = known.get(&config.name);
        if let Some(same) = before.filter(|before| before.config == *config) {
            return Arc::clone(same);
        }
        let upstream = Arc::new(Upstream::continuing(config.clone(), before.map(|before| &**before)));
        known.insert(config.name.clone(), Arc::clone(&upstream));
        upstream
    }

    /// Forgets all but these: what is not declared any more lives as long as requests that began with it.
    pub fn keep(&self, declared: &[Config]) {
        self.known.lock().retain(|name, _| declared.iter().any(|config| config.name == *name));
    }
}

#[cfg(test)]
mod tests;
