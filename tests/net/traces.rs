//! `trace otlp`, as a collector and the upstreams see it.

use crate::harness::{Answer, Gate, Origin, until};
use serde_json::Value;
use std::sync::atomic::{AtomicUsize, Ordering};

const TRACED: &str = r#"
gateway {
  listen 127.0.0.1:0
  trust 127.0.0.0/8
  trace otlp http://{collector} sample 100%
}
upstream app {
  target http://{app}
  retry { attempts 2; on [503]; backoff 1ms }
}
route user GET /users/{id} -> app { public "a test" }
route shaped GET /shaped/{id} -> app {
  public "a test"
  request { set X-Seen "yes" }
}
route silent GET /silent -> app {
  public "a test"
  request { remove traceparent }
}
"#;

/// All spans that have come so far.
fn spans(collector: &Origin) -> Vec<Value> {
    let bodies = collector.requests().into_iter().map(|request| serde_json::from_slice::<Value>(&request.body).unwrap());
    bodies.flat_map(|body| body["resourceSpans"][0]["scopeSpans"][0]["spans"].as_array().unwrap().clone()).collect()
}

fn until_spans(collector: &Origin, count: usize) -> Vec<Value> {
    until("spans", || Some(spans(collector)).filter(|spans| spans.len() >= count))
}

fn said<'s>(span: &'s Value, key: &str) -> Option<&'s str> {
    let found = span["attributes"].as_array().unwrap().iter().find(|attribute| attribute["key"] == key)?;
    found["value"].as_object().unwrap().values().next().unwrap().as_str()
}

fn of_kind(spans: &[Value], kind: u64) -> Vec<&Value> {
    spans.iter().filter(|span| span["kind"] == kind).collect()
}

/// An origin whose first answer is a 503.
fn failing_once() -> Origin {
    let asked = AtomicUsize::new(0);
    Origin::start(move |_| Answer::json(if asked.fetch_add(1, Ordering::AcqRel) == 0 { 503 } else { 200 }, "{}"))
}

#[test]
fn a_request_and_both_its_attempts_join_the_trace_they_came_with() {
    for path in ["/users/7?token=s3cret", "/shaped/7"] {
        let (collector, app) = (Origin::json("{}"), failing_once());
        let gate = Gate::source(TRACED).origin("collector", &collector).origin("app", &app).start();
        let theirs = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
        gate.get(path).field("traceparent", theirs).field("tracestate", "a=1").bearer("s3cret").send().expect(200);
        let spans = until_spans(&collector, 3);
        let (server, clients) = (of_kind(&spans, 2)[0], of_kind(&spans, 3));
        assert!(spans.iter().all(|span| span["traceId"] == "0af7651916cd43dd8448eb211c80319c"), "{spans:#?}");
        assert_eq!(server["parentSpanId"], "b7ad6b7169203331");
        assert!(clients.iter().all(|client| client["parentSpanId"] == server["spanId"]), "{spans:#?}");
        assert_eq!(said(server, "http.response.status_code"), Some("200"));
        assert_eq!(server["name"], format!("GET {}", said(server, "http.route").unwrap()));
        let told: Vec<_> = clients.iter().map(|client| said(client, "http.response.status_code")).collect();
        assert_eq!(told, [Some("503"), Some("200")]);
        let resends: Vec<_> = clients.iter().map(|client| said(client, "http.request.resend_count")).collect();
        assert_eq!(resends, [None, Some("1")]);
        assert_eq!((&clients[0]["status"]["code"], said(clients[0], "error.type")), (&2.into(), Some("503")));
        assert_eq!(said(clients[0], "gatewright.upstream"), Some("app"));
        // Each attempt tells the upstream of its own span.
        for (received, client) in app.requests().iter().zip(&clients) {
            let expected = format!("00-0af7651916cd43dd8448eb211c80319c-{}-01", client["spanId"].as_str().unwrap());
            assert_eq!(received.field("traceparent"), Some(expected.as_str()));
            assert_eq!(received.field("tracestate"), Some("a=1"));
        }
        assert!(collector.requests().iter().all(|request| !String::from_utf8_lossy(&request.body).contains("s3cret")));
        assert_eq!(collector.requests()[0].target, "/v1/traces");
    }
}

#[test]
fn a_hop_that_is_trusted_decides_and_else_the_share_does() {
    let (collector, app) = (Origin::json("{}"), Origin::json("{}"));
    let start = |from: &str, to: &str| Gate::source(TRACED).origin("collector", &collector).origin("app", &app).replace(from, to).start();
    let gate = start("sample 100%", "sample 100%");
    gate.get("/users/1").field("traceparent", "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-00").send().expect(200);
    drop(gate);
    assert!(spans(&collector).is_empty());
    assert!(app.received().field("traceparent").unwrap().ends_with("-00"));
    let gate = start("sample 100%", "sample 0%");
    gate.get("/users/2").send().expect(200);
    gate.get("/users/3").field("traceparent", "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01").send().expect(200);
    drop(gate);
    let spans = spans(&collector);
    let paths: Vec<_> = of_kind(&spans, 2).iter().map(|span| said(span, "url.path").unwrap().to_owned()).collect();
    assert_eq!(paths, ["/users/3"]);
}

#[test]
fn what_was_traced_comes_when_the_gateway_ends_and_a_field_that_is_taken_away_stays_away() {
    let (collector, app) = (Origin::json("{}"), Origin::json("{}"));
    let gate = Gate::source(TRACED).origin("collector", &collector).origin("app", &app).start();
    for _ in 0..20 {
        gate.get("/silent").send().expect(200);
    }
    gate.get("/nowhere").send().expect(404);
    drop(gate);
    let spans = spans(&collector);
    assert_eq!((of_kind(&spans, 2).len(), of_kind(&spans, 3).len()), (21, 20));
    assert!(app.requests().iter().all(|request| request.field("traceparent").is_none()));
    let unmatched = spans.iter().find(|span| said(span, "http.route").is_none() && span["kind"] == 2).unwrap();
    assert_eq!((&unmatched["name"], said(unmatched, "http.response.status_code")), (&"GET".into(), Some("404")));
}

#[test]
fn a_target_that_is_not_there_is_an_attempt_that_failed() {
    let collector = Origin::json("{}");
    let gone = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().to_string();
    let gate = Gate::source(TRACED).origin("collector", &collector).replace("{app}", &gone).start();
    gate.get("/users/7").send().expect(502);
    let spans = until_spans(&collector, 2);
    assert_eq!(said(of_kind(&spans, 3)[0], "error.type"), Some("connect_error"));
    assert_eq!(said(of_kind(&spans, 2)[0], "error.type"), Some("502"));
}
