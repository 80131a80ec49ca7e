//! Methods, and what the gateway answers by itself.

use crate::harness::{Answer, Gate, Origin};
use serde_json::json;

const API: &str = r#"
gateway { listen 127.0.0.1:0 }
upstream app { target http://{app} }
route read GET /things -> app { public "a test" }
route write POST,PUT /things -> app { public "a test" }
route any ANY /any -> app { public "a test" }
route text GET /text {
  public "a test"
  respond 200 text "hello"
}
"#;

fn api(app: &Origin) -> Gate {
    Gate::source(API).origin("app", app).start()
}

#[test]
fn head_has_the_fields_of_get_and_no_body() {
    let app = Origin::start(|received| match received.method.as_str() {
        "HEAD" => Answer::Bytes(b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n".to_vec()),
        _ => Answer::with(200, "", "hello"),
    });
    let gate = api(&app);
    let mut client = gate.connect();
    for path in ["/text", "/things", "/text"] {
        gate.ask("HEAD", path).over(&mut client);
        let reply = client.try_read("HEAD").unwrap().expect(200);
        assert_eq!(reply.field("content-length"), Some("5"), "{path}");
    }
    assert_eq!(app.received().method, "HEAD");
}

#[test]
fn options_says_what_a_path_takes_unless_a_route_takes_options() {
    let app = Origin::json("{}");
    let gate = api(&app);
    let reply = gate.ask("OPTIONS", "/things").send().expect(204);
    let mut allowed: Vec<&str> = reply.field("allow").unwrap().split(", ").collect();
    allowed.sort_unstable();
    assert_eq!(allowed, ["GET", "HEAD", "OPTIONS", "POST", "PUT"]);
    gate.ask("OPTIONS", "/nothing").send().expect(404);
    gate.ask("OPTIONS", "*").send().expect(204);
    assert_eq!(app.begun(), 0);
    gate.ask("OPTIONS", "/any").send().expect(200);
    assert_eq!(app.received().method, "OPTIONS");
}

#[test]
fn another_method_is_405_with_allow_and_another_path_404() {
    let app = Origin::json("{}");
    let gate = api(&app);
    let reply = gate.ask("DELETE", "/things").send().expect(405);
    assert!(reply.field("allow").unwrap().contains("PUT"));
    assert_eq!(reply.json()["title"], "Method Not Allowed");
    let reply = gate.get("/things/").send().expect(404);
    let problem = reply.json();
    assert_eq!((&problem["type"], &problem["route"]), (&json!("about:blank"), &json!(null)));
    assert_eq!(problem["request_id"].as_str(), reply.field("x-request-id"));
    for method in ["TRACE", "CONNECT"] {
        gate.ask(method, "/any").send().expect(405);
    }
    gate.ask("get", "/any").send().expect(200);
    assert_eq!(app.received().method, "get");
}
