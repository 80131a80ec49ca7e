//! One file with five faults of five kinds: five findings in one run, each at its place.

use crate::support::findings;
use gatewright::diag::Sources;

pub const FIVE: &str = r#"gate 1

gateway {
  listen :8080
}

upstream orders {
  target http://127.0.0.1:9002
  timeout { total 5 }
}

route health GET /health {
  pubic "asked by load balancers"
  respond health
}

route show GET /items/{id:int} -> order {
  public "a test"
}

route note GET /note {
  public "the quote is missing
  respond 200 text "x"
}

route a_orders GET /{who}/orders -> orders {
  public "a test"
}

route a_user GET /users/{id} -> orders {
  public "a test"
}
"#;

fn shown(sources: &Sources, found: &[gatewright::diag::Diagnostic]) -> Vec<String> {
    let place = |diagnostic: &gatewright::diag::Diagnostic| {
        let span = diagnostic.primary().unwrap();
        let at = sources.get(span.file).unwrap().position(span.start);
        format!("{}:{} {} `{}`", at.line, at.column, diagnostic.code, sources.text(span))
    };
    found.iter().map(place).collect()
}

#[test]
fn five_faults_are_five_findings_in_one_run() {
    let (sources, found) = findings(FIVE);
    assert_eq!(
        shown(&sources, &found),
        [
            "9:19 gate::type::unit `5`",
            "13:3 gate::schema::unknown-key `pubic`",
            "17:35 gate::name::unknown `order`",
            "22:10 gate::syntax::string `\"the quote is missing`",
            "26:20 gate::route::ambiguous `/{who}/orders`",
        ]
    );
}

#[test]
fn an_ambiguity_shows_both_sides_and_a_request_that_both_take() {
    let (sources, found) = findings(FIVE);
    let ambiguous = found.last().unwrap();
    assert_eq!(ambiguous.message, "`a_orders` and `a_user` both match GET /users/orders and neither is more specific");
    let labels: Vec<_> = ambiguous.labels.iter().map(|label| (sources.text(label.span), label.text.as_str())).collect();
    assert_eq!(labels, [("/{who}/orders", "also matches e.g. GET /a/orders"), ("/users/{id}", "also matches e.g. GET /users/a")]);
}

#[test]
fn names_in_broken_statements_raise_no_further_findings() {
    for (broken, uses) in [
        ("upstream app => { target http://a:1 }", "route r GET /r -> app { public \"a\" }"),
        ("upstraem app { target http://a:1 }", "route r GET /r -> app { public \"a\" }"),
        ("lett patience = 5s", "route r GET /r { public \"a\"; respond 200 text \"x\"; timeout { total patience } }"),
        ("let patience = 5sec", "route r GET /r { public \"a\"; respond 200 text \"x\"; timeout { total patience } }"),
        ("polcy service { timeout { total 5s } }", "route r GET /r { public \"a\"; respond 200 text \"x\"; use service }"),
        ("policy service { auth nobody }", "route r GET /r { use service; respond 200 text \"x\" }"),
        ("import \"nowhere.gate\" as lib", "route r GET /r { public \"a\"; respond 200 text \"x\"; use lib.service }"),
        (
            "auth jwt main { algorithms [HS256]; kee env(\"K\") }",
            "route r GET /r { auth main; require claim.sub == \"a\"; respond 200 text \"x\" }",
        ),
        (
            "auth jwt main { algorithms [HS256]; key env(\"K\"); claims { sub strr } }",
            "route r GET /r { auth main; require claim.sub == \"a\"; respond 200 text \"x\" }",
        ),
    ] {
        let (sources, found) = findings(&format!("gateway {{ listen :8080 }}\n{broken}\n{uses}\n"));
        assert_eq!(found.len(), 1, "{broken}: {:?}", shown(&sources, &found));
        assert_eq!(sources.get(found[0].primary().unwrap().file).unwrap().position(found[0].primary().unwrap().start).line, 2);
    }
}

#[test]
fn two_invariants_that_one_route_breaks_are_two_findings() {
    let (_, found) = findings(
        r#"gateway { listen :8080 }
route a GET /x { public "p"; respond 200 text "a" }
invariant "one" { for route public; expect route in [] }
invariant "two" { for route public; expect implied header("z") == "1" }
"#,
    );
    let messages: Vec<&str> = found.iter().map(|found| found.message.as_str()).collect();
    assert_eq!(messages, ["route `a` breaks the invariant \"one\"", "route `a` breaks the invariant \"two\""]);
}
