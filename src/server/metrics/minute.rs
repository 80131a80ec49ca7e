//! What was counted within the last minute: readings in steps, of which only what is new is kept.

use crate::meter::Distribution;
use hashbrown::HashMap;
use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

/// Between two readings.
pub const STEP: Duration = Duration::from_secs(10);
/// Steps of a minute.
const STEPS: usize = 6;

/// What was measured.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Of {
    /// Requests of a route.
    Route,
    /// Attempts at an upstream.
    Upstream,
}

/// Whose times they are: the kind and the name.
pub type Whose = (Of, Arc<str>);

/// Times by whose they are.
pub type Times = HashMap<Whose, Distribution>;

/// The last steps.
#[derive(Debug, Default)]
pub struct Minute {
    /// The last reading.
    before: Times,
    steps: VecDeque<Times>,
}

impl Minute {
    /// A step has passed, and this is what was counted up to now.
    pub fn note(&mut self, now: Times) {
        let new = now.iter().map(|(whose, times)| (whose, self.since(whose, times))).filter(|(_, new)| !new.is_empty());
        let step = new.map(|(whose, new)| (whose.clone(), new)).collect();
        self.before = now;
        if self.steps.len() == STEPS {
            self.steps.pop_front();
        }
        self.steps.push_back(step);
    }

    fn since(&self, whose: &Whose, times: &Distribution) -> Distribution {
        self.before.get(whose).map_or_else(|| times.clone(), |before| times.since(before))
    }

    /// Times of the last minute, and of the step that is not over, given all up to now.
    #[must_use]
    pub fn last(&self, whose: &Whose, times: &Distribution) -> Distribution {
        let mut sum = self.since(whose, times);
        self.steps.iter().filter_map(|step| step.get(whose)).for_each(|step| sum.merge(step));
        sum
    }
}
