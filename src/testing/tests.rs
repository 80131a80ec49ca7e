use super::{Failure, Outcome, run};
use crate::check::{Files, Options, check};
use std::io;
use std::path::Path;

/// One file, and nothing else.
struct Only(String);

impl Files for Only {
    fn read(&self, _: &Path) -> io::Result<Vec<u8>> {
        Ok(self.0.clone().into_bytes())
    }
}

const POLICY: &str = r#"
gateway { listen :8080 }
auth jwt main {
  algorithms [HS256]
  key env("JWT_SECRET")
  claims { sub str; role enum(user, admin) = user }
}
auth key partner { keys env("KEYS"); attributes { plan enum(free, pro) = free } }
auth basic staff { users env("USERS") }
upstream app {
  target http://127.0.0.1:3000
  breaker { open_after 2 failures; cooldown 30s }
  stub {
    GET /items 200 json """{"items": [1, 2]}"""
    GET /hello 200 text "hello"
    POST /items 201 json """{"id": 3}"""
  }
}
upstream bare { target http://127.0.0.1:3001 }
route items GET,POST /items -> app {
  auth any [main, partner]
  limit per_client 2/min by client.ip algorithm fixed_window
  limit total 1_000/min algorithm fixed_window
}
route mine GET /mine -> app { auth main; request { set X-User claim.sub } }
route admins GET /admins -> app { auth main; require claim.role == "admin" }
route both GET /both -> app { auth all [main, partner] }
route desk GET /desk -> app { auth optional staff }
route hello GET /hello -> app { public }
route parts GET /parts {
  public
  timeout { total 1s }
  aggregate { part bare GET /other -> bare }
}
route other ANY /other -> bare { public; body { max 1KiB } }
group hosted host api.example.com {
  route hosted GET /hosted -> bare { public }
}
"#;

/// The outcome of the one test with these steps, under a policy that has everything.
fn outcome(steps: &str) -> Outcome {
    let text = format!("{POLICY}\ntest \"it\" {{\n{steps}\n}}\n");
    let checked = check(Path::new("policy.gate"), &Only(text), &Options::default()).unwrap();
    let found: Vec<_> = checked.report.into_sorted().into_iter().map(|found| (found.code.name(), found.message)).collect();
    let Some(program) = checked.program else { panic!("{found:?}") };
    let mut outcomes = run(&program, None);
    assert_eq!(outcomes.len(), 1);
    outcomes.remove(0)
}

#[track_caller]
fn passes(steps: &str) {
    let outcome = outcome(steps);
    assert!(outcome.failure.is_none(), "{:#?}", outcome.failure);
}

#[track_caller]
fn fails(steps: &str) -> Failure {
    outcome(steps).failure.expect("the test passes")
}

/// Expected and actual of the failing step.
#[track_caller]
fn sides(steps: &str) -> (String, String) {
    let failure = fails(steps);
    (failure.expected.unwrap_or_default(), failure.actual)
}

fn both(expected: &str, actual: &str) -> (String, String) {
    (expected.to_owned(), actual.to_owned())
}

#[test]
fn a_reply_is_what_the_stub_says() {
    passes(
        r#"request GET /hello
        expect status 200
        expect status 2xx
        expect route == hello
        expect upstream == app
        expect attempts == 1
        expect stage call
        expect header("content-type") == "text/plain; charset=utf-8"
        expect header("x-nothing") == none
        expect body text "hello"
        expect received path == "/hello"
        expect received query("a") == none
        expect breaker app == closed"#,
    );
}

#[test]
fn every_expectation_can_fail_and_says_both_sides() {
    let hello = |expectation: &str| sides(&format!("request GET /hello?a=b+c\nexpect {expectation}"));
    assert_eq!(hello("status 404"), both("status 404", "status 200"));
    assert_eq!(hello("status 5xx"), both("a status of 500 to 599", "status 200"));
    assert_eq!(hello("route == items"), both("route == items", "route == hello"));
    assert_eq!(hello("route != hello"), both("route != hello", "route == hello"));
    assert_eq!(hello("route == none"), both("route == none", "route == hello"));
    assert_eq!(hello("upstream == bare"), both("upstream == bare", "upstream == app"));
    assert_eq!(hello("stage limit"), both("stage == limit", "stage == call"));
    assert_eq!(hello("limited by total"), both("limit == total", "limit == none"));
    assert_eq!(hello("breaker app == open"), both("breaker app == open", "breaker app == closed"));
    assert_eq!(hello("breaker bare == closed"), both("breaker bare == closed", "breaker bare == none"));
    assert_eq!(hello("cache == hit"), both("cache == hit", "cache == none"));
    assert_eq!(hello("attempts == 2"), both("attempts == 2", "attempts == 1"));
    assert_eq!(hello(r#"header("x-nothing") == "y""#), both(r#"header("x-nothing") == y"#, r#"header("x-nothing") == none"#));
    assert_eq!(hello(r#"body text "bye""#), both("bye", "hello"));
    assert_eq!(hello(r#"body json "[]""#).0, "[]");
    assert_eq!(hello(r#"received query("a") == "b""#), both(r#"received query("a") == b"#, r#"received query("a") == "b c""#));
    assert_eq!(
        hello(r#"received header("host") == "x""#),
        both(r#"received header("host") == x"#, r#"received header("host") == localhost"#)
    );
    assert_eq!(hello(r#"received path == "/bye""#), both(r#"received path == "/bye""#, r#"received path == "/hello""#));
}

#[test]
fn a_failure_shows_the_step_the_request_and_its_way() {
    let outcome =
        outcome("given header \"x-a\" \"1\"\ngiven claims { sub \"7\" }\nrequest GET /admins\nexpect status 200\nexpect status 403");
    let failure = outcome.failure.unwrap();
    assert_eq!(outcome.name, "it");
    assert_eq!(failure.step, "expect status 200");
    assert!(failure.place.starts_with("policy.gate:"), "{}", failure.place);
    let (request, trace) = (failure.request.unwrap(), failure.trace.unwrap());
    assert_eq!((request.method.as_str(), request.target.as_str()), ("GET", "/admins"));
    assert!(request.headers.contains(&("x-a".to_owned(), "1".to_owned())), "{:?}", request.headers);
    assert!(request.headers.contains(&("authorization".to_owned(), "(made for auth `main`)".to_owned())), "{:?}", request.headers);
    assert_eq!(trace.route.as_deref(), Some("admins"));
    assert_eq!(trace.stages, ["match", "authenticate", "authorize"]);
    assert_eq!((trace.status, trace.attempts), (403, 0));
}

#[test]
fn credentials_are_made_for_whatever_the_route_asks() {
    passes("request GET /items\nexpect status 401\nexpect stage authenticate");
    passes("given claims { sub \"7\" }\nrequest GET /items\nexpect status 200");
    passes("given key { name \"acme\"; plan pro }\nrequest GET /items\nexpect status 200");
    passes("given claims { sub \"7\" }\nrequest GET /mine\nexpect received header(\"x-user\") == \"7\"");
    passes(
        "given claims { }\nrequest GET /mine\nexpect received header(\"x-user\") == \"some-sub\"\nexpect received header(\"authorization\") == none",
    );
    passes("given claims { role admin }\nrequest GET /admins\nexpect route == admins\nexpect stage call");
    passes("given claims { sub \"7\" }\ngiven key { plan pro }\nrequest GET /both\nexpect stage call");
    passes("given claims { sub \"7\" }\nrequest GET /both\nexpect status 401");
    passes("given user \"ann\"\nrequest GET /desk\nexpect stage call");
    passes("request GET /desk\nexpect stage call");
    passes("given user \"ann\"\nrequest GET /mine\nexpect status 401");
    passes("given claims { sub \"7\" }\nrequest GET /mine with header \"authorization\" \"Bearer nonsense\"\nexpect status 401");
}

#[test]
fn claims_that_no_auth_declares_are_said() {
    let failure = fails("given claims { tenant \"t\" }\nrequest GET /mine\nexpect status 200");
    assert_eq!((failure.expected, failure.actual.as_str()), (None, "`main` declares no `claim.tenant`"));
    assert!(failure.step.starts_with("request"), "{}", failure.step);
}

#[test]
fn windows_end_when_time_is_advanced() {
    passes(
        r#"given claims { sub "1" }
        repeat 2 GET /items
        expect status 200
        request GET /items
        expect status 429
        expect stage limit
        expect limited by per_client
        expect upstream == none"#,
    );
    passes("given claims { sub \"1\" }\nrepeat 2 GET /items\nadvance 1m\nrequest GET /items\nexpect status 200");
    passes("given claims { sub \"1\" }\nrepeat 2 GET /items\ngiven client.ip 192.0.2.2\nrequest GET /items\nexpect status 200");
    passes("given claims { sub \"1\" }\ngiven only limit total\nrepeat 10 GET /items\nexpect status 200");
}

#[test]
fn an_expectation_holds_for_every_reply_of_a_repeat() {
    let failure = fails("given claims { sub \"1\" }\nrepeat 5 GET /items\nexpect status 200");
    assert_eq!(failure.actual, "status 429 (reply 3 of 5)");
    assert_eq!(failure.trace.unwrap().stages, ["match", "limit"]);
    assert_eq!(outcome("given claims { sub \"1\" }\nrepeat 5 GET /items\nexpect route == items").requests, 5);
}

#[test]
fn breakers_open_and_close_in_virtual_time() {
    passes("given upstream app refuses times 2\nrepeat 2 GET /hello\nexpect status 502\nexpect breaker app == open");
    passes(
        r#"given upstream app replies 500 times 2
        repeat 2 GET /hello
        expect status 500
        expect breaker app == open
        request GET /hello
        expect status 503
        expect attempts == 0
        advance 31s
        expect breaker app == half_open
        request GET /hello
        expect status 200
        expect breaker app == closed"#,
    );
}

#[test]
fn scripted_replies_come_first_and_the_last_word_counts() {
    passes(
        "given upstream app replies 200 json \"[1]\" times 1\nrequest GET /hello\nexpect body json \"[1]\"\nrequest GET /hello\nexpect body text \"hello\"",
    );
    passes(
        "given upstream app replies 404\nrequest GET /hello\nexpect status 404\nexpect body text \"hello\"\ngiven upstream app replies 200\nrequest GET /hello\nexpect status 200",
    );
    passes("given upstream bare replies 200\nrequest GET /other\nexpect body json \"{}\"");
    passes("request GET /other\nexpect status 200\nexpect body json \"{}\"");
}

#[test]
fn an_upstream_that_thinks_too_long_is_a_timeout() {
    passes("given upstream app replies 200 after 20s\nrequest GET /hello\nexpect status 504");
    passes(
        "given upstream app replies 200 after 2s\nrequest GET /hello\nexpect status 200\nadvance 30d\nrequest GET /hello\nexpect status 200",
    );
}

#[test]
fn the_parts_of_an_answer_have_the_timeouts_of_their_route() {
    passes("given upstream bare replies 200 after 900ms\nrequest GET /parts\nexpect status 200");
    passes("given upstream bare replies 200 after 2s\nrequest GET /parts\nexpect status 502");
}

#[test]
fn nothing_received_fails_unless_that_is_expected() {
    passes("request GET /mine\nexpect received header(\"x-user\") == none");
    assert_eq!(
        sides("request GET /mine\nexpect received header(\"x-user\") != \"7\""),
        both("received header(\"x-user\") != 7", "no upstream got a request")
    );
}

#[test]
fn hosts_bodies_and_methods_go_the_whole_way() {
    passes("request GET https://api.example.com/hosted\nexpect route == hosted\nexpect received header(\"host\") == \"api.example.com\"");
    passes("request GET /hosted\nexpect status 404\nexpect route == none\nexpect stage match");
    passes("request GET /hosted with header \"host\" \"api.example.com\"\nexpect route == hosted");
    passes("request HEAD /hello\nexpect status 200\nexpect body text \"\"");
    passes("request OPTIONS /hello\nexpect status 204");
    passes("request DELETE /hello\nexpect status 405");
    passes(
        "given key { name \"k\" }\nrequest POST /items with body json \"{}\"\nexpect status 201\nexpect received header(\"content-type\") == \"application/json\"",
    );
    passes(&format!("request POST /other with body text \"{}\"\nexpect status 413\nexpect stage body", "x".repeat(2000)));
    passes("request GET /a%zz\nexpect status 400\nexpect stage normalise");
}

#[test]
fn tests_know_nothing_of_each_other() {
    let steps = "given claims { sub \"1\" }\nrepeat 2 GET /items\nexpect status 200";
    passes(steps);
    passes(steps);
}

#[test]
fn an_expectation_before_any_request_cannot_be_done() {
    let failure = fails("expect status 200\nrequest GET /hello");
    assert_eq!((failure.expected, failure.actual.as_str()), (None, "no request was made before"));
}
