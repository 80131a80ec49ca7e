//! `gate test`

use super::{Outcome, Shown as Findings, complain, files, junit, parse_set, print_json, print_out, show};
use crate::check::{Options, check};
use crate::ir::Program;
use crate::testing::coverage::Kind;
use crate::testing::{self, Coverage, Failure};
use clap::ValueEnum;
use serde::Serialize;
use std::fmt::Write;
use std::path::{Path, PathBuf};

/// Arguments of `gate test`.
#[derive(Debug, clap::Args)]
pub struct Arguments {
    /// Policies, or folders of policies
    #[arg(required = true)]
    files: Vec<PathBuf>,
    /// Runs only the tests whose names hold this text
    #[arg(long, value_name = "TEXT")]
    filter: Option<String>,
    /// Says what the tests reach: routes, both sides of conditions, both outcomes of limits
    #[arg(long)]
    coverage: bool,
    /// How outcomes are printed
    #[arg(long, value_enum, default_value = "human")]
    format: Format,
    /// The value of a `param`
    #[arg(long = "set", value_name = "NAME=VALUE", value_parser = parse_set)]
    set: Vec<(String, String)>,
}

/// How outcomes are printed, always on standard output.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Format {
    /// One line a test, and what there is to know of those that failed
    Human,
    /// One JSON object
    Json,
    /// The XML that build servers read
    Junit,
}

/// The tests of one file.
#[derive(Debug, Serialize)]
pub struct Suite<'p> {
    /// The file.
    pub file: String,
    /// How they ended.
    pub tests: Vec<testing::Outcome>,
    /// What they reach, where that was asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub coverage: Option<Coverage<'p>>,
}

/// The tests of all files, as they are shown to programs.
#[derive(Serialize)]
struct Run<'s> {
    suites: &'s [Suite<'s>],
    passed: usize,
    failed: usize,
}

/// Runs every test of every file.
pub fn run(arguments: &Arguments) -> Outcome {
    let Some(paths) = files::policies(&arguments.files) else { return Outcome::Usage };
    let mut outcome = Outcome::Fine;
    let mut programs = Vec::new();
    for path in &paths {
        match program(path, arguments) {
            Ok(program) => programs.push((path, program)),
            Err(worse) => outcome = outcome.and(worse),
        }
    }
    let suites: Vec<Suite<'_>> = programs.iter().map(|(path, program)| suite(path, program, arguments)).collect();
    let failed = suites.iter().flat_map(|suite| &suite.tests).filter(|test| test.failure.is_some()).count();
    let passed = suites.iter().map(|suite| suite.tests.len()).sum::<usize>() - failed;
    match arguments.format {
        Format::Human => print_out(&human(&suites, passed, failed)),
        Format::Json => print_json(&Run { suites: &suites, passed, failed }),
        Format::Junit => print_out(&junit::junit(&suites, passed, failed)),
    }
    if let Some(filter) = arguments.filter.as_ref().filter(|_| passed + failed == 0) {
        complain(&format!("no test's name has `{filter}` in it"));
        return outcome.and(Outcome::Usage);
    }
    if failed > 0 { outcome.and(Outcome::Failed) } else { outcome }
}

fn program(path: &Path, arguments: &Arguments) -> Result<Program, Outcome> {
    let options = Options { params: arguments.set.iter().cloned().collect(), explain: None };
    let checked = check(path, &files::Disk, &options).map_err(|error| {
        complain(&error.to_string());
        Outcome::Usage
    })?;
    show(Findings::Human, &checked.sources, &checked.report.into_sorted());
    checked.program.ok_or(Outcome::Failed)
}

fn suite<'p>(path: &Path, program: &'p Program, arguments: &Arguments) -> Suite<'p> {
    let mut coverage = arguments.coverage.then(|| Coverage::new(program));
    let tests = testing::run(program, arguments.filter.as_deref(), coverage.as_mut());
    Suite { file: path.display().to_string(), tests, coverage }
}

fn human(suites: &[Suite<'_>], passed: usize, failed: usize) -> String {
    let mut out = String::new();
    for suite in suites.iter().filter(|suite| !suite.tests.is_empty() || suite.coverage.is_some()) {
        if suites.len() > 1 {
            let _ = writeln!(out, "{}", suite.file);
        }
        for test in &suite.tests {
            let requests = if test.requests == 1 { "1 request".to_owned() } else { format!("{} requests", test.requests) };
            match &test.failure {
                None => {
                    let _ = writeln!(out, "ok    {} ({requests})", test.name);
                }
                Some(failure) => {
                    let _ = writeln!(out, "FAIL  {} ({requests})", test.name);
                    out.push_str(&indented(&report(failure, &test.place)));
                }
            }
        }
        if let Some(coverage) = &suite.coverage {
            out.push_str(&covered(coverage));
        }
    }
    let _ = writeln!(out, "{passed} passed, {failed} failed");
    out
}

fn indented(text: &str) -> String {
    text.lines().fold(String::new(), |mut out, line| {
        let _ = writeln!(out, "      {line}");
        out
    })
}

/// All there is to know of a failure, on lines of its own.
pub fn report(failure: &Failure, test: &str) -> String {
    let mut out = format!("test at {test}\n");
    if !failure.step.is_empty() {
        let _ = writeln!(out, "{}: {}", failure.place, failure.step);
    }
    match &failure.expected {
        Some(expected) => {
            let _ = writeln!(out, "  expected  {expected}\n  actual    {}", failure.actual);
        }
        None => {
            let _ = writeln!(out, "  cannot be done: {}", failure.actual);
        }
    }
    if let Some(trace) = &failure.trace {
        let route = trace.route.as_deref().unwrap_or("none");
        let _ =
            writeln!(out, "  route     {route}, status {}", trace.status.map_or_else(|| "none".to_owned(), |status| status.to_string()));
        let _ = write!(out, "  request   {}", super::trace::request(&trace.request).replace("\n  ", "\n            "));
        let rivals = if trace.route.is_none() && !trace.rivals.is_empty() { super::trace::rivals(trace) } else { String::new() };
        for line in super::trace::stages(trace, false).lines().chain(rivals.lines()) {
            let _ = writeln!(out, "  {line}");
        }
    }
    out
}

/// What the tests reached, and what no test did.
fn covered(coverage: &Coverage<'_>) -> String {
    let mut out = String::from("coverage\n");
    for total in coverage.totals.iter().filter(|total| total.goals > 0) {
        let _ = writeln!(out, "  {:<16}{} of {}", total.kind.name(), total.reached, total.goals);
    }
    let mut missed: Vec<(&str, String)> = coverage
        .missed()
        .map(|goal| {
            let never = match goal.kind {
                Kind::Route => format!("route {} never takes a request", goal.what),
                Kind::Condition => format!("`{}` is never {}", goal.what, goal.outcome),
                Kind::When => format!("`when {}` is never {}", goal.what, goal.outcome),
                Kind::Limit => format!("limit {} never {}", goal.what, if goal.outcome == "allowed" { "lets through" } else { "rejects" }),
            };
            (goal.place.as_str(), never)
        })
        .collect();
    missed.sort_by_key(|(place, _)| place.rsplit_once(':').map(|(file, line)| (file, line.parse::<usize>().unwrap_or(0))));
    let width = missed.iter().map(|(place, _)| place.chars().count()).max().unwrap_or(0);
    for (place, never) in missed {
        let _ = writeln!(out, "  {place:<width$}  {never}");
    }
    out
}
