//! The gateway's own calls: keys of issuers, verdicts of services, whatever no client asked for in person.
//!
//! Each is bounded in time and size and follows no redirect. They run on one thread of their own ([`Network`]), so that a slow
//! service costs a worker nothing but the requests that wait for it. Knows nothing of policies, requests and upstreams.

mod connector;
mod network;

#[cfg(test)]
mod tests;

pub use network::{Authorities, Network};

use bytes::Bytes;
use futures_core::future::BoxFuture;
use http::header::{CONTENT_TYPE, HeaderMap, HeaderValue};
use http::{Method, StatusCode, Uri};
use std::fmt;
use std::time::Duration;

/// How long a call may take where it says nothing else.
pub const TIMEOUT_DEFAULT: Duration = Duration::from_secs(10);
/// Largest body of an answer where the call says nothing else, in bytes.
pub const BODY_MAX_DEFAULT: usize = 1 << 20;

/// What is asked of a service.
#[derive(Debug, Clone)]
pub struct Call {
    /// The method.
    pub method: Method,
    /// Where: `http` or `https`, a host, perhaps a port, path and query.
    pub url: Uri,
    /// Fields; `Host` and `User-Agent` are added.
    pub headers: HeaderMap,
    /// The body.
    pub body: Bytes,
    /// Longest time until the whole answer is there.
    pub timeout: Duration,
    /// Largest body of the answer, in bytes.
    pub body_max: usize,
}

impl Call {
    /// A GET.
    #[must_use]
    pub fn get(url: Uri) -> Self {
        Self {
            method: Method::GET,
            url,
            headers: HeaderMap::new(),
            body: Bytes::new(),
            timeout: TIMEOUT_DEFAULT,
            body_max: BODY_MAX_DEFAULT,
        }
    }

    /// A POST of a body.
    #[must_use]
    pub fn post(url: Uri, content_type: &'static str, body: impl Into<Bytes>) -> Self {
        let headers = HeaderMap::from_iter([(CONTENT_TYPE, HeaderValue::from_static(content_type))]);
        Self { method: Method::POST, headers, body: body.into(), ..Self::get(url) }
    }

    /// The call with another bound on its time.
    #[must_use]
    pub fn within(mut self, timeout: Duration) -> Self {
        self.timeout = timeout;
        self
    }

    /// The call with another bound on the answer's body, in bytes.
    #[must_use]
    pub fn at_most(mut self, body_max: usize) -> Self {
        self.body_max = body_max;
        self
    }
}

/// What a service answered.
#[derive(Debug, Clone)]
pub struct Answer {
    /// The status.
    pub status: StatusCode,
    /// The header section.
    pub headers: HeaderMap,
    /// The whole body.
    pub body: Bytes,
}

/// Why there is no answer, for logs: it may name the service's address, which is none of a client's business.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Failure {
    /// No call leaves the process, as under `gate test`.
    Offline,
    /// Too many calls are under way.
    Busy,
    /// The service could not be reached, or did not prove who it is.
    Unreachable(String),
    /// It took too long.
    Late,
    /// Its answer is too large.
    TooLarge,
    /// The connection ended or what came is not HTTP.
    Broken(String),
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Offline => f.write_str("no call leaves the process"),
            Self::Busy => f.write_str("too many calls are under way"),
            Self::Unreachable(cause) => write!(f, "the service cannot be reached: {cause}"),
            Self::Late => f.write_str("the service took too long"),
            Self::TooLarge => f.write_str("the answer is too large"),
            Self::Broken(cause) => write!(f, "the call broke off: {cause}"),
        }
    }
}

impl std::error::Error for Failure {}

/// A way to make calls: a network, or what stands in for one.
pub trait Fetch: Send + Sync {
    /// Makes a call. Dropping the future gives the call up.
    fn fetch(&self, call: Call) -> BoxFuture<'static, Result<Answer, Failure>>;
}

/// No way out: every call fails at once, so that what runs under `gate test` depends on nothing outside.
#[derive(Debug, Default, Clone, Copy)]
pub struct Offline;

impl Fetch for Offline {
    fn fetch(&self, _: Call) -> BoxFuture<'static, Result<Answer, Failure>> {
        Box::pin(std::future::ready(Err(Failure::Offline)))
    }
}

/// The address that a text is, fit for a [`Call`].
///
/// # Errors
/// Why it is not, in words that continue ``the url `…` ``.
pub fn address(text: &str) -> Result<Uri, &'static str> {
    let url: Uri = text.parse().map_err(|_| "is no url")?;
    match url.scheme_str() {
        Some("http" | "https") => {}
        _ => return Err("begins with neither `http://` nor `https://`"),
    }
    match url.authority() {
        None => Err("has no host"),
        Some(authority) if authority.as_str().contains('@') => Err("holds a name or a password"),
        Some(_) => Ok(url),
    }
}
