//! Where a route's target fails: what the route says answers in its place.

use super::drive::{Engine, pass};
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
    let kept = fallback.needs_request().then(|| exchange.request.headers.clone());
    let elsewhere = match fallback {
        Fallback::Upstream(index) => engine.plan.upstreams.get(usize::from(index.0)).map(|upstream| (*index, upstream)),
        Fallback::Ready(..) | Fallback::Text(..) => None,
    };
    let body = elsewhere.map(|_| {
        let body = Replay::new(exchange.body.take());
        exchange.body = body.body().unwrap_or_default();
        body
    });
    let answer = pass(engine, pipeline, target, exchange).await;
    if !Fallback::replaces(&answer) {
        return answer;
    }
    exchange.request.headers = kept.unwrap_or_default();
    if let Some(reply) = fallback.reply(exchange) {
        if let Err(fault) = answer {
            tracing::debug!(id = ?exchange.id, %fault, "the fallback answers");
        }
        exchange.record.stopped = Some(Place::Call.name());
        return Ok(reply);
    }
    // An upstream that does not want encoded slashes gets none this way either; and what has gone cannot be sent again.
    let (Some((index, upstream)), Some(body)) = (elsewhere, body.and_then(|body| body.body())) else { return answer };
    if encoded_slash && !upstream.config.encoded_slashes {
        return answer;
    }
    drop(answer);
    exchange.body = body;
    exchange.upstream = Some(index);
    exchange.upstream_name = Some(Arc::clone(&upstream.name));
    pass(engine, pipeline, index, exchange).await
}
