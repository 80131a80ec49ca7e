//! What is under `packaging/` fits the program: commands that it takes, policies that it serves, names that belong together.
#![expect(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "a test fails by panicking")]

mod cluster;
mod generated;
mod series;
mod service;
mod yaml;

use gatewright::check::{Checked, Files, Options, check};
use gatewright::cli::command;
use gatewright::diag::render::{Format, render};
use gatewright::{syntax, testing};
use std::path::{Path, PathBuf};

/// A file or folder of the repository.
fn at(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(path)
}

/// The text of a file of `packaging/`.
fn packaged(path: &str) -> String {
    std::fs::read_to_string(at("packaging").join(path)).unwrap_or_else(|error| panic!("packaging/{path}: {error}"))
}

/// Fails unless the program takes these words, the first of which is its name or path.
#[track_caller]
fn is_taken<'a>(words: impl IntoIterator<Item = &'a str>) {
    let words: Vec<&str> = words.into_iter().collect();
    let taken = command().try_get_matches_from(&words);
    assert!(taken.is_ok(), "{words:?}: {}", taken.unwrap_err());
}

/// The words of a command that a JSON array or a YAML list holds.
fn strings(list: &serde_json::Value) -> Vec<&str> {
    list.as_array().unwrap().iter().map(|word| word.as_str().unwrap()).collect()
}

struct Only(String);

impl Files for Only {
    fn read(&self, _: &Path) -> std::io::Result<Vec<u8>> {
        Ok(self.0.as_bytes().to_vec())
    }
}

/// Fails unless a policy is sound without a warning, is formatted, and passes its tests.
#[track_caller]
fn is_sound(policy: &str) -> Checked {
    let mut checked = check(Path::new("policy.gate"), &Only(policy.to_owned()), &Options::default()).unwrap();
    let findings = std::mem::take(&mut checked.report).into_sorted();
    assert_eq!(render(Format::Plain, &checked.sources, &findings), "");
    assert_eq!(syntax::format(policy).ok().as_deref(), Some(policy));
    let outcomes = testing::run(checked.program.as_ref().unwrap(), None, None);
    let failed: Vec<_> = outcomes.iter().filter(|outcome| outcome.failure.is_some()).collect();
    assert!(!outcomes.is_empty() && failed.is_empty(), "{failed:#?}");
    checked
}

#[test]
fn the_policies_of_the_packages_are_sound_and_pass_their_tests() {
    for file in ["deb/policy.gate", "kubernetes/policy.gate"] {
        is_sound(&packaged(file));
    }
}

#[test]
fn the_image_runs_commands_that_there_are() {
    let file = packaged("Dockerfile");
    let line = |start: &str| file.lines().find_map(|line| line.strip_prefix(start)).unwrap();
    let words = |text: &str| serde_json::from_str::<Vec<String>>(text).unwrap();
    let program = words(line("ENTRYPOINT "));
    assert_eq!(program, ["/usr/bin/gate"]);
    let arguments = words(line("CMD "));
    is_taken(program.iter().chain(&arguments).map(String::as_str));
    let health = words(line("HEALTHCHECK ").split_once("CMD ").unwrap().1);
    is_taken(health.iter().map(String::as_str));
    assert_eq!(line("USER "), "65532:65532", "the program is not root");
    let rust = format!("FROM rust:{}-", env!("CARGO_PKG_RUST_VERSION"));
    assert!(file.contains(&rust), "`{rust}`: the toolchain that Cargo.toml asks for");
}

/// What a shell runs, without comments and redirections, where it is this program.
fn commands(page: &str) -> Vec<String> {
    let mut shell = false;
    let mut found = Vec::new();
    for line in page.lines() {
        if let Some(kind) = line.strip_prefix("```") {
            shell = kind == "sh";
            continue;
        }
        let line = line.split(" #").next().unwrap_or_default();
        let parts = line.split(['|', '>', '<', '(', ')', '&', ';']).map(|part| part.trim().trim_start_matches("sudo "));
        found.extend(parts.filter(|part| shell && part.starts_with("gate ")).map(str::to_owned));
    }
    found
}

#[test]
fn the_commands_of_the_page_for_operators_are_there() {
    let page = std::fs::read_to_string(at("docs/operating.md")).unwrap();
    let commands = commands(&page);
    assert!(commands.len() > 5, "{commands:?}");
    commands.iter().for_each(|command| is_taken(command.split_whitespace()));
}
