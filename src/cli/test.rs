//! `gate test`

use super::{Outcome, Shown as Findings, complain, files, parse_set, print_out, show};
use crate::check::{Options, check};
use crate::testing::{self, Failure};
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
struct Suite {
    file: String,
    tests: Vec<testing::Outcome>,
}

/// Runs every test of every file.
pub fn run(arguments: &Arguments) -> Outcome {
    let paths = match files::policies(&arguments.files) {
        Ok(paths) => paths,
        Err(error) => {
            complain(&error.to_string());
            return Outcome::Usage;
        }
    };
    let mut outcome = Outcome::Fine;
    let mut suites = Vec::new();
    for path in &paths {
        match suite(path, arguments) {
            Ok(suite) => suites.push(suite),
            Err(worse) => outcome = outcome.and(worse),
        }
    }
    let failed = suites.iter().flat_map(|suite| &suite.tests).filter(|test| test.failure.is_some()).count();
    let passed = suites.iter().map(|suite| suite.tests.len()).sum::<usize>() - failed;
    print_out(&match arguments.format {
        Format::Human => human(&suites, passed, failed),
        Format::Json => json(&suites, passed, failed),
        Format::Junit => junit(&suites, passed, failed),
    });
    if let Some(filter) = arguments.filter.as_ref().filter(|_| passed + failed == 0) {
        complain(&format!("no test's name has `{filter}` in it"));
        return outcome.and(Outcome::Usage);
    }
    if failed > 0 { outcome.and(Outcome::Failed) } else { outcome }
}

fn suite(path: &Path, arguments: &Arguments) -> Result<Suite, Outcome> {
    let options = Options { params: arguments.set.iter().cloned().collect(), explain: None };
    let checked = check(path, &files::Disk, &options).map_err(|error| {
        complain(&error.to_string());
        Outcome::Usage
    })?;
    show(Findings::Human, &checked.sources, &checked.report.into_sorted());
    let program = checked.program.ok_or(Outcome::Failed)?;
    Ok(Suite { file: path.display().to_string(), tests: testing::run(&program, arguments.filter.as_deref()) })
}

fn human(suites: &[Suite], passed: usize, failed: usize) -> String {
    let mut out = String::new();
    for suite in suites.iter().filter(|suite| !suite.tests.is_empty()) {
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
fn report(failure: &Failure, test: &str) -> String {
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
    if let Some(request) = &failure.request {
        let _ = writeln!(out, "  request   {} {}", request.method, request.target);
        for (name, value) in &request.headers {
            let _ = writeln!(out, "            {name}: {value}");
        }
    }
    if let Some(trace) = &failure.trace {
        let _ = writeln!(out, "  route     {}", trace.route.as_deref().unwrap_or("none"));
        let _ = writeln!(out, "  stages    {}", trace.stages.join(" -> "));
        let _ = writeln!(out, "  status    {}", trace.status);
        if let Some(limit) = &trace.limited_by {
            let _ = writeln!(out, "  limited   by {limit}");
        }
        if let Some(upstream) = &trace.upstream {
            let _ = writeln!(out, "  upstream  {upstream}, attempts {}", trace.attempts);
        }
        if let Some(cache) = trace.cache {
            let _ = writeln!(out, "  cache     {cache}");
        }
    }
    out
}

fn json(suites: &[Suite], passed: usize, failed: usize) -> String {
    #[derive(Serialize)]
    struct Run<'s> {
        suites: &'s [Suite],
        passed: usize,
        failed: usize,
    }
    serde_json::to_string_pretty(&Run { suites, passed, failed }).unwrap_or_default() + "\n"
}

fn junit(suites: &[Suite], passed: usize, failed: usize) -> String {
    let mut out = String::from("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n");
    let _ = writeln!(out, "<testsuites tests=\"{}\" failures=\"{failed}\">", passed + failed);
    for suite in suites {
        let failures = suite.tests.iter().filter(|test| test.failure.is_some()).count();
        let file = escaped(&suite.file);
        let _ = writeln!(out, "  <testsuite name=\"{file}\" tests=\"{}\" failures=\"{failures}\">", suite.tests.len());
        for test in &suite.tests {
            let head = format!("    <testcase classname=\"{file}\" name=\"{}\"", escaped(&test.name));
            match &test.failure {
                None => {
                    let _ = writeln!(out, "{head}/>");
                }
                Some(failure) => {
                    let message = escaped(failure.expected.as_deref().unwrap_or(&failure.actual));
                    let text = escaped(&report(failure, &test.place));
                    let _ = writeln!(out, "{head}>\n      <failure message=\"{message}\">{text}</failure>\n    </testcase>");
                }
            }
        }
        out.push_str("  </testsuite>\n");
    }
    out.push_str("</testsuites>\n");
    out
}

/// Text inside XML; characters that XML 1.0 cannot say at all are replaced.
fn escaped(text: &str) -> String {
    text.chars().fold(String::with_capacity(text.len()), |mut out, letter| {
        match letter {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\n' | '\t' => out.push(letter),
            letter if letter.is_control() || matches!(letter, '\u{fffe}' | '\u{ffff}') => out.push('\u{fffd}'),
            letter => out.push(letter),
        }
        out
    })
}
