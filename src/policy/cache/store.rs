//! What is stored, within a bound on its bytes. The one used longest ago goes first, whatever its size; a new one always
//! finds room, if it fits at all. Sharded: a look-up takes one lock for as long as it takes to find an entry.

use super::stored::Stored;
use hashbrown::HashTable;
use http::HeaderMap;
use parking_lot::Mutex;
use smallvec::SmallVec;
use std::collections::BTreeMap;
use std::hash::BuildHasher;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

/// Locks; each guards its part of the keys.
const SHARDS: usize = 32;
/// Most responses of one key that differ by what `Vary` names.
const VARIANTS_MAX: usize = 64;

/// The share of all that counts as the last few.
const FEW: u64 = 16;

/// A key, as its policy makes it.
pub type Key = Arc<[u8]>;

/// Stored responses by key.
#[derive(Debug)]
pub struct Store {
    shards: Box<[Shard]>,
    hasher: std::hash::RandomState,
    max: u64,
    bytes: AtomicU64,
    entries: AtomicU64,
    filling: AtomicU64,
    evicted: AtomicU64,
    /// Counts uses, so that they have an order.
    ticks: AtomicU64,
}

#[derive(Debug)]
struct Shard {
    kept: Mutex<Kept>,
    /// When the one used longest ago was used.
    oldest: AtomicU64,
}

#[derive(Debug, Default)]
struct Kept {
    keys: HashTable<Resource>,
    /// The hashes of keys by when a response of theirs was used.
    order: BTreeMap<u64, u64>,
}

#[derive(Debug)]
struct Resource {
    hash: u64,
    key: Key,
    variants: SmallVec<[Variant; 1]>,
}

#[derive(Debug)]
struct Variant {
    stored: Arc<Stored>,
    used: u64,
}

impl Store {
    /// An empty store of at most so many bytes.
    #[must_use]
    pub fn new(max: u64) -> Self {
        let shard = || Shard { kept: Mutex::default(), oldest: AtomicU64::new(u64::MAX) };
        Self {
            shards: std::iter::repeat_with(shard).take(SHARDS).collect(),
            hasher: std::hash::RandomState::new(),
            max,
            bytes: AtomicU64::new(0),
            entries: AtomicU64::new(0),
            filling: AtomicU64::new(0),
            evicted: AtomicU64::new(0),
            ticks: AtomicU64::new(0),
        }
    }

    /// The most bytes it takes.
    #[must_use]
    pub fn max(&self) -> u64 {
        self.max
    }

    /// The bytes it takes now.
    #[must_use]
    pub fn bytes(&self) -> u64 {
        self.bytes.load(Ordering::Relaxed)
    }

    /// Responses stored.
    #[must_use]
    pub fn entries(&self) -> u64 {
        self.entries.load(Ordering::Relaxed)
    }

    /// Bytes of responses that are on their way into it.
    #[must_use]
    pub fn filling(&self) -> u64 {
        self.filling.load(Ordering::Relaxed)
    }

    /// Responses that made room for others so far.
    #[must_use]
    pub fn evicted(&self) -> u64 {
        self.evicted.load(Ordering::Relaxed)
    }

    /// Takes room for bytes on their way; false when as many are under way as the store may take. Given back by [`Self::release`].
    #[must_use]
    pub fn reserve(&self, bytes: u64) -> bool {
        let more = |filling: u64| filling.checked_add(bytes).filter(|sum| *sum <= self.max);
        self.filling.fetch_update(Ordering::Relaxed, Ordering::Relaxed, more).is_ok()
    }

    /// Gives back room.
    pub fn release(&self, bytes: u64) {
        self.filling.fetch_sub(bytes, Ordering::Relaxed);
    }

    /// The hash that a key is found by.
    #[must_use]
    pub fn hash(&self, key: &[u8]) -> u64 {
        self.hasher.hash_one(key)
    }

    fn shard(&self, hash: u64) -> Option<&Shard> {
        // The table itself takes the upper and the lower bits.
        self.shards.get(usize::try_from(hash >> 24).unwrap_or(0) % SHARDS)
    }

    /// The stored response of a key that a request's fields select; of several the one that came last (RFC 9111 §4.1).
    #[must_use]
    pub fn find(&self, hash: u64, key: &[u8], request: &HeaderMap) -> Found {
        let Some(shard) = self.shard(hash) else { return Found::Nothing };
        let mut kept = shard.kept.lock();
        let Kept { keys, order } = &mut *kept;
        let Some(resource) = keys.find_mut(hash, |resource| *resource.key == *key) else { return Found::Nothing };
        let selected = resource.variants.iter_mut().rev().find(|variant| variant.stored.head.selecting.selects(request));
        let Some(variant) = selected else { return Found::Others };
        // One that was used just now need not move, nor, of many, one that is among the last few anyway.
        let now = self.ticks.load(Ordering::Relaxed);
        if now.saturating_sub(variant.used) > (self.entries() / FEW).max(1) {
            order.remove(&variant.used);
            variant.used = self.ticks.fetch_add(1, Ordering::Relaxed);
            order.insert(variant.used, hash);
            shard.noted(order);
        }
        Found::Stored(Arc::clone(&variant.stored))
    }

    /// Stores a response in the place of those it replaces; others make room. False when it does not fit.
    pub fn put(&self, hash: u64, key: &Key, stored: Arc<Stored>) -> bool {
        if stored.size > self.max {
            return false;
        }
        let Some(shard) = self.shard(hash) else { return false };
        let used = self.ticks.fetch_add(1, Ordering::Relaxed);
        {
            let mut kept = shard.kept.lock();
            let Kept { keys, order } = &mut *kept;
            let entry = keys.entry(hash, |resource| resource.key == *key, |resource| resource.hash);
            let mut entry = entry.or_insert_with(|| Resource { hash, key: Arc::clone(key), variants: SmallVec::new() });
            let variants = &mut entry.get_mut().variants;
            let replaced = variants.iter().position(|known| known.stored.head.selecting == stored.head.selecting);
            let replaced = replaced.or((variants.len() >= VARIANTS_MAX).then_some(0));
            if let Some(before) = replaced.map(|at| variants.remove(at)) {
                order.remove(&before.used);
                self.left(&before.stored);
            }
            self.bytes.fetch_add(stored.size, Ordering::Relaxed);
            self.entries.fetch_add(1, Ordering::Relaxed);
            variants.push(Variant { stored, used });
            order.insert(used, hash);
            shard.noted(order);
        }
        self.make_room();
        true
    }

    fn left(&self, stored: &Stored) {
        self.bytes.fetch_sub(stored.size, Ordering::Relaxed);
        self.entries.fetch_sub(1, Ordering::Relaxed);
    }

    fn make_room(&self) {
        while self.bytes() > self.max {
            let oldest = self.shards.iter().min_by_key(|shard| shard.oldest.load(Ordering::Relaxed));
            let Some(shard) = oldest.filter(|shard| shard.oldest.load(Ordering::Relaxed) < u64::MAX) else { return };
            let mut kept = shard.kept.lock();
            let Some((used, hash)) = kept.order.pop_first() else { continue };
            kept.drop_where(Some(hash), |variant| variant.used == used, &mut |stored| {
                self.left(stored);
                self.evicted.fetch_add(1, Ordering::Relaxed);
            });
            shard.noted(&kept.order);
        }
    }

    /// Drops one stored response, if it is still there.
    pub fn drop_stored(&self, hash: u64, stored: &Arc<Stored>) {
        let Some(shard) = self.shard(hash) else { return };
        let mut kept = shard.kept.lock();
        kept.drop_where(Some(hash), |variant| Arc::ptr_eq(&variant.stored, stored), &mut |stored| self.left(stored));
        shard.noted(&kept.order);
    }

    /// Drops all that a purge means: how many those were.
    pub fn drop_all(&self, is_meant: impl Fn(&Stored) -> bool) -> usize {
        let mut dropped = 0;
        for shard in &self.shards {
            let mut kept = shard.kept.lock();
            kept.drop_where(None, |variant| is_meant(&variant.stored), &mut |stored| {
                self.left(stored);
                dropped += 1;
            });
            shard.noted(&kept.order);
        }
        dropped
    }
}

impl Shard {
    fn noted(&self, order: &BTreeMap<u64, u64>) {
        self.oldest.store(order.first_key_value().map_or(u64::MAX, |(used, _)| *used), Ordering::Relaxed);
    }
}

impl Kept {
    /// Drops responses, of one key's hash or of all.
    fn drop_where(&mut self, hash: Option<u64>, is_meant: impl Fn(&Variant) -> bool, dropped: &mut impl FnMut(&Stored)) {
        let Self { keys, order } = self;
        let mut weed = |resource: &mut Resource| {
            resource.variants.retain(|variant| {
                let goes = is_meant(variant);
                if goes {
                    order.remove(&variant.used);
                    dropped(&variant.stored);
                }
                !goes
            });
            !resource.variants.is_empty()
        };
        match hash {
            None => keys.retain(|resource| weed(resource)),
            Some(hash) => {
                let mut with_hash = |resource: &mut Resource| weed(resource);
                while let Ok(mut entry) = keys.find_entry(hash, |resource| resource.hash == hash && resource.variants.iter().any(&is_meant))
                {
                    if !with_hash(entry.get_mut()) {
                        entry.remove();
                    }
                }
            }
        }
    }
}

/// What a look-up finds.
#[derive(Debug)]
pub enum Found {
    /// Nothing of this key.
    Nothing,
    /// Responses of this key that answer other requests.
    Others,
    /// This one.
    Stored(Arc<Stored>),
}
