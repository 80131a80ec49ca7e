//! Runtime state that survives a reload: counters and breakers keyed by what their declaration *is*, its site and content.

use std::any::Any;
use std::collections::HashMap;
use std::sync::Arc;

/// State of all declarations of the running plan.
#[derive(Default)]
pub struct Registry {
    kept: HashMap<(&'static str, String), Arc<dyn Any + Send + Sync>>,
    used: HashMap<(&'static str, String), Arc<dyn Any + Send + Sync>>,
    plan: HashMap<(&'static str, String), Arc<dyn Any + Send + Sync>>,
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

    /// The same for state whose making may fail.
    ///
    /// # Errors
    /// Those of `make`.
    pub fn try_state<T: Any + Send + Sync, E>(
        &mut self,
        kind: &'static str,
        key: String,
        make: impl FnOnce() -> Result<T, E>,
    ) -> Result<Arc<T>, E> {
        let name = (kind, key);
        let found = self.used.get(&name).or_else(|| self.kept.get(&name)).cloned();
        let state = match found.and_then(|state| state.downcast::<T>().ok()) {
            Some(state) => state,
            None => Arc::new(make()?),
        };
        self.used.insert(name, state.clone());
        Ok(state)
    }

    /// What was put aside under a name while the plan that is being built was begun.
    #[must_use]
    pub fn of_plan<T: Any + Send + Sync>(&self, kind: &'static str, key: &str) -> Option<Arc<T>> {
        self.plan.get(&(kind, key.to_owned())).cloned().and_then(|state| state.downcast::<T>().ok())
    }

    /// Puts something aside for the rest of the building of this plan, so that ten thousand routes find it at once.
    pub fn put_aside(&mut self, kind: &'static str, key: String, state: Arc<dyn Any + Send + Sync>) {
        self.plan.insert((kind, key), state);
    }

    /// All state of a type and kind, of the plan in force and the one being built.
    pub fn each<T: Any + Send + Sync>(&self, kind: &'static str) -> impl Iterator<Item = Arc<T>> + '_ {
        let older = self.kept.iter().filter(|(name, _)| !self.used.contains_key(name));
        self.used.iter().chain(older).filter(move |((of, _), _)| *of == kind).filter_map(|(_, state)| state.clone().downcast::<T>().ok())
    }

    /// Ends the building of a plan that is now in force: state that no declaration asked for is forgotten.
    pub fn commit(&mut self) {
        self.kept = std::mem::take(&mut self.used);
        self.plan.clear();
    }

    /// Ends the building of a plan that was refused: the state in force stays as it was.
    pub fn roll_back(&mut self) {
        self.used.clear();
        self.plan.clear();
    }
}
