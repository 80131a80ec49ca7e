//! The cache of a route at work: what it answers by itself, and what it lets go on to the origin.

use super::answer::{self, Client};
use super::directives::Asked;
use super::epochs::Stamp;
use super::flights::{Lead, Part};
use super::key::Parts;
use super::reuse::{self, Use};
use super::shelf::{Refresh, Shelf};
use super::status::{self, Forwarded, Passed};
use super::store::{Found, Key};
use super::stored::{Head, Of, Stored};
use super::{Keep, conditions};
use crate::hook;
use crate::http::{Exchange, Problem, Reply};
use crate::lang::expr::Expr;
use http::header::{AUTHORIZATION, CACHE_CONTROL, COOKIE, PRAGMA, RANGE, UPGRADE};
use http::{HeaderMap, Method, StatusCode};
use http_body::Body as _;
use std::sync::Arc;
use std::time::Duration;

/// The cache of a route.
#[derive(Debug)]
pub struct Cache {
    pub(super) shelf: Arc<Shelf>,
    pub(super) parts: Parts,
    pub(super) ttl: Option<Duration>,
    pub(super) arms: Vec<(Expr, Duration)>,
    pub(super) stale: Option<Duration>,
    pub(super) error: Option<Duration>,
    shared: bool,
    /// No cookie reaches the upstream.
    drops_cookies: bool,
}

/// What the cache makes of a request.
pub enum Look {
    /// It answers.
    Answer(Reply),
    /// It answers with what is stale, and has another one fetched.
    AnswerAndFetch(Reply, Box<Fetch>),
    /// It refuses.
    Refuse(Problem),
    /// It has nothing to do with it.
    Pass,
    /// The origin is to be asked.
    Fetch(Box<Fetch>),
}

/// A request for the origin.
pub struct Fetch {
    pub(super) hash: u64,
    pub(super) key: Key,
    pub(super) of: Arc<Of>,
    pub(super) stamp: Stamp,
    /// The fields as the client sent them: those that a response varies by.
    pub(super) request: HeaderMap,
    pub(super) asked: Asked,
    pub(super) caller: Caller,
    pub(super) is_head: bool,
    /// What is stored and cannot be used as it is.
    pub(super) stale: Option<Arc<Stored>>,
    pub(super) why: Forwarded,
    /// The origin is asked whether that is still right.
    pub(super) asks: bool,
    /// The client's conditions are judged here.
    pub(super) judges: bool,
    pub(super) began: Duration,
    pub(super) lead: Option<Lead>,
    waits: bool,
    _refresh: Option<Refresh>,
}

/// What a request carries that makes its response its caller's own, unless the file or the origin says otherwise.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Caller {
    /// A credential.
    pub credential: bool,
    /// A cookie.
    pub cookie: bool,
}

impl Caller {
    fn is_told(self) -> bool {
        self.credential || self.cookie
    }
}

impl Cache {
    /// The cache of a route; `by` and the conditions of `arms` without secrets.
    #[must_use]
    pub fn new(keep: &Keep, parts: Parts, arms: Vec<(Expr, Duration)>, shelf: Arc<Shelf>) -> Self {
        let Keep { ttl, shared, stale, error, .. } = *keep;
        Self { shelf, parts, ttl, arms, stale, error, shared, drops_cookies: false }
    }

    /// Says that no cookie reaches the upstream, so that none makes a response its caller's own.
    pub fn drops_cookies(&mut self) {
        self.drops_cookies = true;
    }

    /// What routes with the same declaration share.
    #[must_use]
    pub fn shelf(&self) -> &Arc<Shelf> {
        &self.shelf
    }

    /// Looks at a request on the way to its upstream, on a route of this name.
    #[must_use]
    pub fn look(&self, route: &Arc<str>, exchange: &mut Exchange) -> Look {
        let request = &exchange.request;
        let is_head = request.method == Method::HEAD;
        if !is_head && request.method != Method::GET {
            return Look::Pass;
        }
        if !exchange.body.is_end_stream() || request.headers.contains_key(UPGRADE) || conditions::is_for_the_origin(&request.headers) {
            exchange.record.cache = Some("bypass");
            return Look::Pass;
        }
        // What a hook tells the upstream is neither in the key nor among the fields that select.
        if !self.shared && exchange.kept.get::<hook::Fields>().is_some() {
            exchange.record.cache = Some("bypass");
            return Look::Pass;
        }
        let says = request.headers.contains_key(CACHE_CONTROL) || request.headers.contains_key(PRAGMA);
        let asked = if says { Asked::of(&request.headers) } else { Asked::default() };
        let caller = self.caller(exchange);
        let key = self.parts.key(route, exchange);
        let hash = self.shelf.store.hash(&key);
        let now = exchange.clock.at_instant(exchange.started);
        let (mut stale, mut why) = (None, Forwarded::UriMiss);
        match self.shelf.store.find(hash, &key, &request.headers) {
            Found::Nothing => {}
            Found::Others => why = Forwarded::VaryMiss,
            Found::Stored(stored) if !self.shelf.epochs.stands(&stored.head.stamp) => self.shelf.store.drop_stored(hash, &stored),
            Found::Stored(stored) if stored.head.freshness.by_file && caller.is_told() => why = Forwarded::Bypass,
            Found::Stored(stored) => match reuse::judge(&stored.head.freshness, &asked, now) {
                Use::Fresh => {
                    exchange.record.cache = Some("hit");
                    return Look::Answer(answer::from_store(&stored, Client { request: &exchange.request.headers, is_head }, now));
                }
                Use::Stale => {
                    exchange.record.cache = Some("stale");
                    return Look::Answer(answer::from_store(&stored, Client { request: &exchange.request.headers, is_head }, now));
                }
                Use::StaleMeanwhile => {
                    exchange.record.cache = Some("stale");
                    let reply = answer::from_store(&stored, Client { request: &exchange.request.headers, is_head }, now);
                    return self.refreshing(reply, route, exchange, (hash, &key), asked, stored);
                }
                Use::Ask(by_request) => {
                    why = if by_request { Forwarded::Request } else { Forwarded::Stale };
                    stale = Some(stored);
                }
            },
        }
        if asked.only_if_cached {
            exchange.record.cache = Some("miss");
            let problem = Problem::new(StatusCode::GATEWAY_TIMEOUT, "nothing is stored that answers this request");
            return Look::Refuse(status::not_asked(problem));
        }
        if caller.is_told() && stale.is_none() && self.ttl.is_some() && why != Forwarded::VaryMiss {
            why = Forwarded::Bypass;
        }
        exchange.record.cache = Some(if why == Forwarded::Bypass { "bypass" } else { "miss" });
        let parted = exchange.request.headers.contains_key(RANGE);
        if parted && stale.is_none() && why != Forwarded::Bypass {
            why = Forwarded::Partial;
        }
        let waits = !is_head && !asked.no_store && !parted && !caller.is_told() && !matches!(why, Forwarded::Request);
        let mut fetch = self.fetch(route, exchange, (hash, &key), asked);
        fetch.why = why;
        fetch.stale = stale;
        fetch.waits = waits;
        Look::Fetch(fetch)
    }

    /// Answers what is stale; the first to do so has it brought up to date.
    fn refreshing(
        &self,
        reply: Reply,
        route: &Arc<str>,
        exchange: &Exchange,
        (hash, key): (u64, &[u8]),
        asked: Asked,
        stored: Arc<Stored>,
    ) -> Look {
        let Some(refresh) = self.shelf.refresh() else { return Look::Answer(reply) };
        let mut fetch = self.fetch(route, exchange, (hash, key), Asked { no_store: asked.no_store, ..Asked::default() });
        match self.shelf.flights.join(&fetch.key) {
            Part::Waits(_) => return Look::Answer(reply),
            Part::Leads(lead) => fetch.lead = Some(lead),
        }
        fetch.is_head = false;
        fetch.stale = Some(stored);
        fetch.why = Forwarded::Stale;
        fetch._refresh = Some(refresh);
        Look::AnswerAndFetch(reply, fetch)
    }

    fn fetch(&self, route: &Arc<str>, exchange: &Exchange, (hash, key): (u64, &[u8]), asked: Asked) -> Box<Fetch> {
        let request = &exchange.request;
        Box::new(Fetch {
            hash,
            key: key.into(),
            of: Arc::new(self.parts.of(route, exchange)),
            stamp: self.shelf.epochs.stamp(route, &request.host, exchange.arrived().path()),
            request: request.headers.clone(),
            asked,
            caller: self.caller(exchange),
            is_head: request.method == Method::HEAD,
            stale: None,
            why: Forwarded::UriMiss,
            asks: false,
            judges: false,
            began: exchange.clock.at_instant(exchange.started),
            lead: None,
            waits: false,
            _refresh: None,
        })
    }

    fn caller(&self, exchange: &Exchange) -> Caller {
        if self.shared {
            return Caller::default();
        }
        let headers = &exchange.request.headers;
        Caller {
            credential: !self.parts.identifies && (!exchange.identities.is_empty() || headers.contains_key(AUTHORIZATION)),
            cookie: !self.parts.names_cookie && !self.drops_cookies && headers.contains_key(COOKIE),
        }
    }

    /// The part of a request in what is under way for its key; none for one that goes by itself.
    #[must_use]
    pub fn join(&self, fetch: &Fetch) -> Option<Part> {
        (fetch.waits && fetch.lead.is_none()).then(|| self.shelf.flights.join(&fetch.key))
    }

    /// What answers a request from a response that is coming in for another, when it is for both.
    #[must_use]
    pub fn follow(&self, fetch: &Fetch, fill: &Arc<super::fill::Fill>, exchange: &mut Exchange) -> Option<Reply> {
        let now = exchange.clock.now();
        if !self.serves(fetch, &fill.head, now) || conditions::is_known(&fetch.request, &fill.head.headers, now) {
            return None;
        }
        let mut reply =
            Reply { status: fill.head.status, headers: fill.head.headers.clone(), body: fill.another(), source: fill.head.source };
        status::passed(&mut reply.headers, Passed { why: fetch.why, status: None, stored: false, collapsed: true });
        exchange.record.cache = Some("hit");
        Some(reply)
    }

    /// What answers a request that has waited, when what it waited for is for it.
    #[must_use]
    pub fn look_again(&self, fetch: &mut Fetch, exchange: &mut Exchange) -> Option<Reply> {
        let now = exchange.clock.now();
        let Found::Stored(stored) = self.shelf.store.find(fetch.hash, &fetch.key, &fetch.request) else { return None };
        if !self.serves(fetch, &stored.head, now) {
            fetch.stale = Some(stored);
            return None;
        }
        exchange.record.cache = Some("hit");
        Some(answer::from_store(&stored, Client { request: &fetch.request, is_head: fetch.is_head }, now))
    }

    fn serves(&self, fetch: &Fetch, head: &Head, now: Duration) -> bool {
        head.selecting.selects(&fetch.request)
            && self.shelf.epochs.stands(&head.stamp)
            && reuse::judge(&head.freshness, &fetch.asked, now) == Use::Fresh
    }
}

impl Fetch {
    /// Waits for nobody from here on.
    pub fn goes_alone(&mut self) {
        self.waits = false;
    }

    /// Leads from here on.
    pub fn leads(&mut self, lead: Lead) {
        self.lead = Some(lead);
    }

    /// What is stored may be answered if the origin fails.
    #[must_use]
    pub fn can_do_without(&self, now: Duration) -> bool {
        self.stale.as_ref().is_some_and(|stored| reuse::on_error(&stored.head.freshness, &self.asked, now))
    }

    /// Makes the request one about what is stored. Runs before it goes on.
    pub fn prepare(&mut self, headers: &mut HeaderMap, now: Duration) {
        self.began = now;
        if self.why == Forwarded::Bypass || (self.is_head && self.stale.is_none()) {
            return;
        }
        self.judges = true;
        self.asks = conditions::ask_about(self.stale.as_ref().map(|stored| &stored.head.headers), headers);
    }

    /// The request's fields once more, without anything about what is stored, which a 304 did not speak of.
    #[must_use]
    pub fn again(&mut self) -> HeaderMap {
        let mut headers = self.request.clone();
        self.stale = None;
        self.asks = conditions::ask_about(None, &mut headers);
        headers
    }
}
