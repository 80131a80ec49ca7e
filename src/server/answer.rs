//! What the gateway says by itself about methods: OPTIONS, 405, and which method a preflight asks about.

use crate::http::{Problem, Reply, Request};
use crate::route::Methods;
use http::header::{ACCESS_CONTROL_REQUEST_METHOD, ALLOW, ORIGIN};
use http::{HeaderValue, Method, StatusCode};

/// The methods that a path takes.
pub struct Options<'a>(pub &'a Methods);

impl Options<'_> {
    /// The answer to OPTIONS: 204 with `Allow`.
    #[must_use]
    pub fn reply(&self) -> Reply {
        let mut reply = Reply::empty(StatusCode::NO_CONTENT);
        let allow = format!("{}, OPTIONS", self.0.allow_header());
        if let Ok(allow) = HeaderValue::try_from(allow) {
            reply.headers.insert(ALLOW, allow);
        }
        reply
    }

    /// 405 with `Allow` (RFC 9110 §15.5.6).
    #[must_use]
    pub fn not_allowed(&self) -> Problem {
        let problem = Problem::new(StatusCode::METHOD_NOT_ALLOWED, "this path does not take this method");
        match HeaderValue::try_from(self.0.allow_header()) {
            Ok(allow) => problem.with(ALLOW, allow),
            Err(_) => problem,
        }
    }
}

/// The method a CORS preflight asks about (Fetch §3.2.2).
#[must_use]
pub fn preflight_method(request: &Request) -> Option<&str> {
    if request.method != Method::OPTIONS || !request.headers.contains_key(ORIGIN) {
        return None;
    }
    request.header(&ACCESS_CONTROL_REQUEST_METHOD)
}
