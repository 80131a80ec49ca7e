use super::Config;
use crate::http::exchange::testing::exchange;
use crate::http::{Calls, Fault, Outgoing, Reply, UpstreamHealth, UpstreamIndex};
use crate::policy::testing::{build, bytes, caller, check};
use futures_core::future::BoxFuture;
use std::sync::Arc;

async fn answer(text: &str, target: &str) -> Reply {
    let parts = build(&check::<Config>(&[text]).sound());
    let mut exchange = exchange("GET", target, &[]);
    exchange.params = smallvec::smallvec![(3, 4), (5, u32::try_from(exchange.request.path().len()).unwrap())];
    caller(&mut exchange, "say \"hi\"", "user");
    parts.request(&mut exchange).await.answer()
}

async fn location(text: &str, target: &str) -> String {
    answer(text, target).await.headers["location"].to_str().unwrap().to_owned()
}

#[tokio::test]
async fn a_literal_answers_with_its_media_type() {
    let reply = answer("respond 200 text \"User-agent: *\\n\"", "/x/1/a").await;
    assert_eq!((reply.status.as_u16(), reply.headers["content-type"].to_str().unwrap()), (200, "text/plain; charset=utf-8"));
    assert_eq!(bytes(reply.body).await, b"User-agent: *\n");
}

#[tokio::test]
async fn values_cannot_leave_their_place_in_json() {
    let reply = answer(r#"respond 201 json """{"a": "${claim.sub}", "b": ${claim.role}}""""#, "/x/1/a").await;
    assert_eq!(reply.status, 201);
    assert_eq!(bytes(reply.body).await, br#"{"a": "say \"hi\"", "b": "user"}"#);
}

#[tokio::test]
async fn the_requests_own_path_is_not_encoded_twice() {
    assert_eq!(location(r#"redirect 301 "https://example.com${request.path}""#, "/x/1/a%20b").await, "https://example.com/x/1/a%20b");
}

#[tokio::test]
async fn a_status_alone_has_no_body() {
    let reply = answer("respond 204", "/x/1/a").await;
    assert_eq!(reply.status, 204);
    assert!(reply.headers.is_empty());
}

#[tokio::test]
async fn routes_are_listed() {
    let reply = answer("respond routes", "/x/1/a").await;
    let expected = r#"{"endpoints":[{"route":"index","methods":["GET"],"path":"/","auth":null,"doc":"The list."}]}"#;
    assert_eq!(bytes(reply.body).await, expected.as_bytes());
}

struct OneOpen;

impl Calls for OneOpen {
    fn call(&self, _: UpstreamIndex, _: Outgoing) -> BoxFuture<'static, Result<Reply, Fault>> {
        unreachable!("health calls nobody")
    }

    fn health(&self) -> Vec<UpstreamHealth> {
        vec![UpstreamHealth { name: "users".into(), breaker: Some("open"), healthy: 1, targets: 1 }]
    }
}

#[tokio::test]
async fn health_is_200_and_says_what_is_wrong() {
    let parts = build(&check::<Config>(&["respond health"]).sound());
    let mut exchange = exchange("GET", "/health", &[]);
    let reply = parts.request(&mut exchange).await.answer();
    assert_eq!(bytes(reply.body).await, br#"{"status":"ok","upstreams":{}}"#);
    exchange.calls = Arc::new(OneOpen);
    let reply = parts.request(&mut exchange).await.answer();
    assert_eq!(reply.status, 200);
    let expected = br#"{"status":"degraded","upstreams":{"users":{"breaker":"open","healthy":1,"targets":1}}}"#;
    assert_eq!(bytes(reply.body).await, expected);
}

#[tokio::test]
async fn a_redirect_keeps_the_query_unless_it_has_its_own() {
    let docs = "redirect 308 \"https://docs.example.com/${param.rest}\"";
    assert_eq!(location(docs, "/x/1/a/b?q=1").await, "https://docs.example.com/a/b?q=1");
    assert_eq!(location("redirect 302 \"/new?from=${request.path}#top\"", "/x/1/a?q=1").await, "/new?from=%2Fx%2F1%2Fa#top");
    assert_eq!(location("redirect 302 \"/new#top\"", "/x/1/a?q=1").await, "/new?q=1#top");
}

#[tokio::test]
async fn a_path_never_becomes_another_host() {
    assert_eq!(location("redirect 302 \"/${request.path}\"", "/evil.example/a").await, "/evil.example/a");
    assert_eq!(location("redirect 301 \"//cdn.example.com${request.path}\"", "/a").await, "//cdn.example.com/a");
}

#[test]
fn what_cannot_be_answered_is_refused() {
    let cases = [
        ("respond 200 json \"{\"", "type::mismatch"),
        ("respond 99 text \"a\"", "type::range"),
        ("respond 2xx text \"a\"", "type::range"),
        ("respond 204 text \"a\"", "type::range"),
        ("respond helth", "type::enum"),
        ("respond health 200", "schema::arity"),
        ("respond 200 json", "schema::arity"),
        ("respond", "schema::arity"),
        ("redirect 200 \"/a\"", "type::range"),
        ("redirect 304 \"/a\"", "type::range"),
        ("redirect 302 \"example.com\"", "type::mismatch"),
        ("redirect 302 \"/x y\"", "type::mismatch"),
        ("redirect 302 \"https://example.com/{id}\"", "type::mismatch"),
        ("redirect 302 \"/${request.path}|b\"", "type::mismatch"),
        ("respond 200 text env(\"KEY\")", "secret::leak"),
    ];
    for (text, code) in cases {
        assert_eq!(check::<Config>(&[text]).code(), format!("gate::{code}"), "{text}");
    }
}
