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
