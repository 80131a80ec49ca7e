//! Settings that are compared as data, in the words of the language.

use super::target::shortened;
use crate::analyse::words::{self, Names, duration, share, size};
use crate::lang::expr::{Expr, Secret};
use crate::lang::value::Value as Constant;
use serde_json::{Map, Number, Value};
use std::time::Duration;

/// Settings that are shares, which are kept in hundredths of a percent.
const SHARES: &[&str] = &["share", "sample", "shares"];

/// Settings that are counted in bytes.
const SIZES: &[&str] = &["max"];

/// What programs call otherwise than the language does, or what it needs no word for.
const WORDS: &[(&str, &str)] = &[
    ("algorithms", ""),
    ("arms", ""),
    ("fields", ""),
    ("issuer", ""),
    ("keys", ""),
    ("kind", ""),
    ("min_per_second", "min"),
    ("order", ""),
    ("otherwise", ""),
    ("pages", ""),
    ("parts", "part"),
    ("plain", ""),
    ("remote", ""),
    ("secret", ""),
    ("shares", ""),
    ("statuses", ""),
    ("take", ""),
    ("text", ""),
];

/// The same where they stand among other clauses.
const CLAUSES: &[(&str, &str)] = &[("body", ""), ("ttl", "->")];

fn word<'w>(name: &'w str, known: &[(&str, &'w str)]) -> Option<&'w str> {
    known.iter().find(|(known, _)| *known == name).map(|(_, word)| *word)
}

/// A setting's name behind those around it.
pub fn name(path: &[String]) -> String {
    let mut words: Vec<&str> = path.iter().map(|name| word(name, WORDS).unwrap_or(name)).filter(|word| !word.is_empty()).collect();
    words.dedup();
    words.join(" ")
}

/// What is there now and what was, as much of each as tells them apart.
pub fn both(is: &Value, was: &Value, setting: &str, names: &Names<'_>) -> (String, String) {
    let short = (value(is, setting, names), value(was, setting, names));
    if short.0 == short.1 { (quoted(is, setting, names), quoted(was, setting, names)) } else { short }
}

/// The value of a setting, or its beginning.
pub fn value(value: &Value, setting: &str, names: &Names<'_>) -> String {
    let text = quoted(value, setting, names);
    match text.strip_prefix('`').and_then(|text| text.strip_suffix('`')) {
        Some(text) => format!("`{}`", shortened(text)),
        None => text,
    }
}

/// True for what is one value, whatever it is made of.
pub fn is_one(value: &Value) -> bool {
    one(value).is_some()
}

enum One {
    Expression(Expr),
    Secret(Secret),
    Time(Duration),
}

fn one(value: &Value) -> Option<One> {
    let count = value.as_object()?.len();
    let read = || value.clone();
    match count {
        1 => serde_json::from_value(read()).map(One::Expression).or_else(|_| serde_json::from_value(read()).map(One::Secret)).ok(),
        2 => serde_json::from_value(read()).map(One::Time).ok(),
        _ => None,
    }
}

/// As it stands in a sentence: numbers and times alone, all else as a quotation.
fn quoted(value: &Value, setting: &str, names: &Names<'_>) -> String {
    let text = plain(value, setting, names);
    let alone = value.is_null() || value.is_boolean() || value.is_number() || matches!(one(value), Some(One::Time(_) | One::Secret(_)));
    match text.as_str() {
        "" => "there".to_owned(),
        _ if alone => text,
        _ => format!("`{text}`"),
    }
}

fn plain(value: &Value, setting: &str, names: &Names<'_>) -> String {
    match value {
        Value::Null => "nothing".to_owned(),
        Value::Bool(truth) => truth.to_string(),
        Value::String(text) => text.clone(),
        Value::Number(number) => match number.as_u64() {
            Some(bytes) if SIZES.contains(&setting) => size(bytes),
            Some(hundredths) if SHARES.contains(&setting) => u32::try_from(hundredths).map_or_else(|_| number.to_string(), share),
            Some(_) | None => number.to_string(),
        },
        Value::Array(parts) => list(parts, setting, names),
        Value::Object(members) => match one(value) {
            Some(One::Expression(expr)) => names.expr(&expr),
            Some(One::Secret(secret)) => secret.to_string(),
            Some(One::Time(time)) => duration(time),
            None => clauses(members, names),
        },
    }
}

/// Clauses behind each other; those that are not there are left out.
fn clauses(members: &Map<String, Value>, names: &Names<'_>) -> String {
    let clause = |(name, value): (&String, &Value)| {
        let written = match value {
            Value::Null | Value::Bool(false) => return None,
            Value::Array(all) if all.is_empty() => return None,
            Value::Bool(true) => String::new(),
            Value::Number(_) | Value::String(_) | Value::Array(_) | Value::Object(_) => plain(value, name, names),
        };
        let word = word(name, CLAUSES).or_else(|| word(name, WORDS)).unwrap_or(name);
        Some([word, &written].into_iter().filter(|text| !text.is_empty()).collect::<Vec<_>>().join(" "))
    };
    members.iter().filter_map(clause).collect::<Vec<_>>().join(" ")
}

fn list(parts: &[Value], setting: &str, names: &Names<'_>) -> String {
    if let Some(place) = pointer(parts) {
        return place;
    }
    let text = |part: &Value| plain(part, setting, names);
    match parts {
        [Value::Number(first), Value::Number(last)] => statuses(first, last),
        // What two things are said of each other: a share of an upstream, a field's new name or value.
        [first @ (Value::Number(_) | Value::Array(_)), second @ Value::String(_)] => format!("{} {}", text(first), text(second)),
        [first @ (Value::String(_) | Value::Array(_)), second] if matches!(one(second), Some(One::Expression(_))) => {
            format!("{} {}", text(first), text(second))
        }
        [only] => text(only),
        _ => format!("[{}]", parts.iter().map(text).collect::<Vec<_>>().join(", ")),
    }
}

/// Statuses from one to another: `404`, `5xx`.
fn statuses(first: &Number, last: &Number) -> String {
    let status = |number: &Number| number.as_u64().and_then(|number| u16::try_from(number).ok());
    match (status(first), status(last)) {
        (Some(first), Some(last)) => words::value(&Constant::Status(first, last)),
        (_, None) | (None, _) => format!("{first}..{last}"),
    }
}

/// A place in JSON: `/items/*/cost`.
fn pointer(steps: &[Value]) -> Option<String> {
    let step = |step: &Value| match step {
        Value::String(all) if all == "All" => Some("/*".to_owned()),
        Value::Object(members) if members.len() == 1 => Some(format!("/{}", members.get("Member")?.as_str()?)),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) | Value::Array(_) | Value::Object(_) => None,
    };
    if steps.is_empty() { None } else { steps.iter().map(step).collect() }
}
