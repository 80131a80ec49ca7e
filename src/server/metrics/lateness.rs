//! How late a worker is: a timer that is due now and then, and when it comes. What keeps a worker from its timers keeps it
//! from its requests too.

use super::Shard;
use std::sync::Arc;
use std::time::Duration;
use tokio::time::{Instant, sleep_until};

/// Between two looks. A timer counts milliseconds, so each may be late by one without any delay.
const EVERY: Duration = Duration::from_millis(250);

/// Looks until it is aborted.
pub async fn watch(shard: Arc<Shard>) {
    loop {
        let due = Instant::now() + EVERY;
        sleep_until(due).await;
        shard.lateness.count(due.elapsed());
        shard.settle();
    }
}
