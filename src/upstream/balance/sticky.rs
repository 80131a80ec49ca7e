//! `sticky`: the cookie that names a client's endpoint.

use crate::http::{Affinity, said};
use crate::upstream::Endpoint;
use http::header::{HeaderMap, HeaderValue};

/// The endpoint that a request's cookie names (RFC 6265 §5.4).
#[must_use]
pub fn named(name: &str, headers: &HeaderMap) -> Option<u64> {
    u64::from_str_radix(std::str::from_utf8(said::cookies(headers, name).next()?).ok()?, 16).ok()
}

/// What names the endpoint that has answered, unless the client's cookie does.
#[must_use]
pub fn cookie(name: &str, endpoint: &Endpoint, affinity: Affinity) -> Option<HeaderValue> {
    if affinity.cookie == Some(endpoint.id) {
        return None;
    }
    let secure = if affinity.secure { "; Secure" } else { "" };
    HeaderValue::try_from(format!("{name}={:016x}; Path=/; HttpOnly; SameSite=Lax{secure}", endpoint.id)).ok()
}
