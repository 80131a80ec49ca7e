//! What is answered.

use super::Body;
use http::{HeaderMap, HeaderValue, StatusCode, header};

/// False for a status that HTTP does not have: whoever answers so cannot be understood (RFC 9110 §15).
#[must_use]
pub fn is_status(status: StatusCode) -> bool {
    status.as_u16() < 600
}

/// Who made a reply; response shaping treats them differently.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Source {
    /// An upstream answered.
    Upstream,
    /// The policy itself answered: `respond`, `redirect`, `issue`, `aggregate`.
    Policy,
    /// The gateway refused or failed: an error of its own.
    Gateway,
}

/// A reply on its way to the client.
#[derive(Debug)]
pub struct Reply {
    /// The status.
    pub status: StatusCode,
    /// The header section.
    pub headers: HeaderMap,
    /// The body.
    pub body: Body,
    /// Who made it.
    pub source: Source,
}

impl Reply {
    /// A reply of the policy's own with a body of a media type.
    #[must_use]
    pub fn of(status: StatusCode, media_type: &'static str, body: impl Into<bytes::Bytes>) -> Self {
        let mut headers = HeaderMap::with_capacity(8);
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(media_type));
        Self { status, headers, body: Body::full(body), source: Source::Policy }
    }

    /// A reply of the policy's own without a body.
    #[must_use]
    pub fn empty(status: StatusCode) -> Self {
        Self { status, headers: HeaderMap::new(), body: Body::empty(), source: Source::Policy }
    }
}
