//! What was found in a policy, and where: spans, sources, diagnostics, and how they are shown.
//!
//! Floor 0: knows nothing of the language. Every other module reports through [`Report`]; wording lives with
//! whoever finds the fault, rendering lives in [`render`].

pub mod code;
pub mod explain;
pub mod fix;
pub mod render;
pub mod source;
pub mod suggest;

pub use code::{Code, Severity};
pub use source::{FileId, Position, Source, Sources, Span};

use serde::Serialize;

/// A place in the user's text with what is to be said about it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Label {
    /// The bytes that are underlined.
    pub span: Span,
    /// The words under the line; may be empty.
    pub text: String,
    /// True for the place the diagnostic is about, false for places that explain it.
    pub primary: bool,
}

/// One replacement of text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Edit {
    /// What is replaced; an empty span inserts.
    pub span: Span,
    /// What stands there afterwards.
    pub text: String,
}

/// A change that repairs the fault by machine; given only when exactly one exists.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fix {
    /// What the change does, in the imperative.
    pub message: String,
    /// The replacements, which do not overlap.
    pub edits: Vec<Edit>,
}

/// One finding: what is wrong, where, and how to put it right.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Diagnostic {
    /// Which rule was broken; its severity stands in the code table.
    pub code: Code,
    /// What is wrong: lower case, no final period, the user's words in backticks.
    pub message: String,
    /// Places, the primary one first.
    pub labels: Vec<Label>,
    /// How to fix it.
    pub help: Option<String>,
    /// The machine fix, when there is exactly one.
    pub fixes: Vec<Fix>,
}

impl Diagnostic {
    /// A finding with its message and no place yet.
    pub fn new(code: Code, message: impl Into<String>) -> Self {
        Self { code, message: message.into(), labels: Vec::new(), help: None, fixes: Vec::new() }
    }

    /// Adds the place the finding is about.
    #[must_use]
    pub fn at(mut self, span: Span, text: impl Into<String>) -> Self {
        let primary = self.labels.iter().all(|label| !label.primary);
        self.labels.push(Label { span, text: text.into(), primary });
        self
    }

    /// Adds a place that explains the finding, such as the other side of a conflict.
    #[must_use]
    pub fn also(mut self, span: Span, text: impl Into<String>) -> Self {
        self.labels.push(Label { span, text: text.into(), primary: false });
        self
    }

    /// Says how to fix it.
    #[must_use]
    pub fn help(mut self, help: impl Into<String>) -> Self {
        self.help = Some(help.into());
        self
    }

    /// Offers the one machine fix.
    #[must_use]
    pub fn fix(mut self, message: impl Into<String>, edits: Vec<Edit>) -> Self {
        self.fixes.push(Fix { message: message.into(), edits });
        self
    }

    /// Says which of the policy's own names was likely meant. No machine puts it there: who is let in and where traffic goes hang on
    /// such names, and `staff1` is as near to `staff2` as a misspelt name is to its own.
    #[must_use]
    pub fn maybe(self, name: &str) -> Self {
        self.help(format!("did you mean `{name}`?"))
    }

    /// Offers what was likely meant by a word of the language: as help, and as the machine fix when that is sure.
    #[must_use]
    pub fn meant(self, span: Span, written: &str, meant: &str, sure: bool) -> Self {
        let found = self.help(format!("did you mean `{meant}`?"));
        if sure { found.fix(format!("replace `{written}` with `{meant}`"), vec![Edit { span, text: meant.to_owned() }]) } else { found }
    }

    /// The span of the primary label.
    #[must_use]
    pub fn primary(&self) -> Option<Span> {
        self.labels.iter().find(|label| label.primary).map(|label| label.span)
    }

    /// True when another finding says the same. A rule is broken once at one place, whoever inherits the statement that
    /// breaks it; but many invariants may be broken at one route.
    fn repeats(&self, other: &Self) -> bool {
        let place = self.primary();
        let told_apart = self.code == Code::InvariantViolated && self.labels != other.labels;
        self.code == other.code && place == other.primary() && place.is_some() && !told_apart
    }

    /// Error or warning, from the code table.
    #[must_use]
    pub fn severity(&self) -> Severity {
        self.code.severity()
    }
}

/// All findings of one run.
#[derive(Debug, Clone, Default)]
pub struct Report {
    found: Vec<Diagnostic>,
}

impl Report {
    /// An empty report.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a finding. The same code at the same primary span is kept once: a statement that many routes
    /// inherit is reported where it stands, not once per route.
    pub fn push(&mut self, diagnostic: Diagnostic) {
        self.found.push(diagnostic);
    }

    /// Adds all of another report's findings.
    pub fn extend(&mut self, other: Self) {
        self.found.extend(other.found);
    }

    /// Goes through all findings once more; those for which `keep` is false are taken out.
    pub fn revise(&mut self, keep: impl FnMut(&mut Diagnostic) -> bool) {
        self.found.retain_mut(keep);
    }

    /// True when an error was found.
    #[must_use]
    pub fn has_errors(&self) -> bool {
        self.found.iter().any(|found| found.severity() == Severity::Error)
    }

    /// How many errors and warnings there are.
    #[must_use]
    pub fn counts(&self) -> Counts {
        let errors = self.found.iter().filter(|found| found.severity() == Severity::Error).count();
        Counts { errors, warnings: self.found.len() - errors }
    }

    /// The findings in the order of their places, each once.
    #[must_use]
    pub fn into_sorted(mut self) -> Vec<Diagnostic> {
        self.found.sort_by_key(|found| (found.primary(), found.code));
        self.found.dedup_by(|next, kept| next.repeats(kept));
        self.found
    }
}

/// How many findings of each severity.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Counts {
    /// Findings that refuse the policy.
    pub errors: usize,
    /// Findings that do not.
    pub warnings: usize,
}

/// The findings of several compilations as one: their sources side by side, their spans moved along.
#[must_use]
pub fn merge(all: Vec<(Sources, Vec<Diagnostic>)>) -> (Sources, Vec<Diagnostic>) {
    let mut sources = Sources::new();
    let mut merged = Vec::new();
    for (own, found) in all {
        let ids: Vec<FileId> = own.iter().map(|(_, source)| sources.add(source.clone())).collect();
        let moved = |span: Span| Span { file: ids.get(span.file.0 as usize).copied().unwrap_or_default(), ..span };
        merged.extend(found.into_iter().map(|mut diagnostic| {
            diagnostic.labels.iter_mut().for_each(|label| label.span = moved(label.span));
            diagnostic.fixes.iter_mut().flat_map(|fix| &mut fix.edits).for_each(|edit| edit.span = moved(edit.span));
            diagnostic
        }));
    }
    (sources, merged)
}
