//! `Cache-Status`: what this cache did with a request (RFC 9211).

use crate::http::Problem;
use http::{HeaderMap, HeaderName, HeaderValue, StatusCode};
use std::fmt::Write as _;
use std::time::Duration;

/// `Cache-Status`
const CACHE_STATUS: HeaderName = HeaderName::from_static("cache-status");
/// How this cache calls itself.
const NAME: &str = "gatewright";

/// Why a request went on to the origin (RFC 9211 §2.2).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Forwarded {
    /// It is none that this cache answers.
    Bypass,
    /// Nothing is stored by its key.
    UriMiss,
    /// What is stored answers others.
    VaryMiss,
    /// What is stored is stale.
    Stale,
    /// The request asks for it.
    Request,
    /// Part of the content that is wanted is not stored.
    Partial,
}

impl Forwarded {
    fn name(self) -> &'static str {
        match self {
            Self::Bypass => "bypass",
            Self::UriMiss => "uri-miss",
            Self::VaryMiss => "vary-miss",
            Self::Stale => "stale",
            Self::Request => "request",
            Self::Partial => "partial",
        }
    }
}

/// Says that a response was answered from the store, with so much of its time left, or so much past it.
pub fn hit(headers: &mut HeaderMap, left: Option<Duration>, past: Duration) {
    let mut text = String::with_capacity(48);
    let _ = match left {
        Some(left) => write!(text, "{NAME}; hit; ttl={}", left.as_secs()),
        None if past.as_secs() == 0 => write!(text, "{NAME}; hit; ttl=0"),
        None => write!(text, "{NAME}; hit; ttl=-{}", past.as_secs()),
    };
    append(headers, text);
}

/// What became of a request that went on.
#[derive(Debug, Clone, Copy)]
pub struct Passed {
    /// Why it went on.
    pub why: Forwarded,
    /// What the origin answered, where the client gets another status.
    pub status: Option<StatusCode>,
    /// The answer is stored.
    pub stored: bool,
    /// It waited for another request instead of going on itself.
    pub collapsed: bool,
}

/// Says that a request went on to the origin.
pub fn passed(headers: &mut HeaderMap, passed: Passed) {
    let mut text = format!("{NAME}; fwd={}", passed.why.name());
    if let Some(status) = passed.status {
        let _ = write!(text, "; fwd-status={}", status.as_u16());
    }
    if passed.stored {
        text.push_str("; stored");
    }
    if passed.collapsed {
        text.push_str("; collapsed");
    }
    append(headers, text);
}

/// Says that a request with `only-if-cached` was neither answered from the store nor sent on: neither `hit` nor `fwd` is true of it,
/// so what became of it is a detail (RFC 9211 §2.8).
#[must_use]
pub fn not_asked(problem: Problem) -> Problem {
    problem.with(CACHE_STATUS, HeaderValue::from_static("gatewright; detail=only-if-cached"))
}

/// Behind what caches nearer to the origin have said (RFC 9211 §2).
fn append(headers: &mut HeaderMap, text: String) {
    if let Ok(value) = HeaderValue::try_from(text) {
        headers.append(CACHE_STATUS, value);
    }
}
