//! What the engine runs: arrays and indices, nothing of the language.

use super::openapi::Described;
use super::tls::Tls;
use crate::events::Events;
use crate::events::post::Post;
use crate::fetch::Fetch;
use crate::http::{Address, UpstreamIndex};
use crate::lang::asked::Asked;
use crate::lang::expr::Expr;
use crate::otlp::Tracer;
use crate::policy::auth;
use crate::policy::cache::{Cache, Invalidation, Shelf};
use crate::policy::dependencies::Dependencies;
use crate::policy::fallback::Fallback;
use crate::policy::flag::Flag;
use crate::policy::hooks::Called;
use crate::policy::limit::Limiter;
use crate::policy::maintenance::Switch;
use crate::policy::stage::{OnRequest, OnResponse, Place, ReplyPlace};
use crate::route::tree::MatchTree;
use crate::store::Store;
use crate::upstream::call::Terms;
use crate::upstream::{Upstream, retry};
use ipnet::IpNet;
use std::sync::Arc;
use std::time::Duration;

/// A compiled policy. Shared by all workers; a request keeps the plan it began with.
pub struct Plan {
    /// Which route a request takes.
    pub tree: MatchTree,
    /// The routes, by their indices.
    pub routes: Vec<Route>,
    /// What routes do with a request. Routes on which the same is in force share one: most differ in name and path only.
    pub pipelines: Vec<Pipeline>,
    /// The pipeline of each route, by the route's index, as its place among the pipelines. Every request looks here, so it is
    /// small: of ten thousand routes it stays in the processor's cache when the routes do not.
    pub pipeline_of: Vec<u32>,
    /// The pattern of each route's path, by the route's index: for those who look on.
    pub patterns: Vec<Arc<str>>,
    /// Response parts of requests that no route takes, in the order they run.
    pub unmatched: Vec<(ReplyPlace, Arc<dyn OnResponse>)>,
    /// What closes routes for maintenance, one each.
    pub switches: Vec<Arc<Switch>>,
    /// Every flag.
    pub flags: Vec<Arc<Flag>>,
    /// Every upstream, by [`UpstreamIndex`].
    pub upstreams: Vec<Arc<Upstream>>,
    /// Every store.
    pub stores: Vec<Arc<Store>>,
    /// Every hook.
    pub hooks: Vec<Arc<Called>>,
    /// What makes the document of `respond openapi`, where a route serves it.
    pub described: Option<Arc<Described>>,
    /// Every limit's counters.
    pub limiters: Vec<Arc<Limiter>>,
    /// Every cache.
    pub shelves: Vec<Arc<Shelf>>,
    /// Every auth that a route asks for.
    pub auths: Vec<Arc<auth::Runtime>>,
    /// What is asked outside, besides upstreams.
    pub dependencies: Arc<Dependencies>,
    /// Tells one policy from another: a hash of all that it means.
    pub digest: String,
    /// Who has to know the caller of every request to the admin listener; none where that asks nobody who they are.
    pub admin_gate: Option<Arc<auth::Runtime>>,
    /// Where what happens to the gateway is told; the same one for every plan of a process.
    pub events: Arc<Events>,
    /// What traces requests.
    pub tracer: Option<Arc<Tracer>>,
    /// The gateway's own calls.
    pub fetch: Arc<dyn Fetch>,
    /// The gateway's own settings.
    pub settings: Settings,
}

/// What few requests need of a route.
pub struct Route {
    /// Its name.
    pub name: Arc<str>,
    /// What its `match` says.
    pub predicate: Option<Box<Predicate>>,
}

/// What must be true of requests that a route takes, besides method, host and path.
pub struct Predicate {
    /// The condition.
    pub condition: Expr,
    /// What it asks for.
    pub asked: Asked,
}

impl Plan {
    /// The name of a route.
    #[must_use]
    pub fn name(&self, route: usize) -> Option<&Arc<str>> {
        self.routes.get(route).map(|route| &route.name)
    }

    /// What a route does with a request.
    #[must_use]
    pub fn pipeline(&self, route: usize) -> Option<&Pipeline> {
        self.pipelines.get(*self.pipeline_of.get(route)? as usize)
    }

    /// Connects the stores that are not connected yet; each is given a second at most.
    ///
    /// # Errors
    /// When no thread can be started.
    pub fn open_stores(&self) -> std::io::Result<()> {
        self.stores.iter().try_for_each(|store| store.open())
    }
}

/// Request parts, in the order they run.
pub type RequestParts = [(Place, Arc<dyn OnRequest>)];

/// What a route does with a request, in order.
pub struct Pipeline {
    /// Request parts, in the order they run.
    pub request: Vec<(Place, Arc<dyn OnRequest>)>,
    /// What answers when no request part did.
    pub target: Target,
    /// Response parts, in the order they run.
    pub response: Vec<(ReplyPlace, Arc<dyn OnResponse>)>,
    /// The largest request body, in bytes; `None` is unbounded (`body max none`).
    pub body_max: Option<u64>,
    /// Per-upstream timeouts of this route's calls, by [`UpstreamIndex`]: those the route or a group overrides.
    pub timeouts: Vec<(UpstreamIndex, crate::upstream::timeout::Config)>,
    /// The same of what is made again.
    pub retries: Vec<(UpstreamIndex, retry::Config)>,
    /// What answers in the place of a target that fails.
    pub fallback: Option<Fallback>,
    /// What is asked before the upstream is, and keeps what it answers.
    pub cache: Option<Cache>,
    /// What a request that succeeds makes invalid, where anything is cached.
    pub invalidation: Option<Invalidation>,
    /// Something looks at the request's fields when they may have been changed, or have gone upstream.
    pub keeps_fields: bool,
    /// The access log of this route.
    pub log: AccessLog,
}

impl Pipeline {
    /// The route's own timeouts for calls of an upstream, if it has any.
    #[must_use]
    pub fn timeouts_of(&self, upstream: UpstreamIndex) -> Option<crate::upstream::timeout::Config> {
        self.timeouts.iter().find(|(of, _)| *of == upstream).map(|(_, timeouts)| *timeouts)
    }

    /// What is in force on the route's calls of an upstream: what the route says, else what the upstream does.
    #[must_use]
    pub fn terms<'t>(&'t self, index: UpstreamIndex, upstream: &'t Upstream) -> Terms<'t> {
        let own = self.retries.iter().find(|(of, _)| *of == index).map(|(_, retry)| retry);
        let timeouts = self.timeouts_of(index).unwrap_or(upstream.config.timeout);
        Terms { timeouts, retry: own.or(upstream.config.retry.as_ref()) }
    }

    /// The request parts up to the place of the cache.
    #[must_use]
    pub fn before_cache(&self) -> &RequestParts {
        self.parts().0
    }

    /// Those behind it.
    #[must_use]
    pub fn behind_cache(&self) -> &RequestParts {
        self.parts().1
    }

    fn parts(&self) -> (&RequestParts, &RequestParts) {
        let at = self.request.partition_point(|(place, _)| *place <= Place::Cache);
        self.request.split_at_checked(at).unwrap_or((&self.request, &[]))
    }

    /// True when the route says something of its own about calls.
    #[must_use]
    pub fn has_terms(&self) -> bool {
        !self.timeouts.is_empty() || !self.retries.is_empty()
    }
}

/// What answers.
pub enum Target {
    /// One upstream.
    Upstream(UpstreamIndex),
    /// The one that a request part chooses: `to`.
    Chosen,
    /// The last request part answers: `respond`, `redirect`, `issue`, `aggregate`.
    Policy,
}

/// How requests are logged.
#[derive(Debug, Clone, Default)]
pub struct AccessLog {
    /// The format; `None` writes nothing.
    pub format: Option<LogFormat>,
    /// Written for this share of the requests, in hundredths of a percent (10 000 is all).
    pub sample: u32,
    /// Written only when this holds.
    pub when: Option<Expr>,
    /// Further fields.
    pub fields: Vec<LogField>,
}

/// `field NAME VALUE`
#[derive(Debug, Clone)]
pub struct LogField {
    /// Its name.
    pub name: Arc<str>,
    /// Its value.
    pub value: Expr,
    /// The value may be a credential: only whether there is one is written.
    pub redacted: bool,
}

/// Formats of the access log.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LogFormat {
    /// One JSON object a line.
    Json,
    /// Words on a line.
    Text,
}

/// The gateway's own settings.
#[derive(Debug, Clone)]
pub struct Settings {
    /// Where it listens.
    pub listeners: Vec<Listener>,
    /// Proxies whose forwarding fields are believed.
    pub trust: Vec<IpNet>,
    /// The field in which these say whom they forward for.
    pub trust_field: crate::http::forward::Field,
    /// The field that carries the request id.
    pub request_id: http::HeaderName,
    /// Largest request line and header section, in bytes (32 KiB).
    pub header_bytes: usize,
    /// Most header fields of a request (100).
    pub headers: usize,
    /// Most connections at once, over all listeners.
    pub connections: usize,
    /// Longest time for a request's head to arrive (10 s).
    pub header_timeout: Duration,
    /// Longest time a connection stays open between requests (75 s).
    pub idle: Duration,
    /// Longest time for running requests to end after SIGTERM (30 s).
    pub drain: Duration,
    /// Worker threads; one listener socket, one runtime and one pool each.
    pub workers: usize,
    /// The largest request body where no route says otherwise, in bytes (8 MiB).
    pub body_max: Option<u64>,
    /// Who is sent events.
    pub posts: Arc<[Post]>,
    /// The access log of requests that no route takes.
    pub log: AccessLog,
}

/// One address to listen on.
#[derive(Debug, Clone)]
pub struct Listener {
    /// Its name, or its address as written.
    pub name: Arc<str>,
    /// The address; a `listen :8080` is dual-stack on `[::]`.
    pub address: Address,
    /// The permissions of a Unix socket's file (0660).
    pub mode: u16,
    /// Every connection begins with a header of the PROXY protocol; only those of trusted peers are taken.
    pub proxied: bool,
    /// Every request is sent to `https` at this port.
    pub to_https: Option<u16>,
    /// TLS; without it HTTP is plain text.
    pub tls: Option<Tls>,
}

impl Listener {
    /// A listener of plain text without anything special.
    #[must_use]
    pub fn new(name: Arc<str>, address: Address) -> Self {
        Self { name, address, mode: Address::MODE_DEFAULT, proxied: false, to_https: None, tls: None }
    }
}
