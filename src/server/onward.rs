//! The rest of a request's way, behind the cache: it is shaped, its target answers or its upstream is called.

use super::drive::{End, Engine};
use super::fallback::{pass_or, refused_or};
use super::watch::Watch;
use crate::compile::Pipeline;
use crate::http::{Exchange, Fault, FaultKind, Outgoing, Problem, Reply, UpstreamIndex, grpc};
use crate::policy::fallback::Fallback;
use crate::policy::stage::{Flow, OnRequest, Place};
use crate::upstream::{Transport, call};
use http::header::SET_COOKIE;
use http::{HeaderValue, StatusCode};
use http_body::Body as _;
use std::pin::pin;
use std::sync::Arc;
use tokio::time::{Instant, timeout_at};

/// When the answer must have begun of a request that has waited for another's; kept with the request.
#[derive(Debug, Clone, Copy)]
pub struct Until(pub Instant);

/// The cookie by which the client stays with what has answered, while a cache takes that in; kept with the request.
#[derive(Debug, Clone)]
pub struct Sticks(pub HeaderValue);

/// One request part; how it ended the request, when it did.
pub async fn ask<W: Watch>(place: Place, part: &dyn OnRequest, exchange: &mut Exchange, watch: &mut W) -> Option<End> {
    watch.before(place, exchange);
    let end = match part.request(exchange) {
        Flow::Next => None,
        Flow::Answer(reply) => Some(End::Reply(reply)),
        Flow::Refuse(problem) => Some(End::Problem(problem)),
        Flow::Wait(wait) => match wait.await {
            Flow::Next | Flow::Wait(_) => None,
            Flow::Answer(reply) => Some(End::Reply(reply)),
            Flow::Refuse(problem) => Some(End::Problem(problem)),
        },
    };
    watch.after(place, part, exchange);
    if end.is_some() {
        exchange.record.stopped = Some(place.name());
    }
    end
}

/// The request parts behind the cache, then the target. Where that fails, the fallback answers, if there is one.
pub async fn rest<T: Transport, W: Watch>(
    engine: &Arc<Engine<T>>,
    pipeline: &Pipeline,
    fallback: Option<&Fallback>,
    encoded_slash: bool,
    exchange: &mut Exchange,
    watch: &mut W,
) -> End {
    for (place, part) in pipeline.behind_cache() {
        exchange.tell();
        let had_body = fallback.is_some() && !exchange.body.is_end_stream();
        if let Some(end) = ask(*place, &**part, exchange, watch).await {
            return match fallback {
                // A body that the part has used up cannot be sent again.
                Some(fallback) if *place == Place::Call => {
                    let with = (fallback, encoded_slash, !had_body || !exchange.body.is_end_stream());
                    Box::pin(refused_or(engine, pipeline, with, exchange, end)).await
                }
                Some(_) | None => end,
            };
        }
    }
    watch.before(Place::Call, exchange);
    match exchange.upstream {
        Some(upstream) => {
            let answer = passed(engine, pipeline, fallback, upstream, encoded_slash, exchange).await;
            answered(exchange, answer)
        }
        // INVARIANT: the checker lets no route pass without a target or a part that answers.
        None => End::Problem(Problem::new(StatusCode::BAD_GATEWAY, "nothing answers this route")),
    }
}

/// What a call's outcome is to the client.
pub fn answered(exchange: &Exchange, answer: Result<Reply, Fault>) -> End {
    match answer {
        Ok(reply) => End::Reply(reply),
        Err(fault) => {
            tracing::debug!(id = ?exchange.id, %fault, "a call failed");
            End::Problem(fault.problem())
        }
    }
}

/// Sends the request on, and takes back what answers it. A route without a fallback has no room for one.
async fn passed<T: Transport>(
    engine: &Engine<T>,
    pipeline: &Pipeline,
    fallback: Option<&Fallback>,
    target: UpstreamIndex,
    encoded_slash: bool,
    exchange: &mut Exchange,
) -> Result<Reply, Fault> {
    match fallback {
        None => pass(engine, pipeline, target, exchange).await,
        Some(fallback) => Box::pin(pass_or(engine, pipeline, fallback, (target, encoded_slash), exchange)).await,
    }
}

/// Sends the request on, and takes back what the upstream answers.
///
/// # Errors
/// Those of [`call::call`], and when a wait for another's answer has used up all of its time.
pub async fn pass<T: Transport>(
    engine: &Engine<T>,
    pipeline: &Pipeline,
    index: UpstreamIndex,
    exchange: &mut Exchange,
) -> Result<Reply, Fault> {
    let upstream = engine.upstream(index)?;
    let request = &mut exchange.request;
    let mut wanted_until = None;
    if grpc::is_call(&request.method, &request.headers) {
        wanted_until = grpc::timeout(&request.headers).and_then(|time| exchange.started.checked_add(time));
        exchange.kept.insert(grpc::Call);
    }
    let mut terms = pipeline.terms(index, upstream);
    if let Some(Until(until)) = exchange.kept.remove() {
        terms.timeouts.total = until.saturating_duration_since(Instant::now());
        if terms.timeouts.total.is_zero() {
            return Err(Fault::new(FaultKind::TotalTimeout, "another request for the same thing was not answered in time"));
        }
    }
    let outgoing = Outgoing {
        method: request.method.clone(),
        target: request.target.clone(),
        authority: request.authority.clone(),
        headers: std::mem::take(&mut request.headers),
        forwarding: exchange.forwarding.take(),
        affinity: exchange.affinity,
        body: exchange.body.take(),
        early: exchange.early.take(),
        spans: exchange.spans.clone(),
    };
    exchange.record.upstream = Some(index);
    let affinity = exchange.affinity;
    let call = pin!(call::call(&*engine.transport, upstream, terms, outgoing, &engine.random, &mut exchange.record.attempts));
    let (mut reply, at) = match wanted_until {
        None => call.await,
        // Whatever is still to come of the request: nobody waits for its answer any longer.
        Some(until) => {
            let late = |_| Fault::new(FaultKind::TotalTimeout, "the caller's own deadline is over");
            timeout_at(until, call).await.unwrap_or_else(|elapsed| Err(late(elapsed)))
        }
    }?;
    if let Some(cookie) = at.and_then(|endpoint| upstream.sticks(&endpoint, affinity)) {
        match &pipeline.cache {
            None => _ = reply.headers.append(SET_COOKIE, cookie),
            Some(_) => _ = exchange.kept.insert(Sticks(cookie)),
        }
    }
    Ok(reply)
}
