//! One target of an upstream: where it is, how busy, and how it stands.

use super::concurrency::Place;
use super::config::Target;
use super::standing::Standing;
use crate::http::{Fault, FaultKind};
use http::HeaderValue;
use parking_lot::Mutex;
use sha2::{Digest, Sha256};
use smallvec::SmallVec;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;
use tokio::time::Instant;

/// How long an address is believed before it is looked up again.
const ADDRESS_AGE_MAX: Duration = Duration::from_secs(5);

/// Addresses of a name, in the order they are tried.
pub type Addresses = SmallVec<[SocketAddr; 2]>;

/// Endpoints at which a call has failed.
pub type Tried = SmallVec<[Arc<Endpoint>; 2]>;

/// A target with its state, shared by all workers.
#[derive(Debug)]
pub struct Endpoint {
    /// What the policy says.
    pub target: Target,
    /// Its host and port as a `Host` field has them.
    pub authority: HeaderValue,
    /// What it is known by to clients, on every machine: it says nothing of where it is.
    pub id: u64,
    /// How it stands.
    pub standing: Standing,
    in_flight: AtomicU32,
    known: Mutex<Option<(Instant, Addresses)>>,
    literal: Option<SocketAddr>,
}

impl Endpoint {
    /// An idle endpoint.
    #[must_use]
    pub fn new(target: Target) -> Self {
        let ip: Option<IpAddr> = target.host.parse().ok();
        let host = match ip {
            Some(IpAddr::V6(ip)) => format!("[{ip}]"),
            Some(IpAddr::V4(_)) | None => target.host.clone(),
        };
        let default_port = if target.tls { 443 } else { 80 };
        let authority = if target.port == default_port { host } else { format!("{host}:{}", target.port) };
        Self {
            id: id(&target),
            standing: Standing::default(),
            authority: HeaderValue::try_from(authority).unwrap_or_else(|_| HeaderValue::from_static("invalid")),
            in_flight: AtomicU32::new(0),
            known: Mutex::new(None),
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

    /// The address, when it needs no looking up.
    #[must_use]
    pub fn literal(&self) -> Option<SocketAddr> {
        self.literal
    }

    /// Its addresses; the last ones known when they cannot be looked up now.
    ///
    /// # Errors
    /// When the name was never resolved.
    pub async fn addresses(&self) -> Result<Addresses, Fault> {
        if let Some(address) = self.literal {
            return Ok(Addresses::from_elem(address, 1));
        }
        let known = self.known.lock().clone();
        if let Some((at, addresses)) = &known
            && at.elapsed() < ADDRESS_AGE_MAX
        {
            return Ok(addresses.clone());
        }
        let found = tokio::net::lookup_host((self.target.host.as_str(), self.target.port)).await.map(Addresses::from_iter);
        match (found, known) {
            (Ok(addresses), _) if !addresses.is_empty() => {
                *self.known.lock() = Some((Instant::now(), addresses.clone()));
                Ok(addresses)
            }
            (_, Some((_, addresses))) => Ok(addresses),
            (Ok(_), None) => Err(Fault::new(FaultKind::ConnectError, "the name has no address")),
            (Err(error), None) => Err(Fault::new(FaultKind::ConnectError, error)),
        }
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
