//! The access log, as whoever starts the gateway sees it.

use crate::harness::{Origin, PLAIN, Program};
use serde_json::Value;

#[test]
fn every_request_is_a_line_without_what_is_secret() {
    let app = Origin::json("{}");
    let mut gate = Program::plain(&app, "log access json");
    let reply = gate.get("/a/b?token=s3cret").host("shop.example").bearer("s3cret").send().expect(200);
    gate.get("/%zz").send().expect(400);
    let lines = gate.until_logged(2);
    assert!(lines.iter().all(|line| !line.contains("s3cret")), "{lines:?}");
    let lines: Vec<Value> = lines.iter().map(|line| serde_json::from_str(line).unwrap()).collect();
    let line = lines.iter().find(|line| line["status"] == 200).unwrap();
    for (name, expected) in [
        ("method", "GET"),
        ("host", "shop.example"),
        ("path", "/a/b"),
        ("route", "everything"),
        ("upstream", "app"),
        ("client_ip", "127.0.0.1"),
        ("request_id", reply.field("x-request-id").unwrap()),
    ] {
        assert!(line[name].as_str().unwrap().starts_with(expected), "{name}: {line}");
    }
    assert_eq!((&line["bytes"], &line["attempts"]), (&2.into(), &1.into()));
    assert!(lines.iter().any(|line| line["status"] == 400), "{lines:?}");
}

#[test]
fn a_line_has_the_path_that_was_asked_for_not_the_one_the_upstream_got() {
    let app = Origin::json("{}");
    let text = PLAIN.replace("127.0.0.1:0", "127.0.0.1:0\n log access json\n").replace("{app}", &app.address().to_string());
    let mut gate = Program::run(&text.replace("public \"a test\"", "public \"a test\"; strip_prefix /a"), &[], &[]);
    gate.get("/a/b").send().expect(200);
    assert_eq!(app.received().target, "/b");
    let line: Value = serde_json::from_str(&gate.until_logged(1)[0]).unwrap();
    assert_eq!(line["path"], "/a/b");
}

#[test]
fn a_field_of_a_claim_is_null_where_nobody_is_asked() {
    let text = r#"gateway {
  listen 127.0.0.1:0
  log access json {
    field who claim.sub
  }
}
auth jwt main { algorithms [HS256]; key env("KEY"); audience "shop"; claims { sub str } }
route mine GET /mine { auth main; respond 200 text "x" }
route all GET /all { public "a test"; respond 200 text "x" }
"#;
    let mut gate = Program::run(text, &[], &[("KEY", "a-key-that-is-as-long-as-the-hash")]);
    gate.get("/all").send().expect(200);
    gate.get("/none").send().expect(404);
    for line in gate.until_logged(2) {
        let line: Value = serde_json::from_str(&line).unwrap();
        assert_eq!(line.get("who"), Some(&Value::Null), "{line}");
    }
}
