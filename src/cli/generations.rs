//! `gate generations`

use super::state::State;
use super::{Outcome, complain, print_out};
use crate::admin::Generation;
use std::path::PathBuf;

/// Arguments of `gate generations`.
#[derive(Debug, clap::Args)]
pub struct Arguments {
    /// The policy
    file: PathBuf,
    /// Where the gateway keeps them
    #[arg(long, value_name = "DIR")]
    state: Option<PathBuf>,
}

/// Lists what is kept, the newest first.
pub fn run(arguments: &Arguments) -> Outcome {
    let Some(state) = State::of(&arguments.file, arguments.state.as_deref()) else {
        complain("there is no folder where policies are kept: name it with `--state DIR`");
        return Outcome::Usage;
    };
    if state.numbers().is_empty() {
        complain(&format!(
            "no policy of `{}` is kept in `{}`: name the gateway's folder with `--state DIR`",
            arguments.file.display(),
            state.folder().display()
        ));
        return Outcome::Failed;
    }
    let mut outcome = Outcome::Fine;
    for number in state.numbers().into_iter().rev() {
        match state.read(number, &arguments.file) {
            Ok(snapshot) => print_out(&format!("{number:>4}  {}  {}\n", snapshot.date(), how(&snapshot.generation))),
            Err(error) => {
                // It hides none of the others.
                complain(&error);
                outcome = Outcome::Usage;
            }
        }
    }
    outcome
}

/// By what it came to be in force, and what it changed: `admin ann, back to 2: 1 LOOSER`.
fn how(generation: &Generation) -> String {
    let user = generation.by.user().map(|user| format!(" {user}")).unwrap_or_default();
    let back = generation.rollback.map(|number| format!(", back to {number}")).unwrap_or_default();
    let summary = if generation.summary.is_empty() { String::new() } else { format!(": {}", generation.summary) };
    format!("{}{user}{back}{summary}", generation.by.name())
}
