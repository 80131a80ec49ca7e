//! What a client says so that policy and upstream may read it differently: bytes that are no ASCII, and values that stand there twice.

use crate::harness::{Answer, Client, Gate, Origin, Response};

/// Policy, origin and a client that sends bytes.
struct Rig {
    origin: Origin,
    gate: Gate,
}

impl Rig {
    fn new(statements: &str) -> Self {
        Self::answering("", statements)
    }

    fn answering(fields: &'static str, statements: &str) -> Self {
        let origin = Origin::start(move |received| Answer::with(200, fields, &received.target));
        let text = crate::harness::PLAIN.replace("public \"a test\"", &format!("public \"a test\"\n {statements}"));
        let gate = Gate::source(text).origin("app", &origin).start();
        Self { origin, gate }
    }

    fn ask(&self, target: &str, lines: &[&[u8]]) -> Response {
        let fields = lines.iter().map(|line| [line, &b"\r\n"[..]].concat()).collect::<Vec<_>>().concat();
        let head = format!("GET {target} HTTP/1.1\r\nHost: localhost\r\n");
        Client::connect(self.gate.address()).send([head.as_bytes(), &fields, b"\r\n"].concat()).read()
    }

    /// Every one of the requests has an answer of its own, however often it is asked.
    #[track_caller]
    fn keeps_apart(&self, requests: &[(&str, &[&[u8]])]) {
        for times in 1..=2 {
            requests.iter().for_each(|(target, lines)| drop(self.ask(target, lines).expect(200)));
            assert_eq!(self.origin.begun(), requests.len(), "round {times}");
        }
    }
}

#[test]
fn a_cookie_is_seen_beside_one_that_is_no_ascii() {
    let rig = Rig::new("cache 60s by [cookie(\"session\")]");
    let (city, latin): (&[u8], &[u8]) = ("Cookie: session=V; city=Köln".as_bytes(), b"Cookie: city=K\xf6ln; session=W");
    rig.keeps_apart(&[("/", &[city]), ("/", &[latin]), ("/", &[b"Cookie: session=X"]), ("/", &[])]);
}

#[test]
fn values_that_differ_in_a_byte_are_two_in_a_key() {
    Rig::new("cache 60s by [query(\"page\")]").keeps_apart(&[("/?page=%ff", &[]), ("/?page=%fe", &[]), ("/?page=%EF%BF%BD", &[])]);
    let rig = Rig::new("cache 60s by [header(\"x-city\")]");
    rig.keeps_apart(&[
        ("/", &[b"X-City: K\xf6ln"]),
        ("/", &[b"X-City: K\xfcln"]),
        ("/", &["X-City: Köln".as_bytes()]),
        ("/", &["X-City: K\u{fffd}ln".as_bytes()]),
    ]);
}

#[test]
fn a_response_varies_by_bytes() {
    let rig = Rig::answering("Vary: X-City\r\n", "cache 60s");
    rig.keeps_apart(&[("/", &[b"X-City: K\xf6ln"]), ("/", &[b"X-City: K\xfcln"]), ("/", &["X-City: Köln".as_bytes()])]);
}

#[test]
fn all_values_of_a_parameter_are_part_of_a_key() {
    let pages = ["/?page=1", "/?page=1&page=2", "/?page=1&x=3&page=2&page=3", "/?page=2&page=1", "/?page=1&page"];
    let rig = Rig::new("cache 60s by [query(\"page\")]");
    rig.keeps_apart(&pages.map(|page| (page, &[][..])));
    rig.ask("/?page=1&y=4&page=2", &[]).expect(200);
    assert_eq!(rig.origin.begun(), pages.len(), "the others are still left out");
    let rig = Rig::new("cache 60s by [query(\"a\"), query(\"b\")]");
    rig.keeps_apart(&[("/?a=1&a=2&b=1", &[]), ("/?a=1&b=1&b=2", &[]), ("/?a=1&b=1", &[])]);
}

#[test]
fn lines_of_a_list_are_one_value() {
    let rig = Rig::new("cache 60s by [header(\"accept-language\")]\n deny header(\"accept-language\") == \"de, en\"");
    rig.ask("/", &[b"Accept-Language: de", b"Accept-Language: en"]).expect(403);
    rig.keeps_apart(&[("/", &[b"Accept-Language: de"]), ("/", &[b"Accept-Language: de", b"Accept-Language: fr"])]);
    rig.ask("/", &[b"Accept-Language: de, fr"]).expect(200);
    assert_eq!(rig.origin.begun(), 2, "it is the same value");
    let rig = Rig::new("deny header(\"cookie\") == \"a=1; b=2\"");
    rig.ask("/", &[b"Cookie: a=1", b"Cookie: b=2"]).expect(403);
}

#[test]
fn a_field_that_is_no_list_has_one_line_where_rules_ask() {
    let rig = Rig::new("cache 60s by [header(\"x-tenant\")]\n deny header(\"x-role\") == \"admin\"");
    for same in [&[&b"X-Role: admin"[..]][..], &[b"X-Role: admin", b"X-Role: admin"]] {
        rig.ask("/", same).expect(403);
    }
    for second in [&b"X-Role:"[..], b"X-Role: user"] {
        rig.ask("/", &[b"X-Role: admin", second]).expect(400);
        let refused = rig.ask("/", &[second, b"X-Role: admin"]).expect(400);
        assert_eq!(refused.json()["detail"], "the field `x-role` is there more than once");
    }
    assert_eq!(rig.origin.begun(), 0);
    rig.keeps_apart(&[("/", &[b"X-Tenant: a"]), ("/", &[b"X-Tenant: a", b"X-Tenant: b"]), ("/", &[b"X-Tenant: b", b"X-Tenant: a"])]);
}

#[test]
fn text_in_utf8_is_text_and_other_bytes_are_refused_where_rules_ask() {
    let rig = Rig::new("deny header(\"x-debug\") != none\n deny cookie(\"city\") == \"Köln\"");
    rig.ask("/", &["X-Debug: Köln".as_bytes()]).expect(403);
    rig.ask("/", &["Cookie: a=1; city=Köln".as_bytes()]).expect(403);
    let refused = rig.ask("/", &[b"X-Debug: 1\xff"]).expect(400);
    assert_eq!(
        (refused.field("content-type"), &refused.json()["detail"]),
        (Some("application/problem+json"), &"the field `x-debug` is no UTF-8 text".into())
    );
    rig.ask("/", &[b"Cookie: city=K\xf6ln"]).expect(400);
    assert_eq!(rig.origin.begun(), 0);
    rig.ask("/?x=%ff&x", &[b"X-Other: K\xf6ln", b"Cookie: old=K\xf6ln; old=2"]).expect(200);
    assert_eq!(rig.origin.received().field("cookie"), Some("old=K\u{fffd}ln; old=2"), "what nobody asks about goes on");
}

#[test]
fn what_rules_ask_for_may_be_there_once() {
    let rig = Rig::new("deny query(\"admin\") == \"1\"\n limit each 1/h by query(\"account\") ?? \"\"");
    for target in ["/?admin=0&admin=1", "/?admin=1&admin=0", "/?admin=0&%61dmin=1", "/?account=a&account=b", "/?account=%ff"] {
        rig.ask(target, &[]).expect(400);
    }
    assert_eq!(rig.origin.begun(), 0);
    rig.ask("/?admin=0&account=a&account=a&admin=0", &[]).expect(200);
    rig.ask("/?admin=0&account=a", &[]).expect(429);
    rig.ask("/?admin=1&admin=1", &[]).expect(403);
}

#[test]
fn a_request_that_two_routes_may_take_is_taken_by_neither() {
    let origin = Origin::json("{}");
    let text = r#"
gateway { listen 127.0.0.1:0 }
upstream app { target http://{app} }
route second GET /x -> app { public "a test"
  match query("v") == "2" }
route first GET /x -> app { public "a test" }
route other GET /y -> app { public "a test" }
"#;
    let gate = Gate::source(text).origin("app", &origin).start();
    gate.get("/x?v=1&v=2").send().expect(400);
    gate.get("/x?v=2").send().expect(200);
    gate.get("/y?v=1&v=2").send().expect(200);
}

#[test]
fn what_a_later_route_asks_for_is_no_matter_of_an_earlier_one() {
    let origin = Origin::json("{}");
    let text = r#"
gateway { listen 127.0.0.1:0 }
upstream app { target http://{app} }
route first GET /{x} -> app { public "a test"
  priority 10
  match header("h") == "1" }
route second GET /a -> app { public "a test"
  match query("v") == "1" }
route previewed GET /pre/{x} -> app { public "a test"
  match query("v") == "1" }
route options OPTIONS /pre/** -> app { public "a test" }
"#;
    let gate = Gate::source(text).origin("app", &origin).start();
    gate.get("/a?v=1&v=2").field("h", "1").send().expect(200);
    gate.get("/a?v=1&v=2").send().expect(400);
    let preflight =
        "OPTIONS /pre/b?v=1&v=2 HTTP/1.1\r\nHost: localhost\r\nOrigin: https://a.example\r\nAccess-Control-Request-Method: GET\r\n\r\n";
    Client::connect(gate.address()).send(preflight).read().expect(200);
}
