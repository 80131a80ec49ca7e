//! The language's reference as Markdown: an entry for every word of the schema.

use super::values::{FUNCTIONS, OPERATORS, Operation, REFERENCES, TYPES, units};
use super::{examples, pages};
use crate::check;
use crate::diag::{Code, Severity};
use crate::lang::form::{Count, Form, Kind, Merge, Place, Slot, Word};
use crate::lang::usage::{usage, what};
use crate::route::segment::TYPE_NAMES;
use std::fmt::Write;

/// What a chapter of statements is called, and which words it has: those that may stand there first of all.
const CHAPTERS: &[(&str, &str, Place)] = &[
    ("Declarations", "They stand at the top of a file, in any order.", Place::File),
    ("In `gateway`", "The gateway's own settings. Statements of routes may stand here too, as the default of every route.", Place::Gateway),
    ("In `upstream`", "How a service is reached, and what happens when it fails.", Place::Upstream),
    ("Of groups and routes", "Who may come in, what protects the service, what is sent and what answers.", Place::Route),
    ("In `test`", "The steps run in the order they stand; see [testing](testing.md).", Place::Test),
];

/// The page between the head of the file and its end.
#[must_use]
pub fn markdown() -> String {
    let schema = check::schema();
    let mut out = String::from(
        "# Reference\n\n\
         Every statement, type and code, written from the schema that the compiler itself reads \
         (`GATE_WRITE=1 cargo test --test docs` writes this page anew). [The language](language.md) says how they work together.\n\n\
         In a syntax line capitals stand for what you write and brackets for what may be left out. A clause may stand in the head or \
         as a statement of the block.\n",
    );
    for (title, about, place) in CHAPTERS {
        let _ = write!(out, "\n## {title}\n\n{about}\n");
        for word in schema.words().filter(|word| chapter(word) == *place) {
            statement(word, &mut out);
        }
    }
    types(&mut out);
    codes(&mut out);
    out
}

/// The chapter that a word belongs to.
fn chapter(word: &Word) -> Place {
    let first = |place| word.places.contains(&place);
    [Place::File, Place::Route, Place::Group, Place::Upstream, Place::Gateway, Place::Test, Place::Policy]
        .into_iter()
        .find(|place| first(*place))
        .map_or(Place::Route, |place| match place {
            Place::Group | Place::Policy | Place::Route => Place::Route,
            Place::File | Place::Gateway | Place::Upstream | Place::Test => place,
        })
}

fn statement(word: &Word, out: &mut String) {
    let Word { form, places: where_, merge, stage } = *word;
    let _ = write!(out, "\n### `{}`\n\n{}.\n\n```text\n{}\n```\n\n", form.word, sentence(form.doc), usage(&form));
    let _ = writeln!(out, "- stands in: {}", places(where_));
    if inherits(where_) {
        let _ = writeln!(out, "- inherited: {}", merged(merge));
    }
    if !stage.is_empty() {
        let _ = writeln!(out, "- stage: `{stage}`");
    }
    if let Some(default) = form.default {
        let _ = writeln!(out, "- when it is not written: `{default}`");
    }
    if let Some(section) = pages::section_of(form.word).filter(|_| chapter(word) == Place::Route) {
        let _ = writeln!(out, "- at work: [{}]({section})", section.split('.').next().unwrap_or(section));
    }
    if let Some(place) = form.holds {
        let _ = writeln!(out, "- its block holds statements of {}", place.name());
    }
    let mut rows = Vec::new();
    let told = |slot: &&Slot| matches!(slot.kind, Kind::Fixed(_)) || (matches!(slot.kind, Kind::Rest(_)) && !form.ways.is_empty());
    for slot in form.slots.iter().filter(|slot| !told(slot)) {
        rows.push(slot_row(slot));
    }
    for (written, doc) in form.ways {
        rows.push(format!("| `{}` | | | | {} |\n", cell(written), cell(doc)));
    }
    clauses(&form, "", &mut rows);
    if !rows.is_empty() {
        out.push_str("\n| Clause | Takes | Default | Unit | Meaning |\n|---|---|---|---|---|\n");
        rows.iter().for_each(|row| out.push_str(row));
    }
    if let Some(example) = examples::of(word) {
        let _ = write!(out, "\n```gate\n{}\n```\n", example.text);
    }
}

fn slot_row(slot: &Slot) -> String {
    let takes = what(slot);
    let optional = if slot.optional { "may be left out" } else { "" };
    format!("| {} | {} | | {} | {optional} |\n", slot.name.to_uppercase(), cell(&takes), unit(&takes))
}

/// The clauses of a form and of its clauses, and the lines of its block.
fn clauses(form: &Form, inside: &str, rows: &mut Vec<String>) {
    for child in form.children {
        let name = format!("{inside}{}", child.word);
        let takes: Vec<String> = child.slots.iter().map(takes).collect();
        let units: Vec<String> = child.slots.iter().map(|slot| unit(&what(slot))).filter(|unit| !unit.is_empty()).collect();
        let default = child.default.map_or_else(String::new, |default| {
            let value = default.strip_prefix(child.word).unwrap_or(default).trim();
            if value.is_empty() { String::new() } else { format!("`{}`", cell(value)) }
        });
        let mut meaning = cell(child.doc);
        match child.count {
            Count::Optional => {}
            Count::Required => meaning.push_str("; must be written"),
            Count::Many => meaning.push_str("; several are fine"),
        }
        rows.push(format!("| `{name}` | {} | {default} | {} | {meaning} |\n", takes.join(", "), units.join(", ")));
        clauses(child, &format!("{name} "), rows);
    }
    if let Some(row) = form.rows {
        let takes: Vec<String> = row.slots.iter().map(takes).collect();
        rows.push(format!("| {inside}{} … | {} | | | {}; a line each |\n", row.word, takes.join(", "), cell(row.doc)));
        clauses(row, &format!("{inside}{} … ", row.word), rows);
    }
}

fn takes(slot: &Slot) -> String {
    let text = cell(&what(slot));
    if slot.optional { format!("[{text}]") } else { text }
}

fn unit(takes: &str) -> String {
    units(takes).iter().map(|unit| format!("`{unit}`")).collect::<Vec<_>>().join(" ")
}

/// True when a statement may stand on several levels of which the inner ones see the outer ones.
fn inherits(places: &[Place]) -> bool {
    let levels = |place: &&Place| matches!(place, Place::Gateway | Place::Upstream | Place::Group | Place::Route | Place::Policy);
    places.iter().filter(levels).count() > 1
}

fn merged(merge: Merge) -> &'static str {
    match merge {
        Merge::Single => "the innermost wins, whole",
        Merge::Fields => "the innermost wins, clause by clause",
        Merge::Keyed => "adds up by name; the same name again replaces, `drop` removes",
        Merge::Lines => "line by line; a line about the same thing replaces",
        Merge::Conjunctive => "all hold",
    }
}

fn places(places: &[Place]) -> String {
    places.iter().map(|place| place.name()).collect::<Vec<_>>().join(", ")
}

fn types(out: &mut String) {
    out.push_str("\n## Types\n\n| Type | Values | Written | Units |\n|---|---|---|---|\n");
    for entry in TYPES {
        let code = |words: &[&str]| words.iter().map(|word| format!("`{}`", cell(word))).collect::<Vec<_>>().join(" ");
        let _ = writeln!(out, "| `{}` | {} | {} | {} |", entry.name, cell(entry.doc), code(entry.written), code(entry.units));
    }
    let names: Vec<String> = TYPE_NAMES.iter().map(|name| format!("`{{name:{name}}}`")).collect();
    let _ = write!(
        out,
        "\nPath parameters are of the types {}, of one of several words (`{{name:a|b}}`), of a regex (`{{name:re\"…\"}}`), or any segment \
         (`{{name}}`).\n",
        names.join(", ")
    );
    out.push_str("\n## References\n\n| Reference | Type | Known from | Meaning |\n|---|---|---|---|\n");
    for entry in REFERENCES {
        let _ = writeln!(out, "| `{}` | {} | `{}` | {} |", entry.name, entry.ty, entry.stage, cell(entry.doc));
    }
    out.push_str("\n## Functions\n\n| Function | Type | Meaning |\n|---|---|---|\n");
    FUNCTIONS.iter().for_each(|entry| operation(entry, out));
    out.push_str("\n## Operators\n\nThose that bind loosest first.\n\n| Operator | Type | Meaning |\n|---|---|---|\n");
    OPERATORS.iter().for_each(|entry| operation(entry, out));
}

fn operation(entry: &Operation, out: &mut String) {
    let _ = writeln!(out, "| `{}` | {} | {} |", entry.usage, cell(entry.ty), cell(entry.doc));
}

fn codes(out: &mut String) {
    out.push_str("\n## Diagnostics\n\n`gate explain CODE` explains each.\n\n| Code | | What is asked |\n|---|---|---|\n");
    for code in Code::ALL {
        let severity = match code.severity() {
            Severity::Error => "error",
            Severity::Warning => "warning",
        };
        let _ = writeln!(out, "| `{}` | {severity} | {} |", code.name(), cell(code.summary()));
    }
}

/// Text that may stand in a cell of a table.
fn cell(text: &str) -> String {
    text.replace('|', "\\|")
}

/// A one-line doc as a sentence.
fn sentence(doc: &str) -> String {
    let mut letters = doc.chars();
    letters.next().map_or_else(String::new, |first| first.to_uppercase().chain(letters).collect())
}
