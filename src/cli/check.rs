//! `gate check`

use super::watch::Watch;
use super::{Outcome, Shown, complain, environment, files, parse_set, print_error, show};
use crate::check::{Options, check};
use crate::diag::{Diagnostic, Severity, Sources};
use std::path::{Path, PathBuf};

/// Arguments of `gate check`.
#[derive(Debug, clap::Args)]
pub struct Arguments {
    /// Policies, or folders of policies; `-` reads standard input
    #[arg(required = true)]
    files: Vec<PathBuf>,
    /// How findings are printed
    #[arg(long, value_enum, default_value = "human")]
    format: Shown,
    /// What counts as an error besides errors
    #[arg(long, value_name = "warnings", value_parser = ["warnings"])]
    deny: Option<String>,
    /// Looks at this machine as well: whether secrets are set and strong, and files can be read
    #[arg(long)]
    env: bool,
    /// Checks again whenever a file changes, until it is interrupted
    #[arg(long)]
    watch: bool,
    /// The value of a `param`
    #[arg(long = "set", value_name = "NAME=VALUE", value_parser = parse_set)]
    set: Vec<(String, String)>,
}

/// Checks every file.
pub fn run(arguments: &Arguments) -> Outcome {
    if arguments.watch && arguments.files.iter().any(|file| file == Path::new(files::INPUT)) {
        complain("standard input cannot be watched");
        return Outcome::Usage;
    }
    let (outcome, read) = once(arguments);
    if !arguments.watch || read.is_empty() {
        return outcome;
    }
    let mut read = read;
    loop {
        let watch = match Watch::new(read.iter().map(PathBuf::as_path)) {
            Ok(watch) => watch,
            Err(error) => {
                complain(&format!("the files cannot be watched: {error}"));
                return Outcome::Usage;
            }
        };
        if !watch.changed() {
            return outcome;
        }
        print_error("\n");
        // A file that is gone for a moment comes back: what was read before is still watched.
        let again = once(arguments).1;
        read.extend(again);
        read.sort_unstable();
        read.dedup();
    }
}

/// Checks every file once; which files were read.
fn once(arguments: &Arguments) -> (Outcome, Vec<PathBuf>) {
    let Some(paths) = files::policies(&arguments.files) else { return (Outcome::Usage, Vec::new()) };
    let mut options = Options { params: arguments.set.iter().cloned().collect(), explain: None };
    if arguments.env {
        options.params = super::with_environment(options.params);
    }
    let mut outcome = Outcome::Fine;
    let mut all = Vec::new();
    for path in &paths {
        match findings(path, &options, arguments.env) {
            Ok(found) => all.push(found),
            Err(error) => {
                let (sources, found) = *error.found;
                all.push((sources, vec![found]));
                outcome = Outcome::Usage;
            }
        }
    }
    let errors = |found: &Diagnostic| found.severity() == Severity::Error || arguments.deny.is_some();
    if all.iter().any(|(_, found)| found.iter().any(errors)) {
        outcome = outcome.and(Outcome::Failed);
    }
    let imported = all.iter().flat_map(|(sources, _)| sources.iter().map(|(_, source)| PathBuf::from(&*source.name)));
    let read = paths.iter().cloned().chain(imported).collect();
    print(arguments, &paths, all);
    (outcome, read)
}

fn findings(path: &Path, options: &Options, machine: bool) -> Result<(Sources, Vec<Diagnostic>), crate::check::LoadError> {
    let checked = check(path, &files::Input, options)?;
    let mut found = checked.report.into_sorted();
    if let Some(program) = checked.program.as_ref().filter(|_| machine) {
        found.extend(environment::findings(program, &checked.sources));
    }
    Ok((checked.sources, found))
}

fn print(arguments: &Arguments, paths: &[PathBuf], all: Vec<(Sources, Vec<Diagnostic>)>) {
    match arguments.format {
        // One object for the whole run, whatever the number of files.
        Shown::Json | Shown::Sarif | Shown::Github => {
            let (sources, found) = crate::diag::merge(all);
            show(arguments.format, &sources, &found);
            return;
        }
        Shown::Human | Shown::Plain => {}
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
