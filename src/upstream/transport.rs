//! How one attempt reaches one endpoint: over TCP with TLS or without, or played from a script.

use super::Upstream;
use super::dial::dial;
use super::discovery::Resolver;
use super::endpoint::{Addresses, Endpoint, Occupied};
use super::http2::{self, Session, Sessions};
use super::link::Link;
use super::pool::{Lane, Pool};
use super::timers::Timers;
use super::tls::Secure;
use super::wire::{self, Wire};
use crate::http::h1::{self, Asked, Length, Pump};
use crate::http::{Body, Fault, FaultKind, Outgoing, Reply};
use futures_util::future::join_all;
use http::header::EXPECT;
use http::{HeaderValue, Method};
use http_body::Body as _;
use std::future::Future;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;
use tokio::time::{Instant, timeout};

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

    /// Makes one attempt: the request to the endpoint, the response's head back, without the fields that are for one hop.
    /// Dropped when it takes too long.
    fn exchange(
        &self,
        upstream: &Upstream,
        endpoint: &Arc<Endpoint>,
        request: Outgoing,
        attempt: Attempt,
    ) -> impl Future<Output = Result<Reply, Fault>> + Send;

    /// Makes sure that the endpoints are known which DNS names, before one is chosen. The default needs no DNS.
    ///
    /// # Errors
    /// When none is found in time.
    fn find(&self, _upstream: &Upstream, _within: Duration) -> impl Future<Output = Result<(), Fault>> + Send {
        std::future::ready(Ok(()))
    }

    /// Looks up every name that leads to an upstream's endpoints, so that it is known how they are before anybody asks for them.
    /// From then on they are kept fresh. The default needs no DNS.
    fn look_up(&self, _upstream: &Upstream) -> impl Future<Output = ()> + Send {
        std::future::ready(())
    }

    /// Timers for the calls of its worker. The default has none: each call makes its own.
    fn timers(&self) -> Option<&Timers> {
        None
    }

    /// Gives back what is not needed any more. Runs every [`TIDY_EVERY`] on each worker; the default has nothing to do.
    fn tidy(&self) {}
}

/// How often a worker's transport tidies up.
pub const TIDY_EVERY: Duration = Duration::from_secs(5);

/// Pooled connections over TCP; one of these per worker.
#[derive(Debug, Default)]
pub struct Tcp {
    pool: Arc<Pool>,
    sessions: Sessions,
    resolver: Resolver,
    timers: Timers,
}

impl Tcp {
    /// Without connections, and with another way of looking names up than the machine's.
    #[must_use]
    pub fn with(resolver: Resolver) -> Self {
        Self { resolver, ..Self::default() }
    }

    /// The connections that wait for their next request.
    #[must_use]
    pub fn pool(&self) -> &Arc<Pool> {
        &self.pool
    }
}

impl Transport for Tcp {
    async fn exchange(
        &self,
        upstream: &Upstream,
        endpoint: &Arc<Endpoint>,
        mut request: Outgoing,
        mut attempt: Attempt,
    ) -> Result<Reply, Fault> {
        if upstream.config.http2 {
            return Box::pin(self.over_http2(upstream, endpoint, request, attempt)).await;
        }
        let secure = secure(upstream, endpoint)?;
        let proved = secure.as_ref().map_or((0, 0), |secure| (secure.number(), endpoint.number));
        let length = length_of(&request.method, &request.body);
        let asked = Asked::of(&request.method, &request.headers);
        let mut buffer = self.pool.buffer();
        h1::request_head(&mut buffer, &mut request, &attempt.host, length);
        let Outgoing { method, mut headers, body, early, .. } = request;
        let mut pump = Pump::new(buffer, body, length.unwrap_or(Length::Bytes(0)));
        if length.is_some() && headers.contains_key(EXPECT) {
            pump.hold();
        }
        headers.clear();
        let addresses = match endpoint.literal() {
            Some(address) => smallvec::smallvec![address],
            None => Box::pin(self.addresses(upstream, endpoint, &mut attempt)).await?,
        };
        // A kept connection first. One that turns out to be closed costs one more try, on a new one, when the request may be
        // sent twice (RFC 9110 §9.2.2) or nothing of it was sent.
        let once = !(is_idempotent(&method) && pump.is_untouched());
        let mut lanes = addresses.iter().map(|address| Lane { address: *address, proved });
        if let Some((mut wire, lane)) = lanes.find_map(|lane| Some((self.pool.take(lane, once)?, lane))) {
            match wire.exchange(&mut pump, &asked, &mut headers, early.as_deref()).await {
                Ok(head) => return wire::answer(head, wire, pump, &self.pool, lane, attempt),
                Err(unanswered) => {
                    let again = unanswered.silent && (pump.is_untouched() || is_idempotent(&method)) && pump.rewind();
                    if !again {
                        return Err(unanswered.fault);
                    }
                }
            }
        }
        let connecting = connect(&addresses, secure.as_deref(), upstream.proves(endpoint), attempt.connect);
        let (link, address) = Box::pin(connecting).await?;
        let mut wire = Box::new(Wire::begin(link, &self.pool, upstream.tally.connected()));
        let head = wire.exchange(&mut pump, &asked, &mut headers, early.as_deref()).await.map_err(|unanswered| unanswered.fault)?;
        wire::answer(head, wire, pump, &self.pool, Lane { address, proved }, attempt)
    }

    async fn find(&self, upstream: &Upstream, within: Duration) -> Result<(), Fault> {
        match timeout(within, upstream.find(&self.resolver)).await {
            Ok(found) => found,
            // Those that are written do not wait for the others.
            Err(_) if !upstream.config.targets.is_empty() => Ok(()),
            Err(_) => Err(Fault::new(FaultKind::UnresolvedInTime, "its targets were not found in time")),
        }
    }

    async fn look_up(&self, upstream: &Upstream) {
        // What comes of it is kept, and told. What stands for endpoints that were not found leads nowhere.
        if upstream.find(&self.resolver).await.is_err() {
            return;
        }
        let endpoints = upstream.endpoints();
        join_all(endpoints.iter().map(|endpoint| endpoint.addresses(upstream, &self.resolver))).await;
    }

    fn timers(&self) -> Option<&Timers> {
        Some(&self.timers)
    }

    fn tidy(&self) {
        self.pool.sweep();
        self.sessions.sweep();
    }
}

impl Tcp {
    /// Where an endpoint is; what finding it out takes is taken from the time for the connection.
    async fn addresses(&self, upstream: &Upstream, endpoint: &Endpoint, attempt: &mut Attempt) -> Result<Addresses, Fault> {
        let begun = Instant::now();
        let late = |_| Fault::new(FaultKind::UnresolvedInTime, "its address was not found in time");
        let found = timeout(attempt.connect, endpoint.addresses(upstream, &self.resolver)).await.map_err(late)?;
        attempt.connect = attempt.connect.saturating_sub(begun.elapsed());
        found
    }

    async fn over_http2(
        &self,
        upstream: &Upstream,
        endpoint: &Endpoint,
        mut request: Outgoing,
        mut attempt: Attempt,
    ) -> Result<Reply, Fault> {
        request.tell();
        let secure = secure(upstream, endpoint)?;
        let way = (secure.as_ref().map_or(0, |secure| secure.number()), endpoint.number);
        let addresses = self.addresses(upstream, endpoint, &mut attempt).await?;
        let connect = async |made| {
            let (link, address) = open(&addresses, secure.as_deref(), upstream.proves(endpoint)).await?;
            Session::begin(link, address, made, upstream.tally.connected()).await
        };
        let mut sent_before = false;
        loop {
            let room = self.sessions.room(way, &addresses, attempt.connect, connect).await?;
            // A connection that stood may have come to its end unseen: then the request goes out once more, when it can.
            let again = if room.kept && !sent_before { copy(&request) } else { None };
            match (http2::exchange(room, request, secure.is_some(), &attempt.host).await, again) {
                (Ok(answered), _) => return Ok(http2::answer(answered, attempt)),
                (Err(fault), Some(again)) if fault.nothing_sent() => (request, sent_before) = (again, true),
                (Err(fault), _) => return Err(fault),
            }
        }
    }
}

/// A request that can be sent twice, when its body is at hand.
fn copy(request: &Outgoing) -> Option<Outgoing> {
    let body = Body::full(request.body.at_hand()?);
    let Outgoing { method, target, authority, headers, affinity, early, .. } = request;
    Some(Outgoing {
        method: method.clone(),
        target: target.clone(),
        authority: authority.clone(),
        headers: headers.clone(),
        forwarding: None,
        affinity: *affinity,
        body,
        early: early.clone(),
        spans: None,
    })
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

/// What handshakes with an endpoint run under; none for one of plain text.
fn secure(upstream: &Upstream, endpoint: &Endpoint) -> Result<Option<Arc<Secure>>, Fault> {
    if !endpoint.target.tls {
        return Ok(None);
    }
    let secure = upstream.secured().clone();
    secure.map(Some).ok_or_else(|| Fault::new(FaultKind::ConnectError, "no certificates were read for this upstream"))
}

/// A connection that stands, TLS and all, in time.
async fn connect(addresses: &[SocketAddr], secure: Option<&Secure>, name: &str, within: Duration) -> Result<(Link, SocketAddr), Fault> {
    let late = |_| Fault::new(FaultKind::ConnectTimeout, "no connection in time");
    timeout(within, open(addresses, secure, name)).await.map_err(late)?
}

async fn open(addresses: &[SocketAddr], secure: Option<&Secure>, name: &str) -> Result<(Link, SocketAddr), Fault> {
    let (stream, address) = dial(addresses).await.map_err(|error| Fault::new(FaultKind::ConnectError, error))?;
    let link = match secure {
        None => Link::Plain(stream),
        Some(secure) => Link::Secure(Box::new(secure.shake_hands(stream, name).await?)),
    };
    Ok((link, address))
}
