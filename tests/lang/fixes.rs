//! `gate fix`: what one change repairs is repaired, again and again until nothing is left that a machine can do.

use crate::command::{gate, written};

const BROKEN: &str = r#"gateway {
  listen :8080 // everywhere
}

upstream users {
  traget http://127.0.0.1:9001
}

group api /api {
  limit per_client 50/s by client.ip
  route user get /users/:id -> users {
    public "an example"
    require param.id = "1"
    drop limit per_user
    timeout { total: 5s }
  }
}
"#;

const FIXED: &str = r#"gateway {
  listen :8080 # everywhere
}

upstream users {
  target http://127.0.0.1:9001
}

group api /api {
  limit per_client 50/s by client.ip
  route user GET /users/{id} -> users {
    public "an example"
    require param.id == "1"
    timeout { total 5s }
  }
}
"#;

#[test]
fn fixes_are_applied_until_none_is_left() {
    let folder = written(BROKEN.as_bytes());
    let output = gate(&["fix", "policy.gate"], folder.path());
    let after = std::fs::read_to_string(folder.path().join("policy.gate")).unwrap();
    assert_eq!(after, FIXED, "{}", String::from_utf8_lossy(&output.stderr));
    assert_eq!(output.status.code(), Some(0));
    assert!(String::from_utf8_lossy(&output.stderr).ends_with("policy.gate: 7 findings fixed, 0 left\n"));
}

#[test]
fn a_dry_run_prints_the_difference_and_writes_nothing() {
    let folder = written(b"gateway {\n  lisen :8080\n}\n");
    let output = gate(&["fix", "--dry-run", "policy.gate"], folder.path());
    assert_eq!(
        String::from_utf8_lossy(&output.stdout),
        "--- policy.gate\n+++ policy.gate\n@@ -1,3 +1,3 @@\n gateway {\n-  lisen :8080\n+  listen :8080\n }\n"
    );
    assert_eq!(std::fs::read_to_string(folder.path().join("policy.gate")).unwrap(), "gateway {\n  lisen :8080\n}\n");
}

#[test]
fn names_of_the_policy_are_suggested_and_left() {
    let declared = "gateway { listen :8080 }\nauth key root {\n  from header(\"x-key\")\n  key file(\"key\") { as \"a\" }\n}\nupstream us-1 { target http://127.0.0.1:9001 }\n\
                    upstream v2 { target http://127.0.0.1:9002 }\nupstream users { target http://127.0.0.1:9003 }\n";
    for (uses, meant) in [
        ("route r GET /r -> us-1 { auth boot }\n", "did you mean `root`?"),
        ("route r GET /r -> eu-1 { auth root }\n", "did you mean `us-1`?"),
        ("route r GET /r -> v1 { auth root }\n", "did you mean `v2`?"),
        ("route r GET /r -> uses { auth root }\n", "did you mean `users`?"),
        ("route r GET /r/{id} -> users {\n  auth root\n  require param.idd == \"1\"\n}\n", "did you mean `param.id`?"),
        ("route r GET /r -> uses { auth root }\nroute s GET /s -> uses { auth root }\n", "is its declaration misspelt? it says `users`"),
    ] {
        let policy = format!("{declared}{uses}");
        let folder = written(policy.as_bytes());
        let output = gate(&["fix", "policy.gate"], folder.path());
        let shown = String::from_utf8_lossy(&output.stderr);
        assert!(shown.contains(meant) && shown.contains("policy.gate: 0 findings fixed"), "{shown}");
        assert_eq!(std::fs::read_to_string(folder.path().join("policy.gate")).unwrap(), policy);
    }
}

#[test]
fn what_is_said_in_the_head_is_not_what_a_block_means() {
    let policy = "gateway { listen :8080 }\nauth forward who {\n  url \"http://127.0.0.1:1/\"\n  send [\"cookie\"]\n}\n";
    let folder = written(policy.as_bytes());
    let output = gate(&["fix", "policy.gate"], folder.path());
    let shown = String::from_utf8_lossy(&output.stderr);
    assert!(shown.contains("unknown word `send` in `auth`") && !shown.contains("`kind`"), "{shown}");
    assert_eq!(std::fs::read_to_string(folder.path().join("policy.gate")).unwrap(), policy);
}

#[test]
fn what_no_machine_can_fix_is_shown_and_left() {
    let folder = written(b"gateway {\n  listen :8080\n}\nroute r GET /r { public \"a\" }\n");
    let output = gate(&["fix", "policy.gate"], folder.path());
    assert_eq!(output.status.code(), Some(1));
    let shown = String::from_utf8_lossy(&output.stderr);
    assert!(shown.contains("gate::route::no-target") && shown.ends_with("policy.gate: 0 findings fixed, 1 left\n"), "{shown}");
}
