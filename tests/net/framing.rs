//! Messages that two servers could read differently (RFC 9112 §11.2).

use crate::harness::{Answer, Broken, Gate, Origin, PLAIN, plain};

/// Sends bytes; the answer has a status, the connection ends with it, and the upstream has seen nothing.
#[track_caller]
fn refused(request: impl AsRef<[u8]>, status: u16) {
    let app = Origin::json("{}");
    let gate = plain(&app);
    let mut client = gate.connect();
    let shown = String::from_utf8_lossy(request.as_ref()).into_owned();
    let reply = client.send(request.as_ref()).try_read("GET").unwrap_or_else(|broken| panic!("{broken:?}: {shown:?}"));
    assert_eq!(reply.status, status, "{shown:?}");
    assert_eq!(reply.field("connection"), Some("close"), "{shown:?}");
    assert!(client.end().is_closed(), "{shown:?}");
    assert_eq!(app.requests().iter().filter(|received| received.whole).count(), 0, "{shown:?}");
}

#[test]
fn ambiguous_lengths_are_refused() {
    for fields in [
        "Content-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        "Transfer-Encoding: chunked\r\nContent-Length: 3\r\n\r\n0\r\n\r\n",
        "Content-Length: 3\r\nContent-Length: 4\r\n\r\nabc",
        "Content-Length: 3\r\nContent-Length: 3\r\n\r\nabc",
        "Content-Length: 3, 3\r\n\r\nabc",
        "Content-Length: +3\r\n\r\nabc",
        "Content-Length: 0x3\r\n\r\nabc",
        "Content-Length : 3\r\n\r\nabc",
        "Content_Length: 3\r\n\r\nabc",
        "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        "Transfer-Encoding: chunked\r\nTransfer-Encoding: identity\r\n\r\n0\r\n\r\n",
        "Transfer-Encoding: chunked, \r\n\r\n0\r\n\r\n",
        "Transfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n",
        "Transfer-Encoding: \x0bchunked\r\n\r\n0\r\n\r\n",
        "Transfer-Encoding:\r\n chunked\r\n\r\n0\r\n\r\n",
    ] {
        refused(format!("POST / HTTP/1.1\r\nHost: a\r\n{fields}"), 400);
    }
    refused("POST / HTTP/1.0\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 400);
}

#[test]
fn malformed_heads_are_refused() {
    for request in [
        "GET / HTTP/1.1\nHost: a\n\n",
        "GET / HTTP/1.1\r\nHost: a\nX: y\r\n\r\n",
        "GET / HTTP/1.1\r\nHost: a\r\nX: y\rz\r\n\r\n",
        "GET / HTTP/1.1\r\nHost: a\r\nX: y\r\n z\r\n\r\n",
        "GET / HTTP/1.1\r\n X: y\r\nHost: a\r\n\r\n",
        "GET / HTTP/1.1\r\nHost: a\r\nX : y\r\n\r\n",
        "GET / HTTP/1.1\r\nHost: a\r\nX: y\0z\r\n\r\n",
        "GET / HTTP/1.1\r\nHost: a\r\nno colon\r\n\r\n",
        "GET / HTTP/1.1\r\nHost: a\r\n: y\r\n\r\n",
        "GET  / HTTP/1.1\r\nHost: a\r\n\r\n",
        "GET / HTTP/1.1 x\r\nHost: a\r\n\r\n",
        "GET /\r\nHost: a\r\n\r\n",
        "GET x HTTP/1.1\r\nHost: a\r\n\r\n",
        "GE(T / HTTP/1.1\r\nHost: a\r\n\r\n",
    ] {
        refused(request, 400);
    }
    refused("GET / HTTP/3.0\r\nHost: a\r\n\r\n", 505);
    refused("CONNECT a:443 HTTP/1.1\r\nHost: a:443\r\n\r\n", 405);
}

#[test]
fn exactly_one_valid_host_is_wanted() {
    refused("GET / HTTP/1.1\r\n\r\n", 400);
    refused("GET / HTTP/1.1\r\nHost: a\r\nHost: a\r\n\r\n", 400);
    for host in ["", "a b", "a/b", "u@a", "a:x", "a,b", "[::1", "a:123456"] {
        refused(format!("GET / HTTP/1.1\r\nHost: {host}\r\n\r\n"), 400);
    }
}

#[test]
fn bad_chunks_break_the_body_and_never_end_it_cleanly() {
    for chunks in [
        "x\r\n",
        "3\r\nabc\r\n-1\r\n",
        "3\r\nabcd\r\n0\r\n\r\n",
        "3\nabc\r\n0\r\n\r\n",
        "11111111111111111\r\nabc",
        "3\r\nabc\r\n0\r\nX : y\r\n\r\n",
    ] {
        refused(format!("POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n{chunks}"), 400);
    }
}

#[test]
fn a_body_that_breaks_off_never_arrives_whole() {
    for request in [
        "Content-Length: 10\r\n\r\nhello",
        "Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n",
        "Transfer-Encoding: chunked\r\n\r\n9\r\nhello",
    ] {
        let app = Origin::json("{}");
        let gate = plain(&app);
        gate.connect().send(format!("POST / HTTP/1.1\r\nHost: a\r\n{request}")).end();
        let received = app.until_received(1);
        assert!(!received[0].whole, "{request:?}");
    }
}

#[test]
fn chunk_extensions_and_trailers_stay_behind() {
    let app = Origin::json("{}");
    let gate = plain(&app);
    let chunks = "3;a=b\r\nabc\r\n2 ;c\r\nde\r\n0\r\nX-User-Id: forged\r\n\r\n";
    gate.connect().send(format!("POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n{chunks}")).read().expect(200);
    let received = app.received();
    assert_eq!((received.whole, received.body.as_slice(), received.field("x-user-id")), (true, b"abcde".as_slice(), None));
}

#[test]
fn pipelined_requests_are_answered_in_their_order() {
    let app = Origin::start(|received| Answer::with(200, "", &received.target));
    let gate = plain(&app);
    let mut client = gate.connect();
    client.send("GET /1 HTTP/1.1\r\nHost: a\r\n\r\nPOST /2 HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\nabcGET /3 HTTP/1.1\r\nHost: a\r\n\r\nGET /4\r\n\r\n");
    for target in ["/1", "/2", "/3"] {
        assert_eq!(client.read().expect(200).text(), target);
    }
    client.read().expect(400);
    assert!(client.end().is_closed());
}

#[test]
fn what_stands_in_a_body_is_never_read_as_a_request() {
    let app = Origin::json("{}");
    let text = PLAIN.replace("public \"a test\"", "public \"a test\"\n deny client.ip in [127.0.0.0/8]");
    let gate = Gate::source(text).origin("app", &app).start();
    let inner = "GET /inner HTTP/1.1\r\nHost: a\r\n\r\n";
    let mut client = gate.connect();
    client.send(format!("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: {}\r\n\r\n", inner.len()));
    client.read().expect(403);
    client.send(inner).send("GET /outer HTTP/1.1\r\nHost: a\r\n\r\n");
    match client.try_read("GET") {
        Ok(reply) => {
            reply.expect(403);
            client.end();
            assert!(client.is_closed(), "the body was answered too");
        }
        Err(broken) => assert!(matches!(broken, Broken::Nothing | Broken::CutShort), "{broken:?}"),
    }
}

#[test]
fn heads_over_the_limits_are_431() {
    let field = |bytes: usize| format!("GET / HTTP/1.1\r\nHost: a\r\nX: {}\r\n\r\n", "x".repeat(bytes));
    let fields =
        |count: usize| format!("GET / HTTP/1.1\r\nHost: a\r\n{}\r\n", (1..count).map(|at| format!("X-{at}: y\r\n")).collect::<String>());
    refused(field(33 << 10), 431);
    refused(format!("GET /{} HTTP/1.1\r\nHost: a\r\n\r\n", "x".repeat(33 << 10)), 431);
    refused(fields(101), 431);
    let app = Origin::json("{}");
    let gate = plain(&app);
    gate.connect().send(field(31 << 10)).read().expect(200);
    gate.connect().send(fields(100)).read().expect(200);
    assert_eq!(app.requests().len(), 2);
}

#[test]
fn a_head_that_takes_too_long_is_408() {
    let app = Origin::json("{}");
    let text = PLAIN.replace("127.0.0.1:0", "127.0.0.1:0\n limits {\n header_timeout 200ms\n }\n");
    let gate = Gate::source(text).origin("app", &app).start();
    let mut client = gate.connect();
    client.send("GET / HTTP/1.1\r\nHost:").read().expect(408);
    assert!(client.end().is_closed());
}
