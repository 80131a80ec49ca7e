//! `gate docs`

use super::{Outcome, Policy, print_out};
use crate::docs;
use std::path::PathBuf;

/// Arguments of `gate docs`.
#[derive(Debug, clap::Args)]
pub struct Arguments {
    #[command(flatten)]
    policy: Policy,
    /// The file to write; standard output when it is not given
    #[arg(short, long, value_name = "FILE")]
    output: Option<PathBuf>,
}

/// Writes the catalogue.
pub fn run(arguments: &Arguments) -> Outcome {
    let checked = match arguments.policy.load(arguments.policy.params(), None) {
        Ok(checked) => checked,
        Err(outcome) => return outcome,
    };
    let title = arguments.policy.file.file_stem().unwrap_or_default().to_string_lossy();
    let Some(text) = docs::catalogue::markdown(&checked, &title) else { return Outcome::Failed };
    match &arguments.output {
        None => {
            print_out(&text);
            Outcome::Fine
        }
        Some(file) => super::files::write(file, &text),
    }
}
