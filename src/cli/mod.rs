//! The command line: arguments in, exit code out. 0 is fine, 1 a policy with errors, a failed test or a file that is not
//! formatted, 2 wrong usage or a file that cannot be read.

mod archive;
pub(crate) mod certificates;
mod check;
mod dev;
mod diff;
mod docs;
mod dump;
mod environment;
mod example;
mod explain;
mod faults;
pub(crate) mod files;
mod fix;
mod fmt;
mod follow;
mod generations;
mod hash;
mod import;
pub(crate) mod instance;
mod junit;
mod kept;
mod new;
mod policies;
mod routes;
mod run;
pub(crate) mod secrets;
mod state;
mod tell;
mod test;
mod token;
mod trace;
mod watch;

use crate::diag::render::{self, Format};
use crate::diag::{Diagnostic, Sources};
use clap::{Parser, Subcommand, ValueEnum};
use std::collections::BTreeMap;
use std::io::{IsTerminal, Write};
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::atomic::{AtomicBool, Ordering};

/// An API gateway whose policy is checked, proved and tested before traffic meets it.
#[derive(Debug, Parser)]
#[command(name = "gate", version, arg_required_else_help = true)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Checks policies: every fault of every file, in one run
    Check(check::Arguments),
    /// Runs the gateway
    Run(run::Arguments),
    /// Has a gateway that runs take its policy's file as it is now; prints what that changes for requests
    Reload(tell::Arguments),
    /// Has a gateway that runs go back to an earlier policy, without a number to the one before
    Rollback(tell::Rollback),
    /// Asks whether a gateway that runs takes requests: exits with 0, or with 1
    Ready(tell::Arguments),
    /// Lists the policies that a gateway had in force
    Generations(generations::Arguments),
    /// Formats policies in place
    Fmt(fmt::Arguments),
    /// Applies the machine fixes of what `check` finds, until none is left
    Fix(fix::Arguments),
    /// Explains a route's pipeline, a word of the language, or a diagnostic code
    Explain(explain::Arguments),
    /// Lists the routes in the order they are tried
    Routes(routes::Arguments),
    /// Tells what a change of a policy changes for requests, each with a request that shows it
    Diff(diff::Arguments),
    /// Writes what a policy means, or the language's schema, as JSON
    Dump(dump::Arguments),
    /// Runs the tests of policies on the real pipeline, in virtual time
    Test(test::Arguments),
    /// Writes a catalogue of a policy as Markdown: its routes, and what they are made of
    Docs(docs::Arguments),
    /// Makes a policy of an OpenAPI document, an nginx configuration or a Caddyfile
    Import(import::Arguments),
    /// Writes a small policy to start from
    New(new::Arguments),
    /// Shows a request's way: the route that takes it, why the others do not, and every stage's verdict
    Trace(Box<trace::Arguments>),
    /// Prints a token that an `auth jwt` of the policy accepts, for development
    Token(token::Arguments),
    /// Reads a key or a password and prints the line for the file
    Hash(hash::Arguments),
    /// Prints a shell's completions
    Completions {
        /// The shell
        shell: clap_complete::Shell,
    },
}

/// Runs the command line of this process.
#[must_use]
pub fn main() -> ExitCode {
    let arguments = match Arguments::try_parse() {
        Ok(arguments) => arguments,
        Err(error) => {
            let printed = error.print().and_then(|()| std::io::stdout().flush());
            if error.use_stderr() {
                return Outcome::Usage.into();
            }
            written_out(printed);
            return written().into();
        }
    };
    let outcome = match arguments.command {
        Command::Check(arguments) => check::run(&arguments),
        Command::Fmt(arguments) => fmt::run(&arguments),
        Command::Fix(arguments) => fix::run(&arguments),
        Command::Explain(arguments) => explain::run(&arguments),
        Command::Routes(arguments) => routes::run(&arguments),
        Command::Diff(arguments) => diff::run(&arguments),
        Command::Dump(arguments) => dump::run(&arguments),
        Command::Run(arguments) => run::run(arguments),
        Command::Reload(arguments) => tell::reload(&arguments),
        Command::Rollback(arguments) => tell::rollback(&arguments),
        Command::Ready(arguments) => tell::ready(&arguments),
        Command::Generations(arguments) => generations::run(&arguments),
        Command::Test(arguments) => test::run(&arguments),
        Command::Docs(arguments) => docs::run(&arguments),
        Command::Import(arguments) => import::run(&arguments),
        Command::New(arguments) => new::run(&arguments),
        Command::Trace(arguments) => trace::run(&arguments),
        Command::Token(arguments) => token::run(&arguments),
        Command::Hash(arguments) => hash::run(&arguments),
        Command::Completions { shell } => {
            let mut text = Vec::new();
            clap_complete::generate(shell, &mut command(), "gate", &mut text);
            print_out(&String::from_utf8_lossy(&text));
            Outcome::Fine
        }
    };
    outcome.and(written()).into()
}

/// The commands and their arguments: what completions and manual pages are made of.
#[must_use]
pub fn command() -> clap::Command {
    <Arguments as clap::CommandFactory>::command()
}

/// How a command ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Outcome {
    /// All is well.
    Fine,
    /// The policy has errors, a test failed, a file is not formatted.
    Failed,
    /// Wrong usage, or a file that cannot be read or written.
    Usage,
    /// Ended at once by SIGINT.
    Hurried,
}

impl Outcome {
    /// The worse of two.
    fn and(self, other: Self) -> Self {
        match (self, other) {
            (Self::Hurried, _) | (_, Self::Hurried) => Self::Hurried,
            (Self::Usage, _) | (_, Self::Usage) => Self::Usage,
            (Self::Failed, _) | (_, Self::Failed) => Self::Failed,
            (Self::Fine, Self::Fine) => Self::Fine,
        }
    }
}

impl From<Outcome> for ExitCode {
    fn from(outcome: Outcome) -> Self {
        Self::from(match outcome {
            Outcome::Fine => 0,
            Outcome::Failed => 1,
            Outcome::Usage => 2,
            // As shells say it: 128 and the signal's number.
            Outcome::Hurried => 130,
        })
    }
}

/// How findings are printed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Shown {
    /// Graphical, with colours on a terminal; on standard error
    Human,
    /// Plain lines, no colour, no box drawing; on standard error
    Plain,
    /// One JSON object; on standard output
    Json,
    /// SARIF 2.1.0, for code scanning; on standard output
    Sarif,
    /// Workflow commands of GitHub Actions; on standard output
    Github,
}

/// A `param`'s value, as `--set name=value` gives it.
fn parse_set(text: &str) -> Result<(String, String), String> {
    text.split_once('=').map(|(name, value)| (name.to_owned(), value.to_owned())).ok_or_else(|| "write name=value".to_owned())
}

/// Values of `param`s, over those that the environment gives.
fn with_environment(params: BTreeMap<String, String>) -> BTreeMap<String, String> {
    let environment = std::env::vars().filter_map(|(name, value)| name.strip_prefix("GATE_PARAM_").map(|name| (name.to_owned(), value)));
    environment.chain(params).collect()
}

/// A policy file and the values of its `param`s.
#[derive(Debug, Clone, clap::Args)]
struct Policy {
    /// The policy
    file: PathBuf,
    /// The value of a `param`
    #[arg(long = "set", value_name = "NAME=VALUE", value_parser = parse_set)]
    set: Vec<(String, String)>,
}

impl Policy {
    /// The values given on the command line.
    fn params(&self) -> BTreeMap<String, String> {
        self.set.iter().cloned().collect()
    }

    /// The same, over those of the environment.
    fn params_with_environment(&self) -> BTreeMap<String, String> {
        with_environment(self.params())
    }

    /// Checks the policy; findings are printed, and a policy with errors is none.
    fn load(&self, params: BTreeMap<String, String>, explain: Option<&str>) -> Result<crate::check::Checked, Outcome> {
        let (checked, found) = self.check(params, explain)?;
        show(Shown::Human, &checked.sources, &found);
        if checked.program.is_some() { Ok(checked) } else { Err(Outcome::Failed) }
    }

    /// Checks the policy; the findings are the caller's to show.
    fn check(&self, params: BTreeMap<String, String>, explain: Option<&str>) -> Result<(crate::check::Checked, Vec<Diagnostic>), Outcome> {
        self.check_in(&files::Disk, params, explain).map_err(|error| {
            complain(&error);
            Outcome::Usage
        })
    }

    /// The same with other files than those on the disk; the error is why the policy's cannot be read.
    fn check_in(
        &self,
        files: &dyn crate::check::Files,
        params: BTreeMap<String, String>,
        explain: Option<&str>,
    ) -> Result<(crate::check::Checked, Vec<Diagnostic>), String> {
        let options = crate::check::Options { params, explain: explain.map(str::to_owned) };
        let mut checked = crate::check::check(&self.file, files, &options).map_err(|error| error.to_string())?;
        let found = std::mem::take(&mut checked.report).into_sorted();
        Ok((checked, found))
    }
}

/// Widest lines of findings on a terminal: longer ones are hard to read.
const WIDTH_MAX: usize = 100;

/// Prints findings where their format belongs.
fn show(shown: Shown, sources: &Sources, found: &[Diagnostic]) {
    match shown {
        Shown::Json => print_out(&render::render(Format::Json, sources, found)),
        Shown::Sarif => print_out(&render::render(Format::Sarif, sources, found)),
        Shown::Github => print_out(&render::render(Format::Github, sources, found)),
        Shown::Plain => print_error(&render::render(Format::Plain, sources, found)),
        Shown::Human => {
            let terminal = std::io::stderr().is_terminal();
            let said = std::env::var("COLUMNS").ok().and_then(|width| width.parse().ok());
            let seen = terminal_size::terminal_size_of(std::io::stderr()).map(|(width, _)| usize::from(width.0).min(WIDTH_MAX));
            let width = said.or(seen).unwrap_or(80);
            let colour = terminal && std::env::var_os("NO_COLOR").is_none();
            let text = render::render_for(render::Terminal { width, colour }, Format::Human, sources, found);
            print_error(&text);
        }
    }
}

/// True once something could not be written to standard output: the command has failed then, however it ends otherwise.
static UNWRITTEN: AtomicBool = AtomicBool::new(false);

/// What has become of all that was to be written to standard output.
fn written() -> Outcome {
    if UNWRITTEN.load(Ordering::Relaxed) { Outcome::Usage } else { Outcome::Fine }
}

/// Writes a value to standard output as JSON that people can read.
fn print_json(value: &impl serde::Serialize) {
    match serde_json::to_string_pretty(value) {
        Ok(text) => print_out(&(text + "\n")),
        Err(error) => unwritten(&error.into()),
    }
}

/// Writes to standard output.
fn print_out(text: &str) {
    let mut out = std::io::stdout().lock();
    written_out(out.write_all(text.as_bytes()).and_then(|()| out.flush()));
}

/// Notes how writing to standard output went: a reader that has gone away is no reason to fail, a disk that is full is one.
fn written_out(written: std::io::Result<()>) {
    if let Err(error) = written
        && error.kind() != std::io::ErrorKind::BrokenPipe
    {
        unwritten(&error);
    }
}

fn unwritten(error: &std::io::Error) {
    if !UNWRITTEN.swap(true, Ordering::Relaxed) {
        complain(&format!("standard output cannot be written: {error}"));
    }
}

/// Writes to standard error. Where that fails there is nobody left to tell.
fn print_error(text: &str) {
    let _ = std::io::stderr().lock().write_all(text.as_bytes());
}

/// Says what is wrong outside any policy text.
fn complain(message: &str) {
    print_error(&format!("gate: {message}\n"));
}
