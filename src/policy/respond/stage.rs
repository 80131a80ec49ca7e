//! Answers without an upstream.

use super::{Config, Document, Format};
use crate::http::{Exchange, Problem, Reply, UpstreamHealth};
use crate::lang::eval::Facts;
use crate::lang::expr::{Expr, Piece};
use crate::lang::value::Value;
use crate::policy::Endpoint;
use crate::policy::dependencies::Dependencies;
use crate::policy::stage::{Flow, OnRequest};
use bytes::Bytes;
use http::header::{CACHE_CONTROL, ETAG, IF_NONE_MATCH, LOCATION};
use http::{HeaderMap, HeaderValue, StatusCode};
use percent_encoding::{AsciiSet, CONTROLS, utf8_percent_encode};
use std::sync::Arc;

/// What a `Location` cannot hold; what it holds already encoded stays.
const UNSAFE: &AsciiSet = &CONTROLS.add(b' ').add(b'"').add(b'<').add(b'>').add(b'\\').add(b'^').add(b'`').add(b'{').add(b'|').add(b'}');

/// An answer, as far as it is known beforehand.
pub(super) enum Respond {
    Empty(StatusCode),
    Ready(StatusCode, &'static str, Bytes),
    Text(StatusCode, &'static str, Expr),
    Health(Arc<Dependencies>),
    Openapi(Arc<Document>),
    Redirect { status: StatusCode, location: Expr, keeps_query: bool, leaves_host: bool },
}

impl Respond {
    pub(super) fn new(
        config: &Config,
        endpoints: &[Endpoint],
        document: &Arc<Document>,
        dependencies: impl FnOnce() -> Arc<Dependencies>,
    ) -> Self {
        let code = |status: u16| StatusCode::from_u16(status).unwrap_or(StatusCode::OK);
        match config {
            Config::Body { status, format, body } => match body {
                Expr::Const(Value::Text(text)) if text.is_empty() => Self::Empty(code(*status)),
                Expr::Const(Value::Text(text)) => Self::Ready(code(*status), format.media_type(), Bytes::from(text.to_string())),
                text => Self::Text(code(*status), format.media_type(), text.clone()),
            },
            Config::Health => Self::Health(dependencies()),
            Config::Openapi => Self::Openapi(Arc::clone(document)),
            Config::Routes => {
                let list = serde_json::json!({ "endpoints": endpoints });
                Self::Ready(StatusCode::OK, Format::Json.media_type(), Bytes::from(list.to_string()))
            }
            Config::Redirect { status, location, keeps_query } => Self::Redirect {
                status: code(*status),
                leaves_host: !front(location).starts_with('/') || front(location).starts_with("//"),
                location: location.clone(),
                keeps_query: *keeps_query,
            },
        }
    }
}

/// The letters a text certainly begins with; a path at its very front begins with `/`.
fn front(text: &Expr) -> &str {
    match text {
        Expr::Const(Value::Text(text)) => text,
        Expr::Text(pieces) => match pieces.first() {
            Some(Piece::Literal(text)) => text,
            Some(Piece::Hole(..)) | None => "/",
        },
        _ => "/",
    }
}

impl OnRequest for Respond {
    fn request<'a>(&'a self, exchange: &'a mut Exchange) -> Flow<'a> {
        match self {
            Self::Empty(status) => Flow::Answer(Reply::empty(*status)),
            Self::Ready(status, media_type, body) => Flow::Answer(Reply::of(*status, media_type, body.clone())),
            Self::Text(status, media_type, text) => {
                let body = text.eval(Facts::request(exchange)).as_text().unwrap_or_default().into_owned();
                Flow::Answer(Reply::of(*status, media_type, body))
            }
            Self::Openapi(document) => Flow::Answer(openapi(document, &exchange.request.headers)),
            Self::Health(dependencies) => Flow::Answer(health(&exchange.calls.health(), dependencies)),
            Self::Redirect { status, location, keeps_query, leaves_host } => {
                let text = location.eval(Facts::request(exchange)).as_text().unwrap_or_default().into_owned();
                let query = exchange.arrived().query().filter(|_| *keeps_query);
                let Ok(location) = HeaderValue::try_from(place(&text, query, *leaves_host)) else {
                    return Flow::Refuse(Problem::new(StatusCode::BAD_REQUEST, "the request's path leads nowhere"));
                };
                let mut reply = Reply::empty(*status);
                reply.headers.insert(LOCATION, location);
                Flow::Answer(reply)
            }
        }
    }
}

/// Where a redirect leads: the text, with the query before its fragment.
fn place(text: &str, query: Option<&str>, leaves_host: bool) -> String {
    // Two slashes in front would be another host: no value may bring the second one.
    let text = if leaves_host || !text.starts_with("//") { text } else { text.trim_start_matches('/') };
    let slash = if leaves_host || text.starts_with('/') { "" } else { "/" };
    let (before, fragment) = text.split_once('#').map_or((text, None), |(before, fragment)| (before, Some(fragment)));
    let mut out = format!("{slash}{}", utf8_percent_encode(before, UNSAFE));
    if let Some(query) = query {
        out.push('?');
        out.push_str(query);
    }
    if let Some(fragment) = fragment {
        out.push('#');
        out.extend(utf8_percent_encode(fragment, UNSAFE));
    }
    out
}

/// The document, or 304 for who has it (RFC 9110 §13.1.2).
fn openapi(document: &Document, asked: &HeaderMap) -> Reply {
    let rendered = document.rendered();
    let known = |list: &HeaderValue| {
        let tags = list.as_bytes().split(|byte| *byte == b',').map(<[u8]>::trim_ascii);
        tags.map(|tag| tag.strip_prefix(b"W/").unwrap_or(tag)).any(|tag| tag == b"*" || tag == rendered.tag.as_bytes())
    };
    let mut reply = if asked.get_all(IF_NONE_MATCH).iter().any(known) {
        Reply::empty(StatusCode::NOT_MODIFIED)
    } else {
        Reply::of(StatusCode::OK, Format::Json.media_type(), rendered.text.clone())
    };
    reply.headers.insert(ETAG, rendered.tag.clone());
    reply.headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-cache"));
    reply
}

/// Always 200: the gateway answers, however its upstreams are. Other kinds of dependencies are named where there are any.
fn health(upstreams: &[UpstreamHealth], dependencies: &Dependencies) -> Reply {
    let well = |upstream: &UpstreamHealth| upstream.healthy == upstream.targets && upstream.breaker.is_none_or(|state| state == "closed");
    let (others_well, others) = dependencies.health();
    let status = if others_well && upstreams.iter().all(well) { "ok" } else { "degraded" };
    let states: serde_json::Map<String, serde_json::Value> = upstreams
        .iter()
        .map(|upstream| {
            let state = serde_json::json!({ "breaker": upstream.breaker, "healthy": upstream.healthy, "targets": upstream.targets });
            (upstream.name.to_string(), state)
        })
        .collect();
    let mut body = serde_json::json!({ "status": status, "upstreams": states });
    if let Some(body) = body.as_object_mut() {
        body.extend(others);
    }
    let mut reply = Reply::of(StatusCode::OK, Format::Json.media_type(), body.to_string());
    reply.headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    reply
}
