//! The tables hold what the schema and the checker know.

use super::examples::{all, of};
use super::values::{FUNCTIONS, REFERENCES, TYPES};
use super::{reference, schema};
use crate::check::{self, Files, Options, check};
use crate::diag::render::{Format, render};
use crate::lang::form::{Example, Form, Place};
use crate::lang::types::Type;
use crate::lang::typing::{FUNCTIONS as KNOWN_FUNCTIONS, ROOTS};
use crate::policy;
use serde_json::Value;
use std::path::Path;

/// A policy, and the module that the example of `import` names.
struct Around(String);

impl Files for Around {
    fn read(&self, path: &Path) -> std::io::Result<Vec<u8>> {
        let module = "policy patient {\n  timeout { attempt 20s; total 25s }\n}\n";
        Ok(if path == Path::new("policy.gate") { self.0.clone() } else { module.to_owned() }.into_bytes())
    }
}

/// What `check` finds in a policy; errors only.
fn errors(text: &str) -> String {
    let checked = check(Path::new("policy.gate"), &Around(text.to_owned()), &Options::default()).unwrap();
    if checked.program.is_some() {
        return String::new();
    }
    format!("{}\n{text}", render(Format::Plain, &checked.sources, &checked.report.into_sorted()))
}

const AROUND: &str = r#"
auth jwt main {
  algorithms [HS256]
  key env("JWT_SECRET")
  claims { sub str; roles set<str> = [] }
}
auth key partners {
  keys env("PARTNERS")
  attributes { sub str = ""; roles set<str> = [] }
}
policy steady {
  timeout { connect 250ms; attempt 2s; total 5s }
}
upstream users { target http://127.0.0.1:9001 }
upstream orders { target http://127.0.0.1:9002 }
"#;

const ROUTE: &str = "route example GET /example/{id:int} -> users {\n  auth main\n}\n";

/// A policy in which an example stands where it belongs.
fn policy(example: &Example) -> String {
    let Example { word, place, text } = *example;
    let indented = text.replace('\n', "\n  ");
    match place {
        Place::File => {
            let listen = if word == "gateway" { "" } else { "gateway { listen :8080 }\n" };
            let (edition, text) = if word == "gate" { (text, "") } else { ("", text) };
            format!("{edition}\n{listen}{AROUND}{text}\n")
        }
        Place::Gateway => format!("gateway {{\n  listen :8080\n  {indented}\n}}\n{AROUND}{ROUTE}"),
        Place::Upstream => {
            let target = if word == "target" { "" } else { "  target http://127.0.0.1:9004\n" };
            format!("gateway {{ listen :8080 }}\n{AROUND}{ROUTE}upstream example {{\n{target}  {indented}\n}}\n")
        }
        Place::Group | Place::Route | Place::Policy => {
            let target = if policy::answers(word) { "" } else { "-> users " };
            let auth = if matches!(word, "auth" | "public") { "" } else { "  auth main\n" };
            format!("gateway {{ listen :8080 }}\n{AROUND}route example GET /example/{{id:int}} {target}{{\n{auth}  {indented}\n}}\n")
        }
        Place::Test => format!("gateway {{ listen :8080 }}\n{AROUND}{ROUTE}test \"example\" {{\n  {indented}\n}}\n"),
    }
}

#[test]
fn every_statement_has_an_example() {
    let schema = check::schema();
    let missing: Vec<&str> = schema.words().filter(|word| of(word).is_none()).map(|word| word.form.word).collect();
    assert!(missing.is_empty(), "there is no example of {missing:?}: `EXAMPLES` beside a policy's `WORDS`, or src/docs/examples.rs");
    let strangers: Vec<&str> =
        all().filter(|example| !schema.words().any(|word| of(word) == Some(example))).map(|example| example.word).collect();
    assert!(strangers.is_empty(), "examples of no statement: {strangers:?}");
}

#[test]
fn every_example_passes_check() {
    let faults: String = all().map(|example| errors(&policy(example))).collect();
    assert_eq!(faults, "");
}

#[test]
fn every_example_uses_its_word_and_is_formatted() {
    for example in all() {
        let used = example.text.lines().any(|line| line.split_whitespace().next() == Some(example.word));
        assert!(used, "{}", example.word);
        let text = format!("{}\n", example.text);
        assert_eq!(crate::syntax::format(&text).ok(), Some(text), "{}", example.word);
    }
}

#[test]
fn the_types_are_those_of_the_checker() {
    let head = |name: &'static str| name.split(['<', '(']).next().unwrap();
    let listed: Vec<&str> = TYPES.iter().map(|entry| head(entry.name)).filter(|name| *name != "T?").collect();
    let mut known: Vec<&str> = Type::SIMPLE.iter().map(|(name, _)| *name).chain(Type::GENERIC.iter().copied()).collect();
    let mut sorted = listed.clone();
    sorted.sort_unstable();
    known.sort_unstable();
    assert_eq!(sorted, known);
}

#[test]
fn what_is_written_of_a_type_is_of_that_type() {
    for entry in TYPES.iter().filter(|entry| Type::SIMPLE.iter().any(|(name, _)| *name == entry.name)) {
        for written in entry.written.iter().filter(|_| entry.name != "secret") {
            assert_eq!(errors(&format!("let it: {} = {written}\n", entry.name)), "", "{}", entry.name);
        }
    }
}

#[test]
fn references_and_functions_are_those_of_the_checker() {
    let root = |name: &'static str| name.split(['.', '(']).next().unwrap();
    let listed = |known: &str| {
        REFERENCES.iter().map(|entry| root(entry.name)).chain(FUNCTIONS.iter().map(|entry| root(entry.usage))).any(|found| found == known)
    };
    let missing: Vec<&str> = ROOTS.iter().chain(KNOWN_FUNCTIONS).copied().filter(|known| !listed(known)).collect();
    assert!(missing.is_empty(), "{missing:?}");
    for entry in REFERENCES {
        let text = entry.name.replace("\"NAME\"", "\"x\"").replace("claim.NAME", "claim.sub").replace("key.NAME", "key.sub");
        let text = text.replace("param.NAME", "param.id").replace("/POINTER", "/a").replace("flag.NAME", "flag.beta");
        let auth = match root(entry.name) {
            "key" => "auth partners",
            "user" => "auth people",
            _ => "auth main",
        };
        let path = if text == "param.rest" { "/example/**" } else { "/example/{id:int}" };
        // A log's field takes any value, and is written when everything is known.
        let field = format!("log access json {{\n    field it {text} {}\n  }}", if entry.ty.ends_with('?') { "?? \"\"" } else { "" });
        let field = if entry.ty == "int?" { field.replace("\"\"", "0") } else { field };
        let policy = format!(
            "gateway {{ listen :8080 }}\n{AROUND}auth basic people {{ users env(\"PEOPLE\") }}\nflag beta = off\n\
             route example GET {path} -> users {{\n  {auth}\n  {field}\n}}\n"
        );
        assert_eq!(errors(&policy), "", "{}", entry.name);
    }
}

#[test]
fn the_schema_as_json_has_every_word_clause_and_code() {
    let json = schema::json();
    let schema = check::schema();
    let words = json["words"].as_array().unwrap();
    assert_eq!(words.len(), schema.words().count());
    for (word, entry) in schema.words().zip(words) {
        whole(&word.form, entry);
        assert_eq!(entry["places"].as_array().unwrap().len(), word.places.len());
        assert!(entry["example"].is_string(), "{}", word.form.word);
    }
    assert_eq!(json["diagnostics"].as_array().unwrap().len(), crate::diag::Code::ALL.len());
}

#[track_caller]
fn whole(form: &Form, entry: &Value) {
    assert_eq!(entry["word"], form.word);
    assert!(entry["doc"].as_str().is_some_and(|doc| !doc.is_empty()), "{} has no documentation", form.word);
    assert_eq!(entry["slots"].as_array().unwrap().len(), form.slots.len());
    let clauses = entry["clauses"].as_array().unwrap();
    assert_eq!(clauses.len(), form.children.len());
    form.children.iter().zip(clauses).for_each(|(child, entry)| whole(child, entry));
    if let Some(row) = form.rows {
        whole(row, &entry["rows"]);
    }
}

#[test]
fn the_shape_of_the_schema_is_stable() {
    let json = schema::json();
    let keys = |value: &Value| value.as_object().unwrap().keys().cloned().collect::<Vec<_>>().join(" ");
    assert_eq!(keys(&json), "edition words types path_types references functions operators diagnostics");
    let limit = json["words"].as_array().unwrap().iter().find(|word| word["word"] == "limit").unwrap();
    assert_eq!(keys(limit), "word usage doc slots clauses rows holds count default places merge stage example");
    assert_eq!(keys(&limit["slots"][1]), "name kind takes units words declared mark optional");
    insta::assert_snapshot!("schema_of_limit", serde_json::to_string_pretty(limit).unwrap());
}

#[test]
fn the_reference_has_an_entry_for_every_statement() {
    let page = reference::markdown();
    for word in check::schema().words() {
        let heading = format!("\n### `{}`\n", word.form.word);
        assert!(page.contains(&heading), "{}", word.form.word);
    }
}
