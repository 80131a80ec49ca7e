//! The counters of one limit: exact under concurrency, bounded in memory, shared by every route of its site.

use super::count::{Decision, Rule, State};
use super::key::Key;
use hashbrown::HashTable;
use parking_lot::Mutex;
use std::hash::{BuildHasher, RandomState};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

/// Parts with a lock of their own.
const SHARDS: usize = 64;
/// Most keys of one part: 262 144 of one limit.
const SHARD_KEYS_MAX: usize = 4096;
/// A part is looked through for idle keys when it has this many, and whenever it has doubled since.
const SWEEP_FIRST: usize = 64;

/// The counters of one limit.
pub struct Limiter {
    name: Arc<str>,
    /// Clients may choose what they are counted by, so the hash is one they cannot foresee.
    hasher: RandomState,
    shards: Box<[Mutex<Shard>]>,
    silenced: AtomicBool,
    keys_max: usize,
}

struct Shard {
    entries: HashTable<Entry>,
    sweep_at: usize,
    tally: Tally,
}

struct Entry {
    hash: u64,
    key: Key,
    idle_at: u64,
    counter: Counter,
}

enum Counter {
    /// Over time.
    Flow(State),
    /// At once.
    Slots(u64),
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
    /// Counters of a limit, none used.
    #[must_use]
    pub fn new(name: &str) -> Self {
        Self::with_capacity(name, SHARD_KEYS_MAX)
    }

    /// The same with another bound on the keys of one of its 64 parts.
    #[must_use]
    pub fn with_capacity(name: &str, keys_max: usize) -> Self {
        let shard = || Mutex::new(Shard { entries: HashTable::new(), sweep_at: SWEEP_FIRST.min(keys_max), tally: Tally::default() });
        Self {
            name: name.into(),
            hasher: RandomState::new(),
            shards: std::iter::repeat_with(shard).take(SHARDS).collect(),
            silenced: AtomicBool::new(false),
            keys_max: keys_max.max(1),
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
        self.shards.iter().map(|shard| shard.lock().entries.len()).sum()
    }

    /// Counts a request of a key, if it is within the rule. `now` is in nanoseconds since the epoch.
    #[must_use]
    pub fn take(&self, key: Key, rule: &Rule, now: u64) -> Decision {
        let (hash, Some(shard)) = self.shard(&key) else { return refused() };
        let mut shard = shard.lock();
        let decision = match shard.find(hash, &key) {
            Some(Entry { counter: Counter::Flow(state), idle_at, .. }) => {
                let decision = state.take(rule, now);
                *idle_at = state.idle_at(rule);
                decision
            }
            // A key holds one kind of counter only, for its first byte is the arm.
            Some(Entry { counter: Counter::Slots(_), .. }) => refused(),
            None => {
                let mut state = State::new(rule.algorithm);
                let decision = state.take(rule, now);
                let idle_at = state.idle_at(rule);
                shard.insert(Entry { hash, key, idle_at, counter: Counter::Flow(state) }, now, self.keys_max);
                decision
            }
        };
        shard.count(decision.allowed);
        decision
    }

    /// How many requests of a key may still come now; nothing is counted.
    #[must_use]
    pub fn left(&self, key: &Key, rule: &Rule, now: u64) -> u64 {
        let (hash, Some(shard)) = self.shard(key) else { return 0 };
        let mut state = match shard.lock().find(hash, key) {
            Some(Entry { counter: Counter::Flow(state), .. }) => state.clone(),
            Some(Entry { counter: Counter::Slots(_), .. }) => return 0,
            None => State::new(rule.algorithm),
        };
        let next = state.take(rule, now);
        next.remaining + u64::from(next.allowed)
    }

    /// How many places of a key are taken.
    #[must_use]
    pub fn taken(&self, key: &Key) -> u64 {
        let (hash, Some(shard)) = self.shard(key) else { return 0 };
        match shard.lock().find(hash, key) {
            Some(Entry { counter: Counter::Slots(taken), .. }) => *taken,
            Some(Entry { counter: Counter::Flow(_), .. }) | None => 0,
        }
    }

    /// Takes back a request that [`Self::take`] counted at `at`.
    pub fn give_back(&self, key: &Key, rule: &Rule, at: u64) {
        let (hash, Some(shard)) = self.shard(key) else { return };
        if let Some(Entry { counter: Counter::Flow(state), idle_at, .. }) = shard.lock().find(hash, key) {
            state.give_back(rule, at);
            *idle_at = state.idle_at(rule);
        }
    }

    /// Takes one of a key's places; it is free again when the slot is dropped. `None` when all are taken.
    #[must_use]
    pub fn enter(self: &Arc<Self>, key: Key, most: u64) -> Option<Slot> {
        let (hash, shard) = self.shard(&key);
        let mut shard = shard?.lock();
        let entered = match shard.find(hash, &key) {
            Some(Entry { counter: Counter::Slots(taken), .. }) if *taken < most => {
                *taken += 1;
                true
            }
            Some(_) => false,
            None => {
                let room = shard.entries.len() < self.keys_max;
                if room {
                    let entry = Entry { hash, key: key.clone(), idle_at: u64::MAX, counter: Counter::Slots(1) };
                    shard.entries.insert_unique(hash, entry, |entry| entry.hash);
                }
                room
            }
        };
        shard.count(entered);
        entered.then(|| Slot { limiter: self.clone(), key })
    }

    fn leave(&self, key: &Key) {
        let (hash, Some(shard)) = self.shard(key) else { return };
        let mut shard = shard.lock();
        let Ok(mut found) = shard.entries.find_entry(hash, |entry| entry.key == *key) else { return };
        if let Counter::Slots(taken) = &mut found.get_mut().counter {
            *taken = taken.saturating_sub(1);
            if *taken == 0 {
                found.remove();
            }
        }
    }

    /// The table takes its bucket from the low bits and its tag from the high ones: the part is chosen from those between.
    fn shard(&self, key: &Key) -> (u64, Option<&Mutex<Shard>>) {
        let hash = self.hasher.hash_one(key.as_slice());
        (hash, self.shards.get((hash >> 40) as usize % SHARDS))
    }
}

impl Shard {
    fn find(&mut self, hash: u64, key: &Key) -> Option<&mut Entry> {
        self.entries.find_mut(hash, |entry| entry.key == *key)
    }

    fn count(&mut self, allowed: bool) {
        if allowed {
            self.tally.allowed += 1;
        } else {
            self.tally.rejected += 1;
        }
    }

    /// Adds a key. Idle keys are forgotten first; when all are in use, the one that would be idle soonest is, and that is counted.
    fn insert(&mut self, entry: Entry, now: u64, keys_max: usize) {
        if self.entries.len() >= self.sweep_at {
            self.entries.retain(|known| known.idle_at > now);
            self.sweep_at = (self.entries.len() * 2).clamp(SWEEP_FIRST.min(keys_max), keys_max);
        }
        if self.entries.len() >= keys_max {
            let soonest = self.entries.iter().min_by_key(|known| known.idle_at).map(|known| (known.hash, known.key.clone()));
            if let Some((hash, key)) = soonest
                && let Ok(found) = self.entries.find_entry(hash, |known| known.key == key)
            {
                found.remove();
                self.tally.forgotten += 1;
            }
        }
        self.entries.insert_unique(entry.hash, entry, |entry| entry.hash);
    }
}

/// One of the places of a `concurrent` limit.
pub struct Slot {
    limiter: Arc<Limiter>,
    key: Key,
}

impl Drop for Slot {
    fn drop(&mut self) {
        self.limiter.leave(&self.key);
    }
}

fn refused() -> Decision {
    Decision { allowed: false, remaining: 0, reset: 0, retry: 0 }
}
