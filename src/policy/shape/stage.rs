//! Shapes a request before it goes upstream.

use super::Path;
use super::fields::Fields;
use super::mapping::Mapping;
use super::target::{Query, shaped};
use crate::http::json::{is_encoded, is_json};
use crate::http::{Exchange, Problem};
use crate::lang::eval::Facts;
use crate::policy::stage::{Flow, OnRequest};
use http::{HeaderName, HeaderValue, StatusCode};
use http_body::Body as _;
use std::sync::Arc;

/// What the upstream has to put before its own links.
const FORWARDED_PREFIX: HeaderName = HeaderName::from_static("x-forwarded-prefix");

/// The request part.
pub(super) struct Shape {
    fields: Arc<Fields>,
    query: Query,
    path: Path,
    prefix: Option<HeaderValue>,
    body: Option<Mapping>,
}

impl Shape {
    pub(super) fn new(fields: Fields, query: Query, path: Path, body: Option<Mapping>) -> Self {
        let prefix = match &path {
            Path::Prefix { strip: Some(strip), .. } => HeaderValue::try_from(strip.as_str()).ok(),
            Path::Prefix { strip: None, .. } | Path::Keep | Path::Rewrite(_) => None,
        };
        Self { fields: Arc::new(fields), query, path, prefix, body }
    }
}

impl OnRequest for Shape {
    fn request<'a>(&'a self, exchange: &'a mut Exchange) -> Flow<'a> {
        let facts = Facts::request(exchange);
        let values = self.fields.values(facts);
        let Ok(shaped) = shaped(&self.path, &self.query, facts) else {
            return Flow::Refuse(Problem::new(StatusCode::BAD_REQUEST, "the request's path leads nowhere"));
        };
        let body = self.body.as_ref().filter(|_| is_json(&exchange.request.headers) && !exchange.body.is_end_stream());
        let body = body.map(|mapping| (mapping, mapping.values(facts), is_encoded(&exchange.request.headers)));
        if let Some(target) = shaped.target {
            exchange.retarget(target);
        }
        let headers = &mut exchange.request.headers;
        if let (Some(prefix), true) = (&self.prefix, shaped.stripped) {
            headers.insert(FORWARDED_PREFIX, prefix.clone());
        }
        self.fields.apply_to_request(headers, values);
        if !self.fields.is_empty() {
            let fields = Arc::clone(&self.fields);
            exchange.body = exchange.body.take().without_trailers(move |name| fields.speaks_of(name));
        }
        match body {
            None => Flow::Next,
            Some((.., true)) => Flow::Refuse(Problem::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, "the request's body is encoded")),
            Some((mapping, values, false)) => Flow::Wait(Box::pin(mapping.request(exchange, values))),
        }
    }
}
