//! How connections end: half-closed, left, drained, and used up by an upstream.

use crate::harness::{Answer, Client, Gate, Origin, PLAIN, Program, plain, until, until_refused};
use parking_lot::Mutex;
use std::net::TcpStream;
use std::sync::Arc;

#[test]
fn a_client_that_sends_nothing_more_is_answered_nonetheless() {
    let app = Origin::start(|received| Answer::with(200, "", &received.target));
    let gate = plain(&app);
    let mut client = gate.connect();
    client.send("GET /1 HTTP/1.1\r\nHost: a\r\n\r\nGET /2 HTTP/1.1\r\nHost: a\r\n\r\n").end();
    for target in ["/1", "/2"] {
        assert_eq!(client.read().expect(200).text(), target);
    }
    assert!(client.is_closed());
}

#[test]
fn a_client_that_leaves_frees_the_upstream_and_is_logged() {
    let app = Origin::start(|_| Answer::Hang);
    let mut gate = Program::plain(&app, "log access json");
    let mut client = gate.connect();
    client.send("GET /slow HTTP/1.1\r\nHost: a\r\n\r\n");
    app.until_begun(1);
    drop(client);
    let line = gate.until_logged(1).remove(0);
    for said in [r#""status":499"#, r#""path":"/slow""#, r#""route":"everything""#, r#""upstream":"app""#] {
        assert!(line.contains(said), "{said}: {line}");
    }
}

#[test]
fn a_request_that_was_cut_by_the_drain_is_logged() {
    let app = Origin::start(|_| Answer::Hang);
    let mut gate = Program::plain(&app, "log access json\ndrain 1s");
    let mut client = gate.connect();
    client.send("GET /slow HTTP/1.1\r\nHost: a\r\n\r\n");
    app.until_begun(1);
    gate.signal("TERM");
    let line = gate.until_logged(1).remove(0);
    assert!(line.contains("/slow") && line.contains(r#""status":503"#), "{line}");
}

#[test]
fn a_request_that_was_half_there_at_sigterm_is_answered() {
    let app = Origin::json("{}");
    let mut gate = Program::plain(&app, "");
    let mut client = gate.connect();
    client.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n").read().expect(200);
    client.send("GET / HTTP/1.1\r\nHo");
    gate.signal("TERM");
    until_refused(gate.address());
    let reply = client.send("st: a\r\n\r\n").read().expect(200);
    assert_eq!(reply.field("connection"), Some("close"));
    assert!(client.is_closed());
    assert_eq!(gate.until_ended().code(), Some(0));
}

#[test]
fn what_waited_in_the_kernel_at_sigterm_is_answered() {
    let app = Origin::json("{}");
    let mut gate = Program::plain(&app, "");
    let mut kept: Vec<_> = (0..8).map(|_| gate.connect()).collect();
    for client in &mut kept {
        client.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n").read().expect(200);
    }
    let address = gate.address();
    gate.signal("STOP");
    let mut clients: Vec<_> = (0..32).map(|_| Client::connect(address)).collect();
    clients.append(&mut kept);
    for client in &mut clients {
        client.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n");
    }
    gate.signal("TERM");
    gate.signal("CONT");
    for client in &mut clients {
        client.read().expect(200);
    }
    assert_eq!(gate.until_ended().code(), Some(0));
}

#[test]
fn a_request_is_sent_once_more_at_most() {
    let gathered = Arc::new(Mutex::new(0));
    let of_origin = Arc::clone(&gathered);
    let app = Origin::start(move |_| {
        *of_origin.lock() += 1;
        // The first three wait for each other, so that there are three connections.
        until("three requests", || (*of_origin.lock() >= 3).then_some(()));
        if *of_origin.lock() == 3 { Answer::json(200, "{}") } else { Answer::Last(Vec::new()) }
    });
    let gate = Gate::source(PLAIN.replace("127.0.0.1:0", "127.0.0.1:0\n workers 1\n")).origin("app", &app).start();
    let mut clients: Vec<_> = (0..3).map(|_| gate.connect()).collect();
    for client in &mut clients {
        client.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n");
    }
    for client in &mut clients {
        client.read().expect(200);
    }
    gate.get("/").send().expect(502);
    assert_eq!(app.begun(), 5);
}

#[test]
fn an_answer_that_may_have_no_body_and_has_one_ends_its_connection() {
    for answer in ["204 No\r\nContent-Length: 5\r\n\r\n", "204 No\r\nTransfer-Encoding: chunked\r\n\r\n"] {
        let app = Origin::start(move |_| Answer::Bytes(format!("HTTP/1.1 {answer}").into_bytes()));
        let gate = plain(&app);
        let mut client = gate.connect();
        for _ in 0..3 {
            gate.get("/").over(&mut client);
            assert_eq!(client.read().expect(204).field("content-length"), None);
        }
        assert_eq!(app.accepted(), 3, "{answer:?}");
    }
}

#[test]
fn an_answer_that_is_broken_from_the_start_is_502() {
    for answer in
        ["Transfer-Encoding: chunked\r\n\r\nx\r\n", "Transfer-Encoding: chunked\r\n\r\n\r\n", "Transfer-Encoding: chunked\r\n\r\n3\nabc"]
    {
        let app = Origin::start(move |_| Answer::Bytes(format!("HTTP/1.1 200 OK\r\n{answer}").into_bytes()));
        plain(&app).get("/").send().expect(502);
    }
    let app = Origin::start(|_| Answer::Bytes(b"220 mail.example ESMTP".to_vec()));
    plain(&app).get("/").send().expect(502);
}

#[test]
fn a_request_in_one_byte_pieces_is_the_same_request() {
    let app = Origin::start(|received| Answer::with(200, "", std::str::from_utf8(&received.body).unwrap()));
    let gate = plain(&app);
    let mut client = gate.connect();
    for byte in b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n3;x\r\nabc\r\n2\r\nde\r\n0\r\nT: u\r\n\r\n" {
        client.send([*byte]);
    }
    assert_eq!(client.read().expect(200).text(), "abcde");
    // What follows is read from its beginning.
    client.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n").read().expect(200);
}

#[test]
fn a_request_of_another_age_is_refused_without_waiting_for_more() {
    let app = Origin::json("{}");
    let gate = plain(&app);
    gate.connect().send("GET /\r\n").read().expect(400);
    gate.connect().send("GET / HTTP/2.0\r\n").read().expect(505);
}

#[test]
fn an_expectation_whose_body_has_come_keeps_the_connection() {
    let app = Origin::json("{}");
    let gate = plain(&app);
    let mut client = gate.connect();
    for _ in 0..2 {
        client.send("POST / HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 3\r\n\r\nabc");
        assert_eq!(client.read().expect(200).field("connection"), None);
    }
}

#[test]
fn a_client_that_never_stops_asking_starves_no_other() {
    let app = Origin::json("{}");
    let text = "gateway {\n listen 127.0.0.1:0\n workers 1\n}\nroute r GET /** {\n public \"a test\"\n respond 200 text \"ok\"\n}";
    let mut gate = Program::run(&text.replace("{app}", &app.address().to_string()), &[], &[]);
    let address = gate.address();
    let mut greedy = TcpStream::connect(address).unwrap();
    let mut taken = greedy.try_clone().unwrap();
    let sending = std::thread::spawn(move || {
        let many = "GET / HTTP/1.1\r\nHost: a\r\n\r\n".repeat(2000);
        // Until the test ends it.
        while std::io::Write::write_all(&mut greedy, many.as_bytes()).is_ok() {}
    });
    let taking = std::thread::spawn(move || std::io::copy(&mut taken, &mut std::io::sink()));
    for _ in 0..50 {
        gate.get("/").send().expect(200);
    }
    drop(gate);
    sending.join().unwrap();
    let _ = taking.join().unwrap();
}
