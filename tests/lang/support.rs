//! Policies from memory and from the folders of this test.

use gatewright::check::{Checked, Files, Options, check};
use gatewright::diag::{Diagnostic, Severity, Sources};
use std::collections::BTreeSet;
use std::io;
use std::path::{Path, PathBuf};

/// One text under any name; what it imports does not exist.
pub struct Memory<'t>(pub &'t str);

impl Files for Memory<'_> {
    fn read(&self, path: &Path) -> io::Result<Vec<u8>> {
        if path == Path::new("policy.gate") { Ok(self.0.as_bytes().to_vec()) } else { Err(io::ErrorKind::NotFound.into()) }
    }
}

/// The files of a folder of this package, under names relative to it.
pub struct Folder(pub &'static str);

impl Files for Folder {
    fn read(&self, path: &Path) -> io::Result<Vec<u8>> {
        std::fs::read(self.root().join(path))
    }
}

impl Folder {
    /// The folder itself.
    pub fn root(&self) -> PathBuf {
        Path::new(env!("CARGO_MANIFEST_DIR")).join(self.0)
    }

    /// The `.gate` files below it in order, those in folders called `modules` left out.
    pub fn policies(&self) -> Vec<PathBuf> {
        let mut found = Vec::new();
        let mut open = vec![self.root()];
        while let Some(folder) = open.pop() {
            for entry in std::fs::read_dir(&folder).unwrap() {
                let path = entry.unwrap().path();
                if path.is_dir() && !path.ends_with("modules") {
                    open.push(path);
                } else if path.extension().is_some_and(|extension| extension == "gate") {
                    found.push(path.strip_prefix(self.root()).unwrap().to_owned());
                }
            }
        }
        found.sort();
        found
    }
}

/// Checks a text.
pub fn check_text(text: &str) -> Checked {
    check(Path::new("policy.gate"), &Memory(text), &Options::default()).unwrap()
}

/// The findings of a text, sorted, with its sources.
pub fn findings(text: &str) -> (Sources, Vec<Diagnostic>) {
    let checked = check_text(text);
    let errors = checked.report.has_errors();
    assert_eq!(checked.program.is_none(), errors, "a policy has a program or a reason why not:\n{text}");
    (checked.sources, checked.report.into_sorted())
}

/// File, line and `error[code]` of a finding.
pub type Mark = (String, usize, String);

/// Where each finding stands.
pub fn marks(sources: &Sources, found: &[Diagnostic]) -> BTreeSet<Mark> {
    let mark = |diagnostic: &Diagnostic| {
        let span = diagnostic.primary().expect("a finding has a place");
        let source = sources.get(span.file).expect("a finding stands in a file");
        let severity = match diagnostic.severity() {
            Severity::Error => "error",
            Severity::Warning => "warning",
        };
        (source.name.to_string(), source.position(span.start).line, format!("{severity}[{}]", diagnostic.code))
    };
    found.iter().map(mark).collect()
}

/// What the comments of all sources say is to be found.
pub fn expected(sources: &Sources) -> BTreeSet<Mark> {
    let mut wanted = BTreeSet::new();
    let pattern = regex::Regex::new(r"(error|warning)\[gate::[a-z]+::[a-z-]+\]").unwrap();
    for (_, source) in sources.iter() {
        for (at, line) in source.text.lines().enumerate() {
            let comment = line.find('#').map_or("", |comment| &line[comment..]);
            wanted.extend(pattern.find_iter(comment).map(|found| (source.name.to_string(), at + 1, found.as_str().to_owned())));
        }
    }
    wanted
}
