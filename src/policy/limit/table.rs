//! The counters of some keys of a limit: bounded in bytes, and never looked through as a whole.
//!
//! A hand goes round over the entries as new keys come in and clears those that are idle: that are no different from new
//! ones. Where the bound is met and none of the next few is idle, the one that would be soonest gives way. A key that was
//! used much is the last to go, so that a flood of new keys cannot buy anybody a fresh counter.

use super::count::State;
use hashbrown::HashTable;

/// What a key with a short counter costs, in bytes: its entry and its place in the index at the index's emptiest.
pub const ENTRY_BYTES: usize = size_of::<Entry>() + 16;
/// Entries that the hand passes for each key that comes in.
const SWEEP: usize = 4;
/// Entries of which the one that is idle soonest gives way.
const CANDIDATES: usize = 16;

/// A key's hash under a secret of the limit: wide enough that two keys never share one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Id(pub u128);

impl Id {
    fn hash(self) -> u64 {
        // The low half; which table it is in is chosen by the high one.
        u64::try_from(self.0 & u128::from(u64::MAX)).unwrap_or_default()
    }
}

/// What is counted for a key.
#[derive(Debug)]
pub enum Counter {
    /// Over time.
    Flow(State),
    /// At once.
    Slots(u64),
}

impl Counter {
    fn heap_bytes(&self) -> usize {
        match self {
            Self::Flow(state) => state.heap_bytes(),
            Self::Slots(_) => 0,
        }
    }
}

#[derive(Debug)]
struct Entry {
    id: Id,
    /// From when on it is as a new one, in nanoseconds since the epoch; places that are taken are never idle.
    idle_at: u64,
    counter: Counter,
}

/// Counters by key.
#[derive(Debug)]
pub struct Table {
    index: HashTable<u32>,
    entries: Vec<Entry>,
    hand: usize,
    heap_bytes: usize,
    bytes_max: usize,
}

impl Table {
    /// A table that keeps to so many bytes.
    #[must_use]
    pub fn new(bytes_max: usize) -> Self {
        Self { index: HashTable::new(), entries: Vec::new(), hand: 0, heap_bytes: 0, bytes_max: bytes_max.max(ENTRY_BYTES) }
    }

    /// How many keys it knows.
    #[must_use]
    pub fn len(&self) -> usize {
        self.entries.len()
    }

    /// What its counters cost.
    #[must_use]
    pub fn bytes(&self) -> usize {
        self.entries.len() * ENTRY_BYTES + self.heap_bytes
    }

    /// A key's counter.
    #[must_use]
    pub fn get(&self, id: Id) -> Option<&Counter> {
        let at = self.index.find(id.hash(), |at| self.is_at(*at, id))?;
        self.entries.get(*at as usize).map(|entry| &entry.counter)
    }

    /// Changes a key's counter, which `change` says the idle time of. `None` for a key that is not known.
    pub fn change<T>(&mut self, id: Id, change: impl FnOnce(&mut Counter) -> (T, u64)) -> Option<T> {
        let Self { index, entries, heap_bytes, .. } = self;
        let at = index.find(id.hash(), |at| entries.get(*at as usize).is_some_and(|entry| entry.id == id))?;
        let entry = entries.get_mut(*at as usize)?;
        let before = entry.counter.heap_bytes();
        let (said, idle_at) = change(&mut entry.counter);
        entry.idle_at = idle_at;
        *heap_bytes = (*heap_bytes + entry.counter.heap_bytes()).saturating_sub(before);
        Some(said)
    }

    /// True when one more short counter fits without another one giving way.
    #[must_use]
    pub fn has_room(&self) -> bool {
        self.bytes() + ENTRY_BYTES <= self.bytes_max
    }

    /// Adds a key that is not known.
    pub fn insert(&mut self, id: Id, counter: Counter, idle_at: u64) {
        let Ok(at) = u32::try_from(self.entries.len()) else { return };
        if self.entries.len() == self.entries.capacity() {
            let most = (self.bytes_max / ENTRY_BYTES + 1).max(at as usize + 1);
            self.entries.reserve_exact((at as usize).max(4).min(most - at as usize));
        }
        self.heap_bytes += counter.heap_bytes();
        self.entries.push(Entry { id, idle_at, counter });
        let entries = &self.entries;
        self.index.insert_unique(id.hash(), at, |at| entries.get(*at as usize).map_or(0, |entry| entry.id.hash()));
    }

    /// Lets the hand go on over a few entries, and clears the idle ones.
    pub fn sweep(&mut self, now: u64) {
        for _ in 0..SWEEP.min(self.entries.len()) {
            let at = self.step();
            if self.entries.get(at).is_some_and(|entry| entry.idle_at <= now) {
                self.remove_at(at);
            }
        }
    }

    /// Lets keys other than one give way until the bound is kept: how many of them were still in use.
    pub fn shrink(&mut self, keep: Id, now: u64) -> u64 {
        let mut forgotten = 0;
        while self.bytes() > self.bytes_max && self.entries.len() > 1 {
            let Some((at, idle_at)) = self.candidate(keep) else { break };
            forgotten += u64::from(idle_at > now);
            self.remove_at(at);
        }
        forgotten
    }

    /// Forgets a key.
    pub fn remove(&mut self, id: Id) {
        if let Some(at) = self.index.find(id.hash(), |at| self.is_at(*at, id)).copied() {
            self.remove_at(at as usize);
        }
    }

    fn candidate(&mut self, keep: Id) -> Option<(usize, u64)> {
        let mut soonest: Option<(usize, u64)> = None;
        for _ in 0..CANDIDATES.min(self.entries.len()) {
            let at = self.step();
            let Some(entry) = self.entries.get(at).filter(|entry| entry.id != keep) else { continue };
            if soonest.is_none_or(|(_, idle_at)| entry.idle_at < idle_at) {
                soonest = Some((at, entry.idle_at));
            }
        }
        soonest
    }

    fn step(&mut self) -> usize {
        // Downwards: what takes the place of an entry that is removed was passed already.
        self.hand = self.hand.min(self.entries.len()).checked_sub(1).unwrap_or(self.entries.len().saturating_sub(1));
        self.hand
    }

    fn is_at(&self, at: u32, id: Id) -> bool {
        self.entries.get(at as usize).is_some_and(|entry| entry.id == id)
    }

    /// The last entry takes the place of one that goes.
    fn remove_at(&mut self, at: usize) {
        if at >= self.entries.len() {
            return;
        }
        let last = self.entries.len() - 1;
        let gone = self.entries.swap_remove(at);
        self.heap_bytes = self.heap_bytes.saturating_sub(gone.counter.heap_bytes());
        if let Ok(found) = self.index.find_entry(gone.id.hash(), |known| *known as usize == at) {
            found.remove();
        }
        if let (Some(moved), Ok(to)) = (self.entries.get(at), u32::try_from(at))
            && let Some(place) = self.index.find_mut(moved.id.hash(), |known| *known as usize == last)
        {
            *place = to;
        }
    }
}

#[cfg(test)]
mod tests;
