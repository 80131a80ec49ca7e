//! Dashboards, alerts and the autoscaler's adapter speak of series that there are, by labels that they have.

use crate::yaml::documents;
use crate::{at, packaged};
use gatewright::server::metrics::{FAMILIES, Family, Kind};
use regex::Regex;
use serde_json::Value;
use std::collections::BTreeSet;
use std::process::{Command, Stdio};

/// Labels that Prometheus gives to every series it has from a gateway.
const OF_PROMETHEUS: [&str; 4] = ["job", "instance", "namespace", "pod"];

/// The family of a series, and whether it is one of a histogram's buckets.
fn family(series: &str) -> Option<(&'static Family, bool)> {
    FAMILIES.iter().find_map(|family| match family.kind {
        Kind::Counter | Kind::Gauge => (family.name == series).then_some((family, false)),
        Kind::Histogram => {
            let part = series.strip_prefix(family.name)?;
            ["_bucket", "_sum", "_count"].contains(&part).then_some((family, part == "_bucket"))
        }
    })
}

/// What is wrong with an expression of PromQL.
fn faults(expression: &str) -> Vec<String> {
    let mut found = Vec::new();
    let mut labels = BTreeSet::from(OF_PROMETHEUS);
    for series in Regex::new(r"\b(?:gate|process)_\w+").unwrap().find_iter(expression) {
        match family(series.as_str()) {
            Some((family, bucket)) => labels.extend(family.labels.iter().copied().chain(bucket.then_some("le"))),
            None => found.push(format!("there is no `{}`: {expression}", series.as_str())),
        }
    }
    let by = Regex::new(r"\bby \(([\w, ]+)\)").unwrap();
    let selected = Regex::new(r#"(\w+)(?:=~|!~|!=|=)""#).unwrap();
    let grouped = by.captures_iter(expression).flat_map(|list| list.get(1).unwrap().as_str().split(", "));
    let asked = selected.captures_iter(expression).map(|label| label.get(1).unwrap().as_str());
    let strange = grouped.chain(asked).filter(|label| !labels.contains(label));
    found.extend(strange.map(|label| format!("its series have no `{label}`: {expression}")));
    found
}

/// Every text under a member of some name, wherever it is.
fn all<'a>(value: &'a Value, member: &str, found: &mut Vec<&'a str>) {
    match value {
        Value::Array(items) => items.iter().for_each(|item| all(item, member, found)),
        Value::Object(members) => {
            found.extend(members.get(member).and_then(Value::as_str));
            members.values().for_each(|value| all(value, member, found));
        }
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

/// The dashboard's expressions, with values in the place of its variables.
fn of_dashboard() -> Vec<String> {
    let dashboard: Value = serde_json::from_str(&packaged("grafana/gate.json")).unwrap();
    let mut found = Vec::new();
    all(&dashboard, "expr", &mut found);
    found.into_iter().map(|expression| expression.replace("$__rate_interval", "5m").replace('$', "")).collect()
}

fn rules() -> Value {
    documents(&packaged("prometheus/alerts.yml")).remove(0)
}

#[test]
fn the_dashboard_the_alerts_and_the_autoscaler_ask_for_series_that_there_are() {
    let (rules, adapter) = (rules(), documents(&packaged("kubernetes/adapter.yaml")).remove(0));
    let mut expressions = Vec::new();
    all(&rules, "expr", &mut expressions);
    all(&adapter, "seriesQuery", &mut expressions);
    let own = of_dashboard();
    assert!(expressions.len() > 10 && own.len() > 30);
    let wrong: Vec<String> = expressions.into_iter().chain(own.iter().map(String::as_str)).flat_map(faults).collect();
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[test]
fn series_and_labels_that_there_are_not_are_found() {
    assert_eq!(faults("rate(gate_requests[5m])"), ["there is no `gate_requests`: rate(gate_requests[5m])"]);
    assert_eq!(faults(r#"sum by (upstream) (gate_connections{job="a"})"#).len(), 1);
    assert_eq!(faults(r#"gate_breaker_state{route="a"}"#).len(), 1);
    assert!(faults("sum by (route, le) (rate(gate_request_duration_seconds_bucket[5m]))").is_empty());
}

#[test]
fn every_alert_says_how_grave_it_is_and_what_to_do() {
    for rule in rules()["groups"][0]["rules"].as_array().unwrap() {
        let grave = rule["labels"]["severity"].as_str();
        assert!(matches!(grave, Some("page" | "ticket")), "{rule}");
        assert!(rule["annotations"]["summary"].is_string() && rule["annotations"]["action"].is_string(), "{rule}");
    }
}

#[test]
fn panels_have_places_of_their_own() {
    let dashboard: Value = serde_json::from_str(&packaged("grafana/gate.json")).unwrap();
    let mut taken = BTreeSet::new();
    for panel in dashboard["panels"].as_array().unwrap() {
        let [x, y, w, h] = ["x", "y", "w", "h"].map(|side| panel["gridPos"][side].as_u64().unwrap());
        assert!(x + w <= 24, "{}", panel["title"]);
        for place in (y..y + h).flat_map(|y| (x..x + w).map(move |x| (x, y))) {
            assert!(taken.insert(place), "{} lies over another one", panel["title"]);
        }
    }
}

/// Runs promtool; what it says when it finds a fault. Nothing is run where it is missing, which CI does not let pass.
fn promtool(arguments: &[&str]) {
    let said = Command::new("promtool").args(arguments).current_dir(at("packaging/prometheus")).stdin(Stdio::null()).output();
    match said {
        Ok(said) => assert!(said.status.success(), "{}{}", String::from_utf8_lossy(&said.stdout), String::from_utf8_lossy(&said.stderr)),
        Err(error) => assert!(std::env::var_os("CI").is_none(), "promtool: {error}"),
    }
}

#[test]
fn prometheus_takes_its_files_and_the_alerts_pass_their_tests() {
    promtool(&["check", "config", "prometheus.yml"]);
    promtool(&["test", "rules", "alerts_test.yml"]);
}

#[test]
fn prometheus_takes_the_expressions_of_the_dashboard() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("dashboard.yml");
    let record = |(number, expr): (usize, String)| serde_json::json!({ "record": format!("panel:{number}"), "expr": expr });
    let rules: Vec<Value> = of_dashboard().into_iter().enumerate().map(record).collect();
    std::fs::write(&file, serde_json::json!({ "groups": [{ "name": "panels", "rules": rules }] }).to_string()).unwrap();
    promtool(&["check", "rules", file.to_str().unwrap()]);
}
