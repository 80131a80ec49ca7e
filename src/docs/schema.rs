//! The whole schema as JSON: `gate dump --schema`.

use super::examples;
use super::values::{FUNCTIONS, OPERATORS, Operation, REFERENCES, TYPES, units};
use crate::check;
use crate::diag::{Code, Severity};
use crate::lang::form::{Count, Form, Kind, Mark, Merge, Slot, Word};
use crate::lang::usage::{usage, what};
use crate::route::segment::TYPE_NAMES;
use serde_json::{Value, json};

/// The schema.
#[must_use]
pub fn json() -> Value {
    let words: Vec<Value> = check::schema().words().map(word).collect();
    let types: Vec<Value> =
        TYPES.iter().map(|entry| json!({ "name": entry.name, "doc": entry.doc, "written": entry.written, "units": entry.units })).collect();
    let references: Vec<Value> =
        REFERENCES.iter().map(|entry| json!({ "name": entry.name, "type": entry.ty, "stage": entry.stage, "doc": entry.doc })).collect();
    let diagnostics: Vec<Value> = Code::ALL
        .iter()
        .map(|code| json!({ "code": code.name(), "severity": severity(code.severity()), "summary": code.summary() }))
        .collect();
    json!({
        "edition": 1,
        "words": words,
        "types": types,
        "path_types": TYPE_NAMES,
        "references": references,
        "functions": FUNCTIONS.iter().map(operation).collect::<Vec<_>>(),
        "operators": OPERATORS.iter().map(operation).collect::<Vec<_>>(),
        "diagnostics": diagnostics,
    })
}

/// A severity as findings say it.
fn severity(severity: Severity) -> &'static str {
    match severity {
        Severity::Error => "error",
        Severity::Warning => "warning",
    }
}

fn operation(operation: &Operation) -> Value {
    json!({ "usage": operation.usage, "type": operation.ty, "doc": operation.doc })
}

fn word(word: &Word) -> Value {
    let mut value = form(&word.form);
    if let Value::Object(object) = &mut value {
        let places: Vec<&str> = word.places.iter().map(|place| place.name()).collect();
        object.insert("places".to_owned(), json!(places));
        object.insert("merge".to_owned(), json!(merge(word.merge)));
        object.insert("stage".to_owned(), json!((!word.stage.is_empty()).then_some(word.stage)));
        object.insert("example".to_owned(), json!(examples::of(word).map(|example| example.text)));
    }
    value
}

/// A merge kind in one word.
fn merge(merge: Merge) -> &'static str {
    match merge {
        Merge::Single => "single",
        Merge::Fields => "fields",
        Merge::Keyed => "keyed",
        Merge::Lines => "lines",
        Merge::Conjunctive => "conjunctive",
    }
}

fn form(form: &Form) -> Value {
    json!({
        "word": form.word,
        "usage": usage(form),
        "doc": form.doc,
        "slots": form.slots.iter().map(slot).collect::<Vec<_>>(),
        "clauses": form.children.iter().map(self::form).collect::<Vec<_>>(),
        "rows": form.rows.map(self::form),
        "holds": form.holds.map(|place| place.name()),
        "count": match form.count { Count::Optional => "optional", Count::Required => "required", Count::Many => "many" },
        "default": form.default,
    })
}

fn slot(slot: &Slot) -> Value {
    let (kind, words): (&str, &[&str]) = match slot.kind {
        Kind::Name => ("name", &[]),
        Kind::Value(_) => ("value", &[]),
        Kind::Word(words) => ("word", words),
        Kind::Fixed(_) => ("fixed", &[]),
        Kind::Methods => ("methods", &[]),
        Kind::Path => ("path", &[]),
        Kind::Declared(_) => ("declared", &[]),
        Kind::Rest(words) => ("rest", words),
    };
    let declared = match slot.kind {
        Kind::Declared(declared) => Some(declared.word()),
        Kind::Name | Kind::Value(_) | Kind::Word(_) | Kind::Fixed(_) | Kind::Methods | Kind::Path | Kind::Rest(_) => None,
    };
    let takes = what(slot);
    json!({
        "name": slot.name,
        "kind": kind,
        "takes": takes,
        "units": units(&takes),
        "words": words,
        "declared": declared,
        "mark": match slot.mark { Mark::None => "", Mark::Arrow => "->", Mark::Assign => "=", Mark::Annotation => ":" },
        "optional": slot.optional,
    })
}
