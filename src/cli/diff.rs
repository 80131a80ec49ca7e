//! `gate diff`

use super::files::Disk;
use super::{Outcome, Policy, Shown, complain, parse_set, print_json, print_out, show};
use crate::analyse::diff::{Change, Class, Diff, diff};
use crate::check::{Options, check_to_compare};
use crate::diag::{Code, Severity};
use crate::ir::Program;
use clap::ValueEnum;
use serde_json::{Value, json};
use std::path::PathBuf;

/// Arguments of `gate diff`.
#[derive(Debug, clap::Args)]
pub struct Arguments {
    /// The policy before the change
    old: PathBuf,
    /// The policy after it
    new: PathBuf,
    /// Classes of changes that make it fail, such as `looser,breaking`
    #[arg(long, value_name = "CLASSES", value_delimiter = ',', value_parser = class)]
    fail_on: Vec<Class>,
    /// How changes are printed
    #[arg(long, value_enum, default_value = "human")]
    format: Format,
    /// The value of a `param` that one of the policies has
    #[arg(long = "set", value_name = "NAME=VALUE", value_parser = parse_set)]
    set: Vec<(String, String)>,
}

/// How changes are printed, always on standard output.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Format {
    /// Grouped by class, the worst first
    Human,
    /// One JSON object
    Json,
}

/// Compares two policies.
pub fn run(arguments: &Arguments) -> Outcome {
    let mut shown = Vec::new();
    let (old, new) = (load(arguments, &arguments.old, &mut shown), load(arguments, &arguments.new, &mut shown));
    let (old, new) = match (old, new) {
        (Ok(old), Ok(new)) => (old, new),
        (Err(one), Err(other)) => return one.and(other),
        (Err(outcome), Ok(_)) | (Ok(_), Err(outcome)) => return outcome,
    };
    let diff = diff(&old, &new);
    match arguments.format {
        Format::Human => print_out(&diff.to_string()),
        Format::Json => print_json(&as_json(&diff)),
    }
    // What could not be compared may be of any class.
    let met = arguments.fail_on.iter().any(|class| diff.count(*class) > 0 || !diff.complete);
    if met { Outcome::Failed } else { Outcome::Fine }
}

/// The most changes of a reload that are logged one by one.
const LOGGED_MAX: usize = 20;

/// What a reload changes for requests, a line each and in a few words; it is logged as well.
pub fn log(old: &Program, new: &Program) -> (Vec<String>, String) {
    let diff = diff(old, new);
    for change in told(&diff).take(LOGGED_MAX) {
        let example = change.witness.as_ref().map(ToString::to_string).unwrap_or_default();
        tracing::info!(class = change.class.name(), routes = change.routes.len(), example, "{}", change.says);
    }
    let more = told(&diff).count().saturating_sub(LOGGED_MAX);
    if more > 0 {
        tracing::info!(more, "further changes: `gate diff` lists them all");
    }
    let summary = diff.summary();
    tracing::info!("changes: {summary}");
    (lines(&diff), summary)
}

/// What another policy would change for requests, a line each.
pub fn changes(old: &Program, new: &Program) -> Vec<String> {
    lines(&diff(old, new))
}

fn lines(diff: &Diff) -> Vec<String> {
    told(diff).map(|change| format!("{} {}", change.class.name(), change.says)).collect()
}

fn told(diff: &Diff) -> impl Iterator<Item = &Change> {
    diff.changes.iter().filter(|change| change.class != Class::Cosmetic)
}

/// Checks a policy. A warning that was shown of the other is not shown again: the change is what is asked about.
fn load(arguments: &Arguments, file: &std::path::Path, shown: &mut Vec<(Code, String)>) -> Result<Program, Outcome> {
    let policy = Policy { file: file.to_owned(), set: arguments.set.clone() };
    let options = Options { params: policy.params(), explain: None };
    let mut checked = check_to_compare(file, &Disk, &options).map_err(|error| {
        complain(&error.to_string());
        Outcome::Usage
    })?;
    let mut found = std::mem::take(&mut checked.report).into_sorted();
    found.retain(|found| found.severity() == Severity::Error || !shown.contains(&(found.code, found.message.clone())));
    shown.extend(found.iter().map(|found| (found.code, found.message.clone())));
    show(Shown::Human, &checked.sources, &found);
    checked.program.ok_or(Outcome::Failed)
}

fn class(text: &str) -> Result<Class, String> {
    let known = || Class::ALL.map(|class| class.name().to_ascii_lowercase()).join(", ");
    let wanted = text.trim().to_ascii_uppercase();
    Class::ALL.into_iter().find(|class| class.name() == wanted).ok_or_else(|| format!("the classes are {}", known()))
}

fn as_json(diff: &Diff) -> Value {
    let counts: serde_json::Map<String, Value> =
        Class::ALL.iter().map(|class| (class.name().to_owned(), diff.count(*class).into())).collect();
    json!({ "changes": diff.changes, "counts": counts, "complete": diff.complete })
}
