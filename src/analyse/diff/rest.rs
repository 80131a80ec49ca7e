//! Whatever else differs: settings that no comparison of its own names.
//!
//! Declarations are compared as data here. A comparison lists what it covers, so a setting that is added to the language is
//! told of before anybody thinks of it.

use super::target::shortened;
use super::{Class, Difference};
use crate::analyse::words::{Names, duration, share};
use crate::lang::expr::Expr;
use serde::Serialize;
use serde_json::Value;
use std::collections::BTreeSet;
use std::time::Duration;

/// The settings that are shares, which are kept in hundredths of a percent.
const SHARES: &[&str] = &["share", "sample"];

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
/// name. Lists of what has names are compared by them; that they stand in another order is the setting `order`.
pub fn settings<T: Serialize>(was: &T, is: &T, covered: &[&str]) -> Vec<Setting> {
    let mut found = Vec::new();
    if let (Ok(was), Ok(is)) = (serde_json::to_value(was), serde_json::to_value(is)) {
        walk(&mut Vec::new(), Some(&was), Some(&is), covered, &mut found);
    }
    found
}

impl Setting {
    /// Its name as the language would say it, without the settings it is known by.
    pub fn name(&self) -> String {
        self.path.join(" ")
    }

    /// What was and what is.
    pub fn told(&self, class: Class, of: &str, names: &Names<'_>) -> Difference {
        let name = self.name();
        let is_share = self.path.last().is_some_and(|name| SHARES.contains(&name.as_str()));
        let written = |value: &Value, names: &Names<'_>| match value.as_u64().and_then(|number| u32::try_from(number).ok()) {
            Some(hundredths) if is_share => share(hundredths),
            Some(_) | None => written(value, names),
        };
        let says = match (&self.was, &self.is) {
            (Some(was), Some(is)) => format!("`{name}`{of} is {}, was {}", written(is, names), written(was, names)),
            (None, Some(is)) => format!("`{name}`{of} is {}, was not there", written(is, names)),
            (Some(was), None) => format!("`{name}`{of} is not there any more, was {}", written(was, names)),
            (None, None) => format!("`{name}`{of} is another"),
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

fn written(value: &Value, names: &Names<'_>) -> String {
    let text = match value {
        Value::String(text) => format!("`{text}`"),
        Value::Null => "nothing".to_owned(),
        Value::Bool(truth) => truth.to_string(),
        Value::Number(number) => number.to_string(),
        Value::Array(_) | Value::Object(_) => match (expression(value), time(value)) {
            (Some(expr), _) => format!("`{}`", names.expr(&expr)),
            (None, Some(time)) => duration(time),
            (None, None) => value.to_string(),
        },
    };
    shortened(&text)
}

fn expression(value: &Value) -> Option<Expr> {
    value.as_object().filter(|members| members.len() == 1)?;
    serde_json::from_value(value.clone()).ok()
}

fn time(value: &Value) -> Option<Duration> {
    value.as_object().filter(|members| members.len() == 2)?;
    serde_json::from_value(value.clone()).ok()
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
            let leaf = |value: &Value| expression(value).is_some() || time(value).is_some();
            let other_kind = old.len() == 1 && new.len() == 1 && old.keys().ne(new.keys());
            if other_kind || leaf(was) || leaf(is) {
                return None;
            }
            let names: BTreeSet<&String> = old.keys().chain(new.keys()).collect();
            Some(names.into_iter().map(|name| (name.clone(), old.get(name), new.get(name))).collect())
        }
        (Value::Array(old), Value::Array(new)) => match (by_name(old), by_name(new)) {
            (Some(old), Some(new)) if !(old.is_empty() && new.is_empty()) => Some(named_parts(&old, &new)),
            _ if old.len() == new.len() && old.iter().chain(new).any(|each| each.is_object() || each.is_array()) => {
                Some(old.iter().zip(new).enumerate().map(|(at, (old, new))| (at.to_string(), Some(old), Some(new))).collect())
            }
            _ => None,
        },
        _ => None,
    }
}

/// The order of names, as a value of its own.
static ORDER: [Value; 2] = [Value::Bool(false), Value::Bool(true)];

fn named_parts<'v>(old: &[(&str, &'v Value)], new: &[(&str, &'v Value)]) -> Vec<Part<'v>> {
    let get = |list: &[(&str, &'v Value)], name: &str| list.iter().find(|(known, _)| *known == name).map(|(_, value)| *value);
    let names: BTreeSet<&str> = old.iter().chain(new).map(|(name, _)| *name).collect();
    let mut parts: Vec<Part<'v>> = names.into_iter().map(|name| (name.to_owned(), get(old, name), get(new, name))).collect();
    let shared = |list: &[(&str, &'v Value)], other: &[(&str, &'v Value)]| -> Vec<String> {
        list.iter().filter(|(name, _)| get(other, name).is_some()).map(|(name, _)| (*name).to_owned()).collect()
    };
    if shared(old, new) != shared(new, old) {
        let [first, second] = &ORDER;
        parts.push(("order".to_owned(), Some(first), Some(second)));
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
