//! Which policy is in force, by number, and which were before it.

use super::state::{Bundle, Snapshot, State};
use crate::admin::Generation;
use crate::http::Clock;
use crate::server::control::{By, Refused};
use std::path::Path;

/// What is kept of the policies of a gateway that runs.
pub struct Kept {
    state: Option<State>,
    number: u64,
    /// The files of the policy in force.
    files: Bundle,
    /// The first one's hash, until that is kept.
    first: Option<String>,
}

impl Kept {
    /// The first policy of a process, and its hash. It has the number of the last one before it when it is the same.
    #[must_use]
    pub fn first(state: Option<State>, before: Option<Snapshot>, files: Bundle, hash: String) -> Self {
        let same = before.filter(|before| before.files == files).map(|before| before.generation.number);
        let last = state.as_ref().and_then(|state| state.numbers().last().copied()).unwrap_or(0);
        Self { state, number: same.unwrap_or(last + 1), files, first: same.is_none().then_some(hash) }
    }

    /// The policy is in force: its number.
    pub fn started(&mut self) -> u64 {
        if let Some(hash) = self.first.take() {
            self.keep(By::Start, None, hash, String::new());
        }
        self.number
    }

    /// Another policy is in force, an earlier one after a `rollback`. What is the same text is the same policy.
    pub fn next(&mut self, files: Bundle, by: By, rollback: Option<u64>, hash: String, summary: String) {
        if files != self.files {
            self.files = files;
            self.number += 1;
            self.keep(by, rollback, hash, summary);
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
        read(self.state.as_ref(), number, policy)
    }

    fn keep(&self, by: By, rollback: Option<u64>, hash: String, summary: String) {
        let Some(state) = &self.state else { return };
        let since = Clock::system().now();
        let generation = Generation { number: self.number, since, by: Some(by), rollback, hash, summary };
        if let Err(error) = state.keep(&Snapshot { generation, files: self.files.clone() }) {
            let folder = state.folder().display();
            tracing::warn!(%error, "the policy in force is not kept in `{folder}`, so nobody can go back to it");
        }
    }
}

/// The files of a policy that is kept.
///
/// # Errors
/// Why they are not there.
pub fn read(state: Option<&State>, number: u64, policy: &Path) -> Result<Bundle, Refused> {
    let nowhere = || Refused::NotKept("policies are not kept: `gate run --state DIR` says where to".to_owned());
    let state = state.ok_or_else(nowhere)?;
    if !state.numbers().contains(&number) {
        return Err(Refused::NotKept(state.lacks(number)));
    }
    Ok(state.read(number, policy)?.files)
}
