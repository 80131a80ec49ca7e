//! One reading of a path: the matcher's is the upstream's.

use crate::harness::{Gate, Origin, plain};

#[test]
fn the_upstream_gets_the_path_that_was_judged() {
    let app = Origin::json("{}");
    let gate = plain(&app);
    let cases = [
        ("//a///b", "/a/b"),
        ("/a/./b/../c", "/a/c"),
        ("/a/%2e%2E/b", "/b"),
        ("/..//../x", "/x"),
        ("/%61%7E", "/a~"),
        ("/%c3%a9", "/%C3%A9"),
        ("/a/?x=%zz&y=//../", "/a/?x=%zz&y=//../"),
        ("/a;b=c", "/a;b=c"),
        ("/a%0d%0ab", "/a%0D%0Ab"),
    ];
    for (sent, _) in cases {
        gate.get(sent).send().expect(200);
    }
    let targets: Vec<String> = app.requests().into_iter().map(|received| received.target).collect();
    assert_eq!(targets, cases.map(|(_, seen)| seen));
}

#[test]
fn a_path_with_two_readings_is_refused() {
    let app = Origin::json("{}");
    let gate = plain(&app);
    for path in ["/a%2fb", "/a%2Fb", "/%zz", "/%", "/%4", "/%00", "/a\\b", "/%5c", "/..;/a", "/a/%2e%2e;x/b"] {
        let reply = gate.get(path).send().expect(400);
        assert_eq!(reply.field("content-type"), Some("application/problem+json"), "{path}");
    }
    assert_eq!(app.begun(), 0);
}

#[test]
fn no_spelling_of_a_path_gets_around_a_route() {
    let app = Origin::json("{}");
    let gate = Gate::source(
        r#"
        gateway { listen 127.0.0.1:0 }
        upstream app { target http://{app} }
        route open ANY /** -> app { public "a test" }
        route closed ANY /admin/** -> app {
          public "a test"
          deny client.ip in [127.0.0.0/8]
        }
        "#,
    );
    let gate = gate.origin("app", &app).start();
    for path in ["/admin", "/admin/", "/admin/x", "//admin/x", "/x/../admin", "/%61dmin", "/./admin/x", "/x/%2e%2e/admin", "/admin//x"] {
        gate.get(path).send().expect(403);
    }
    assert_eq!(app.begun(), 0);
    gate.get("/adminx").send().expect(200);
}

#[test]
fn the_absolute_form_wins_over_host() {
    let app = Origin::json("{}");
    let gate = plain(&app);
    gate.connect().send("GET http://a.example/x HTTP/1.1\r\nHost: b.example\r\n\r\n").read().expect(200);
    let received = app.received();
    assert_eq!((received.target.as_str(), received.field("host")), ("/x", Some("a.example")));
    assert_eq!(received.field("x-forwarded-host"), Some("a.example"));
}

#[test]
fn what_a_path_says_cannot_split_a_redirect() {
    let text = "gateway { listen 127.0.0.1:0 }\nroute docs GET /docs/** {\n public \"moved\"\n redirect 308 \"https://docs.example.com/${param.rest}\"\n}\n";
    let gate = Gate::source(text).start();
    let reply = gate.get("/docs/a%0d%0aSet-Cookie:x=1/b?q=1").send().expect(308);
    let location = reply.field("location").unwrap();
    assert!(location.starts_with("https://docs.example.com/a%0D%0A"), "{location}");
    assert_eq!(reply.field("set-cookie"), None);
}
