//! `gate dump`

use super::{Outcome, Policy, print_out};
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
    let value = match (&arguments.file, arguments.schema) {
        (_, true) => docs::schema::json(),
        (None, false) => return Outcome::Usage,
        (Some(file), false) => {
            let policy = Policy { file: file.clone(), set: arguments.set.clone() };
            match policy.load(policy.params(), None) {
                Ok(checked) => serde_json::to_value(checked.program).unwrap_or_default(),
                Err(outcome) => return outcome,
            }
        }
    };
    print_out(&(serde_json::to_string_pretty(&value).unwrap_or_default() + "\n"));
    Outcome::Fine
}
