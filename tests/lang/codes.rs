//! Every code of the table is either raised, with a case of its name and a snapshot of what a user sees, or listed here.

use crate::support::Folder;
use gatewright::check::{Options, check};
use gatewright::diag::Code;
use gatewright::diag::render::{Format, render};
use std::path::{Path, PathBuf};

const CASES: Folder = Folder("tests/lang/cases");

/// Codes whose rule comes with a later release: no source raises them.
pub const NOT_RAISED: &[Code] = &[];

/// Codes of what is found of files, or when a gateway starts: no text alone raises them.
pub const AT_START: &[Code] = &[
    Code::FileUnreadable,
    Code::FilePage,
    Code::FileSchema,
    Code::SecretUnset,
    Code::SecretBadKey,
    Code::SecretStoreUrl,
    Code::SecretShortHmac,
    Code::TlsCertMissing,
    Code::HookUnregistered,
];

fn case(code: Code) -> PathBuf {
    let mut parts = code.name().split("::").skip(1);
    let (area, name) = (parts.next().unwrap(), parts.next().unwrap());
    Path::new(area).join(format!("{name}.gate"))
}

#[test]
fn each_code_that_is_raised_has_a_case_of_its_name() {
    for code in Code::ALL {
        let path = case(*code);
        let text = std::fs::read_to_string(CASES.root().join(&path)).ok();
        let shown = text.is_some_and(|text| text.contains(code.name()));
        let later = [NOT_RAISED, AT_START].iter().any(|listed| listed.contains(code));
        assert!(shown != later, "{code}: {} {}", path.display(), if shown { "exists, but the code is listed" } else { "is missing" });
    }
}

#[test]
fn no_source_raises_a_code_that_is_listed_as_not_raised() {
    let mut open = vec![Path::new(env!("CARGO_MANIFEST_DIR")).join("src")];
    while let Some(folder) = open.pop() {
        for entry in std::fs::read_dir(&folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                open.push(path);
            } else if path.extension().is_some_and(|extension| extension == "rs") && !path.ends_with("tests.rs") {
                let text = std::fs::read_to_string(&path).unwrap();
                for code in NOT_RAISED {
                    let used = text
                        .match_indices(&format!("Code::{code:?}"))
                        .any(|(at, found)| !text[at + found.len()..].starts_with(|letter: char| letter.is_ascii_alphanumeric()));
                    assert!(!used, "{} uses {code}: take it off the list and write its case", path.display());
                }
            }
        }
    }
}

#[test]
fn what_a_user_sees_of_each_code() {
    let mut settings = insta::Settings::clone_current();
    settings.set_snapshot_path("snapshots");
    settings.set_prepend_module_to_snapshot(false);
    settings.set_omit_expression(true);
    let _bound = settings.bind_to_scope();
    for code in Code::ALL.iter().filter(|code| ![NOT_RAISED, AT_START].iter().any(|listed| listed.contains(code))) {
        let path = case(*code);
        let checked = check(&path, &CASES, &Options::default()).unwrap();
        let found: Vec<_> = checked.report.into_sorted().into_iter().filter(|found| found.code == *code).collect();
        let source = std::fs::read_to_string(CASES.root().join(&path)).unwrap();
        let shown = format!("{source}\n{}\n{}", "-".repeat(80), render(Format::Human, &checked.sources, &found));
        insta::assert_snapshot!(path.with_extension("").to_string_lossy().replace('/', "__"), shown);
    }
}
