//! What happened.

use super::shown;
use crate::admin::answer::{Answered, unclear};
use crate::admin::desk::Desk;
use crate::admin::endpoints::Asked;
use crate::admin::query;
use crate::events::{Event, Kind};
use serde_json::json;

/// What happened lately, oldest first.
pub fn events(desk: &Desk, asked: &Asked) -> Answered {
    let since = asked.query.get("since").unwrap_or("0");
    let since = since.parse().map_err(|_| unclear(format!("`since={since}`: the number of an event is meant")))?;
    let names = asked.query.get("kinds").unwrap_or_default();
    let kinds = names.split(',').filter(|name| !name.is_empty()).map(|name| {
        Kind::named(name).ok_or_else(|| {
            let known: Vec<&str> = Kind::ALL.iter().map(|kind| kind.name()).collect();
            unclear(format!("there are no events of kind `{name}`; there are {}", query::listed(&known)))
        })
    });
    let kinds = kinds.collect::<Result<Vec<_>, _>>()?;
    let back = desk.server.plan().events.look_back(since, &kinds);
    let events: Vec<&Event> = back.events.iter().map(|event| &**event).collect();
    shown(json!({ "told": back.told, "missed": back.missed, "events": events }))
}
