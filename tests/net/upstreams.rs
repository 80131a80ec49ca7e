//! Upstreams that misbehave.

use crate::harness::{Answer, Broken, Gate, Origin, plain};
use std::sync::atomic::{AtomicUsize, Ordering};

#[test]
fn an_answer_with_two_readings_is_502() {
    for answer in [
        "HTTP/1.1 200 OK\r\nContent-Length: 3\r\nContent-Length: 4\r\n\r\nabcd",
        "HTTP/1.1 200 OK\r\nContent-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        "HTTP/1.1 200 OK\r\nContent-Length: x\r\n\r\nabc",
        "HTTP/1.1 200 OK\r\nContent-Length: -3\r\n\r\nabc",
        "HTTP/1.1 200 OK\r\nContent-Length: +3\r\n\r\nabc",
        "HTTP/1.1 200 OK\r\nX: a\0b\r\nContent-Length: 0\r\n\r\n",
        "HTTP/1.1 200 OK\r\nno colon\r\n\r\n",
        "HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\nUpgrade: x\r\n\r\n",
        "SSH-2.0-OpenSSH\r\n\r\n",
        "HTTP/1.1 2\r\n\r\n",
    ] {
        let app = Origin::last(answer.as_bytes());
        let reply = plain(&app).get("/").send();
        assert_eq!(reply.status, 502, "{answer:?}");
        assert_eq!(reply.field("content-type"), Some("application/problem+json"));
        assert!(reply.field("proxy-status").unwrap().starts_with("gatewright; error="));
        assert!(!reply.text().contains(&app.address().to_string()), "the upstream's address is nobody's business");
    }
}

#[test]
fn an_upstream_that_hangs_up_or_is_not_there_is_502() {
    let app = Origin::last(b"");
    plain(&app).get("/").send().expect(502);
    // Nothing listens on the first port, and nothing may without privileges.
    let text = crate::harness::PLAIN.replace("{app}", "127.0.0.1:1");
    Gate::source(text).start().get("/").send().expect(502);
}

#[test]
fn an_upstream_that_does_not_answer_in_time_is_504() {
    let app = Origin::start(|_| Answer::Hang);
    let text = crate::harness::PLAIN.replace("target http://{app}", "target http://{app}\n timeout { attempt 200ms }\n");
    let reply = Gate::source(text).origin("app", &app).start().get("/").send().expect(504);
    assert!(reply.field("proxy-status").unwrap().contains("http_response_timeout"));
}

#[test]
fn surplus_bytes_behind_an_answer_poison_its_connection() {
    let app = Origin::start(|_| {
        Answer::Bytes(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nokHTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nevil".to_vec())
    });
    let gate = plain(&app);
    let mut client = gate.connect();
    for _ in 0..5 {
        gate.get("/").over(&mut client);
        assert_eq!(client.read().expect(200).text(), "ok");
    }
    assert_eq!(app.accepted(), 5, "a poisoned connection was used again");
}

#[test]
fn an_answer_cut_short_is_never_ended_cleanly() {
    for answer in [
        b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhello".as_slice(),
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n9\r\nhello",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\nx\r\n",
    ] {
        let app = Origin::last(answer);
        let gate = plain(&app);
        let mut client = gate.connect();
        gate.get("/").over(&mut client);
        assert_eq!(client.try_read("GET").unwrap_err(), Broken::CutShort, "{:?}", String::from_utf8_lossy(answer));
    }
}

#[test]
fn a_body_that_ends_with_the_connection_is_whole() {
    let app = Origin::last(b"HTTP/1.1 200 OK\r\n\r\nhello");
    let reply = plain(&app).get("/").send().expect(200);
    assert_eq!(reply.text(), "hello");
}

#[test]
fn interim_answers_do_not_confuse_the_final_one() {
    let app = Origin::start(|_| {
        let interim = "HTTP/1.1 103 Early Hints\r\nLink: </x>\r\n\r\nHTTP/1.1 102 Processing\r\n\r\n";
        Answer::Bytes(format!("{interim}HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok").into_bytes())
    });
    let gate = plain(&app);
    let mut client = gate.connect();
    for _ in 0..3 {
        gate.get("/").over(&mut client);
        assert_eq!(client.read().expect(200).text(), "ok");
    }
    assert_eq!(app.accepted(), 1);
}

#[test]
fn a_kept_connection_that_was_closed_meanwhile_costs_the_client_nothing() {
    let count = AtomicUsize::new(0);
    let app = Origin::start(move |_| match count.fetch_add(1, Ordering::AcqRel) % 2 {
        0 => Answer::Last(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok".to_vec()),
        _ => Answer::json(200, "{}"),
    });
    let gate = plain(&app);
    let mut client = gate.connect();
    for _ in 0..20 {
        gate.get("/").over(&mut client);
        client.read().expect(200);
    }
}
