//! The gateway's own errors, as RFC 9457 problem details.

use super::{Body, Reply, Source};
use http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};
use smallvec::SmallVec;
use std::borrow::Cow;

/// A refusal or a failure, before the driver renders it as `application/problem+json` (or as the policy's `error` page).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    /// The status.
    pub status: StatusCode,
    /// What went wrong, for the client: never a secret, never an upstream's address.
    pub detail: Cow<'static, str>,
    /// Fields the reply carries besides its content type: `WWW-Authenticate`, `Retry-After`, `Allow`, `Proxy-Status`.
    pub headers: SmallVec<[(HeaderName, HeaderValue); 2]>,
}

impl Problem {
    /// A problem with its status and detail.
    #[must_use]
    pub fn new(status: StatusCode, detail: impl Into<Cow<'static, str>>) -> Self {
        Self { status, detail: detail.into(), headers: SmallVec::new() }
    }

    /// Adds a field to the reply.
    #[must_use]
    pub fn with(mut self, name: HeaderName, value: HeaderValue) -> Self {
        self.headers.push((name, value));
        self
    }

    /// Adds `Retry-After`: whole seconds, rounded up, at least 1 (RFC 9110 §10.2.3).
    #[must_use]
    pub fn retry_after(self, wait: std::time::Duration) -> Self {
        let seconds = wait.as_secs() + u64::from(wait.subsec_nanos() > 0);
        self.with(http::header::RETRY_AFTER, HeaderValue::from(seconds.max(1)))
    }

    /// The reply: `application/problem+json` with type, title, status, detail, the route's name and the request's id.
    #[must_use]
    pub fn render(self, route: Option<&str>, request_id: &HeaderValue) -> Reply {
        let title = self.status.canonical_reason().unwrap_or("Error");
        let body = serde_json::json!({
            "type": "about:blank",
            "title": title,
            "status": self.status.as_u16(),
            "detail": self.detail,
            "route": route,
            "request_id": request_id.to_str().unwrap_or_default(),
        });
        let mut headers = HeaderMap::with_capacity(8);
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/problem+json"));
        for (name, value) in self.headers {
            headers.append(name, value);
        }
        Reply { status: self.status, headers, body: Body::full(body.to_string()), source: Source::Gateway }
    }
}
