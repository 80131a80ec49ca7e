//! What `gate trace` and `gate explain FILE ROUTE` show of a route: what is in force there, and nothing else.

use crate::command::{gate, written};

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
