//! A request's way through its pipeline: normalise, match, the request parts, the target, the response parts.
//!
//! The same for a socket and for `gate test`: only the transport towards the upstreams differs.

use super::answer::{Options, preflight_method};
use super::cache;
use super::calls::Routed;
use super::metrics::Sheet;
use super::onward::{Sticks, ask, rest};
use super::watch::Watch;
use crate::compile::{Pipeline, Plan, Target};
use crate::http::forward::{self, Hop};
use crate::http::{Affinity, Body, Calls, Client, Clock, Early, Exchange, Forwarding, Problem, Record, Reply, Request, grpc, hop, path};
use crate::lang::eval::Facts;
use crate::policy::cache::Look;
use crate::policy::stage::Place;
use crate::route::{Captures, Found};
use crate::upstream::Transport;
use http::header::{LOCATION, SET_COOKIE};
use http::uri::PathAndQuery;
use http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode};
use http_body::Body as _;
use parking_lot::Mutex;
use std::sync::Arc;
use tokio::time::Instant;

/// A name that no trailer has.
const X_REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// A plan and what it needs to run; one per worker and plan.
pub struct Engine<T> {
    /// The plan.
    pub plan: Arc<Plan>,
    /// The way to the upstreams.
    pub transport: Arc<T>,
    /// Wall-clock time.
    pub clock: Clock,
    /// The worker's own randomness.
    pub random: Arc<Mutex<fastrand::Rng>>,
    /// Where its requests are counted.
    pub sheet: Arc<Sheet>,
}

impl<T> Engine<T> {
    /// One that counts for itself, its randomness from a seed.
    #[must_use]
    pub fn alone(plan: Arc<Plan>, transport: T, clock: Clock, seed: u64) -> Self {
        let random = Arc::new(Mutex::new(fastrand::Rng::with_seed(seed)));
        Self { sheet: Arc::new(Sheet::of(&plan, &Arc::default())), plan, transport: Arc::new(transport), clock, random }
    }
}

impl<T> Clone for Engine<T> {
    fn clone(&self) -> Self {
        Self {
            plan: Arc::clone(&self.plan),
            transport: Arc::clone(&self.transport),
            clock: self.clock,
            random: Arc::clone(&self.random),
            sheet: Arc::clone(&self.sheet),
        }
    }
}

/// What a client asked for: host and hop, the same for most requests of a connection.
#[derive(Debug)]
pub struct Asked {
    /// The host in lower case, without the port.
    pub host: Arc<str>,
    /// What the upstream is told of the client.
    pub hop: Arc<Hop>,
    /// What the gateway answers to whatever is asked for there, in place of a route.
    pub instead: Option<Instead>,
}

/// What is answered in place of a route, by where the client came in.
#[derive(Debug)]
pub enum Instead {
    /// The connection's certificate does not speak for the host: 421 (RFC 9110 §15.5.20).
    Misdirected,
    /// The same is to be asked for at this origin: 308.
    Redirect(String),
}

impl Instead {
    fn end(&self, target: &PathAndQuery) -> End {
        match self {
            Self::Misdirected => {
                End::Problem(Problem::new(StatusCode::MISDIRECTED_REQUEST, "this connection's certificate is not for this host"))
            }
            Self::Redirect(origin) => {
                let path = if target == "*" { "/" } else { target.as_str() };
                let mut reply = Reply::empty(StatusCode::PERMANENT_REDIRECT);
                if let Ok(location) = HeaderValue::try_from(format!("{origin}{path}")) {
                    reply.headers.insert(LOCATION, location);
                }
                End::Reply(reply)
            }
        }
    }
}

impl Asked {
    /// What a client asked for by an authority.
    #[must_use]
    pub fn new(client: &Client, authority: &HeaderValue) -> Self {
        let text = authority.to_str().unwrap_or_default();
        let host = crate::route::host::bare(text).to_ascii_lowercase();
        // A copy: what was sent is a part of the buffer it came in.
        let copied = HeaderValue::from_bytes(authority.as_bytes());
        let authority = copied.as_ref().unwrap_or(authority);
        Self { host: host.into(), hop: Arc::new(Hop::new(client.peer.ip().to_canonical(), client.scheme, authority)), instead: None }
    }
}

/// A request as it came, its framing already judged.
#[derive(Debug)]
pub struct Arrival {
    /// The method.
    pub method: Method,
    /// Path and query as sent.
    pub target: PathAndQuery,
    /// What it asked for.
    pub asked: Arc<Asked>,
    /// All fields but `Host`.
    pub headers: HeaderMap,
    /// The body.
    pub body: Body,
    /// Who is at the other end of the connection.
    pub client: Client,
    /// The way to it for what is said ahead of the answer, where it may be.
    pub early: Option<Arc<Early>>,
}

/// A request that has been answered.
pub struct Driven {
    /// The answer.
    pub reply: Reply,
    /// What the pipeline left of the exchange.
    pub exchange: Exchange,
    /// The route it took, by its index.
    pub route: Option<usize>,
}

/// A request under way.
pub struct Begun {
    /// What is known of it.
    pub exchange: Exchange,
    /// The route it takes, by its index, once that is known.
    pub route: Option<usize>,
    /// What it asked for, where that is answered in place of a route.
    elsewhere: Option<Arc<Asked>>,
    /// True when its path holds an encoded slash.
    normalised: Result<bool, path::Malformed>,
}

/// Why the pipeline ended.
pub enum End {
    /// Somebody answered.
    Reply(Reply),
    /// The request was refused, or what was to answer it failed.
    Problem(Problem),
}

/// Drives a request through its pipeline.
pub fn drive<T: Transport>(engine: &Arc<Engine<T>>, arrival: Arrival) -> impl Future<Output = Driven> + use<'_, T> {
    drive_watched(engine, arrival, ())
}

/// The same while somebody looks on.
pub async fn drive_watched<T: Transport, W: Watch>(engine: &Arc<Engine<T>>, arrival: Arrival, watch: W) -> Driven {
    let mut begun = begin(engine, arrival);
    let reply = begun.answer(engine, watch).await;
    begun.answered(reply)
}

impl Begun {
    /// The answer to it. When this is dropped before it is there, what is known of the request is here still.
    pub async fn answer<T: Transport, W: Watch>(&mut self, engine: &Arc<Engine<T>>, mut watch: W) -> Reply {
        let plan = &engine.plan;
        let Self { exchange, route, elsewhere, normalised } = self;
        let instead = elsewhere.as_ref().and_then(|asked| asked.instead.as_ref());
        let end = match (normalised, instead) {
            (Err(malformed), _) => {
                exchange.record.stopped = Some("normalise");
                End::Problem(Problem::new(StatusCode::BAD_REQUEST, malformed.0))
            }
            (Ok(_), Some(instead)) => {
                exchange.record.stopped = Some("accept");
                instead.end(&exchange.request.target)
            }
            (Ok(encoded_slash), None) => match find(plan, exchange) {
                Err(end) => {
                    exchange.record.stopped = Some("match");
                    end
                }
                Ok(found) => match plan.pipeline(found) {
                    Some(pipeline) => {
                        *route = Some(found);
                        if matches!(pipeline.target, Target::Policy) && pipeline.has_terms() {
                            exchange.calls = Arc::new(Routed { engine: Arc::clone(engine), route: found });
                        }
                        if pipeline.keeps_fields {
                            exchange.keep_fields();
                        }
                        watch.takes(found, exchange);
                        run(engine, found, pipeline, *encoded_slash, exchange, &mut watch).await
                    }
                    None => End::Problem(Problem::new(StatusCode::NOT_FOUND, "no route takes this request")),
                },
            },
        };
        let pipeline = route.and_then(|route| plan.pipeline(route));
        let name = || route.and_then(|route| plan.name(route)).map(|name| &**name);
        let mut reply = match end {
            End::Reply(reply) => reply,
            End::Problem(problem) => {
                watch.refused(exchange, &problem);
                rendered(problem, name(), exchange)
            }
        };
        if pipeline.is_some_and(|pipeline| pipeline.cache.is_some())
            && let Some(Sticks(cookie)) = exchange.kept.remove()
        {
            reply.headers.append(SET_COOKIE, cookie);
        }
        if let Some(invalidation) = pipeline.and_then(|pipeline| pipeline.invalidation.as_ref()) {
            invalidation.answered(exchange, &reply);
        }
        watch.answered(exchange, &reply);
        for (_, part) in pipeline.map_or(&plan.unmatched, |pipeline| &pipeline.response) {
            let waited = match part.wait(exchange, &mut reply) {
                Some(waiting) => waiting.await,
                None => Ok(()),
            };
            if let Err(problem) = waited {
                reply = rendered(problem, name(), exchange);
            }
            part.response(exchange, &mut reply);
        }
        reply.headers.insert(plan.settings.request_id.clone(), exchange.id.clone());
        reply
    }

    /// The request with its answer.
    #[must_use]
    pub fn answered(self, reply: Reply) -> Driven {
        Driven { reply, exchange: self.exchange, route: self.route }
    }
}

/// A problem in the form that the caller understands.
fn rendered(problem: Problem, route: Option<&str>, exchange: &Exchange) -> Reply {
    if grpc::is_call(&exchange.request.method, &exchange.request.headers) || exchange.kept.get::<grpc::Call>().is_some() {
        grpc::refusal(problem)
    } else {
        problem.render(route, &exchange.id)
    }
}

/// The route that would take a request, by its index.
#[must_use]
pub fn route_of<T: Transport>(engine: &Arc<Engine<T>>, arrival: Arrival) -> Option<usize> {
    let mut begun = begin(engine, arrival);
    begun.normalised.ok()?;
    find(&engine.plan, &mut begun.exchange).ok()
}

/// Begins a request: id, forwarding fields, trace and the one normalisation.
#[must_use]
pub fn begin<T: Transport>(engine: &Arc<Engine<T>>, arrival: Arrival) -> Begun {
    let Arrival { method, target, asked, mut headers, body, mut client, early } = arrival;
    let settings = &engine.plan.settings;
    let started = Instant::now();
    hop::strip_request(&mut headers);
    hop::strip_aliases(&mut headers, &settings.request_id);
    let told = forward::told(&mut headers, client.peer.ip().to_canonical(), &settings.trust, settings.trust_field);
    if let Some(told) = told {
        client.ip = told.ip;
        client.scheme = told.scheme.unwrap_or(client.scheme);
    }
    let known = told.and_then(|_| forward::trusted_id(&headers, &settings.request_id));
    let (forwarding, spans, id) = {
        let mut random = engine.random.lock();
        let mut forwarding = Forwarding::new(&asked.hop, told, &headers, &mut random);
        let tracer = engine.plan.tracer.as_ref();
        let spans = tracer.and_then(|tracer| tracer.begin(&mut forwarding, &headers, told.is_some()));
        (forwarding, spans, known.unwrap_or_else(|| forward::request_id(engine.clock.at_instant(started), &mut random)))
    };
    headers.insert(settings.request_id.clone(), id.clone());
    let body = if settings.request_id == X_REQUEST_ID {
        body
    } else {
        let of_id = settings.request_id.clone();
        body.without_trailers(move |name| *name == of_id)
    };
    let normalised =
        if target == "*" { Ok((target.clone(), false)) } else { path::normalise(&target).map(|it| (it.target, it.encoded_slash)) };
    let (target, verdict) = match normalised {
        Ok((target, encoded_slash)) => (target, Ok(encoded_slash)),
        Err(malformed) => (target, Err(malformed)),
    };
    let exchange = Exchange {
        request: Request { method, host: Arc::clone(&asked.host), authority: asked.hop.authority.clone(), target, headers },
        body,
        client,
        id,
        forwarding: Some(forwarding),
        early,
        spans,
        params: smallvec::SmallVec::new(),
        identities: smallvec::SmallVec::new(),
        started,
        clock: engine.clock,
        upstream: None,
        upstream_name: None,
        affinity: Affinity::default(),
        kept_fields: None,
        quota: None,
        record: Record::default(),
        kept: http::Extensions::new(),
        guards: smallvec::SmallVec::new(),
        calls: Arc::clone(engine) as Arc<dyn Calls>,
    };
    Begun { exchange, route: None, elsewhere: asked.instead.is_some().then_some(asked), normalised: verdict }
}

/// What takes the request, were this its method.
///
/// # Errors
/// When what a `match` asks for has no one reading, and no route that goes before takes the request.
#[expect(clippy::result_large_err, reason = "the error is the answer, made once per refused request")]
fn look(plan: &Plan, exchange: &Exchange, method: &str, captures: &mut Captures) -> Result<Found, Problem> {
    let mut unclear: Option<(usize, Problem)> = None;
    let mut holds = |route: usize, tried: &Captures| {
        let Some(predicate) = plan.routes.get(route).and_then(|route| route.predicate.as_ref()) else { return true };
        let Some(refusal) = predicate.asked.refusal(exchange) else {
            return predicate.condition.holds(Facts::tried(exchange, tried.as_ranges()));
        };
        if unclear.as_ref().is_none_or(|(first, _)| route < *first) {
            unclear = Some((route, refusal));
        }
        false
    };
    let found = plan.tree.find(method, &exchange.request.host, exchange.request.path(), &mut holds, captures);
    match (unclear, &found) {
        // Routes stand in the order in which they are tried.
        (Some((first, _)), Found::Route(route)) if *route < first => Ok(found),
        (Some((_, problem)), _) => Err(problem),
        (None, _) => Ok(found),
    }
}

/// The route that takes the request.
#[expect(clippy::result_large_err, reason = "the error is the answer, made once per refused request")]
fn find(plan: &Plan, exchange: &mut Exchange) -> Result<usize, End> {
    let mut captures = Captures::new();
    if let Some(asked) = preflight_method(&exchange.request)
        && let Ok(Found::Route(route)) = look(plan, exchange, asked, &mut captures)
        && plan.pipeline(route).is_some_and(answers_preflights)
    {
        exchange.params = captures.ranges();
        return Ok(route);
    }
    let method = exchange.request.method.as_str();
    let found = look(plan, exchange, method, &mut captures).map_err(End::Problem)?;
    let forbidden = matches!(method, "TRACE" | "CONNECT");
    match found {
        Found::Route(route) if !forbidden => {
            exchange.params = captures.ranges();
            Ok(route)
        }
        Found::MethodNotAllowed(methods) if exchange.request.method == Method::OPTIONS => Err(End::Reply(Options(&methods).reply())),
        Found::NotFound if exchange.request.path() == "*" => Err(End::Reply(Reply::empty(StatusCode::NO_CONTENT))),
        Found::MethodNotAllowed(methods) => Err(End::Problem(Options(&methods).not_allowed())),
        Found::Route(_) => Err(End::Problem(Problem::new(StatusCode::METHOD_NOT_ALLOWED, "this method is never allowed"))),
        Found::NotFound if forbidden => Err(End::Problem(Problem::new(StatusCode::METHOD_NOT_ALLOWED, "this method is never allowed"))),
        Found::NotFound => Err(End::Problem(Problem::new(StatusCode::NOT_FOUND, "no route takes this request"))),
    }
}

fn answers_preflights(pipeline: &Pipeline) -> bool {
    pipeline.request.iter().any(|(place, _)| *place == Place::Preflight)
}

/// The request parts in their order, then the target. What is in the cache goes no further than that.
async fn run<T: Transport, W: Watch>(
    engine: &Arc<Engine<T>>,
    route: usize,
    pipeline: &Pipeline,
    encoded_slash: bool,
    exchange: &mut Exchange,
    watch: &mut W,
) -> End {
    let plan = &engine.plan;
    if let Some(max) = pipeline.body_max {
        if exchange.body.size_hint().lower() > max {
            exchange.record.stopped = Some(Place::Body.name());
            return End::Problem(Problem::new(StatusCode::PAYLOAD_TOO_LARGE, "the request's body is too large"));
        }
        exchange.body = exchange.body.take().limited(max);
    }
    if encoded_slash && matches!(pipeline.target, Target::Policy) {
        exchange.record.stopped = Some(Place::Target.name());
        return End::Problem(encoded_slash_problem());
    }
    let mut chosen = false;
    for (place, part) in pipeline.before_cache() {
        if !chosen && *place > Place::Target {
            chosen = true;
            if let Err(problem) = choose(plan, pipeline, encoded_slash, exchange) {
                return End::Problem(problem);
            }
        }
        if let Some(end) = ask(*place, &**part, exchange, watch).await {
            return end;
        }
    }
    if !chosen && let Err(problem) = choose(plan, pipeline, encoded_slash, exchange) {
        return End::Problem(problem);
    }
    if let (Some(cache), Some(name)) = (&pipeline.cache, plan.name(route)) {
        watch.before(Place::Cache, exchange);
        let look = cache.look(name, exchange);
        if !matches!(look, Look::Pass | Look::Fetch(_)) {
            exchange.record.stopped = Some(Place::Cache.name());
        }
        match look {
            Look::Pass => {}
            Look::Answer(reply) => return End::Reply(reply),
            Look::Refuse(problem) => return End::Problem(problem),
            Look::AnswerAndFetch(reply, fetch) => {
                cache::beside(engine, route, fetch, encoded_slash, exchange);
                return End::Reply(reply);
            }
            Look::Fetch(fetch) => return Box::pin(cache::fetched(engine, pipeline, cache, fetch, encoded_slash, exchange, watch)).await,
        }
    }
    rest(engine, pipeline, pipeline.fallback.as_ref(), encoded_slash, exchange, watch).await
}

fn encoded_slash_problem() -> Problem {
    Problem::new(StatusCode::BAD_REQUEST, "the path holds an encoded slash")
}

/// Chooses the upstream, and judges an encoded slash by what it accepts.
#[expect(clippy::result_large_err, reason = "the error is the answer, made once per refused request")]
fn choose(plan: &Plan, pipeline: &Pipeline, encoded_slash: bool, exchange: &mut Exchange) -> Result<(), Problem> {
    let chosen = match &pipeline.target {
        Target::Upstream(upstream) => Some(*upstream),
        Target::Chosen => exchange.upstream,
        Target::Policy => None,
    };
    let upstream = chosen.and_then(|index| plan.upstreams.get(usize::from(index.0)));
    if encoded_slash && upstream.is_none_or(|upstream| !upstream.config.encoded_slashes) {
        exchange.record.stopped = Some(Place::Target.name());
        return Err(encoded_slash_problem());
    }
    exchange.upstream = chosen;
    exchange.upstream_name = upstream.map(|upstream| Arc::clone(&upstream.name));
    if let Some(upstream) = upstream.filter(|upstream| upstream.config.has_affinity()) {
        exchange.affinity = upstream.affinity(exchange);
    }
    Ok(())
}
