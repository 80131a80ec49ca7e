//! What is changed by hand. None of it changes the policy, and all of it is told.

use super::answer::{Answered, json_of, unclear, unknown};
use super::desk::Desk;
use super::endpoints::Asked;
use super::show;
use crate::events::Change;
use crate::http::Problem;
use crate::lang::literal;
use crate::lang::value::Percent;
use crate::policy::cache::Purge;
use crate::server::GATEWAY;
use crate::server::control::{By, Refused, Reloaded};
use futures_core::future::BoxFuture;
use http::StatusCode;
use serde_json::{Value as Json, json};
use std::sync::Arc;

/// Puts the policy's file in force as it is now.
pub fn reload(desk: Arc<Desk>, asked: Asked) -> BoxFuture<'static, Answered> {
    Box::pin(async move {
        let outcome = desk.control.reload(By::Admin { user: asked.user }).await;
        put_in_force(outcome)
    })
}

/// Puts an earlier policy in force.
pub fn rollback(desk: Arc<Desk>, asked: Asked) -> BoxFuture<'static, Answered> {
    Box::pin(async move {
        let to = asked.query.need("to", "3")?;
        let generation = to.parse().map_err(|_| unclear(format!("`{to}` is no generation: they are counted from 1")))?;
        let outcome = desk.control.rollback(generation, By::Admin { user: asked.user }).await;
        put_in_force(outcome)
    })
}

fn put_in_force(outcome: Result<Reloaded, Refused>) -> Answered {
    let Reloaded { generation, changes } = outcome?;
    Ok(json_of(StatusCode::OK, &json!({ "generation": generation, "changes": changes })))
}

/// Ends the gateway once what runs is finished.
pub fn drain(desk: &Desk, _: &Asked) -> Answered {
    desk.control.drain();
    Ok(json_of(StatusCode::ACCEPTED, &json!({ "state": "draining" })))
}

/// Drops what is cached.
pub fn purge(desk: &Desk, asked: &Asked) -> Answered {
    let plan = desk.server.plan();
    let host = asked.query.get("host").map(str::to_ascii_lowercase);
    let purge = Purge {
        route: asked.query.get("route"),
        host: host.as_deref(),
        path: asked.query.get("path"),
        key: asked.query.get("key"),
        tag: asked.query.get("tag"),
    };
    if let Some(route) = purge.route.filter(|route| !plan.routes.iter().any(|known| *known.name == **route)) {
        return Err(no_route(route).into());
    }
    let purged: usize = plan.shelves.iter().map(|shelf| shelf.purge(&purge)).sum();
    let given: Vec<String> = asked.query.given().map(|(name, value)| format!("{name}={value}")).collect();
    let which = if given.is_empty() { "all there were".to_owned() } else { format!("`{}`", given.join("&")) };
    let dropped = if purged == 1 { "response is" } else { "responses are" };
    desk.tell(Change::CachePurged, purge.route.unwrap_or(GATEWAY), format!("{purged} {dropped} dropped by hand: {which}"));
    Ok(json_of(StatusCode::OK, &json!({ "purged": purged })))
}

fn no_route(name: &str) -> Problem {
    unknown(format!("there is no route `{name}`"))
}

/// Opens a breaker until it is closed by hand.
pub fn open_breaker(desk: &Desk, asked: &Asked) -> Answered {
    show::breaker_of(desk, &asked.name)?.hold();
    show::breaker(desk, asked)
}

/// Closes a breaker.
pub fn close_breaker(desk: &Desk, asked: &Asked) -> Answered {
    show::breaker_of(desk, &asked.name)?.close();
    show::breaker(desk, asked)
}

/// Closes routes, opens them, or leaves them to their files.
pub fn maintenance(desk: &Desk, asked: &Asked) -> Answered {
    let on = match asked.query.need("on", "true")? {
        "true" => Some(true),
        "false" => Some(false),
        "file" => None,
        other => return Err(unclear(format!("`on={other}`: `true`, `false` and `file` are known")).into()),
    };
    let plan = desk.server.plan();
    let route = asked.query.get("route");
    let meant = plan.switches.iter().filter(|switch| route.is_none_or(|route| switch.route() == route)).collect::<Vec<_>>();
    if meant.is_empty() {
        let detail = match route {
            Some(route) if !plan.routes.iter().any(|known| *known.name == *route) => return Err(no_route(route).into()),
            Some(route) => format!("route `{route}` has no `maintenance`"),
            None => "no route has `maintenance`".to_owned(),
        };
        return Err(unknown(detail).into());
    }
    for switch in &meant {
        switch.turn(on);
        let how = match on {
            Some(true) => "it is closed",
            Some(false) => "it is open",
            None => "it is as its file says",
        };
        desk.tell(Change::MaintenanceTurned, switch.route(), format!("turned by hand: {how}"));
    }
    let turned = meant.iter().map(|switch| (switch.route().to_owned(), show::switch(switch)));
    Ok(json_of(StatusCode::OK, &Json::Object(turned.collect())))
}

/// Turns a flag.
pub fn flag(desk: &Desk, asked: &Asked) -> Answered {
    let share = match asked.query.need("on", "true")? {
        "true" => Some(Percent(10_000)),
        "false" => Some(Percent(0)),
        "declared" => None,
        other => {
            let share = literal::percent(other);
            Some(share.ok_or_else(|| unclear(format!("`on={other}`: `true`, `false`, a share such as `25%` and `declared` are known")))?)
        }
    };
    let turned = show::flag_of(desk, &asked.name)?;
    turned.turn(share);
    desk.tell(Change::FlagTurned, &asked.name, format!("turned by hand: it is {}", show::share(turned.share())));
    show::flag(desk, asked)
}
