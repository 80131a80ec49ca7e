//! What conditions and values see of a request once it has been shaped, or has gone upstream: what arrived.

use crate::check::testing::program as sound;
use crate::compile::{Compiler, MadeUp};
use crate::http::Clock;
use crate::ir::Program;
use crate::testing::run;

/// A policy of two upstreams, an auth, a flag and these statements.
fn program(statements: &str) -> Program {
    sound(&format!(
        "gateway {{ listen :8080 }}
        upstream a {{ target http://127.0.0.1:3000; stub {{ GET / 200 json \"\"\"{{\"items\": []}}\"\"\" }} }}
        upstream b {{ target http://127.0.0.1:3001; target http://127.0.0.1:3002; balance hash header(\"x\") }}
        auth jwt main {{ algorithms [HS256]; key env(\"KEY\"); audience \"shop\"; claims {{ sub str }} }}
        flag beta = 50% by cookie(\"s\")
        flag some = 50% by client.ip
        {statements}\n"
    ))
}

/// Under such a policy, tests pass.
#[track_caller]
fn passes(statements: &str, steps: &str) {
    for outcome in run(&program(&format!("{statements}\ntest \"it\" {{\n{steps}\n}}")), None, None) {
        assert!(outcome.failure.is_none(), "{:#?}", outcome.failure);
    }
}

/// The cookie of a request for which the flag is on, and of one for which it is off.
const ON_AND_OFF: (&str, &str) = ("s=b", "s=c");

#[test]
fn a_limit_counts_by_the_response_and_the_request() {
    passes(
        r#"route r GET / -> a { public "x"; limit guesses 1/min by client.ip counting response.status == 401 and cookie("s") != none }"#,
        r#"given upstream a replies 401
        request GET /
        expect status 401
        request GET /
        expect status 401
        request GET / with header "cookie" "s=1"
        expect status 401
        request GET / with header "cookie" "s=1"
        expect status 429"#,
    );
}

#[test]
fn a_cache_keeps_a_response_by_what_the_request_was() {
    passes(
        r#"route r GET / -> a { public "x"; cache 60s shared { when cookie("s") == "1" -> 0s } }"#,
        r#"request GET / with header "cookie" "s=1"
        expect cache == miss
        request GET /
        expect cache == miss
        request GET /
        expect cache == hit"#,
    );
}

#[test]
fn a_response_may_speak_of_the_request_it_answers() {
    let (on, off) = ON_AND_OFF;
    passes(
        r#"route r ANY / -> a {
          public "x"
          error [502] upstream json """{"of": ${header("x-in") ?? "none"}, "size": ${request.size ?? 0}}"""
          response {
            set X-Cookie cookie("s")
            set X-Size "${request.size ?? 0}"
            set X-Beta "on" when flag.beta
            body { set of cookie("s") }
          }
        }"#,
        &format!(
            r#"given header "x-in" "1"
            request POST / with header "cookie" "{on}" with body json """{{"a": 1}}"""
            expect header("x-cookie") == "b"
            expect header("x-size") == "8"
            expect header("x-beta") == "on"
            request GET / with header "cookie" "{off}"
            expect header("x-beta") == none
            expect body json """{{"items": [], "of": "c"}}"""
            given upstream a replies 502
            request GET /
            expect body json """{{"of": "1", "size": 0}}""""#
        ),
    );
}

#[test]
fn what_answers_behind_shaping_sees_the_request_as_it_arrived() {
    let shaping = r#"public "x"; request { remove "X-In"; set X-New "new" }"#;
    passes(
        &format!(
            r#"route text GET /text {{ {shaping}; respond 200 text "${{header("x-in") ?? "none"}} ${{header("x-new") ?? "none"}} ${{header("via") ?? "none"}}" }}
            route away GET /away {{ {shaping}; redirect 302 "/to/${{header("x-in") ?? "none"}}" }}
            route parts GET /parts {{ {shaping}; aggregate {{ part one GET "/one/${{header("x-in") ?? "none"}}" -> a }} }}
            route spare GET /spare -> a {{ {shaping}; fallback respond 200 text "${{header("x-in") ?? "none"}}" }}"#
        ),
        r#"given header "x-in" "1"
        given upstream a replies 200
        request GET /text
        expect body text "1 none none"
        request GET /away
        expect header("location") == "/to/1"
        request GET /parts
        expect received path == "/one/1"
        given upstream a refuses
        request GET /spare
        expect body text "1""#,
    );
}

#[test]
fn the_upstream_gets_what_was_shaped() {
    passes(
        r#"route r GET / -> a {
          public "x"
          request { remove "X-In"; set X-Copy header("x-in") }
          response { set X-Seen cookie("s") }
          fallback -> b
        }"#,
        r#"given header "x-in" "1"
        request GET /
        expect received header("x-in") == none
        expect received header("x-copy") == "1"
        expect received header("via") == "1.1 gatewright"
        given upstream a refuses
        request GET /
        expect upstream == b
        expect received header("x-in") == none
        expect received header("x-copy") == "1""#,
    );
}

#[test]
fn a_key_of_the_credential_tells_callers_apart_though_their_auth_takes_it_out() {
    passes(
        r#"route r GET / -> a { auth main; cache 60s by [header("authorization")] }"#,
        r#"given claims { sub "ann" }
        request GET /
        expect cache == miss
        expect received header("authorization") == none
        request GET /
        expect cache == hit
        given claims { sub "bob" }
        request GET /
        expect cache == miss"#,
    );
}

#[test]
fn only_what_looks_late_has_the_fields_kept() {
    let keeps = |route: &str| {
        let compiled = Compiler::new().compile(&program(route), &MadeUp::for_tests(7), Clock::system());
        compiled.unwrap_or_else(|errors| panic!("{errors:?}")).plan.pipelines[0].keeps_fields
    };
    for early in [
        r#"public "x"; deny header("x") == "1"; limit l 1/s by header("x") ?? "none""#,
        r#"public "x"; cache 1m by [header("x")]"#,
        r#"public "x"; response { set X-Of header("x"); set X-Some "1" when flag.some; set X-Path request.path }"#,
        r#"auth main; limit l 1/s by header("x") ?? "none"; request { set X-User claim.sub }; log access json"#,
    ] {
        assert!(!keeps(&format!("route r GET / -> a {{ {early} }}")), "{early}");
    }
    for late in [
        r#"public "x"; limit l 1/s by client.ip counting cookie("s") == "1""#,
        r#"public "x"; request { set X-Of header("x") }"#,
        r#"public "x"; response { set X-Beta "1" when flag.beta }"#,
        r#"public "x"; error 404 text "${request.size ?? 0}""#,
        r#"public "x"; log access json { field of cookie("x") }"#,
        r#"public "x"; fallback -> b"#,
        r#"auth main; require header("x") == "1""#,
        r#"auth main; cache 1m by [claim.sub, header("x")]"#,
    ] {
        assert!(keeps(&format!("route r GET / -> a {{ {late} }}")), "{late}");
    }
    assert!(!keeps(r#"route r GET / -> b { public "x" }"#));
    assert!(keeps("route r GET / -> b { auth main }"));
}
