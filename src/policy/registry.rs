//! Runtime state that survives a reload: counters and breakers keyed by what their declaration *is*, its site and content.

use std::any::Any;
use std::collections::HashMap;
use std::sync::Arc;

/// State of all declarations of the running plan.
#[derive(Default)]
pub struct Registry {
    kept: HashMap<(&'static str, String), Arc<dyn Any + Send + Sync>>,
    used: HashMap<(&'static str, String), Arc<dyn Any + Send + Sync>>,
}

impl Registry {
    /// No state yet.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// The state of a declaration: what it had in the plan before when neither its name nor its content changed, else new.
    /// `key` says both; two routes that share a declaration pass the same key and get the same state.
    pub fn state<T: Any + Send + Sync>(&mut self, kind: &'static str, key: String, make: impl FnOnce() -> T) -> Arc<T> {
        let key = (kind, key);
        let found = self.used.get(&key).or_else(|| self.kept.get(&key)).cloned();
        let state = found.and_then(|state| state.downcast::<T>().ok()).unwrap_or_else(|| Arc::new(make()));
        self.used.insert(key, state.clone());
        state
    }

    /// Ends the building of a plan that is now in force: state that no declaration asked for is forgotten.
    pub fn commit(&mut self) {
        self.kept = std::mem::take(&mut self.used);
    }

    /// Ends the building of a plan that was refused: the state in force stays as it was.
    pub fn roll_back(&mut self) {
        self.used.clear();
    }
}
