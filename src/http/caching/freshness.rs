//! How long a response is fresh, and how old it is (RFC 9111 §4.2). Times are since the Unix epoch.

use super::directives::{Allowed, SECONDS_MAX, seconds};
use http::header::{AGE, DATE, EXPIRES};
use http::{HeaderMap, HeaderName};
use std::time::{Duration, UNIX_EPOCH};

/// How fresh a stored response is, and for how long it may be used when it is not.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Freshness {
    /// How old it was when it came (§4.2.3).
    pub age_then: Duration,
    /// When it came.
    pub came: Duration,
    /// How long it is fresh.
    pub lifetime: Duration,
    /// The file said how long, not the origin.
    pub by_file: bool,
    /// Never used before the origin was asked.
    pub no_cache: bool,
    /// Never used when stale, whatever a client or the file says.
    pub must_revalidate: bool,
    /// For how long past its time it is answered while another is fetched.
    pub stale_while: Duration,
    /// For how long past its time it is answered when the origin fails.
    pub stale_error: Duration,
}

impl Freshness {
    /// How old it is.
    #[must_use]
    pub fn age(&self, now: Duration) -> Duration {
        self.age_then + now.saturating_sub(self.came)
    }

    /// How long it is still fresh; none once it is stale.
    #[must_use]
    pub fn left(&self, now: Duration) -> Option<Duration> {
        self.lifetime.checked_sub(self.age(now)).filter(|left| !left.is_zero())
    }

    /// How far past its time it is.
    #[must_use]
    pub fn past(&self, now: Duration) -> Duration {
        self.age(now).saturating_sub(self.lifetime)
    }
}

/// The age of a response that has just come, asked for at `asked` (RFC 9111 §4.2.3).
#[must_use]
pub fn age_on_arrival(headers: &HeaderMap, asked: Duration, came: Duration) -> Duration {
    let apparent = came.saturating_sub(date(headers, &DATE).unwrap_or(came));
    let corrected = told_age(headers) + came.saturating_sub(asked);
    // Less than a second is what clocks differ by.
    let apparent = Duration::from_secs(apparent.as_secs());
    apparent.max(corrected)
}

/// How old a response is by what `Age` says: the first member of a list; what is no number says nothing (RFC 9111 §5.1).
#[must_use]
pub fn told_age(headers: &HeaderMap) -> Duration {
    let text = headers.get(AGE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let first = text.split(',').next().unwrap_or_default().trim();
    Duration::from_secs(seconds(first).unwrap_or(0))
}

/// How long a response is fresh by what its origin says (RFC 9111 §4.2.1), for a shared cache; none when it says nothing.
#[must_use]
pub fn lifetime(allowed: &Allowed, headers: &HeaderMap, came: Duration) -> Option<Duration> {
    if let Some(seconds) = allowed.s_maxage.or(allowed.max_age) {
        return Some(Duration::from_secs(seconds));
    }
    if allowed.targeted || !headers.contains_key(EXPIRES) {
        return None;
    }
    // What is no date has passed (RFC 9111 §5.3).
    let from = date(headers, &DATE).unwrap_or(came);
    let lifetime = date(headers, &EXPIRES).map_or(Duration::ZERO, |until| until.saturating_sub(from));
    Some(lifetime.min(Duration::from_secs(SECONDS_MAX)))
}

/// The date in a field, the first of several.
#[must_use]
pub fn date(headers: &HeaderMap, name: &HeaderName) -> Option<Duration> {
    parse_date(headers.get(name)?.to_str().ok()?)
}

/// A date of HTTP in one of its three forms (RFC 9110 §5.6.7).
#[must_use]
pub fn parse_date(text: &str) -> Option<Duration> {
    httpdate::parse_http_date(text.trim()).ok()?.duration_since(UNIX_EPOCH).ok()
}
