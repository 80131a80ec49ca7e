use super::rig::{always, draft, echo, origin, status};
use crate::http::{Exchange, Problem, Reply};
use crate::policy::stage::{OnResponse, ReplyPlace};
use futures_core::future::BoxFuture;
use http::StatusCode;
use std::sync::Arc;
use std::time::Duration;

const OK: &str = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";

#[tokio::test]
async fn a_request_goes_through_with_the_forwarding_fields_of_the_gateway() {
    let gate = draft(echo().await).start();
    let request = "GET /a/../b?q=%zz HTTP/1.1\r\nHost: Shop.Example:81\r\nConnection: close, X-Hop\r\nX-Hop: 1\r\n\
                   X-Forwarded-For: 6.6.6.6\r\nX_Forwarded_For: 6.6.6.6\r\nX-Real-IP: 6.6.6.6\r\nX-Request-Id: forged\r\nTE: trailers, gzip\r\nAccept: */*\r\n\r\n";
    let reply = gate.send(request).await;
    assert_eq!(status(&reply), 200, "{reply}");
    let (head, seen) = reply.split_once("\r\n\r\n").unwrap();
    assert!(seen.starts_with("GET /b?q=%zz HTTP/1.1\r\n"), "{seen}");
    for field in [
        "host: Shop.Example:81",
        "x-forwarded-for: 127.0.0.1",
        "x-forwarded-host: Shop.Example:81",
        "x-forwarded-proto: http",
        "forwarded: for=127.0.0.1;host=\"Shop.Example:81\";proto=http",
        "via: 1.1 gatewright",
        "te: trailers",
        "connection: te\r\n",
        "accept: */*",
        "traceparent: 00-",
    ] {
        assert!(seen.contains(&format!("\r\n{field}")), "{field} is not in {seen}");
    }
    for word in ["6.6.6.6", "x-hop", "forged", "close"] {
        assert!(!seen.to_lowercase().contains(word), "{word} is in {seen}");
    }
    let id = |text: &str| text.split("x-request-id: ").nth(1).unwrap()[..36].to_owned();
    assert_eq!(id(head), id(seen));
    let log = gate.end().await;
    let line: serde_json::Value = serde_json::from_str(log.trim()).unwrap();
    assert_eq!(line["path"], "/b");
    assert_eq!(line["status"], 200);
    assert_eq!(line["upstream"], "origin");
    assert_eq!(line["attempts"], 1);
    assert_eq!(line["client_ip"], "127.0.0.1");
    assert_eq!(line["bytes"], seen.len());
}

#[tokio::test]
async fn unknown_paths_and_methods_are_told_apart() {
    let mut draft = draft(always(OK).await);
    draft.routes = vec![("GET", "/a"), ("GET,POST", "/b")];
    let gate = draft.start();
    let ask = |line: &str| format!("{line} HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n");
    let missing = gate.send(ask("GET /c")).await;
    assert_eq!(status(&missing), 404);
    assert!(missing.contains("content-type: application/problem+json"), "{missing}");
    assert!(missing.contains("\"request_id\":\""), "{missing}");
    let wrong = gate.send(ask("DELETE /b")).await;
    assert_eq!(status(&wrong), 405);
    assert!(wrong.contains("allow: GET, HEAD, POST"), "{wrong}");
    let options = gate.send(ask("OPTIONS /a")).await;
    assert_eq!(status(&options), 204);
    assert!(options.contains("allow: GET, HEAD, OPTIONS"), "{options}");
    assert_eq!(status(&gate.send(ask("OPTIONS *")).await), 204);
    assert_eq!(status(&gate.send(ask("TRACE /a")).await), 405);
    let head = gate.send(ask("HEAD /b")).await;
    assert_eq!(status(&head), 200);
    assert!(head.ends_with("\r\n\r\n"), "{head}");
}

#[tokio::test]
async fn paths_that_can_be_read_in_two_ways_are_refused_unless_the_upstream_keeps_them() {
    let mut draft = draft(echo().await);
    let gate = draft.start();
    for path in ["/a%2Fb", "/a%00", "/%zz", "/a\\b", "/a%5cb"] {
        assert_eq!(status(&gate.get(path).await), 400, "{path}");
    }
    draft.upstream.encoded_slashes = true;
    gate.server.swap(draft.plan(&gate.registry)).unwrap();
    assert!(gate.get("/a%2fb").await.contains("GET /a%2Fb HTTP/1.1"));
}

#[tokio::test]
async fn the_host_of_an_absolute_target_wins() {
    let gate = draft(echo().await).start();
    let reply = gate.send("GET http://real.example/x HTTP/1.1\r\nHost: other\r\nConnection: close\r\n\r\n").await;
    assert!(reply.contains("GET /x HTTP/1.1\r\n") && reply.contains("host: real.example\r\n"), "{reply}");
    assert!(!reply.contains("other"), "{reply}");
}

#[tokio::test]
async fn a_swapped_plan_serves_the_next_request_of_an_open_connection() {
    let mut draft = draft(always(OK).await);
    draft.routes = vec![("GET", "/old")];
    let gate = draft.start();
    let mut client = gate.connect().await;
    client.write("GET /old HTTP/1.1\r\nHost: a\r\n\r\n").await;
    assert_eq!(status(&client.until("ok").await), 200);
    draft.routes = vec![("GET", "/new")];
    gate.server.swap(draft.plan(&gate.registry)).unwrap();
    client.write("GET /new HTTP/1.1\r\nHost: a\r\n\r\n").await;
    assert_eq!(status(&client.until("ok").await), 200);
}

#[tokio::test]
async fn a_connection_that_stays_open_keeps_no_plan_that_is_not_in_force() {
    let draft = draft(always(OK).await);
    let gate = draft.start();
    let mut client = gate.connect().await;
    client.write("GET / HTTP/1.1\r\nHost: a\r\n\r\n").await;
    assert_eq!(status(&client.until("ok").await), 200);
    let old = Arc::downgrade(&gate.server.plan());
    gate.server.swap(draft.plan(&gate.registry)).unwrap();
    // The worker looks at the new plan with the next request.
    assert_eq!(status(&gate.get("/").await), 200);
    let gone = async {
        while old.strong_count() > 0 {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(Duration::from_secs(20), gone).await.expect("the old plan is kept");
    client.write("GET / HTTP/1.1\r\nHost: a\r\n\r\n").await;
    assert_eq!(status(&client.until("ok").await), 200);
}

#[tokio::test]
async fn whoever_asks_shortly_after_a_drain_has_begun_is_answered_and_told() {
    let gate = draft(always(OK).await).start();
    let (address, mut client) = (gate.address, gate.connect().await);
    client.write("GET / HTTP/1.1\r\nHost: a\r\n\r\n").await;
    assert_eq!(status(&client.until("ok").await), 200);
    let ending = tokio::spawn(gate.end());
    while tokio::net::TcpStream::connect(address).await.is_ok() {
        tokio::task::yield_now().await;
    }
    client.write("GET / HTTP/1.1\r\nHost: a\r\n\r\n").await;
    let reply = client.rest().await;
    assert_eq!(status(&reply), 200);
    assert!(reply.contains("connection: close"), "{reply}");
    ending.await.unwrap();
}

#[tokio::test]
async fn a_gateway_that_has_ended_takes_no_other_plan() {
    let draft = draft(always(OK).await);
    let gate = draft.start();
    let plan = draft.plan(&gate.registry);
    tokio::task::spawn_blocking(move || {
        gate.server.shutdown().unwrap();
        assert!(gate.server.swap(plan).is_err());
    })
    .await
    .unwrap();
}

#[tokio::test]
async fn a_drain_lets_what_runs_finish_and_closes_idle_connections() {
    let (asked, mut was_asked) = tokio::sync::mpsc::channel(1);
    let (go, may_go) = tokio::sync::watch::channel(false);
    let origin = origin(move |_, mut peer| {
        let (asked, mut may_go) = (asked.clone(), may_go.clone());
        async move {
            while peer.head().await.is_some() {
                asked.send(()).await.unwrap();
                may_go.wait_for(|go| *go).await.unwrap();
                peer.write(OK).await;
            }
        }
    })
    .await;
    let gate = draft(origin).start();
    let (mut idle, mut busy) = (gate.connect().await, gate.connect().await);
    busy.write("GET / HTTP/1.1\r\nHost: a\r\n\r\n").await;
    was_asked.recv().await.unwrap();
    let ending = tokio::spawn(gate.end());
    assert_eq!(idle.rest().await, "");
    go.send(true).unwrap();
    let reply = busy.rest().await;
    assert_eq!(status(&reply), 200);
    assert!(reply.contains("connection: close"), "{reply}");
    ending.await.unwrap();
}

#[tokio::test]
async fn a_drain_that_runs_out_of_time_cuts_what_is_left() {
    let (asked, mut was_asked) = tokio::sync::mpsc::channel(1);
    let origin = origin(move |_, mut peer| {
        let asked = asked.clone();
        async move {
            peer.head().await;
            asked.send(()).await.unwrap();
            peer.closed().await;
        }
    })
    .await;
    let mut draft = draft(origin);
    draft.settings.drain = Duration::from_millis(50);
    let gate = draft.start();
    let mut client = gate.connect().await;
    client.write("GET / HTTP/1.1\r\nHost: a\r\n\r\n").await;
    was_asked.recv().await.unwrap();
    let server = gate.server;
    let cut = tokio::task::spawn_blocking(move || server.shutdown()).await.unwrap().unwrap();
    assert_eq!(cut, 1);
}

/// Finds every reply too large.
struct TooLarge;

impl OnResponse for TooLarge {
    fn wait<'a>(&'a self, _: &'a mut Exchange, _: &'a mut Reply) -> Option<BoxFuture<'a, Result<(), Problem>>> {
        Some(Box::pin(std::future::ready(Err(Problem::new(StatusCode::BAD_GATEWAY, "too large")))))
    }
}

#[tokio::test]
async fn a_reply_that_cannot_be_changed_is_a_problem_in_the_callers_own_form() {
    let mut draft = draft(always("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok").await);
    draft.response.push((ReplyPlace::Body, Arc::new(TooLarge)));
    let gate = draft.start();
    for (kind, expected) in [("application/grpc", 200), ("application/json", 502)] {
        let reply = gate
            .send(format!("POST / HTTP/1.1\r\nHost: a\r\nConnection: close\r\nContent-Type: {kind}\r\nContent-Length: 0\r\n\r\n"))
            .await;
        assert_eq!(status(&reply), expected, "{reply}");
        assert_eq!(reply.to_lowercase().contains("grpc-status: "), expected == 200, "{reply}");
    }
}
