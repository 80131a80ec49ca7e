//! What the routes of one declaration share: their store, what is under way into it, and how it is emptied.

use super::epochs::{Epochs, Subject};
use super::flights::Flights;
use super::store::{Key, Store};
use super::stored::Stored;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

/// The bytes of a cache that says nothing of its size.
pub const BYTES_DEFAULT: u64 = 64 << 20;
/// Requests at once that bring stale responses up to date while those are answered.
pub const REFRESHES_MAX: usize = 64;

/// The state of a `cache`; survives a reload that leaves its declaration as it was.
#[derive(Debug)]
pub struct Shelf {
    /// What is stored.
    pub store: Store,
    /// What was invalidated.
    pub epochs: Arc<Epochs>,
    /// What is under way.
    pub flights: Arc<Flights>,
    refreshes: AtomicUsize,
}

/// What is to be dropped: all of which each condition holds.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Purge<'a> {
    /// The route's name.
    pub route: Option<&'a str>,
    /// The host.
    pub host: Option<&'a str>,
    /// The path as it was asked for, normalised.
    pub path: Option<&'a str>,
    /// The values of `by`, with a comma between them.
    pub key: Option<&'a str>,
    /// A tag, as `Surrogate-Key` or `Cache-Tag` names it.
    pub tag: Option<&'a str>,
}

impl Shelf {
    /// An empty one.
    #[must_use]
    pub fn new(max: u64, epochs: Arc<Epochs>) -> Self {
        Self { store: Store::new(max), epochs, flights: Arc::default(), refreshes: AtomicUsize::new(0) }
    }

    /// Stores a response, unless it was invalidated on its way or does not fit.
    pub fn put(&self, hash: u64, key: &Key, stored: Stored) -> bool {
        self.epochs.stands_on_arrival(&stored.head.stamp) && self.store.put(hash, key, Arc::new(stored))
    }

    /// Drops what is meant, and keeps what is under way from being stored: how many responses were dropped.
    pub fn purge(&self, purge: &Purge<'_>) -> usize {
        self.epochs.purging();
        self.store.drop_all(|stored| {
            let of = &stored.head.of;
            purge.route.is_none_or(|route| *of.route == *route)
                && purge.host.is_none_or(|host| *of.host == *host)
                && purge.path.is_none_or(|path| of.path == path)
                && purge.key.is_none_or(|key| of.key == key)
                && purge.tag.is_none_or(|tag| stored.head.has_tag(tag))
        })
    }

    /// A place among those who bring something up to date; none when all are taken.
    #[must_use]
    pub fn refresh(self: &Arc<Self>) -> Option<Refresh> {
        let before = self.refreshes.fetch_add(1, Ordering::Relaxed);
        let place = Refresh(Arc::clone(self));
        (before < REFRESHES_MAX).then_some(place)
    }
}

/// A place among those who bring something up to date.
#[derive(Debug)]
pub struct Refresh(Arc<Shelf>);

impl Drop for Refresh {
    fn drop(&mut self) {
        self.0.refreshes.fetch_sub(1, Ordering::Relaxed);
    }
}

/// Invalidates what a request that succeeded has changed.
#[derive(Debug)]
pub struct Invalidation {
    epochs: Arc<Epochs>,
    routes: Vec<String>,
}

impl Invalidation {
    /// One that also drops everything of these routes, by their names.
    #[must_use]
    pub fn new(epochs: Arc<Epochs>, routes: Vec<String>) -> Self {
        Self { epochs, routes }
    }

    /// Everything of the routes it names.
    pub(super) fn of_routes(&self) {
        for route in &self.routes {
            self.epochs.step(Subject::Route(route));
        }
    }

    /// Everything at a path of a host.
    pub(super) fn of_path(&self, host: &str, path: &str) {
        self.epochs.step(Subject::Path(host, path));
    }
}
