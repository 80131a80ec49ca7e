//! Whatever else differs: settings that no comparison of its own names.
//!
//! Declarations are compared as data here. A comparison lists what it covers, so a setting that is added to the language is
//! told of before anybody thinks of it.

use super::{Class, Difference, written};
use crate::analyse::words::Names;
use serde::Serialize;
use serde_json::Value;
use std::collections::BTreeSet;

/// One setting that differs.
#[derive(Debug, Clone, PartialEq)]
pub struct Setting {
    /// Its name, behind those of the settings around it.
    pub path: Vec<String>,
    /// What it was; none where it was not there.
    pub was: Option<Value>,
    /// What it is.
    pub is: Option<Value>,
}

/// The settings of two declarations that differ.
///
/// What is `covered` is left out: `a.b` with all below it, `a.?` only when it comes or goes or is of another kind, `*` is any
/// name. Lists of what has names are compared by them; that they stand in another order is the setting [`ORDER`].
pub fn settings<T: Serialize>(was: &T, is: &T, covered: &[&str]) -> Vec<Setting> {
    let mut found = Vec::new();
    if let (Ok(was), Ok(is)) = (serde_json::to_value(was), serde_json::to_value(is)) {
        walk(&mut Vec::new(), Some(&was), Some(&is), covered, &mut found);
    }
    found
}

impl Setting {
    /// What was and what is. Of a list, what came and what went.
    pub fn told(&self, class: Class, of: &str, names: &Names<'_>) -> Difference {
        let name = format!("`{}`{of}", written::name(&self.path));
        let setting = self.path.last().map_or("", String::as_str);
        let text = |value: &Value| written::value(value, setting, names);
        let says = match (&self.was, &self.is) {
            (Some(_), Some(_)) if setting == ORDER => format!("{name} stands in another order"),
            (Some(Value::Array(was)), Some(Value::Array(is))) => {
                let more = |of: &[Value], than: &[Value]| -> Vec<Value> { of.iter().filter(|one| !than.contains(one)).cloned().collect() };
                let (gone, added) = (more(was, is), more(is, was));
                match (gone.is_empty(), added.is_empty()) {
                    (true, true) => format!("{name} stands in another order"),
                    (true, false) => format!("{name} also has {}", text(&Value::Array(added))),
                    (false, true) => format!("{name} has no {} any more", text(&Value::Array(gone))),
                    (false, false) => {
                        let (is, was) = written::both(&Value::Array(added), &Value::Array(gone), setting, names);
                        format!("{name} has {is}, had {was}")
                    }
                }
            }
            (Some(was), Some(is)) => {
                let (is, was) = written::both(is, was, setting, names);
                format!("{name} is {is}, was {was}")
            }
            (None, Some(is)) => format!("{name} is {}, was not there", text(is)),
            (Some(was), None) => format!("{name} is not there any more, was {}", text(was)),
            (None, None) => format!("{name} is another"),
        };
        Difference::new(class, says)
    }
}

/// Settings of one thing as differences of one class.
pub fn told<T: Serialize>(
    was: &T,
    is: &T,
    covered: &[&str],
    of: &str,
    names: &Names<'_>,
    class: impl Fn(&Setting) -> Class,
) -> Vec<Difference> {
    settings(was, is, covered).iter().map(|setting| setting.told(class(setting), of, names)).collect()
}

fn walk(path: &mut Vec<String>, was: Option<&Value>, is: Option<&Value>, covered: &[&str], found: &mut Vec<Setting>) {
    let there = |value: Option<&Value>| value.is_some_and(|value| !value.is_null());
    if was == is || !there(was) && !there(is) || covered.iter().any(|pattern| covers(pattern, path, false)) {
        return;
    }
    if let (Some(was), Some(is)) = (was, is)
        && let Some(parts) = parts(was, is)
    {
        for (name, was, is) in parts {
            path.push(name);
            walk(path, was, is, covered, found);
            path.pop();
        }
        return;
    }
    let whole = there(was) != there(is) || is_kind(was) && is_kind(is);
    if !(whole && covered.iter().any(|pattern| covers(pattern, path, true))) {
        let present = |value: Option<&Value>| value.filter(|value| !value.is_null()).cloned();
        found.push(Setting { path: path.clone(), was: present(was), is: present(is) });
    }
}

/// One of several kinds, which differs from another in its only member's name, or is but a name.
fn is_kind(value: Option<&Value>) -> bool {
    value.is_some_and(|value| value.is_string() || value.as_object().is_some_and(|members| members.len() == 1))
}

type Part<'v> = (String, Option<&'v Value>, Option<&'v Value>);

/// What two values consist of, where they are to be compared part by part.
fn parts<'v>(was: &'v Value, is: &'v Value) -> Option<Vec<Part<'v>>> {
    match (was, is) {
        (Value::Object(old), Value::Object(new)) => {
            let other_kind = old.len() == 1 && new.len() == 1 && old.keys().ne(new.keys());
            if other_kind || written::is_one(was) || written::is_one(is) {
                return None;
            }
            let names: BTreeSet<&String> = old.keys().chain(new.keys()).collect();
            Some(names.into_iter().map(|name| (name.clone(), old.get(name), new.get(name))).collect())
        }
        (Value::Array(old), Value::Array(new)) => match (by_name(old), by_name(new)) {
            (Some(old), Some(new)) if !(old.is_empty() && new.is_empty()) => Some(named_parts(&old, &new)),
            (Some(_), Some(_)) | (Some(_), None) | (None, Some(_)) | (None, None) => None,
        },
        _ => None,
    }
}

/// The setting that is the order of names.
const ORDER: &str = "order";
static ORDERS: [Value; 2] = [Value::Bool(false), Value::Bool(true)];

fn named_parts<'v>(old: &[(&str, &'v Value)], new: &[(&str, &'v Value)]) -> Vec<Part<'v>> {
    let get = |list: &[(&str, &'v Value)], name: &str| list.iter().find(|(known, _)| *known == name).map(|(_, value)| *value);
    let names: BTreeSet<&str> = old.iter().chain(new).map(|(name, _)| *name).collect();
    let mut parts: Vec<Part<'v>> = names.into_iter().map(|name| (name.to_owned(), get(old, name), get(new, name))).collect();
    let shared = |list: &[(&str, &'v Value)], other: &[(&str, &'v Value)]| -> Vec<String> {
        list.iter().filter(|(name, _)| get(other, name).is_some()).map(|(name, _)| (*name).to_owned()).collect()
    };
    if shared(old, new) != shared(new, old) {
        let [first, second] = &ORDERS;
        parts.push((ORDER.to_owned(), Some(first), Some(second)));
    }
    parts
}

/// The members of a list by their names: objects with a `name`, or pairs of a name and a value; no name twice.
fn by_name(list: &[Value]) -> Option<Vec<(&str, &Value)>> {
    let named: Option<Vec<(&str, &Value)>> = list
        .iter()
        .map(|each| match each {
            Value::Object(members) => Some((members.get("name")?.as_str()?, each)),
            Value::Array(pair) => match pair.as_slice() {
                [Value::String(name), value] => Some((name.as_str(), value)),
                _ => None,
            },
            Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => None,
        })
        .collect();
    let named = named?;
    let names: BTreeSet<&str> = named.iter().map(|(name, _)| *name).collect();
    (names.len() == named.len()).then_some(named)
}

/// True when the pattern is about the path: with all below it, or only as a whole.
fn covers(pattern: &str, path: &[String], whole: bool) -> bool {
    let (names, only_whole) = match pattern.strip_suffix(".?") {
        Some(names) => (names, true),
        None => (pattern, false),
    };
    let count = names.split('.').count();
    only_whole == whole
        && (path.len() == count || !only_whole && path.len() > count)
        && names.split('.').zip(path).all(|(name, known)| name == "*" || name == known)
}
