use super::rig::{always, draft, nobody, origin, status};
use crate::upstream::{config, retry};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

const OK: &str = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";

#[tokio::test]
async fn upstream_connections_are_used_again() {
    let connections = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&connections);
    let origin = origin(move |_, mut peer| {
        counted.fetch_add(1, Ordering::Relaxed);
        async move {
            while peer.head().await.is_some() {
                peer.write(OK).await;
            }
        }
    })
    .await;
    let gate = draft(origin).start();
    let mut client = gate.connect().await;
    for _ in 0..50 {
        client.write("GET / HTTP/1.1\r\nHost: a\r\n\r\n").await;
        assert_eq!(status(&client.until("ok").await), 200);
    }
    assert_eq!(connections.load(Ordering::Relaxed), 1);
}

#[tokio::test]
async fn a_kept_connection_the_upstream_closed_costs_no_request() {
    // Each connection answers once, then is closed: at once, or when the next request has already come.
    let origin = origin(|number, mut peer| async move {
        peer.head().await;
        peer.write(OK).await;
        if number % 2 == 1 {
            peer.head().await;
        }
    })
    .await;
    let gate = draft(origin).start();
    let mut client = gate.connect().await;
    for _ in 0..10 {
        client.write("GET / HTTP/1.1\r\nHost: a\r\n\r\n").await;
        assert_eq!(status(&client.until("ok").await), 200);
    }
}

#[tokio::test]
async fn a_post_is_not_sent_twice() {
    let origin = origin(|_, mut peer| async move {
        peer.head().await;
        peer.write(OK).await;
        peer.through(b"abc").await;
    })
    .await;
    let gate = draft(origin).start();
    let mut client = gate.connect().await;
    client.write("GET / HTTP/1.1\r\nHost: a\r\n\r\n").await;
    client.until("ok").await;
    client.write("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\nabc").await;
    assert_eq!(status(&client.until("}").await), 502);
}

#[tokio::test]
async fn misframed_answers_are_502() {
    for answer in [
        "HTTP/1.1 200 OK\r\nContent-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n",
        "HTTP/1.1 200 OK\r\nContent-Length: 2\r\nContent-Length: 3\r\n\r\nok",
        "HTTP/1.1 200 OK\r\nContent-Length: -2\r\n\r\nok",
        "HTTP/1.1 200 OK\r\nX : y\r\nContent-Length: 2\r\n\r\nok",
        "HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\nUpgrade: x\r\n\r\n",
        "HTTP/1.1 600 Odd\r\nContent-Length: 2\r\n\r\nok",
        "HTTP/1.1 999 Odd\r\nContent-Length: 2\r\n\r\nok",
        "rubbish\r\n\r\n",
    ] {
        let gate = draft(always(answer).await).start();
        let reply = gate.get("/").await;
        assert_eq!(status(&reply), 502, "{answer:?}");
        assert!(reply.contains("proxy-status: gatewright; error="), "{reply}");
    }
}

#[tokio::test]
async fn surplus_bytes_are_never_taken_for_the_next_answer() {
    let origin = origin(|_, mut peer| async move {
        while peer.head().await.is_some() {
            peer.write(format!("{OK}HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\npoison")).await;
        }
    })
    .await;
    let gate = draft(origin).start();
    let mut client = gate.connect().await;
    for _ in 0..5 {
        client.write("GET / HTTP/1.1\r\nHost: a\r\n\r\n").await;
        let reply = client.until("o").await;
        assert!(!reply.contains("poison"), "{reply}");
        client.until("k").await;
    }
}

#[tokio::test]
async fn a_body_cut_short_is_never_ended_cleanly() {
    let sized = origin(|_, mut peer| async move {
        peer.head().await;
        peer.write("HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhalf").await;
    })
    .await;
    let reply = draft(sized).start().get("/").await;
    assert!(reply.contains("content-length: 10") && reply.ends_with("half"), "{reply}");
    let chunked = origin(|_, mut peer| async move {
        peer.head().await;
        peer.write("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nhalf\r\n").await;
    })
    .await;
    let reply = draft(chunked).start().get("/").await;
    assert!(reply.contains("half") && !reply.contains("\r\n0\r\n"), "{reply}");
}

#[tokio::test]
async fn an_upstream_that_does_not_answer_is_504_and_one_that_is_not_there_502() {
    let silent = origin(|_, mut peer| async move { peer.closed().await }).await;
    let mut draft_silent = draft(silent);
    draft_silent.upstream.timeout.attempt = Duration::from_millis(50);
    let reply = draft_silent.start().get("/").await;
    assert_eq!(status(&reply), 504);
    assert!(reply.contains("http_response_timeout"), "{reply}");
    assert_eq!(status(&draft(nobody().await).start().get("/").await), 502);
}

#[tokio::test]
async fn a_body_that_stalls_is_broken_off() {
    let stalling = origin(|_, mut peer| async move {
        peer.head().await;
        peer.write("HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhalf").await;
        peer.closed().await;
    })
    .await;
    let mut draft = draft(stalling);
    draft.upstream.timeout.read = Duration::from_millis(50);
    let reply = draft.start().get("/").await;
    assert!(reply.ends_with("half"), "{reply}");
}

#[tokio::test]
async fn the_breaker_opens_on_failures_and_keeps_its_state_over_a_reload() {
    let gate = draft(always("HTTP/1.1 500 No\r\nContent-Length: 0\r\n\r\n").await).breaker(3).start();
    for _ in 0..3 {
        assert_eq!(status(&gate.get("/").await), 500);
    }
    let reply = gate.get("/").await;
    assert_eq!(status(&reply), 503);
    assert!(reply.contains("retry-after: 30"), "{reply}");
    let upstream = gate.server.plan().upstreams[0].config.clone();
    let mut changed = draft(nobody().await).breaker(3);
    changed.upstream.breaker = upstream.breaker;
    gate.server.swap(changed.plan(&gate.registry)).unwrap();
    assert_eq!(status(&gate.get("/").await), 503);
}

#[tokio::test]
async fn a_request_that_may_have_been_carried_out_goes_to_no_fallback_unless_it_may_be_repeated() {
    let hangs = origin(|_, mut peer| async move {
        peer.through(b"abc").await;
        peer.closed().await;
    })
    .await;
    let refuses = always("HTTP/1.1 503 Service Unavailable\r\nContent-Length: 0\r\n\r\n").await;
    let calls = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&calls);
    let spare = origin(move |_, mut peer| {
        let counted = Arc::clone(&counted);
        async move {
            peer.through(b"abc").await;
            counted.fetch_add(1, Ordering::Relaxed);
            peer.write(OK).await;
        }
    })
    .await;
    for (target, keyed, method, expected) in [
        (hangs, false, "POST", 504),
        (hangs, false, "PUT", 200),
        (hangs, true, "POST", 200),
        (refuses, false, "POST", 503),
        (refuses, false, "PUT", 200),
        (nobody().await, false, "POST", 200),
    ] {
        let mut draft = draft(target);
        draft.upstream.timeout.attempt = Duration::from_millis(50);
        if keyed {
            draft.upstream.retry = Some(retry::Config { idempotency_key: true, attempts: 1, ..retry::Config::default() });
        }
        let targets = super::rig::draft(spare).upstream.targets;
        draft.spare = Some(config::Config { name: "spare".to_owned(), targets, ..config::Config::default() });
        let gate = draft.start();
        let key = if keyed { "Idempotency-Key: 7\r\n" } else { "" };
        let request = format!("{method} / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n{key}Content-Length: 3\r\n\r\nabc");
        let reply = gate.send(request).await;
        assert_eq!(status(&reply), expected, "{method} {reply}");
        assert_eq!(calls.swap(0, Ordering::Relaxed), usize::from(expected == 200), "{method}");
    }
}
