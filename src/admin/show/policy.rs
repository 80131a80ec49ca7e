//! The gateway as a whole, and the policy in force.

use super::{shown, switch};
use crate::admin::answer::{Answered, json_of, unknown};
use crate::admin::desk::Desk;
use crate::admin::endpoints::Asked;
use crate::http::clock::rfc3339;
use crate::ir::spell::Speller;
use crate::ir::{Listed, Program, Route};
use crate::server::control::{Reloaded, Stage};
use http::StatusCode;
use serde_json::{Map, Value as Json, json};

/// The gateway as a whole.
pub fn status(desk: &Desk, _: &Asked) -> Answered {
    let (plan, program) = (desk.server.plan(), desk.policy.program());
    let settings = &plan.settings;
    let listeners = settings
        .listeners
        .iter()
        .zip(desk.server.addresses())
        .map(|(listener, address)| json!({ "name": *listener.name, "address": address.to_string(), "tls": listener.tls.is_some() }));
    let stores: Map<String, Json> = plan.stores.iter().map(|store| (store.name().to_string(), json!({ "up": store.is_up() }))).collect();
    let last = desk.control.last().map(|last| {
        let at = rfc3339(last.at);
        match &last.outcome {
            Ok(Reloaded { generation, changes }) => json!({ "at": at, "generation": generation, "changes": changes }),
            Err(refused) => json!({ "at": at, "diagnostics": refused.to_string() }),
        }
    });
    shown(json!({
        "instance": &**plan.events.instance(),
        "version": env!("CARGO_PKG_VERSION"),
        "state": stage(desk.control.stage()),
        "policy": desk.policy.file().display().to_string(),
        "generation": desk.control.generation(),
        "uptime_s": desk.uptime().as_secs(),
        "process": std::process::id(),
        "workers": settings.workers,
        "connections": { "open": desk.server.connections(), "most": settings.connections },
        "listeners": listeners.collect::<Vec<_>>(),
        "routes": plan.routes.len(),
        "upstreams": program.upstreams.len(),
        "stores": stores,
        "reload": last,
    }))
}

fn stage(stage: Stage) -> &'static str {
    match stage {
        Stage::Starting => "starting",
        Stage::Serving => "serving",
        Stage::Draining => "draining",
    }
}

/// Whether requests should be sent to this gateway.
pub fn ready(desk: &Desk, _: &Asked) -> Answered {
    let now = desk.control.stage();
    let status = match now {
        Stage::Serving => StatusCode::OK,
        Stage::Starting | Stage::Draining => StatusCode::SERVICE_UNAVAILABLE,
    };
    Ok(json_of(status, &json!({ "ready": now == Stage::Serving, "state": stage(now) })))
}

/// What the policy means. Secrets are places in it, never values.
pub fn config(desk: &Desk, _: &Asked) -> Answered {
    shown(serde_json::to_value(&*desk.policy.program()).unwrap_or_default())
}

/// The routes, in the order they are tried.
pub fn routes(desk: &Desk, _: &Asked) -> Answered {
    let program = desk.policy.program();
    shown(program.routes.iter().map(|route| serde_json::to_value(Listed::new(route, &program)).unwrap_or_default()).collect())
}

/// One route, with more of it.
pub fn route(desk: &Desk, asked: &Asked) -> Answered {
    let program = desk.policy.program();
    let route = program.routes.iter().find(|route| route.name == asked.name);
    let route = route.ok_or_else(|| unknown(format!("there is no route `{}`", asked.name)))?;
    shown(whole(desk, route, &program))
}

fn whole(desk: &Desk, route: &Route, program: &Program) -> Json {
    let mut row = serde_json::to_value(Listed::new(route, program)).unwrap_or_default();
    let plan = desk.server.plan();
    let closed = plan.switches.iter().find(|switch| switch.route() == route.name);
    if let Json::Object(members) = &mut row {
        let condition = route.predicate.as_ref().map(|condition| Speller::new(program, route).expression(condition));
        members.insert("match".to_owned(), condition.into());
        members.insert("groups".to_owned(), route.groups.clone().into());
        members.insert("doc".to_owned(), route.doc.clone().into());
        members.insert("maintenance".to_owned(), closed.map(|closed| switch(closed)).into());
    }
    row
}
