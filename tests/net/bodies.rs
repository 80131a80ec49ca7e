//! Bodies: their bounds, `Expect`, old clients.

use crate::harness::{Answer, Broken, Gate, Origin, PLAIN, plain};

fn bounded(app: &Origin) -> Gate {
    let text = PLAIN.replace("public \"a test\"", "public \"a test\"\n body max 1KiB");
    Gate::source(text).origin("app", app).start()
}

#[test]
fn a_body_over_its_bound_is_413_before_the_upstream_has_it() {
    let app = Origin::json("{}");
    let gate = bounded(&app);
    let body = "x".repeat(1025);
    gate.connect().send(format!("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1025\r\n\r\n{body}")).read().expect(413);
    assert_eq!(app.begun(), 0);
    gate.connect()
        .send(format!("POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n401\r\n{body}\r\n0\r\n\r\n"))
        .read()
        .expect(413);
    assert!(app.requests().iter().all(|received| !received.whole));
}

#[test]
fn a_body_within_its_bound_arrives_whole() {
    let app = Origin::json("{}");
    let gate = bounded(&app);
    let body = "x".repeat(1024);
    gate.connect().send(format!("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1024\r\n\r\n{body}")).read().expect(200);
    gate.connect()
        .send(format!("POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n400\r\n{body}\r\n0\r\n\r\n"))
        .read()
        .expect(200);
    assert!(app.requests().iter().all(|received| received.whole && received.length == 1024));
}

#[test]
fn who_asks_first_is_told_to_go_on() {
    let app = Origin::json("{}");
    let gate = plain(&app);
    let mut client = gate.connect();
    client.send("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\nExpect: 100-continue\r\n\r\n");
    assert_eq!(client.read_head().unwrap().status, 100);
    client.send("abc").read().expect(200);
    let received = app.received();
    assert_eq!((received.body.as_slice(), received.field("expect")), (b"abc".as_slice(), Some("100-continue")));
    let gate = bounded(&app);
    let mut client = gate.connect();
    client.send("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 3000\r\nExpect: 100-continue\r\n\r\n");
    assert_eq!(client.read_head().unwrap().status, 413, "nobody is told to send what will be refused");
}

#[test]
fn an_old_client_gets_a_body_that_ends_with_the_connection() {
    let app = Origin::start(|_| Answer::Bytes(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n".to_vec()));
    let gate = plain(&app);
    let mut client = gate.connect();
    let reply = client.send("GET / HTTP/1.0\r\nHost: a\r\n\r\n").read().expect(200);
    assert_eq!((reply.text(), reply.field("transfer-encoding")), ("abc", None));
    assert!(client.is_closed());
}

#[test]
fn an_old_client_need_not_say_which_host_it_asks_for() {
    let app = Origin::json("{}");
    let gate = plain(&app);
    gate.connect().send("GET / HTTP/1.0\r\n\r\n").read().expect(200);
    assert_eq!(app.received().field("host"), Some("localhost"));
    gate.connect().send("GET / HTTP/1.1\r\n\r\n").read().expect(400);
}

#[test]
fn an_old_client_does_not_take_a_broken_body_for_a_whole_one() {
    let app = Origin::last(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n");
    let gate = plain(&app);
    let mut client = gate.connect();
    client.send("GET / HTTP/1.0\r\nHost: a\r\n\r\n");
    assert_eq!(client.try_read("GET").unwrap_err(), Broken::CutShort);
}

#[test]
fn a_refusal_reaches_a_client_that_is_still_sending() {
    let app = Origin::json("{}");
    let gate = bounded(&app);
    let mut client = gate.connect();
    client.send("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 500000\r\n\r\n");
    client.send("x".repeat(500_000)).read().expect(413);
}
