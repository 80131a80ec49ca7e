//! The JSON form: `{"diagnostics": […], "errors": n, "warnings": n}`. Lines and columns count from 1, offsets and
//! lengths are bytes.

use crate::diag::{Diagnostic, Severity, Sources, Span};
use serde::Serialize;

#[derive(Serialize)]
struct Output<'a> {
    diagnostics: Vec<Found<'a>>,
    errors: usize,
    warnings: usize,
}

#[derive(Serialize)]
struct Found<'a> {
    code: &'static str,
    severity: Severity,
    message: &'a str,
    help: Option<&'a str>,
    labels: Vec<Labelled<'a>>,
    fixes: Vec<Fixed<'a>>,
}

#[derive(Serialize)]
struct Labelled<'a> {
    #[serde(flatten)]
    place: Place<'a>,
    text: &'a str,
    primary: bool,
}

#[derive(Serialize)]
struct Fixed<'a> {
    message: &'a str,
    edits: Vec<Edited<'a>>,
}

#[derive(Serialize)]
struct Edited<'a> {
    #[serde(flatten)]
    place: Place<'a>,
    text: &'a str,
}

#[derive(Serialize)]
struct Place<'a> {
    file: &'a str,
    line: usize,
    column: usize,
    offset: u32,
    length: usize,
}

pub(super) fn render(sources: &Sources, found: &[Diagnostic]) -> String {
    let errors = found.iter().filter(|found| found.severity() == Severity::Error).count();
    let output = Output { diagnostics: found.iter().map(|found| one(sources, found)).collect(), errors, warnings: found.len() - errors };
    let mut text = serde_json::to_string_pretty(&output).unwrap_or_default();
    text.push('\n');
    text
}

fn one<'a>(sources: &'a Sources, found: &'a Diagnostic) -> Found<'a> {
    let labels = found.labels.iter().map(|label| Labelled { place: place(sources, label.span), text: &label.text, primary: label.primary });
    let fixes = found.fixes.iter().map(|fix| {
        let edits = fix.edits.iter().map(|edit| Edited { place: place(sources, edit.span), text: &edit.text });
        Fixed { message: &fix.message, edits: edits.collect() }
    });
    Found {
        code: found.code.name(),
        severity: found.severity(),
        message: &found.message,
        help: found.help.as_deref(),
        labels: labels.collect(),
        fixes: fixes.collect(),
    }
}

fn place(sources: &Sources, span: Span) -> Place<'_> {
    let (offset, length) = (span.start, span.len());
    match sources.get(span.file) {
        Some(source) => {
            let position = source.position(span.start);
            Place { file: &source.name, line: position.line, column: position.column, offset, length }
        }
        None => Place { file: "", line: 1, column: 1, offset, length },
    }
}
