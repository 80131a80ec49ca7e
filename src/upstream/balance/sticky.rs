//! `sticky`: the cookie that names a client's endpoint.

use crate::http::Affinity;
use crate::upstream::Endpoint;
use http::header::{COOKIE, HeaderMap, HeaderValue};

/// The endpoint that a request's cookie names (RFC 6265 §5.4).
#[must_use]
pub fn named(name: &str, headers: &HeaderMap) -> Option<u64> {
    let fields = headers.get_all(COOKIE).into_iter().filter_map(|field| field.to_str().ok());
    let mut values = fields.flat_map(|field| field.split(';')).filter_map(|pair| pair.trim().split_once('='));
    let (_, value) = values.find(|(known, _)| *known == name)?;
    u64::from_str_radix(value.trim_matches('"'), 16).ok()
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
