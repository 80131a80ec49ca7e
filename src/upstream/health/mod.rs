//! `health` and `eject`: which endpoints are fit to be asked, by probes and by how their answers go.

mod eject;
mod probe;
mod tally;

pub use eject::Panic;
pub use probe::Prober;
pub use tally::Tally;

use crate::diag::Code;
use crate::lang::form::{Form, Slot};
use crate::lang::types::Type;
use crate::lang::value::Value;
use crate::lang::{Checker, Given, Node};
use serde::{Deserialize, Serialize};
use std::time::Duration;

/// Active probes of every endpoint.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Config {
    /// The probe's method
    pub method: String,
    /// and path.
    pub path: String,
    /// Between two probes of an endpoint, give or take a jitter (5 s).
    pub every: Duration,
    /// How long an answer may take (1 s).
    pub timeout: Duration,
    /// Statuses of a healthy endpoint, ends included (2xx).
    pub expect: Vec<(u16, u16)>,
    /// Failed probes in a row that take an endpoint out (3).
    pub unhealthy_after: u32,
    /// Good probes in a row that bring it back (2).
    pub healthy_after: u32,
}

/// Endpoints that fail requests are left out for a while; at most half of them, and never the last.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Eject {
    /// Failures in a row.
    pub failures: u32,
    /// How long the first time; each further time as much longer.
    pub time: Duration,
}

/// Most probes or failures in a row.
const ROW_MAX: u64 = 1_000;

/// `health METHOD PATH { … }`
pub(super) const FORM: Form = Form::new("health", "probes every target, and takes those out that do not answer as expected")
    .slots(&[Slot::value("method", "a method"), Slot::value("path", "a path")])
    .children(&[
        Form::new("every", "between two probes of a target").slots(&[Slot::value("time", "a duration")]).default("every 5s"),
        Form::new("timeout", "how long its answer may take").slots(&[Slot::value("time", "a duration")]).default("timeout 1s"),
        Form::new("expect", "the statuses of a healthy target")
            .slots(&[Slot::value("statuses", "a status such as `2xx`, or a list of such")])
            .default("expect 2xx"),
        Form::new("unhealthy_after", "failed probes in a row that take it out")
            .slots(&[Slot::value("count", "an integer")])
            .default("unhealthy_after 3"),
        Form::new("healthy_after", "good probes in a row that bring it back")
            .slots(&[Slot::value("count", "an integer")])
            .default("healthy_after 2"),
    ]);

/// `eject after N failures for D`
pub(super) const EJECT: Form = Form::new("eject", "takes a target out that fails requests: at most half of the targets, never the last")
    .slots(&[Slot::fixed("after"), Slot::value("count", "an integer"), Slot::fixed("failures")])
    .children(&[Form::new("for", "how long; each further time as much longer").slots(&[Slot::value("time", "a duration")]).required()]);

/// Reads `health`.
pub fn read(node: &Node<'_>, checker: &mut Checker<'_>) -> Option<Config> {
    let method = match checker.constant(node.get("method")?, Type::Method) {
        Some(Value::Text(method)) => Some(method.to_string()),
        _ => None,
    };
    let path = node.get("path").and_then(|given| plain_path(given, checker));
    let mut time = |clause: &str, default: u64| match node.child(clause).and_then(|child| child.get("time")) {
        Some(given) => checker.lasting(given),
        None => Some(Duration::from_secs(default)),
    };
    let (every, timeout) = (time("every", 5), time("timeout", 1));
    let mut count = |clause: &str, default: u32| match node.child(clause).and_then(|child| child.get("count")) {
        Some(given) => checker.int(given, 1..=ROW_MAX).and_then(|count| u32::try_from(count).ok()),
        None => Some(default),
    };
    let (unhealthy_after, healthy_after) = (count("unhealthy_after", 3), count("healthy_after", 2));
    let expect = match node.child("expect").and_then(|child| child.get("statuses")) {
        Some(given) => statuses(given, checker),
        None => Some(vec![(200, 299)]),
    };
    Some(Config {
        method: method?,
        path: path?,
        every: every?,
        timeout: timeout?,
        expect: expect?,
        unhealthy_after: unhealthy_after?,
        healthy_after: healthy_after?,
    })
}

/// Reads `eject`.
pub fn eject(node: &Node<'_>, checker: &mut Checker<'_>) -> Option<Eject> {
    let failures = checker.int(node.get("count")?, 1..=ROW_MAX);
    let time = checker.lasting(node.child("for")?.get("time")?);
    Some(Eject { failures: u32::try_from(failures?).ok()?, time: time? })
}

/// A path without parameters, as it is asked for.
pub(super) fn plain_path(given: Given<'_>, checker: &mut Checker<'_>) -> Option<String> {
    let Value::Text(path) = checker.constant(given, Type::Path)? else { return None };
    if path.contains(['{', '*', '#']) || path.parse::<http::uri::PathAndQuery>().is_err() {
        checker.error(Code::RoutePathEncoding, format!("`{path}` is no path to ask for"), given.expr.span, "one path, without parameters");
        return None;
    }
    Some(path.to_string())
}

/// Statuses and classes of them.
fn statuses(given: Given<'_>, checker: &mut Checker<'_>) -> Option<Vec<(u16, u16)>> {
    let items = checker.items(given);
    let read = items.into_iter().map(|item| match checker.constant(item, Type::Status)? {
        Value::Status(low, high) => Some((low, high)),
        _ => None,
    });
    read.collect()
}
