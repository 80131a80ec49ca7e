//! `test` blocks run on the real pipeline: the engine that serves sockets, on a virtual clock, with scripted upstreams.
//!
//! Every test begins anew: fresh state, made-up secrets, the same instant, the same randomness. No files, no network, and
//! time passes only where a test says so or something waits.

mod answer;
mod asked;
mod caller;
mod judge;
mod play;

#[cfg(test)]
mod tests;

use crate::ir::Program;
use crate::ir::script::Test;
use crate::policy::auth;
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
    /// The request it is about.
    pub request: Option<Sent>,
    /// What became of that request.
    pub trace: Option<Trace>,
}

/// A request as a report shows it.
#[derive(Debug, Clone, Serialize)]
pub struct Sent {
    /// The method.
    pub method: String,
    /// The target as written.
    pub target: String,
    /// Its fields; what a credential says is left out.
    pub headers: Vec<(String, String)>,
}

/// A request's way through the pipeline.
#[derive(Debug, Clone, Serialize)]
pub struct Trace {
    /// The route that took it.
    pub route: Option<String>,
    /// The stages it met that had something to do; the last one answered.
    pub stages: Vec<&'static str>,
    /// The reply's status.
    pub status: u16,
    /// The upstream that was called.
    pub upstream: Option<String>,
    /// How many attempts were made.
    pub attempts: u32,
    /// The limit that refused.
    pub limited_by: Option<String>,
    /// The cache's verdict.
    pub cache: Option<&'static str>,
}

/// Runs the tests of a program whose names hold `filter`, in the order they are written.
#[must_use]
pub fn run(program: &Program, filter: Option<&str>) -> Vec<Outcome> {
    auth::install_crypto();
    let wanted = program.tests.iter().filter(|test| filter.is_none_or(|text| test.name.contains(text)));
    wanted.map(|test| outcome(program, test)).collect()
}

fn outcome(program: &Program, test: &Test) -> Outcome {
    let mut requests = 0;
    let failure = match tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build() {
        Ok(runtime) => runtime.block_on(play::play(program, test, &mut requests)),
        Err(error) => Some(Failure::unable(&test.place, format!("no runtime: {error}"))),
    };
    Outcome { name: test.name.clone(), place: test.place.clone(), requests, failure }
}

impl Failure {
    /// A test that could not begin.
    fn unable(place: &str, why: String) -> Self {
        Self { place: place.to_owned(), step: String::new(), expected: None, actual: why, request: None, trace: None }
    }
}
