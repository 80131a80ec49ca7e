//! Whether a route keeps the header section that a request arrived with: where something looks at it once an auth, the cache or
//! shaping has changed it, or it has gone upstream. Other routes do not pay for the copy.

use super::plan::RequestParts;
use crate::http::UpstreamIndex;
use crate::ir::{self, Program};
use crate::lang::expr::Ref;
use crate::policy::stage::Place;
use serde::{Deserialize, Serialize};
use serde_json::Value as Json;

/// True where something looks at the fields later than they stay as they arrived.
pub fn are_kept(route: &ir::Route, program: &Program, request: &RequestParts) -> bool {
    // Before the cache, auths change them, and whoever asks for whole bodies.
    let changes = |place: &Place| matches!(place, Place::Authenticate | Place::Body);
    let changed = request.iter().map(|(place, _)| *place).find(changes).unwrap_or(Place::Cache);
    let is_late = |until: Option<Place>| until.is_none_or(|until| until > changed);
    let key_reads = |index: &UpstreamIndex| program.upstreams.get(usize::from(index.0)).is_some_and(|at| reads(&at.balance, program));
    let target_reads = match &route.target {
        ir::Target::Upstream(index) => is_late(Some(Place::Target)) && key_reads(index),
        ir::Target::Policy => false,
    };
    let mut late = route.policies.iter().filter(|policy| is_late(policy.looks_until()));
    let log_reads = route.log.format.is_some() && reads(&route.log, program);
    target_reads || log_reads || late.any(|policy| reads(policy, program) || policy.upstreams().iter().any(key_reads))
}

/// True when an expression of a config looks at the request's fields. Configs are plain data that is written as JSON: whatever policy
/// it is of, none of its expressions can be left out. Of what cannot be written nothing is known: it may.
fn reads(config: &impl Serialize, program: &Program) -> bool {
    match serde_json::to_value(config) {
        Ok(config) => refers(&config, program),
        Err(_) => true,
    }
}

fn refers(config: &Json, program: &Program) -> bool {
    match config {
        Json::Object(members) => members.iter().any(|(name, value)| match (name == "Ref").then(|| Ref::deserialize(value)) {
            Some(Ok(reference)) => of_fields(&reference, program),
            Some(Err(_)) | None => refers(value, program),
        }),
        Json::Array(all) => all.iter().any(|each| refers(each, program)),
        Json::Null | Json::Bool(_) | Json::Number(_) | Json::String(_) => false,
    }
}

/// True for what is looked up in the request's fields.
fn of_fields(reference: &Ref, program: &Program) -> bool {
    match reference {
        Ref::Flag { index, name: _ } => {
            let flag = program.flags.get(usize::from(*index));
            flag.and_then(|flag| flag.by.as_ref()).is_some_and(|key| key.mentions(is_field))
        }
        other => is_field(other),
    }
}

fn is_field(reference: &Ref) -> bool {
    match reference {
        Ref::Header(_) | Ref::Cookie(_) | Ref::Size => true,
        Ref::Flag { .. }
        | Ref::Method
        | Ref::Path
        | Ref::Host
        | Ref::Scheme
        | Ref::Id
        | Ref::Listener
        | Ref::Query(_)
        | Ref::Body(_)
        | Ref::ClientIp
        | Ref::ClientSubject
        | Ref::ClientName
        | Ref::Param { .. }
        | Ref::Attribute(_)
        | Ref::UpstreamName
        | Ref::ResponseStatus
        | Ref::ResponseDuration
        | Ref::ResponseHeader(_) => false,
    }
}
