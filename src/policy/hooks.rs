//! The hooks of a route at work: asked about its requests and replies, and what they say carried out.

use super::stage::{Flow, OnRequest, OnResponse};
use crate::hook::{Answer, Barred, Failure, Fields, Hook, Judged, On, Question, Response, Said};
use crate::http::{Exchange, Problem, Reply, Source, hop};
use futures_core::future::BoxFuture;
use http::{HeaderMap, HeaderName, HeaderValue, StatusCode};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

/// The registry's kind of hooks.
pub const KIND: &str = "hook";
/// When to come back when a hook that must be asked does not answer.
const COME_BACK: Duration = Duration::from_secs(1);

/// A declared hook.
pub struct Called {
    /// Its name.
    pub name: String,
    /// When it is asked.
    pub on: Vec<On>,
    /// How long it may take.
    pub timeout: Duration,
    /// A request is refused when it cannot be asked.
    pub refuse: bool,
    /// Who is asked.
    pub hook: Arc<dyn Hook>,
    /// It did not answer when it was asked last: a line for each request would drown all others.
    failing: AtomicBool,
    /// It was told of the start.
    begun: AtomicBool,
}

impl Called {
    /// A hook that has not been asked yet.
    #[must_use]
    pub fn new(name: String, on: Vec<On>, timeout: Duration, refuse: bool, hook: Arc<dyn Hook>) -> Self {
        Self { name, on, timeout, refuse, hook, failing: AtomicBool::new(false), begun: AtomicBool::new(false) }
    }

    fn is_on(&self, on: On) -> bool {
        self.on.contains(&on)
    }

    /// Tells it that the gateway starts; once. A failure is in the log, and holds nothing back.
    pub async fn start(&self) {
        if self.is_on(On::Startup) && !self.begun.swap(true, Ordering::Relaxed) {
            let _ = self.settled(self.hook.on_startup()).await;
        }
    }

    /// Tells it that the gateway ends. A failure is in the log.
    pub async fn stop(&self) {
        if self.is_on(On::Shutdown) {
            let _ = self.settled(self.hook.on_shutdown()).await;
        }
    }

    async fn judged(&self, said: Said<'_>, barred: &Barred) -> Result<Judged, Failure> {
        let judged = self.said(said).await.and_then(|answer| answer.judged(barred));
        self.note(judged.as_ref().err());
        judged
    }

    async fn settled(&self, said: Said<'_>) -> Result<Answer, Failure> {
        let answer = self.said(said).await;
        self.note(answer.as_ref().err());
        answer
    }

    async fn said(&self, said: Said<'_>) -> Result<Answer, Failure> {
        match said {
            Said::Nothing => Ok(Answer::default()),
            Said::Answer(answer) => Ok(answer),
            Said::Failed(failure) => Err(failure),
            Said::Wait(waiting) => {
                let late = |_| Err(Failure::Unreachable("it took too long".to_owned()));
                tokio::time::timeout(self.timeout, waiting).await.unwrap_or_else(late)
            }
        }
    }

    /// Says the first failure, and the first answer of use after it.
    fn note(&self, failure: Option<&Failure>) {
        let Some(failure) = failure else {
            if self.failing.swap(false, Ordering::Relaxed) {
                tracing::info!(hook = self.name, "the hook answers again");
            }
            return;
        };
        if self.failing.swap(true, Ordering::Relaxed) {
            tracing::debug!(hook = self.name, cause = %failure, "the hook still fails");
        } else {
            let so = if self.refuse { "requests are refused" } else { "requests go on without it" };
            tracing::warn!(hook = self.name, cause = %failure, "the hook fails: {so}");
        }
    }
}

/// The hooks of one route.
pub struct Hooks {
    route: String,
    called: Vec<Arc<Called>>,
    /// What none of them sets in a request,
    request: Barred,
    /// and in a reply.
    reply: Barred,
}

/// The fields of a request as hooks were shown them, for those that are asked about its reply.
#[derive(Clone)]
struct Shown(HeaderMap);

/// A hook that must be asked could not be: nobody is asked about the refusal.
#[derive(Clone)]
struct Unasked;

impl Hooks {
    /// The hooks of a route, in the order they are asked, and the fields that they may not set in requests and in
    /// replies.
    #[must_use]
    pub fn new(route: &str, called: Vec<Arc<Called>>, request: Barred, reply: Barred) -> Arc<Self> {
        Arc::new(Self { route: route.to_owned(), called, request, reply })
    }

    fn is_on(&self, on: On) -> bool {
        self.called.iter().any(|called| called.is_on(on))
    }

    fn question<'a>(&'a self, exchange: &'a Exchange, response: Option<Response<'a>>) -> Question<'a> {
        let request = &exchange.request;
        Question {
            method: &request.method,
            host: &request.host,
            target: exchange.arrived(),
            headers: exchange.kept.get::<Shown>().map_or(&request.headers, |shown| &shown.0),
            client_ip: exchange.client.ip,
            request_id: &exchange.id,
            route: &self.route,
            response,
        }
    }

    async fn before(&self, exchange: &mut Exchange) -> Flow<'static> {
        let mut fields: Vec<(HeaderName, HeaderValue)> = Vec::new();
        for called in self.called.iter().filter(|called| called.is_on(On::Request)) {
            let said = called.hook.on_request(self.question(exchange, None));
            match called.judged(said, &self.request).await.map(Judged::reply) {
                Ok(Ok(reply)) => return Flow::Answer(reply),
                Ok(Err(set)) => {
                    fields.retain(|(name, _)| !set.iter().any(|(other, _)| hop::are_aliases(name, other)));
                    fields.extend(set);
                }
                Err(failure) if called.refuse => {
                    exchange.kept.insert(Unasked);
                    return Flow::Refuse(refusal(&failure));
                }
                Err(_) => {}
            }
        }
        if !fields.is_empty() {
            exchange.kept.insert(Fields(fields.into()));
        }
        Flow::Next
    }

    async fn after(&self, on: On, exchange: &mut Exchange, reply: &mut Reply) -> Result<(), Problem> {
        for called in self.called.iter().filter(|called| called.is_on(on)) {
            let question = self.question(exchange, Some(Response { status: reply.status, headers: &reply.headers }));
            let said = if on == On::Error { called.hook.on_error(question) } else { called.hook.on_response(question) };
            match called.judged(said, &self.reply).await {
                Ok(judged) => judged.change(reply),
                Err(failure) if called.refuse => return Err(refusal(&failure)),
                Err(_) => {}
            }
        }
        Ok(())
    }
}

/// What a client is told when a hook that must be asked fails.
fn refusal(failure: &Failure) -> Problem {
    match failure {
        Failure::Unreachable(_) => {
            Problem::new(StatusCode::SERVICE_UNAVAILABLE, "a service that must be asked does not answer").retry_after(COME_BACK)
        }
        Failure::Unusable(_) => Problem::new(StatusCode::BAD_GATEWAY, "a service that must be asked answers what cannot be done"),
    }
}

/// Asks about a request.
pub struct Before(pub Arc<Hooks>);

impl OnRequest for Before {
    fn request<'a>(&'a self, exchange: &'a mut Exchange) -> Flow<'a> {
        if self.0.is_on(On::Response) || self.0.is_on(On::Error) {
            let shown = Shown(exchange.request.headers.clone());
            exchange.kept.insert(shown);
        }
        if self.0.is_on(On::Request) { Flow::Wait(Box::pin(self.0.before(exchange))) } else { Flow::Next }
    }
}

/// Sets what the upstream is to get, when the request has been shaped: until then it is seen as it arrived.
pub struct Set;

impl OnRequest for Set {
    fn request<'a>(&'a self, exchange: &'a mut Exchange) -> Flow<'a> {
        if let Some(Fields(fields)) = exchange.kept.get::<Fields>().cloned() {
            let headers = &mut exchange.request.headers;
            for (name, _) in &*fields {
                hop::remove_aliases(headers, name);
            }
            for (name, value) in &*fields {
                headers.append(name.clone(), value.clone());
            }
            let of_hooks = move |name: &HeaderName| fields.iter().any(|(field, _)| hop::are_aliases(field, name));
            exchange.body = exchange.body.take().without_trailers(of_hooks);
        }
        Flow::Next
    }
}

/// Asks about a reply.
pub struct After(pub Arc<Hooks>);

impl OnResponse for After {
    fn wait<'a>(&'a self, exchange: &'a mut Exchange, reply: &'a mut Reply) -> Option<BoxFuture<'a, Result<(), Problem>>> {
        let on = match reply.source {
            Source::Upstream | Source::Policy => On::Response,
            Source::Gateway => On::Error,
        };
        // A 101 has a connection in its body's place.
        let skips = reply.status.is_informational() || exchange.kept.get::<Unasked>().is_some() || !self.0.is_on(on);
        if skips { None } else { Some(Box::pin(self.0.after(on, exchange, reply))) }
    }
}
