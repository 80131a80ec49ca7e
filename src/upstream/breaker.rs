//! The circuit breaker of an upstream.
//!
//! ```text
//! closed ──too many failures──▶ open ──cooldown over──▶ half open ──every probe succeeded──▶ closed
//!                                 ▲──────────────────────── a probe failed
//! ```
//! By hand it is opened from any state, and then stays open until it is closed by hand: no probe tries it.
//!
//! Counts attempts. One that was given up (the client went away) counts as nothing and frees its probe's slot; beside one that
//! takes longer than an upstream may there is another.

use crate::events::{Change, Events};
use parking_lot::Mutex;
use serde::{Deserialize, Serialize};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;
use tokio::time::Instant;

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

/// What a breaker does with requests.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum State {
    /// Lets all through.
    Closed,
    /// Lets none through.
    Open,
    /// Lets its probes through.
    HalfOpen,
}

impl State {
    /// The state's name.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Closed => "closed",
            Self::Open => "open",
            Self::HalfOpen => "half_open",
        }
    }
}

/// A breaker, shared by all workers.
#[derive(Debug)]
pub struct Breaker {
    config: Config,
    /// Its upstream's name.
    name: Arc<str>,
    events: Arc<Events>,
    /// Closed without a failure in the current run: nothing to ask or to note on success. Saves the lock.
    calm: AtomicBool,
    inner: Mutex<Inner>,
}

#[derive(Debug)]
struct Inner {
    phase: Phase,
    /// Counts phases, so that an attempt's outcome is not charged to a later one.
    generation: u64,
    /// How often it has opened.
    trips: u64,
    /// What it had counted when it was closed last.
    failures: u32,
}

#[derive(Debug)]
enum Phase {
    Closed(Counts),
    Open {
        until: Instant,
    },
    /// Open by hand.
    Held,
    HalfOpen {
        under_way: u32,
        succeeded: u32,
        /// When those under way have had their time.
        lapse: Instant,
    },
}

#[derive(Debug, Default)]
struct Counts {
    run: u32,
    window: Vec<Slice>,
}

/// Attempts that ended within one slice of the window.
#[derive(Debug)]
struct Slice {
    from: Instant,
    attempts: u32,
    failures: u32,
}

/// Slices of a window: it moves in steps of this fraction.
const SLICES: u32 = 10;

impl Breaker {
    /// A closed breaker that nobody hears of.
    #[must_use]
    pub fn new(config: Config) -> Self {
        Self::telling(config, "", &Arc::default())
    }

    /// A closed breaker of an upstream; how it stands is told there.
    #[must_use]
    pub fn telling(config: Config, name: &str, events: &Arc<Events>) -> Self {
        let inner = Inner { phase: Phase::Closed(Counts::default()), generation: 0, trips: 0, failures: 0 };
        let calm = AtomicBool::new(Self::can_be_calm(&config));
        Self { config, name: name.into(), events: Arc::clone(events), calm, inner: Mutex::new(inner) }
    }

    fn can_be_calm(config: &Config) -> bool {
        matches!(config.opens, Opens::AfterFailures(_))
    }

    /// What it was declared as.
    #[must_use]
    pub fn config(&self) -> &Config {
        &self.config
    }

    /// Its state.
    #[must_use]
    pub fn state(&self, now: Instant) -> State {
        match &self.inner.lock().phase {
            Phase::Closed(_) => State::Closed,
            Phase::Open { until } if now < *until => State::Open,
            Phase::Held => State::Open,
            Phase::Open { .. } | Phase::HalfOpen { .. } => State::HalfOpen,
        }
    }

    /// Failures in a row, or within the window: while it is not closed, those that have opened it.
    #[must_use]
    pub fn failures(&self) -> u32 {
        let inner = self.inner.lock();
        match &inner.phase {
            Phase::Closed(counts) => counts.failures(),
            Phase::Open { .. } | Phase::Held | Phase::HalfOpen { .. } => inner.failures,
        }
    }

    /// How often it has opened.
    #[must_use]
    pub fn trips(&self) -> u64 {
        self.inner.lock().trips
    }

    /// Opens it until [`Self::close`], however well the upstream does.
    pub fn hold(&self) {
        let mut inner = self.inner.lock();
        self.enter(&mut inner, Phase::Held);
        self.calm.store(false, Ordering::Relaxed);
    }

    /// Closes it, and begins to count anew.
    pub fn close(&self) {
        let mut inner = self.inner.lock();
        self.enter(&mut inner, Phase::Closed(Counts::default()));
        self.calm.store(Self::can_be_calm(&self.config), Ordering::Relaxed);
    }

    /// True while it is open by hand.
    #[must_use]
    pub fn is_held(&self) -> bool {
        matches!(self.inner.lock().phase, Phase::Held)
    }

    /// Lets an attempt through. As a probe it has this much time: when it is still under way then, it may wait for its own client,
    /// and nobody else waits for it.
    ///
    /// # Errors
    /// How long it will refuse, when it is open; nothing of it when all probes are under way. By hand it is open for nobody knows
    /// how long: its cooldown is as good a time to ask again as any.
    pub fn admit(self: &Arc<Self>, now: Instant, time: Duration) -> Result<Permit, Duration> {
        if self.calm.load(Ordering::Relaxed) {
            return Ok(Permit { breaker: Arc::clone(self), generation: None, settled: false });
        }
        let mut inner = self.inner.lock();
        if let Phase::Open { until } = inner.phase {
            if now < until {
                return Err(until - now);
            }
            self.enter(&mut inner, Phase::HalfOpen { under_way: 0, succeeded: 0, lapse: now });
        }
        if matches!(inner.phase, Phase::Held) {
            return Err(self.config.cooldown);
        }
        if let Phase::HalfOpen { under_way, succeeded, lapse } = &mut inner.phase {
            if *under_way + *succeeded >= self.config.probes && now < *lapse {
                return Err(Duration::ZERO);
            }
            *under_way += 1;
            *lapse = now + time;
        }
        Ok(Permit { breaker: Arc::clone(self), generation: Some(inner.generation), settled: false })
    }

    fn settle(&self, generation: Option<u64>, outcome: Option<bool>, now: Instant) {
        if outcome == Some(true) && self.calm.load(Ordering::Relaxed) {
            return;
        }
        let mut inner = self.inner.lock();
        // A permit that was given out calmly belongs to the closed phase, whichever number that had.
        let current = match generation {
            Some(generation) => generation == inner.generation,
            None => matches!(inner.phase, Phase::Closed(_)),
        };
        if !current {
            return;
        }
        let next = match &mut inner.phase {
            Phase::Closed(counts) => match outcome {
                Some(success) if counts.note(success, &self.config, now) => Some(self.opened(now)),
                Some(_) | None => None,
            },
            Phase::HalfOpen { under_way, succeeded, .. } => {
                *under_way = under_way.saturating_sub(1);
                match outcome {
                    None => None,
                    Some(false) => Some(self.opened(now)),
                    Some(true) => {
                        *succeeded += 1;
                        (*succeeded >= self.config.probes).then(|| Phase::Closed(Counts::default()))
                    }
                }
            }
            Phase::Open { .. } | Phase::Held => None,
        };
        if let Some(phase) = next {
            self.enter(&mut inner, phase);
        }
        let calm = matches!(&inner.phase, Phase::Closed(counts) if counts.run == 0);
        self.calm.store(calm && Self::can_be_calm(&self.config), Ordering::Relaxed);
    }

    fn opened(&self, now: Instant) -> Phase {
        Phase::Open { until: now + self.config.cooldown }
    }

    /// Told under the lock, so that events have the order of the phases; it is taken by failures and probes only.
    fn enter(&self, inner: &mut Inner, phase: Phase) {
        match &phase {
            Phase::Open { .. } => {
                let seconds = self.config.cooldown.as_secs_f64();
                self.events.tell(Change::BreakerOpened, &self.name, format!("the breaker is open: nothing goes through for {seconds} s"));
            }
            Phase::Held => self.events.tell(Change::BreakerOpened, &self.name, "the breaker was opened by hand: nothing goes through"),
            Phase::HalfOpen { .. } => {
                self.events.tell(Change::BreakerHalfOpened, &self.name, "the breaker is half open: probes go through")
            }
            Phase::Closed(_) => self.events.tell(Change::BreakerClosed, &self.name, "the breaker is closed: all goes through again"),
        }
        if let Phase::Closed(counts) = &inner.phase {
            inner.failures = counts.failures();
        }
        inner.trips += u64::from(matches!(phase, Phase::Open { .. } | Phase::Held));
        inner.phase = phase;
        inner.generation += 1;
    }
}

impl Counts {
    fn failures(&self) -> u32 {
        self.run.max(self.window.iter().map(|slice| slice.failures).sum())
    }

    /// Notes an outcome; true when the breaker must open.
    fn note(&mut self, success: bool, config: &Config, now: Instant) -> bool {
        match config.opens {
            Opens::AfterFailures(most) => {
                self.run = if success { 0 } else { self.run + 1 };
                self.run >= most
            }
            Opens::Share { share, least, window } => {
                let step = window / SLICES;
                self.window.retain(|slice| now.saturating_duration_since(slice.from) < window);
                match self.window.last_mut().filter(|slice| now.saturating_duration_since(slice.from) < step) {
                    Some(slice) => slice.note(success),
                    None => {
                        let mut slice = Slice { from: now, attempts: 0, failures: 0 };
                        slice.note(success);
                        self.window.push(slice);
                    }
                }
                let attempts: u64 = self.window.iter().map(|slice| u64::from(slice.attempts)).sum();
                let failures: u64 = self.window.iter().map(|slice| u64::from(slice.failures)).sum();
                !success && attempts >= u64::from(least) && failures * 10_000 >= attempts * u64::from(share)
            }
        }
    }
}

impl Slice {
    fn note(&mut self, success: bool) {
        self.attempts = self.attempts.saturating_add(1);
        self.failures = self.failures.saturating_add(u32::from(!success));
    }
}

/// An attempt a breaker let through. Dropped without an outcome it counts as nothing.
#[derive(Debug)]
pub struct Permit {
    breaker: Arc<Breaker>,
    generation: Option<u64>,
    settled: bool,
}

impl Permit {
    /// The attempt's outcome.
    pub fn settle(mut self, success: bool, now: Instant) {
        self.settled = true;
        self.breaker.settle(self.generation, Some(success), now);
    }
}

impl Drop for Permit {
    fn drop(&mut self) {
        if !self.settled && self.generation.is_some() {
            self.breaker.settle(self.generation, None, Instant::now());
        }
    }
}
