//! Every code's explanation holds: its wrong example raises the code and no other error, its right one does not, and both
//! are written as `gate fmt` writes them.

use crate::codes::{AT_START, NOT_RAISED};
use gatewright::check::{Files, Options, check};
use gatewright::diag::explain::explain;
use gatewright::diag::{Code, Severity};
use gatewright::syntax;
use std::io;
use std::path::Path;

/// An example, and the one file beside it that examples may import.
struct Example(String);

impl Files for Example {
    fn read(&self, path: &Path) -> io::Result<Vec<u8>> {
        match path.to_str() {
            Some("policy.gate") => Ok(self.0.as_bytes().to_vec()),
            Some("lib.gate") => Ok(b"let patience = 5s\n".to_vec()),
            _ => Err(io::ErrorKind::NotFound.into()),
        }
    }
}

/// The example with what every reader adds in thought.
fn whole(example: &str) -> String {
    let mut text = example.to_owned();
    for (word, used, declaration) in [
        ("gateway ", "", "gateway {\n  listen :8080\n}\n"),
        ("upstream app ", "app", "upstream app {\n  target http://127.0.0.1:9000\n}\n"),
        ("auth jwt main ", "main", "auth jwt main {\n  algorithms [HS256]\n  key env(\"KEY\")\n  claims { sub str }\n}\n"),
    ] {
        let said = example.lines().any(|line| line.starts_with(word));
        let wanted = regex::Regex::new(&format!(r"\b{used}\b")).unwrap().is_match(example);
        if !said && wanted && !example.starts_with("gate ") {
            text.push('\n');
            text.push_str(declaration);
        }
    }
    text
}

/// The codes of what is found in an example, and how bad each is.
fn found(example: &str) -> Vec<(Code, Severity, String)> {
    let checked = check(Path::new("policy.gate"), &Example(whole(example)), &Options::default()).unwrap();
    checked.report.into_sorted().into_iter().map(|found| (found.code, found.severity(), found.message)).collect()
}

#[test]
fn each_wrong_example_raises_its_code_and_each_right_one_does_not() {
    let mut faults = String::new();
    for code in Code::ALL.iter().filter(|code| !NOT_RAISED.contains(code)) {
        let explained = explain(*code).unwrap();
        let wrong = found(explained.wrong);
        if !AT_START.contains(code) && wrong.iter().all(|(found, ..)| found != code) {
            faults.push_str(&format!("{code}: the wrong example raises {wrong:?}\n"));
        }
        if wrong.iter().any(|(found, severity, _)| found != code && *severity == Severity::Error) {
            faults.push_str(&format!("{code}: the wrong example has other errors: {wrong:?}\n"));
        }
        let right = found(explained.right);
        if right.iter().any(|(found, severity, _)| found == code || *severity == Severity::Error) {
            faults.push_str(&format!("{code}: the right example raises {right:?}\n"));
        }
    }
    assert!(faults.is_empty(), "{faults}");
}

#[test]
fn examples_are_formatted() {
    for code in Code::ALL {
        let explained = explain(*code).unwrap();
        assert_eq!(syntax::format(explained.right).as_deref(), Ok(explained.right), "{code}");
        if let Ok(formatted) = syntax::format(explained.wrong) {
            assert_eq!(formatted, explained.wrong, "{code}");
        }
    }
}
