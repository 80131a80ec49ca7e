//! WebSockets: who may open one, what passes through it, and how it ends.

use crate::harness::{Answer, Client, Gate, Origin, PLAIN, Peer, Program, key_line, plain, python_with, until};
use std::io::{Read, Write};
use std::net::TcpListener;

const FIELDS: &str =
    "Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n";
const GRANTED: &str = "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\
                       Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n";

/// Grants every handshake, then echoes.
fn echoing() -> Origin {
    Origin::start(|received| match received.field("upgrade") {
        Some(_) => Answer::Echo(format!("{GRANTED}Sec-WebSocket-Protocol: chat\r\n\r\n").into_bytes()),
        None => Answer::json(200, "{}"),
    })
}

fn handshake(client: &mut Client) -> &mut Client {
    client.send(format!("GET /live HTTP/1.1\r\nHost: a\r\n{FIELDS}Sec-WebSocket-Protocol: chat\r\nX-Hop: 1\r\n\r\n"))
}

#[test]
fn bytes_pass_both_ways_once_the_upstream_has_agreed() {
    let app = echoing();
    let gate = plain(&app);
    let mut client = gate.connect();
    // What is sent ahead of the answer waits for it.
    let reply = handshake(&mut client).send("ahead").read().expect(101);
    let fields = ["connection", "upgrade", "sec-websocket-accept", "sec-websocket-protocol", "content-length", "transfer-encoding"];
    let expected = [Some("upgrade"), Some("websocket"), Some("s3pPLMBiTxaQ9kYGzzhZRbK+xOo="), Some("chat"), None, None];
    assert_eq!(fields.map(|name| reply.field(name)), expected, "{:?}", reply.fields);
    assert!(reply.field("x-request-id").is_some());
    assert_eq!(client.exactly(5), b"ahead");
    let message: Vec<u8> = (0..1 << 20).map(|at: u32| at.to_le_bytes()[1]).collect();
    for _ in 0..3 {
        std::thread::scope(|scope| {
            scope.spawn(|| assert!(client.send(&message).exactly(message.len()) == message)).join().unwrap();
        });
    }
    let received = app.received();
    let fields = ["connection", "upgrade", "sec-websocket-version", "sec-websocket-protocol", "x-forwarded-for", "content-length"];
    let expected = [Some("upgrade"), Some("websocket"), Some("13"), Some("chat"), Some("127.0.0.1"), None];
    assert_eq!(fields.map(|name| received.field(name)), expected, "{:?}", received.fields);
    client.end();
    assert!(client.is_closed());
}

#[test]
fn what_is_no_handshake_is_an_ordinary_request() {
    let app = echoing();
    let gate = plain(&app);
    let requests = [
        format!("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\n{FIELDS}\r\n"),
        format!("GET / HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n{FIELDS}\r\nab"),
        format!("GET / HTTP/1.0\r\nHost: a\r\n{FIELDS}\r\n"),
        format!("GET / HTTP/1.1\r\nHost: a\r\nUpgrade: websocket\r\n{FIELDS}\r\n"),
        format!("GET / HTTP/1.1\r\nHost: a\r\n{}\r\n", FIELDS.replace("Connection: Upgrade\r\n", "")),
        format!("GET / HTTP/1.1\r\nHost: a\r\n{}\r\n", FIELDS.replace("Connection: Upgrade", "Connection: keep-alive")),
        format!("GET / HTTP/1.1\r\nHost: a\r\n{}\r\n", FIELDS.replace("Upgrade: websocket", "Upgrade: h2c")),
        format!("GET / HTTP/1.1\r\nHost: a\r\n{}\r\n", FIELDS.replace("Version: 13", "Version: 8")),
        format!("GET / HTTP/1.1\r\nHost: a\r\n{}\r\n", FIELDS.replace("dGhlIHNhbXBsZSBub25jZQ==", "c2hvcnQ=")),
        format!("GET / HTTP/1.1\r\nHost: a\r\n{FIELDS}Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"),
    ];
    for request in &requests {
        gate.connect().send(request).read().expect(200);
    }
    assert!(app.requests().iter().all(|received| received.field("upgrade").is_none() && received.field("connection").is_none()));
    assert_eq!(app.requests().len(), requests.len());
}

#[test]
fn an_upstream_that_switches_otherwise_than_asked_is_502() {
    let spoiled = [
        GRANTED.replace("Upgrade: websocket\r\n", ""),
        GRANTED.replace("Upgrade: websocket", "Upgrade: h2c"),
        GRANTED.replace("Connection: Upgrade\r\n", ""),
        GRANTED.replace("s3pPLMBiTxaQ9kYGzzhZRbK+xOo=", "s3pPLMBiTxaQ9kYGzzhZRbK+xOq="),
        GRANTED.replace("HTTP/1.1", "HTTP/1.0"),
    ];
    for answer in spoiled {
        let app = Origin::start(move |_| Answer::Echo(format!("{answer}\r\n").into_bytes()));
        handshake(&mut plain(&app).connect()).read().expect(502);
    }
    let app = Origin::start(|_| Answer::Echo(format!("{GRANTED}\r\n").into_bytes()));
    plain(&app).get("/").send().expect(502);
}

#[test]
fn an_upstream_that_does_not_switch_is_answered_with_and_the_connection_goes_on() {
    let app = Origin::start(|received| match received.field("upgrade") {
        Some(_) => Answer::json(403, r#"{"no": "sockets"}"#),
        None => Answer::json(200, "{}"),
    });
    let gate = plain(&app);
    let mut client = gate.connect();
    assert_eq!(handshake(&mut client).read().expect(403).text(), r#"{"no": "sockets"}"#);
    client.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n").read().expect(200);
    assert_eq!(app.accepted(), 1);
}

#[test]
fn policies_judge_before_anything_is_opened() {
    const GUARDED: &str = r#"
gateway { listen 127.0.0.1:0 }
upstream app { target http://{app} }
auth key callers { keys file("callers.keys") }
route live GET /live -> app {
  auth callers
  limit sockets 2/h by client.ip
  deny (header("origin") ?? "") != "https://shop.example"
  response set X-Frame-Options "DENY"
}
"#;
    let app = echoing();
    let gate = Gate::source(GUARDED).origin("app", &app).secret("callers.keys", key_line("acme", "s3cret", "")).start();
    let ask = |fields: &str| {
        let mut client = gate.connect();
        client.send(format!("GET /live HTTP/1.1\r\nHost: a\r\n{FIELDS}{fields}\r\n")).read()
    };
    ask("X-API-Key: s3cret\r\nOrigin: https://evil.example\r\n").expect(403);
    ask("Origin: https://shop.example\r\n").expect(401);
    assert_eq!(app.begun(), 0);
    let reply = ask("X-API-Key: s3cret\r\nOrigin: https://shop.example\r\n").expect(101);
    assert_eq!(reply.field("x-frame-options"), Some("DENY"));
    ask("X-API-Key: s3cret\r\nOrigin: https://shop.example\r\n").expect(429);
}

fn program(address: &str, settings: &str) -> Program {
    let text = PLAIN.replace("127.0.0.1:0", &format!("127.0.0.1:0\n{settings}\n"));
    Program::run(&text.replace("{app}", address), &[], &[])
}

#[test]
fn a_socket_is_logged_when_it_ends_with_what_the_client_got() {
    let app = echoing();
    let mut gate = program(&app.address().to_string(), "log access json");
    let mut client = gate.connect();
    handshake(&mut client).read().expect(101);
    client.send("twelve bytes").exactly(12);
    drop(client);
    let line = gate.until_logged(1).remove(0);
    for said in [r#""status":101"#, r#""path":"/live""#, r#""route":"everything""#, r#""bytes":12"#, r#""attempts":1"#] {
        assert!(line.contains(said), "{said}: {line}");
    }
}

#[test]
fn sockets_may_go_on_while_the_gateway_drains_and_are_cut_then() {
    let app = echoing();
    let mut gate = program(&app.address().to_string(), "log access json\ndrain 1s");
    let mut client = gate.connect();
    handshake(&mut client).read().expect(101);
    gate.signal("TERM");
    let address = gate.address();
    until("the listener to close", || std::net::TcpStream::connect(address).is_err().then_some(()));
    assert_eq!(client.send("still").exactly(5), b"still");
    assert!(client.is_closed());
    assert_eq!(gate.until_ended().code(), Some(0));
    assert!(gate.until_logged(1)[0].contains(r#""status":101"#));
}

#[test]
fn an_idle_socket_costs_less_than_20_kib() {
    let (few, many) = (500, 4_000);
    let app = TcpListener::bind("127.0.0.1:0").unwrap();
    let mut gate = program(&app.local_addr().unwrap().to_string(), "workers 1");
    let mut held = Vec::new();
    let mut open = |gate: &mut Program, count: usize| {
        while held.len() < count {
            let mut client = gate.connect();
            handshake(&mut client);
            let mut upstream = app.accept().unwrap().0;
            let mut head = Vec::new();
            while !head.ends_with(b"\r\n\r\n") {
                let mut byte = [0];
                upstream.read_exact(&mut byte).unwrap();
                head.push(byte[0]);
            }
            upstream.write_all(format!("{GRANTED}\r\n").as_bytes()).unwrap();
            client.read().expect(101);
            // A message each way: what was needed for it is given back.
            upstream.write_all(&[1; 4096]).unwrap();
            client.exactly(4096);
            client.send([2; 4096]);
            upstream.read_exact(&mut [0; 4096]).unwrap();
            held.push((client, upstream));
        }
        gate.memory_now()
    };
    let before = open(&mut gate, few);
    let after = open(&mut gate, many);
    let each = (after.saturating_sub(before)) / (many - few) as u64;
    assert!(each < 20 << 10, "{each} bytes a socket");
}

#[test]
fn the_library_of_others_has_messages_of_every_kind_echoed() {
    let Some(python) = python_with("websockets") else { return };
    let server = Peer::start(&python, "websocket.py", &["serve"]);
    let gate = Gate::source(PLAIN).replace("{app}", &format!("127.0.0.1:{}", server.port())).start();
    let client = Peer::start(&python, "websocket.py", &["ask", &format!("ws://{}/live", gate.address())]);
    assert_eq!(client.until_done(), "echoed");
}
