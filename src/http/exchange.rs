//! One request on its way through the pipeline, with everything later stages may ask about it.

use super::trace::Spans;
use super::{Attribute, Body, Certificate, Clock, Early, Fault, FaultKind, Forwarding, Identity, Reply};
use bytes::Bytes;
use futures_core::future::BoxFuture;
use http::uri::PathAndQuery;
use http::{Extensions, HeaderMap, HeaderValue, Method};
use smallvec::SmallVec;
use std::any::Any;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::AtomicU32;
use std::time::Duration;
use tokio::time::Instant;

/// An upstream by its place in the plan.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, serde::Serialize, serde::Deserialize)]
pub struct UpstreamIndex(pub u16);

/// `http` or `https`, as the client sees it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Scheme {
    /// Plain text.
    Http,
    /// Over TLS.
    Https,
}

impl Scheme {
    /// The scheme's name.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Http => "http",
            Self::Https => "https",
        }
    }
}

/// Who is at the other end, as far as the connection and trusted forwarding fields tell.
#[derive(Debug, Clone)]
pub struct Client {
    /// The address of the connection.
    pub peer: SocketAddr,
    /// The address the request comes from: the peer, or what trusted proxies say (`trust`).
    pub ip: IpAddr,
    /// The scheme the client used; follows `trust`.
    pub scheme: Scheme,
    /// The listener's name, or its address when it has none.
    pub listener: Arc<str>,
    /// The certificate it showed, by which it is known.
    pub certificate: Option<Arc<Certificate>>,
}

/// A request's head after normalisation. The matcher, the policies and the upstream see the same path.
#[derive(Debug)]
pub struct Request {
    /// The method.
    pub method: Method,
    /// The host in lower case, without the port.
    pub host: Arc<str>,
    /// The `Host` field or the authority of an absolute-form target, as sent.
    pub authority: HeaderValue,
    /// The normalised path with the query as it was sent.
    pub target: PathAndQuery,
    /// The header section, hop-by-hop fields and untrusted forwarding fields already gone, `Host` not in it.
    pub headers: HeaderMap,
}

impl Request {
    /// The normalised path.
    #[must_use]
    pub fn path(&self) -> &str {
        self.target.path()
    }

    /// A field's value, when it is there and is text. Several fields of one name: the first.
    #[must_use]
    pub fn header(&self, name: &http::HeaderName) -> Option<&str> {
        self.headers.get(name).and_then(|value| value.to_str().ok())
    }
}

/// What the path's parameters matched, in the order of the pattern, as byte ranges of the path.
pub type Params = SmallVec<[(u32, u32); 4]>;

/// The state of the tightest limit this request met, for the rate-limit fields of its reply.
#[derive(Debug, Clone)]
pub struct Quota {
    /// The limit's name.
    pub name: Arc<str>,
    /// The rate's count.
    pub limit: u64,
    /// The rate's period in seconds.
    pub window_s: u64,
    /// Requests that may still be made now.
    pub remaining: u64,
    /// Seconds until the limit is full again, or the window ends.
    pub reset_s: u64,
}

/// What happened to a request, for logs, `gate test` and `gate trace`.
#[derive(Debug, Clone, Default)]
pub struct Record {
    /// The stage that answered or refused, when it was not the target.
    pub stopped: Option<&'static str>,
    /// The limit that refused.
    pub limited_by: Option<Arc<str>>,
    /// Upstream attempts made, those for the parts of an aggregate among them.
    pub attempts: u32,
    /// The upstream that was called last.
    pub upstream: Option<UpstreamIndex>,
    /// The cache's verdict: `hit`, `miss`, …
    pub cache: Option<&'static str>,
}

/// What binds a request to one of its upstream's endpoints.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Affinity {
    /// The hash of its key: the same one goes to the same endpoint.
    pub key: Option<u64>,
    /// The endpoint that its cookie names.
    pub cookie: Option<u64>,
    /// The client came by `https`, so that its cookies may be bound to that.
    pub secure: bool,
}

/// A request to an upstream.
#[derive(Debug)]
pub struct Outgoing {
    /// The method.
    pub method: Method,
    /// Path and query at the upstream.
    pub target: PathAndQuery,
    /// The authority the client asked for; what the upstream gets is for its `host` setting to say.
    pub authority: HeaderValue,
    /// End-to-end fields, without `Host`.
    pub headers: HeaderMap,
    /// What the upstream is told besides, where the fields do not say it yet.
    pub forwarding: Option<Forwarding>,
    /// Which endpoint it belongs to.
    pub affinity: Affinity,
    /// The body.
    pub body: Body,
    /// The way to the client for what is said ahead of the answer, where it may be.
    pub early: Option<Arc<Early>>,
    /// What is noted of the request, where it is traced.
    pub spans: Option<Arc<Spans>>,
}

impl Outgoing {
    /// Lets the fields say all that the upstream is told.
    pub fn tell(&mut self) {
        if let Some(forwarding) = self.forwarding.take() {
            forwarding.write(&mut self.headers);
        }
    }
}

/// The way from a stage to the upstreams.
pub trait Calls: Send + Sync {
    /// Calls an upstream under its breaker, balance and timeouts. Runs when an aggregate asks for a part.
    fn call(&self, upstream: UpstreamIndex, outgoing: Outgoing) -> BoxFuture<'static, Result<Reply, Fault>>;

    /// The same, its attempts counted; by default nothing is.
    fn call_counted(&self, upstream: UpstreamIndex, outgoing: Outgoing, _: Arc<AtomicU32>) -> BoxFuture<'static, Result<Reply, Fault>> {
        self.call(upstream, outgoing)
    }

    /// True when a flag, by its place among the plan's, is on for a request; by default none is.
    fn flag(&self, _: u16, _: &Exchange) -> bool {
        false
    }

    /// How long a call of an upstream may take in all; by default nobody says.
    fn total(&self, _: UpstreamIndex) -> Option<Duration> {
        None
    }

    /// Which endpoint of an upstream a request belongs to; by default none.
    fn affinity(&self, _: UpstreamIndex, _: &Exchange) -> Affinity {
        Affinity::default()
    }

    /// The state of every upstream, for `respond health`.
    fn health(&self) -> Vec<UpstreamHealth>;
}

/// An upstream's state.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct UpstreamHealth {
    /// Its name.
    pub name: Arc<str>,
    /// `closed`, `open` or `half_open`; none without a breaker.
    pub breaker: Option<&'static str>,
    /// Targets that may be called.
    pub healthy: usize,
    /// All targets.
    pub targets: usize,
}

/// One request on its way through the pipeline.
pub struct Exchange {
    /// The head, as it arrived and was normalised.
    pub request: Request,
    /// The body; whoever sends it on takes it.
    pub body: Body,
    /// Who asks.
    pub client: Client,
    /// The request's id (a UUID of version 7, or what a trusted peer sent).
    pub id: HeaderValue,
    /// What the next hop is told of the client; none once the fields say it.
    pub forwarding: Option<Forwarding>,
    /// The way to the client for what is said ahead of the answer, where it may be.
    pub early: Option<Arc<Early>>,
    /// What is noted of the request, where it is traced.
    pub spans: Option<Arc<Spans>>,
    /// What the path's parameters matched.
    pub params: Params,
    /// Who the caller proved to be: one per auth that was satisfied.
    pub identities: SmallVec<[Arc<Identity>; 1]>,
    /// When the head had been read.
    pub started: Instant,
    /// Wall-clock time, virtual under `gate test`.
    pub clock: Clock,
    /// The upstream a `to` chose, or the route's own.
    pub upstream: Option<UpstreamIndex>,
    /// Its name.
    pub upstream_name: Option<Arc<str>>,
    /// Which of its endpoints the request belongs to.
    pub affinity: Affinity,
    /// The fields that expressions see, where they are kept: see [`Self::fields`].
    pub kept_fields: Option<Arc<HeaderMap>>,
    /// The tightest limit met so far.
    pub quota: Option<Quota>,
    /// What happened.
    pub record: Record,
    /// What a policy's request part keeps for its response part.
    pub kept: Extensions,
    /// Held until the reply's body has ended, then dropped: slots of concurrency limits.
    pub guards: SmallVec<[Box<dyn Any + Send + Sync>; 1]>,
    /// The way to the upstreams.
    pub calls: Arc<dyn Calls>,
}

/// The target before it was shaped.
#[derive(Clone)]
struct Arrived(PathAndQuery);

/// The request's body.
#[derive(Clone)]
struct JsonBody(Bytes);

/// No upstream can be called.
struct Nowhere;

impl Calls for Nowhere {
    fn call(&self, _: UpstreamIndex, _: Outgoing) -> BoxFuture<'static, Result<Reply, Fault>> {
        Box::pin(std::future::ready(Err(Fault::new(FaultKind::ConnectError, "this request goes to no upstream"))))
    }

    fn health(&self) -> Vec<UpstreamHealth> {
        Vec::new()
    }
}

impl Exchange {
    /// A request without a body and without an id that is looked at and goes nowhere.
    #[must_use]
    pub fn nowhere(request: Request, client: Client) -> Self {
        Self {
            request,
            body: Body::empty(),
            client,
            id: HeaderValue::from_static(""),
            forwarding: None,
            early: None,
            spans: None,
            params: SmallVec::new(),
            identities: SmallVec::new(),
            started: Instant::now(),
            clock: Clock::system(),
            upstream: None,
            upstream_name: None,
            affinity: Affinity::default(),
            kept_fields: None,
            quota: None,
            record: Record::default(),
            kept: Extensions::new(),
            guards: SmallVec::new(),
            calls: Arc::new(Nowhere),
        }
    }

    /// The text a path parameter matched, by its slot.
    #[must_use]
    pub fn param(&self, slot: usize) -> Option<&str> {
        self.part(&self.params, slot)
    }

    /// The text of the path in one of the ranges.
    #[must_use]
    pub fn part(&self, ranges: &[(u32, u32)], slot: usize) -> Option<&str> {
        let (start, end) = *ranges.get(slot)?;
        self.arrived().path().get(start as usize..end as usize)
    }

    /// The normalised target as it arrived, whatever became of it on the way upstream: what conditions and logs speak of.
    #[must_use]
    pub fn arrived(&self) -> &PathAndQuery {
        self.kept.get::<Arrived>().map_or(&self.request.target, |arrived| &arrived.0)
    }

    /// Keeps the text of the request's body, which is JSON, for those who look into it.
    pub fn keep_json(&mut self, text: Bytes) {
        self.kept.insert(JsonBody(text));
    }

    /// The text of the request's JSON body, where it was kept.
    #[must_use]
    pub fn json(&self) -> Option<&[u8]> {
        self.kept.get::<JsonBody>().map(|body| &*body.0)
    }

    /// The header section as it arrived, whatever became of it on the way upstream: what conditions, values and logs speak of. Only
    /// where [`Self::keep_fields`] has not been called is it what is left of the request's own.
    #[must_use]
    pub fn fields(&self) -> &HeaderMap {
        self.kept_fields.as_deref().unwrap_or(&self.request.headers)
    }

    /// Keeps the fields as they are now for those who speak of the request when it has been changed, or has gone upstream.
    pub fn keep_fields(&mut self) {
        self.kept_fields = Some(Arc::new(self.request.headers.clone()));
    }

    /// Changes the fields as if they had arrived so: expressions see it as well as the upstream.
    pub fn amend(&mut self, change: impl Fn(&mut HeaderMap)) {
        change(&mut self.request.headers);
        if let Some(fields) = &mut self.kept_fields {
            change(Arc::make_mut(fields));
        }
    }

    /// Sends the request to another target at the upstream.
    pub fn retarget(&mut self, target: PathAndQuery) {
        let before = std::mem::replace(&mut self.request.target, target);
        if self.kept.get::<Arrived>().is_none() {
            self.kept.insert(Arrived(before));
        }
    }

    /// Lets the fields say what the next hop is told of the client: from here on they are those that leave the gateway.
    pub fn tell(&mut self) {
        if let Some(forwarding) = self.forwarding.take() {
            forwarding.write(&mut self.request.headers);
        }
    }

    /// An attribute of the caller, by auth and slot; [`Attribute::Missing`] when that auth did not identify it.
    #[must_use]
    pub fn attribute(&self, auth: u16, slot: u16) -> &Attribute {
        const MISSING: &Attribute = &Attribute::Missing;
        self.identities
            .iter()
            .find(|identity| identity.auth == auth)
            .and_then(|identity| identity.attributes.get(usize::from(slot)))
            .unwrap_or(MISSING)
    }
}

#[cfg(test)]
pub mod testing {
    //! Exchanges for unit tests of stages.

    use super::{Client, Exchange, Request, Scheme};
    use crate::http::Clock;
    use http::{HeaderMap, HeaderName, HeaderValue, Method};
    use std::time::Duration;

    /// A request from 192.0.2.1 to `localhost` at 2027-01-15T08:00:00Z, without a body.
    pub fn exchange(method: &str, target: &str, headers: &[(&str, &str)]) -> Exchange {
        let request = Request {
            method: Method::try_from(method).unwrap(),
            host: "localhost".into(),
            authority: HeaderValue::from_static("localhost"),
            target: target.parse().unwrap(),
            headers: fields(headers),
        };
        Exchange {
            id: HeaderValue::from_static("0190a5c0-0000-7000-8000-000000000001"),
            clock: Clock::at(Duration::from_secs(1_800_000_000)),
            ..Exchange::nowhere(request, client())
        }
    }

    /// Fields by name and value.
    pub fn fields(pairs: &[(&str, &str)]) -> HeaderMap {
        pairs.iter().map(|(name, value)| (HeaderName::try_from(*name).unwrap(), HeaderValue::try_from(*value).unwrap())).collect()
    }

    /// Whoever asks, at 192.0.2.1.
    pub fn client() -> Client {
        Client {
            peer: "192.0.2.1:50000".parse().unwrap(),
            ip: "192.0.2.1".parse().unwrap(),
            scheme: Scheme::Http,
            listener: ":8080".into(),
            certificate: None,
        }
    }
}
