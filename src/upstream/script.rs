//! Upstreams that are played: for `gate test` and for `gate run --dev`. What is scripted comes first, then the upstream's
//! stubs, then 200 with `{}`.

use super::endpoint::Endpoint;
use super::transport::{Attempt, Transport};
use super::{Upstream, config};
use crate::http::{Body, Client, Exchange, Fault, FaultKind, Outgoing, Reply, Request, Scheme, Source, hop};
use crate::lang::eval::Facts;
use crate::route::Captures;
use bytes::Bytes;
use hashbrown::HashMap;
use http::uri::PathAndQuery;
use http::{HeaderMap, HeaderValue, Method, StatusCode, header};
use http_body_util::BodyExt;
use parking_lot::Mutex;
use std::collections::VecDeque;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

/// One scripted behaviour of an upstream.
#[derive(Debug, Clone)]
pub struct Scene {
    /// What it does.
    pub act: Act,
    /// How many attempts it plays for; `None` for all that come.
    pub times: Option<u32>,
}

/// What a scripted upstream does with an attempt.
#[derive(Debug, Clone)]
pub enum Act {
    /// Answers.
    Reply {
        /// The status.
        status: StatusCode,
        /// The fields.
        headers: HeaderMap,
        /// The body; without one, the stub's for this path if there is one, else `{}`.
        body: Option<Bytes>,
        /// How long it thinks first.
        after: Duration,
    },
    /// Refuses the connection.
    Refuse,
}

/// A request as an upstream received it.
#[derive(Debug, Clone)]
pub struct Received {
    /// The upstream's name.
    pub upstream: Arc<str>,
    /// The method.
    pub method: Method,
    /// The path.
    pub path: String,
    /// The query, without the `?`.
    pub query: Option<String>,
    /// All fields, `Host` among them.
    pub headers: HeaderMap,
    /// The body.
    pub body: Bytes,
}

/// Scripted upstreams by name, and what they received.
#[derive(Debug, Default)]
pub struct Scripted {
    scenes: Mutex<HashMap<String, VecDeque<Scene>>>,
    received: Option<Mutex<Vec<Received>>>,
}

impl Scripted {
    /// A script that records what is received, for tests.
    #[must_use]
    pub fn recording() -> Self {
        Self { scenes: Mutex::default(), received: Some(Mutex::default()) }
    }

    /// Adds a scene behind those an upstream already has; it ends one that would have played for ever.
    pub fn add(&self, upstream: &str, scene: Scene) {
        let mut all = self.scenes.lock();
        let scenes = all.entry(upstream.to_owned()).or_default();
        if scenes.back().is_some_and(|last| last.times.is_none()) {
            scenes.pop_back();
        }
        scenes.push_back(scene);
    }

    /// Takes all that was received since this was last asked, in order.
    #[must_use]
    pub fn take_received(&self) -> Vec<Received> {
        self.received.as_ref().map(|received| std::mem::take(&mut *received.lock())).unwrap_or_default()
    }

    fn next_act(&self, upstream: &str) -> Option<Act> {
        let mut all = self.scenes.lock();
        let scenes = all.get_mut(upstream)?;
        let scene = scenes.front_mut()?;
        let act = scene.act.clone();
        if let Some(times) = &mut scene.times {
            *times = times.saturating_sub(1);
            if *times == 0 {
                scenes.pop_front();
            }
        }
        Some(act)
    }
}

impl Transport for Scripted {
    const PROBES: bool = false;

    async fn exchange(
        &self,
        upstream: &Upstream,
        _endpoint: &Arc<Endpoint>,
        mut request: Outgoing,
        attempt: Attempt,
    ) -> Result<Reply, Fault> {
        let act = self.next_act(&upstream.name);
        if matches!(act, Some(Act::Refuse)) {
            return Err(Fault::new(FaultKind::ConnectError, "the script refuses"));
        }
        request.tell();
        request.headers.insert(header::HOST, attempt.host.clone());
        let Outgoing { method, target, headers: sent, body, .. } = request;
        let body = body.collect().await?.to_bytes();
        if let Some(received) = &self.received {
            received.lock().push(Received {
                upstream: Arc::clone(&upstream.name),
                method: method.clone(),
                path: target.path().to_owned(),
                query: target.query().map(str::to_owned),
                headers: sent.clone(),
                body,
            });
        }
        let (status, mut headers, body, after) = match act {
            Some(Act::Reply { status, headers, body: Some(body), after }) => (status, headers, body, after),
            Some(Act::Reply { status, mut headers, body: None, after }) => {
                let (_, media_type, body) = stub(&upstream.config.stubs, method, target, sent).unwrap_or_else(nothing_special);
                headers.insert(header::CONTENT_TYPE, media_type);
                (status, headers, Bytes::from(body), after)
            }
            Some(Act::Refuse) | None => {
                let stubs = &upstream.config.stubs;
                let (status, media_type, body) = match stub(stubs, method, target, sent) {
                    Some(found) => found,
                    None if stubs.is_empty() => nothing_special(),
                    None => (StatusCode::NOT_FOUND, JSON, r#"{"error": "no stub for this path"}"#.to_owned()),
                };
                let headers = HeaderMap::from_iter([(header::CONTENT_TYPE, media_type)]);
                (status, headers, Bytes::from(body), Duration::ZERO)
            }
        };
        if !after.is_zero() {
            tokio::time::sleep(after).await;
        }
        drop(attempt);
        hop::strip_reply(&mut headers);
        Ok(Reply { status, headers, body: Body::full(body), source: Source::Upstream })
    }
}

const JSON: HeaderValue = HeaderValue::from_static("application/json");

type Answer = (StatusCode, HeaderValue, String);

fn nothing_special() -> Answer {
    (StatusCode::OK, JSON, "{}".to_owned())
}

/// What the stub for this path answers, if there is one.
fn stub(stubs: &[config::Stub], method: Method, target: PathAndQuery, headers: HeaderMap) -> Option<Answer> {
    let stub = stubs.iter().find(|stub| stub.methods.contains(method.as_str()) && stub.pattern.matches(target.path()))?;
    let mut captures = Captures::new();
    captures.bind(&stub.pattern, target.path());
    let exchange = facts(method, target, headers, &captures);
    let body = stub.body.eval(Facts::request(&exchange)).as_text().map(std::borrow::Cow::into_owned).unwrap_or_default();
    let media_type = HeaderValue::from_str(&stub.media_type).unwrap_or(JSON);
    Some((StatusCode::from_u16(stub.status).unwrap_or(StatusCode::OK), media_type, body))
}

/// What a stub's body may refer to: the request as the upstream sees it, and the parameters of the stub's own pattern.
fn facts(method: Method, target: PathAndQuery, headers: HeaderMap, captures: &Captures) -> Exchange {
    let nobody = IpAddr::V4(Ipv4Addr::UNSPECIFIED);
    let authority = headers.get(header::HOST).cloned().unwrap_or_else(|| HeaderValue::from_static("localhost"));
    let request = Request { method, host: authority.to_str().unwrap_or_default().into(), authority, target, headers };
    let client = Client { peer: SocketAddr::new(nobody, 0), ip: nobody, scheme: Scheme::Http, listener: "".into(), certificate: None };
    Exchange { id: HeaderValue::from_static("-"), params: captures.ranges(), ..Exchange::nowhere(request, client) }
}
