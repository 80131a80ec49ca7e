//! What comes bit by bit: events, interim responses, expectations, trailers, ranges, and answers of gRPC.

use crate::harness::{Answer, Broken, Client, Gate, Origin, PLAIN, Peer, Reader, key_line, plain, python_with};
use std::io::Write;
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::time::Duration;
use tokio::time::Instant;

/// The gateway before one connection of an upstream that is played step by step.
fn by_hand() -> (Gate, TcpListener) {
    let app = TcpListener::bind("127.0.0.1:0").unwrap();
    let gate = Gate::source(PLAIN).replace("{app}", &app.local_addr().unwrap().to_string()).start();
    (gate, app)
}

fn accept(app: &TcpListener) -> Reader<TcpStream> {
    let stream = app.accept().unwrap().0;
    stream.set_read_timeout(Some(crate::harness::PATIENCE)).unwrap();
    stream.set_nodelay(true).unwrap();
    Reader::new(stream)
}

#[test]
fn events_pass_as_they_come() {
    const EVENTS: usize = 200;
    let text = PLAIN.replace("public \"a test\"", "public \"a test\"\n compress");
    let app = TcpListener::bind("127.0.0.1:0").unwrap();
    let gate = Gate::source(text).replace("{app}", &app.local_addr().unwrap().to_string()).start();
    let mut client = gate.connect();
    client.send("GET /events HTTP/1.1\r\nHost: a\r\nAccept: text/event-stream\r\nAccept-Encoding: gzip, br, zstd\r\n\r\n");
    let mut upstream = accept(&app);
    upstream.head().unwrap();
    upstream.stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n").unwrap();
    // The head alone, before any event.
    let head = client.read_head().unwrap();
    assert_eq!((head.field("content-type"), head.field("content-encoding")), (Some("text/event-stream"), None));
    let mut times: Vec<Duration> = (0..EVENTS)
        .map(|number| {
            let event = format!("data: {number:04}\n\n");
            let chunk = format!("{:x}\r\n{event}\r\n", event.len());
            let sent = Instant::now();
            upstream.stream.write_all(chunk.as_bytes()).unwrap();
            assert_eq!(client.exactly(chunk.len()), chunk.as_bytes());
            sent.elapsed()
        })
        .collect();
    times.sort();
    assert!(times[EVENTS / 2] < Duration::from_millis(5), "median {:?}", times[EVENTS / 2]);
}

#[test]
fn what_is_said_ahead_of_the_answer_passes_on_with_its_links() {
    let (gate, app) = by_hand();
    let mut client = gate.connect();
    client.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n");
    let mut upstream = accept(&app);
    upstream.head().unwrap();
    upstream.stream.write_all(b"HTTP/1.1 103 Early Hints\r\nLink: </a.css>; rel=preload\r\nServer: x\r\n\r\n").unwrap();
    // Before the answer is there.
    let early = client.read_head().unwrap();
    assert_eq!((early.status, early.fields.len(), early.field("link")), (103, 1, Some("</a.css>; rel=preload")));
    let rest =
        "HTTP/1.1 102 Processing\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: </b>\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";
    upstream.stream.write_all(rest.as_bytes()).unwrap();
    assert_eq!([client.read_head().unwrap().status, client.read_head().unwrap().status], [102, 103]);
    assert_eq!(client.read().expect(200).text(), "ok");
}

#[test]
fn an_old_client_gets_the_answer_alone() {
    let app = Origin::start(|_| {
        Answer::Bytes(b"HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok".to_vec())
    });
    let gate = plain(&app);
    let mut client = gate.connect();
    assert_eq!(client.send("GET / HTTP/1.0\r\nHost: a\r\n\r\n").read_head().unwrap().status, 200);
}

#[test]
fn who_waits_with_its_body_waits_for_the_upstream() {
    let (gate, app) = by_hand();
    let mut client = gate.connect();
    client.send("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\nExpect: 100-continue\r\n\r\n");
    let mut upstream = accept(&app);
    let head = upstream.head().unwrap();
    assert!(head.fields.contains(&("expect".to_owned(), "100-continue".to_owned())), "{head:?}");
    upstream.stream.write_all(b"HTTP/1.1 100 Continue\r\n\r\n").unwrap();
    assert_eq!(client.read_head().unwrap().status, 100);
    client.send("abc");
    assert_eq!(upstream.exactly(3).unwrap(), b"abc");
    upstream.stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n").unwrap();
    client.read().expect(200);
}

#[test]
fn a_body_that_the_upstream_refuses_is_never_asked_for() {
    let (gate, app) = by_hand();
    let mut client = gate.connect();
    client.send("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 3000000\r\nExpect: 100-continue\r\n\r\n");
    let mut upstream = accept(&app);
    upstream.head().unwrap();
    upstream.stream.write_all(b"HTTP/1.1 413 Too Large\r\nContent-Length: 0\r\n\r\n").unwrap();
    assert_eq!(client.read_head().unwrap().status, 413);
    assert_eq!(upstream.exactly(1), Err(Broken::CutShort));
}

#[test]
fn an_upstream_that_never_asks_gets_the_body_nonetheless() {
    let (gate, app) = by_hand();
    let mut client = gate.connect();
    client.send("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\nExpect: 100-continue\r\n\r\n");
    let mut upstream = accept(&app);
    upstream.head().unwrap();
    assert_eq!(client.read_head().unwrap().status, 100);
    client.send("abc");
    assert_eq!(upstream.exactly(3).unwrap(), b"abc");
}

#[test]
fn trailers_of_an_answer_come_behind_its_body() {
    let answer = "HTTP/1.1 200 OK\r\nTrailer: Checksum\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\nChecksum: 900150\r\nContent-Length: 9\r\n\r\n";
    let app = Origin::start(move |_| Answer::Bytes(answer.as_bytes().to_vec()));
    let gate = plain(&app);
    let mut client = gate.connect();
    client.send("GET / HTTP/1.1\r\nHost: a\r\nTE: trailers\r\n\r\n");
    assert_eq!(client.read_head().unwrap().field("trailer"), Some("Checksum"));
    let rest = b"3\r\nabc\r\n0\r\nchecksum: 900150\r\n\r\n";
    assert_eq!(client.exactly(rest.len()), rest);
    let received = app.received();
    assert_eq!((received.field("te"), received.field("connection")), (Some("trailers"), Some("te")));
}

#[test]
fn trailers_of_a_request_say_nothing_of_what_the_policy_sets_or_removes() {
    let app = TcpListener::bind("127.0.0.1:0").unwrap();
    let shaped = PLAIN
        .replace("public \"a test\"", "public \"a test\"\n  request {\n    set \"x-user\" \"nobody\"\n    remove \"x-internal\"\n  }\n");
    let gate = Gate::source(shaped).replace("{app}", &app.local_addr().unwrap().to_string()).start();
    let mut client = gate.connect();
    client.send("POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n");
    client.send("X-User: root\r\nX_User: root\r\nX-Internal: 1\r\nX_Request_Id: 1\r\nSum: 1\r\n\r\n");
    let mut upstream = accept(&app);
    let head = upstream.head().unwrap();
    assert!(head.fields.contains(&("x-user".to_owned(), "nobody".to_owned())), "{head:?}");
    let rest = b"3\r\nabc\r\n0\r\nsum: 1\r\n\r\n";
    assert_eq!(String::from_utf8_lossy(&upstream.exactly(rest.len()).unwrap()), String::from_utf8_lossy(rest));
    upstream.stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n").unwrap();
    client.read().expect(200);
}

#[test]
fn trailers_of_an_answer_say_nothing_of_what_the_policy_sets_or_removes() {
    let answer = "HTTP/1.1 200 OK\r\nServer: secret\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\
                  Server: secret\r\nX-Internal: 1\r\nX-Mode: root\r\nAccess-Control-Allow-Origin: *\r\nSum: 1\r\n\r\n";
    let app = Origin::start(move |_| Answer::Bytes(answer.as_bytes().to_vec()));
    let shaped = PLAIN.replace(
        "public \"a test\"",
        "public \"a test\"\n  response {\n    remove server\n    remove \"x-internal*\"\n    set x-mode \"user\"\n  }\n",
    );
    let gate = Gate::source(shaped).replace("{app}", &app.address().to_string()).start();
    let mut client = gate.connect();
    client.send("GET / HTTP/1.1\r\nHost: a\r\nTE: trailers\r\n\r\n");
    let head = client.read_head().unwrap();
    assert_eq!((head.field("server"), head.field("x-mode")), (None, Some("user")));
    let rest = b"3\r\nabc\r\n0\r\nsum: 1\r\n\r\n";
    assert_eq!(String::from_utf8_lossy(&client.exactly(rest.len())), String::from_utf8_lossy(rest));
}

#[test]
fn ranges_and_heads_pass_through() {
    let app = Origin::start(|received| match (received.method.as_str(), received.field("range"), received.field("if-range")) {
        ("HEAD", ..) => Answer::Bytes(b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\nAccept-Ranges: bytes\r\n\r\n".to_vec()),
        (_, Some("bytes=2-4"), Some("\"v1\"")) => Answer::with(206, "Content-Range: bytes 2-4/1000\r\nETag: \"v1\"\r\n", "cde"),
        (_, Some("bytes=2000-"), _) => Answer::with(416, "Content-Range: bytes */1000\r\n", ""),
        _ => Answer::json(200, "{}"),
    });
    let gate = plain(&app);
    let head = gate.ask("HEAD", "/").send().expect(200);
    assert_eq!((head.field("content-length"), head.field("accept-ranges")), (Some("1000"), Some("bytes")));
    let part = gate.get("/").field("Range", "bytes=2-4").field("If-Range", "\"v1\"").send().expect(206);
    assert_eq!((part.text(), part.field("content-range")), ("cde", Some("bytes 2-4/1000")));
    assert_eq!(gate.get("/").field("Range", "bytes=2000-").send().expect(416).field("content-range"), Some("bytes */1000"));
}

const GUARDED: &str = r#"
gateway { listen 127.0.0.1:0 }
upstream app { target http://{app} }
auth key callers { keys file("callers.keys") }
route open ANY /open/** -> app { public "a test" }
route limited ANY /limited/** -> app {
  public "a test"
  limit few 1/h by client.ip
}
route mine ANY /mine/** -> app {
  auth callers
  require key.name == "root"
}
"#;

/// What is answered to a call: the status of HTTP, that of gRPC, and its message.
fn call(gate: SocketAddr, path: &str, fields: &str) -> (u16, Option<String>, Option<String>) {
    let mut client = Client::connect(gate);
    let request =
        format!("POST {path} HTTP/1.1\r\nHost: a\r\nContent-Type: application/grpc\r\nTE: trailers\r\n{fields}Content-Length: 5\r\n\r\n");
    let reply = client.send(request).send([0; 5]).read();
    assert_eq!((reply.field("content-type"), reply.body.len()), (Some("application/grpc"), 0), "{path}");
    (reply.status, reply.field("grpc-status").map(str::to_owned), reply.field("grpc-message").map(str::to_owned))
}

#[test]
fn who_calls_by_grpc_is_refused_by_grpc() {
    let app = Origin::start(|_| Answer::Hang);
    let gone = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let keys = key_line("acme", "s3cret", "");
    let gate = Gate::source(GUARDED).origin("app", &app).secret("callers.keys", &*keys).start();
    let at = gate.address();
    let said = |code: &str, message: &str| (200, Some(code.to_owned()), Some(message.to_owned()));
    assert_eq!(call(at, "/mine/x", "").1.as_deref(), Some("16"));
    assert_eq!(call(at, "/mine/x", "X-API-Key: s3cret\r\n").1.as_deref(), Some("7"));
    assert_eq!(call(at, "/nowhere/x", ""), said("12", "no route takes this request"));
    let start = Instant::now();
    assert_eq!(call(at, "/open/slow", "grpc-timeout: 300m\r\n"), said("4", "the upstream did not answer in time"));
    assert!(start.elapsed() < Duration::from_secs(10));
    let gate = Gate::source(GUARDED).replace("{app}", &gone.to_string()).secret("callers.keys", &*keys).start();
    assert_eq!(call(gate.address(), "/open/x", ""), said("14", "the upstream could not be reached"));
    assert_eq!(call(gate.address(), "/limited/x", "").1.as_deref(), Some("14"));
    assert_eq!(call(gate.address(), "/limited/x", "").1.as_deref(), Some("8"));
}

const SERVICES: &str = r#"
gateway { listen 127.0.0.1:0 }
upstream calls {
  target http://{calls}
  http2
}
upstream gone {
  target http://{gone}
  http2
}
auth key callers { keys file("callers.keys") }
route calls POST /test.Calls/** -> calls { public "a test" }
route private POST /private.Calls/** -> calls { auth callers }
route gone POST /gone.Calls/** -> gone { public "a test" }
route limited POST /limited.Calls/** -> gone {
  public "a test"
  limit few 1/h by client.ip
}
"#;

#[test]
fn the_library_of_others_makes_calls_of_all_four_kinds() {
    let Some(python) = python_with("grpc") else { return };
    let server = Peer::start(&python, "calls.py", &["serve"]);
    let gone = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let gate = Gate::source(SERVICES)
        .replace("{calls}", &format!("127.0.0.1:{}", server.port()))
        .replace("{gone}", &gone.to_string())
        .secret("callers.keys", key_line("acme", "s3cret", ""))
        .start();
    let caller = Peer::start(&python, "calls.py", &["ask", &gate.address().to_string()]);
    assert_eq!(caller.until_done(), "called");
}
