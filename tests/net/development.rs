//! `gate run --dev`: what it prints works as printed.

use crate::harness::Program;
use std::process::Command;

/// True when there is a curl; without one the test says so, and under CI it fails.
fn curl_is_there() -> bool {
    let there = Command::new("curl").arg("--version").output().is_ok_and(|output| output.status.success());
    assert!(there || std::env::var_os("CI").is_none(), "curl is missing");
    if !there {
        eprintln!("NOT RUN: the printed lines were not tried, as there is no curl");
    }
    there
}

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
    if !curl_is_there() {
        return;
    }
    for line in lines {
        let output = Command::new("sh").arg("-c").arg(&line).output().unwrap();
        let reply = String::from_utf8_lossy(&output.stdout);
        assert!(reply.starts_with("HTTP/1.1 200 "), "{line}\n{reply}");
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
