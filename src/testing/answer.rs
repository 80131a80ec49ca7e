//! What became of one request of a test.

use crate::compile::Plan;
use crate::http::Fault;
use crate::policy::stage::Place;
use crate::server::Driven;
use crate::upstream::script::Received;
use bytes::Bytes;
use http::{HeaderMap, StatusCode};
use http_body_util::{BodyExt, Limited};
use std::sync::Arc;

/// The largest body of a reply that a test reads, in bytes.
const BODY_BYTES_MAX: usize = 64 << 20;

/// A reply, read to its end, and how it came about.
#[derive(Debug, Clone)]
pub struct Answer {
    /// The status.
    pub status: StatusCode,
    /// The fields.
    pub headers: HeaderMap,
    /// The body, or why it broke off.
    pub body: Result<Bytes, String>,
    /// The route's name.
    pub route: Option<Arc<str>>,
    /// The stage that answered or refused.
    pub stage: &'static str,
    /// The upstream that was called.
    pub upstream: Option<Arc<str>>,
    /// Attempts made.
    pub attempts: u32,
    /// The limit that refused.
    pub limited_by: Option<Arc<str>>,
    /// The cache's verdict.
    pub cache: Option<&'static str>,
    /// What upstreams got, in order.
    pub received: Vec<Received>,
}

impl Answer {
    /// Reads the reply to its end; what the exchange holds is held until then.
    pub async fn read(driven: Driven, plan: &Plan, is_head: bool) -> Self {
        let Driven { reply, exchange, route } = driven;
        let body = if is_head { Ok(Bytes::new()) } else { read(reply.body).await };
        let record = &exchange.record;
        let upstream = record.upstream.and_then(|index| plan.upstreams.get(usize::from(index.0)));
        Self {
            status: reply.status,
            headers: reply.headers,
            body,
            route: route.and_then(|route| plan.name(route)).map(Arc::clone),
            stage: record.stopped.unwrap_or(Place::Call.name()),
            upstream: upstream.map(|upstream| Arc::clone(&upstream.name)),
            attempts: record.attempts,
            limited_by: record.limited_by.clone(),
            cache: record.cache,
            received: Vec::new(),
        }
    }

    /// The request as it reached the upstream that answered it; what else upstreams got are parts of it, or copies.
    #[must_use]
    pub fn passed_on(&self) -> Option<&Received> {
        let of_target = |received: &&Received| self.upstream.as_ref().is_none_or(|name| *name == received.upstream);
        self.received.iter().rev().find(of_target)
    }
}

async fn read(body: crate::http::Body) -> Result<Bytes, String> {
    match Limited::new(body, BODY_BYTES_MAX).collect().await {
        Ok(collected) => Ok(collected.to_bytes()),
        Err(error) => Err(match error.downcast::<Fault>() {
            Ok(fault) => fault.to_string(),
            Err(_) => format!("it has more than {BODY_BYTES_MAX} bytes"),
        }),
    }
}
