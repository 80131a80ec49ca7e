//! Whether a stored response answers a request as it is (RFC 9111 §4, §5.2.1; RFC 5861).

use crate::http::caching::directives::Asked;
use crate::http::caching::freshness::Freshness;
use std::time::Duration;

/// How a stored response may be used.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Use {
    /// It is fresh.
    Fresh,
    /// It is stale, and that is good enough for whoever asks.
    Stale,
    /// It is stale, and answered while another is fetched.
    StaleMeanwhile,
    /// The origin has to be asked, for the request's sake alone where `true`.
    Ask(bool),
}

/// How a stored response may be used for what a request asks of caches.
#[must_use]
pub fn judge(freshness: &Freshness, asked: &Asked, now: Duration) -> Use {
    let left = freshness.left(now);
    if freshness.no_cache {
        return Use::Ask(false);
    }
    let seconds = |told: Option<u64>| told.map(Duration::from_secs);
    let too_old = seconds(asked.max_age).is_some_and(|most| freshness.age(now) > most);
    let too_short = seconds(asked.min_fresh).is_some_and(|least| left.unwrap_or_default() < least);
    if asked.no_cache || too_old || too_short {
        return Use::Ask(left.is_some());
    }
    if left.is_some() {
        return Use::Fresh;
    }
    let past = freshness.past(now);
    if past < freshness.stale_while {
        return Use::StaleMeanwhile;
    }
    if !freshness.must_revalidate && seconds(asked.max_stale).is_some_and(|most| past <= most) {
        return Use::Stale;
    }
    Use::Ask(false)
}

/// True when it may be used since the origin failed.
#[must_use]
pub fn on_error(freshness: &Freshness, asked: &Asked, now: Duration) -> bool {
    let past = freshness.past(now);
    let asked = asked.stale_if_error.map(Duration::from_secs).filter(|_| !freshness.must_revalidate && !freshness.no_cache);
    freshness.left(now).is_some_and(|_| !freshness.no_cache) || past < freshness.stale_error.max(asked.unwrap_or_default())
}
