use super::Config;
use crate::http::exchange::testing::exchange;
use crate::http::{Exchange, Reply, Source};
use crate::policy::testing::{Outcome, build, bytes, caller, check};
use http::{HeaderMap, StatusCode};

async fn shaped(levels: &[&str], target: &str, role: &str, headers: &[(&str, &str)]) -> Exchange {
    let parts = build(&check::<Config>(levels).sound());
    let mut exchange = exchange("GET", target, headers);
    let path = exchange.request.path();
    let rest = u32::try_from(path.len()).unwrap();
    if path.starts_with("/x/1/") {
        exchange.params = smallvec::smallvec![(3, 4), (5, rest)];
    }
    caller(&mut exchange, "7", role);
    match parts.request(&mut exchange).await {
        Outcome::Through => exchange,
        other => panic!("{other:?}"),
    }
}

fn values<'h>(headers: &'h HeaderMap, name: &str) -> Vec<&'h str> {
    headers.get_all(name).iter().map(|value| value.to_str().unwrap()).collect()
}

async fn target(text: &str, target: &str, role: &str) -> String {
    shaped(&[text], target, role, &[]).await.request.target.to_string()
}

fn response(levels: &[&str], source: Source, headers: &[(&'static str, &str)]) -> HeaderMap {
    let parts = build(&check::<Config>(levels).sound());
    let exchange = exchange("GET", "/x/1/a", &[]);
    let mut reply = Reply::empty(StatusCode::OK);
    reply.source = source;
    for (name, value) in headers {
        reply.headers.append(*name, value.parse().unwrap());
    }
    parts.response(&exchange, &mut reply);
    reply.headers
}

#[tokio::test]
async fn an_identitys_field_replaces_what_the_client_sent_under_any_spelling() {
    let spoofed = [("x-user-id", "1"), ("x_user_id", "2"), ("x-user_id", "3"), ("x-other", "4")];
    let exchange = shaped(&["request { set X-User-Id claim.sub }"], "/x/1/a", "user", &spoofed).await;
    assert_eq!(values(&exchange.request.headers, "x-user-id"), ["7"]);
    assert_eq!(exchange.request.headers.len(), 2);
}

#[tokio::test]
async fn an_identitys_field_is_scrubbed_even_when_it_is_not_set() {
    let cases = [
        "set X-Admin \"1\" when claim.role == \"admin\"",
        "set X-Admin \"1\" unless claim.role == \"user\"",
        "set X-Admin claim.email",
        "set X-Admin { when claim.role == \"admin\" -> \"1\" }",
        "set X-Admin \"1\" when client.ip in [10.0.0.0/8]",
    ];
    for line in cases {
        let exchange = shaped(&[&format!("request {{ {line} }}")], "/x/1/a", "user", &[("x-admin", "1"), ("x_admin", "1")]).await;
        assert!(exchange.request.headers.is_empty(), "{line}");
    }
}

#[tokio::test]
async fn a_default_leaves_what_the_client_sent() {
    let text = "request { set Accept-Language \"en\" unless has(header(\"accept-language\")) }";
    let exchange = shaped(&[text], "/x/1/a", "user", &[("accept-language", "de")]).await;
    assert_eq!(values(&exchange.request.headers, "accept-language"), ["de"]);
    let exchange = shaped(&[text], "/x/1/a", "user", &[]).await;
    assert_eq!(values(&exchange.request.headers, "accept-language"), ["en"]);
}

#[tokio::test]
async fn lines_run_as_remove_rename_set_add_and_see_the_request_as_it_arrived() {
    let text = "request {\n add X-A \"added\"\n set X-A header(\"x-b\")\n rename X-B X-C\n remove \"X-Internal-*\"\n set X-Seen header(\"x-internal-a\")\n}";
    let sent = [("x-a", "old"), ("x-b", "b"), ("x-internal-a", "i"), ("x_internal_b", "i"), ("x-c", "c")];
    let headers = shaped(&[text], "/x/1/a", "user", &sent).await.request.headers;
    assert_eq!(values(&headers, "x-a"), ["b", "added"]);
    assert_eq!(values(&headers, "x-c"), ["b"]);
    assert_eq!(values(&headers, "x-seen"), ["i"]);
    assert!(!headers.contains_key("x-internal-a") && !headers.contains_key("x_internal_b") && !headers.contains_key("x-b"));
}

#[tokio::test]
async fn the_first_case_that_holds_gives_the_value() {
    let text = "request {\n set X-Level {\n  when claim.role == \"admin\" -> \"high\"\n  when claim.role == \"user\" -> \"low\"\n  else -> \"none\"\n }\n}";
    for (role, level) in [("admin", "high"), ("user", "low"), ("guest", "none")] {
        assert_eq!(values(&shaped(&[text], "/x/1/a", role, &[]).await.request.headers, "x-level"), [level]);
    }
}

#[tokio::test]
async fn an_inner_level_replaces_what_outer_levels_say_of_a_field() {
    let levels =
        ["request { set X-A \"outer\"; set X-B \"outer\"; set X-C \"outer\" }", "request { set X-A \"inner\"; remove X-B; drop set X-C }"];
    let headers = shaped(&levels, "/x/1/a", "user", &[]).await.request.headers;
    assert_eq!(values(&headers, "x-a"), ["inner"]);
    assert_eq!(headers.len(), 1);
}

#[tokio::test]
async fn values_stay_inside_their_field_and_secrets_reach_the_upstream() {
    let text = "request { set X-Id param.id; set X-Key \"Bearer ${env(\"KEY\")}\"; set X-Text \"<${param.rest}>\" }";
    let exchange = shaped(&[text], "/x/1/a%0D%0Ab", "user", &[]).await;
    assert_eq!(values(&exchange.request.headers, "x-key"), ["Bearer secret-KEY"]);
    assert_eq!(values(&exchange.request.headers, "x-text"), ["<ab>"]);
}

#[tokio::test]
async fn a_parameter_is_replaced_and_encoded() {
    let text = "query { set user_id claim.sub unless claim.role == \"admin\"; set q \"a&b=c\"; remove \"utm_*\" }";
    assert_eq!(target(text, "/x/1/a?user%5Fid=1&page=2&utm_a=1", "user").await, "/x/1/a?page=2&user_id=7&q=a%26b%3Dc");
}

#[tokio::test]
async fn an_identitys_parameter_is_scrubbed_even_when_it_is_not_set() {
    let text = "query { set user_id claim.sub unless claim.role == \"admin\" }";
    assert_eq!(target(text, "/x/1/a?user_id=1&page=2", "admin").await, "/x/1/a?page=2");
    assert_eq!(target(text, "/x/1/a?user_id=1", "admin").await, "/x/1/a");
}

#[tokio::test]
async fn prefixes_are_whole_segments_and_strip_comes_first() {
    assert_eq!(target("strip_prefix /x", "/x/1/a?q=1", "user").await, "/1/a?q=1");
    assert_eq!(target("strip_prefix /x/1/a", "/x/1/a", "user").await, "/");
    assert_eq!(target("strip_prefix /x", "/xy/1", "user").await, "/xy/1");
    assert_eq!(target("add_prefix /internal\nstrip_prefix /x", "/x/1/a", "user").await, "/internal/1/a");
    assert_eq!(target("add_prefix /internal\nstrip_prefix /x", "/x", "user").await, "/internal");
}

#[tokio::test]
async fn the_upstream_is_told_what_was_stripped() {
    let exchange = shaped(&["strip_prefix /x"], "/x/1/a", "user", &[("x-forwarded-prefix", "/evil")]).await;
    assert_eq!(values(&exchange.request.headers, "x-forwarded-prefix"), ["/x"]);
}

#[tokio::test]
async fn a_rewrite_keeps_the_query_unless_it_has_its_own() {
    assert_eq!(target("rewrite \"/files/${param.rest}\"", "/x/1/a/b?q=1", "user").await, "/files/a/b?q=1");
    assert_eq!(target("rewrite \"/files?id=${param.id}\"", "/x/1/a?q=1", "user").await, "/files?id=1");
}

#[tokio::test]
async fn parameters_and_path_stay_those_that_arrived() {
    let exchange = shaped(&["rewrite \"/y\""], "/x/1/a?q=1", "user", &[]).await;
    assert_eq!(exchange.request.path(), "/y");
    assert_eq!(exchange.arrived().path(), "/x/1/a");
    assert_eq!((exchange.param(0), exchange.param(1)), (Some("1"), Some("a")));
}

#[tokio::test]
async fn a_value_that_would_step_out_of_the_path_is_refused() {
    let parts = build(&check::<Config>(&["rewrite \"/files/.${header(\"x-dot\") ?? \"\"}\""]).sound());
    let mut exchange = exchange("GET", "/x/1/a", &[("x-dot", ".")]);
    assert_eq!(parts.request(&mut exchange).await.refused().status, 400);
}

#[test]
fn responses_are_shaped_and_the_gateways_own_errors_are_not() {
    let text = "response { remove Server; set Cache-Control \"private\" if_missing; set X-Served-By \"gate\"; add Vary \"X\" }";
    let headers = response(&[text], Source::Upstream, &[("server", "nginx"), ("cache-control", "public"), ("vary", "Y")]);
    assert_eq!(values(&headers, "cache-control"), ["public"]);
    assert_eq!(values(&headers, "x-served-by"), ["gate"]);
    assert_eq!(values(&headers, "vary"), ["Y", "X"]);
    assert!(!headers.contains_key("server"));
    assert_eq!(values(&response(&[text], Source::Policy, &[]), "cache-control"), ["private"]);
    assert_eq!(response(&[text], Source::Gateway, &[("server", "gate")]).len(), 1);
}

#[test]
fn a_response_value_sees_the_response() {
    let text =
        "response { set X-Status response.status; set X-Old header(\"x-a\"); remove X-A; set X-Ok \"1\" when response.status in 2xx }";
    let headers = response(&[text], Source::Upstream, &[("x-a", "a")]);
    assert_eq!(values(&headers, "x-status"), ["200"]);
    assert_eq!(values(&headers, "x-old"), ["a"]);
    assert_eq!(values(&headers, "x-ok"), ["1"]);
}

#[test]
fn what_cannot_be_shaped_is_refused() {
    let cases = [
        ("request { set Connection \"close\" }", "headers::hop-by-hop"),
        ("request { set Host \"a\" }", "headers::hop-by-hop"),
        ("request { set \"a b\" \"c\" }", "headers::invalid-name"),
        ("request { remove \"*\" }", "headers::invalid-name"),
        ("request { set X-A \"1\"; set X-A \"2\" }", "schema::repeated"),
        ("request { set X-A }", "schema::arity"),
        ("request { set X-A \"1\" { when client.ip in [10.0.0.0/8] -> \"2\" } }", "schema::arity"),
        ("request { set X-A response.status }", "type::too-early"),
        ("request { set X-A \"${header(\"x-b\")}\" }", "type::optional"),
        ("response { set X-A env(\"KEY\") }", "secret::leak"),
        ("query { set a env(\"KEY\") }", "secret::leak"),
        ("request { set X-A clame.sub }", "name::unknown"),
        ("request { drop set X-A }", "policy::nothing-to-drop"),
        ("rewrite \"/a\"\nstrip_prefix /b", "policy::conflict"),
        ("rewrite \"a\"", "route::path-encoding"),
        ("rewrite \"/a/../b\"", "route::path-encoding"),
        ("strip_prefix \"/a?b\"", "route::path-encoding"),
        ("strip_prefix /", "type::range"),
        ("add_prefix /a/{id}", "route::path-encoding"),
    ];
    for (text, code) in cases {
        assert_eq!(check::<Config>(&[text]).code(), format!("gate::{code}"), "{text}");
    }
}

async fn mapped(text: &str, kind: &'static str, body: &'static str) -> Result<(String, HeaderMap), u16> {
    let parts = build(&check::<Config>(&[text]).sound());
    let mut exchange = exchange("POST", "/x/1/a", &[("content-type", kind), ("content-length", "9"), ("x-a", "1")]);
    caller(&mut exchange, "7", "user");
    exchange.body = crate::http::Body::full(body);
    match parts.request(&mut exchange).await {
        Outcome::Through => Ok((String::from_utf8(bytes(exchange.body).await).unwrap(), exchange.request.headers)),
        Outcome::Refused(problem) => Err(problem.status.as_u16()),
        other => panic!("{other:?}"),
    }
}

const MAPPING: &str = "request { set X-A \"2\"; body { drop [\"/secret\"]; rename a b; set who claim.sub; set \"/n/email\" claim.email; set x header(\"x-a\") } }";

#[tokio::test]
async fn a_json_body_is_changed_before_it_goes_upstream() {
    let (body, headers) = mapped(MAPPING, "application/json", r#"{"secret": 1, "a": 1.10}"#).await.unwrap();
    assert_eq!(body, r#"{"b":1.10,"who":"7","x":"1"}"#);
    assert!(!headers.contains_key("content-length"));
    assert_eq!(headers["x-a"], "2");
}

#[tokio::test]
async fn a_body_that_is_not_json_passes_and_broken_json_does_not() {
    assert_eq!(mapped(MAPPING, "text/plain", "{\"secret\": 1}").await.unwrap().0, "{\"secret\": 1}");
    assert_eq!(mapped(MAPPING, "application/json", "{\"secret\": 1").await.unwrap_err(), 400);
    assert_eq!(mapped(MAPPING, "application/json", "").await.unwrap().0, "");
}

async fn answer(text: &str, method: &str, make: impl FnOnce(&mut Reply)) -> Reply {
    let parts = build(&check::<Config>(&[text]).sound());
    let mut exchange = exchange(method, "/x/1/a", &[("accept-encoding", "gzip"), ("range", "bytes=0-1")]);
    let _ = parts.request(&mut exchange).await;
    assert!(!exchange.request.headers.contains_key("accept-encoding") && !exchange.request.headers.contains_key("range"));
    let mut reply = Reply::of(StatusCode::OK, "application/json; charset=utf-8", r#"{"id": 1, "items": [{"cost": 2, "name": "x"}]}"#);
    reply.headers.insert("etag", "\"1\"".parse().unwrap());
    reply.headers.insert("content-length", "46".parse().unwrap());
    make(&mut reply);
    parts.reply(&mut exchange, reply).await
}

async fn text(reply: Reply) -> String {
    String::from_utf8(bytes(reply.body).await).unwrap()
}

const OUT: &str = "response { body { drop [\"/items/*/cost\"]; set status response.status }; envelope }";

#[tokio::test]
async fn a_json_answer_is_changed_and_wrapped() {
    let reply = answer(OUT, "GET", |_| {}).await;
    assert_eq!(reply.headers["etag"], "W/\"1\"");
    assert!(!reply.headers.contains_key("content-length"));
    let expected = r#"{"data":{"id":1,"items":[{"name":"x"}],"status":200},"status":200,"request_id":"0190a5c0-0000-7000-8000-000000000001"}"#;
    assert_eq!(text(reply).await, expected);
}

#[tokio::test]
async fn other_answers_stay_as_they_are() {
    let page = answer(OUT, "GET", |reply| {
        reply.headers.insert("content-type", "text/html".parse().unwrap());
    })
    .await;
    assert!(page.headers.contains_key("content-length"));
    assert!(text(page).await.contains("cost"));
    let own = answer(OUT, "GET", |reply| reply.source = Source::Gateway).await;
    assert!(text(own).await.contains("cost"));
    let problem = answer("response { envelope }", "GET", |reply| {
        reply.headers.insert("content-type", "application/problem+json".parse().unwrap());
    })
    .await;
    assert!(text(problem).await.starts_with("{\"id\""));
    let head = answer(OUT, "HEAD", |reply| reply.body = crate::http::Body::empty()).await;
    assert!(!head.headers.contains_key("content-length"));
}

#[tokio::test]
async fn an_answer_to_head_says_nothing_of_the_length_it_would_have_without_the_envelope() {
    let head = answer(OUT, "HEAD", |_| {}).await;
    assert_eq!((head.headers.contains_key("content-length"), head.body.at_hand()), (false, Some(bytes::Bytes::new())));
    assert_eq!(head.headers["etag"], "W/\"1\"");
}

#[tokio::test]
async fn a_304_has_the_tag_that_the_changed_answer_has() {
    let unchanged = answer(OUT, "GET", |reply| {
        (reply.status, reply.body) = (StatusCode::NOT_MODIFIED, crate::http::Body::empty());
        reply.headers.remove("content-type");
    })
    .await;
    assert_eq!(unchanged.headers["etag"], "W/\"1\"");
}

#[tokio::test]
async fn an_answer_that_cannot_be_changed_is_not_passed_on() {
    let broken = answer(OUT, "GET", |reply| reply.body = crate::http::Body::full("{\"cost\": ")).await;
    let encoded = answer(OUT, "GET", |reply| {
        reply.headers.insert("content-encoding", "gzip".parse().unwrap());
    })
    .await;
    let partial = answer(OUT, "GET", |reply| reply.status = StatusCode::PARTIAL_CONTENT).await;
    let large = answer(OUT, "GET", |reply| reply.body = crate::http::Body::full(vec![b' '; (8 << 20) + 1])).await;
    for reply in [broken, encoded, partial, large] {
        assert_eq!((reply.status.as_u16(), reply.source), (502, Source::Gateway));
        assert!(!text(reply).await.contains("cost"));
    }
}
