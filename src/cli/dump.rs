//! `gate dump`

use super::{Outcome, Policy, print_out};
use crate::check;
use crate::lang::form::{Count, Form, Kind, Mark, Ready};
use serde_json::{Value, json};
use std::path::PathBuf;

/// Arguments of `gate dump`.
#[derive(Debug, clap::Args)]
pub struct Arguments {
    /// The policy; not needed for the schema
    #[arg(required_unless_present = "schema")]
    file: Option<PathBuf>,
    /// What the policy means, as JSON
    #[arg(long, conflicts_with = "schema")]
    ir: bool,
    /// Every word of the language, as JSON
    #[arg(long)]
    schema: bool,
    /// The value of a `param`
    #[arg(long = "set", value_name = "NAME=VALUE", value_parser = super::parse_set)]
    set: Vec<(String, String)>,
}

/// Dumps.
pub fn run(arguments: &Arguments) -> Outcome {
    let value = match (&arguments.file, arguments.schema) {
        (_, true) => schema(),
        (None, false) => return Outcome::Usage,
        (Some(file), false) => {
            let policy = Policy { file: file.clone(), set: arguments.set.clone() };
            match policy.load(policy.params(), None) {
                Ok(checked) => serde_json::to_value(checked.program).unwrap_or_default(),
                Err(outcome) => return outcome,
            }
        }
    };
    print_out(&(serde_json::to_string_pretty(&value).unwrap_or_default() + "\n"));
    Outcome::Fine
}

/// The schema as JSON.
fn schema() -> Value {
    let words: Vec<Value> = check::schema()
        .words()
        .map(|word| {
            let mut value = form(&word.form);
            let places: Vec<&str> = word.places.iter().map(|place| place.name()).collect();
            if let Value::Object(object) = &mut value {
                object.insert("places".to_owned(), json!(places));
                object.insert("merge".to_owned(), json!(format!("{:?}", word.merge).to_lowercase()));
                object.insert("stage".to_owned(), json!(word.stage));
            }
            value
        })
        .collect();
    json!({ "edition": 1, "words": words })
}

fn form(form: &Form) -> Value {
    let slots: Vec<Value> = form
        .slots
        .iter()
        .map(|slot| {
            let words: &[&str] = match slot.kind {
                Kind::Word(words) | Kind::Rest(words) => words,
                _ => &[],
            };
            let mark = match slot.mark {
                Mark::None => "",
                Mark::Arrow => "->",
                Mark::Assign => "=",
                Mark::Annotation => ":",
            };
            json!({ "name": slot.name, "takes": crate::lang::read::what(slot), "words": words, "mark": mark, "optional": slot.optional })
        })
        .collect();
    json!({
        "word": form.word,
        "usage": crate::lang::read::usage(form),
        "doc": form.doc,
        "slots": slots,
        "clauses": form.children.iter().map(self::form).collect::<Vec<_>>(),
        "rows": form.rows.map(self::form),
        "count": match form.count { Count::Optional => "optional", Count::Required => "required", Count::Many => "many" },
        "default": form.default,
        "available": form.ready == Ready::Now,
    })
}
