//! `gate check`

use super::{Outcome, Shown, complain, files, parse_set, print_error, show};
use crate::check::{Options, check};
use crate::diag::{Diagnostic, Severity, Sources};
use std::path::PathBuf;

/// Arguments of `gate check`.
#[derive(Debug, clap::Args)]
pub struct Arguments {
    /// Policies, or folders of policies
    #[arg(required = true)]
    files: Vec<PathBuf>,
    /// How findings are printed
    #[arg(long, value_enum, default_value = "human")]
    format: Shown,
    /// What counts as an error besides errors
    #[arg(long, value_name = "warnings", value_parser = ["warnings"])]
    deny: Option<String>,
    /// The value of a `param`
    #[arg(long = "set", value_name = "NAME=VALUE", value_parser = parse_set)]
    set: Vec<(String, String)>,
}

/// Checks every file.
pub fn run(arguments: &Arguments) -> Outcome {
    let paths = match files::policies(&arguments.files) {
        Ok(paths) => paths,
        Err(error) => {
            complain(&error.to_string());
            return Outcome::Usage;
        }
    };
    let options = Options { params: arguments.set.iter().cloned().collect(), explain: None };
    let mut outcome = Outcome::Fine;
    let mut all = Vec::new();
    for path in &paths {
        match check(path, &files::Disk, &options) {
            Ok(checked) => all.push((checked.sources, checked.report.into_sorted())),
            Err(error) => {
                complain(&error.to_string());
                outcome = Outcome::Usage;
            }
        }
    }
    let errors = |found: &Diagnostic| found.severity() == Severity::Error || arguments.deny.is_some();
    if all.iter().any(|(_, found)| found.iter().any(errors)) {
        outcome = outcome.and(Outcome::Failed);
    }
    print(arguments, &paths, all);
    outcome
}

fn print(arguments: &Arguments, paths: &[PathBuf], all: Vec<(Sources, Vec<Diagnostic>)>) {
    if arguments.format == Shown::Json {
        // One object for the whole run, whatever the number of files.
        let (sources, found) = crate::diag::merge(all);
        show(Shown::Json, &sources, &found);
        return;
    }
    let mut errors = 0;
    let mut warnings = 0;
    for (sources, found) in &all {
        errors += found.iter().filter(|found| found.severity() == Severity::Error).count();
        warnings += found.iter().filter(|found| found.severity() == Severity::Warning).count();
        show(arguments.format, sources, found);
    }
    let files = if paths.len() == 1 { "1 file".to_owned() } else { format!("{} files", paths.len()) };
    let count = |number: usize, word: &str| format!("{number} {word}{}", if number == 1 { "" } else { "s" });
    print_error(&format!("{files} checked: {}, {}\n", count(errors, "error"), count(warnings, "warning")));
}
