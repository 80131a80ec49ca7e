//! What was counted within the last minute: readings in steps, of which only what is new is kept.

use crate::meter::{Distribution, Sparse};
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

/// The last steps.
#[derive(Debug, Default)]
pub struct Minute {
    /// The last reading.
    before: HashMap<Whose, Sparse>,
    steps: VecDeque<HashMap<Whose, Sparse>>,
}

impl Minute {
    /// A step has passed, and this is what was counted up to now.
    pub fn note<'r>(&mut self, times: impl Iterator<Item = (Whose, &'r Distribution)>) {
        let (mut now, mut step) = (HashMap::new(), HashMap::new());
        for (whose, times) in times {
            let new = times.since(self.before.get(&whose));
            if !new.is_empty() {
                step.insert(whose.clone(), new);
            }
            now.insert(whose, Sparse::of(times));
        }
        self.before = now;
        if self.steps.len() == STEPS {
            self.steps.pop_front();
        }
        self.steps.push_back(step);
    }

    /// Times of the last minute, and of the step that is not over, given all up to now.
    #[must_use]
    pub fn last(&self, whose: &Whose, times: &Distribution) -> Sparse {
        let mut sum = times.since(self.before.get(whose));
        self.steps.iter().filter_map(|step| step.get(whose)).for_each(|step| sum.add(step));
        sum
    }
}
