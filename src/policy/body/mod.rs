//! `body`: what a request's body may be. The driver counts the bytes as they pass and answers 413 at the first one too many.

mod check;
#[cfg(test)]
mod tests;

use super::{Build, BuildError, Effective, Policy};
use crate::lang::Checker;
use crate::lang::form::{Form, Merge, Place, Slot, Word};
use serde::{Deserialize, Serialize};

/// What is asked of a request's body.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Config {
    /// Its largest size in bytes; none is unbounded (`max none`).
    pub max: Option<u64>,
}

impl Policy for Config {
    const WORDS: &'static [Word] = &[Word {
        form: Form::new("body", "what a request's body may be").children(&[
            Form::new("max", "its largest size; more is refused with 413")
                .slots(&[Slot::value("size", "a size, or `none`")])
                .default("max 8MiB"),
            Form::new("json", "it must be JSON, perhaps of a schema").later(),
        ]),
        places: &[Place::Gateway, Place::Group, Place::Route, Place::Policy],
        merge: Merge::Fields,
        stage: "body",
    }];

    fn check(statements: &[Effective<'_>], checker: &mut Checker<'_>) -> Option<Self> {
        check::check(statements, checker)
    }

    fn build(&self, build: &mut Build<'_>) -> Result<(), BuildError> {
        build.body_max = Some(self.max);
        Ok(())
    }
}
