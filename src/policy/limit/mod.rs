//! `limit`: how often, or how many at once. Counters are exact under concurrency and bounded in memory.
//!
//! A limit is one set of counters for the place that declares it, shared by every route that inherits it; a reload that does
//! not touch the declaration keeps them. A limit whose key and conditions are known before identity runs before it.

mod check;
mod count;
mod forms;
mod key;
mod limiter;
mod shadow;
mod shared;
mod stage;
mod table;
mod tell;

#[cfg(test)]
mod tests;

pub use limiter::{Limiter, Tally};

use super::stage::{Place, ReplyPlace};
use super::{Build, BuildError, Decision, Effective, Of, Policy};
use crate::lang::Checker;
use crate::lang::expr::Expr;
use crate::lang::form::{Example, Word};
use crate::lang::value::Rate;
use count::Rule;
use serde::{Deserialize, Serialize};
use crate::http::share::hash;
use shared::Shared;
use stage::{Against, Bounded};
use std::sync::Arc;
use tell::Tell;

/// Every limit in force on a route, and how their state is told to clients.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Config {
    /// The limits, in the order they are asked.
    pub limits: Vec<Limit>,
    /// Fields of replies; an empty list sends none.
    pub headers: Vec<HeaderStyle>,
}

/// A style of rate-limit fields.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum HeaderStyle {
    /// `RateLimit` and `RateLimit-Policy` (draft-ietf-httpapi-ratelimit-headers).
    Ietf,
    /// `X-RateLimit-Limit`, `-Remaining` and `-Reset`.
    X,
}

/// One limit.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Limit {
    /// Its name.
    pub name: String,
    /// Which declaration it is: routes with the same site share its counters.
    pub site: String,
    /// What is counted against what.
    pub bound: Bound,
    /// Each distinct value has its own counter; empty is one counter for all.
    pub key: Vec<Expr>,
    /// True when key or conditions need the caller's identity: the limit then runs behind `require`.
    pub by_identity: bool,
    /// Only requests whose response this holds for use the limit up.
    pub counting: Option<Expr>,
    /// The store it is counted in, by its place among the declarations; none is this gateway's memory.
    pub store: Option<u16>,
}

/// What a limit bounds.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Bound {
    /// Requests per time.
    Rate {
        /// How it is counted.
        algorithm: Algorithm,
        /// When no arm's condition holds.
        flow: Flow,
        /// The first whose condition holds is in force, with counters of its own.
        arms: Vec<Arm>,
    },
    /// Requests at once, from the head's arrival to the end of the reply's body.
    Concurrent(u64),
}

/// So many per so long.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Flow {
    /// The rate.
    pub rate: Rate,
    /// How many at once (`token_bucket`); the rate's count when it is not written.
    pub burst: u64,
}

/// `when EXPR -> RATE [burst N]`
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Arm {
    /// Its condition.
    pub when: Expr,
    /// Its flow.
    pub flow: Flow,
}

/// How requests are counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Algorithm {
    /// A bucket of `burst` tokens, refilled evenly at the rate (GCRA: 16 bytes a key).
    TokenBucket,
    /// At most `count` in each period; periods are aligned to the epoch. Twice the rate can pass around a period's end.
    FixedWindow,
    /// The count of this period and the weighted one of the last: an estimate of the last period's length, 24 bytes a key.
    SlidingWindow,
    /// At most `count` in any span of the period's length, exactly: remembers each request.
    SlidingLog,
}

impl Policy for Config {
    const WORDS: &'static [Word] = forms::WORDS;
    const EXAMPLES: &'static [Example] = &[
        Example::route("limit", "limit per_user 100/min by claim.sub burst 20\nlimit at_once 8 concurrent by client.ip"),
        Example::gateway("ratelimit_headers", "ratelimit_headers [ietf]"),
    ];

    fn check(statements: &[Effective<'_>], checker: &mut Checker<'_>) -> Option<Self> {
        check::statements(statements, checker)
    }

    fn build(&self, build: &mut Build<'_>) -> Result<(), BuildError> {
        let (mut early, mut late, mut settled, mut told) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
        for limit in &self.limits {
            let bounded = limit.bounded(build)?;
            if let Some(counting) = &bounded.counting {
                settled.push((bounded.limiter.clone(), counting.clone()));
            }
            if let Against::Rules(rules) = &bounded.against {
                told.extend(rules.iter().map(|(_, rule)| (bounded.limiter.name().clone(), *rule)));
            }
            if limit.by_identity { &mut late } else { &mut early }.push(bounded);
        }
        if !early.is_empty() {
            build.on_request(Place::Limit, stage::Limits(early));
        }
        if !late.is_empty() {
            build.on_request(Place::LimitByIdentity, stage::Limits(late));
        }
        if !settled.is_empty() {
            build.on_response(ReplyPlace::Quota, stage::Settle(settled));
        }
        if !self.headers.is_empty() && !told.is_empty() {
            build.on_response(ReplyPlace::Quota, Tell::new(&self.headers, told.iter().map(|(name, rule)| (name, rule))));
        }
        Ok(())
    }

    fn told(&self) -> Vec<&Expr> {
        // It runs before the cache, and refuses or lets pass.
        Vec::new()
    }

    fn looks_until(&self) -> Option<Place> {
        let counting = self.limits.iter().any(|limit| limit.counting.is_some());
        self.limits.iter().map(Limit::place).max().filter(|_| !counting)
    }

    fn decisions(&self) -> Vec<Decision<'_>> {
        let arms = self.limits.iter().flat_map(|limit| {
            let arms: &[Arm] = match &limit.bound {
                Bound::Rate { arms, .. } => arms,
                Bound::Concurrent(_) => &[],
            };
            arms.iter().enumerate().map(move |(nth, arm)| (limit, nth, arm))
        });
        arms.map(|(limit, nth, arm)| Decision { at: Some(limit.place()), of: Of::Branch("limit", &limit.name, nth), condition: &arm.when }).collect()
    }

    fn judges_by(&self) -> Vec<&Expr> {
        let keys = self.limits.iter().flat_map(|limit| &limit.key);
        self.decisions().into_iter().map(|decision| decision.condition).chain(keys).collect()
    }
}

impl Limit {
    /// Where it runs.
    #[must_use]
    pub fn place(&self) -> Place {
        if self.by_identity { Place::LimitByIdentity } else { Place::Limit }
    }

    fn bounded(&self, build: &mut Build<'_>) -> Result<Bounded, BuildError> {
        let mut content = serde_json::to_value(self).map_err(|error| BuildError::unset(error.to_string()))?;
        without_slots(&mut content);
        let events = build.events;
        let limiter: Arc<Limiter> = build.registry.state(STATE, content.to_string(), || Limiter::telling(&self.name, events));
        let against = match &self.bound {
            Bound::Concurrent(most) => Against::Slots(*most),
            Bound::Rate { algorithm, flow, arms } => {
                let arms = arms.iter().map(|arm| Ok((Some(build.resolve(&arm.when)?), Rule::new(*algorithm, arm.flow))));
                let mut rules: Vec<_> = arms.collect::<Result<_, BuildError>>()?;
                rules.push((None, Rule::new(*algorithm, *flow)));
                Against::Rules(rules)
            }
        };
        let store = self.store.and_then(|store| build.stores.get(usize::from(store))).filter(|store| !store.is_in_memory());
        let shared = store.map(|store| Arc::new(Shared::new(Arc::clone(store), &self.name, self.declaration())));
        Ok(Bounded { limiter, key: self.key.clone(), against, counting: self.counting.clone(), shared })
    }

    /// Which declaration it is to the gateways that share its store: all of it but its numbers, so that while they are
    /// given a new rate one after the other, they go on counting together.
    fn declaration(&self) -> u64 {
        let conditions: Vec<&Expr> = match &self.bound {
            Bound::Rate { arms, .. } => arms.iter().map(|arm| &arm.when).collect(),
            Bound::Concurrent(_) => Vec::new(),
        };
        let content = serde_json::to_value((&self.site, &self.key, &self.counting, conditions)).map(|mut content| {
            without_slots(&mut content);
            hash(content.to_string().as_bytes())
        });
        content.unwrap_or_default()
    }
}

/// One declaration has one set of counters, although a claim or parameter may lie in another slot on each route.
fn without_slots(content: &mut serde_json::Value) {
    match content {
        serde_json::Value::Object(members) => {
            for (name, value) in members {
                if matches!(name.as_str(), "Attribute" | "Param") {
                    *value = serde_json::Value::Null;
                } else {
                    without_slots(value);
                }
            }
        }
        serde_json::Value::Array(all) => all.iter_mut().for_each(without_slots),
        _ => {}
    }
}

/// The registry's kind of [`Limiter`]s: `registry.each::<Limiter>(limit::STATE)` lists them.
pub const STATE: &str = "limit";
