//! `gateways/search.gate`: one call that asks two services.

use crate::harness::{Answer, Gate, Origin, Program, Response, key_line};
use serde_json::json;

const SEARCH: &str = include_str!("../../gateways/search.gate");

fn ask(search: &Origin, research: &Origin) -> Response {
    let gate = Gate::source(SEARCH)
        .replace("listen :8080", "listen 127.0.0.1:0")
        .replace("localhost:8001", &search.address().to_string())
        .replace("localhost:8003", &research.address().to_string())
        .secret("customers.keys", key_line("acme", "s3cret", "plan=pro"))
        .start();
    gate.get("/api/v1/search/news").send().expect(401);
    gate.ask("POST", "/api/v1/aggregated").field("X-API-Key", "s3cret").json(r#"{"query": "gates"}"#).send()
}

#[test]
fn both_parts_get_the_question_and_their_answers_become_one() {
    let (search, research) = (Origin::json(r#"{"results": ["a", "b"], "took": 3}"#), Origin::json(r#"{"results": ["r"]}"#));
    let reply = ask(&search, &research).expect(200);
    assert_eq!(reply.json(), json!({"search_results": ["a", "b"], "research": ["r"]}));
    assert_eq!(reply.field("x-gate-incomplete"), None);
    for received in [search.received(), research.received()] {
        assert_eq!((received.method.as_str(), received.body.as_slice()), ("POST", br#"{"query": "gates"}"#.as_slice()));
        assert_eq!((received.field("content-type"), received.field("x-api-key")), (Some("application/json"), None));
    }
}

#[test]
fn the_log_counts_the_attempts_of_all_parts() {
    let (search, research) = (Origin::json(r#"{"results": ["a"]}"#), Origin::json(r#"{"results": ["r"]}"#));
    let text = SEARCH
        .replace("listen :8080", "listen 127.0.0.1:0")
        .replace("localhost:8001", &search.address().to_string())
        .replace("localhost:8003", &research.address().to_string());
    let keys = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(keys.path(), key_line("acme", "s3cret", "plan=pro")).unwrap();
    let text = text.replace("customers.keys", keys.path().to_str().unwrap());
    let mut gate = Program::run(&text, &[], &[]);
    gate.post("/api/v1/aggregated").field("X-API-Key", "s3cret").json(r#"{"query": "gates"}"#).send().expect(200);
    assert!(gate.until_logged(1)[0].contains(r#""attempts":2"#), "{:?}", gate.until_logged(1));
}

#[test]
fn a_slow_optional_part_is_left_out_and_named() {
    let (search, research) = (Origin::json(r#"{"results": ["a"]}"#), Origin::start(|_| Answer::Hang));
    let reply = ask(&search, &research).expect(200);
    assert_eq!(reply.json(), json!({"search_results": ["a"], "research": []}));
    assert_eq!(reply.field("x-gate-incomplete"), Some("research"));
}

#[test]
fn a_required_part_that_fails_is_502() {
    let (search, research) = (Origin::start(|_| Answer::json(500, "{}")), Origin::json(r#"{"results": ["r"]}"#));
    let reply = ask(&search, &research).expect(502);
    assert_eq!(reply.field("content-type"), Some("application/problem+json"));
    assert!(reply.field("proxy-status").unwrap().contains("500"), "{:?}", reply.fields);
}
