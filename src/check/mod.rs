//! Ast to Program: names, imports, inheritance, types, conflicts. One compiler for every command: `check` accepts exactly
//! what `run` accepts.

mod access;
mod asked;
mod breaker;
mod cache;
mod calls;
mod constants;
mod declare;
mod explain;
mod gateway;
mod invariant;
mod key;
mod listen;
mod load;
mod merge;
mod operate;
mod order;
mod predicate;
mod route;
mod script;
mod together;
mod under;
mod unused;
mod upstream;
mod uses;
pub mod words;
mod written;

#[cfg(test)]
pub mod testing;
#[cfg(test)]
mod tests;

pub use explain::{Explained, Line, explain_form, explain_word};
pub use load::{Files, LoadError};

use crate::diag::{Report, Sources};
use crate::ir::Program;
use crate::lang::checker::Names;
use crate::lang::form::Word;
use crate::lang::missed;
use crate::lang::read::Schema;
use crate::{policy, upstream as upstreams};
use std::collections::BTreeMap;
use std::path::Path;

/// What besides the text decides what a policy means.
#[derive(Debug, Clone, Default)]
pub struct Options {
    /// Values of `param`s, by name.
    pub params: BTreeMap<String, String>,
    /// The route whose pipeline is to be explained.
    pub explain: Option<String>,
}

/// A policy that was checked.
#[derive(Debug)]
pub struct Checked {
    /// All files that belong to it.
    pub sources: Sources,
    /// What was found.
    pub report: Report,
    /// What it means; none when there are errors.
    pub program: Option<Program>,
    /// The pipeline of the route that was asked for.
    pub explained: Option<Explained>,
}

/// Every statement of the language.
#[must_use]
pub fn schema() -> Schema {
    let policies = policy::ALL.iter().flat_map(|entry| entry.words.iter());
    let words: Vec<&'static Word> = words::WORDS
        .iter()
        .chain(operate::WORDS)
        .chain(upstreams::forms::WORDS)
        .chain(std::iter::once(&policy::auth::DECLARATION))
        .chain(policies)
        .collect();
    Schema::new(words)
}

/// Checks the policy in a file.
///
/// # Errors
/// When the file cannot be read, or is not UTF-8.
pub fn check(main: &Path, files: &dyn Files, options: &Options) -> Result<Checked, LoadError> {
    checked(main, files, options, false)
}

/// The same for a policy that is held against another version of it in another folder: `file(…)` means the path from the main
/// file's folder.
///
/// # Errors
/// When the main file cannot be read.
pub fn check_to_compare(main: &Path, files: &dyn Files, options: &Options) -> Result<Checked, LoadError> {
    checked(main, files, options, true)
}

fn checked(main: &Path, files: &dyn Files, options: &Options, from_main: bool) -> Result<Checked, LoadError> {
    let mut sources = Sources::new();
    let mut report = Report::new();
    let mut modules = load::load(main, files, &mut sources, &mut report)?;
    if from_main {
        load::from_main(&mut modules);
    }
    let schema = schema();
    let mut names = Names::default();
    let nodes = declare::read(&modules, &schema, &mut names, &mut report);
    constants::constants(&nodes, &options.params, &mut names, &mut report);
    let mut bench = declare::Bench { modules: &modules, schema: &schema, names, report: &mut report, sources: &sources };
    let (program, explained) = bench.program(&nodes, options);
    let names = bench.names;
    missed::misspelt(&names, &mut report);
    unused::unused(&nodes, &names, &mut report);
    let program = program.filter(|_| !report.has_errors());
    Ok(Checked { sources, report, program, explained })
}
