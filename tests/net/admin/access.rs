//! Who may come in at the admin listener, and what the log says of them.

use super::{guarded, policy, run};
use crate::harness::{Origin, Program, key_line, password_line, until, until_refused};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

/// How `gate reload` is told what to send.
const SAYS_WHO: &str = "`GATE_ADMIN_AUTHORIZATION` is the value of `Authorization` that is sent";

#[test]
fn with_auth_every_request_has_a_credential_but_the_probes() {
    let app = Origin::json("{}");
    let line = key_line("ann", "ann-s-key", "");
    let mut gate = Program::run(&guarded(&policy(&app)), &[], &[("OPERATORS", &line)]);
    for (method, target) in [("GET", "/admin/status"), ("POST", "/admin/drain"), ("GET", "/nowhere"), ("GET", "/admin/config")] {
        let refused = gate.admin(method, target).send().expect(401);
        assert_eq!(refused.field("www-authenticate"), Some("ApiKey"));
        assert_eq!(refused.field("content-type"), Some("application/problem+json"));
        gate.admin(method, target).field("X-API-Key", "bob-s-key").send().expect(401);
    }
    gate.admin("GET", "/admin/ready").send().expect(200);
    let admin = gate.admin_address().to_string();
    let refused = gate.admin("POST", "/admin/reload").send().expect(401).json()["detail"].as_str().unwrap().to_owned();
    for command in [&["reload"][..], &["rollback"], &["rollback", "1"]] {
        let (code, printed) = gate.ask(&[command, &["--admin", &admin]].concat());
        assert_eq!((code, printed), (Some(1), format!("gate: {refused}: {SAYS_WHO}\n")), "{command:?}");
    }
    // By whatever name: what keeps others out is the key.
    let config = gate.admin("GET", "/admin/config").field("X-API-Key", "ann-s-key").host("gate.example").send().expect(200);
    let hash = line.split("sha256:").nth(1).unwrap().trim();
    assert!(config.text().contains("OPERATORS") && !config.text().contains(hash), "where a secret is, not what it is");
}

#[test]
fn the_log_says_who_changed_something_and_whose_login_failed_and_no_password() {
    const CANARY: &str = "c4n4ry";
    let app = Origin::json("{}");
    let mut gate = run(&app);
    gate.admin("POST", "/admin/flags/beta?on=true").send().expect(200);
    gate.until_said(" user=\"-\" target=\"/admin/flags/beta?on=true\" status=200");
    let text = guarded(&policy(&app)).replace("auth key operators { keys", "auth basic operators { users");
    let environment = [("OPERATORS", password_line("ann", CANARY)), ("ROBOT_KEY", "key-of-a-robot-1234".to_owned())];
    let mut gate = Program::run(&text, &[], &environment.each_ref().map(|(name, value)| (*name, value.as_str())));
    let pair = |password: &str| STANDARD.encode(format!("ann:{password}"));
    let (right, wrong) = (pair(CANARY), pair("c4n4ry of another"));
    let line = |target: &str, status: u16| format!("user=\"ann\" target=\"{target}\" status={status}\n");
    for (target, status) in [("/admin/flags/beta?on=true", 200), ("/admin/maintenance?route=fenced&on=true", 404), ("/admin/reload", 200)] {
        gate.admin("POST", target).field("Authorization", format!("Basic {right}")).send().expect(status);
        gate.until_said(&line(target, status));
    }
    // Whoever shows nothing is asked who it is, which is no login.
    gate.admin("GET", "/admin/status").send().expect(401);
    assert_eq!(gate.times_said("a login at the admin listener has failed"), 0);
    for _ in 0..12 {
        gate.admin("POST", "/admin/drain").field("Authorization", format!("Basic {wrong}")).send().expect(401);
    }
    gate.until_said("WARN a login at the admin listener has failed peer=127.0.0.1:");
    assert_eq!(gate.times_said("a login at the admin listener has failed"), 10, "a flood does not fill the log");
    gate.signal("TERM");
    gate.until_ended();
    let said = gate.said();
    assert!(![CANARY, &right, &wrong].iter().any(|secret| said.contains(secret)), "{said}");
}

#[test]
fn a_reload_changes_who_may_come_in_and_where() {
    let app = Origin::json("{}");
    let line = key_line("ann", "ann-s-key", "");
    let mut gate = Program::run(&policy(&app), &[], &[("OPERATORS", &line), ("ROBOT_KEY", "key-of-a-robot-1234")]);
    let first = gate.admin_address();
    gate.write(&guarded(&policy(&app)));
    gate.admin("POST", "/admin/reload").send().expect(200);
    gate.admin("GET", "/admin/status").send().expect(401);
    gate.write(&policy(&app).replace("admin 127.0.0.1:0", "admin 127.0.0.2:0"));
    gate.admin("POST", "/admin/reload").field("X-API-Key", "ann-s-key").send().expect(200);
    until("the other address", || (gate.admin_address().ip() != first.ip()).then_some(()));
    gate.admin("GET", "/admin/status").send().expect(200);
    until_refused(first);
    gate.write(&policy(&app).replace("admin 127.0.0.1:0", ""));
    let second = gate.admin_address();
    gate.reload(" reloaded");
    until_refused(second);
}

#[test]
fn pages_of_other_sites_have_no_way_in() {
    let app = Origin::json("{}");
    let mut gate = run(&app);
    gate.admin("GET", "/admin/status").host("evil.example").send().expect(403);
    gate.admin("POST", "/admin/drain").field("Origin", "https://evil.example").send().expect(403);
    gate.admin("POST", "/admin/drain").field("Sec-Fetch-Site", "cross-site").send().expect(403);
    gate.admin("GET", "/admin/ready").send().expect(200);
}
