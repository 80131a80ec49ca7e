//! `gate test` as it is called: what it prints, and how it exits.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::path::Path;
use std::process::{Command, Output};

fn gate_test(arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_gate"))
        .arg("test")
        .args(arguments)
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .env("NO_COLOR", "1")
        .output()
        .unwrap()
}

fn out(output: &Output) -> String {
    String::from_utf8_lossy(&output.stdout).into_owned()
}

/// A policy with a test that passes and one that fails.
fn half(folder: &Path) -> String {
    let text = r#"gateway {
  listen :8080
}

upstream app {
  target http://127.0.0.1:3000
}

route all ANY /** -> app {
  public
}

test "this one passes" {
  request GET /a
  expect status 200
}

test "this <one> fails" {
  repeat 2 GET /b with header "authorization" "Bearer private"
  expect status 200
  expect status 404
}
"#;
    let path = folder.join("half.gate");
    std::fs::write(&path, text).unwrap();
    path.display().to_string()
}

#[test]
fn the_samples_pass() {
    let output = gate_test(&["gateways/hello.gate", "gateways/shop.gate", "gateways/search.gate", "gateways/failures.gate"]);
    assert!(output.status.success(), "{}{}", out(&output), String::from_utf8_lossy(&output.stderr));
    assert!(out(&output).ends_with("19 passed, 0 failed\n"), "{}", out(&output));
}

#[test]
fn the_sample_of_balancing_passes() {
    let output = gate_test(&["gateways/traffic.gate"]);
    assert!(output.status.success(), "{}{}", out(&output), String::from_utf8_lossy(&output.stderr));
}

#[test]
fn a_failed_test_is_shown_and_exits_1() {
    let folder = tempfile::tempdir().unwrap();
    let output = gate_test(&[&half(folder.path())]);
    assert_eq!(output.status.code(), Some(1));
    let shown = out(&output).replace(&folder.path().display().to_string(), "");
    let lines: Vec<&str> = shown.lines().map(str::trim_end).collect();
    assert_eq!(lines.first().copied(), Some("ok    this one passes (1 request)"));
    assert_eq!(lines.last().copied(), Some("1 passed, 1 failed"));
    for wanted in [
        "FAIL  this <one> fails (2 requests)",
        "  expected  status 404",
        "  actual    status 200 (reply 1 of 2)",
        "  route     all, status 200",
        "  request   GET /b for localhost from 192.0.2.1",
        "authorization: (not shown)",
        "    match         pass         route all ANY /**  (/half.gate:9)",
        "answers 200, 1 attempt",
    ] {
        assert!(shown.contains(wanted), "{wanted}\n{shown}");
    }
    assert!(shown.contains("half.gate:21: expect status 404"), "{shown}");
    assert!(!shown.contains("private"), "{shown}");
}

#[test]
fn a_filter_chooses_by_name() {
    let folder = tempfile::tempdir().unwrap();
    let output = gate_test(&[&half(folder.path()), "--filter", "passes"]);
    assert!(output.status.success());
    assert_eq!(out(&output), "ok    this one passes (1 request)\n1 passed, 0 failed\n");
}

#[test]
fn json_has_every_outcome() {
    let folder = tempfile::tempdir().unwrap();
    let output = gate_test(&[&half(folder.path()), "--format", "json"]);
    let json: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!((&json["passed"], &json["failed"]), (&1.into(), &1.into()));
    let failure = &json["suites"][0]["tests"][1]["failure"];
    assert_eq!((&failure["expected"], &failure["trace"]["route"]), (&"status 404".into(), &"all".into()));
}

#[test]
fn junit_is_well_formed_text() {
    let folder = tempfile::tempdir().unwrap();
    let output = gate_test(&[&half(folder.path()), "--format", "junit"]);
    let xml = out(&output);
    assert!(xml.contains("<testsuites tests=\"2\" failures=\"1\">"), "{xml}");
    assert!(xml.contains("name=\"this &lt;one&gt; fails\""), "{xml}");
    assert!(xml.contains("<failure message=\"status 404\">"), "{xml}");
}

#[test]
fn a_policy_with_errors_exits_1_and_a_missing_one_2() {
    let folder = tempfile::tempdir().unwrap();
    let broken = folder.path().join("broken.gate");
    std::fs::write(&broken, "rout x GET / {}\n").unwrap();
    let output = gate_test(&[&broken.display().to_string()]);
    assert_eq!(output.status.code(), Some(1));
    assert!(!output.stderr.is_empty());
    assert_eq!(gate_test(&["nowhere.gate"]).status.code(), Some(2));
}

#[test]
fn statuses_have_an_order_and_hosts_are_compared_in_lower_case() {
    let text = r#"gateway { listen :8080 }
upstream app { target http://127.0.0.1:3000 }
route all ANY /** -> app {
  public
  deny request.host == "Example.COM"
  deny request.host == 10.0.0.1
  response { set x-failed "yes" when response.status >= 500 }
}
test "denied" {
  request GET "http://example.com/"
  expect status 403
  request GET "http://10.0.0.1/"
  expect status 403
}
test "failed" {
  given upstream app replies 502
  request GET /
  expect header("x-failed") == "yes"
}
test "not failed" {
  given upstream app replies 404
  request GET /
  expect header("x-failed") == none
}
"#;
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("order.gate");
    std::fs::write(&path, text).unwrap();
    let run = gate_test(&[&path.display().to_string()]);
    assert_eq!(run.status.code(), Some(0), "{}", out(&run));
}

#[test]
fn a_filter_that_names_no_test_is_wrong_usage() {
    let output = gate_test(&["gateways/hello.gate", "--filter", "no such test"]);
    assert_eq!(output.status.code(), Some(2));
    assert!(String::from_utf8_lossy(&output.stderr).contains("no such test"));
}

#[test]
fn an_upstream_that_dns_alone_knows_is_played_without_dns() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("orders.gate");
    let text = r#"gateway {
  listen :8080
}

upstream orders {
  resolve dns "_orders._tcp.svc" every 30s
  http2
  tls { server_name "orders.internal" }
  stub {
    GET /orders 200 json "[1]"
  }
}

route orders GET /orders -> orders {
  public "an example"
}

test "orders are listed" {
  request GET /orders
  expect status 200
}
"#;
    std::fs::write(&path, text).unwrap();
    let output = gate_test(&[&path.display().to_string()]);
    assert!(output.status.success(), "{}{}", out(&output), String::from_utf8_lossy(&output.stderr));
}
