//! One target of an upstream: where it is, how busy, and how it stands.

use super::Upstream;
use super::concurrency::Place;
use super::config::Target;
use super::discovery::{Herald, Kept, Resolver};
use super::standing::Standing;
use crate::http::{Fault, FaultKind};
use http::HeaderValue;
use sha2::{Digest, Sha256};
use smallvec::SmallVec;
use std::net::{IpAddr, Ipv6Addr, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};

/// Addresses of a name, in the order they are tried.
pub type Addresses = SmallVec<[SocketAddr; 2]>;

/// Endpoints at which a call has failed.
pub type Tried = SmallVec<[Arc<Endpoint>; 2]>;

/// A target with its state, shared by all workers.
#[derive(Debug)]
pub struct Endpoint {
    /// What the policy says.
    pub target: Target,
    /// The name it is known by: its host, or the name under which DNS named it.
    pub name: String,
    /// Name and port as a `Host` field has them.
    pub authority: HeaderValue,
    /// What it is known by to clients, on every machine: it says nothing of where it is.
    pub id: u64,
    /// How it stands.
    pub standing: Standing,
    /// Tells it from every other endpoint of the process.
    pub number: u64,
    in_flight: AtomicU32,
    known: Arc<Kept<Addresses>>,
    literal: Option<SocketAddr>,
}

/// How an endpoint is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum State {
    /// It may be asked.
    Up,
    /// Probes find it down.
    Down,
    /// It failed requests, and is left out for a while.
    Ejected,
    /// Nobody has said yet where its name leads.
    Unresolved,
}

impl State {
    /// True when it may be asked.
    #[must_use]
    pub fn is_up(self) -> bool {
        self == Self::Up
    }

    /// Its name in JSON.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Up => "up",
            Self::Down => "down",
            Self::Ejected => "ejected",
            Self::Unresolved => "unresolved",
        }
    }
}

/// The number of the next endpoint.
static NEXT: AtomicU64 = AtomicU64::new(1);

impl Endpoint {
    /// An idle endpoint.
    #[must_use]
    pub fn new(target: Target) -> Self {
        let name = target.host.clone();
        Self::named(target, &name)
    }

    /// An idle endpoint that is known by another name than its host.
    #[must_use]
    pub fn named(target: Target, name: &str) -> Self {
        let ip: Option<IpAddr> = target.host.parse().ok();
        let host = if name.parse::<Ipv6Addr>().is_ok() { format!("[{name}]") } else { name.to_owned() };
        let default_port = if target.tls { 443 } else { 80 };
        let authority = if target.port == default_port { host } else { format!("{host}:{}", target.port) };
        Self {
            id: id(&target),
            standing: Standing::default(),
            authority: HeaderValue::try_from(authority).unwrap_or_else(|_| HeaderValue::from_static("invalid")),
            number: NEXT.fetch_add(1, Ordering::Relaxed),
            in_flight: AtomicU32::new(0),
            known: Arc::default(),
            name: name.to_owned(),
            literal: ip.map(|ip| SocketAddr::new(ip, target.port)),
            target,
        }
    }

    /// Requests under way, over all workers.
    #[must_use]
    pub fn in_flight(&self) -> u32 {
        self.in_flight.load(Ordering::Relaxed)
    }

    /// Counts a request until what is returned is dropped.
    #[must_use]
    pub fn occupy(self: &Arc<Self>) -> Occupied {
        self.occupy_with(None)
    }

    /// The same for a request that holds one of the places its upstream has.
    #[must_use]
    pub fn occupy_with(self: &Arc<Self>, place: Option<Place>) -> Occupied {
        self.in_flight.fetch_add(1, Ordering::Relaxed);
        Occupied { endpoint: Arc::clone(self), _place: place }
    }

    /// What it is called where targets are told apart: its authority, or the address at which DNS named it.
    #[must_use]
    pub fn place(&self) -> String {
        match self.literal {
            Some(address) if self.name != self.target.host => address.to_string(),
            Some(_) | None => String::from_utf8_lossy(self.authority.as_bytes()).into_owned(),
        }
    }

    /// The address, when it needs no looking up.
    #[must_use]
    pub fn literal(&self) -> Option<SocketAddr> {
        self.literal
    }

    /// True when it may be asked: no probe found it down, it is not ejected, and its name leads somewhere, or may.
    #[must_use]
    pub fn is_fit(&self) -> bool {
        self.standing.is_fit() && (self.literal.is_some() || !self.known.is_lost())
    }

    /// How it is.
    #[must_use]
    pub fn state(&self) -> State {
        match () {
            () if self.known.is_missing() => State::Unresolved,
            () if self.standing.is_down() => State::Down,
            () if self.standing.is_ejected() => State::Ejected,
            () => State::Up,
        }
    }

    /// How often its name led somewhere when it was looked up, and how often it did not.
    #[must_use]
    pub fn looks(&self) -> (u64, u64) {
        self.known.looks()
    }

    /// Its addresses; the last ones known when they cannot be looked up now. That is told as something that happens to its upstream.
    ///
    /// # Errors
    /// When the name was never resolved.
    pub async fn addresses(&self, upstream: &Upstream, resolver: &Resolver) -> Result<Addresses, Fault> {
        if let Some(address) = self.literal {
            return Ok(Addresses::from_elem(address, 1));
        }
        let (resolver, host, port) = (resolver, &self.target.host, self.target.port);
        let begin = || {
            let (resolver, host) = (resolver.clone(), host.clone());
            let look = move |_| {
                let (resolver, host) = (resolver.clone(), host.clone());
                async move { resolver.addresses(&host, port).await }
            };
            (look, Herald::of(upstream, &self.target.host))
        };
        let known = self.known.get(begin).await.map_err(|error| Fault::new(FaultKind::Unresolved, error))?;
        Ok(Addresses::clone(&known))
    }
}

fn id(target: &Target) -> u64 {
    let scheme = if target.tls { "https" } else { "http" };
    let digest = Sha256::digest(format!("{scheme}://{}:{}", target.host, target.port));
    digest.iter().take(8).fold(0, |id, byte| id << 8 | u64::from(*byte))
}

/// One request under way at an endpoint.
#[derive(Debug)]
pub struct Occupied {
    endpoint: Arc<Endpoint>,
    /// Given back with it.
    _place: Option<Place>,
}

impl Drop for Occupied {
    fn drop(&mut self) {
        self.endpoint.in_flight.fetch_sub(1, Ordering::Relaxed);
    }
}
