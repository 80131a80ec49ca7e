use super::rig::{draft, echo, origin, status};
use std::time::Duration;

#[tokio::test]
async fn a_refused_head_is_answered_in_its_turn_and_the_connection_closed() {
    let gate = draft(echo().await).start();
    let reply = gate
        .send(
            "GET /first HTTP/1.1\r\nHost: a\r\n\r\nGET /second HTTP/1.1\r\nHost: a\r\nX : y\r\n\r\nGET /third HTTP/1.1\r\nHost: a\r\n\r\n",
        )
        .await;
    assert_eq!(status(&reply), 200, "{reply}");
    let (_, second) = reply.split_once("HTTP/1.1 400").unwrap();
    assert!(second.contains("connection: close") && second.contains("application/problem+json"), "{second}");
    assert!(!reply.contains("/second") && !reply.contains("/third"), "{reply}");
}

#[tokio::test]
async fn a_head_in_parts_passes_and_one_with_a_fault_does_not() {
    let gate = draft(echo().await).start();
    for (parts, expected) in [
        (&["GE", "T / HTTP/1.1\r", "\nHost: a\r\nConnection: close\r\n", "\r\n"][..], 200),
        (&["GET / HTTP/1.1\r\nHo", "st: a\r\nX: y\n", "\r\n"], 400),
        (&["GET / HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\n", "Transfer-Encoding: chunked\r\n\r\n"], 400),
    ] {
        let mut client = gate.connect().await;
        for part in parts {
            client.write(part).await;
            tokio::task::yield_now().await;
        }
        assert_eq!(status(&client.rest().await), expected, "{parts:?}");
    }
}

#[tokio::test]
async fn a_head_over_its_limits_is_431() {
    let gate = draft(echo().await).start();
    let long = format!("GET / HTTP/1.1\r\nHost: a\r\nX: {}\r\n\r\n", "x".repeat(40 << 10));
    assert_eq!(status(&gate.send(long).await), 431);
    let many = format!("GET / HTTP/1.1\r\nHost: a\r\n{}\r\n", "X: y\r\n".repeat(100));
    assert_eq!(status(&gate.send(many).await), 431);
    let most = format!("GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n{}\r\n", "X: y\r\n".repeat(98));
    assert_eq!(status(&gate.send(most).await), 200);
}

#[tokio::test]
async fn a_broken_chunk_never_ends_the_body_towards_the_upstream() {
    let (seen, mut was_seen) = tokio::sync::mpsc::unbounded_channel();
    let origin = origin(move |_, mut peer| {
        let seen = seen.clone();
        async move {
            peer.head().await;
            seen.send(peer.through(b"0\r\n\r\n").await).unwrap();
        }
    })
    .await;
    let gate = draft(origin).start();
    let head = "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n";
    for body in ["3\r\nabc\r\nx\r\n", "3\r\nabcd\r\n0\r\n\r\n", "3\r\nabc\n0\r\n\r\n"] {
        let mut client = gate.connect().await;
        client.write(format!("{head}3\r\nabc\r\n")).await;
        client.write(body).await;
        let reply = client.rest().await;
        assert_eq!(status(&reply), 400, "{body:?}: {reply}");
        assert_eq!(was_seen.recv().await.unwrap(), None, "{body:?}");
    }
}

#[tokio::test]
async fn a_slow_head_is_408_and_an_unused_connection_is_closed() {
    let mut draft = draft(echo().await);
    draft.settings.header_timeout = Duration::from_millis(50);
    draft.settings.idle = Duration::from_millis(50);
    let gate = draft.start();
    let slow = gate.send("GET / HTTP/1.1\r\nHost").await;
    assert_eq!(status(&slow), 408);
    assert_eq!(gate.send("").await, "");
    let kept = gate.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n").await;
    assert_eq!(status(&kept), 200);
    assert!(!kept.contains("HTTP/1.1 408"), "{kept}");
}

#[tokio::test]
async fn a_client_that_waits_for_100_gets_it_from_the_upstream_before_it_sends_its_body() {
    let origin = origin(|_, mut peer| async move {
        let head = peer.head().await.unwrap();
        assert!(head.contains("expect: 100-continue"), "{head}");
        peer.write("HTTP/1.1 100 Continue\r\n\r\n").await;
        assert_eq!(peer.through(b"abc").await.as_deref(), Some("abc"));
        peer.write("HTTP/1.1 201 Created\r\nContent-Length: 0\r\n\r\n").await;
    })
    .await;
    let gate = draft(origin).start();
    let mut client = gate.connect().await;
    client.write("POST / HTTP/1.1\r\nHost: a\r\nConnection: close\r\nContent-Length: 3\r\nExpect: 100-continue\r\n\r\n").await;
    assert_eq!(client.until("\r\n\r\n").await, "HTTP/1.1 100 Continue\r\n\r\n");
    client.write("abc").await;
    assert_eq!(status(&client.rest().await), 201);
}
