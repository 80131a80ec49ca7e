//! How one attempt reaches one endpoint: over TCP, or played from a script.

use super::Upstream;
use super::endpoint::{Endpoint, Occupied};
use super::pool::Pool;
use super::wire::{self, Wire};
use crate::http::{Body, Fault, FaultKind};
use http::Method;
use std::future::Future;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;
use tokio::net::TcpStream;
use tokio::time::timeout;

/// What an attempt may take and holds.
#[derive(Debug)]
pub struct Attempt {
    /// Until the connection stands.
    pub connect: Duration,
    /// Between two reads of the response's body.
    pub read: Duration,
    /// The endpoint counts as busy until the response's body has ended.
    pub occupied: Occupied,
}

/// The way to the endpoints of upstreams.
pub trait Transport: Send + Sync + 'static {
    /// Makes one attempt: the request to the endpoint, the response's head back. Dropped when it takes too long.
    fn exchange(
        &self,
        upstream: &Upstream,
        endpoint: &Arc<Endpoint>,
        request: http::Request<Body>,
        attempt: Attempt,
    ) -> impl Future<Output = Result<http::Response<Body>, Fault>> + Send;

    /// Gives back what is not needed any more. Runs every few seconds; does nothing where nothing is kept.
    fn tidy(&self) {}
}

/// Pooled connections over TCP; one of these per worker.
#[derive(Debug, Default)]
pub struct Tcp {
    pool: Arc<Pool>,
}

impl Tcp {
    /// The connections that wait for their next request.
    #[must_use]
    pub fn pool(&self) -> &Arc<Pool> {
        &self.pool
    }
}

impl Transport for Tcp {
    async fn exchange(
        &self,
        _upstream: &Upstream,
        endpoint: &Arc<Endpoint>,
        request: http::Request<Body>,
        attempt: Attempt,
    ) -> Result<http::Response<Body>, Fault> {
        if endpoint.target.tls {
            return Err(Fault::new(FaultKind::ConnectError, "https targets need TLS towards upstreams"));
        }
        let mut request = request;
        let addresses = match endpoint.literal() {
            Some(address) => smallvec::smallvec![address],
            None => endpoint.addresses().await?,
        };
        // Kept connections first. One that was closed meanwhile costs nothing but the look: the request comes back.
        for address in &addresses {
            while let Some(kept) = self.pool.take(*address) {
                let spare = replayable(&request);
                match kept.exchange(request).await {
                    Ok((response, wire)) => return Ok(wire::answer(response, wire, &self.pool, *address, attempt)),
                    Err(wire::Unanswered { unsent: Some(unsent), .. }) => request = *unsent,
                    Err(wire::Unanswered { fault, unsent: None }) => match spare.filter(|_| fault.kind == FaultKind::Reset) {
                        Some(spare) => {
                            request = spare;
                            break;
                        }
                        None => return Err(fault),
                    },
                }
            }
        }
        let (stream, address) = connect(&addresses, attempt.connect).await?;
        let (response, wire) = Wire::begin(stream).await?.exchange(request).await.map_err(|unanswered| unanswered.fault)?;
        Ok(wire::answer(response, wire, &self.pool, address, attempt))
    }

    fn tidy(&self) {
        self.pool.sweep();
    }
}

/// A copy to send again should the kept connection turn out to be closed by the upstream: only for methods that may be
/// repeated (RFC 9110 §9.2.2), and without a body.
fn replayable(request: &http::Request<Body>) -> Option<http::Request<Body>> {
    let idempotent = matches!(*request.method(), Method::GET | Method::HEAD | Method::OPTIONS | Method::PUT | Method::DELETE);
    let body = request.body().at_hand().filter(|_| idempotent)?;
    let mut copy = http::Request::new(Body::full(body));
    *copy.method_mut() = request.method().clone();
    *copy.uri_mut() = request.uri().clone();
    *copy.headers_mut() = request.headers().clone();
    Some(copy)
}

/// Connects to the first address that answers.
async fn connect(addresses: &[SocketAddr], within: Duration) -> Result<(TcpStream, SocketAddr), Fault> {
    let any = async {
        let mut last = Fault::new(FaultKind::ConnectError, "no address");
        for address in addresses {
            match TcpStream::connect(address).await {
                Ok(stream) => return Ok((stream, *address)),
                Err(error) => last = Fault::new(FaultKind::ConnectError, error),
            }
        }
        Err(last)
    };
    match timeout(within, any).await {
        Ok(connected) => connected,
        Err(_) => Err(Fault::new(FaultKind::ConnectTimeout, "no connection in time")),
    }
}
