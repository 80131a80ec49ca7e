//! Policies that are told setting by setting, the bound on bodies and the log.

use super::align::with_upstreams;
use super::rest::settings;
use super::{Class, Comparison, Difference, cache, cors, hooks, limit, target};
use crate::analyse::words::{Names, size};
use crate::ir::{Log, LogFormat, Route};
use crate::policy::{Config, body, shape};
use serde_json::{Map, Value};

/// A route with the policies that are to be looked at.
type Side<'a> = (&'a Route, &'a [Config]);

/// What is compared by its meaning, besides what [`cache`], [`cors`], [`limit`] and [`target`] cover.
const COVERED: &[&str] = &[
    "access.?",
    "access.access",
    "access.authorize",
    "auth.?",
    "auth.mode",
    "auth.auths",
    "body.max",
    "body.json",
    // The route's own name.
    "maintenance.route",
    "shape.request",
    "shape.response",
    "shape.query",
    "shape.path",
];

/// Differences in all that has no comparison of its own.
pub fn differences(old: Side<'_>, new: Side<'_>, comparison: &Comparison<'_>, names: &Names<'_>, found: &mut Vec<Difference>) {
    body_size(old.1, new.1, comparison, found);
    json(old.1, new.1, found);
    if old.1 != new.1 {
        others(old.1, new.1, comparison, names, found);
    }
    hooks::of_routes(old.0, new.0, comparison, found);
    log(&old.0.log, &new.0.log, found);
}

fn body_size(old: &[Config], new: &[Config], comparison: &Comparison<'_>, found: &mut Vec<Difference>) {
    let most = |policies: &[Config], otherwise: Option<u64>| {
        let own = policies.iter().find_map(|policy| if let Config::Body(body::Config { max, .. }) = policy { Some(*max) } else { None });
        match own {
            Some(body::Max::Bytes(most)) => most,
            Some(body::Max::Unbounded) => u64::MAX,
            Some(body::Max::Gateway) | None => otherwise.unwrap_or(u64::MAX),
        }
    };
    let (was, is) = (most(old, comparison.old.gateway.limits.body), most(new, comparison.new.gateway.limits.body));
    let text = |most: u64| if most == u64::MAX { "none".to_owned() } else { size(most) };
    let class = match is.cmp(&was) {
        std::cmp::Ordering::Equal => return,
        std::cmp::Ordering::Greater => Class::Looser,
        std::cmp::Ordering::Less => Class::Tighter,
    };
    let above = size(was.min(is));
    found.push(Difference::new(class, format!("`body max` is {}, was {}", text(is), text(was))).with(format!("with a body over {above}")));
}

/// A body that must be JSON: what is none is refused.
fn json(old: &[Config], new: &[Config], found: &mut Vec<Difference>) {
    let of = |policies: &[Config]| {
        policies.iter().find_map(|policy| if let Config::Body(body::Config { json, .. }) = policy { json.clone() } else { None })
    };
    match (of(old), of(new)) {
        (None, None) => {}
        (None, Some(_)) => found.push(Difference::new(Class::Tighter, "`body` must be JSON").with("with a body that is none")),
        (Some(_), None) => {
            found.push(Difference::new(Class::Looser, "`body` may be any, before it had to be JSON").with("with a body that is none"))
        }
        (Some(was), Some(is)) if was != is => {
            let text = |json: &body::Json| json.schema.as_ref().map_or_else(|| "no schema".to_owned(), ToString::to_string);
            let says = format!("`body json` is held to {}, was to {}", text(&is), text(&was));
            let none = |json: &body::Json| json.schema.is_none();
            if !none(&was) {
                found.push(Difference::new(Class::Looser, says.clone()).with("with a body that the old schema refuses"));
            }
            if !none(&is) {
                found.push(Difference::new(Class::Tighter, says).with("with a body that the new schema refuses"));
            }
        }
        (Some(_), Some(_)) => {}
    }
}

/// Policies as data: one setting after the other that no comparison covers.
fn others(old: &[Config], new: &[Config], comparison: &Comparison<'_>, names: &Names<'_>, found: &mut Vec<Difference>) {
    let of = |policies: &[Config]| -> Value {
        let without = [Config::Body(body::Config { max: body::Max::Gateway, json: None }), Config::Shape(shape::Config::default())];
        let values = without.iter().chain(policies).filter_map(|policy| serde_json::to_value(policy).ok());
        let members = values.filter_map(|value| if let Value::Object(members) = value { members.into_iter().next() } else { None });
        let mut all = Value::Object(members.collect::<Map<String, Value>>());
        with_upstreams(&mut all, &comparison.aligned.upstreams);
        all
    };
    let covered = [COVERED, cache::COVERED, cors::COVERED, limit::COVERED, target::COVERED].concat();
    for mut setting in settings(&of(old), &of(new), &covered) {
        let policy = setting.path.first().cloned().unwrap_or_default();
        let (added, gone) = (setting.was.is_none(), setting.is.is_none());
        let class = match policy.as_str() {
            "maintenance" if added => Class::Tighter,
            "maintenance" if gone => Class::Looser,
            "to" => Class::Rerouted,
            _ => Class::Reshaped,
        };
        if setting.path.len() == 1 && (added || gone) {
            let is = if added { "is in force" } else { "is not in force any more" };
            found.push(Difference::new(class, format!("`{policy}` {is}")));
            continue;
        }
        if policy == "shape" {
            // The language has no such word: its settings are statements of their own.
            setting.path.remove(0);
        } else if setting.path.get(1).is_some_and(|kind| kind == "keep") {
            // Neither is there one for a cache that keeps.
            setting.path.remove(1);
        }
        found.push(setting.told(class, "", names));
    }
}

fn log(old: &Log, new: &Log, found: &mut Vec<Difference>) {
    if old != new {
        let text = |log: &Log| match log.format {
            None => "off",
            Some(LogFormat::Json) => "json",
            Some(LogFormat::Text) => "text",
        };
        let says = if old.format == new.format {
            "`log access` writes other requests or fields".to_owned()
        } else {
            format!("`log access` is {}, was {}", text(new), text(old))
        };
        found.push(Difference::new(Class::Tuned, says));
    }
}
