use super::Config;
use super::stage::Check;
use crate::http::exchange::testing::exchange;
use crate::http::{Body, Exchange};
use crate::policy::testing::{Outcome, build, bytes, check};

#[test]
fn a_size_bounds_and_none_does_not() {
    assert_eq!(build(&check::<Config>(&["body { max 256KiB }"]).sound()).body_max, Some(Some(256 << 10)));
    assert_eq!(build(&check::<Config>(&["body max none"]).sound()).body_max, Some(None));
}

#[test]
fn a_number_without_a_unit_is_no_size() {
    assert_eq!(check::<Config>(&["body max 1000"]).code(), "gate::type::unit");
}

fn request(method: &str, headers: &[(&str, &str)], body: &[u8]) -> Exchange {
    let mut exchange = exchange(method, "/x/1/a", headers);
    exchange.body = Body::full(body.to_vec());
    exchange
}

async fn status(mut exchange: Exchange) -> u16 {
    match build(&check::<Config>(&["body json max 1KiB"]).sound()).request(&mut exchange).await {
        Outcome::Through => 200,
        Outcome::Refused(problem) => problem.status.as_u16(),
        Outcome::Answer(reply) => panic!("{reply:?}"),
    }
}

const JSON: &[(&str, &str)] = &[("content-type", "application/json")];

#[tokio::test]
async fn a_body_is_json_of_its_size_or_refused() {
    assert_eq!(status(request("POST", JSON, b"{\"a\": 1}")).await, 200);
    assert_eq!(status(request("POST", JSON, b"{\"a\": ")).await, 400);
    assert_eq!(status(request("POST", JSON, b"\"\xff\"")).await, 400);
    assert_eq!(status(request("POST", &[("content-type", "text/plain")], b"{}")).await, 415);
    assert_eq!(status(request("POST", &[], b"{}")).await, 415);
    assert_eq!(status(request("POST", &[JSON[0], ("content-encoding", "gzip")], b"{}")).await, 415);
    assert_eq!(status(request("POST", JSON, &[b' '; 1025])).await, 413);
}

#[tokio::test]
async fn a_request_without_a_body_passes_where_none_is_due() {
    assert_eq!(status(request("GET", &[], b"")).await, 200);
    assert_eq!(status(request("DELETE", &[], b"")).await, 200);
    assert_eq!(status(request("POST", JSON, b"")).await, 400);
}

#[tokio::test]
async fn a_body_that_passed_goes_on_as_it_came() {
    let parts = build(&check::<Config>(&["body json"]).sound());
    let mut exchange = request("POST", JSON, b" {\"n\": 1.10} ");
    assert!(matches!(parts.request(&mut exchange).await, Outcome::Through));
    assert_eq!(bytes(exchange.body).await, b" {\"n\": 1.10} ");
}

#[test]
fn a_schema_names_the_place_that_does_not_fit() {
    let schema = serde_json::json!({
        "type": "object", "required": ["id"], "properties": {"id": {"type": "integer"}, "tag": {"pattern": "^(a+)+$"}}
    });
    let check = Check { most: 1 << 20, schema: Some(super::stage::validator(&schema).unwrap()) };
    let judged = |text: &str| check.judge(text.as_bytes()).map_err(|problem| problem.detail.into_owned());
    assert_eq!(judged("{\"id\": 1}"), Ok(()));
    assert_eq!(judged("{\"id\": \"1\"}").unwrap_err(), "the request's body does not fit its schema at `/id`");
    assert_eq!(judged("{}").unwrap_err(), "the request's body does not fit its schema as a whole");
    assert_eq!(judged("{").unwrap_err(), "the request's body is not JSON");
    assert!(judged(&format!("{{\"id\": 1, \"tag\": \"{}b\"}}", "a".repeat(50_000))).is_err());
}

#[test]
fn a_schema_stands_alone() {
    for schema in [serde_json::json!({"$ref": "https://example.com/s.json"}), serde_json::json!({"type": 5})] {
        assert!(super::stage::validator(&schema).is_err(), "{schema}");
    }
}
