//! `retry`: a failed call made again, elsewhere where there is an elsewhere.

mod budget;
pub mod check;
mod deadline;
mod judge;

pub use budget::Credit;
pub use deadline::exceeds;

use crate::lang::form::{Form, Slot};
use crate::lang::value::Percent;
use serde::{Deserialize, Serialize};
use std::time::Duration;

/// When and how a failed attempt is made again; always inside `timeout total`, never after a byte of the reply went out.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Config {
    /// Most attempts of one call, the first one counted (2).
    pub attempts: u32,
    /// What is a failure.
    pub on: Vec<Trigger>,
    /// Requests with these methods are made again; none written: those that are idempotent (RFC 9110 §9.2.2).
    pub methods: Option<Vec<String>>,
    /// The wait before another attempt.
    pub backoff: Backoff,
    /// What bounds attempts over all calls.
    pub budget: Budget,
    /// A request of another method is made again when it carries an `Idempotency-Key`, and only then.
    pub idempotency_key: bool,
}

/// A failure after which another attempt is made.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Trigger {
    /// No connection came about.
    ConnectError,
    /// The connection broke before the response head.
    Reset,
    /// An attempt ran out of time.
    Timeout,
    /// A status between these, both included.
    Status(u16, u16),
}

/// The wait before an attempt.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Backoff {
    /// Before the second attempt; doubled for each further one (25 ms)
    pub base: Duration,
    /// up to this (250 ms).
    pub cap: Duration,
    /// The wait is drawn between nothing and its full length.
    pub jitter: bool,
}

/// How many attempts may be further ones. What is not used is kept for a few seconds, so that few failures at once are made
/// good.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Budget {
    /// Each request allows so much of one (20%).
    pub share: Percent,
    /// So many per second are allowed besides (10).
    pub min_per_second: u64,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            attempts: 2,
            on: vec![
                Trigger::ConnectError,
                Trigger::Reset,
                Trigger::Status(502, 502),
                Trigger::Status(503, 503),
                Trigger::Status(504, 504),
            ],
            methods: None,
            backoff: Backoff { base: Duration::from_millis(25), cap: Duration::from_millis(250), jitter: true },
            budget: Budget { share: Percent(2_000), min_per_second: 10 },
            idempotency_key: false,
        }
    }
}

impl Backoff {
    /// The longest wait before an attempt; the first one is attempt 1, before which nobody waits.
    #[must_use]
    pub fn longest_before(&self, attempt: u32) -> Duration {
        match attempt.checked_sub(2) {
            None => Duration::ZERO,
            Some(doubled) => self.base.saturating_mul(2_u32.saturating_pow(doubled)).min(self.cap),
        }
    }
}

/// Methods that mean the same when they arrive twice (RFC 9110 §9.2.2, and those of WebDAV that are registered as such).
const IDEMPOTENT: &[&str] = &[
    "GET",
    "HEAD",
    "OPTIONS",
    "TRACE",
    "PUT",
    "DELETE",
    "PROPFIND",
    "PROPPATCH",
    "MKCOL",
    "COPY",
    "MOVE",
    "UNLOCK",
    "REPORT",
    "SEARCH",
    "QUERY",
];

/// True when a request of this method means the same when it arrives twice.
#[must_use]
pub fn is_idempotent(method: &str) -> bool {
    IDEMPOTENT.contains(&method)
}

const JITTER: Form =
    Form::new("jitter", "`full` draws the wait between nothing and its full length; a wait that is always the same is kept without it")
        .slots(&[Slot::word("how", &["full", "none"])])
        .default("jitter full");

/// `retry { … }`
pub(super) const FORM: Form =
    Form::new("retry", "makes a failed call again, on another target where there is one, always inside `timeout total`").children(&[
        Form::new("attempts", "most attempts of one call, the first one counted")
            .slots(&[Slot::value("count", "an integer")])
            .default("attempts 2"),
        Form::new("on", "which failures: `connect_error`, `reset`, `timeout`, and statuses of the upstream")
            .slots(&[Slot::value("failures", "a list such as `[connect_error, 502..504]`")])
            .default("on [connect_error, reset, 502, 503, 504]"),
        Form::new("methods", "only requests of these methods; one that is not idempotent needs `idempotency_key` as well")
            .slots(&[Slot::value("list", "a list of methods such as `[GET, PUT]`")]),
        Form::new("backoff", "the wait before another attempt: always the same, or `exponential` from a first to a longest one")
            .slots(&[
                Slot::word("kind", &["exponential"]).optional(),
                Slot::value("time", "a duration, or behind `exponential` a range such as `50ms..400ms`"),
            ])
            .children(&[JITTER])
            .default("backoff exponential 25ms..250ms"),
        JITTER,
        Form::new("budget", "how many further attempts all requests together allow: this share of them")
            .slots(&[Slot::value("share", "a percentage")])
            .children(&[Form::new("min", "so many are allowed besides")
                .slots(&[Slot::value("rate", "a rate per second")])
                .default("min 10/s")])
            .default("budget 20% min 10/s"),
        Form::new("idempotency_key", "requests of other methods are made again when they carry an `Idempotency-Key`")
            .slots(&[Slot::word("how", &["required"])]),
    ]);
