//! What `gate trace` and `gate explain FILE ROUTE` show of a route: what is in force there, and nothing else.

use crate::command::{gate, written};
use crate::support::findings;

const INHERITS: &str = r#"gateway {
  listen :8080
  log access json
}

auth jwt issuer {
  algorithms [ES256]
  jwks https://id.example.com/keys
  audience "shop"
  claims { sub str }
}

auth forward login {
  url http://127.0.0.1:9000/who
}

auth introspect session {
  url http://127.0.0.1:9000/token
}

auth basic staff {
  users env("USERS")
}

group shop /shop {
  log access text
  route sampled GET /sampled {
    auth all [issuer, login, session, staff]
    log access json sample 10%
    respond 200 text "x"
  }
}
"#;

#[test]
fn of_several_logs_the_innermost_is_shown() {
    let folder = written(INHERITS.as_bytes());
    let output = gate(&["trace", "policy.gate", "GET", "/shop/sampled"], folder.path());
    let shown = String::from_utf8(output.stdout).unwrap();
    let logs: Vec<&str> = shown.lines().filter(|line| line.contains("log access")).collect();
    assert!(matches!(logs.as_slice(), [only] if only.contains("log access json sample 10%")), "{shown}");
}

#[test]
fn an_auth_is_explained_with_the_defaults_of_its_kind() {
    let folder = written(INHERITS.as_bytes());
    let output = gate(&["explain", "policy.gate", "sampled"], folder.path());
    let shown = String::from_utf8(output.stdout).unwrap();
    let (_, from) = shown.split_once("authenticate").unwrap();
    let (auths, _) = from.split_once("body max").unwrap();
    let defaults: Vec<String> = auths
        .lines()
        .filter(|line| line.ends_with(" default") || line.contains("  auth "))
        .map(|line| {
            line.split_whitespace().filter(|word| *word != "default" && !word.starts_with("policy.gate")).collect::<Vec<_>>().join(" ")
        })
        .collect();
    assert_eq!(
        defaults,
        [
            "auth all [issuer, login, session, staff]",
            "auth jwt issuer",
            "from header(\"authorization\")",
            "leeway 30s",
            "jwks refresh 10m",
            "jwks fetched within 5s",
            "auth forward login",
            "timeout 200ms",
            "headers [\"authorization\", \"cookie\"]",
            "auth introspect session",
            "answered within 200ms",
            "auth basic staff",
        ]
    );
}

/// A route with statements, in a policy that lacks nothing.
fn around(route: &str) -> String {
    format!(
        "gateway {{ listen :8080 }}\nupstream app {{ target http://127.0.0.1:3000 }}\nflag beta = on\nroute r GET /r -> app {{\n  public \"a test\"\n{route}\n}}\n"
    )
}

#[test]
fn what_was_meant_is_said_where_it_is_missing() {
    let jwt = |claims: &str| format!("}}\nauth jwt j {{\n  algorithms [HS256]\n  key env(\"K\")\n  {claims}");
    for (route, message, help) in [
        ("  allow flag.beta == on".to_owned(), "nothing is called `on`", "write `true` or `false`"),
        (jwt("claims {a, b}"), "`,` is not expected here", "a statement ends with its line or at a `;`, and its clauses need no comma"),
        (
            "  cors {\n    origins [\"https://a.b\"]\n    methods GET, POST\n  }".to_owned(),
            "`methods` does not take this",
            "put them in brackets: `methods [A, B]`",
        ),
        (
            "  methods [GET, POST]".to_owned(),
            "`methods` has no meaning in a `route`",
            "it stands in the head: `route NAME METHODS PATH [-> UPSTREAM]`",
        ),
        ("}\nroute s [GET, POST] /s -> app {\n  public \"a test\"".to_owned(), "a method is expected", "write `GET`, `GET,POST` or `ANY`"),
        ("}\nroute not GET /s -> app {\n  public \"a test\"".to_owned(), "`not` is an operator and names nothing", "choose another name"),
        (
            jwt("claims { sub str }\n}\nroute s GET /s -> app {\n  auth j\n  cache 9s"),
            "responses for one caller could be served to another",
            "use `by [claim.sub]`, or `shared` if the body is the same for every allowed caller",
        ),
        ("  redirect 302 \"/x y\"".to_owned(), "a space stands in no URL", "write `%20` in its place (RFC 3986 §2.1)"),
    ] {
        let (_, found) = findings(&around(&route));
        let shown: Vec<_> = found.iter().map(|found| (found.message.as_str(), found.help.as_deref().unwrap_or_default())).collect();
        assert!(shown.contains(&(message, help)), "{route}: {shown:#?}");
    }
}

#[test]
fn what_needs_no_use_is_not_said_to_be_used_nowhere() {
    let policy = around(
        "  limit per_client 3/s by client.ip\n  use calm(wiat = 2s)\n}\npolicy calm(wait: duration = 1s) {\n  timeout { total wait }",
    )
    .replace("route r ", "route orders ");
    let tests = "test \"t\" {\n  request GET /r\n  expect route == ordres\n  expect limited by per_clint\n}\n";
    let (_, found) = findings(&(policy + tests));
    let labels: Vec<&str> =
        found.iter().flat_map(|found| &found.labels).filter(|label| !label.primary).map(|label| label.text.as_str()).collect();
    assert_eq!(labels, ["`wait` is declared here", "`orders` is declared here", "`per_client` is declared here"]);
}

#[test]
fn a_limit_that_asks_who_calls_is_of_its_stage_behind_the_rules() {
    let policy = "gateway { listen 127.0.0.1:8080 }\nupstream app { target http://127.0.0.1:3000 }\nauth basic staff { users env(\"U\") }\nroute r GET /r -> app {\n  limit each 3/s by user.name\n  limit all 9/s\n  auth staff\n  require user.name != \"eve\"\n}\n";
    let folder = written(policy.as_bytes());
    let output = gate(&["explain", "--json", "policy.gate", "r"], folder.path());
    let explained: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    let lines = explained["lines"].as_array().unwrap().iter().filter(|line| line["depth"] == 0 && line["from"] != "default");
    let shown: Vec<String> =
        lines.map(|line| format!("{} {}", line["stage"].as_str().unwrap(), line["setting"].as_str().unwrap())).collect();
    let shown: Vec<&str> =
        shown.iter().map(String::as_str).filter(|line| ["limit", "auth"].iter().any(|stage| line.starts_with(stage))).collect();
    assert_eq!(
        shown,
        ["limit limit all 9/s", "authenticate auth staff", "authorize require user.name != \"eve\"", "limit limit each 3/s by user.name"]
    );
}

#[test]
fn the_steps_of_a_test_are_explained_with_all_they_can_say() {
    let folder = written(b"");
    let shown = |word: &str| String::from_utf8(gate(&["explain", word], folder.path()).stdout).unwrap();
    assert!(shown("expect").contains("  stage NAME: the stage of the pipeline"), "{}", shown("expect"));
    assert!(shown("given").contains("  only limit NAME: the other limits are silent"), "{}", shown("given"));
}
