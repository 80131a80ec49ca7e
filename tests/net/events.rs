//! `events post`, as the receiver sees it.

use crate::harness::{Answer, Gate, Origin, PLAIN, Program, until};
use serde_json::Value;

const WATCHED: &str = r#"
gateway {
  listen 127.0.0.1:0
  events post http://{hook}/gate on [startup, breaker, limit, shutdown]
}
upstream app {
  target http://{app}
  breaker { open_after 2 failures; cooldown 1h }
}
route limited GET /limited {
  public "a test"
  limit few 1/h by client.ip
  respond 200 text "ok"
}
route everything ANY /** -> app { public "a test" }
"#;

fn told(hook: &Origin) -> Vec<Value> {
    hook.requests().iter().map(|request| serde_json::from_slice(&request.body).unwrap()).collect()
}

fn changes(told: &[Value]) -> Vec<&str> {
    told.iter().map(|event| event["change"].as_str().unwrap()).collect()
}

#[test]
fn whoever_asked_for_it_hears_what_happens_up_to_the_end() {
    let (hook, app) = (Origin::json("{}"), Origin::start(|_| Answer::json(500, "{}")));
    let gate = Gate::source(WATCHED).origin("hook", &hook).origin("app", &app).start();
    for status in [500, 500, 503, 503] {
        gate.get("/").send().expect(status);
    }
    for status in [200, 429, 429, 429] {
        gate.get("/limited").send().expect(status);
    }
    until("an event of each kind", || (hook.requests().len() == 3).then_some(()));
    drop(gate);
    let told = told(&hook);
    assert_eq!(changes(&told), ["started", "breaker_opened", "limit_reached", "stopped"]);
    let subjects: Vec<&str> = told.iter().map(|event| event["subject"].as_str().unwrap()).collect();
    assert_eq!(subjects, ["gateway", "app", "few", "gateway"]);
    let events: Vec<&str> = told.iter().map(|event| event["event"].as_str().unwrap()).collect();
    assert_eq!(events, ["startup", "breaker", "limit", "shutdown"]);
    assert!(told.iter().all(|event| event["instance"] == "here"), "{told:?}");
    assert_eq!(hook.requests()[0].field("content-type"), Some("application/json"));
}

#[test]
fn a_receiver_that_is_away_for_a_moment_misses_nothing_and_nobody_waits_for_it() {
    let refusals = std::sync::atomic::AtomicUsize::new(2);
    let hook = Origin::start(move |_| {
        let left =
            refusals.fetch_update(std::sync::atomic::Ordering::AcqRel, std::sync::atomic::Ordering::Acquire, |left| left.checked_sub(1));
        Answer::json(if left.is_ok() { 503 } else { 200 }, "{}")
    });
    let app = Origin::json("{}");
    let gate = Gate::source(WATCHED).origin("hook", &hook).origin("app", &app).start();
    gate.get("/").send().expect(200);
    hook.until_received(3);
    assert_eq!(changes(&told(&hook)), ["started"; 3]);
}

#[test]
fn several_gateways_that_tell_one_receiver_are_told_apart() {
    let (hook, app) = (Origin::json("{}"), Origin::json("{}"));
    let text = WATCHED.replace("{hook}", &hook.address().to_string()).replace("{app}", &app.address().to_string());
    let _gates = [&["--instance", "berlin-1"][..], &["--instance", "berlin-2"], &[]].map(|arguments| Program::run(&text, arguments, &[]));
    hook.until_received(3);
    let told = told(&hook);
    let mut instances: Vec<&str> = told.iter().map(|event| event["instance"].as_str().unwrap()).collect();
    instances.sort_unstable();
    let machine = std::fs::read_to_string("/proc/sys/kernel/hostname").unwrap();
    let mut expected = ["berlin-1", "berlin-2", machine.trim()];
    expected.sort_unstable();
    assert_eq!(instances, expected);
}

#[test]
fn what_happens_is_said_in_the_log() {
    let app = Origin::start(|_| Answer::json(500, "{}"));
    let text = PLAIN.replace("target http://{app}", &format!("target http://{}; breaker {{ open_after 1 failures }}", app.address()));
    let mut gate = Program::run(&text, &[], &[]);
    gate.get("/").send().expect(500);
    gate.until_said("WARN the breaker is open: nothing goes through for 30 s event=\"breaker_opened\" subject=\"app\"");
    gate.signal("TERM");
    gate.until_said("stopped: 0 connections were cut event=\"stopped\" subject=\"gateway\"");
}
