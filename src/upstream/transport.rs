//! How one attempt reaches one endpoint: over TCP, or played from a script.

use super::Upstream;
use super::endpoint::{Endpoint, Occupied};
use super::pool::Pool;
use super::wire::{self, Wire};
use crate::http::h1::{self, Length, Pump};
use crate::http::{Body, Fault, FaultKind, Outgoing, Reply};
use http::{HeaderValue, Method};
use http_body::Body as _;
use std::future::Future;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;
use tokio::net::TcpStream;
use tokio::time::timeout;

/// What an attempt may take and holds.
#[derive(Debug)]
pub struct Attempt {
    /// The `Host` to send; it is not among the request's fields.
    pub host: HeaderValue,
    /// Until the connection stands.
    pub connect: Duration,
    /// Between two reads of the response's body.
    pub read: Duration,
    /// The endpoint counts as busy until the response's body has ended.
    pub occupied: Occupied,
}

/// The way to the endpoints of upstreams.
pub trait Transport: Send + Sync + 'static {
    /// True when there is something at the other end that a probe can learn about; not so where upstreams are played.
    const PROBES: bool = true;

    /// Makes one attempt: the request to the endpoint, the response's head back. Dropped when it takes too long.
    fn exchange(
        &self,
        upstream: &Upstream,
        endpoint: &Arc<Endpoint>,
        request: Outgoing,
        attempt: Attempt,
    ) -> impl Future<Output = Result<Reply, Fault>> + Send;

    /// Gives back what is not needed any more. Runs every [`TIDY_EVERY`] on each worker; the default has nothing to do.
    fn tidy(&self) {}
}

/// How often a worker's transport tidies up.
pub const TIDY_EVERY: Duration = Duration::from_secs(5);

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
        mut request: Outgoing,
        attempt: Attempt,
    ) -> Result<Reply, Fault> {
        if endpoint.target.tls {
            return Err(Fault::new(FaultKind::ConnectError, "https targets need TLS towards upstreams"));
        }
        let length = length_of(&request.method, &request.body);
        let mut buffer = self.pool.buffer();
        h1::request_head(&mut buffer, &mut request, &attempt.host, length);
        let Outgoing { method, mut headers, body, .. } = request;
        let mut pump = Pump::new(buffer, body, length.unwrap_or(Length::Bytes(0)));
        headers.clear();
        let to_head = method == Method::HEAD;
        let addresses = match endpoint.literal() {
            Some(address) => smallvec::smallvec![address],
            None => endpoint.addresses().await?,
        };
        // A kept connection first. One that turns out to be closed costs one more try, on a new one, when the request may be
        // sent twice (RFC 9110 §9.2.2) or nothing of it was sent.
        if let Some((mut wire, address)) = addresses.iter().find_map(|address| Some((self.pool.take(*address)?, *address))) {
            match wire.exchange(&mut pump, to_head, &mut headers).await {
                Ok(head) => return wire::answer(head, wire, pump, &self.pool, address, attempt).await,
                Err(unanswered) => {
                    let again = unanswered.silent && (pump.is_untouched() || is_idempotent(&method)) && pump.rewind();
                    if !again {
                        return Err(unanswered.fault);
                    }
                }
            }
        }
        let (stream, address) = connect(&addresses, attempt.connect).await?;
        let mut wire = Wire::begin(stream).map(Box::new).map_err(|error| Fault::new(FaultKind::ConnectError, error))?;
        let head = wire.exchange(&mut pump, to_head, &mut headers).await.map_err(|unanswered| unanswered.fault)?;
        wire::answer(head, wire, pump, &self.pool, address, attempt).await
    }

    fn tidy(&self) {
        self.pool.sweep();
    }
}

fn is_idempotent(method: &Method) -> bool {
    matches!(*method, Method::GET | Method::HEAD | Method::OPTIONS | Method::PUT | Method::DELETE)
}

/// How a request's body is delimited; methods that expect one say so even when it is empty (RFC 9110 §8.6).
fn length_of(method: &Method, body: &Body) -> Option<Length> {
    match body.size_hint().exact() {
        Some(0) if !matches!(*method, Method::POST | Method::PUT | Method::PATCH) => None,
        Some(bytes) => Some(Length::Bytes(bytes)),
        None => Some(Length::Chunked),
    }
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
