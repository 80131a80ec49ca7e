//! The plain form: no colour, no box drawing; every place begins with `file:line:column`, so editors can jump to it.

use super::excerpt::{place, visible};
use crate::diag::{Diagnostic, Label, Severity, Sources};
use std::fmt::Write as _;
use unicode_width::UnicodeWidthStr as _;

pub(super) fn render(sources: &Sources, found: &[Diagnostic]) -> String {
    let mut out = String::new();
    for diagnostic in found {
        one(&mut out, sources, diagnostic);
    }
    out
}

fn one(out: &mut String, sources: &Sources, diagnostic: &Diagnostic) {
    let severity = match diagnostic.severity() {
        Severity::Error => "error",
        Severity::Warning => "warning",
    };
    if let Some(span) = diagnostic.primary() {
        position(out, sources, span);
    }
    let _ = writeln!(out, "{severity}[{}]: {}", diagnostic.code, visible(&diagnostic.message));
    for label in &diagnostic.labels {
        if !label.primary {
            position(out, sources, label.span);
            let _ = writeln!(out, "note: {}", visible(&label.text));
        }
        drawn(out, sources, label);
    }
    if let Some(help) = &diagnostic.help {
        let _ = writeln!(out, "  help: {}", visible(help));
    }
}

/// `file:line:column: `
fn position(out: &mut String, sources: &Sources, span: crate::diag::Span) {
    if let Some(source) = sources.get(span.file) {
        let position = source.position(span.start);
        let _ = write!(out, "{}:{}:{}: ", source.name, position.line, position.column);
    }
}

/// The label's line with carets under it, and the label's words behind them when they are the primary ones.
fn drawn(out: &mut String, sources: &Sources, label: &Label) {
    let Some(source) = sources.get(label.span.file) else { return };
    let place = place(source, label.span);
    let part = |from: usize, to: usize| visible(source.text.get(from..to).unwrap_or_default());
    let line = part(place.shown.0, place.shown.1);
    let number = source.position(u32::try_from(place.marked.0).unwrap_or(u32::MAX)).line.to_string();
    let gap = filled(&part(place.shown.0, place.marked.0), " ");
    let mark = if label.primary { "^" } else { "-" };
    let marks = filled(&part(place.marked.0, place.marked.1), mark);
    let marks = if marks.is_empty() { mark } else { &marks };
    let _ = writeln!(out, "  {number} | {}", line.trim_end());
    let words = if label.primary { visible(&label.text) } else { "".into() };
    let under = format!("  {} | {gap}{marks} {words}", " ".repeat(number.len()));
    let _ = writeln!(out, "{}", under.trim_end());
}

/// As many marks as the text takes columns; tabs stay, as only who shows them knows their columns.
fn filled(text: &str, mark: &str) -> String {
    text.split('\t').map(|piece| mark.repeat(piece.width())).collect::<Vec<_>>().join("\t")
}
