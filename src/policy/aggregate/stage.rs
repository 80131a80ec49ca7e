//! Asks the parts in parallel and puts their answers together.

use super::{Config, PART_MAX, Part};
use crate::http::caching::{AtMost, Strictest};
use crate::http::fault::PROXY_STATUS;
use crate::http::{Affinity, Body, Calls, Clock, Exchange, Fault, FaultKind, Outgoing, Problem, Reply, UpstreamIndex};
use crate::lang::eval::Facts;
use crate::policy::stage::{Flow, OnRequest};
use crate::policy::taken::taken;
use bytes::Bytes;
use futures_util::future::try_join_all;
use http::header::{
    ACCEPT, ACCEPT_ENCODING, CACHE_CONTROL, CONTENT_ENCODING, CONTENT_LANGUAGE, CONTENT_LENGTH, CONTENT_TYPE, EXPECT, IF_MATCH, IF_MODIFIED_SINCE,
    IF_NONE_MATCH, IF_RANGE, UPGRADE, IF_UNMODIFIED_SINCE, RANGE,
};
use http::uri::PathAndQuery;
use http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode};
use serde_json::value::RawValue;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

/// Names the optional parts that are missing.
const INCOMPLETE: HeaderName = HeaderName::from_static("x-gate-incomplete");

/// What a client asks of the whole answer and no part can fulfil.
const OF_THE_WHOLE: &[HeaderName] =
    &[ACCEPT_ENCODING, CONTENT_LENGTH, EXPECT, IF_MATCH, IF_MODIFIED_SINCE, IF_NONE_MATCH, IF_RANGE, IF_UNMODIFIED_SINCE, RANGE, UPGRADE];
/// What belongs to a body that a GET does not have.
const OF_THE_BODY: &[HeaderName] = &[CONTENT_TYPE, CONTENT_ENCODING, CONTENT_LANGUAGE];

/// The request part.
pub(super) struct Aggregate {
    parts: Arc<[Asked]>,
    sends_body: bool,
}

/// A part, ready to be asked.
struct Asked {
    part: Part,
    method: Method,
    default: Option<Box<RawValue>>,
}

impl Aggregate {
    pub(super) fn new(config: &Config) -> Self {
        let asked = |part: &Part| Asked {
            method: Method::from_bytes(part.method.as_bytes()).unwrap_or(Method::GET),
            default: part.default.clone().and_then(|default| RawValue::from_string(default).ok()),
            part: part.clone(),
        };
        let parts: Arc<[Asked]> = config.parts.iter().map(asked).collect();
        Self { sends_body: parts.iter().any(|asked| asked.method != Method::GET && asked.part.body.is_none()), parts }
    }
}

impl OnRequest for Aggregate {
    fn request<'a>(&'a self, exchange: &'a mut Exchange) -> Flow<'a> {
        let facts = Facts::request(exchange);
        let targets: Option<Vec<(PathAndQuery, Affinity)>> = self
            .parts
            .iter()
            .map(|asked| {
                let target = asked.part.target.eval(facts).as_text().filter(|text| leads_straight(text))?.parse().ok()?;
                Some((target, exchange.calls.affinity(UpstreamIndex(asked.part.upstream), exchange)))
            })
            .collect();
        let Some(targets) = targets else {
            return Flow::Refuse(Problem::new(StatusCode::BAD_REQUEST, "the request's path leads nowhere"));
        };
        let own: Vec<Option<Bytes>> = self.parts.iter().map(|asked| own_body(&asked.part, facts)).collect();
        let body = if self.sends_body { exchange.body.take() } else { Body::empty() };
        let request = &exchange.request;
        let (headers, authority, calls) = (end_to_end(&request.headers), request.authority.clone(), exchange.calls.clone());
        let (record, kept, spans, clock) = (&mut exchange.record, &mut exchange.kept, &exchange.spans, exchange.clock);
        Flow::Wait(Box::pin(async move {
            let body = match body.collected(PART_MAX).await {
                Ok(body) => body,
                Err(fault) => return Flow::Refuse(fault.problem()),
            };
            let attempts = Arc::<AtomicU32>::default();
            let answers = self.parts.iter().zip(targets).zip(own).map(|((asked, (target, affinity)), own)| {
                let spans = spans.clone();
                let outgoing = Outgoing { affinity, spans, ..outgoing(&asked.method, target, &authority, &headers, own, &body) };
                answer(asked, calls.clone(), outgoing, Arc::clone(&attempts), clock)
            });
            let answered = try_join_all(answers).await;
            record.attempts += attempts.load(Ordering::Relaxed);
            match answered {
                Ok(answers) => {
                    let mut keeping = Strictest::default();
                    for member in &answers {
                        if let Member::Whole { headers, came, .. } = member {
                            keeping.add(headers, *came, is_clients);
                        }
                    }
                    kept.remove::<AtMost>();
                    if let Some(at_most) = keeping.at_most() {
                        kept.insert(at_most);
                    }
                    Flow::Answer(together(&self.parts, &answers, &keeping))
                }
                Err(problem) => Flow::Refuse(problem),
            }
        }))
    }
}

/// No step that a value could have put into the path.
fn leads_straight(target: &str) -> bool {
    let path = target.split('?').next().unwrap_or_default();
    let step = |segment: &str| matches!(segment.replace("%2e", ".").replace("%2E", ".").as_str(), "." | "..");
    path.starts_with('/') && !path.contains("//") && !path.split('/').any(step)
}

fn end_to_end(headers: &HeaderMap) -> HeaderMap {
    let mut headers = headers.clone();
    for name in OF_THE_WHOLE {
        headers.remove(name);
    }
    headers.insert(ACCEPT, HeaderValue::from_static("application/json"));
    headers
}

/// The JSON that a part is sent in place of the client's body.
fn own_body(part: &Part, facts: Facts<'_>) -> Option<Bytes> {
    let text = part.body.as_ref()?.eval(facts).as_text()?.into_owned();
    Some(Bytes::from(text))
}

fn outgoing(
    method: &Method,
    target: PathAndQuery,
    authority: &HeaderValue,
    headers: &HeaderMap,
    own: Option<Bytes>,
    body: &Bytes,
) -> Outgoing {
    let mut headers = headers.clone();
    let body = if let Some(own) = own {
        for name in OF_THE_BODY {
            headers.remove(name);
        }
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
        Body::full(own)
    } else if *method == Method::GET {
        for name in OF_THE_BODY {
            headers.remove(name);
        }
        Body::empty()
    } else {
        Body::full(body.clone())
    };
    let (method, authority) = (method.clone(), authority.clone());
    Outgoing { method, target, authority, headers, forwarding: None, affinity: Affinity::default(), body, early: None, spans: None }
}

/// What became of a part that is there, or may be missing.
enum Member {
    Whole { value: Box<RawValue>, headers: HeaderMap, came: Duration },
    Missing,
}

/// Why a part has nothing to show, in the words of `Proxy-Status` (RFC 9209).
enum Failure {
    Late,
    Status(StatusCode),
    TooLarge,
    NotJson,
    Fault(Fault),
}

impl Failure {
    fn proxy_status(self) -> Option<HeaderValue> {
        match self {
            Self::Late => Some(HeaderValue::from_static("gatewright; error=http_response_timeout")),
            Self::Status(status) => HeaderValue::try_from(format!("gatewright; received-status={}", status.as_u16())).ok(),
            Self::TooLarge => Some(HeaderValue::from_static("gatewright; error=http_response_body_size")),
            Self::NotJson => Some(HeaderValue::from_static("gatewright; error=http_protocol_error")),
            Self::Fault(fault) => fault.problem().headers.into_iter().find(|(name, _)| *name == PROXY_STATUS).map(|(_, value)| value),
        }
    }
}

/// Asks one part; a required one that fails ends all.
async fn answer(
    asked: &Asked,
    calls: Arc<dyn Calls>,
    outgoing: Outgoing,
    attempts: Arc<AtomicU32>,
    clock: Clock,
) -> Result<Member, Problem> {
    let within = asked.part.within.or_else(|| calls.total(UpstreamIndex(asked.part.upstream)));
    let fetched = fetched(&asked.part, calls, outgoing, attempts, clock);
    let fetched = match within {
        Some(within) => tokio::time::timeout(within, fetched).await.unwrap_or(Err(Failure::Late)),
        None => fetched.await,
    };
    match fetched {
        Ok(member) => Ok(member),
        Err(_) if asked.default.is_some() => Ok(Member::Missing),
        Err(failure) => {
            let problem = Problem::new(StatusCode::BAD_GATEWAY, format!("the part `{}` of the answer failed", asked.part.name));
            Err(match failure.proxy_status() {
                Some(value) => problem.with(PROXY_STATUS, value),
                None => problem,
            })
        }
    }
}

async fn fetched(
    part: &Part,
    calls: Arc<dyn Calls>,
    outgoing: Outgoing,
    attempts: Arc<AtomicU32>,
    clock: Clock,
) -> Result<Member, Failure> {
    let reply = calls.call_counted(UpstreamIndex(part.upstream), outgoing, attempts).await.map_err(Failure::Fault)?;
    if !reply.status.is_success() {
        return Err(Failure::Status(reply.status));
    }
    let (headers, came) = (reply.headers, clock.now());
    let body = reply.body.collected(PART_MAX).await.map_err(|fault| match fault.kind {
        FaultKind::BodyTooLarge => Failure::TooLarge,
        _ => Failure::Fault(fault),
    })?;
    let value = taken(&body, &part.take).ok_or(Failure::NotJson)?;
    Ok(Member::Whole { value, headers, came })
}

/// True for a field of a part's request that is as the client sent it.
fn is_clients(name: &HeaderName) -> bool {
    *name != ACCEPT && !OF_THE_WHOLE.contains(name)
}

/// One object, a member for each part, in their order. Without some of them it is for nobody else.
fn together(parts: &[Asked], answers: &[Member], keeping: &Strictest) -> Reply {
    let mut body = String::from("{");
    let mut missing: Vec<&str> = Vec::new();
    for (asked, member) in parts.iter().zip(answers) {
        let name = asked.part.name.as_str();
        let value = match (member, &asked.default) {
            (Member::Whole { value, .. }, _) => value.get(),
            (Member::Missing, default) => {
                missing.push(name);
                default.as_deref().map_or("null", RawValue::get)
            }
        };
        if body.len() > 1 {
            body.push(',');
        }
        body.push_str(&serde_json::Value::from(name).to_string());
        body.push(':');
        body.push_str(value);
    }
    body.push('}');
    let mut reply = Reply::of(StatusCode::OK, "application/json", body);
    if missing.is_empty() {
        keeping.tell(&mut reply.headers);
    } else if let Ok(value) = HeaderValue::try_from(missing.join(", ")) {
        reply.headers.insert(INCOMPLETE, value);
        reply.headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    }
    reply
}
