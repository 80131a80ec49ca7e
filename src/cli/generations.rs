//! `gate generations`

use super::state::State;
use super::{Outcome, complain, print_out};
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
            Ok(generation) => {
                print_out(&format!("{number:>4}  {}  {}\n", generation.date(), generation.summary));
            }
            Err(error) => {
                // It hides none of the others.
                complain(&error);
                outcome = Outcome::Usage;
            }
        }
    }
    outcome
}
