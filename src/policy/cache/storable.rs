//! Whether a response may be kept, and under which terms (RFC 9111 §3). What the origin says goes before what the file says.

use crate::http::caching::directives::Allowed;
use crate::http::caching::freshness::{self, Freshness};
use http::header::{CONTENT_TYPE, ETAG, LAST_MODIFIED, SET_COOKIE};
use http::{HeaderMap, HeaderName, StatusCode};
use std::time::Duration;

/// An aggregate without some of its parts.
const INCOMPLETE: HeaderName = HeaderName::from_static("x-gate-incomplete");

/// What matters of the request and of the file.
#[derive(Debug, Clone, Copy, Default)]
pub struct Circumstances {
    /// The request said `no-store`.
    pub no_store: bool,
    /// The request carried a credential, and the file does not say that its response may be another's.
    pub credential: bool,
    /// The request carried a cookie, and the file does not say so either.
    pub cookie: bool,
    /// For how long the file keeps what says nothing itself, one of its arms or its own time; `true` for an arm's.
    pub by_file: Option<(Duration, bool)>,
    /// What that does not go beyond, counted from the request on.
    pub at_most: Option<Duration>,
    /// The file's `stale`.
    pub stale: Option<Duration>,
    /// The file's `error`.
    pub error: Option<Duration>,
    /// When the request was sent, and when its response came.
    pub times: (Duration, Duration),
}

/// How a response is kept, and without which of its fields; none for one that is not.
#[must_use]
pub fn judge(status: StatusCode, headers: &HeaderMap, allowed: &Allowed, circumstances: &Circumstances) -> Option<Freshness> {
    if circumstances.no_store || allowed.private || !is_understood(status, allowed) {
        return None;
    }
    let left_out = |name: &HeaderName| allowed.left_out.contains(name);
    if headers.contains_key(INCOMPLETE) || (headers.contains_key(SET_COOKIE) && !left_out(&SET_COOKIE)) {
        return None;
    }
    // What one caller was answered may be another's only where the origin says so (RFC 9111 §3.5).
    if circumstances.credential && !(allowed.public || allowed.must_revalidate || allowed.s_maxage.is_some()) {
        return None;
    }
    let (asked, came) = circumstances.times;
    let (lifetime, by_file) = match freshness::lifetime(allowed, headers, came) {
        Some(lifetime) => (lifetime, false),
        None if allowed.no_cache => (Duration::ZERO, false),
        None => (by_file(status, headers, circumstances)?, true),
    };
    let age_then = freshness::age_on_arrival(headers, asked, came);
    // What the file gives begins when the response is here, however long that took: it is not the origin's word on its age.
    let begins = if by_file { age_then.saturating_sub(freshness::told_age(headers)) } else { Duration::ZERO };
    let most = circumstances.at_most.filter(|_| by_file).unwrap_or(Duration::MAX);
    let lifetime = lifetime.saturating_add(begins).min(most);
    let seconds = |told: Option<u64>| told.map(Duration::from_secs);
    let must_revalidate = allowed.must_revalidate || allowed.proxy_revalidate;
    let allows_stale = !allowed.no_cache && !must_revalidate;
    // The origin's word stands; what the file allows is no answer to `s-maxage`, which asks like `proxy-revalidate`
    // (RFC 9111 §5.2.2.10).
    let file = |time: Option<Duration>| time.filter(|_| allowed.s_maxage.is_none());
    let stale_while = seconds(allowed.stale_while_revalidate).or(file(circumstances.stale)).filter(|_| allows_stale).unwrap_or_default();
    let error = circumstances.error.max(circumstances.stale);
    let stale_error = seconds(allowed.stale_if_error).or(file(error)).filter(|_| allows_stale).unwrap_or_default();
    let freshness = Freshness {
        age_then,
        came,
        lifetime,
        by_file,
        no_cache: allowed.no_cache,
        must_revalidate: must_revalidate || allowed.s_maxage.is_some(),
        stale_while,
        stale_error,
    };
    let is_fresh = !allowed.no_cache && freshness.left(came).is_some();
    let can_be_validated = headers.contains_key(ETAG) || headers.contains_key(LAST_MODIFIED);
    (is_fresh || can_be_validated || !stale_while.is_zero() || !stale_error.is_zero()).then_some(freshness)
}

/// The time the file gives to what says nothing itself.
fn by_file(status: StatusCode, headers: &HeaderMap, circumstances: &Circumstances) -> Option<Duration> {
    let (time, by_arm) = circumstances.by_file?;
    // Statuses that may be kept without anybody's word (RFC 9110 §15.1); an arm names its own.
    let usual = matches!(status.as_u16(), 200 | 203 | 204 | 300 | 301 | 308 | 404 | 405 | 410 | 414);
    let is_stream = || headers.get(CONTENT_TYPE).is_some_and(|kind| kind.as_bytes().starts_with(b"text/event-stream"));
    (!time.is_zero() && !circumstances.cookie && (usual || by_arm) && !is_stream()).then_some(time)
}

/// A final status whose response may be kept whole (RFC 9111 §3); parts are not. With `must-understand` it has to be one
/// whose meaning is known here, and then `no-store` does not count (RFC 9111 §5.2.2.3).
fn is_understood(status: StatusCode, allowed: &Allowed) -> bool {
    if status.is_informational() || matches!(status, StatusCode::PARTIAL_CONTENT | StatusCode::NOT_MODIFIED) {
        return false;
    }
    if allowed.must_understand {
        return matches!(status.as_u16(), 200 | 203 | 204 | 300..=303 | 307 | 308 | 404 | 405 | 410 | 414 | 451 | 501);
    }
    !allowed.no_store
}
