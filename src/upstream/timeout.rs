//! `timeout { connect; attempt; read; total }`

use serde::{Deserialize, Serialize};
use std::time::Duration;

/// How long a call may take; what is not written has its default, capped at `total`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Config {
    /// Until the connection stands (3 s).
    pub connect: Duration,
    /// Until the response head of one attempt, the connect included, counted from when the request's body has been passed on (15 s).
    pub attempt: Duration,
    /// Between two reads of the response body (5 min).
    pub read: Duration,
    /// Until the response head is handed over, over all attempts and waits, counted from when the request's body has been passed on (30 s).
    pub total: Duration,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            connect: Duration::from_secs(3),
            attempt: Duration::from_secs(15),
            read: Duration::from_secs(300),
            total: Duration::from_secs(30),
        }
    }
}
