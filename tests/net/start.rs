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
