//! Tells clients where they stand.

use super::HeaderStyle;
use super::count::Rule;
use crate::http::{Exchange, Quota, Reply};
use crate::policy::stage::OnResponse;
use http::{HeaderMap, HeaderName, HeaderValue};
use std::sync::Arc;

const NANOS: u64 = 1_000_000_000;
const X_LIMIT: HeaderName = HeaderName::from_static("x-ratelimit-limit");
const X_REMAINING: HeaderName = HeaderName::from_static("x-ratelimit-remaining");
const X_RESET: HeaderName = HeaderName::from_static("x-ratelimit-reset");
const RATE_LIMIT: HeaderName = HeaderName::from_static("ratelimit");
const RATE_LIMIT_POLICY: HeaderName = HeaderName::from_static("ratelimit-policy");

/// Tells clients where they stand. Fields an upstream set by these names give way: the gateway's limit is the one met first.
pub struct Tell {
    ietf: bool,
    x: bool,
    /// `RateLimit-Policy` of each rule, written once: the limit's name, its count and its window.
    policies: Vec<(Arc<str>, u64, u64, HeaderValue)>,
}

impl Tell {
    /// The fields of these styles, for the rules of these limits.
    #[must_use]
    pub fn new<'r>(styles: &[HeaderStyle], rules: impl Iterator<Item = (&'r Arc<str>, &'r Rule)>) -> Self {
        let policies = rules
            .filter_map(|(name, rule)| {
                let window_s = rule.period / NANOS;
                let value = HeaderValue::try_from(format!("\"{name}\";q={};w={window_s}", rule.count)).ok()?;
                Some((name.clone(), rule.count, window_s, value))
            })
            .collect();
        Self { ietf: styles.contains(&HeaderStyle::Ietf), x: styles.contains(&HeaderStyle::X), policies }
    }

    fn ietf(&self, quota: &Quota, headers: &mut HeaderMap) {
        let policy = self.policies.iter().find(|(name, limit, window_s, _)| {
            *limit == quota.limit && *window_s == quota.window_s && (Arc::ptr_eq(name, &quota.name) || *name == quota.name)
        });
        if let Some((.., value)) = policy {
            headers.insert(RATE_LIMIT_POLICY, value.clone());
        }
        let state = format!("\"{}\";r={};t={}", quota.name, quota.remaining, quota.reset_s);
        if let Ok(value) = HeaderValue::try_from(state) {
            headers.insert(RATE_LIMIT, value);
        }
    }
}

impl OnResponse for Tell {
    fn response(&self, exchange: &Exchange, reply: &mut Reply) {
        let Some(quota) = &exchange.quota else { return };
        if self.x {
            reply.headers.insert(X_LIMIT, quota.limit.into());
            reply.headers.insert(X_REMAINING, quota.remaining.into());
            reply.headers.insert(X_RESET, quota.reset_s.into());
        }
        if self.ietf {
            self.ietf(quota, &mut reply.headers);
        }
    }
}
