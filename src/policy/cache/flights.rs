//! Requests that are under way for a key: the first one goes to the origin, those that come meanwhile wait for what comes of
//! it. Where what came is not for those who wait, they go by themselves; where nothing came, one of them goes next.

use super::fill::Fill;
use super::store::Key;
use hashbrown::HashMap;
use parking_lot::Mutex;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::watch;
use tokio::time::timeout;

/// Longest wait for a body whose length nobody knows: it may never end, and whoever has begun to read it could not go elsewhere when it
/// turns out to be too large.
const UNKNOWN_LENGTH_WAIT_MAX: Duration = Duration::from_secs(5);

/// What came of a request under way.
#[derive(Debug, Clone)]
enum Outcome {
    /// Nothing yet.
    Pending,
    /// Its response is on its way into the store.
    Filling(Arc<Fill>),
    /// Its response is stored.
    Stored,
    /// Its response is for nobody else.
    Alone,
    /// It got none. Told when it is over, so that whoever begins anew does not find it again.
    Failed,
}

/// What those who wait are to do.
#[derive(Debug)]
pub enum Next {
    /// Take part in what comes in.
    Follow(Arc<Fill>),
    /// Look once more.
    Look,
    /// Go by themselves.
    Alone,
    /// Whoever went ahead has gone: begin anew.
    Again,
    /// Whoever went ahead got nothing: do without, or begin anew.
    Failed,
}

/// All requests under way; no more than there are requests.
#[derive(Debug, Default)]
pub struct Flights {
    table: Mutex<HashMap<Key, watch::Receiver<Outcome>>>,
}

/// A request's part in what is under way.
pub enum Part {
    /// It goes ahead.
    Leads(Lead),
    /// It waits.
    Waits(Waiting),
}

impl Flights {
    /// A request for a key.
    #[must_use]
    pub fn join(self: &Arc<Self>, key: &Key) -> Part {
        let mut table = self.table.lock();
        if let Some(receiver) = table.get(key) {
            return Part::Waits(Waiting(receiver.clone()));
        }
        let (sender, receiver) = watch::channel(Outcome::Pending);
        table.insert(Arc::clone(key), receiver);
        Part::Leads(Lead { flights: Arc::clone(self), key: Arc::clone(key), sender })
    }

    /// How many are under way.
    #[must_use]
    pub fn count(&self) -> usize {
        self.table.lock().len()
    }
}

/// Goes ahead. When it is dropped, whoever waits begins anew.
#[derive(Debug)]
pub struct Lead {
    flights: Arc<Flights>,
    key: Key,
    sender: watch::Sender<Outcome>,
}

impl Lead {
    /// Its response is on its way.
    pub fn fills(&self, fill: &Arc<Fill>) {
        self.sender.send_replace(Outcome::Filling(Arc::clone(fill)));
    }

    /// Its response is stored.
    pub fn stored(self) {
        self.settle(Outcome::Stored);
    }

    /// Its response is for nobody else.
    pub fn alone(self) {
        self.settle(Outcome::Alone);
    }

    /// It got no response; one of those who wait goes next.
    pub fn failed(self) {
        self.settle(Outcome::Failed);
    }

    /// True while others wait for it.
    #[must_use]
    pub fn is_awaited(&self) -> bool {
        // One is in the table.
        self.sender.receiver_count() > 1
    }

    fn settle(self, outcome: Outcome) {
        self.sender.send_replace(outcome);
    }
}

impl Drop for Lead {
    fn drop(&mut self) {
        self.flights.table.lock().remove(&self.key);
    }
}

/// Waits for a request that went ahead.
pub struct Waiting(watch::Receiver<Outcome>);

impl Waiting {
    /// What is to be done, once that is known.
    pub async fn next(mut self) -> Next {
        let told = self.0.wait_for(|outcome| !matches!(outcome, Outcome::Pending | Outcome::Failed)).await;
        let told = told.ok().map(|outcome| outcome.clone());
        match told.unwrap_or_else(|| self.0.borrow().clone()) {
            Outcome::Pending => Next::Again,
            Outcome::Failed => Next::Failed,
            Outcome::Stored => Next::Look,
            Outcome::Alone => Next::Alone,
            Outcome::Filling(fill) => {
                fill.take_in();
                if fill.has_length() {
                    return Next::Follow(fill);
                }
                let ended = self.0.wait_for(|outcome| matches!(outcome, Outcome::Stored | Outcome::Alone));
                match timeout(UNKNOWN_LENGTH_WAIT_MAX, ended).await {
                    Ok(Ok(outcome)) if matches!(*outcome, Outcome::Stored) => Next::Look,
                    Ok(Ok(_) | Err(_)) => Next::Alone,
                    Err(_) => {
                        fill.is_waited_for_no_longer();
                        Next::Alone
                    }
                }
            }
        }
    }
}
