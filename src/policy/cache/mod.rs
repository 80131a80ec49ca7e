//! `cache`: responses that are kept and answered from (RFC 9111). Host and route are always part of the key, GET and HEAD
//! alone are answered, and what the origin says of its own response goes before what the file says.

mod check;
#[cfg(test)]
mod tests;

use super::{Effective, Policy};
use crate::lang::Checker;
use crate::lang::expr::Expr;
use crate::lang::form::{Form, Merge, Place, Slot, Word};
use serde::{Deserialize, Serialize};
use std::time::Duration;

/// What becomes of the cache on a route.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Config {
    /// Responses are kept.
    Keep(Keep),
    /// `cache invalidate [routes]`: a request that succeeds drops every entry of these routes, by their names.
    Invalidate(Vec<String>),
}

/// How responses are kept.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Keep {
    /// For how long those are kept that say nothing themselves; none: only those that the origin allows to be kept.
    pub ttl: Option<Duration>,
    /// Each distinct value has its own entry.
    pub key: Vec<Expr>,
    /// The same for every caller who is let in.
    pub shared: bool,
    /// For how long an entry may be answered after its time while a fresh one is fetched, or cannot be (RFC 5861).
    pub stale: Option<Duration>,
    /// For how long an entry may be answered after its time when the origin fails.
    pub error: Option<Duration>,
    /// The bytes of all its entries.
    pub max: Option<u64>,
    /// Other times for some responses; the first whose condition holds.
    pub arms: Vec<Arm>,
}

/// `when response.status == S -> TTL`
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Arm {
    /// Its condition.
    pub when: Expr,
    /// For how long such a response is kept.
    pub ttl: Duration,
}

const CACHE: Form = Form::new("cache", "keeps responses to GET and HEAD and answers from them (RFC 9111)")
    .slots(&[Slot::value("ttl", "a duration").optional()])
    .children(&[
        Form::new("invalidate", "a request that succeeds drops every entry of these routes")
            .slots(&[Slot::value("routes", "a list of names of routes")]),
        Form::new("by", "each distinct value has its own entry; host and route are always part of the key")
            .slots(&[Slot::value("keys", "a list such as `[claim.sub, request.path]`")]),
        Form::new("shared", "what is kept is the same for every caller who is let in"),
        Form::new("stale", "for how long an old entry may be answered while a fresh one is fetched, or when that fails (RFC 5861)")
            .slots(&[Slot::value("time", "a duration")]),
        Form::new("error", "for how long an old entry may be answered when the upstream fails").slots(&[Slot::value("time", "a duration")]),
        Form::new("max", "the size of all entries together").slots(&[Slot::value("size", "a size")]),
        Form::new("when", "another time for some responses, such as `when response.status == 404 -> 10s`")
            .slots(&[Slot::value("condition", "a condition over the response"), Slot::value("ttl", "a duration").arrow()])
            .many(),
    ]);

impl Policy for Config {
    const WORDS: &'static [Word] = &[Word {
        form: CACHE.later(),
        places: &[Place::Gateway, Place::Group, Place::Route, Place::Policy],
        merge: Merge::Single,
        stage: "cache",
    }];

    fn check(statements: &[Effective<'_>], checker: &mut Checker<'_>) -> Option<Self> {
        check::check(&statements.last()?.node, checker)
    }
}
