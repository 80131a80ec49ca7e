//! The circuit breaker of an upstream.

use serde::{Deserialize, Serialize};
use std::time::Duration;

/// When it opens, how long it stays open, and how it closes again.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Config {
    /// When it opens.
    pub opens: Opens,
    /// How long it refuses (30 s).
    pub cooldown: Duration,
    /// Requests let through to see whether the upstream has recovered (1).
    pub probes: u32,
}

/// When a breaker opens.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub enum Opens {
    /// After this many failures in a row (5).
    AfterFailures(u32),
    /// When at least this share of the attempts within the window failed, and there were at least `least` attempts.
    Share {
        /// Hundredths of a percent.
        share: u32,
        /// Least number of attempts within the window.
        least: u32,
        /// The window.
        window: Duration,
    },
}
