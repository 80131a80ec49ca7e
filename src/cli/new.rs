//! `gate new`

use super::{Outcome, complain, print_out};
use std::path::PathBuf;

/// Arguments of `gate new`.
#[derive(Debug, clap::Args)]
pub struct Arguments {
    /// The folder, which is made when it is not there
    #[arg(default_value = ".")]
    folder: PathBuf,
}

/// What a new policy is called.
const NAME: &str = "gateway.gate";

/// A policy to start from.
const POLICY: &str = include_str!("new.gate");

/// Writes the policy and says what to do with it.
pub fn run(arguments: &Arguments) -> Outcome {
    if let Err(error) = std::fs::create_dir_all(&arguments.folder) {
        complain(&format!("{}: {error}", arguments.folder.display()));
        return Outcome::Usage;
    }
    let file = if arguments.folder.as_os_str() == "." { PathBuf::from(NAME) } else { arguments.folder.join(NAME) };
    let outcome = super::files::create(&file, POLICY);
    if outcome == Outcome::Fine {
        let file = file.display();
        print_out(&format!(
            "{file} is written. Next:\n  gate check {file}      # is it sound?\n  gate test {file}       # does it do what it says?\n  \
             gate run --dev {file}  # on http://127.0.0.1:8080, with stand-ins for what this machine lacks\n"
        ));
    }
    outcome
}
