//! The form that GitHub Actions turns into annotations: one workflow command a finding.

use super::excerpt::visible;
use crate::diag::{Diagnostic, Severity, Sources};
use std::fmt::Write as _;

pub(super) fn render(sources: &Sources, found: &[Diagnostic]) -> String {
    let mut out = String::new();
    for diagnostic in found {
        one(&mut out, sources, diagnostic);
    }
    out
}

fn one(out: &mut String, sources: &Sources, diagnostic: &Diagnostic) {
    out.push_str(match diagnostic.severity() {
        Severity::Error => "::error ",
        Severity::Warning => "::warning ",
    });
    let place = diagnostic.primary().and_then(|span| Some((sources.get(span.file)?, span)));
    if let Some((source, span)) = place {
        let (start, end) = (source.position(span.start), source.position(span.end));
        let _ = write!(
            out,
            "file={},line={},col={},endLine={},endColumn={},",
            property(&source.name),
            start.line,
            start.column,
            end.line,
            end.column
        );
    }
    let _ = writeln!(out, "title={}::{}", property(diagnostic.code.name()), data(&words(diagnostic)));
}

/// The message, what its labels say, and the help.
fn words(diagnostic: &Diagnostic) -> String {
    let mut text = visible(&diagnostic.message).into_owned();
    for label in diagnostic.labels.iter().filter(|label| label.primary && !label.text.is_empty()) {
        let _ = write!(text, ": {}", visible(&label.text));
    }
    if let Some(help) = &diagnostic.help {
        let _ = write!(text, "\nhelp: {}", visible(help));
    }
    text
}

/// Text behind `::`, escaped as the runner reads it.
fn data(text: &str) -> String {
    text.replace('%', "%25").replace('\r', "%0D").replace('\n', "%0A")
}

/// Text of a property, in which `:` and `,` have a meaning, too.
fn property(text: &str) -> String {
    data(&visible(text)).replace(':', "%3A").replace(',', "%2C")
}
