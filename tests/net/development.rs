//! `gate run --dev`: what it prints works as printed.

use crate::harness::{Program, is_there};
use std::process::Command;

#[track_caller]
fn printed_lines_work(policy: &str, expected: usize) -> String {
    let mut program = Program::run(policy, &["--dev"], &[]);
    program.address();
    program.until_said("\ntry:\n");
    let lines = crate::harness::until("a line for each route", || {
        let said = program.said();
        let lines: Vec<String> = said.lines().map(str::trim).filter(|line| line.starts_with("curl ")).map(str::to_owned).collect();
        (lines.len() == expected).then_some(lines)
    });
    if !is_there("curl") {
        return program.said();
    }
    for line in lines {
        let output = Command::new("sh").arg("-c").arg(format!("{line} --silent --max-time 20")).output().unwrap();
        let reply = String::from_utf8_lossy(&output.stdout);
        let status = reply.split(' ').nth(1).and_then(|status| status.parse().ok());
        assert!(matches!(status, Some(200..=399)), "{line}\n{reply}");
    }
    program.said()
}

#[test]
fn the_shop_runs_on_a_machine_that_has_nothing() {
    let shop = include_str!("../../gateways/shop.gate");
    printed_lines_work(&shop.replace("listen 127.0.0.1:8000", "listen 127.0.0.1:0"), 8);
}

#[test]
fn hello_answers_from_its_stub() {
    printed_lines_work(&include_str!("../../gateways/hello.gate").replace("listen :8080", "listen :0"), 1);
}

#[test]
fn a_certificate_that_is_not_there_is_made_up_and_the_lines_say_how_to_reach_it() {
    let policy = r#"
gateway {
  listen 127.0.0.1:0 redirect https
  listen 127.0.0.1:0 {
    tls {
      certificate "a.example" cert file("a.crt") key file("a.key")
      certificate "*.shop.example" cert file("shop.crt") key file("shop.key")
    }
  }
}
upstream app {
  target http://127.0.0.1:1
  stub { GET /** 200 json """{}""" }
}
route anywhere GET /x -> app { public "a test" }
group shop {
  host "www.shop.example"
  route there GET /y -> app { public "a test" }
}
"#;
    printed_lines_work(policy, 2);
}

#[test]
fn a_policy_that_asks_for_much_is_given_requests_that_have_it_and_says_which_nobody_here_can_make() {
    let resilience = concat!(env!("CARGO_MANIFEST_DIR"), "/gateways/lib/resilience.gate");
    let full = include_str!("../../gateways/full.gate")
        .replace("lib/resilience.gate", resilience)
        .replace("listen 0.0.0.0:80 ", "listen 127.0.0.1:0 ")
        .replace("listen [::]:443 ", "listen 127.0.0.1:0 ")
        .replace("admin 127.0.0.1:9901 ", "admin 127.0.0.1:0 ");
    // Each route but one, and the admin listener, whose user was made up.
    let said = printed_lines_work(&full, 8);
    assert!(said.contains("  # everything_inside: nobody at this machine is let in, but `client.ip` = "), "{said}");
    assert!(said.contains("/admin/status'"), "{said}");
}

#[test]
fn conditions_of_many_kinds_are_met_by_what_is_printed() {
    let policy = r#"
gateway { listen 127.0.0.1:0 }
flag beta = 0%
auth key partner {
  keys file("partners.keys")
  attributes { tier enum(silver, gold) = silver }
}
upstream app { target http://127.0.0.1:1 }
route gold GET /gold/{n:int} -> app {
  auth partner
  require key.tier == gold and param.n > 41
}
route told GET /told -> app {
  public "a test"
  match header("x-note") == "it's a \"test\" & more"
}
route baked GET /baked -> app {
  public "a test"
  match cookie("a") == "b" and query("q") == "x y&z"
}
route far GET /far -> app {
  public "a test"
  allow client.ip in 10.0.0.0/8
}
route new GET /new -> app {
  public "a test"
  require flag.beta
}
route made POST /made -> app { public "a test" }
"#;
    let said = printed_lines_work(policy, 4);
    assert!(said.contains("  # far: nobody at this machine is let in, but `client.ip` = "), "{said}");
    assert!(said.contains("  # new: it takes `flag.beta` = `true`"), "{said}");
}
