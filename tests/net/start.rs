//! `gate run` that cannot start says why.

use crate::harness::{PLAIN, Program};
use std::net::TcpListener;

fn fails(policy: &str) -> String {
    let mut program = Program::run(policy, &[], &[]);
    assert_eq!(program.until_ended().code(), Some(1));
    program.until_said("\n");
    program.said()
}

#[test]
fn every_missing_secret_is_named() {
    let said = fails(include_str!("../../gateways/shop.gate"));
    assert!(said.contains("secret::unset"), "{said}");
    assert!(said.contains("`JWT_SECRET`") && said.contains("`SHOP_USERS`"), "{said}");
    let line = |at: &str| include_str!("../../gateways/shop.gate").lines().position(|line| line.contains(at)).unwrap() + 1;
    assert!(said.contains(&format!("policy.gate:{}:", line("env(\"JWT_SECRET\")"))), "with the line that asks for it: {said}");
}

#[test]
fn what_is_missing_of_each_kind_is_named_in_one_run() {
    let mut program = Program::run(
        r#"gateway {
  listen 127.0.0.1:0 {
    tls {
      certificate "a.example" cert file("a.crt") key file("a.key")
      certificate "b.example" cert file("b.crt") key file("b.key")
      client_ca file("clients.pem")
    }
  }
}
auth jwt own { algorithms [HS256]; key env("KEY_OF_TEST"); audience "shop" }
upstream app { target https://localhost:1; tls { ca file("ca.pem"); cert file("own.crt"); key file("own.key") } }
route page GET /page -> app { auth own; error 502 page("gone.html") }
"#,
        &[],
        &[],
    );
    assert_eq!(program.until_ended().code(), Some(1));
    program.until_said("gone.html");
    let said = program.said();
    for missing in ["a.crt", "a.key", "b.crt", "b.key", "clients.pem", "KEY_OF_TEST", "ca.pem", "own.crt", "own.key", "gone.html"] {
        let lines = said.lines().filter(|line| line.starts_with("policy.gate:") || line.contains("/policy.gate:"));
        assert_eq!(lines.filter(|line| line.contains(missing)).count(), 1, "{missing}: {said}");
    }
}

#[test]
fn a_port_in_use_is_named() {
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    let said = fails(&PLAIN.replace("127.0.0.1:0", &address).replace("{app}", "127.0.0.1:1"));
    assert!(said.contains(&format!("cannot listen on {address}")), "{said}");
}

#[test]
fn a_policy_with_errors_is_shown_with_its_text() {
    let said = fails("gateway { listen 127.0.0.1:0 }\nroute x GET / -> nowhere { public \"a test\" }\n");
    assert!(said.contains("gate::name::unknown") && said.contains("nowhere"), "{said}");
}
