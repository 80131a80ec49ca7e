//! `gate reload`, `gate rollback` and `gate ready`: what a gateway that runs is told, and asked, at its admin listener.

use super::secrets::Machine;
use super::{Outcome, complain, print_error, print_out};
use crate::fetch::{self, Answer, Call, Fetch, Network};
use http::header::AUTHORIZATION;
use http::{HeaderValue, Method, StatusCode};
use serde::Deserialize;
use std::time::Duration;

/// Longest wait for what comes of it: the gateway compiles a policy meanwhile.
const ANSWER_MAX: Duration = Duration::from_secs(120);
/// Longest wait for whether it is ready.
const READY_MAX: Duration = Duration::from_secs(5);
/// The variable that holds the value of `Authorization`, where the listener asks for one.
const CREDENTIALS: &str = "GATE_ADMIN_AUTHORIZATION";
/// What is said of an answer that is no gateway's.
const FOREIGN: &str = "what answers there is no gateway's admin listener";

/// Arguments of `gate reload` and `gate ready`.
#[derive(Debug, clap::Args)]
pub struct Arguments {
    /// The admin listener: an address, or a URL. `GATE_ADMIN_AUTHORIZATION` is the value of `Authorization` where it asks for one
    #[arg(long, value_name = "ADDR")]
    admin: String,
}

/// Arguments of `gate rollback`.
#[derive(Debug, clap::Args)]
pub struct Rollback {
    /// The policy's number, as `gate generations` lists it
    number: Option<u64>,
    #[command(flatten)]
    arguments: Arguments,
}

/// What the gateway answers: a policy that is in force, or why it is not.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Told {
    generation: Option<u64>,
    changes: Vec<String>,
    detail: String,
    diagnostics: String,
    /// Of a problem at a listener that serves routes, never at the admin listener.
    request_id: Option<String>,
    ready: Option<bool>,
}

impl Told {
    /// True for a refusal as the admin listener writes it.
    fn is_problem(&self) -> bool {
        !self.detail.is_empty() && self.request_id.is_none()
    }
}

/// What a gateway answers that takes requests.
#[derive(Deserialize)]
struct Readiness {
    ready: bool,
    state: String,
}

/// Has the gateway take the policy's file as it is now.
pub fn reload(arguments: &Arguments) -> Outcome {
    reported(arguments.tell("reload"))
}

/// Has the gateway go back.
pub fn rollback(rollback: &Rollback) -> Outcome {
    let number = match rollback.number {
        Some(number) => number,
        None => match rollback.arguments.before() {
            Ok(number) => number,
            Err(outcome) => return outcome,
        },
    };
    reported(rollback.arguments.tell(&format!("rollback?to={number}")))
}

/// Asks whether the gateway takes requests. Who cannot be asked does not, nor does another program at its address; what looks
/// after containers knows only 0 and 1.
pub fn ready(arguments: &Arguments) -> Outcome {
    let why = match arguments.ask(Method::GET, "ready", READY_MAX) {
        Ok(answer) if answer.status.is_success() => match serde_json::from_slice(&answer.body) {
            Ok(Readiness { ready: true, state }) if state == "serving" => return Outcome::Fine,
            Ok(Readiness { .. }) | Err(_) => format!("not ready: {FOREIGN}"),
        },
        Ok(answer) => {
            let told: Told = serde_json::from_slice(&answer.body).unwrap_or_default();
            let is_ours = told.ready == Some(false) || told.is_problem();
            if is_ours { format!("not ready: {}", answer.status) } else { format!("not ready: {FOREIGN}") }
        }
        Err(error) => error,
    };
    complain(&why);
    Outcome::Failed
}

impl Arguments {
    /// The number of the policy before the one in force. Why there is none is printed.
    fn before(&self) -> Result<u64, Outcome> {
        let status = self.ask(Method::GET, "status", ANSWER_MAX).map_err(|error| unasked(&error))?;
        if !status.status.is_success() {
            return Err(report(&status));
        }
        let told: Told = serde_json::from_slice(&status.body).unwrap_or_default();
        let before = told.generation.ok_or_else(|| unasked(FOREIGN))?.checked_sub(1).filter(|number| *number > 0);
        before.ok_or_else(|| unasked("there is no policy before the one in force"))
    }

    fn tell(&self, what: &str) -> Result<Answer, String> {
        self.ask(Method::POST, what, ANSWER_MAX)
    }

    fn ask(&self, method: Method, what: &str, within: Duration) -> Result<Answer, String> {
        let base = if self.admin.contains("://") { self.admin.clone() } else { format!("http://{}", self.admin) };
        let url = format!("{}/admin/{what}", base.trim_end_matches('/'));
        let url = fetch::address(&url).map_err(|error| format!("the url `{url}` {error}"))?;
        let mut call = Call { method, ..Call::get(url).within(within) };
        if let Ok(credentials) = std::env::var(CREDENTIALS) {
            let mut value = HeaderValue::try_from(credentials).map_err(|_| format!("`{CREDENTIALS}` is no value of a field"))?;
            value.set_sensitive(true);
            call.headers.insert(AUTHORIZATION, value);
        }
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().map_err(|error| error.to_string())?;
        runtime.block_on(Network::new(|| Machine::strict().authorities()).fetch(call)).map_err(|error| format!("{}: {error}", self.admin))
    }
}

/// Prints what came of it, or why there is no answer.
fn reported(asked: Result<Answer, String>) -> Outcome {
    asked.map_or_else(|error| unasked(&error), |answer| report(&answer))
}

fn unasked(error: &str) -> Outcome {
    complain(error);
    Outcome::Usage
}

/// Prints what the gateway says came of it.
fn report(answer: &Answer) -> Outcome {
    let told: Told = serde_json::from_slice(&answer.body).unwrap_or_default();
    if answer.status.is_success() {
        let Some(generation) = told.generation else { return unasked(FOREIGN) };
        let same = if told.changes.is_empty() { ": the policy means the same as before" } else { "" };
        print_out(&format!("generation {generation} is in force{same}\n"));
        told.changes.iter().for_each(|change| print_out(&format!("  {change}\n")));
        return Outcome::Fine;
    }
    if !told.is_problem() {
        return unasked(FOREIGN);
    }
    // Not all of them are findings, which end with a line end.
    told.diagnostics.trim_end().lines().for_each(|line| print_error(&format!("{line}\n")));
    let whose = format!(": `{CREDENTIALS}` is the value of `Authorization` that is sent");
    complain(&format!("{}{}", told.detail, if answer.status == StatusCode::UNAUTHORIZED { &whose } else { "" }));
    Outcome::Failed
}
