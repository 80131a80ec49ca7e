//! Upstreams' own OpenAPI documents, fetched for `respond openapi` as the policy says: with the plan, and every so often.

use crate::compile::Plan;
use crate::compile::openapi::{DOCUMENT_MAX, Described, Source};
use crate::http::{Affinity, Body, Fault, Outgoing};
use crate::upstream::call::{self, Terms};
use crate::upstream::{Transport, Upstream};
use futures_util::future::join_all;
use http::header::ACCEPT;
use http::uri::PathAndQuery;
use http::{HeaderMap, HeaderValue, Method, StatusCode};
use parking_lot::Mutex;
use std::time::Duration;
use tokio::time::{sleep, timeout};

/// When an upstream is asked again that had no document to give, where that is sooner than it would be anyway.
const AGAIN: Duration = Duration::from_secs(10);

/// Keeps the documents of a plan's upstreams fresh; ends only where there are none.
pub async fn keep<T: Transport>(plan: &Plan, transport: &T) {
    let Some(described) = &plan.described else { return };
    let random = Mutex::new(fastrand::Rng::new());
    join_all(described.sources().iter().map(|source| follow(described, source, plan, transport, &random))).await;
}

async fn follow<T: Transport>(described: &Described, source: &Source, plan: &Plan, transport: &T, random: &Mutex<fastrand::Rng>) {
    let Some(upstream) = plan.upstreams.get(usize::from(source.upstream.0)) else { return };
    let mut failing = false;
    loop {
        let text = match timeout(upstream.config.timeout.total, fetched(source, upstream, transport, random)).await {
            Ok(text) => text,
            Err(_) => Err("it takes too long".to_owned()),
        };
        let outcome = text.and_then(|text| described.fetched(source, &text));
        match outcome {
            Ok(changed) => {
                if changed {
                    tracing::info!(upstream = source.name, "the upstream's OpenAPI document was read");
                    if let Some(cut) = source.cut() {
                        tracing::warn!(upstream = source.name, cut, "not all of the upstream's OpenAPI document is served");
                    }
                }
                failing = false;
                sleep(source.every).await;
            }
            Err(cause) => {
                if !std::mem::replace(&mut failing, true) {
                    tracing::warn!(upstream = source.name, cause, "the upstream's OpenAPI document cannot be read: the last one stays");
                }
                sleep(source.every.min(AGAIN)).await;
            }
        }
    }
}

async fn fetched<T: Transport>(
    source: &Source,
    upstream: &Upstream,
    transport: &T,
    random: &Mutex<fastrand::Rng>,
) -> Result<bytes::Bytes, String> {
    let outgoing = Outgoing {
        method: Method::GET,
        target: PathAndQuery::try_from(source.path.as_str()).map_err(|_| "its path is none".to_owned())?,
        authority: authority(upstream),
        headers: HeaderMap::from_iter([(ACCEPT, HeaderValue::from_static("application/json"))]),
        forwarding: None,
        spans: None,
        affinity: Affinity::default(),
        body: Body::empty(),
        early: None,
    };
    let terms = Terms { timeouts: upstream.config.timeout, retry: None };
    let told = |fault: Fault| fault.to_string();
    let (reply, _) = call::call(transport, upstream, terms, outgoing, random, &mut 0).await.map_err(told)?;
    if reply.status != StatusCode::OK {
        return Err(format!("it answers {}", reply.status.as_u16()));
    }
    reply.body.collected(DOCUMENT_MAX).await.map_err(told)
}

/// The host that is asked for: the upstream's first, since no client has named one.
fn authority(upstream: &Upstream) -> HeaderValue {
    let first = upstream.config.targets.first().map(|target| match target.host.contains(':') {
        true => format!("[{}]:{}", target.host, target.port),
        false => format!("{}:{}", target.host, target.port),
    });
    let found = first.or_else(|| upstream.config.resolve.as_ref().map(|resolve| resolve.host.clone()));
    found.and_then(|text| HeaderValue::try_from(text).ok()).unwrap_or_else(|| HeaderValue::from_static("localhost"))
}
