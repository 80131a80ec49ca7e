//! `gate fix`

use super::{Outcome, Shown, complain, files, parse_set, print_error, print_out, show};
use crate::check::{Checked, Options, check};
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
    /// The value of a `param`
    #[arg(long = "set", value_name = "NAME=VALUE", value_parser = parse_set)]
    set: Vec<(String, String)>,
}

/// Fixes every file; what no machine can fix is shown.
pub fn run(arguments: &Arguments) -> Outcome {
    let paths = match files::policies(&arguments.files) {
        Ok(paths) => paths,
        Err(error) => {
            complain(&error.to_string());
            return Outcome::Usage;
        }
    };
    let options = Options { params: arguments.set.iter().cloned().collect(), explain: None };
    paths.iter().map(|path| file(path, arguments, &options)).fold(Outcome::Fine, Outcome::and)
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

fn file(path: &Path, arguments: &Arguments, options: &Options) -> Outcome {
    let name = path.display();
    let result = match fixed(path, options) {
        Ok(result) => result,
        Err(message) => {
            complain(&message);
            return Outcome::Usage;
        }
    };
    let errors = errors(&result.left);
    if errors > result.errors_before {
        // What is left of the changed text says nothing of the file, which stays as it is.
        match findings(check(path, &files::Disk, options)) {
            Ok((sources, found)) => show(Shown::Human, &sources, &found),
            Err(message) => complain(&message),
        }
        complain(&format!("{name} is left as it is: after its fixes it would have more errors than before"));
        return Outcome::Failed;
    }
    if arguments.dry_run {
        print_out(&difference(&name.to_string(), &result));
    } else if result.after != result.before
        && let Err(error) = files::replace(path, &result.after)
    {
        complain(&format!("{name}: {error}"));
        return Outcome::Usage;
    }
    show(Shown::Human, &result.sources, &result.left);
    let would = if arguments.dry_run { " would be" } else { "" };
    print_error(&format!("{name}: {} fixed, {} left\n", counted(result.done.len(), would), result.left.len()));
    if errors > 0 { Outcome::Failed } else { Outcome::Fine }
}

fn counted(number: usize, would: &str) -> String {
    let things = if number == 1 { "finding" } else { "findings" };
    format!("{number} {things}{would}")
}

fn errors(found: &[Diagnostic]) -> usize {
    found.iter().filter(|found| found.severity() == Severity::Error).count()
}

fn fixed(path: &Path, options: &Options) -> std::result::Result<Result, String> {
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

fn findings(checked: std::result::Result<Checked, crate::check::LoadError>) -> std::result::Result<(Sources, Vec<Diagnostic>), String> {
    checked.map(|checked| (checked.sources, checked.report.into_sorted())).map_err(|error| error.to_string())
}

fn difference(name: &str, result: &Result) -> String {
    if result.before == result.after {
        return String::new();
    }
    TextDiff::from_lines(&result.before, &result.after).unified_diff().context_radius(2).header(name, name).to_string()
}
