//! Which policy is in force, by number, and which were before it.

use super::state::{Bundle, Generation, State};
use crate::http::Clock;
use crate::server::control::Refused;
use std::path::Path;

/// What is kept of the policies of a gateway that runs.
pub struct Kept {
    state: Option<State>,
    number: u64,
    /// The files of the policy in force.
    files: Bundle,
    /// It is kept already.
    known: bool,
}

impl Kept {
    /// The first policy of a process. It has the number of the last one before it when it is the same.
    #[must_use]
    pub fn first(state: Option<State>, before: Option<Generation>, files: Bundle) -> Self {
        let same = before.filter(|before| before.files == files).map(|before| before.number);
        let last = state.as_ref().and_then(|state| state.numbers().last().copied()).unwrap_or(0);
        Self { state, number: same.unwrap_or(last + 1), files, known: same.is_some() }
    }

    /// The policy is in force: its number.
    pub fn started(&mut self) -> u64 {
        if !std::mem::replace(&mut self.known, true) {
            self.keep("started".to_owned());
        }
        self.number
    }

    /// Another policy is in force. What is the same text is the same policy.
    pub fn next(&mut self, files: Bundle, summary: String) {
        if files != self.files {
            self.files = files;
            self.number += 1;
            self.keep(summary);
        }
    }

    /// The number of the policy in force.
    #[must_use]
    pub fn number(&self) -> u64 {
        self.number
    }

    /// The files of an earlier policy.
    ///
    /// # Errors
    /// Why they are not there.
    pub fn read(&self, number: u64, policy: &Path) -> Result<Bundle, Refused> {
        let nowhere = || Refused::NotKept("policies are not kept: `gate run --state DIR` says where to".to_owned());
        let state = self.state.as_ref().ok_or_else(nowhere)?;
        if !state.numbers().contains(&number) {
            return Err(Refused::NotKept(state.lacks(number)));
        }
        Ok(state.read(number, policy)?.files)
    }

    fn keep(&self, summary: String) {
        let Some(state) = &self.state else { return };
        let since = Clock::system().now().as_secs();
        let generation = Generation { number: self.number, since, summary, files: self.files.clone() };
        if let Err(error) = state.keep(&generation) {
            tracing::warn!(%error, "the policy in force is not kept, so nobody can go back to it");
        }
    }
}
