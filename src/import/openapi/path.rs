//! Path templates and the schemas of their parameters, as patterns of the language.

use super::super::words;
use super::node::Node;
use super::{Document, resolved};
use crate::route::Pattern;

/// A template as a pattern: each parameter with the type that its schema gives it. Notes name what a schema says besides.
pub(super) fn pattern(template: &str, parameters: &[&Node], document: &Document<'_>, notes: &mut Vec<(usize, String, String)>) -> String {
    let template = if template.len() > 1 { template } else { "/" };
    let glued = template.split('/').any(|segment| segment.contains('{') && !is_parameter(segment));
    if glued {
        return words::regex(&path_regex(template));
    }
    let segments: Vec<String> = template
        .split('/')
        .map(|segment| match segment.strip_prefix('{').and_then(|inner| inner.strip_suffix('}')) {
            None => segment.to_owned(),
            Some(name) => {
                let declared = parameters.iter().find(|parameter| parameter.text_of("name") == Some(name));
                let kind = declared.and_then(|parameter| kind(name, parameter, document, notes));
                let name = parameter_name(name);
                kind.map_or_else(|| format!("{{{name}}}"), |kind| format!("{{{name}:{kind}}}"))
            }
        })
        .collect();
    segments.join("/")
}

fn is_parameter(segment: &str) -> bool {
    segment.strip_prefix('{').and_then(|inner| inner.strip_suffix('}')).is_some_and(|name| !name.contains(['{', '}']))
}

/// A template whose parameters stand inside segments: `/files/{name}.json`.
fn path_regex(template: &str) -> String {
    let mut out = String::new();
    let mut rest = template;
    while let Some((before, after)) = rest.split_once('{') {
        let (name, behind) = after.split_once('}').unwrap_or((after, ""));
        out.push_str(&words::escaped(before));
        out.push_str(&format!("(?<{}>[^/]+)", parameter_name(name).replace('-', "_")));
        rest = behind;
    }
    out.push_str(&words::escaped(rest));
    out
}

/// A parameter's name; letters that names do not have become `_`.
pub(super) fn parameter_name(name: &str) -> String {
    let clean: String = name.chars().map(|letter| if letter.is_ascii_alphanumeric() || letter == '-' { letter } else { '_' }).collect();
    let clean = clean.trim_end_matches('-');
    if clean.starts_with(|first: char| first.is_ascii_alphabetic() || first == '_') { clean.to_owned() } else { format!("p{clean}") }
}

/// The type of a parameter; none is any segment.
fn kind(name: &str, parameter: &Node, document: &Document<'_>, notes: &mut Vec<(usize, String, String)>) -> Option<String> {
    let schema = resolved(parameter.get("schema")?, document);
    let mut note = |node: &Node, what: &str, why: &str| notes.push((node.line, format!("{what} of `{name}`"), why.to_owned()));
    if let Some(choices) = schema.get("enum") {
        let all: Option<Vec<String>> = choices.items().iter().map(Node::scalar).collect();
        let written = all.filter(|all| !all.is_empty()).map(|all| all.join("|"));
        let found = written.filter(|written| written.contains('|') && fits(written)).or_else(|| {
            let all: Option<Vec<String>> = choices.items().iter().map(|choice| choice.scalar().map(|text| words::escaped(&text))).collect();
            all.filter(|all| !all.is_empty()).map(|all| words::regex(&all.join("|"))).filter(|written| fits(written))
        });
        if found.is_none() {
            note(choices, "enum", "its values are no path segments");
        }
        return found;
    }
    let types: Vec<String> = match schema.get("type") {
        Some(node) if node.text().is_some() => node.text().map(str::to_owned).into_iter().collect(),
        Some(node) => node.items().iter().filter_map(Node::scalar).filter(|name| name != "null").collect(),
        None => Vec::new(),
    };
    for word in ["minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum", "multipleOf", "minLength", "maxLength"] {
        if let Some(bound) = schema.get(word) {
            note(bound, word, "a parameter's type has no bounds; `require` can compare it");
        }
    }
    match types.as_slice() {
        [only] if only == "integer" => Some("int".to_owned()),
        [only] if only == "boolean" => Some("true|false".to_owned()),
        [only] if only == "string" => match (schema.text_of("format"), schema.get("pattern")) {
            (Some("uuid"), _) => Some("uuid".to_owned()),
            (Some("date"), _) => Some("date".to_owned()),
            (_, Some(pattern)) => {
                let found = pattern.text().and_then(segment_regex);
                if found.is_none() {
                    note(pattern, "pattern", "it is no regular expression over one segment");
                }
                found
            }
            _ => None,
        },
        _ => None,
    }
}

/// A JSON-schema pattern, which matches anywhere, as a regex over a whole segment.
fn segment_regex(pattern: &str) -> Option<String> {
    let (begins, ends) = (pattern.starts_with('^'), pattern.ends_with('$') && !pattern.ends_with("\\$"));
    let inner = pattern.strip_prefix('^').unwrap_or(pattern);
    let inner = if ends { inner.strip_suffix('$').unwrap_or(inner) } else { inner };
    let alternatives = inner.contains('|') && !(inner.starts_with('(') && inner.ends_with(')'));
    if alternatives {
        return None;
    }
    let any = |there: bool| if there { "" } else { "[^/]*" };
    let written = words::regex(&format!("{}{inner}{}", any(begins), any(ends)));
    fits(&written).then_some(written)
}

/// True when a parameter can have this type.
fn fits(kind: &str) -> bool {
    Pattern::parse(&format!("/{{it:{kind}}}")).is_ok()
}
