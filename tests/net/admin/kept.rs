//! The policies that are kept, at the admin listener.

use super::{guarded, policy};
use crate::harness::{Origin, Program, key_line};
use serde_json::{Value as Json, json};

#[test]
fn the_policies_that_are_kept_are_listed_with_who_put_them_in_force_and_what_each_would_change() {
    let (app, environment) = (Origin::json("{}"), [("OPERATORS", key_line("ann", "ann-s-key", "")), ("ROBOT_KEY", "a key".to_owned())]);
    let environment = environment.each_ref().map(|(name, value)| (*name, value.as_str()));
    let text = |limit: &str| guarded(&policy(&app)).replace("few 2/h", limit);
    let mut gate = Program::run_keeping(&text("few 2/h"), &environment);
    gate.address();
    let ask = |gate: &mut Program, method: &str, target: &str| gate.admin(method, target).field("X-API-Key", "ann-s-key").send();
    gate.write(&text("few 3/h"));
    gate.reload(" reloaded");
    gate.write(&text("few 4/h"));
    ask(&mut gate, "POST", "/admin/reload").expect(200);
    ask(&mut gate, "POST", "/admin/rollback?to=1").expect(200);
    let listed = ask(&mut gate, "GET", "/admin/generations").expect(200).json();
    let rows = listed.as_array().unwrap();
    let told =
        |row: &Json| Json::from(["generation", "in_force", "by", "user", "rollback", "summary"].map(|name| row[name].clone()).to_vec());
    let expected = [
        json!([4, true, "admin", "ann", 1, "1 TIGHTER"]),
        json!([3, false, "admin", "ann", null, "1 LOOSER"]),
        json!([2, false, "signal", null, null, "1 LOOSER"]),
        json!([1, false, "start", null, null, ""]),
    ];
    assert_eq!(rows.iter().map(told).collect::<Vec<_>>(), expected);
    assert!(rows.iter().all(|row| row["since"].as_str().unwrap().ends_with('Z')), "{listed}");
    let hash = rows[0]["hash"].as_str().unwrap();
    assert_eq!((hash, hash == rows[1]["hash"]), (rows[3]["hash"].as_str().unwrap(), false));
    let metrics = ask(&mut gate, "GET", "/metrics").expect(200);
    assert!(metrics.text().contains(&format!("gate_config_info{{hash=\"{hash}\"}} 1")), "{}", metrics.text());
    // What going back would change, before anybody does.
    let would = ask(&mut gate, "GET", "/admin/generations/3").expect(200).json();
    assert_eq!(would["changes"], json!(["LOOSER limit `few` is 4/h, was 2/h"]));
    assert_eq!(ask(&mut gate, "GET", "/admin/generations/1").expect(200).json()["changes"], json!([]));
    let (_, printed) = gate.ask(&["generations", "policy.gate", "--state", "state"]);
    let said: Vec<&str> = printed.lines().filter_map(|line| line.split_once(" GMT  ")).map(|(_, said)| said).collect();
    assert_eq!(said, ["admin ann, back to 1: 1 TIGHTER", "admin ann: 1 LOOSER", "signal: 1 LOOSER", "start"], "{printed}");
}

#[test]
fn where_no_policy_is_kept_none_is_listed() {
    let app = Origin::json("{}");
    let mut gate = Program::run(&policy(&app), &[], &[("ROBOT_KEY", "key-of-a-robot-1234")]);
    assert_eq!(gate.admin("GET", "/admin/generations").send().expect(200).json(), json!([]));
    let problem = gate.admin("GET", "/admin/generations/1").send().expect(404).json();
    assert!(problem["detail"].as_str().unwrap().starts_with("policies are not kept"), "{problem}");
}
