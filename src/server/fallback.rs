//! Where a route's target fails: what the route says answers in its place.

use super::drive::{End, Engine};
use super::onward::{Sticks, answered, pass};
use crate::compile::Pipeline;
use crate::http::{Exchange, Fault, Reply, UpstreamIndex};
use crate::policy::fallback::Fallback;
use crate::policy::stage::Place;
use crate::upstream::Transport;
use crate::upstream::replay::Replay;
use crate::upstream::retry::is_idempotent;
use std::sync::Arc;

/// The fallback was asked: what answers is not the target's.
#[derive(Debug, Clone, Copy)]
pub struct StoodIn;

/// Sends the request on; where its target fails, the fallback answers, whatever becomes of that. What must not be carried out
/// twice goes to an upstream only where the target cannot have had it.
pub async fn pass_or<T: Transport>(
    engine: &Engine<T>,
    pipeline: &Pipeline,
    fallback: &Fallback,
    (target, encoded_slash): (UpstreamIndex, bool),
    exchange: &mut Exchange,
) -> Result<Reply, Fault> {
    if matches!(fallback, Fallback::Upstream(_)) {
        exchange.tell();
    }
    let once = matches!(fallback, Fallback::Upstream(_)) && !may_repeat(engine, pipeline, target, exchange);
    let attempts = exchange.record.attempts;
    let early = exchange.early.clone();
    let headers = matches!(fallback, Fallback::Upstream(_)).then(|| exchange.request.headers.clone());
    let body = matches!(fallback, Fallback::Upstream(_)).then(|| Replay::new(exchange.body.take()));
    if let Some(body) = &body {
        exchange.body = body.body().unwrap_or_default();
    }
    let answer = pass(engine, pipeline, target, exchange).await;
    if !Fallback::replaces_outcome(&answer) {
        return answer;
    }
    let nothing_sent = exchange.record.attempts == attempts || answer.as_ref().is_err_and(Fault::nothing_sent);
    if once && !nothing_sent {
        return answer;
    }
    if let Err(fault) = &answer {
        tracing::debug!(id = ?exchange.id, %fault, "a call failed, and the fallback is asked");
    }
    exchange.request.headers = headers.unwrap_or_default();
    exchange.early = early;
    let again = body.and_then(|body| body.body());
    let intact = again.is_some();
    exchange.body = again.unwrap_or_default();
    stand_in(engine, pipeline, (fallback, encoded_slash, intact), exchange, answer).await.unwrap_or_else(|answer| answer)
}

/// True for a request that means the same when two upstreams get it: by its method, or by its key where the target knows it.
fn may_repeat<T: Transport>(engine: &Engine<T>, pipeline: &Pipeline, target: UpstreamIndex, exchange: &Exchange) -> bool {
    let request = &exchange.request;
    is_idempotent(request.method.as_str())
        || engine
            .upstream(target)
            .is_ok_and(|upstream| pipeline.terms(target, upstream).retry.is_some_and(|retry| retry.names(&request.headers)))
}

/// What becomes of a request that a stage refused, where the policy itself answers.
pub async fn refused_or<T: Transport>(
    engine: &Engine<T>,
    pipeline: &Pipeline,
    with: (&Fallback, bool, bool),
    exchange: &mut Exchange,
    end: End,
) -> End {
    match end {
        End::Problem(problem) if Fallback::replaces(problem.status) => match stand_in(engine, pipeline, with, exchange, problem).await {
            Ok(answer) => answered(exchange, answer),
            Err(problem) => End::Problem(problem),
        },
        End::Problem(_) | End::Reply(_) => end,
    }
}

/// What the fallback answers. Where it cannot, `failed` is what is left: an upstream gets no request whose body is not
/// `intact`, and no encoded slash that it does not want.
pub async fn stand_in<T: Transport, F>(
    engine: &Engine<T>,
    pipeline: &Pipeline,
    (fallback, encoded_slash, intact): (&Fallback, bool, bool),
    exchange: &mut Exchange,
    failed: F,
) -> Result<Result<Reply, Fault>, F> {
    exchange.kept.insert(StoodIn);
    exchange.kept.remove::<Sticks>();
    let Fallback::Upstream(index) = fallback else {
        exchange.record.stopped = Some(Place::Call.name());
        return fallback.reply(exchange).map(Ok).ok_or(failed);
    };
    let upstream = match engine.upstream(*index) {
        Ok(upstream) if intact && (!encoded_slash || upstream.config.encoded_slashes) => upstream,
        Ok(_) | Err(_) => return Err(failed),
    };
    // What it holds, a connection and a place, nobody needs any more.
    drop(failed);
    exchange.upstream = Some(*index);
    exchange.upstream_name = Some(Arc::clone(&upstream.name));
    exchange.affinity = upstream.affinity(exchange);
    exchange.record.stopped = None;
    Ok(pass(engine, pipeline, *index, exchange).await)
}
