//! Routes as they are listed to people: by `gate routes`, and by the admin listener.

use super::{Program, Route, Target};
use crate::policy::auth::Mode;
use crate::policy::{Config, respond};

/// A route in a list.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct Listed {
    /// Its name.
    pub route: String,
    /// Its methods, with commas between them, or `ANY`.
    pub methods: String,
    /// Its hosts, or `*`.
    pub host: String,
    /// Its path.
    pub path: String,
    /// What answers, in the words of the language.
    pub target: String,
    /// How callers prove who they are, in the words of the language; empty where nothing is said.
    pub auth: String,
    /// `file:line` of its declaration.
    pub place: String,
}

impl Listed {
    /// A route of a program.
    #[must_use]
    pub fn new(route: &Route, program: &Program) -> Self {
        let hosts: Vec<String> = route.key.hosts.iter().map(ToString::to_string).collect();
        let target = match route.target {
            Target::Upstream(index) => {
                program.upstreams.get(usize::from(index.0)).map_or_else(String::new, |upstream| format!("-> {}", upstream.name))
            }
            Target::Policy => route.policies.iter().find_map(|policy| answer(policy, program)).unwrap_or_default(),
        };
        Self {
            route: route.name.clone(),
            methods: methods(route),
            host: if hosts.is_empty() { "*".to_owned() } else { hosts.join(",") },
            path: route.key.pattern.text().to_owned(),
            target,
            auth: auth(route, program),
            place: route.place.clone(),
        }
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
