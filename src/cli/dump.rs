//! `gate dump`

use super::{Outcome, Policy, print_json};
use crate::docs;
use std::path::PathBuf;

/// Arguments of `gate dump`.
#[derive(Debug, clap::Args)]
pub struct Arguments {
    /// The policy; not needed for the schema
    #[arg(required_unless_present = "schema")]
    file: Option<PathBuf>,
    /// What the policy means, as JSON
    #[arg(long, conflicts_with = "schema")]
    ir: bool,
    /// Every word of the language, as JSON
    #[arg(long)]
    schema: bool,
    /// The value of a `param`
    #[arg(long = "set", value_name = "NAME=VALUE", value_parser = super::parse_set)]
    set: Vec<(String, String)>,
}

/// Dumps.
pub fn run(arguments: &Arguments) -> Outcome {
    match (&arguments.file, arguments.schema) {
        (_, true) => print_json(&docs::schema::json()),
        (None, false) => return Outcome::Usage,
        (Some(file), false) => {
            let policy = Policy { file: file.clone(), set: arguments.set.clone() };
            match policy.load(policy.params(), None) {
                Ok(checked) => print_json(&checked.program),
                Err(outcome) => return outcome,
            }
        }
    }
    Outcome::Fine
}
