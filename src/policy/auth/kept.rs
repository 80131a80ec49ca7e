//! Verdicts on credentials, so that one that comes again costs a lookup: one hash, one lock of a shard, no allocation.

use hashbrown::{DefaultHashBuilder, HashTable};
use parking_lot::Mutex;
use std::hash::BuildHasher;
use std::time::Duration;

/// Parts with a lock of their own.
const SHARDS: usize = 16;
/// Most verdicts of one part: 16 384 in all.
const SHARD_VERDICTS_MAX: usize = 1024;
/// Verdicts on longer credentials are not kept, in bytes.
const CREDENTIAL_BYTES_MAX: usize = 4096;

struct Verdict<V> {
    hash: u64,
    credential: Box<[u8]>,
    value: V,
    /// Since the epoch.
    expires: Duration,
}

/// Verdicts by all the bytes of the credential. None is given out once its time has come.
pub struct Kept<V> {
    hasher: DefaultHashBuilder,
    shards: [Mutex<HashTable<Verdict<V>>>; SHARDS],
}

impl<V: Clone> Kept<V> {
    /// The verdict on a credential, if there is one that still counts.
    #[must_use]
    pub fn get(&self, credential: &[u8], now: Duration) -> Option<V> {
        let hash = self.hasher.hash_one(credential);
        let shard = self.shard(hash)?.lock();
        let found = shard.find(hash, |known| *known.credential == *credential)?;
        (now < found.expires).then(|| found.value.clone())
    }

    /// Keeps a verdict until it expires. A full part forgets what has expired, then what expires first.
    pub fn put(&self, credential: &[u8], value: V, expires: Duration, now: Duration) {
        if credential.len() > CREDENTIAL_BYTES_MAX || expires <= now {
            return;
        }
        let hash = self.hasher.hash_one(credential);
        let Some(shard) = self.shard(hash) else { return };
        let mut shard = shard.lock();
        if let Ok(found) = shard.find_entry(hash, |known| *known.credential == *credential) {
            found.remove();
        }
        if shard.len() >= SHARD_VERDICTS_MAX {
            shard.retain(|known| known.expires > now);
        }
        if shard.len() >= SHARD_VERDICTS_MAX
            && let Some(first) = shard.iter().map(|known| known.expires).min()
        {
            shard.retain(|known| known.expires > first);
        }
        shard.insert_unique(hash, Verdict { hash, credential: credential.into(), value, expires }, |known| known.hash);
    }

    /// The table takes its bucket from the low bits and its tag from the high ones: the part is chosen from those between.
    fn shard(&self, hash: u64) -> Option<&Mutex<HashTable<Verdict<V>>>> {
        self.shards.get((hash >> 40) as usize % SHARDS)
    }
}

impl<V> Default for Kept<V> {
    fn default() -> Self {
        Self { hasher: DefaultHashBuilder::default(), shards: std::array::from_fn(|_| Mutex::new(HashTable::new())) }
    }
}
