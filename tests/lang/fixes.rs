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
  route user get /users/:id -> uses {
    public "an example"
    require param.idd = "1"
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
    assert!(String::from_utf8_lossy(&output.stderr).ends_with("policy.gate: 9 findings fixed, 0 left\n"));
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
fn uses_that_agree_are_not_renamed_after_a_misspelt_declaration() {
    let policy = "gateway {\n  listen :8080\n}\n\nupstream uesrs {\n  target http://127.0.0.1:9001\n}\n\n\
                  route one GET /one -> users { public \"a\" }\nroute two GET /two -> users { public \"a\" }\n";
    let folder = written(policy.as_bytes());
    let output = gate(&["fix", "policy.gate"], folder.path());
    assert_eq!(output.status.code(), Some(0), "{}", String::from_utf8_lossy(&output.stderr));
    let after = std::fs::read_to_string(folder.path().join("policy.gate")).unwrap();
    assert_eq!(after, policy.replace("uesrs", "users"));

    let policy = "gateway {\n  listen :8080\n}\n\nroute one GET /one/{itme} {\n  public \"a\"\n  require param.item != \"x\"\n  \
                  respond 200 text \"${param.item}\"\n}\n";
    let folder = written(policy.as_bytes());
    let output = gate(&["fix", "policy.gate"], folder.path());
    assert_eq!(output.status.code(), Some(0), "{}", String::from_utf8_lossy(&output.stderr));
    let after = std::fs::read_to_string(folder.path().join("policy.gate")).unwrap();
    assert_eq!(after, policy.replace("itme", "item"));
}

#[test]
fn what_no_machine_can_fix_is_shown_and_left() {
    let folder = written(b"gateway {\n  listen :8080\n}\nroute r GET /r { public \"a\" }\n");
    let output = gate(&["fix", "policy.gate"], folder.path());
    assert_eq!(output.status.code(), Some(1));
    let shown = String::from_utf8_lossy(&output.stderr);
    assert!(shown.contains("gate::route::no-target") && shown.ends_with("policy.gate: 0 findings fixed, 1 left\n"), "{shown}");
}
