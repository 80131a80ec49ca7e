//! The TextMate grammar: every statement with words of its own becomes a rule of its own, so that a word is a clause only
//! where its statement has it.

use crate::words::{Head, Own, Row, Set, Words};
use serde_json::{Value, json};

/// An identifier.
const IDENT: &str = r"[A-Za-z_](?:\w|-+(?=\w))*";
/// Where a word begins.
const START: &str = r"(?<![\w.-])";
/// Where a word ends that is neither called nor the root of a reference.
const STOP: &str = r"(?![\w.(]|-+\w)";
/// What must not touch a literal's end.
const GLUE: &str = r#"(?![\w"/.*#%-])"#;
/// Where a statement ends.
const END: &str = r"(?=[;}])|$";

/// Fills the template.
pub fn render(template: &str, words: &Words) -> String {
    let mut grammar: Value = serde_json::from_str(template).expect("the template is JSON");
    fill(&mut grammar, words);
    serde_json::to_string_pretty(&grammar).expect("JSON can be written") + "\n"
}

fn fill(value: &mut Value, words: &Words) {
    match value {
        Value::String(text) => *text = filled(text, words),
        Value::Array(items) => {
            *items = std::mem::take(items)
                .into_iter()
                .flat_map(|mut item| {
                    if item == "{{heads}}" {
                        return words.heads.iter().flat_map(|(word, head)| rules(word, head)).collect();
                    }
                    fill(&mut item, words);
                    vec![item]
                })
                .collect();
        }
        Value::Object(members) => members.values_mut().for_each(|member| fill(member, words)),
        Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
}

fn filled(text: &str, words: &Words) -> String {
    let plain = words.heads.iter().filter(|(_, head)| head.is_plain()).map(|(word, _)| *word).collect();
    let statements = words.heads.keys().copied().collect();
    let parameter = format!(r#"{IDENT}(?::(?:re"(?:\\.|[^"\\])*"|[^\s{{}}"]+))?"#);
    [
        ("{{ident}}", IDENT.to_owned()),
        ("{{start}}", START.to_owned()),
        ("{{stop}}", STOP.to_owned()),
        ("{{glue}}", GLUE.to_owned()),
        ("{{end}}", END.to_owned()),
        ("{{edge}}", format!(r"(?=[\s;,)\]}}]|$|\{{(?!{parameter}\}}))")),
        ("{{plain}}", any_of(&plain)),
        ("{{statements}}", any_of(&statements)),
        ("{{modes}}", any_of(&words.modes)),
        ("{{types}}", any_of(&words.types)),
        ("{{path_types}}", any_of(&words.path_types)),
        ("{{roots}}", any_of(&words.roots)),
        ("{{functions}}", any_of(&words.functions)),
    ]
    .iter()
    .fold(text.to_owned(), |text, (name, value)| text.replace(name, value))
}

fn any_of(words: &Set) -> String {
    words.iter().copied().collect::<Vec<_>>().join("|")
}

/// The rules of one statement; the one for its kinds comes first, because it says more.
fn rules(word: &str, head: &Head) -> Vec<Value> {
    if head.is_plain() {
        return Vec::new();
    }
    let name = json!({ "name": format!("entity.name.type.{word}.gate") });
    let keyword = json!({ "name": "keyword.control.gate" });
    let rule =
        |begin: String, captures: Value| json!({ "begin": begin, "beginCaptures": captures, "end": END, "patterns": patterns(head) });
    let mut rules = Vec::new();
    if !head.kinds.is_empty() {
        rules.push(rule(
            format!(r"({word}){STOP}[ \t]+({}){STOP}[ \t]+({IDENT})", any_of(&head.kinds)),
            json!({ "1": keyword, "2": { "name": "support.constant.gate" }, "3": name }),
        ));
    }
    if head.names {
        rules.push(rule(format!(r"({word}){STOP}(?:[ \t]+({IDENT}))?"), json!({ "1": keyword, "2": name })));
    } else {
        rules.push(rule(format!("({word}){STOP}"), json!({ "1": keyword })));
    }
    rules
}

/// What may follow a statement's word.
fn patterns(head: &Head) -> Vec<Value> {
    let mut patterns: Vec<Value> = head.rows.iter().map(block).collect();
    patterns.extend(own(&head.own));
    patterns.push(json!({ "include": "#head" }));
    patterns
}

/// Clauses and choices.
fn own(words: &Own) -> Vec<Value> {
    let mut patterns = Vec::new();
    if !words.naming.is_empty() {
        patterns.push(json!({
            "match": format!(r"{START}({}){STOP}(?:[ \t]+({IDENT}))?", any_of(&words.naming)),
            "captures": { "1": { "name": "keyword.other.clause.gate" }, "2": { "name": "entity.name.type.gate" } }
        }));
    }
    if !words.clauses.is_empty() {
        patterns.push(json!({ "name": "keyword.other.clause.gate", "match": format!("{START}(?:{}){STOP}", any_of(&words.clauses)) }));
    }
    if !words.choices.is_empty() {
        patterns.push(json!({ "name": "support.constant.gate", "match": format!("{START}(?:{}){STOP}", any_of(&words.choices)) }));
    }
    patterns
}

/// A block whose lines begin with words of the user's own; a method among them is one.
fn block(row: &Row) -> Value {
    let mut lines = vec![json!({ "include": "#doc" }), json!({ "include": "#comment" }), json!({ "include": "#separator" })];
    if !row.statements.is_empty() {
        lines.push(json!({
            "begin": format!("(?:{}){STOP}", any_of(&row.statements)),
            "beginCaptures": { "0": { "name": "keyword.control.gate" } },
            "end": END,
            "patterns": [{ "include": "#head" }]
        }));
    }
    let mut patterns = own(&row.own);
    if row.typed {
        patterns.push(json!({ "include": "#type" }));
    }
    patterns.push(json!({ "include": "#head" }));
    lines.push(json!({
        "begin": format!(r#"([A-Z][A-Z-]*)(?=[ \t]+(?:/|re"))|({IDENT})"#),
        "beginCaptures": { "1": { "name": "support.constant.method.gate" }, "2": { "name": "variable.other.property.gate" } },
        "end": END,
        "patterns": patterns
    }));
    json!({
        "name": "meta.block.rows.gate",
        "begin": r"\{",
        "beginCaptures": { "0": { "name": "punctuation.section.block.begin.gate" } },
        "end": r"\}",
        "endCaptures": { "0": { "name": "punctuation.section.block.end.gate" } },
        "patterns": lines
    })
}
