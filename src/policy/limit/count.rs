//! The algorithms: pure state machines over nanoseconds since the epoch, exact in integers.
//!
//! Time that steps back a little (two workers read the clock in one order and get here in the other) is taken as the latest
//! seen. When the machine's clock is set back, no key waits longer than it could have at any other time.

use super::{Algorithm, Flow};
use std::collections::VecDeque;

/// A log that has become short gives its memory back down to room for so many.
const LOG_KEPT: usize = 16;

/// A flow in the units the algorithms count in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rule {
    /// How it is counted.
    pub algorithm: Algorithm,
    /// The rate's count.
    pub count: u64,
    /// The rate's period in nanoseconds.
    pub period: u64,
    /// How many at once.
    pub burst: u64,
}

impl Rule {
    /// A flow counted in a way.
    #[must_use]
    pub fn new(algorithm: Algorithm, flow: Flow) -> Self {
        let period = u64::try_from(flow.rate.per.length().as_nanos()).unwrap_or(u64::MAX);
        Self { algorithm, count: flow.rate.count, period, burst: flow.burst }
    }
}

/// Where one key stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum State {
    /// GCRA: when the bucket will be full again, in nanoseconds times the rate's count, so that one token is exactly one period.
    Bucket {
        /// The theoretical arrival time.
        full_at: u128,
    },
    /// The window that began at `start`, and the one before it.
    Window {
        /// When it began.
        start: u64,
        /// Requests in it.
        current: u64,
        /// Requests in the one before.
        previous: u64,
    },
    /// When each request came, oldest first.
    #[expect(clippy::box_collection, reason = "the entry of a key stays one cache line, whatever its algorithm")]
    Log(Box<VecDeque<u64>>),
}

/// What becomes of a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Decision {
    /// True when it is within the limit, and counted.
    pub allowed: bool,
    /// Requests that may still come now.
    pub remaining: u64,
    /// Nanoseconds until the limit is full again, or the window ends.
    pub reset: u64,
    /// Nanoseconds until one more may come; 0 when it was allowed.
    pub retry: u64,
}

impl Decision {
    /// Nothing is known but that it may not pass.
    pub const REFUSED: Self = Self { allowed: false, remaining: 0, reset: 0, retry: 0 };
}

impl State {
    /// Nothing counted yet.
    #[must_use]
    pub fn new(algorithm: Algorithm) -> Self {
        match algorithm {
            Algorithm::TokenBucket => Self::Bucket { full_at: 0 },
            Algorithm::FixedWindow | Algorithm::SlidingWindow => Self::Window { start: 0, current: 0, previous: 0 },
            Algorithm::SlidingLog => Self::Log(Box::default()),
        }
    }

    /// Counts a request, if it is within the limit.
    pub fn take(&mut self, rule: &Rule, now: u64) -> Decision {
        match self {
            Self::Bucket { full_at } => bucket(full_at, rule, now),
            Self::Window { start, current, previous } => {
                roll(start, current, previous, rule.period, now);
                let elapsed = now.max(*start) - *start;
                if rule.algorithm == Algorithm::FixedWindow {
                    fixed(current, rule, elapsed)
                } else {
                    sliding(current, *previous, rule, elapsed)
                }
            }
            Self::Log(times) => log(times, rule, now),
        }
    }

    /// Takes back a request that was counted at `at`.
    pub fn give_back(&mut self, rule: &Rule, at: u64) {
        match self {
            Self::Bucket { full_at } => *full_at = full_at.saturating_sub(u128::from(rule.period)),
            Self::Window { start, current, previous } => {
                if at >= *start {
                    *current = current.saturating_sub(1);
                } else if at >= start.saturating_sub(rule.period) {
                    *previous = previous.saturating_sub(1);
                }
            }
            Self::Log(times) => {
                if let Some(found) = times.iter().rposition(|time| *time <= at) {
                    times.remove(found);
                }
            }
        }
    }

    /// What it holds beside itself, in bytes.
    #[must_use]
    pub fn heap_bytes(&self) -> usize {
        match self {
            Self::Bucket { .. } | Self::Window { .. } => 0,
            Self::Log(times) => size_of::<VecDeque<u64>>() + times.capacity() * size_of::<u64>(),
        }
    }

    /// From when on this state is no different from a new one.
    #[must_use]
    pub fn idle_at(&self, rule: &Rule) -> u64 {
        match self {
            Self::Bucket { full_at } => u64::try_from(full_at.div_ceil(u128::from(rule.count.max(1)))).unwrap_or(u64::MAX),
            Self::Window { start, current, .. } => match (rule.algorithm, current) {
                (Algorithm::SlidingWindow, 1..) => start.saturating_add(rule.period.saturating_mul(2)),
                _ => start.saturating_add(rule.period),
            },
            Self::Log(times) => times.back().map_or(0, |last| last.saturating_add(rule.period)),
        }
    }
}

fn bucket(full_at: &mut u128, rule: &Rule, now: u64) -> Decision {
    let (count, token) = (u128::from(rule.count), u128::from(rule.period));
    let now = u128::from(now) * count;
    let size = u128::from(rule.burst) * token;
    *full_at = (*full_at).min(now + size);
    let used = full_at.saturating_sub(now);
    let nanos = |scaled: u128| u64::try_from(scaled.div_ceil(count)).unwrap_or(u64::MAX);
    if used + token > size {
        return Decision { allowed: false, remaining: 0, reset: nanos(used), retry: nanos(used + token - size) };
    }
    let used = used + token;
    *full_at = now + used;
    let remaining = u64::try_from((size - used) / token).unwrap_or(u64::MAX);
    Decision { allowed: true, remaining, reset: nanos(used), retry: 0 }
}

/// Begins the window that holds `now`.
fn roll(start: &mut u64, current: &mut u64, previous: &mut u64, period: u64, now: u64) {
    let begin = now - now % period;
    if begin.saturating_add(period) < *start {
        // The clock was set back: the window goes on where the clock is now.
        (*start, *previous) = (begin, 0);
    }
    if begin <= *start {
        return;
    }
    *previous = if begin == start.saturating_add(period) { *current } else { 0 };
    *current = 0;
    *start = begin;
}

fn fixed(current: &mut u64, rule: &Rule, elapsed: u64) -> Decision {
    let left = rule.period.saturating_sub(elapsed);
    if *current >= rule.count {
        return Decision { allowed: false, remaining: 0, reset: left, retry: left };
    }
    *current += 1;
    Decision { allowed: true, remaining: rule.count - *current, reset: left, retry: 0 }
}

/// The last window weighs as much as of it still lies within one period before now.
fn sliding(current: &mut u64, previous: u64, rule: &Rule, elapsed: u64) -> Decision {
    let (count, period) = (u128::from(rule.count), u128::from(rule.period));
    let left = rule.period.saturating_sub(elapsed);
    let weighted = |current: u64| u128::from(previous) * u128::from(left) + u128::from(current) * period;
    // Until this window has left the estimate, too.
    let reset = |current: u64| left.saturating_add(if current > 0 { rule.period } else { 0 });
    if weighted(*current) + period > count * period {
        let retry = sliding_retry(*current, previous, rule, left);
        return Decision { allowed: false, remaining: 0, reset: reset(*current), retry };
    }
    *current += 1;
    let remaining = u64::try_from((count * period - weighted(*current)) / period).unwrap_or(u64::MAX);
    Decision { allowed: true, remaining, reset: reset(*current), retry: 0 }
}

/// How long until one more fits, when none comes before.
fn sliding_retry(current: u64, previous: u64, rule: &Rule, left: u64) -> u64 {
    // Largest part of a window that may still weigh so that `free` more fit.
    let weight = |free: u64, of: u64| u64::try_from(u128::from(free) * u128::from(rule.period) / u128::from(of.max(1))).unwrap_or(u64::MAX);
    if current < rule.count {
        return left.saturating_sub(weight(rule.count - current - 1, previous));
    }
    left.saturating_add(rule.period.saturating_sub(weight(rule.count - 1, current)))
}

fn log(times: &mut VecDeque<u64>, rule: &Rule, now: u64) -> Decision {
    let ahead = times.back().map_or(0, |last| last.saturating_sub(now));
    if ahead > rule.period {
        // The clock was set back: what was counted comes with it.
        times.iter_mut().for_each(|time| *time = time.saturating_sub(ahead));
    }
    let now = times.back().map_or(now, |last| now.max(*last));
    while times.front().is_some_and(|first| first.saturating_add(rule.period) <= now) {
        times.pop_front();
    }
    if times.capacity() > LOG_KEPT && times.len() * 4 < times.capacity() {
        times.shrink_to(times.len() * 2);
    }
    let until = |time: Option<&u64>| time.map_or(0, |time| time.saturating_add(rule.period) - now);
    let counted = times.len() as u64;
    if counted >= rule.count {
        return Decision { allowed: false, remaining: 0, reset: until(times.back()), retry: until(times.front()) };
    }
    times.push_back(now);
    Decision { allowed: true, remaining: rule.count - counted - 1, reset: rule.period, retry: 0 }
}
