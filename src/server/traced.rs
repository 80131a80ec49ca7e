//! The span of a request that is traced: told when its reply has ended.

use crate::compile::Plan;
use crate::http::{Exchange, Reply};
use crate::otlp::{RequestSpan, Tracer};
use std::sync::Arc;
use tokio::time::Instant;

/// A traced request whose reply is on its way. It has ended when this is dropped.
struct Traced {
    tracer: Arc<Tracer>,
    span: Option<Box<RequestSpan>>,
}

impl Drop for Traced {
    fn drop(&mut self) {
        if let Some(mut span) = self.span.take() {
            span.ended = Instant::now();
            self.tracer.tell(span);
        }
    }
}

/// Has a request's span told when its reply has ended, where it is traced.
pub fn answered(exchange: &mut Exchange, route: Option<usize>, reply: &Reply, plan: &Plan) {
    let Some(spans) = exchange.spans.take() else { return };
    let Some(tracer) = &plan.tracer else { return };
    let route = route.and_then(|route| Some((Arc::clone(plan.name(route)?), Arc::clone(plan.patterns.get(route)?))));
    let span = RequestSpan {
        spans,
        clock: exchange.clock,
        began: exchange.started,
        ended: exchange.started,
        method: exchange.request.method.clone(),
        scheme: exchange.client.scheme,
        host: Arc::clone(&exchange.request.host),
        path: exchange.arrived().path().to_owned(),
        route,
        status: reply.status,
        client: exchange.client.ip,
        id: exchange.id.clone(),
    };
    exchange.guards.push(Box::new(Traced { tracer: Arc::clone(tracer), span: Some(Box::new(span)) }));
}
