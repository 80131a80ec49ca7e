//! Policies for unit tests: text that imports nothing.

use super::{Checked, Files, Options, check};
use crate::ir::Program;
use std::io;
use std::path::Path;

/// One file, and nothing else.
struct Only<'t>(&'t str);

impl Files for Only<'_> {
    fn read(&self, _: &Path) -> io::Result<Vec<u8>> {
        Ok(self.0.as_bytes().to_vec())
    }
}

/// What comes of a text.
pub fn checked(text: &str, options: &Options) -> Checked {
    check(Path::new("policy.gate"), &Only(text), options).unwrap()
}

/// The program of a text that is sound.
#[track_caller]
pub fn program(text: &str) -> Program {
    let checked = checked(text, &Options::default());
    let found: Vec<_> = checked.report.into_sorted().into_iter().map(|found| (found.code.name(), found.message)).collect();
    checked.program.unwrap_or_else(|| panic!("{found:?}"))
}
