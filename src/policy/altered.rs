//! The header section of a reply whose body is no longer the one it came with.

use http::header::{ACCEPT_RANGES, CONTENT_LENGTH, ETAG};
use http::{HeaderMap, HeaderValue};

/// Digests of the bytes as they were sent (RFC 9530, RFC 3230).
const DIGESTS: &[&str] = &["content-digest", "repr-digest", "digest", "content-md5"];

/// Takes away what was true of the other body alone: its length, its digests, and that parts of it can be asked for.
pub fn altered(headers: &mut HeaderMap) {
    headers.remove(CONTENT_LENGTH);
    headers.remove(ACCEPT_RANGES);
    for name in DIGESTS {
        headers.remove(*name);
    }
    weaken(headers);
}

/// The bytes are not those the tag was given for, but mean the same (RFC 9110 §8.8.1).
pub fn weaken(headers: &mut HeaderMap) {
    let Some(tag) = headers.get(ETAG).filter(|tag| !tag.as_bytes().starts_with(b"W/")) else { return };
    match HeaderValue::from_bytes(&[b"W/", tag.as_bytes()].concat()) {
        Ok(weak) => headers.insert(ETAG, weak),
        Err(_) => headers.remove(ETAG),
    };
}
