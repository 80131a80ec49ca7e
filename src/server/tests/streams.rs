use super::rig::{draft, echo, origin, status};

const MIB: usize = 1 << 20;

#[tokio::test]
async fn a_body_over_its_limit_is_413_by_its_length_or_while_it_streams() {
    let origin = origin(|_, mut peer| async move {
        peer.head().await;
        peer.closed().await;
    })
    .await;
    let mut draft = draft(origin);
    draft.body_max = Some(1000);
    let gate = draft.start();
    let declared = gate.send("POST / HTTP/1.1\r\nHost: a\r\nConnection: close\r\nContent-Length: 1001\r\n\r\n").await;
    assert_eq!(status(&declared), 413);
    let chunk = format!("258\r\n{}\r\n", "x".repeat(600));
    let streamed = gate.send(format!("POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n{chunk}{chunk}")).await;
    assert_eq!(status(&streamed), 413);
}

#[tokio::test]
async fn chunked_bodies_arrive_whole_without_their_extensions() {
    let origin = origin(|_, mut peer| async move {
        let head = peer.head().await.unwrap();
        assert!(head.contains("transfer-encoding: chunked"), "{head}");
        let body = peer.through(b"0\r\n\r\n").await.unwrap();
        assert!(!body.contains("ext"), "{body}");
        peer.write(format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n{body}", body.len())).await;
    })
    .await;
    let gate = draft(origin).start();
    let request =
        "POST / HTTP/1.1\r\nHost: a\r\nConnection: close\r\nTransfer-Encoding: chunked\r\n\r\n3;ext=1\r\nabc\r\n4\r\ndefg\r\n0\r\n\r\n";
    let reply = gate.send(request).await;
    assert!(reply.contains("abc") && reply.contains("defg"), "{reply}");
}

#[tokio::test]
async fn trailers_of_a_request_come_behind_its_body_without_those_that_have_no_place_there() {
    let origin = origin(|_, mut peer| async move {
        peer.head().await.unwrap();
        let body = peer.through(b"\r\n\r\n").await.unwrap();
        peer.write(format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n{body}", body.len())).await;
    })
    .await;
    let gate = draft(origin).start();
    let head = "POST / HTTP/1.1\r\nHost: a\r\nConnection: close\r\nTransfer-Encoding: chunked\r\n\r\n";
    let barred = "Host: b\r\nAuthorization: x\r\nTransfer-Encoding: chunked\r\nX_Forwarded_For: 1.2.3.4\r\n";
    for (trailers, expected) in [(format!("Sum: 1\r\n{barred}"), "sum: 1\r\n"), (barred.to_owned(), "")] {
        let reply = gate.send(format!("{head}3\r\nabc\r\n0\r\n{trailers}\r\n")).await;
        assert!(reply.ends_with(&format!("3\r\nabc\r\n0\r\n{expected}\r\n")), "{reply}");
    }
}

#[tokio::test]
async fn a_chunked_body_of_a_get_is_passed_on() {
    let origin = origin(|_, mut peer| async move {
        peer.head().await.unwrap();
        let body = peer.through(b"0\r\n\r\n").await.unwrap();
        peer.write(format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n{body}", body.len())).await;
    })
    .await;
    let gate = draft(origin).start();
    let reply =
        gate.send("GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n").await;
    assert!(reply.contains("abc"), "{reply}");
}

#[tokio::test]
async fn an_early_answer_ends_the_connection_or_takes_in_the_rest_of_the_request() {
    let mut draft = draft(echo().await);
    draft.routes = vec![("GET", "/here")];
    let gate = draft.start();
    let body = "GET /smuggled HTTP/1.1\r\nHost: a\r\n\r\n";
    let mut client = gate.connect().await;
    client.write(format!("POST /nowhere HTTP/1.1\r\nHost: a\r\nContent-Length: {}\r\n\r\n{body}", body.len())).await;
    client.write("GET /here HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n").await;
    let reply = client.rest().await;
    assert_eq!(status(&reply), 404);
    assert!(!reply.contains("smuggled"), "{reply}");
}

#[tokio::test]
async fn large_bodies_pass_both_ways() {
    let origin = origin(|_, mut peer| async move {
        while let Some(head) = peer.head().await {
            if head.starts_with("POST") {
                assert!(peer.through(b"END").await.is_some());
                peer.write("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok").await;
            } else {
                peer.write(format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n", 16 * MIB)).await;
                for _ in 0..16 {
                    peer.write(vec![b'x'; MIB]).await;
                }
            }
        }
    })
    .await;
    let mut draft = draft(origin);
    draft.body_max = None;
    let gate = draft.start();
    let download = gate.get("/").await;
    assert_eq!(download.split_once("\r\n\r\n").unwrap().1.len(), 16 * MIB);
    let mut client = gate.connect().await;
    client.write(format!("POST / HTTP/1.1\r\nHost: a\r\nConnection: close\r\nContent-Length: {}\r\n\r\n", 4 * MIB + 3)).await;
    for _ in 0..4 {
        client.write(vec![b'y'; MIB]).await;
    }
    client.write("END").await;
    assert_eq!(status(&client.rest().await), 200);
}
