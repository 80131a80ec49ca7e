//! Other gateways' files become policies that `gate check` accepts, and what they say besides is listed exactly.
#![expect(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

mod caddy;
mod hostile;
mod nginx;
mod openapi;
mod roundtrip;

use gatewright::check::{Files, Options, check};
use gatewright::diag::render::{Format, render};
use gatewright::import::{Imported, Kind, import};
use std::path::Path;

/// One text under any name.
struct Only<'t>(&'t str);

impl Files for Only<'_> {
    fn read(&self, _: &Path) -> std::io::Result<Vec<u8>> {
        Ok(self.0.as_bytes().to_vec())
    }
}

/// What `gate check` finds in a policy that makes it no policy.
fn errors(policy: &str) -> String {
    let checked = check(Path::new("policy.gate"), &Only(policy), &Options::default()).unwrap();
    if checked.program.is_some() {
        return String::new();
    }
    render(Format::Plain, &checked.sources, &checked.report.into_sorted())
}

/// What a text becomes: sound and formatted.
#[track_caller]
fn imported(kind: Kind, text: &str) -> Imported {
    let imported = import(kind, text).unwrap_or_else(|fault| panic!("{}: {}", fault.line, fault.message));
    assert_eq!(errors(&imported.policy), "", "{}", imported.policy);
    assert_eq!(gatewright::syntax::format(&imported.policy).ok().as_deref(), Some(imported.policy.as_str()));
    imported
}

/// The list of what was not carried over, a line each.
fn list(imported: &Imported) -> String {
    imported.left_out.iter().map(|entry| format!("{}: `{}`: {}\n", entry.line, entry.what, entry.why)).collect()
}

/// The lines of a policy's route.
fn route(imported: &Imported, name: &str) -> String {
    let head = format!("route {name} ");
    let lines = imported.policy.lines().map(str::trim).skip_while(|line| !line.starts_with(&head));
    let mut depth = 0_usize;
    let mut out = String::new();
    for line in lines {
        depth += line.matches('{').count();
        depth -= line.matches('}').count();
        out.push_str(line);
        out.push('\n');
        if depth == 0 {
            break;
        }
    }
    out
}
