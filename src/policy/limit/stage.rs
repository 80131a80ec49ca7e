//! A route's limits at work: asked on the way in, settled and told on the way out.

use super::count::{Decision, Rule};
use super::key::{Key, key};
use super::limiter::Limiter;
use super::{Algorithm, HeaderStyle};
use crate::http::{Exchange, Problem, Quota, Reply};
use crate::lang::eval::Facts;
use crate::lang::expr::Expr;
use crate::policy::stage::{Account, Flow, OnRequest, OnResponse};
use http::{HeaderMap, HeaderName, HeaderValue, StatusCode};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

const NANOS: u64 = 1_000_000_000;

/// One limit of a route.
pub struct Bounded {
    /// Its counters.
    pub limiter: Arc<Limiter>,
    /// What they are counted by.
    pub key: Vec<Expr>,
    /// What they are held against.
    pub against: Against,
    /// Only requests whose response this holds for stay counted.
    pub counting: Option<Expr>,
}

/// What a limit holds requests against.
pub enum Against {
    /// The first rule whose condition holds; the last has none.
    Rules(Vec<(Option<Expr>, Rule)>),
    /// So many at once.
    Slots(u64),
}

/// A request that stays counted only if its response says so.
struct Reservation {
    limiter: Arc<Limiter>,
    key: Key,
    rule: Rule,
    at: u64,
    settled: AtomicBool,
}

impl Reservation {
    fn settle(&self, counts: bool) {
        if !self.settled.swap(true, Ordering::Relaxed) && !counts {
            self.limiter.give_back(&self.key, &self.rule, self.at);
        }
    }
}

impl Drop for Reservation {
    /// A request that never got a response has not used the limit up.
    fn drop(&mut self) {
        self.settle(false);
    }
}

impl Bounded {
    /// `None` lets the request on.
    fn ask(&self, exchange: &mut Exchange) -> Option<Problem> {
        if self.limiter.is_silenced() {
            return None;
        }
        let (arm, rule) = match &self.against {
            Against::Slots(most) => return self.enter(exchange, *most),
            Against::Rules(rules) => chosen(rules, Facts::request(exchange))?,
        };
        let key = key(arm, &self.key, Facts::request(exchange));
        let now = u64::try_from(exchange.clock.at_instant(exchange.started).as_nanos()).unwrap_or(u64::MAX);
        let kept = self.counting.as_ref().map(|_| key.clone());
        let decision = self.limiter.take(key, rule, now);
        self.tell(exchange, rule, decision);
        if !decision.allowed {
            return Some(self.refuse(exchange, Duration::from_nanos(decision.retry)));
        }
        if let Some(key) = kept {
            let reservation = Reservation { limiter: self.limiter.clone(), key, rule: *rule, at: now, settled: AtomicBool::new(false) };
            exchange.guards.push(Box::new(reservation));
        }
        None
    }

    fn enter(&self, exchange: &mut Exchange, most: u64) -> Option<Problem> {
        let key = key(0, &self.key, Facts::request(exchange));
        match self.limiter.enter(key, most) {
            Some(slot) => {
                exchange.guards.push(Box::new(slot));
                None
            }
            None => Some(self.refuse(exchange, Duration::ZERO)),
        }
    }

    fn refuse(&self, exchange: &mut Exchange, wait: Duration) -> Problem {
        exchange.record.limited_by = Some(self.limiter.name().clone());
        Problem::new(StatusCode::TOO_MANY_REQUESTS, "too many requests").retry_after(wait)
    }

    /// How the limit stands for the key of a request that it has been asked about.
    fn account(&self, exchange: &Exchange, passed: bool) -> Account {
        let facts = Facts::request(exchange);
        let says = match &self.against {
            _ if self.limiter.is_silenced() => "silent, counts nothing".to_owned(),
            Against::Slots(most) => {
                let taken = self.limiter.taken(&key(0, &self.key, facts));
                format!("{taken} of {most} at once")
            }
            Against::Rules(rules) => match chosen(rules, facts) {
                Some((arm, rule)) => {
                    let now = u64::try_from(exchange.clock.at_instant(exchange.started).as_nanos()).unwrap_or(u64::MAX);
                    let left = self.limiter.left(&key(arm, &self.key, facts), rule, now);
                    let most = match rule.algorithm {
                        Algorithm::TokenBucket => rule.burst,
                        Algorithm::FixedWindow | Algorithm::SlidingWindow | Algorithm::SlidingLog => rule.count,
                    };
                    format!("{left} of {most} left")
                }
                None => "no rule fits".to_owned(),
            },
        };
        Account { name: Arc::clone(self.limiter.name()), passed, says }
    }

    /// Keeps the tightest limit for the reply's fields: the one that refuses, else the one with the least left.
    fn tell(&self, exchange: &mut Exchange, rule: &Rule, decision: Decision) {
        let tighter = exchange.quota.as_ref().is_none_or(|known| !decision.allowed || decision.remaining < known.remaining);
        if tighter {
            exchange.quota = Some(Quota {
                name: self.limiter.name().clone(),
                limit: rule.count,
                window_s: rule.period / NANOS,
                remaining: decision.remaining,
                reset_s: decision.reset.div_ceil(NANOS),
            });
        }
    }
}

/// The first rule whose condition holds, with its number.
fn chosen<'r>(rules: &'r [(Option<Expr>, Rule)], facts: Facts<'_>) -> Option<(u8, &'r Rule)> {
    (0_u8..).zip(rules).find_map(|(arm, (when, rule))| when.as_ref().is_none_or(|when| when.holds(facts)).then_some((arm, rule)))
}

/// The limits that a route asks at one stage, in order.
pub struct Limits(pub Vec<Bounded>);

impl OnRequest for Limits {
    fn request<'a>(&'a self, exchange: &'a mut Exchange) -> Flow<'a> {
        self.0.iter().find_map(|limit| limit.ask(exchange)).map_or(Flow::Next, Flow::Refuse)
    }

    fn account(&self, exchange: &Exchange) -> Vec<Account> {
        let refusing = |limit: &Bounded| exchange.record.limited_by.as_ref().is_some_and(|name| Arc::ptr_eq(name, limit.limiter.name()));
        // Behind the one that refuses, none was asked.
        let asked = self.0.iter().position(refusing).map_or(self.0.len(), |at| at + 1);
        self.0.iter().take(asked).map(|limit| limit.account(exchange, !refusing(limit))).collect()
    }
}

/// Settles what only counts by its response.
pub struct Settle(pub Vec<(Arc<Limiter>, Expr)>);

impl OnResponse for Settle {
    fn response(&self, exchange: &Exchange, reply: &mut Reply) {
        for reservation in exchange.guards.iter().filter_map(|guard| guard.downcast_ref::<Reservation>()) {
            let found = self.0.iter().find(|(limiter, _)| Arc::ptr_eq(limiter, &reservation.limiter));
            if let Some((_, counting)) = found {
                reservation.settle(counting.holds(Facts::response(exchange, reply)));
            }
        }
    }
}

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
