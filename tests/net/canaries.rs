//! Credentials of every kind, sent by the tens of thousands: none of them is ever written down.

use crate::harness::{Client, Origin, Program, key_line, password_line, token};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};
use std::sync::atomic::{AtomicUsize, Ordering};

/// How many requests are made
const REQUESTS: usize = 100_000;
/// over so many connections.
const CLIENTS: usize = 64;
/// Stands in every credential.
const CANARY: &str = "c4n4ry";

const POLICY: &str = r#"
gateway {
  listen 127.0.0.1:0
  log access json redact ["x-session"] {
    field session header("x-session")
    field authorization header("authorization")
    field both "${header("x-api-key") ?? "none"} and ${cookie("sid") ?? "none"}"
    field sid cookie("sid")
    field token query("access_token")
    field secret query("key")
    field page query("page")
    field known has(header("x-session"))
  }
}
auth jwt tokens { algorithms [HS256]; key env("SECRET"); audience "shop"; claims { sub str } }
auth key keys { from [header("x-api-key"), query("key")]; keys env("KEYS") }
auth basic users { users env("USERS") }
upstream app { target http://{app} }
upstream gone { target http://{gone} }
route open ANY /open/** -> app { public "a test" }
route broken ANY /broken/** -> gone { public "a test" }
route token ANY /token/** -> app { auth tokens }
route key ANY /key/** -> app { auth keys }
route user ANY /user/** -> app { auth users }
"#;

/// Requests with a credential each, and the statuses they are answered with.
fn requests(token: &str) -> Vec<(String, u16)> {
    let basic = |pair: &str| STANDARD.encode(pair);
    let ask = |target: &str, fields: &str, status: u16| (format!("GET {target} HTTP/1.1\r\nHost: localhost\r\n{fields}\r\n"), status);
    let broken = format!("{}.{CANARY}", token.rsplit_once('.').unwrap().0);
    vec![
        ask("/token/a?page=7", &format!("Authorization: Bearer {token}\r\n"), 200),
        ask("/token/a", &format!("Authorization: Bearer {broken}\r\n"), 401),
        ask("/token/a", &format!("Authorization: Bearer {CANARY}\r\n"), 401),
        ask("/open/a", &format!("Authorization: Bearer {token}\r\nProxy-Authorization: Basic {CANARY}\r\n"), 200),
        ask("/user/a", &format!("Authorization: Basic {}\r\n", basic(&format!("kim:{CANARY}"))), 200),
        ask("/open/a", &format!("Authorization: Basic {}\r\n", basic(&format!("lee:{CANARY}"))), 200),
        ask("/key/a", &format!("X-API-Key: {CANARY}-key\r\n"), 200),
        ask("/key/a", &format!("X-API-Key: {CANARY}-of-nobody\r\n"), 401),
        ask(&format!("/key/a?key={CANARY}-key"), "", 200),
        ask(&format!("/key/a?key={CANARY}"), "", 401),
        ask(&format!("/open/a?token={CANARY}&access_token={CANARY}&password=%63%34n4ry&page=7"), "", 200),
        ask("/open/a", &format!("Cookie: a=b; sid={CANARY}\r\n"), 200),
        ask("/open/a", &format!("X-Session: {CANARY}\r\nX-API-Key: {CANARY}\r\nCookie: sid={CANARY}\r\n"), 200),
        ask(&format!("/nowhere?token={CANARY}"), &format!("Cookie: sid={CANARY}\r\n"), 404),
        ask(&format!("/open/%zz?token={CANARY}"), &format!("Authorization: Basic {CANARY}\r\n"), 400),
        ask(&format!("/broken/a?token={CANARY}"), &format!("Authorization: Bearer {token}\r\nX-Session: {CANARY}\r\n"), 502),
    ]
}

/// The same where the connection is closed behind the answer.
fn last_requests() -> Vec<String> {
    vec![
        format!("GET http://kim:{CANARY}@localhost/open/a HTTP/1.1\r\nHost: localhost\r\n\r\n"),
        format!("GET /open/a HTTP/1.1\r\nHost: kim:{CANARY}@localhost\r\n\r\n"),
        format!("GET /open/a HTTP/1.1\r\nHost: localhost\r\nAuthorization : Bearer {CANARY}\r\n\r\n"),
        format!("GET /open/a?token={CANARY} HTTP/7\r\nHost: localhost\r\n\r\n"),
        format!("GET /open/a HTTP/1.1\r\nHost: localhost\r\nCookie: sid={CANARY}\0\r\n\r\n"),
    ]
}

#[test]
fn no_credential_is_ever_written_down() {
    let app = Origin::json("{}");
    let gone = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let token = token("0123456789abcdef0123456789abcdef", &json!({ "sub": CANARY, "aud": "shop" }));
    let text = POLICY.replace("{app}", &app.address().to_string()).replace("{gone}", &gone.to_string());
    let (keys, users) = (key_line("partner", &format!("{CANARY}-key"), ""), password_line("kim", CANARY));
    let environment = [("SECRET", "0123456789abcdef0123456789abcdef"), ("KEYS", keys.as_str()), ("USERS", users.as_str())];
    let mut gate = Program::run(&text, &[], &environment);
    let (address, requests) = (gate.address(), requests(&token));
    let signature = token.rsplit_once('.').unwrap().1;
    let encoded = STANDARD.encode(format!("kim:{CANARY}"));
    let is_clean = |text: &str| ![CANARY, signature, encoded.as_str()].iter().any(|secret| text.contains(secret));

    let next = AtomicUsize::new(0);
    std::thread::scope(|scope| {
        for _ in 0..CLIENTS {
            scope.spawn(|| {
                let mut client = Client::connect(address);
                loop {
                    let number = next.fetch_add(1, Ordering::AcqRel);
                    if number >= REQUESTS {
                        return;
                    }
                    let (request, status) = &requests[number % requests.len()];
                    let reply = client.send(request).read();
                    assert_eq!(reply.status, *status, "{request}\n{}", reply.text());
                    assert!(is_clean(reply.text()), "{request}\n{}", reply.text());
                }
            });
        }
    });
    let last = last_requests();
    for request in &last {
        let reply = Client::connect(address).send(request).read();
        assert!(reply.status >= 400 && is_clean(reply.text()), "{request}\n{}", reply.text());
    }

    gate.signal("TERM");
    assert!(gate.until_ended().success());
    assert!(is_clean(&gate.said()), "{}", gate.said());
    let logged = gate.logged();
    let mut lines = 0;
    for line in logged.lines() {
        lines += 1;
        assert!(is_clean(line), "{line}");
        let line: Value = serde_json::from_str(line).unwrap_or_else(|error| panic!("{error}: {line}"));
        assert!(line["status"].is_u64(), "{line}");
    }
    assert_eq!(lines, REQUESTS + last.len());
    // What is there is seen to be there, and what was asked for by name and is no credential is written.
    let shown: Vec<Value> = logged.lines().take(1_000).map(|line| serde_json::from_str(line).unwrap()).collect();
    let has = |name: &str, value: Value| shown.iter().any(|line| line[name] == value);
    for name in ["session", "authorization", "both", "sid", "token"] {
        assert!(has(name, "[redacted]".into()), "{name}");
    }
    assert!(has("page", "7".into()) && has("known", "true".into()) && has("session", Value::Null));
}

const OPERATED: &str = r#"
gateway {
  listen 127.0.0.1:0
  admin 127.0.0.1:0 { auth operators }
}
auth key operators { from query("operator"); keys env("OPERATORS") }
route kept GET /kept {
  public "a test"
  respond 200 text "kept"
}
"#;

#[test]
fn an_operators_key_in_the_query_opens_the_admin_listener_and_is_not_logged() {
    let line = key_line("ann", CANARY, "");
    let mut gate = Program::run(OPERATED, &[], &[("OPERATORS", &line)]);
    gate.admin("GET", "/admin/status").send().expect(401);
    gate.admin("GET", &format!("/admin/status?operator={CANARY}")).send().expect(200);
    let problem = gate.admin("GET", &format!("/admin/status?operator={CANARY}&rute=a")).send().expect(400).json();
    assert_eq!(problem["detail"], "there is no parameter `rute`: none is taken here");
    gate.admin("POST", &format!("/admin/cache/purge?%6fperator={CANARY}&route=kept")).send().expect(200);
    gate.until_said("asked by hand");
    assert!(gate.said().contains("route=kept") && !gate.said().contains(CANARY), "{}", gate.said());
}
