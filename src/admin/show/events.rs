//! What happened to the gateway.

use super::shown;
use crate::admin::answer::{Answered, unclear};
use crate::admin::desk::Desk;
use crate::admin::endpoints::Asked;
use crate::events::Kind;
use serde_json::json;

/// The last events: those after a number, and of some kinds, where that is asked for.
pub fn events(desk: &Desk, asked: &Asked) -> Answered {
    let since = match asked.query.get("since").filter(|since| !since.is_empty()) {
        Some(since) => since.parse().map_err(|_| unclear(format!("`since={since}` is not the number of an event")))?,
        None => 0,
    };
    let kinds = asked.query.get("kind").unwrap_or_default().split(',').filter(|kind| !kind.is_empty());
    let kinds = kinds.map(|kind| Kind::named(kind).ok_or_else(|| unclear(format!("`kind={kind}`: the kinds are {}", known()))));
    let kinds = kinds.collect::<Result<Vec<_>, _>>()?;
    let plan = desk.server.plan();
    let events: Vec<_> = plan.events.recent(since, &kinds).iter().map(|event| json!(**event)).collect();
    shown(json!({ "events": events, "last": plan.events.told(), "lost": plan.events.lost() }))
}

fn known() -> String {
    Kind::ALL.iter().map(|kind| format!("`{}`", kind.name())).collect::<Vec<_>>().join(", ")
}
