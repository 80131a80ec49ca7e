//! `sticky`: the cookie that names a client's endpoint.

use crate::http::Affinity;
use crate::upstream::Endpoint;
use http::header::{COOKIE, HeaderMap, HeaderValue, SET_COOKIE};

/// The endpoint that a request's cookie names (RFC 6265 §5.4).
#[must_use]
pub fn named(name: &str, headers: &HeaderMap) -> Option<u64> {
    let fields = headers.get_all(COOKIE).into_iter().filter_map(|field| field.to_str().ok());
    let mut values = fields.flat_map(|field| field.split(';')).filter_map(|pair| pair.trim().split_once('='));
    let (_, value) = values.find(|(known, _)| *known == name)?;
    u64::from_str_radix(value.trim_matches('"'), 16).ok()
}

/// Names the endpoint that has answered, unless the client's cookie does.
pub fn name(name: &str, endpoint: &Endpoint, affinity: Affinity, headers: &mut HeaderMap) {
    if affinity.cookie == Some(endpoint.id) {
        return;
    }
    let secure = if affinity.secure { "; Secure" } else { "" };
    let cookie = format!("{name}={:016x}; Path=/; HttpOnly; SameSite=Lax{secure}", endpoint.id);
    if let Ok(cookie) = HeaderValue::try_from(cookie) {
        headers.append(SET_COOKIE, cookie);
    }
}
