//! `gate run --dev`: what it prints works as printed.

use crate::harness::{Program, is_there};
use std::process::Command;

#[track_caller]
fn printed_lines_work(policy: &str, expected: usize) {
    let mut program = Program::run(policy, &["--dev"], &[]);
    program.address();
    program.until_said("\ntry:\n");
    let lines = crate::harness::until("a line for each route", || {
        let said = program.said();
        let lines: Vec<String> = said.lines().map(str::trim).filter(|line| line.starts_with("curl ")).map(str::to_owned).collect();
        (lines.len() == expected).then_some(lines)
    });
    if !is_there("curl") {
        return;
    }
    for line in lines {
        let output = Command::new("sh").arg("-c").arg(&line).output().unwrap();
        let reply = String::from_utf8_lossy(&output.stdout);
        assert!(reply.starts_with("HTTP/1.1 200 ") || reply.starts_with("HTTP/2 200 "), "{line}\n{reply}");
    }
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
