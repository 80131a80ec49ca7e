//! Every file under `cases` is a policy whose faulty lines say, in a comment at their end, what is to be found there:
//! `# error[gate::area::name]` or `# warning[…]`. Nothing else may be found.

use crate::support::{Folder, expected, marks};
use gatewright::check::{Options, check};
use gatewright::diag::{FileId, Report};
use gatewright::syntax;

const CASES: Folder = Folder("tests/lang/cases");

#[test]
fn each_case_finds_what_its_comments_say_and_nothing_else() {
    let mut wrong = String::new();
    for path in CASES.policies() {
        let checked = check(&path, &CASES, &Options::default()).unwrap();
        assert_eq!(checked.program.is_none(), checked.report.has_errors(), "{}: a program or a reason why not", path.display());
        let found = checked.report.into_sorted();
        let (found, wanted) = (marks(&checked.sources, &found), expected(&checked.sources));
        for (file, line, what) in wanted.difference(&found) {
            wrong.push_str(&format!("{}: {file}:{line} lacks {what}\n", path.display()));
        }
        for (file, line, what) in found.difference(&wanted) {
            wrong.push_str(&format!("{}: {file}:{line} has {what}, which no comment asks for\n", path.display()));
        }
    }
    assert!(wrong.is_empty(), "{wrong}");
}

#[test]
fn each_case_without_syntax_errors_can_be_formatted_and_means_the_same_afterwards() {
    for path in CASES.policies() {
        let text = std::fs::read_to_string(CASES.root().join(&path)).unwrap();
        let mut report = Report::new();
        syntax::parse(FileId(0), &text, &mut report);
        if report.has_errors() {
            assert!(syntax::format(&text).is_err(), "{}: a broken text is not formatted", path.display());
            continue;
        }
        let once = syntax::format(&text).unwrap();
        assert_eq!(syntax::format(&once).as_ref(), Ok(&once), "{}: formatted text stays as it is", path.display());
        let codes = |text: &str| {
            let files = Changed { path: &path, text };
            let found = check(&path, &files, &Options::default()).unwrap().report.into_sorted();
            found.iter().map(|found| (found.code, found.message.clone())).collect::<Vec<_>>()
        };
        assert_eq!(codes(&text), codes(&once), "{}", path.display());
    }
}

/// The cases with one of them changed.
struct Changed<'c> {
    path: &'c std::path::Path,
    text: &'c str,
}

impl gatewright::check::Files for Changed<'_> {
    fn read(&self, path: &std::path::Path) -> std::io::Result<Vec<u8>> {
        if path == self.path { Ok(self.text.as_bytes().to_vec()) } else { CASES.read(path) }
    }
}
