//! Tells clients where they stand.

use super::HeaderStyle;
use super::count::Rule;
use crate::http::{Exchange, Quota, Reply};
use crate::policy::stage::OnResponse;
use bytes::{BufMut, Bytes, BytesMut};
use http::{HeaderName, HeaderValue};
use std::ops::Range;
use std::sync::Arc;

const NANOS: u64 = 1_000_000_000;
/// Most digits of a number.
const DIGITS_MAX: usize = 20;
/// Between the two numbers of `RateLimit`.
const RESET: &[u8] = b";t=";

const X_LIMIT: HeaderName = HeaderName::from_static("x-ratelimit-limit");
const X_REMAINING: HeaderName = HeaderName::from_static("x-ratelimit-remaining");
const X_RESET: HeaderName = HeaderName::from_static("x-ratelimit-reset");
const RATE_LIMIT: HeaderName = HeaderName::from_static("ratelimit");
const RATE_LIMIT_POLICY: HeaderName = HeaderName::from_static("ratelimit-policy");

/// Tells clients where they stand. Fields an upstream set by these names give way: the gateway's limit is the one met first.
pub struct Tell {
    ietf: bool,
    x: bool,
    rules: Vec<Told>,
}

/// What is said of a rule with every reply, written once.
struct Told {
    name: Arc<str>,
    count: u64,
    window_s: u64,
    /// `X-RateLimit-Limit`
    limit: HeaderValue,
    /// `RateLimit-Policy`
    policy: HeaderValue,
    /// What `RateLimit` begins with.
    begins: Box<[u8]>,
}

impl Tell {
    /// The fields of these styles, for the rules of these limits.
    #[must_use]
    pub fn new<'r>(styles: &[HeaderStyle], rules: impl Iterator<Item = (&'r Arc<str>, &'r Rule)>) -> Self {
        let rules = rules.filter_map(|(name, rule)| {
            let window_s = rule.period / NANOS;
            let policy = HeaderValue::try_from(format!("\"{name}\";q={};w={window_s}", rule.count)).ok()?;
            let begins = format!("\"{name}\";r=").into_bytes().into();
            Some(Told { name: name.clone(), count: rule.count, window_s, limit: rule.count.into(), policy, begins })
        });
        Self { ietf: styles.contains(&HeaderStyle::Ietf), x: styles.contains(&HeaderStyle::X), rules: rules.collect() }
    }
}

impl Told {
    fn is_of(&self, quota: &Quota) -> bool {
        self.count == quota.limit && self.window_s == quota.window_s && (Arc::ptr_eq(&self.name, &quota.name) || self.name == quota.name)
    }

    /// The text of `RateLimit`, and where in it the two numbers stand: the other fields are parts of it.
    fn state(&self, quota: &Quota) -> (Bytes, Range<usize>, Range<usize>) {
        let mut text = BytesMut::with_capacity(self.begins.len() + RESET.len() + 2 * DIGITS_MAX);
        text.put_slice(&self.begins);
        let remaining = write(&mut text, quota.remaining);
        text.put_slice(RESET);
        let reset = write(&mut text, quota.reset_s);
        (text.freeze(), remaining, reset)
    }
}

/// Writes a number: where it stands.
fn write(text: &mut BytesMut, mut number: u64) -> Range<usize> {
    let begins = text.len();
    let mut digits = [b'0'; DIGITS_MAX];
    let mut used = 0;
    for digit in digits.iter_mut().rev() {
        *digit += u8::try_from(number % 10).unwrap_or_default();
        number /= 10;
        used += 1;
        if number == 0 {
            break;
        }
    }
    text.put_slice(digits.get(DIGITS_MAX - used..).unwrap_or_default());
    begins..text.len()
}

impl OnResponse for Tell {
    fn response(&self, exchange: &Exchange, reply: &mut Reply) {
        let Some(quota) = &exchange.quota else { return };
        let Some(told) = self.rules.iter().find(|told| told.is_of(quota)) else { return };
        let (state, remaining, reset) = told.state(quota);
        let headers = &mut reply.headers;
        headers.reserve(5);
        if self.x {
            headers.insert(X_LIMIT, told.limit.clone());
            for (name, part) in [(X_REMAINING, remaining), (X_RESET, reset)] {
                if let Ok(value) = HeaderValue::from_maybe_shared(state.slice(part)) {
                    headers.insert(name, value);
                }
            }
        }
        if self.ietf {
            headers.insert(RATE_LIMIT_POLICY, told.policy.clone());
            if let Ok(value) = HeaderValue::from_maybe_shared(state) {
                headers.insert(RATE_LIMIT, value);
            }
        }
    }
}
