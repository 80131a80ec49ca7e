//! What became of one request of a test.

use super::Trace;
use crate::compile::{Pipeline, Plan};
use crate::http::Fault;
use crate::ir::Program;
use crate::policy::Config;
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
    /// The stages it met; the last one answered.
    pub stages: Vec<&'static str>,
    /// The upstream that was called.
    pub upstream: Option<Arc<str>>,
    /// Attempts made.
    pub attempts: u32,
    /// The limit that refused.
    pub limited_by: Option<Arc<str>>,
    /// The cache's verdict.
    pub cache: Option<&'static str>,
    /// What the upstream got: the last request, where there were several.
    pub received: Option<Received>,
}

impl Answer {
    /// Reads the reply to its end; what the exchange holds is held until then.
    pub async fn read(driven: Driven, program: &Program, plan: &Plan, is_head: bool) -> Self {
        let Driven { reply, exchange, route } = driven;
        let body = if is_head { Ok(Bytes::new()) } else { read(reply.body).await };
        let record = &exchange.record;
        let pipeline = route.and_then(|route| plan.pipelines.get(route));
        let stopped = record.stopped.map(|name| (name, place(name, route, record.limited_by.as_deref(), program)));
        let upstream = record.upstream.and_then(|index| plan.upstreams.get(usize::from(index.0)));
        Self {
            status: reply.status,
            headers: reply.headers,
            body,
            route: route.and_then(|route| plan.names.get(route)).map(Arc::clone),
            stages: stages(pipeline.map(|pipeline| &**pipeline), stopped),
            upstream: upstream.map(|upstream| Arc::clone(&upstream.name)),
            attempts: record.attempts,
            limited_by: record.limited_by.clone(),
            cache: record.cache,
            received: None,
        }
    }

    /// The stage that answered.
    #[must_use]
    pub fn stage(&self) -> &'static str {
        self.stages.last().copied().unwrap_or_default()
    }

    /// As a report shows it.
    #[must_use]
    pub fn trace(&self) -> Trace {
        let text = |name: &Option<Arc<str>>| name.as_deref().map(str::to_owned);
        Trace {
            route: text(&self.route),
            stages: self.stages.clone(),
            status: self.status.as_u16(),
            upstream: text(&self.upstream),
            attempts: self.attempts,
            limited_by: text(&self.limited_by),
            cache: self.cache,
        }
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

/// Where in the pipeline a stage stopped the request. Limits stand at two places under one name.
fn place(stopped: &str, route: Option<usize>, limited_by: Option<&str>, program: &Program) -> Option<Place> {
    let policies = route.and_then(|route| program.routes.get(route)).map(|route| &route.policies);
    let limits = policies.into_iter().flatten().filter_map(|policy| match policy {
        Config::Limit(limits) => Some(&limits.limits),
        _ => None,
    });
    let by_identity = limits.flatten().any(|limit| limit.by_identity && Some(limit.name.as_str()) == limited_by);
    let places = [
        Place::Access,
        Place::Preflight,
        if by_identity { Place::LimitByIdentity } else { Place::Limit },
        Place::Authenticate,
        Place::Authorize,
        Place::Target,
        Place::Body,
        Place::Cache,
        Place::Shape,
        Place::Call,
    ];
    places.into_iter().find(|place| place.name() == stopped)
}

/// The stages of a pipeline that have something to do, up to the one that answered.
fn stages(pipeline: Option<&Pipeline>, stopped: Option<(&'static str, Option<Place>)>) -> Vec<&'static str> {
    let Some(pipeline) = pipeline else { return stopped.map(|(name, _)| name).into_iter().collect() };
    let (last, end) = stopped.unwrap_or((Place::Call.name(), Some(Place::Call)));
    let before = pipeline.request.iter().map(|(place, _)| *place).filter(|place| end.is_some_and(|end| *place < end));
    let mut places: Vec<Place> = before.collect();
    places.dedup();
    std::iter::once("match").chain(places.into_iter().map(Place::name)).chain(std::iter::once(last)).collect()
}
