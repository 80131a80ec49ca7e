//! Tokens that were verified, so that one that comes again costs a lookup: one hash, one lock of a shard, no allocation.

use crate::http::Identity;
use hashbrown::{DefaultHashBuilder, HashTable};
use parking_lot::Mutex;
use std::hash::BuildHasher;
use std::sync::Arc;
use std::time::Duration;

/// Parts with a lock of their own.
const SHARDS: usize = 16;
/// Most tokens of one part: 16 384 in all.
const SHARD_TOKENS_MAX: usize = 1024;
/// Longer tokens are verified each time, in bytes.
const TOKEN_BYTES_MAX: usize = 4096;

struct Verified {
    hash: u64,
    token: Box<[u8]>,
    identity: Arc<Identity>,
    /// Since the epoch.
    expires: Duration,
}

/// Verified tokens by all their bytes. An entry is never given out once its `exp` has come.
pub struct TokenCache {
    hasher: DefaultHashBuilder,
    shards: [Mutex<HashTable<Verified>>; SHARDS],
}

impl TokenCache {
    /// Nothing verified yet.
    #[must_use]
    pub fn new() -> Self {
        Self { hasher: DefaultHashBuilder::default(), shards: std::array::from_fn(|_| Mutex::new(HashTable::new())) }
    }

    /// Whose token it is, if it was verified and has not expired.
    #[must_use]
    pub fn get(&self, token: &[u8], now: Duration) -> Option<Arc<Identity>> {
        let hash = self.hasher.hash_one(token);
        let shard = self.shard(hash)?.lock();
        let found = shard.find(hash, |known| *known.token == *token)?;
        (now < found.expires).then(|| found.identity.clone())
    }

    /// Remembers a token until it expires. A full part forgets what has expired, then what expires first.
    pub fn put(&self, token: &[u8], identity: Arc<Identity>, expires: Duration, now: Duration) {
        if token.len() > TOKEN_BYTES_MAX || expires <= now {
            return;
        }
        let hash = self.hasher.hash_one(token);
        let Some(shard) = self.shard(hash) else { return };
        let mut shard = shard.lock();
        if shard.find(hash, |known| *known.token == *token).is_some() {
            return;
        }
        if shard.len() >= SHARD_TOKENS_MAX {
            shard.retain(|known| known.expires > now);
        }
        if shard.len() >= SHARD_TOKENS_MAX
            && let Some(first) = shard.iter().map(|known| known.expires).min()
        {
            shard.retain(|known| known.expires > first);
        }
        shard.insert_unique(hash, Verified { hash, token: token.into(), identity, expires }, |known| known.hash);
    }

    /// The table takes its bucket from the low bits and its tag from the high ones: the part is chosen from those between.
    fn shard(&self, hash: u64) -> Option<&Mutex<HashTable<Verified>>> {
        self.shards.get((hash >> 40) as usize % SHARDS)
    }
}

impl Default for TokenCache {
    fn default() -> Self {
        Self::new()
    }
}
