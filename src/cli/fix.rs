//! `gate fix`

use super::{Outcome, Shown, complain, files, parse_set, print_error, print_out, show};
use crate::check::{Checked, LoadError, Options, check};
use crate::diag::{self, Diagnostic, FileId, Severity, Sources};
use similar::TextDiff;
use std::path::{Path, PathBuf};

/// Most rounds of fixes: one fix may bring to light what it hid.
const ROUNDS_MAX: usize = 20;

/// Arguments of `gate fix`.
#[derive(Debug, clap::Args)]
pub struct Arguments {
    /// Policies, or folders of policies
    #[arg(required = true)]
    files: Vec<PathBuf>,
    /// Prints what would change and writes nothing
    #[arg(long)]
    dry_run: bool,
    /// How what is left is printed
    #[arg(long, value_enum, default_value = "human")]
    format: Shown,
    /// The value of a `param`
    #[arg(long = "set", value_name = "NAME=VALUE", value_parser = parse_set)]
    set: Vec<(String, String)>,
}

/// Fixes every file; what no machine can fix is shown.
pub fn run(arguments: &Arguments) -> Outcome {
    let Some(paths) = files::policies(&arguments.files) else { return Outcome::Usage };
    let options = Options { params: arguments.set.iter().cloned().collect(), explain: None };
    let mut outcome = Outcome::Fine;
    let mut left = Vec::new();
    for path in &paths {
        outcome = outcome.and(file(path, arguments, &options, &mut left));
    }
    match arguments.format {
        // One object for the whole run, whatever the number of files.
        Shown::Json | Shown::Sarif | Shown::Github => {
            let (sources, found) = diag::merge(left);
            show(arguments.format, &sources, &found);
        }
        Shown::Human | Shown::Plain => {}
    }
    outcome
}

/// A file with its fixes in effect.
struct Result {
    before: String,
    after: String,
    done: Vec<String>,
    errors_before: usize,
    sources: Sources,
    left: Vec<Diagnostic>,
}

/// Fixes a file. What is left is shown at once to people, and gathered for other readers.
fn file(path: &Path, arguments: &Arguments, options: &Options, left: &mut Vec<(Sources, Vec<Diagnostic>)>) -> Outcome {
    let name = path.display();
    let mut tell = |sources: Sources, found: Vec<Diagnostic>| {
        if matches!(arguments.format, Shown::Human | Shown::Plain) {
            show(arguments.format, &sources, &found);
        }
        left.push((sources, found));
    };
    let result = match fixed(path, options) {
        Ok(result) => result,
        Err(error) => {
            let (sources, found) = *error.found;
            tell(sources, vec![found]);
            return Outcome::Usage;
        }
    };
    let errors = errors(&result.left);
    if errors > result.errors_before {
        // What is left of the changed text says nothing of the file, which stays as it is.
        match findings(check(path, &files::Disk, options)) {
            Ok((sources, found)) => tell(sources, found),
            Err(error) => complain(&error.to_string()),
        }
        complain(&format!("{name} is left as it is: after its fixes it would have more errors than before"));
        return Outcome::Failed;
    }
    if arguments.dry_run {
        let difference = difference(&name.to_string(), &result);
        // Standard output is another program's to read where a format for programs was asked for.
        if matches!(arguments.format, Shown::Human | Shown::Plain) { print_out(&difference) } else { print_error(&difference) }
    } else if result.after != result.before
        && let Err(error) = files::replace(path, &result.after)
    {
        complain(&format!("{name}: {error}"));
        return Outcome::Usage;
    }
    let would = if arguments.dry_run { " would be" } else { "" };
    let summary = format!("{name}: {} fixed, {} left\n", counted(result.done.len(), would), result.left.len());
    tell(result.sources, result.left);
    print_error(&summary);
    if errors > 0 { Outcome::Failed } else { Outcome::Fine }
}

fn counted(number: usize, would: &str) -> String {
    let things = if number == 1 { "finding" } else { "findings" };
    format!("{number} {things}{would}")
}

fn errors(found: &[Diagnostic]) -> usize {
    found.iter().filter(|found| found.severity() == Severity::Error).count()
}

fn fixed(path: &Path, options: &Options) -> std::result::Result<Result, LoadError> {
    let (sources, mut left) = findings(check(path, &files::Disk, options))?;
    // INVARIANT: the file that is checked is the first of its sources.
    let main = FileId(0);
    let before = sources.get(main).map_or_else(String::new, |source| source.text.to_string());
    let mut result = Result { after: before.clone(), before, done: Vec::new(), errors_before: errors(&left), sources, left: Vec::new() };
    for _ in 0..ROUNDS_MAX {
        let Some(round) = diag::fix::apply(&result.after, main, &left) else { break };
        result.after = round.text;
        result.done.extend(round.done);
        (result.sources, left) = findings(check(path, &files::Changed { path, text: &result.after }, options))?;
    }
    result.left = left;
    Ok(result)
}

fn findings(checked: std::result::Result<Checked, LoadError>) -> std::result::Result<(Sources, Vec<Diagnostic>), LoadError> {
    checked.map(|checked| (checked.sources, checked.report.into_sorted()))
}

fn difference(name: &str, result: &Result) -> String {
    if result.before == result.after {
        return String::new();
    }
    TextDiff::from_lines(&result.before, &result.after).unified_diff().context_radius(2).header(name, name).to_string()
}
