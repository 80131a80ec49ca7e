//! `gate routes`

use super::{Outcome, Policy, print_out};
use crate::ir::{Program, Route, Target};
use crate::policy::auth::Mode;
use crate::policy::{Config, respond};
use std::fmt::Write;

/// Arguments of `gate routes`.
#[derive(Debug, clap::Args)]
pub struct Arguments {
    #[command(flatten)]
    policy: Policy,
    /// Prints JSON
    #[arg(long)]
    json: bool,
}

/// Lists the routes in the order they are tried.
pub fn run(arguments: &Arguments) -> Outcome {
    let checked = match arguments.policy.load(arguments.policy.params(), None) {
        Ok(checked) => checked,
        Err(outcome) => return outcome,
    };
    let Some(program) = checked.program else { return Outcome::Failed };
    let rows: Vec<Row> = program.routes.iter().map(|route| row(route, &program)).collect();
    print_out(&if arguments.json { serde_json::to_string_pretty(&rows).unwrap_or_default() + "\n" } else { table(&rows) });
    Outcome::Fine
}

#[derive(serde::Serialize)]
struct Row {
    route: String,
    methods: String,
    host: String,
    path: String,
    target: String,
    auth: String,
    place: String,
}

fn row(route: &Route, program: &Program) -> Row {
    let hosts: Vec<String> = route.key.hosts.iter().map(ToString::to_string).collect();
    let target = match route.target {
        Target::Upstream(index) => {
            program.upstreams.get(usize::from(index.0)).map_or_else(String::new, |upstream| format!("-> {}", upstream.name))
        }
        Target::Policy => route.policies.iter().find_map(|policy| answer(policy, program)).unwrap_or_default(),
    };
    Row {
        route: route.name.clone(),
        methods: methods(route),
        host: if hosts.is_empty() { "*".to_owned() } else { hosts.join(",") },
        path: route.key.pattern.text().to_owned(),
        target,
        auth: auth(route, program),
        place: route.place.clone(),
    }
}

/// What a policy that answers by itself does, in the words of the language; none for those that do not answer.
fn answer(policy: &Config, program: &Program) -> Option<String> {
    match policy {
        Config::Respond(config) => Some(match config {
            respond::Config::Body { status, .. } => format!("respond {status}"),
            respond::Config::Health => "respond health".to_owned(),
            respond::Config::Routes => "respond routes".to_owned(),
            respond::Config::Openapi => "respond openapi".to_owned(),
            respond::Config::Redirect { status, .. } => format!("redirect {status}"),
        }),
        Config::Issue(config) => {
            Some(format!("issue {}", program.auths.get(usize::from(config.auth)).map_or("", |auth| auth.name.as_str())))
        }
        Config::To(_) => {
            let mut upstreams = policy.upstreams();
            upstreams.dedup();
            let names = upstreams.into_iter().filter_map(|index| program.upstreams.get(usize::from(index.0)));
            Some(format!("to [{}]", names.map(|upstream| upstream.name.as_str()).collect::<Vec<_>>().join(", ")))
        }
        Config::Aggregate(config) => {
            let parts: Vec<&str> = config.parts.iter().map(|part| part.name.as_str()).collect();
            Some(format!("aggregate [{}]", parts.join(", ")))
        }
        _ => None,
    }
}

fn methods(route: &Route) -> String {
    if route.key.methods.is_any() { "ANY".to_owned() } else { route.key.methods.names().collect::<Vec<_>>().join(",") }
}

/// How callers prove who they are, in the words of the policy.
fn auth(route: &Route, program: &Program) -> String {
    let Some(auth) = route.auth() else { return String::new() };
    let names: Vec<&str> =
        auth.auths.iter().filter_map(|index| program.auths.get(usize::from(*index))).map(|auth| auth.name.as_str()).collect();
    match auth.mode {
        Mode::Public { .. } => "public".to_owned(),
        Mode::One => names.join(""),
        Mode::Any => format!("any [{}]", names.join(", ")),
        Mode::All => format!("all [{}]", names.join(", ")),
        Mode::Optional => format!("optional {}", names.join("")),
    }
}

fn table(rows: &[Row]) -> String {
    let cells = |row: &Row| {
        [
            row.route.clone(),
            row.methods.clone(),
            row.host.clone(),
            row.path.clone(),
            row.target.clone(),
            row.auth.clone(),
            row.place.clone(),
        ]
    };
    let head = ["ROUTE", "METHODS", "HOST", "PATH", "TARGET", "AUTH", "WHERE"].map(str::to_owned);
    let lines: Vec<[String; 7]> = std::iter::once(head).chain(rows.iter().map(cells)).collect();
    let mut widths = [0_usize; 7];
    for line in &lines {
        for (width, cell) in widths.iter_mut().zip(line) {
            *width = (*width).max(cell.chars().count());
        }
    }
    let mut out = String::new();
    for line in &lines {
        let mut text = String::new();
        for (width, cell) in widths.iter().zip(line) {
            let _ = write!(text, "{cell:<width$}  ");
        }
        let _ = writeln!(out, "{}", text.trim_end());
    }
    out
}
