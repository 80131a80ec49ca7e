//! YAML as JSON, as far as the files here go: no anchors, no tags.

use saphyr_parser::{Event, Parser, ScalarStyle};
use serde_json::{Map, Value};

/// What is open while a document is read.
enum Open {
    List(Vec<Value>),
    Map(Map<String, Value>, Option<String>),
}

/// Every document of a text.
pub fn documents(text: &str) -> Vec<Value> {
    let mut found = Vec::new();
    let mut open: Vec<Open> = Vec::new();
    for event in Parser::new_from_str(text) {
        let (event, _) = event.unwrap_or_else(|error| panic!("{error} in:\n{text}"));
        let value = match event {
            Event::SequenceStart(..) => {
                open.push(Open::List(Vec::new()));
                continue;
            }
            Event::MappingStart(..) => {
                open.push(Open::Map(Map::new(), None));
                continue;
            }
            Event::SequenceEnd | Event::MappingEnd => match open.pop().unwrap() {
                Open::List(items) => Value::Array(items),
                Open::Map(members, _) => Value::Object(members),
            },
            Event::Scalar(text, style, ..) => scalar(&text, style == ScalarStyle::Plain),
            Event::Alias(_) => panic!("an alias in:\n{text}"),
            _ => continue,
        };
        match open.last_mut() {
            None => found.push(value),
            Some(Open::List(items)) => items.push(value),
            Some(Open::Map(members, name)) => match name.take() {
                Some(name) => assert!(members.insert(name.clone(), value).is_none(), "`{name}` twice in:\n{text}"),
                None => *name = Some(value.as_str().map_or_else(|| value.to_string(), str::to_owned)),
            },
        }
    }
    found
}

fn scalar(text: &str, plain: bool) -> Value {
    let number = plain.then(|| text.parse::<i64>().ok()).flatten();
    match text {
        _ if number.is_some() => number.into(),
        "true" | "false" if plain => (text == "true").into(),
        "" | "~" | "null" if plain => Value::Null,
        _ => text.into(),
    }
}
