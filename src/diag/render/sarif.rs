//! SARIF 2.1.0 (OASIS), for code scanning services: the whole table of codes as rules, and a result for each finding.

use crate::diag::explain::explain;
use crate::diag::{Code, Diagnostic, Edit, Label, Severity, Sources, Span};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use serde_json::{Value, json};

/// What stays as it is in a file's URI.
const KEPT: &AsciiSet = &NON_ALPHANUMERIC.remove(b'/').remove(b'-').remove(b'_').remove(b'.').remove(b'~');

pub(super) fn render(sources: &Sources, found: &[Diagnostic]) -> String {
    let log = json!({
        "$schema": "https://docs.oasis-open.org/sarif/sarif/v2.1.0/os/schemas/sarif-schema-2.1.0.json",
        "version": "2.1.0",
        "runs": [{
            "tool": { "driver": {
                "name": "gate",
                "version": env!("CARGO_PKG_VERSION"),
                "rules": Code::ALL.iter().map(|code| rule(*code)).collect::<Vec<_>>(),
            } },
            "columnKind": "unicodeCodePoints",
            "results": found.iter().map(|found| result(sources, found)).collect::<Vec<_>>(),
        }],
    });
    let mut text = serde_json::to_string_pretty(&log).unwrap_or_default();
    text.push('\n');
    text
}

fn level(severity: Severity) -> &'static str {
    match severity {
        Severity::Error => "error",
        Severity::Warning => "warning",
    }
}

fn rule(code: Code) -> Value {
    let mut rule = json!({
        "id": code.name(),
        "shortDescription": { "text": code.summary() },
        "defaultConfiguration": { "level": level(code.severity()) },
    });
    if let (Some(explained), Some(members)) = (explain(code), rule.as_object_mut()) {
        let examples = format!("```gate\n{}```\n\nbetter:\n\n```gate\n{}```\n", explained.wrong, explained.right);
        members.insert("fullDescription".to_owned(), json!({ "text": explained.text }));
        members.insert("help".to_owned(), json!({ "text": explained.text, "markdown": format!("{}\n\n{examples}", explained.text) }));
    }
    rule
}

fn result(sources: &Sources, found: &Diagnostic) -> Value {
    let text = match &found.help {
        Some(help) => format!("{}\nhelp: {help}", found.message),
        None => found.message.clone(),
    };
    let locations = |primary: bool| -> Vec<Value> {
        let labels = found.labels.iter().filter(|label| label.primary == primary);
        labels.filter_map(|label| location(sources, label)).collect()
    };
    let mut result = json!({
        "ruleId": found.code.name(),
        "ruleIndex": Code::ALL.iter().position(|code| *code == found.code),
        "level": level(found.severity()),
        "message": { "text": text },
        "locations": locations(true),
        "relatedLocations": locations(false),
    });
    let fixes: Vec<Value> = found
        .fixes
        .iter()
        .map(|fix| {
            let changes: Vec<Value> = fix.edits.iter().filter_map(|edit| change(sources, edit)).collect();
            json!({ "description": { "text": fix.message }, "artifactChanges": changes })
        })
        .collect();
    if let (false, Some(members)) = (fixes.is_empty(), result.as_object_mut()) {
        members.insert("fixes".to_owned(), fixes.into());
    }
    result
}

fn location(sources: &Sources, label: &Label) -> Option<Value> {
    let mut location = json!({ "physicalLocation": {
        "artifactLocation": { "uri": uri(sources, label.span)? },
        "region": region(sources, label.span)?,
    } });
    if let (false, Some(members)) = (label.text.is_empty(), location.as_object_mut()) {
        members.insert("message".to_owned(), json!({ "text": label.text }));
    }
    Some(location)
}

fn change(sources: &Sources, edit: &Edit) -> Option<Value> {
    Some(json!({
        "artifactLocation": { "uri": uri(sources, edit.span)? },
        "replacements": [{ "deletedRegion": region(sources, edit.span)?, "insertedContent": { "text": edit.text } }],
    }))
}

fn uri(sources: &Sources, span: Span) -> Option<String> {
    let name = &sources.get(span.file)?.name;
    let path = utf8_percent_encode(name, KEPT);
    Some(if name.starts_with('/') { format!("file://{path}") } else { path.to_string() })
}

fn region(sources: &Sources, span: Span) -> Option<Value> {
    let source = sources.get(span.file)?;
    let (start, end) = (source.position(span.start), source.position(span.end));
    Some(json!({
        "startLine": start.line,
        "startColumn": start.column,
        "endLine": end.line,
        "endColumn": end.column,
        "byteOffset": span.start,
        "byteLength": span.len(),
    }))
}
