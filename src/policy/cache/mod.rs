//! `cache`: responses that are kept and answered from (RFC 9111). Host and route are always part of the key, GET and HEAD
//! alone are answered, and what the origin says of its own response goes before what the file says.
//!
//! `stage` looks at requests and `intake` at what the origin answers; `storable`, `reuse`, `vary`,
//! `conditions` and `ranges` are the rules, each a function of its arguments; `store`, `fill` and `flights` hold what there is
//! and what is on its way. `server::cache` puts them between a request and its upstream.

mod answer;
mod check;
mod conditions;
mod content;
mod epochs;
mod fill;
mod flights;
mod intake;
mod invalidate;
mod key;
mod ranges;
mod reuse;
mod shelf;
mod stage;
mod status;
mod storable;
mod store;
mod stored;
#[cfg(test)]
mod tests;
mod vary;

pub use fill::Fill;
pub use flights::{Next, Part};
pub use key::reads_cookie;
pub use intake::Taken;
pub use shelf::{BYTES_DEFAULT, Invalidation, Purge, REFRESHES_MAX, Shelf};
pub use stage::{Cache, Fetch, Look};

use super::stage::Place as At;
use super::{Build, BuildError, Decision, Effective, Of, Policy, Registry};
use crate::lang::Checker;
use crate::lang::expr::Expr;
use crate::lang::form::{Example, Form, Merge, Place, Slot, Word};
use epochs::Epochs;
use key::Parts;
use serde::{Deserialize, Serialize};
use std::sync::Arc;
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
    /// Which declaration this is: the routes that share it share its room.
    pub site: String,
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
            .slots(&[Slot::value("keys", "a list such as `[claim.sub]`")]),
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
    const WORDS: &'static [Word] =
        &[Word { form: CACHE, places: &[Place::Gateway, Place::Group, Place::Route, Place::Policy], merge: Merge::Single, stage: "cache" }];

    const EXAMPLES: &'static [Example] = &[Example::route("cache", "cache 60s shared stale 5m max 64MiB")];

    fn check(statements: &[Effective<'_>], checker: &mut Checker<'_>) -> Option<Self> {
        check::check(statements.last()?, checker)
    }

    fn build(&self, build: &mut Build<'_>) -> Result<(), BuildError> {
        match self {
            Self::Keep(keep) => build.cache = Some(keep.cache(build)?),
            Self::Invalidate(routes) => build.invalidates.clone_from(routes),
        }
        Ok(())
    }

    fn told(&self) -> Vec<&Expr> {
        // It is the cache, and its key its own.
        Vec::new()
    }

    fn looks_until(&self) -> Option<At> {
        match self {
            Self::Keep(keep) if !keep.arms.is_empty() => None,
            Self::Keep(_) | Self::Invalidate(_) => Some(At::Cache),
        }
    }

    fn decisions(&self) -> Vec<Decision<'_>> {
        let arms: &[Arm] = match self {
            Self::Keep(keep) => &keep.arms,
            Self::Invalidate(_) => &[],
        };
        let decision = |(nth, arm)| {
            let Arm { when, .. }: &Arm = arm;
            Decision { at: None, of: Of::Branch("cache", "", nth), condition: when }
        };
        arms.iter().enumerate().map(decision).collect()
    }
}

impl Keep {
    fn cache(&self, build: &mut Build<'_>) -> Result<Cache, BuildError> {
        let by: Vec<Expr> = self.key.iter().map(|part| build.resolve(part)).collect::<Result<_, _>>()?;
        let arms = self.arms.iter().map(|arm| Ok((build.resolve(&arm.when)?, arm.ttl))).collect::<Result<_, BuildError>>()?;
        let epochs = epochs(build.registry);
        let Self { site, ttl, shared, stale, error, max, .. } = self;
        // What the key's attributes mean is for the auths to say: other ones begin with an empty cache.
        let auths = serde_json::to_string(build.auths).map_err(|error| BuildError::unset(error.to_string()))?;
        let declared = format!("{site} {ttl:?} {shared} {stale:?} {error:?} {max:?} {} {auths}", self.arms.len());
        let shelf = build.registry.state(STATE, declared, || Shelf::new(max.unwrap_or(BYTES_DEFAULT), epochs));
        Ok(Cache::new(self, Parts::new(by), arms, shelf))
    }
}

/// What was invalidated in all caches of a gateway.
fn epochs(registry: &mut Registry) -> Arc<Epochs> {
    registry.state("cache epochs", String::new(), Epochs::default)
}

/// What a route invalidates when its requests succeed, in a gateway where anything is cached.
#[must_use]
pub fn invalidation(registry: &mut Registry, routes: Vec<String>) -> Invalidation {
    Invalidation::new(epochs(registry), routes)
}

/// The registry's kind of [`Shelf`]s: `registry.each::<Shelf>(cache::STATE)` lists them, so that they can be purged.
pub const STATE: &str = "cache";
