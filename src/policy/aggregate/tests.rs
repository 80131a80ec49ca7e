use super::Config;
use crate::http::exchange::testing::exchange;
use crate::http::{Body, Calls, Exchange, Fault, FaultKind, Outgoing, Reply, UpstreamHealth, UpstreamIndex};
use crate::policy::taken::taken;
use crate::policy::testing::{Outcome, build, bytes, caller, check};
use futures_core::future::BoxFuture;
use http::StatusCode;
use parking_lot::Mutex;
use std::sync::Arc;
use std::time::Duration;

/// What an upstream got: method, target, header section, body.
type Got = (String, String, http::HeaderMap, Vec<u8>);

/// Upstream 0 answers at once, upstream 1 after a while.
struct Two {
    answers: [(u16, String); 2],
    delay: Duration,
    got: Arc<Mutex<Vec<Got>>>,
}

impl Calls for Two {
    fn call(&self, upstream: UpstreamIndex, outgoing: Outgoing) -> BoxFuture<'static, Result<Reply, Fault>> {
        let (status, body) = self.answers[usize::from(upstream.0)].clone();
        let delay = if upstream.0 == 1 { self.delay } else { Duration::ZERO };
        let got = self.got.clone();
        Box::pin(async move {
            let Outgoing { method, target, headers, body: sent, .. } = outgoing;
            let sent = bytes(sent).await;
            got.lock().push((method.to_string(), target.to_string(), headers, sent));
            tokio::time::sleep(delay).await;
            if status == 0 {
                return Err(Fault::new(FaultKind::ConnectError, "refused"));
            }
            Ok(Reply::of(StatusCode::from_u16(status).unwrap(), "application/json", body))
        })
    }

    fn health(&self) -> Vec<UpstreamHealth> {
        Vec::new()
    }
}

const TEXT: &str = r#"aggregate {
  part first POST /first -> a {
    pick results
  }
  part second GET "/second/${claim.sub}?n=${param.id}" -> b {
    optional default "[]" within 800ms
  }
}"#;

struct Asked {
    outcome: Outcome,
    got: Vec<Got>,
}

async fn ask(text: &str, answers: [(u16, &str); 2], delay: Duration, body: Body) -> Asked {
    let parts = build(&check::<Config>(&[text]).sound());
    let got = Arc::new(Mutex::new(Vec::new()));
    let answers = answers.map(|(status, body)| (status, body.to_owned()));
    let headers = [("content-type", "application/json"), ("accept-encoding", "gzip"), ("range", "bytes=0-1"), ("x-user", "7")];
    let mut exchange: Exchange = exchange("POST", "/x/1/a?secret=1", &headers);
    exchange.params = smallvec::smallvec![(3, 4), (5, 6)];
    exchange.body = body;
    caller(&mut exchange, "7", "user");
    exchange.calls = Arc::new(Two { answers, delay, got: got.clone() });
    let outcome = parts.request(&mut exchange).await;
    let got = got.lock().clone();
    Asked { outcome, got }
}

async fn answered(text: &str, answers: [(u16, &str); 2], delay: Duration) -> (String, Option<String>) {
    let reply = ask(text, answers, delay, Body::full("{}")).await.outcome.answer();
    let missing = reply.headers.get("x-gate-incomplete").map(|value| value.to_str().unwrap().to_owned());
    (String::from_utf8(bytes(reply.body).await).unwrap(), missing)
}

const FIRST: (u16, &str) = (200, r#"{"results": ["a", "b"], "took": 1.10}"#);

#[tokio::test(start_paused = true)]
async fn parts_are_members_of_one_object_in_their_order() {
    let (body, missing) = answered(TEXT, [FIRST, (200, "[1e400, 12345678901234567890123]")], Duration::from_millis(799)).await;
    assert_eq!(body, r#"{"first":["a", "b"],"second":[1e400, 12345678901234567890123]}"#);
    assert_eq!(missing, None);
}

#[tokio::test(start_paused = true)]
async fn an_optional_part_that_is_late_or_fails_has_its_default() {
    let expected = (r#"{"first":["a", "b"],"second":[]}"#.to_owned(), Some("second".to_owned()));
    assert_eq!(answered(TEXT, [FIRST, (200, "1")], Duration::from_secs(5)).await, expected);
    let large = format!("\"{}\"", "x".repeat(1 << 20));
    for second in [(500, "{}"), (404, "{}"), (200, "<html>"), (0, ""), (200, large.as_str())] {
        assert_eq!(answered(TEXT, [FIRST, second], Duration::ZERO).await, expected);
    }
}

#[tokio::test(start_paused = true)]
async fn an_optional_part_without_a_default_is_null() {
    let (body, _) = answered("aggregate { part p GET /p -> b optional }", [FIRST, (500, "{}")], Duration::ZERO).await;
    assert_eq!(body, r#"{"p":null}"#);
}

#[tokio::test(start_paused = true)]
async fn a_required_part_that_fails_is_a_502_that_says_why() {
    let second = (200, "1");
    for (first, why) in [
        ((503, "{}"), "gatewright; received-status=503"),
        ((200, "<html>"), "gatewright; error=http_protocol_error"),
        ((0, ""), "gatewright; error=connection_refused"),
    ] {
        let problem = ask(TEXT, [first, second], Duration::ZERO, Body::full("{}")).await.outcome.refused();
        assert_eq!(problem.status, 502);
        assert_eq!(problem.headers[0].1, why);
        assert_eq!(problem.detail, "the part `first` of the answer failed");
    }
}

#[tokio::test(start_paused = true)]
async fn a_part_gets_identity_fields_and_only_a_post_gets_the_body() {
    let mut got = ask(TEXT, [FIRST, (200, "1")], Duration::ZERO, Body::full("{\"q\": 1}")).await.got;
    got.sort_by(|left, right| left.1.cmp(&right.1));
    let [first, second] = got.as_slice() else { panic!("{got:?}") };
    assert_eq!((first.0.as_str(), first.1.as_str(), first.3.as_slice()), ("POST", "/first", &b"{\"q\": 1}"[..]));
    assert_eq!((second.0.as_str(), second.1.as_str(), second.3.as_slice()), ("GET", "/second/7?n=1", &b""[..]));
    for (_, _, headers, _) in [first, second] {
        assert_eq!(headers["x-user"], "7");
        assert_eq!(headers["accept"], "application/json");
        assert!(!headers.contains_key("accept-encoding") && !headers.contains_key("range"));
    }
    assert!(first.2.contains_key("content-type") && !second.2.contains_key("content-type"));
}

#[tokio::test(start_paused = true)]
async fn a_body_larger_than_parts_are_sent_is_413() {
    let body = Body::full(vec![b'x'; (1 << 20) + 1]);
    let problem = ask(TEXT, [FIRST, (200, "1")], Duration::ZERO, body).await.outcome.refused();
    assert_eq!(problem.status, 413);
}

#[tokio::test(start_paused = true)]
async fn a_part_may_have_a_body_of_its_own_made_of_the_clients() {
    let text = r#"aggregate {
  part first POST /first -> a {
    body json """{"query": ${body("/q") ?? ""}, "who": "${claim.sub}", "none": ${body("/x") ?? "-"}}"""
  }
}"#;
    let parts = build(&check::<Config>(&[text]).sound());
    let got = Arc::new(Mutex::new(Vec::new()));
    let mut exchange: Exchange = exchange("POST", "/x/1/a", &[("content-type", "text/plain"), ("content-language", "de")]);
    exchange.params = smallvec::smallvec![(3, 4), (5, 6)];
    exchange.keep_json(bytes::Bytes::from_static(br#"{"q": "a\"b"}"#));
    caller(&mut exchange, "7", "user");
    let answers = [FIRST, FIRST].map(|(status, body)| (status, body.to_owned()));
    exchange.calls = Arc::new(Two { answers, delay: Duration::ZERO, got: got.clone() });
    parts.request(&mut exchange).await.answer();
    let got = got.lock().clone();
    assert_eq!(String::from_utf8_lossy(&got[0].3), r#"{"query": "a\"b", "who": "7", "none": "-"}"#);
    assert_eq!(got[0].2["content-type"], "application/json");
    assert!(!got[0].2.contains_key("content-language"));
}

fn take(lines: &str, answer: &str) -> String {
    let text = format!("aggregate {{\n part p GET /p -> a {{\n{lines}\n}}\n}}");
    let config = check::<Config>(&[&text]).sound();
    taken(answer.as_bytes(), &config.parts[0].take).unwrap().get().to_owned()
}

#[test]
fn fields_are_picked_kept_dropped_and_renamed() {
    let answer = r#"{"a": {"b": [1, 2], "c": 3}, "list": [{"id": 1, "key": "x"}, {"id": 2, "key": "y"}]}"#;
    assert_eq!(take("pick \"/a/b/1\"", answer), "2");
    assert_eq!(take("pick nothing", answer), "null");
    assert_eq!(take("keep [\"/list/*/id\"]", answer), r#"{"list":[{"id":1},{"id":2}]}"#);
    assert_eq!(take("drop [\"/list/*/key\", a]", answer), r#"{"list":[{"id":1},{"id":2}]}"#);
    assert_eq!(take("drop list", answer), r#"{"a":{"b": [1, 2], "c": 3}}"#);
    assert_eq!(take("pick a\nrename c d\nrename b c", answer), r#"{"c":[1, 2],"d":3}"#);
}

#[test]
fn what_cannot_be_asked_is_refused() {
    let cases = [
        ("part p GET /p -> nobody", "name::unknown"),
        ("part p HEAD /p -> a", "type::mismatch"),
        ("part p GET \"p\" -> a", "route::path-encoding"),
        ("part p GET /p -> a; part p GET /q -> b", "name::duplicate"),
        ("part p GET /p -> a { optional default \"{\" }", "type::mismatch"),
        ("part p GET /p -> a { body json \"{}\" }", "type::mismatch"),
        ("part p POST /p -> a { body json \"{\" }", "type::mismatch"),
        ("part p POST /p -> a { body json \"{\\\"a\\\": ${body(\"q\")}}\" }", "type::mismatch"),
        ("part p GET /p -> a { pick \"/a/*\" }", "type::mismatch"),
        ("part p GET /p -> a { within 1s; optional within 2s }", "schema::repeated"),
        ("part p GET /p", "schema::arity"),
    ];
    for (line, code) in cases {
        assert_eq!(check::<Config>(&[&format!("aggregate {{ {line} }}")]).code(), format!("gate::{code}"), "{line}");
    }
    assert_eq!(check::<Config>(&["aggregate"]).code(), "gate::schema::missing-key");
}
