//! A limit's counters in a store: the algorithms of `count.rs` as scripts, by the store's clock, in microseconds.

use super::Algorithm;
use super::count::{Decision, Rule};
use super::key::Key;
use crate::store::{Down, Lease, Script, Store};
use std::sync::{Arc, LazyLock};

static TOKEN_BUCKET: LazyLock<Script> = LazyLock::new(|| Script::new(include_str!("scripts/token_bucket.lua")));
static WINDOW: LazyLock<Script> = LazyLock::new(|| Script::new(include_str!("scripts/window.lua")));
static SLIDING_LOG: LazyLock<Script> = LazyLock::new(|| Script::new(include_str!("scripts/sliding_log.lua")));

const TAKE: u64 = 0;
const GIVE_BACK: u64 = 1;
const NANOS_PER_MICRO: u64 = 1_000;

/// Where a limit is counted together with other gateways.
pub struct Shared {
    /// The store.
    pub store: Arc<Store>,
    /// What its keys begin with: the declaration's own part of the store.
    prefix: Box<[u8]>,
}

/// What the store said.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Taken {
    /// What becomes of the request.
    pub decision: Decision,
    /// The store's time, in microseconds since the epoch.
    pub at: u64,
}

impl Shared {
    /// The counters of a declaration. Gateways with the same one share them, whatever its numbers are.
    #[must_use]
    pub fn new(store: Arc<Store>, name: &str, declaration: u64) -> Self {
        Self { store, prefix: format!("gate:limit:{name}:{declaration:016x}:").into_bytes().into() }
    }

    /// Counts a request of a key, if it is within the rule.
    ///
    /// # Errors
    /// When the store is down, or does not answer in time.
    pub async fn take(&self, key: &Key, rule: &Rule) -> Result<Taken, Down> {
        let said = self.store.run(script(rule), &self.place(key, rule), &numbers(TAKE, rule, 0)).await?;
        let mut said = said.into_iter().map(|number| u64::try_from(number).unwrap_or(0));
        let mut next = || said.next().ok_or(Down);
        let (allowed, remaining, reset, retry, at) = (next()? == 1, next()?, next()?, next()?, next()?);
        let decision = Decision { allowed, remaining, reset: reset * NANOS_PER_MICRO, retry: retry * NANOS_PER_MICRO };
        Ok(Taken { decision, at })
    }

    /// Takes back a request that was counted at `at`; nobody waits for it.
    pub fn give_back(&self, key: &Key, rule: &Rule, at: u64) {
        self.store.run_later(script(rule), self.place(key, rule), numbers(GIVE_BACK, rule, at));
    }

    /// Takes one of a key's places. `None` when all are taken.
    ///
    /// # Errors
    /// When the store is down, or does not answer in time.
    pub async fn enter(&self, key: &Key, most: u64) -> Result<Option<Lease>, Down> {
        self.store.lease(&[&self.prefix, b"leases:".as_slice(), key.as_slice()].concat(), most).await
    }

    /// Counters of different kinds never meet: a period that is changed begins anew, a count does not.
    fn place(&self, key: &Key, rule: &Rule) -> Vec<u8> {
        let kind = match rule.algorithm {
            Algorithm::TokenBucket => "bucket",
            Algorithm::FixedWindow => "fixed",
            Algorithm::SlidingWindow => "sliding",
            Algorithm::SlidingLog => "log",
        };
        [&self.prefix, format!("{kind}:{}:", rule.period / NANOS_PER_MICRO).as_bytes(), key.as_slice()].concat()
    }
}

fn script(rule: &Rule) -> &'static Script {
    match rule.algorithm {
        Algorithm::TokenBucket => &TOKEN_BUCKET,
        Algorithm::FixedWindow | Algorithm::SlidingWindow => &WINDOW,
        Algorithm::SlidingLog => &SLIDING_LOG,
    }
}

/// The script's `ARGV`.
fn numbers(what: u64, rule: &Rule, at: u64) -> Vec<u64> {
    let period = rule.period / NANOS_PER_MICRO;
    match rule.algorithm {
        Algorithm::TokenBucket => vec![what, rule.count, period, rule.burst],
        Algorithm::FixedWindow => vec![what, rule.count, period, 0, at],
        Algorithm::SlidingWindow => vec![what, rule.count, period, 1, at],
        Algorithm::SlidingLog => vec![what, rule.count, period, at],
    }
}

#[cfg(test)]
mod tests;
