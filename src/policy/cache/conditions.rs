//! Conditions both ways: what a client asks about what is stored (RFC 9111 §4.3.2), and what the origin is asked about it
//! (§4.3.1) and answers (§4.3.4).

use crate::http::caching::directives::{Allowed, members};
use crate::http::caching::freshness::{date, parse_date};
use bytes::BytesMut;
use http::header::{
    AGE, CONTENT_ENCODING, CONTENT_LANGUAGE, CONTENT_LENGTH, CONTENT_RANGE, CONTENT_TYPE, DATE, ETAG, IF_MATCH, IF_MODIFIED_SINCE,
    IF_NONE_MATCH, IF_RANGE, IF_UNMODIFIED_SINCE, LAST_MODIFIED, RANGE, TRAILER,
};
use http::{HeaderMap, HeaderName, HeaderValue};
use std::time::Duration;

/// Conditions that are the origin's to judge.
const OF_THE_ORIGIN: &[HeaderName] = &[IF_MATCH, IF_UNMODIFIED_SINCE];
/// Conditions that a cache judges.
const OF_CACHES: &[HeaderName] = &[IF_NONE_MATCH, IF_MODIFIED_SINCE];
/// What describes a body that a 304 does not have.
const OF_THE_BODY: &[HeaderName] = &[CONTENT_TYPE, CONTENT_LENGTH, CONTENT_ENCODING, CONTENT_LANGUAGE, CONTENT_RANGE];
/// What the stored body depends on, whatever a 304 says.
const KEPT: &[HeaderName] = &[CONTENT_LENGTH, CONTENT_ENCODING, CONTENT_RANGE];

/// True for a request whose conditions a cache cannot judge.
#[must_use]
pub fn is_for_the_origin(request: &HeaderMap) -> bool {
    OF_THE_ORIGIN.iter().any(|name| request.contains_key(name))
}

/// True when the client has what is stored already, and is answered 304.
#[must_use]
pub fn is_known(request: &HeaderMap, stored: &HeaderMap, came: Duration) -> bool {
    if request.contains_key(IF_NONE_MATCH) {
        let tag = stored.get(ETAG).map(|tag| opaque(tag.as_bytes()));
        return request.get_all(IF_NONE_MATCH).iter().filter_map(|line| line.to_str().ok()).flat_map(members).any(|known| {
            // Weak comparison (RFC 9110 §13.1.2).
            known == "*" || tag.is_some_and(|tag| tag == opaque(known.as_bytes()))
        });
    }
    let Some(since) = request.get(IF_MODIFIED_SINCE).and_then(|value| value.to_str().ok()).and_then(parse_date) else { return false };
    let modified = date(stored, &LAST_MODIFIED).or_else(|| date(stored, &DATE)).unwrap_or(came);
    modified.as_secs() <= since.as_secs()
}

/// The tag without its mark of weakness.
fn opaque(tag: &[u8]) -> &[u8] {
    tag.strip_prefix(b"W/").unwrap_or(tag)
}

/// True when a range may be answered: there is no `If-Range`, or what it names is what is stored (RFC 9110 §13.1.5).
#[must_use]
pub fn range_holds(request: &HeaderMap, stored: &HeaderMap) -> bool {
    let Some(named) = request.get(IF_RANGE) else { return true };
    let strong = |tag: &HeaderValue| tag.as_bytes().starts_with(b"\"");
    if named.as_bytes().contains(&b'"') {
        return strong(named) && stored.get(ETAG) == Some(named);
    }
    // A date is as good as a tag only when nothing else can have been written in its second (RFC 9110 §8.8.2.2).
    let (Some(modified), Some(said)) = (date(stored, &LAST_MODIFIED), date(stored, &DATE)) else { return false };
    stored.get(LAST_MODIFIED) == Some(named) && said > modified
}

/// Makes the request one about what is stored: fresh or not. The client's own conditions are judged by the answer.
pub fn ask_about(stored: Option<&HeaderMap>, request: &mut HeaderMap) -> bool {
    for name in OF_CACHES {
        request.remove(name);
    }
    let Some(stored) = stored else { return false };
    let tag = stored.get(ETAG).cloned();
    let modified = stored.get(LAST_MODIFIED).cloned();
    let asks = tag.is_some() || modified.is_some();
    if let Some(tag) = tag {
        request.insert(IF_NONE_MATCH, tag);
    }
    if let Some(modified) = modified {
        request.insert(IF_MODIFIED_SINCE, modified);
    }
    asks
}

/// Makes the request one for all of what it names, whatever its client wants of it.
pub fn ask_for_all(request: &mut HeaderMap) {
    for name in OF_CACHES.iter().chain(&[RANGE, IF_RANGE]) {
        request.remove(name);
    }
}

/// True when a 304 speaks of what is stored (§4.3.4): its validators, where it has any, are the same.
#[must_use]
pub fn speaks_of(told: &HeaderMap, stored: &HeaderMap) -> bool {
    match (told.get(ETAG), stored.get(ETAG)) {
        (Some(told), Some(known)) => opaque(told.as_bytes()) == opaque(known.as_bytes()),
        (Some(_), None) => false,
        (None, _) => told.get(LAST_MODIFIED).is_none_or(|told| stored.get(LAST_MODIFIED).is_none_or(|known| known == told)),
    }
}

/// What is stored, as the fields of a 304 or of a HEAD say it is now (§3.2).
#[must_use]
pub fn updated(stored: &HeaderMap, told: &HeaderMap) -> HeaderMap {
    let mut fields = stored.clone();
    for name in told.keys().filter(|name| !KEPT.contains(name)) {
        fields.remove(name);
        for value in told.get_all(name) {
            fields.append(name.clone(), value.clone());
        }
    }
    fields
}

/// The fields of what is stored as they are kept: no age, which is reckoned, no word of trailers, which are not stored, none of
/// those that are not to be kept, and in no more room than they need.
pub fn keep(fields: &mut HeaderMap, allowed: &Allowed) {
    fields.remove(AGE);
    fields.remove(TRAILER);
    for name in &allowed.left_out {
        fields.remove(name);
    }
    copy_values(fields);
}

/// Values come as parts of a buffer, all of which each of them would hold: they get one that is just theirs.
fn copy_values(fields: &mut HeaderMap) {
    let mut text = BytesMut::with_capacity(fields.values().map(HeaderValue::len).sum());
    for value in fields.values_mut() {
        text.extend_from_slice(value.as_bytes());
        if let Ok(mut copied) = HeaderValue::from_maybe_shared(text.split().freeze()) {
            copied.set_sensitive(value.is_sensitive());
            *value = copied;
        }
    }
}

/// The fields of a 304.
pub fn without_body(fields: &mut HeaderMap) {
    for name in OF_THE_BODY {
        fields.remove(name);
    }
}
