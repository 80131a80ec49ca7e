//! A request that the cache cannot answer: it waits for one that is under way, or asks the origin, and what comes of that is
//! taken in.

use super::drive::{End, Engine};
use super::fallback::StoodIn;
use super::onward::{Until, rest};
use super::watch::Watch;
use crate::compile::Pipeline;
use crate::http::{Body, Exchange, Problem, Record, Reply, Request};
use crate::policy::cache::{Cache, Fetch, Fill, Next, Part, Taken};
use crate::policy::stage::Place;
use crate::upstream::{Transport, timeout};
use http::{HeaderMap, Method, StatusCode};
use smallvec::SmallVec;
use std::sync::Arc;
use std::time::Duration;
use tokio::time::{Instant, timeout_at};

/// What answers a request that the cache sends on.
pub async fn fetched<T: Transport, W: Watch>(
    engine: &Arc<Engine<T>>,
    pipeline: &Pipeline,
    cache: &Cache,
    mut fetch: Box<Fetch>,
    encoded_slash: bool,
    exchange: &mut Exchange,
    watch: &mut W,
) -> End {
    let mut until = None;
    while let Some(part) = cache.join(&fetch) {
        let answer = match part {
            Part::Leads(lead) => {
                fetch.leads(lead);
                continue;
            }
            Part::Waits(waiting) => {
                let until = *until.get_or_insert_with(|| Instant::now() + total(engine, pipeline, exchange));
                match timeout_at(until, waiting.next()).await {
                    Ok(Next::Again) => continue,
                    Ok(Next::Failed) => match cache.do_without(&fetch, exchange, None) {
                        Some(reply) => Some(reply),
                        None => continue,
                    },
                    Ok(Next::Alone) | Err(_) => None,
                    Ok(Next::Look) => cache.look_again(&mut fetch, exchange),
                    Ok(Next::Follow(fill)) => cache.follow(&fetch, &fill, exchange),
                }
            }
        };
        if let Some(reply) = answer {
            exchange.record.stopped = Some(Place::Cache.name());
            return End::Reply(reply);
        }
        fetch.goes_alone();
    }
    if let Some(until) = until {
        exchange.kept.insert(Until(until));
    }
    asked(engine, pipeline, cache, &mut fetch, encoded_slash, exchange, watch).await.0
}

/// How long a request may wait for another's answer: as long as for its own, which then has what is left.
fn total<T: Transport>(engine: &Engine<T>, pipeline: &Pipeline, exchange: &Exchange) -> Duration {
    let upstream = exchange.upstream.and_then(|index| Some((index, engine.upstream(index).ok()?)));
    // What a policy answers has no `total` of its own.
    upstream.map_or(timeout::Config::default(), |(index, upstream)| pipeline.terms(index, upstream).timeouts).total
}

/// Asks the origin, a second time if it speaks of something that is not stored.
async fn asked<T: Transport, W: Watch>(
    engine: &Arc<Engine<T>>,
    pipeline: &Pipeline,
    cache: &Cache,
    fetch: &mut Fetch,
    encoded_slash: bool,
    exchange: &mut Exchange,
    watch: &mut W,
) -> (End, Option<Arc<Fill>>) {
    let now = exchange.clock.now();
    let forwarding = exchange.forwarding.clone();
    fetch.prepare(&mut exchange.request.headers, now);
    // What is stored is better than what the policy says instead.
    let fallback = pipeline.fallback.as_ref().filter(|_| !fetch.can_do_without(now));
    let mut end = rest(engine, pipeline, fallback, encoded_slash, exchange, watch).await;
    for tries_left in [true, false] {
        let of_target = exchange.kept.get::<StoodIn>().is_none();
        match cache.take_in(fetch, exchange, answer(end), of_target) {
            Taken::Reply(reply, fill) => return (End::Reply(reply), fill),
            Taken::Problem(problem) => return (End::Problem(problem), None),
            Taken::Again if tries_left => {
                exchange.request.headers = fetch.again();
                exchange.request.target = exchange.arrived().clone();
                exchange.forwarding.clone_from(&forwarding);
                end = rest(engine, pipeline, pipeline.fallback.as_ref(), encoded_slash, exchange, watch).await;
            }
            Taken::Again => break,
        }
    }
    (End::Problem(Problem::new(StatusCode::BAD_GATEWAY, "the upstream answered 304 to a request without conditions")), None)
}

#[expect(clippy::result_large_err, reason = "the error is the answer")]
fn answer(end: End) -> Result<Reply, Problem> {
    match end {
        End::Reply(reply) => Ok(reply),
        End::Problem(problem) => Err(problem),
    }
}

/// Fetches what is to replace something stale that has just been answered. Nobody waits for it.
pub fn beside<T: Transport>(engine: &Arc<Engine<T>>, route: usize, mut fetch: Box<Fetch>, encoded_slash: bool, exchange: &Exchange) {
    let engine = Arc::clone(engine);
    let mut exchange = copy(exchange, fetch.fields());
    tokio::spawn(async move {
        let Some(pipeline) = engine.plan.pipeline(route) else { return };
        let Some(cache) = &pipeline.cache else { return };
        let (end, fill) = asked(&engine, pipeline, cache, &mut fetch, encoded_slash, &mut exchange, &mut ()).await;
        if let Some(fill) = fill {
            fill.keep_on();
        }
        if let End::Problem(problem) = end {
            tracing::debug!(status = problem.status.as_u16(), "a stale response was not brought up to date");
        }
    });
}

/// The same request with these fields, asked by the gateway itself.
fn copy(exchange: &Exchange, fields: &HeaderMap) -> Exchange {
    let request = &exchange.request;
    Exchange {
        request: Request {
            method: Method::GET,
            host: Arc::clone(&request.host),
            authority: request.authority.clone(),
            target: request.target.clone(),
            headers: fields.clone(),
        },
        body: Body::empty(),
        client: exchange.client.clone(),
        id: exchange.id.clone(),
        forwarding: exchange.forwarding.clone(),
        early: None,
        spans: None,
        params: exchange.params.clone(),
        identities: exchange.identities.clone(),
        started: Instant::now(),
        clock: exchange.clock,
        upstream: exchange.upstream,
        upstream_name: exchange.upstream_name.clone(),
        affinity: exchange.affinity,
        kept_fields: exchange.kept_fields.clone(),
        quota: None,
        record: Record::default(),
        kept: exchange.kept.clone(),
        guards: SmallVec::new(),
        calls: Arc::clone(&exchange.calls),
    }
}
