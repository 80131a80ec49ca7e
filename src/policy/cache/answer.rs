//! Answers from the store: the whole, a part, or that the client has it already.

use super::content::Content;
use super::ranges::{self, Wanted};
use super::stored::{Head, Stored};
use super::{conditions, status};
use crate::http::{Body, Reply};
use http::header::{AGE, CONTENT_LENGTH, CONTENT_RANGE};
use http::{HeaderMap, HeaderValue, StatusCode};
use std::time::Duration;

/// Whom it is for.
#[derive(Clone, Copy)]
pub struct Client<'a> {
    /// The fields of the request.
    pub request: &'a HeaderMap,
    /// Its method has no body in its answer.
    pub is_head: bool,
}

/// The answer, with its age and that it is a hit.
#[must_use]
pub fn from_store(stored: &Stored, client: Client<'_>, now: Duration) -> Reply {
    let freshness = &stored.head.freshness;
    let mut reply = from_kept(&stored.head, &stored.content, client, now);
    status::hit(&mut reply.headers, freshness.left(now), freshness.past(now));
    reply
}

/// The answer, with its age (RFC 9111 §5.1).
#[must_use]
pub fn from_kept(head: &Head, content: &Content, client: Client<'_>, now: Duration) -> Reply {
    let whole = |status, body| Reply { status, headers: head.headers.clone(), body, source: head.source };
    let mut reply = if head.status.is_success() && conditions::is_known(client.request, &head.headers, head.freshness.came) {
        let mut reply = whole(StatusCode::NOT_MODIFIED, Body::empty());
        conditions::without_body(&mut reply.headers);
        reply
    } else {
        let parts = head.status == StatusCode::OK && !client.is_head && conditions::range_holds(client.request, &head.headers);
        match if parts { ranges::wanted(client.request, content.length()) } else { Wanted::Whole } {
            Wanted::Whole => whole(head.status, content.body()),
            Wanted::Part(first, last) => {
                let mut reply = whole(StatusCode::PARTIAL_CONTENT, content.part(first, last));
                reply.headers.remove(CONTENT_LENGTH);
                range(&mut reply.headers, format!("bytes {first}-{last}/{}", content.length()));
                reply
            }
            Wanted::Nothing => {
                let mut reply = Reply { source: head.source, ..Reply::empty(StatusCode::RANGE_NOT_SATISFIABLE) };
                range(&mut reply.headers, format!("bytes */{}", content.length()));
                reply
            }
        }
    };
    reply.headers.insert(AGE, HeaderValue::from(head.freshness.age(now).as_secs()));
    reply
}

fn range(headers: &mut HeaderMap, text: String) {
    if let Ok(value) = HeaderValue::try_from(text) {
        headers.insert(CONTENT_RANGE, value);
    }
}
