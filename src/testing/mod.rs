//! `test` blocks run on the real pipeline: the engine that serves sockets, on a virtual clock, with scripted upstreams.
//!
//! Every test begins anew: fresh state, made-up secrets, the same instant, the same randomness. No files, no network, and
//! time passes only where a test says so or something waits. So a test that failed can be played again to trace the request
//! it failed on, and a test that passes pays nothing for traces.

mod answer;
mod ask;
mod asked;
mod caller;
pub mod coverage;
mod hooks;
mod judge;
mod play;
mod rig;
pub mod trace;

#[cfg(test)]
mod tests;

pub use ask::Ask;
pub use coverage::Coverage;
pub use trace::{Trace, trace};

use crate::ir::Program;
use crate::ir::script::Test;
use crate::policy::auth;
use play::Looking;
use serde::Serialize;
use std::time::Duration;

/// The instant at which every test begins: 2027-01-15T08:00:00Z, since the epoch.
pub const BEGINS_AT: Duration = Duration::from_secs(1_800_000_000);
/// The randomness of every test.
const SEED: u64 = 1;

/// How a test ended.
#[derive(Debug, Clone, Serialize)]
pub struct Outcome {
    /// The test's name.
    pub name: String,
    /// Where it stands, as `file:line`.
    pub place: String,
    /// How many requests it made.
    pub requests: u64,
    /// The first step that failed; none when the test passed.
    pub failure: Option<Failure>,
}

/// A step that failed.
#[derive(Debug, Clone, Serialize)]
pub struct Failure {
    /// Where it stands, as `file:line`.
    pub place: String,
    /// The step as written; empty when the test could not begin.
    pub step: String,
    /// What was expected; none when the step could not be carried out.
    pub expected: Option<String>,
    /// What was there instead, or why the step could not be carried out.
    pub actual: String,
    /// The request it is about, and what became of it.
    pub trace: Option<Trace>,
}

/// Runs the tests of a program whose names hold `filter`, in the order they are written; what they reach is noted in
/// `coverage`, where one is given.
#[must_use]
pub fn run<'p>(program: &'p Program, filter: Option<&str>, mut coverage: Option<&mut Coverage<'p>>) -> Vec<Outcome> {
    auth::install_crypto();
    let wanted = program.tests.iter().filter(|test| filter.is_none_or(|text| test.name.contains(text)));
    wanted.map(|test| outcome(program, test, coverage.as_deref_mut())).collect()
}

fn outcome<'p>(program: &'p Program, test: &'p Test, coverage: Option<&mut Coverage<'p>>) -> Outcome {
    let mut looking = coverage.map_or(Looking::Away, Looking::Coverage);
    let played = played(program, test, &mut looking);
    let requests = played.requests;
    let failure = played.failure.map(|(mut failure, request)| {
        if let Some(request) = request {
            let mut looking = Looking::Trace { request, trace: None };
            self::played(program, test, &mut looking);
            failure.trace = looking.trace();
        }
        failure
    });
    Outcome { name: test.name.clone(), place: test.place.clone(), requests, failure }
}

/// How far a test came.
#[derive(Default)]
struct Played {
    /// How many requests it made.
    requests: u64,
    /// The step that failed, with the number of the request it is about.
    failure: Option<(Failure, Option<u64>)>,
}

fn played<'p>(program: &'p Program, test: &Test, looking: &mut Looking<'_, 'p>) -> Played {
    match in_virtual_time(play::play(program, test, looking)) {
        Ok(played) => played,
        Err(why) => Played { requests: 0, failure: Some((Failure::unable(&test.place, why), None)) },
    }
}

/// Runs a future on a clock that stands still until something waits.
fn in_virtual_time<F: Future>(future: F) -> Result<F::Output, String> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build();
    runtime.map(|runtime| runtime.block_on(future)).map_err(|error| format!("no runtime: {error}"))
}

impl Failure {
    /// A test that could not begin.
    fn unable(place: &str, why: String) -> Self {
        Self { place: place.to_owned(), step: String::new(), expected: None, actual: why, trace: None }
    }
}
