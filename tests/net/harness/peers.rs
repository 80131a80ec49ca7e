//! Programs that are not ours and talk to the gateway.

use std::process::{Command, Stdio};

/// True when a program is there; one that is missing is said, and CI does not let it pass.
#[track_caller]
pub fn is_there(program: &str) -> bool {
    let there = Command::new(program).arg("--version").stdin(Stdio::null()).output().is_ok();
    assert!(there || std::env::var_os("CI").is_none(), "{program} is missing");
    if !there {
        eprintln!("NOT TESTED: {program} is missing");
    }
    there
}

/// What a program prints, whatever its exit status; none where it is missing.
#[track_caller]
pub fn peer(program: &str, arguments: &[&str]) -> Option<String> {
    if !is_there(program) {
        return None;
    }
    let output = Command::new(program).args(arguments).stdin(Stdio::null()).output().unwrap();
    Some(String::from_utf8_lossy(&output.stdout).into_owned())
}

/// What curl says of a request by `--write-out`; none where it is missing.
#[track_caller]
pub fn curl(arguments: &[&str]) -> Option<String> {
    peer("curl", &[&["--silent", "--max-time", "20", "--output", "/dev/null"], arguments].concat())
}
