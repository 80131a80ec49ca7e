//! The policies that are kept, for the admin listener to show.

use super::state::State;
use super::{Policy, diff, kept, policies};
use crate::admin::{Archive, Generation};
use crate::diag::render::{Format, render};
use crate::ir::Program;
use crate::server::control::Refused;

/// Where the policies of a gateway are kept, and how they are checked.
pub struct Shelf {
    /// The policy's file and `param`s.
    pub policy: Policy,
    /// Nothing is kept where it is none.
    pub state: Option<State>,
}

impl Archive for Shelf {
    fn all(&self) -> Vec<Generation> {
        let Some(state) = &self.state else { return Vec::new() };
        let read = |number| match state.read(number, &self.policy.file) {
            Ok(snapshot) => Some(snapshot.generation),
            Err(error) => {
                tracing::warn!(error, "a policy that is kept cannot be read");
                None
            }
        };
        state.numbers().into_iter().rev().filter_map(read).collect()
    }

    fn changes(&self, number: u64, now: &Program) -> Result<Vec<String>, Refused> {
        let files = kept::read(self.state.as_ref(), number, &self.policy.file)?;
        let (checked, found) = self.policy.check_in(&files, self.policy.params_with_environment(), None)?;
        let program = checked.program.ok_or_else(|| render(Format::Plain, &checked.sources, &found))?;
        Ok(diff::changes(now, &policies::in_force(program, false)))
    }
}
