//! The counters of one limit: exact under concurrency, bounded in memory, shared by every route of its site.

use super::count::{Decision, Rule, State};
use super::table::{Counter, Id, Table};
use crate::events::{Change, Events, Seldom};
use parking_lot::Mutex;
use std::hash::{BuildHasher, RandomState};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

/// Parts with a lock of their own.
const SHARDS: usize = 64;
/// Most memory of the counters of one limit: 838,000 keys with short counters.
pub const BYTES_MAX: usize = 64 << 20;

/// The counters of one limit.
pub struct Limiter {
    name: Arc<str>,
    /// Clients may choose what they are counted by, so the hashes are such as they cannot foresee.
    hashers: [RandomState; 2],
    shards: Box<[Mutex<Shard>]>,
    silenced: AtomicBool,
    /// That keys were forgotten is said seldom,
    forgetting: Seldom,
    /// and so is that requests were refused.
    refusing: Seldom,
    events: Arc<Events>,
}

struct Shard {
    table: Table,
    tally: Tally,
}

/// What a limit did so far.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, serde::Serialize)]
pub struct Tally {
    /// Requests that were let through.
    pub allowed: u64,
    /// Requests that were refused.
    pub rejected: u64,
    /// Counters of keys still in use that were dropped because there were too many keys.
    pub forgotten: u64,
}

impl Limiter {
    /// Counters of a limit, none used, that nobody hears of.
    #[must_use]
    pub fn new(name: &str) -> Self {
        Self::with_bytes(name, BYTES_MAX)
    }

    /// Counters of a limit, none used; that it refuses requests is told there.
    #[must_use]
    pub fn telling(name: &str, events: &Arc<Events>) -> Self {
        Self { events: Arc::clone(events), ..Self::new(name) }
    }

    /// The same with another bound on its memory, in bytes.
    #[must_use]
    pub fn with_bytes(name: &str, bytes_max: usize) -> Self {
        let shard = || Mutex::new(Shard { table: Table::new(bytes_max / SHARDS), tally: Tally::default() });
        Self {
            name: name.into(),
            hashers: [RandomState::new(), RandomState::new()],
            shards: std::iter::repeat_with(shard).take(SHARDS).collect(),
            silenced: AtomicBool::new(false),
            forgetting: Seldom::default(),
            refusing: Seldom::default(),
            events: Arc::default(),
        }
    }

    /// The limit's name.
    #[must_use]
    pub fn name(&self) -> &Arc<str> {
        &self.name
    }

    /// Lets everything through, uncounted: `given only limit L` does this to all others.
    pub fn silence(&self, silenced: bool) {
        self.silenced.store(silenced, Ordering::Relaxed);
    }

    /// True when everything is let through.
    #[must_use]
    pub fn is_silenced(&self) -> bool {
        self.silenced.load(Ordering::Relaxed)
    }

    /// What it did so far.
    #[must_use]
    pub fn tally(&self) -> Tally {
        self.shards.iter().fold(Tally::default(), |sum, shard| {
            let part = shard.lock().tally;
            Tally { allowed: sum.allowed + part.allowed, rejected: sum.rejected + part.rejected, forgotten: sum.forgotten + part.forgotten }
        })
    }

    /// How many keys have a counter.
    #[must_use]
    pub fn keys(&self) -> usize {
        self.shards.iter().map(|shard| shard.lock().table.len()).sum()
    }

    /// What its counters cost, in bytes.
    #[must_use]
    pub fn bytes(&self) -> usize {
        self.shards.iter().map(|shard| shard.lock().table.bytes()).sum()
    }

    /// What a key is known by here.
    #[must_use]
    pub fn id(&self, key: &[u8]) -> Id {
        let [high, low] = self.hashers.each_ref().map(|hasher| u128::from(hasher.hash_one(key)));
        Id((high << 64) | low)
    }

    /// Counts a request of a key, if it is within the rule. `now` is in nanoseconds since the epoch.
    #[must_use]
    pub fn take(&self, id: Id, rule: &Rule, now: u64) -> Decision {
        let Some(shard) = self.shard(id) else { return Decision::REFUSED };
        let mut shard = shard.lock();
        let Shard { table, tally } = &mut *shard;
        let known = table.change(id, |counter| match counter {
            Counter::Flow(state) => {
                let decision = state.take(rule, now);
                (decision, state.idle_at(rule))
            }
            // A key holds one kind of counter only, for its first byte is the arm.
            Counter::Slots(_) => (Decision::REFUSED, u64::MAX),
        });
        let decision = known.unwrap_or_else(|| {
            let mut state = State::new(rule.algorithm);
            let decision = state.take(rule, now);
            let idle_at = state.idle_at(rule);
            table.sweep(now);
            table.insert(id, Counter::Flow(state), idle_at);
            decision
        });
        tally.count(decision.allowed);
        let forgotten = table.shrink(id, now);
        tally.forgotten += forgotten;
        drop(shard);
        if forgotten > 0 {
            self.warn(now);
        }
        decision
    }

    /// How many requests of a key may still come now; nothing is counted.
    #[must_use]
    pub fn left(&self, id: Id, rule: &Rule, now: u64) -> u64 {
        let Some(shard) = self.shard(id) else { return 0 };
        let mut state = match shard.lock().table.get(id) {
            Some(Counter::Flow(state)) => state.clone(),
            Some(Counter::Slots(_)) => return 0,
            None => State::new(rule.algorithm),
        };
        let next = state.take(rule, now);
        next.remaining + u64::from(next.allowed)
    }

    /// How many places of a key are taken.
    #[must_use]
    pub fn taken(&self, id: Id) -> u64 {
        let Some(shard) = self.shard(id) else { return 0 };
        match shard.lock().table.get(id) {
            Some(Counter::Slots(taken)) => *taken,
            Some(Counter::Flow(_)) | None => 0,
        }
    }

    /// Takes back a request that [`Self::take`] counted at `at`.
    pub fn give_back(&self, id: Id, rule: &Rule, at: u64) {
        let Some(shard) = self.shard(id) else { return };
        let _ = shard.lock().table.change(id, |counter| match counter {
            Counter::Flow(state) => {
                state.give_back(rule, at);
                ((), state.idle_at(rule))
            }
            Counter::Slots(_) => ((), u64::MAX),
        });
    }

    /// Takes one of a key's places; it is free again when the slot is dropped. `None` when all are taken, or when there are
    /// too many keys: those with taken places are never forgotten.
    #[must_use]
    pub fn enter(self: &Arc<Self>, id: Id, most: u64) -> Option<Slot> {
        let mut shard = self.shard(id)?.lock();
        let Shard { table, tally } = &mut *shard;
        let known = table.change(id, |counter| match counter {
            Counter::Slots(taken) if *taken < most => {
                *taken += 1;
                (true, u64::MAX)
            }
            Counter::Slots(_) | Counter::Flow(_) => (false, u64::MAX),
        });
        let entered = known.unwrap_or_else(|| {
            let room = table.has_room();
            if room {
                table.insert(id, Counter::Slots(1), u64::MAX);
            }
            room
        });
        tally.count(entered);
        entered.then(|| Slot { limiter: self.clone(), id })
    }

    /// Counts what was decided elsewhere: by a store.
    pub fn count(&self, id: Id, allowed: bool) {
        if let Some(shard) = self.shard(id) {
            shard.lock().tally.count(allowed);
        }
    }

    fn leave(&self, id: Id) {
        let Some(shard) = self.shard(id) else { return };
        let mut shard = shard.lock();
        let left = shard.table.change(id, |counter| match counter {
            Counter::Slots(taken) => {
                *taken = taken.saturating_sub(1);
                (*taken, u64::MAX)
            }
            Counter::Flow(_) => (u64::MAX, u64::MAX),
        });
        if left == Some(0) {
            shard.table.remove(id);
        }
    }

    fn warn(&self, now: u64) {
        if self.forgetting.is_due(Duration::from_nanos(now)) {
            let forgotten = self.tally().forgotten;
            tracing::warn!(limit = %self.name, forgotten, "a limit has more keys in use than it has memory for: some begin anew");
        }
    }

    /// A request was refused: told for the first one within a minute. `now` is in nanoseconds since the epoch.
    pub fn refused(&self, now: u64) {
        if self.refusing.is_due(Duration::from_nanos(now)) {
            self.events.tell(Change::LimitReached, &self.name, "the limit refuses requests");
        }
    }

    fn shard(&self, id: Id) -> Option<&Mutex<Shard>> {
        self.shards.get((id.0 >> 96) as usize % SHARDS)
    }
}

impl Tally {
    fn count(&mut self, allowed: bool) {
        if allowed {
            self.allowed += 1;
        } else {
            self.rejected += 1;
        }
    }
}

/// One of the places of a `concurrent` limit.
pub struct Slot {
    limiter: Arc<Limiter>,
    id: Id,
}

impl Drop for Slot {
    fn drop(&mut self) {
        self.limiter.leave(self.id);
    }
}
