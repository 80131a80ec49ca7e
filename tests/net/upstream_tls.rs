//! Upstreams that are spoken to in TLS, by the program.

use crate::harness::{Program, Secure};
use std::path::Path;

fn origin() -> Secure {
    Secure::start(|| "ok".to_owned())
}

fn policy(origin: &Secure, tls: &str) -> String {
    format!(
        r#"
gateway {{
  listen 127.0.0.1:0
}}
upstream app {{
  target {}
  {tls}
}}
route everything ANY /** -> app {{ public "a test" }}
"#,
        origin.url()
    )
}

fn own_ca(file: &Path) -> String {
    format!("tls {{ ca file(\"{}\") }}", file.display())
}

#[track_caller]
fn expect(gate: &mut Program, status: u16) {
    gate.get("/").send().expect(status);
}

#[test]
fn an_upstream_is_believed_by_its_authority_which_may_change_with_a_reload() {
    let (origin, stranger) = (origin(), origin());
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("ca.pem");
    std::fs::write(&file, stranger.authority()).unwrap();
    let mut gate = Program::run(&policy(&origin, &own_ca(&file)), &[], &[("GATE_LOG", "debug")]);
    expect(&mut gate, 502);
    gate.until_said("TLS with `localhost`: invalid peer certificate");
    std::fs::write(&file, origin.authority()).unwrap();
    gate.reload("reloaded");
    (0..3).for_each(|_| expect(&mut gate, 200));
    std::fs::write(&file, "no certificate").unwrap();
    gate.reload("not reloaded");
    expect(&mut gate, 200);
}

#[test]
fn without_an_authority_of_its_own_the_machines_are_believed() {
    let origin = origin();
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("machine.pem");
    std::fs::write(&file, origin.authority()).unwrap();
    let mut gate = Program::run(&policy(&origin, ""), &[], &[("SSL_CERT_FILE", &file.display().to_string())]);
    expect(&mut gate, 200);
}

#[test]
fn authorities_that_are_not_there_are_said_at_start() {
    let origin = origin();
    let mut gate = Program::run(&policy(&origin, "tls { ca file(\"gone.pem\") }"), &[], &[]);
    assert!(!gate.until_ended().success());
    let said = gate.said();
    assert!(
        said.contains("error[gate::tls::cert-missing]") && said.contains("upstream `app`: `ca`") && said.contains("gone.pem"),
        "{said}"
    );
}
