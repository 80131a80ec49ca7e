//! Fields on their way through: hop-by-hop, forwarding, identity of the request.

use crate::harness::{Answer, Gate, Origin, plain};
use std::collections::HashSet;

#[test]
fn hop_by_hop_fields_end_at_the_gateway_both_ways() {
    let app = Origin::start(|_| {
        let fields = "Connection: X-Inner, keep-alive\r\nX-Inner: 1\r\nKeep-Alive: timeout=5\r\nProxy-Authenticate: x\r\nX-Kept: 1\r\n";
        Answer::with(200, fields, "{}")
    });
    let reply = plain(&app)
        .get("/")
        .field("Connection", "X-Secret, keep-alive, close-not, X-Forwarded-For, Host")
        .field("X-Secret", "1")
        .field("Keep-Alive", "timeout=5")
        .field("Proxy-Connection", "keep-alive")
        .field("Proxy-Authorization", "x")
        .field("TE", "trailers, gzip")
        .field("Upgrade", "h2c")
        .field("X-Kept", "1")
        .send()
        .expect(200);
    let received = app.received();
    for name in ["x-secret", "keep-alive", "proxy-connection", "proxy-authorization", "upgrade", "transfer-encoding"] {
        assert_eq!(received.field(name), None, "{name}");
    }
    assert_eq!((received.field("x-kept"), received.field("te")), (Some("1"), Some("trailers")));
    assert_eq!((received.field("x-forwarded-for"), received.field("host")), (Some("127.0.0.1"), Some("localhost")));
    for name in ["x-inner", "keep-alive", "proxy-authenticate"] {
        assert_eq!(reply.field(name), None, "{name}");
    }
    assert_eq!(reply.field("x-kept"), Some("1"));
}

#[test]
fn the_upstream_is_told_who_asked_for_what() {
    let app = Origin::json("{}");
    let forged = ["Forwarded", "X-Forwarded-Host", "X-Forwarded-Proto", "X-Forwarded-Port", "X-Real-IP", "X_Forwarded_For"];
    let gate = plain(&app);
    let ask = gate.get("/").host("shop.example:8080");
    forged.iter().fold(ask, |ask, name| ask.field(name, "6.6.6.6")).send().expect(200);
    let received = app.received();
    assert_eq!(received.field("host"), Some("shop.example:8080"), "Host is kept");
    assert_eq!(received.field("forwarded"), Some("for=127.0.0.1;host=\"shop.example:8080\";proto=http"));
    assert_eq!((received.field("x-forwarded-host"), received.field("x-forwarded-proto")), (Some("shop.example:8080"), Some("http")));
    assert_eq!(received.field("via"), Some("1.1 gatewright"));
    assert!(received.field("traceparent").is_some());
    assert!(!received.fields.iter().any(|(_, value)| value == "6.6.6.6"), "{received:?}");
}

#[test]
fn a_trusted_proxy_is_believed() {
    let app = Origin::json("{}");
    let text = crate::harness::PLAIN.replace("127.0.0.1:0", "127.0.0.1:0\n trust [127.0.0.0/8]");
    let gate = Gate::source(text).origin("app", &app).start();
    let ask = gate.get("/").field("X-Forwarded-For", "6.6.6.6, 192.0.2.7").field("X-Request-Id", "abc");
    assert_eq!(ask.send().expect(200).field("x-request-id"), Some("abc"));
    let received = app.received();
    assert_eq!(received.field("x-forwarded-for"), Some("6.6.6.6, 192.0.2.7, 127.0.0.1"));
    assert_eq!(received.field("x-request-id"), Some("abc"));
}

#[test]
fn of_a_trusted_proxy_the_field_that_it_writes_is_believed_and_the_other_is_its_clients() {
    let app = Origin::json("{}");
    let gate = |trust: &str| {
        let text = crate::harness::PLAIN.replace("127.0.0.1:0", &format!("127.0.0.1:0\n trust [127.0.0.0/8] {trust}"));
        let text =
            text.replace("public \"a test\"", "public \"a test\"\n response { set X-Client client.ip; set X-Scheme request.scheme }");
        Gate::source(text).origin("app", &app).start()
    };
    let both = |gate: &Gate, address: &str, element: &str| {
        let ask = gate.get("/").field("X-Forwarded-For", address).field("X-Forwarded-Proto", "http").field("Forwarded", element);
        let answer = ask.send().expect(200);
        (answer.field("x-client").unwrap().to_owned(), answer.field("x-scheme").unwrap().to_owned(), app.requests().pop().unwrap())
    };
    let own = "for=127.0.0.1;host=\"localhost\";proto=http";
    let (client, scheme, received) = both(&gate("field forwarded"), "6.6.6.6", "for=192.0.2.7;proto=https");
    assert_eq!((&*client, &*scheme), ("192.0.2.7", "https"));
    assert_eq!(received.field("x-forwarded-for"), Some("192.0.2.7, 127.0.0.1"));
    assert_eq!(received.field("x-forwarded-proto"), Some("https"));
    assert_eq!(received.field("forwarded"), Some(&*format!("for=192.0.2.7;proto=https, {own}")));
    let (client, scheme, received) = both(&gate(""), "192.0.2.7", "for=6.6.6.6;proto=https");
    assert_eq!((&*client, &*scheme), ("192.0.2.7", "http"));
    assert_eq!(received.field("forwarded"), Some(&*format!("for=192.0.2.7, {own}")));
    let gate = gate("");
    let alone = gate.get("/").field("Forwarded", "for=6.6.6.6").send().expect(200);
    assert_eq!(alone.field("x-client"), Some("127.0.0.1"));
    assert_eq!(app.requests().pop().unwrap().field("forwarded"), Some(own));
}

#[test]
fn what_is_stored_for_one_place_that_a_trusted_proxy_tells_of_answers_for_no_other() {
    let app = Origin::start(|received| Answer::with(200, "", received.field("x-forwarded-host").unwrap_or_default()));
    let cached = crate::harness::PLAIN.replace("public \"a test\"", "public \"a test\"\n cache 60s");
    let trusting = Gate::source(cached.replace("127.0.0.1:0", "127.0.0.1:0\n trust [127.0.0.0/8]")).origin("app", &app).start();
    for host in ["shop.example", "evil.example", "shop.example"] {
        assert_eq!(trusting.get("/").field("X-Forwarded-Host", host).send().expect(200).text(), host);
    }
    assert_eq!(trusting.get("/").send().expect(200).text(), "localhost");
    assert_eq!(app.begun(), 3);
    let told = cached.replace("127.0.0.1:0", "127.0.0.1:0\n trust [127.0.0.0/8] field forwarded");
    let trusting = Gate::source(told).origin("app", &app).start();
    trusting.get("/").field("X-Forwarded-Host", "evil.example").send().expect(200);
    for elements in ["for=192.0.2.7;host=shop.example", "for=192.0.2.7;host=evil.example", "for=192.0.2.8;host=shop.example"] {
        trusting.get("/").field("Forwarded", elements).send().expect(200);
    }
    assert_eq!(app.begun(), 6, "who asks makes no other key");
    let wary = Gate::source(cached).origin("app", &app).start();
    for host in ["evil.example", "worse.example"] {
        assert_eq!(wary.get("/").field("X-Forwarded-Host", host).send().expect(200).text(), "localhost");
    }
    assert_eq!(app.begun(), 7, "what is dropped makes no other key");
}

#[test]
fn every_request_has_an_id_of_its_own_and_both_sides_see_it() {
    let app = Origin::json("{}");
    let gate = plain(&app);
    let ids: Vec<String> =
        (0..3).map(|_| gate.get("/").field("X-Request-Id", "mine").send().expect(200).field("x-request-id").unwrap().to_owned()).collect();
    let seen: Vec<String> = app.requests().iter().map(|received| received.field("x-request-id").unwrap().to_owned()).collect();
    assert_eq!(ids, seen);
    assert_eq!(ids.iter().collect::<HashSet<_>>().len(), 3);
    assert!(ids.iter().all(|id| id.len() == 36 && id.as_bytes()[14] == b'7'), "{ids:?}");
}
