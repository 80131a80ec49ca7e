//! What a policy without errors means.

use crate::support::{Folder, check_text};
use gatewright::check::{Options, check};
use gatewright::ir::{Program, Written};
use std::path::Path;

const GATEWAYS: Folder = Folder("gateways");
const CASES: Folder = Folder("tests/lang/cases");

#[test]
fn a_program_is_the_same_after_a_journey_through_json() {
    let samples = ["hello.gate", "shop.gate", "search.gate"].map(|name| (&GATEWAYS, Path::new(name).to_owned()));
    let cases = CASES.policies().into_iter().map(|path| (&CASES, path));
    let mut count = 0;
    for (folder, path) in samples.into_iter().chain(cases) {
        let Some(program) = check(&path, folder, &Options::default()).unwrap().program else { continue };
        let json = serde_json::to_string(&program).unwrap();
        let back: Program = serde_json::from_str(&json).unwrap_or_else(|error| panic!("{}: {error}\n{json}", path.display()));
        assert_eq!(program, back, "{}", path.display());
        count += 1;
    }
    assert!(count > 20, "{count}");
}

#[test]
fn no_program_holds_a_secret() {
    let program = check(Path::new("shop.gate"), &GATEWAYS, &Options::default()).unwrap().program.unwrap();
    let json = serde_json::to_string(&program).unwrap();
    assert!(json.contains("JWT_SECRET") && json.contains("\"Env\""));
}

#[test]
fn the_order_of_statements_never_changes_what_a_policy_means() {
    let gateway = "gateway {\n  listen :8080\n  drain 5s\n}\n";
    let parts = [
        "let patience = 5s\n",
        "policy p {\n  timeout { total patience }\n}\n",
        "upstream app {\n  target http://127.0.0.1:1\n  use p\n}\n",
        "route r GET /r -> app {\n  public \"a\"\n  limit l 5/s by client.ip\n  strip_prefix /r\n}\n",
    ];
    let program = |parts: &[&str]| {
        let text = parts.concat();
        let mut program = check_text(&text).program.unwrap_or_else(|| panic!("{text}"));
        // What stands in the files differs, and decides nothing.
        program.routes.iter_mut().for_each(|route| route.place.clear());
        program.written = Written::default();
        program
    };
    let forth = program(&[gateway, parts[0], parts[1], parts[2], parts[3]]);
    let back = program(&[parts[3], parts[2], parts[1], parts[0], gateway]);
    assert_eq!(forth, back);
}

#[test]
fn a_line_that_an_inner_level_replaces_is_not_in_force() {
    let text = |inner: &str| {
        format!(
            "gate 1\ngateway {{ listen :8080 }}\nupstream app {{ target http://127.0.0.1:1 }}\n\
             auth jwt people {{ algorithms [HS256]\n key env(\"KEY\")\n claims {{ sub str }} }}\nauth key keys {{ keys env(\"KEYS\") }}\n\
             group g /g {{\n auth people\n request {{ set X-User claim.sub }}\n\
             route own GET /own -> app {{}}\n\
             route r GET /r -> app {{ override auth keys\n request {{ {inner} }} }}\n}}\n"
        )
    };
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("policy.gate");
    let errors = |inner: &str| {
        std::fs::write(&file, text(inner)).unwrap();
        let mut gate = std::process::Command::new(env!("CARGO_BIN_EXE_gate"));
        gate.args(["explain", "policy.gate", "r"]).current_dir(folder.path()).env("NO_COLOR", "1");
        let output = gate.output().unwrap();
        (String::from_utf8(output.stdout).unwrap(), String::from_utf8(output.stderr).unwrap())
    };
    let (explained, found) = errors("set x-user key.name");
    assert!(!found.contains("claim.sub") && explained.contains("key.name") && !explained.contains("claim.sub"), "{found}{explained}");
    assert!(errors("remove X-User").1.is_empty());
    assert!(errors("set X-Other key.name").1.contains("declares no `claim.sub`"));
}
