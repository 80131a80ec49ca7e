//! `store`: what several gateways keep together, in Redis or Valkey (6 or later).
//!
//! A store runs small scripts on single keys; what they count is for others to know. One connection serves the whole
//! process: it belongs to a thread of its own, which keeps it open, and workers put their questions into it. A store that
//! does not answer in time is not asked again until it is back: what then becomes of a request is for `on_failure` to say.

mod lease;
mod link;

#[cfg(test)]
pub(crate) mod testing;
#[cfg(test)]
mod tests;

pub use lease::Lease;
pub use redis::Script;

use crate::events::Events;
use link::Link;
use serde::{Deserialize, Serialize};
use std::sync::Arc;
use std::time::Duration;

/// The URL of a store that is kept in memory: in tests, and under `--dev` where the machine has none.
pub const IN_MEMORY: &str = "memory:";

/// What becomes of limits while their store is down.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum OnFailure {
    /// Each gateway counts for itself.
    Local,
    /// Nothing is limited.
    Open,
    /// Requests are refused with 503.
    Closed,
}

/// The store did not answer, or not in time: whether it counted is not known.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Down;

/// A declared store.
pub struct Store {
    name: Arc<str>,
    on_failure: OnFailure,
    link: Option<Arc<Link>>,
}

impl Store {
    /// A store at a URL (`redis://`, `rediss://`, or [`IN_MEMORY`]) whose answers may take `timeout`. Nothing is connected yet.
    ///
    /// # Errors
    /// When it is no such URL; what is said never holds the URL, which may have a password in it.
    pub fn new(name: &str, url: &str, timeout: Duration, on_failure: OnFailure, events: Arc<Events>) -> Result<Self, String> {
        let name: Arc<str> = name.into();
        if url == IN_MEMORY {
            return Ok(Self { name, on_failure, link: None });
        }
        let client = redis::Client::open(url).map_err(|_| format!("the URL of store `{name}` is no URL of a Redis"))?;
        let link = Link::new(Arc::clone(&name), client, timeout, events);
        Ok(Self { name, on_failure, link: Some(Arc::new(link)) })
    }

    /// Its name.
    #[must_use]
    pub fn name(&self) -> &Arc<str> {
        &self.name
    }

    /// What becomes of limits while it is down.
    #[must_use]
    pub fn on_failure(&self) -> OnFailure {
        self.on_failure
    }

    /// True when it is this process's memory.
    #[must_use]
    pub fn is_in_memory(&self) -> bool {
        self.link.is_none()
    }

    /// True when it can be asked now.
    #[must_use]
    pub fn is_up(&self) -> bool {
        self.link.as_ref().is_none_or(|link| link.is_up())
    }

    /// Connects, now and whenever the connection is lost, until the store is dropped. Returns when the first attempt has
    /// been made, within a second; later calls do nothing.
    ///
    /// # Errors
    /// When no thread can be started.
    pub fn open(&self) -> std::io::Result<()> {
        self.link.as_ref().map_or(Ok(()), Link::open)
    }

    /// Runs a script on a key; its numbers are the script's `ARGV`, and it returns some.
    ///
    /// # Errors
    /// When the store is down, or does not answer in time.
    pub async fn run(&self, script: &Script, key: &[u8], numbers: &[u64]) -> Result<Vec<i64>, Down> {
        let link = self.link.as_ref().ok_or(Down)?;
        let mut call = script.prepare_invoke();
        call.key(key).arg(numbers);
        link.run(&call).await
    }

    /// The same without waiting for it. When too much waits already, or the store is down, it is not done; the first is
    /// logged.
    pub fn run_later(&self, script: &'static Script, key: Vec<u8>, numbers: Vec<u64>) {
        if let Some(link) = &self.link {
            link.later(script, key, numbers, None);
        }
    }

    /// Takes one of the `most` places of a key for as long as the lease lives. `None` when all are taken.
    ///
    /// # Errors
    /// When the store is down, or does not answer in time.
    pub async fn lease(&self, key: &[u8], most: u64) -> Result<Option<Lease>, Down> {
        Lease::take(self.link.as_ref().ok_or(Down)?, key, most).await
    }
}

impl Drop for Store {
    fn drop(&mut self) {
        if let Some(link) = &self.link {
            link.close();
        }
    }
}
