//! Where a route's target fails: what the route says answers in its place.

use super::drive::{End, Engine, answered, pass};
use crate::compile::Pipeline;
use crate::http::{Exchange, Fault, Reply, UpstreamIndex};
use crate::policy::fallback::Fallback;
use crate::policy::stage::Place;
use crate::upstream::Transport;
use crate::upstream::replay::Replay;
use std::sync::Arc;

/// Sends the request on; where its target fails, the fallback answers, whatever becomes of that.
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
    let early = exchange.early.clone();
    let headers = fallback.needs_request().then(|| exchange.request.headers.clone());
    let body = matches!(fallback, Fallback::Upstream(_)).then(|| Replay::new(exchange.body.take()));
    if let Some(body) = &body {
        exchange.body = body.body().unwrap_or_default();
    }
    let answer = pass(engine, pipeline, target, exchange).await;
    if !Fallback::replaces_outcome(&answer) {
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
