use super::spell::{Speller, atoms, duration};
use crate::check::testing::program;
use crate::ir::Program;
use crate::policy::Config;
use std::time::Duration;

/// A program whose one route requires this.
fn requiring(condition: &str) -> Program {
    let text = format!(
        r#"gateway {{ listen :8080 }}
let office = [10.0.0.0/8, 192.0.2.7/32]
auth jwt main {{
  algorithms [HS256]
  key env("K")
  claims {{ sub str; role enum(user, admin) = user; roles set<str> = []; age int = 1; nick str? }}
}}
route one GET /a/{{id:int}}/** {{
  auth main
  require {condition}
  respond 200 text "x"
}}
"#
    );
    program(&text)
}

/// The condition as it is spelled, its atoms, and what it asks for.
fn spelled(condition: &str) -> (String, Vec<String>, Vec<String>) {
    let program = requiring(condition);
    let route = &program.routes[0];
    let speller = Speller::new(&program, route);
    let rules = route.policies.iter().flat_map(Config::decisions);
    let rule = rules.map(|decision| decision.condition.clone()).next().unwrap();
    let atoms = atoms(&rule).into_iter().map(|atom| speller.expression(atom)).collect();
    let asked = rule.references().into_iter().map(|reference| speller.reference(reference)).collect();
    (speller.expression(&rule), atoms, asked)
}

#[test]
fn a_condition_is_spelled_as_it_was_written() {
    for condition in [
        r#"claim.role == "admin""#,
        r#""admin" in claim.roles"#,
        r#"(claim.sub == "a") and (not ("x" in claim.roles))"#,
        r#"(claim.age >= 18) or has(claim.nick)"#,
        r#"(claim.nick ?? "none") == "x\"y\\z""#,
        r#"client.ip in [10.0.0.0/8, fd00::/8]"#,
        r#"request.path matches re"/a/[0-9]+/.*""#,
        r#"lower(request.host) != "a.example.com""#,
        r#"query("q") == none"#,
        r#"header("x-a") in ["1", "2"]"#,
        r#"param.id == 7"#,
        r#"param.rest == "b""#,
        r#"request.method in ["GET", "HEAD"]"#,
        r#"cookie("c") == "${claim.sub}-x""#,
    ] {
        assert_eq!(spelled(condition).0, condition);
    }
}

#[test]
fn names_of_constants_are_spelled_as_their_values() {
    assert_eq!(spelled("client.ip in office").0, "client.ip in [10.0.0.0/8, 192.0.2.7/32]");
    assert_eq!(spelled("claim.role == admin").0, r#"claim.role == "admin""#);
}

#[test]
fn atoms_and_references_stand_in_the_order_they_are_written() {
    let (_, atoms, asked) = spelled(r#"not (claim.role == admin and param.id > 3) or claim.sub == "1" or claim.role == user"#);
    assert_eq!(atoms, [r#"claim.role == "admin""#, "param.id > 3", r#"claim.sub == "1""#, r#"claim.role == "user""#]);
    assert_eq!(asked, ["claim.role", "param.id", "claim.sub"]);
}

#[test]
fn durations_are_spelled_with_their_units() {
    assert_eq!(duration(Duration::from_millis(90_250)), "1m30s250ms");
    assert_eq!(duration(Duration::ZERO), "0s");
}

#[test]
fn a_statement_knows_its_line_and_what_inherits_it_shares_it() {
    let program = requiring(r#"claim.role == "admin""#);
    let written = program.written.of_route("one");
    let require = written.iter().find(|statement| statement.word == "require").unwrap();
    assert_eq!((require.stage.as_str(), require.place.as_str()), ("authorize", "policy.gate:10"));
    assert_eq!(require.text, r#"require claim.role == "admin""#);
    assert_eq!(written.iter().map(|statement| statement.word.as_str()).collect::<Vec<_>>(), ["auth", "require", "respond"]);
}
