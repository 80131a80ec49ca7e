mod seen;

use super::coverage::{Coverage, Kind};
use super::trace::Verdict;
use super::{Ask, Failure, Outcome, Trace, run};
use crate::check::testing::program as sound;

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

fn program(steps: &str) -> crate::ir::Program {
    sound(&format!("{POLICY}\ntest \"it\" {{\n{steps}\n}}\n"))
}

/// A policy whose upstream takes no encoded slashes.
fn slashes() -> crate::ir::Program {
    sound("gateway { listen :8080 }\nupstream app { target http://127.0.0.1:3000 }\n\nroute all ANY /** -> app { public }\n")
}

/// The outcome of the one test with these steps, under a policy that has everything.
fn outcome(steps: &str) -> Outcome {
    let program = program(steps);
    let mut outcomes = run(&program, None, None);
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

/// The stages that a request met, each once.
fn reached(trace: &Trace) -> Vec<&'static str> {
    let met = trace.stages.iter().filter(|stage| stage.verdict != Verdict::NotReached);
    let mut met: Vec<_> = met.map(|stage| stage.stage).collect();
    met.dedup();
    met
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
    let trace = failure.trace.unwrap();
    let request = &trace.request;
    assert_eq!((request.method.as_str(), request.target.as_str()), ("GET", "/admins"));
    assert!(request.headers.contains(&("x-a".to_owned(), "1".to_owned())), "{:?}", request.headers);
    assert!(request.headers.contains(&("authorization".to_owned(), "(made for auth `main`)".to_owned())), "{:?}", request.headers);
    assert_eq!(trace.route.as_deref(), Some("admins"));
    assert_eq!(reached(&trace), ["normalise", "match", "authenticate", "authorize", "respond"]);
    assert_eq!((trace.status, trace.attempts), (Some(403), 0));
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
fn claims_that_the_auth_of_a_route_does_not_declare_are_said() {
    let failure = fails("given claims { plan \"pro\" }\nrequest GET /mine\nexpect status 200");
    assert_eq!((failure.expected, failure.actual.as_str()), (None, "`main` declares no `claim.plan`"));
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
    let trace = failure.trace.unwrap();
    assert_eq!(reached(&trace), ["normalise", "match", "limit", "respond"]);
    assert_eq!((trace.status, trace.limited_by.as_deref()), (Some(429), Some("per_client")));
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

/// The trace of a request under the same policy.
fn trace(method: &str, url: &str, headers: &[(&str, &str)]) -> Trace {
    let headers = headers.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
    let ask = Ask { method: method.to_owned(), url: url.to_owned(), headers, ..Ask::default() };
    super::trace(&program("request GET /\nexpect status 404"), &ask).unwrap()
}

/// Stage and detail of what refused.
fn refusing(trace: &Trace) -> (&'static str, &str) {
    let refusing = trace.stages.iter().find(|stage| stage.verdict == Verdict::Refuse).expect("nothing refused");
    (refusing.stage, &refusing.detail)
}

#[test]
fn a_url_is_taken_raw() {
    assert_eq!(trace("GET", "/hello", &[]).stages[1].detail, "`/hello`, as it was sent");
    let folded = trace("GET", "/x/%2e%2E/./hell%6f?a=..", &[]);
    assert_eq!((folded.stages[1].detail.as_str(), folded.status), ("`/x/%2e%2E/./hell%6f?a=..` is `/hello?a=..`", Some(200)));
    assert_eq!(trace("GET", "http://api.example.com/x/../hosted", &[]).route.as_deref(), Some("hosted"));
    assert_eq!(refusing(&trace("GET", r"/a\b", &[])), ("normalise", "400: the path holds a backslash"));
    assert_eq!(refusing(&trace("GET", r"http://api.example.com\@hello", &[])), ("normalise", "400: the path holds a backslash"));
    assert_eq!(refusing(&trace("GET", "/a%5cb", &[])), ("normalise", "400: the path holds an encoded backslash"));
    assert_eq!(refusing(&trace("GET", "/a%zz", &[])), ("normalise", "400: the path holds a `%` that is no escape"));
    assert_eq!(refusing(&trace("GET", "/hello%00", &[])), ("normalise", "400: the path holds an encoded NUL"));
    assert_eq!(refusing(&trace("GET", "/hello#there", &[])), ("accept", "the request's target is malformed"));
    assert_eq!(refusing(&trace("GET", "/a b", &[])), ("accept", "the request line is malformed"));
    let kept = super::trace(&slashes(), &Ask { method: "GET".to_owned(), url: "/a%2Fb".to_owned(), ..Ask::default() }).unwrap();
    assert_eq!(refusing(&kept), ("target", "400: the path holds an encoded slash"));
    assert_eq!(kept.stages.iter().find(|stage| stage.stage == "target").unwrap().place.as_deref(), Some("policy.gate:4"));
    let slash = trace("GET", "/other%2fx", &[]);
    assert_eq!((slash.route, slash.stages[1].detail.as_str()), (None, "`/other%2fx` is `/other%2Fx`"));
}

#[test]
fn what_is_no_request_at_all_is_said() {
    let policy = program("request GET /\nexpect status 404");
    let why = |ask: Ask| super::trace(&policy, &Ask { method: "GET".to_owned(), ..ask }).unwrap_err();
    assert!(why(Ask { url: "hello".to_owned(), ..Ask::default() }).contains("neither a path"));
    let split = vec![("a".to_owned(), "b\r\nc: d".to_owned())];
    assert!(why(Ask { url: "/".to_owned(), headers: split, ..Ask::default() }).contains("a line end in it"));
    let claims = serde_json::from_str(r#"{"tenant": 1}"#).unwrap();
    assert_eq!(why(Ask { url: "/mine".to_owned(), claims: Some(claims), ..Ask::default() }), "`main` declares no `claim.tenant`");
}

#[test]
fn fields_are_judged_as_on_a_socket() {
    assert_eq!(refusing(&trace("GET", "/hello", &[("content-length", "1"), ("content-length", "2")])).0, "accept");
    assert_eq!(refusing(&trace("G(T", "/hello", &[])), ("accept", "the request's method is malformed"));
    assert_eq!(trace("GET", "/hosted", &[("Host", "API.example.com:80")]).route.as_deref(), Some("hosted"));
    assert_eq!(trace("GET", "http://localhost/hosted", &[("Host", "api.example.com")]).route.as_deref(), Some("hosted"));
}

#[test]
fn every_rival_says_why_it_lost() {
    let lost = trace("DELETE", "/hello", &[]);
    let why = |name: &str| lost.rivals.iter().find(|rival| rival.route == name).unwrap().why.clone();
    assert_eq!(lost.rivals[0].route, "hello");
    assert_eq!(why("hello"), "method: only `GET`, `HEAD`");
    assert_eq!(why("mine"), "path: segment 1 of `/mine` is `mine`, the request has `hello`");
    assert_eq!(why("hosted"), "host: only `api.example.com`");
    assert_eq!((lost.status, refusing(&lost)), (Some(405), ("match", "405: this path does not take this method")));
}

#[test]
fn coverage_knows_both_sides_of_everything() {
    let program = program(
        "given claims { role admin }\nrequest GET /admins\nexpect route == admins\nrequest GET /items\nexpect status 200\nrepeat 3 GET /items\nexpect stage call",
    );
    let mut coverage = Coverage::new(&program);
    let _ = run(&program, None, Some(&mut coverage));
    let times = |kind: Kind, what: &str, outcome: &str| {
        let found = coverage.goals.iter().find(|goal| goal.kind == kind && goal.what == what && goal.outcome == outcome);
        found.unwrap_or_else(|| panic!("{:#?}", coverage.goals)).times
    };
    assert_eq!((times(Kind::Route, "admins", "taken"), times(Kind::Route, "mine", "taken")), (1, 0));
    let condition = r#"claim.role == "admin""#;
    assert_eq!((times(Kind::Condition, condition, "true"), times(Kind::Condition, condition, "false")), (1, 0));
    assert_eq!((times(Kind::Limit, "per_client", "allowed"), times(Kind::Limit, "per_client", "rejected")), (2, 2));
    assert_eq!((times(Kind::Limit, "total", "allowed"), times(Kind::Limit, "total", "rejected")), (2, 0));
    let routes = coverage.totals.iter().find(|total| total.kind == Kind::Route).unwrap();
    assert_eq!((routes.reached, routes.goals), (2, program.routes.len()));
}
