//! What is taken of a part's answer. What is passed on whole is passed on letter by letter: no number loses a digit.

use super::{Pointer, Step, Take};
use serde_json::value::{RawValue, to_raw_value};
use serde_json::{Map, Value};
use std::collections::HashMap;

/// What is taken of an answer; none when it is not JSON.
pub(super) fn taken(answer: &[u8], take: &Take) -> Option<Box<RawValue>> {
    let whole: &RawValue = serde_json::from_slice(answer).ok()?;
    let picked = match &take.pick {
        Some(pointer) => match at(whole, pointer) {
            Some(picked) => picked,
            None => return to_raw_value(&Value::Null).ok(),
        },
        None => whole,
    };
    if take.keep.is_empty() && take.drop.is_empty() && take.rename.is_empty() {
        return Some(picked.to_owned());
    }
    let mut value: Value = serde_json::from_str(picked.get()).ok()?;
    if !take.keep.is_empty() {
        let steps: Vec<&[Step]> = take.keep.iter().map(|pointer| pointer.0.as_slice()).collect();
        value = kept(value, &steps).unwrap_or(Value::Null);
    }
    for pointer in &take.drop {
        each(&mut value, &pointer.0, &mut remove);
    }
    for (pointer, new) in &take.rename {
        each(&mut value, &pointer.0, &mut |parent, step| rename(parent, step, new));
    }
    to_raw_value(&value).ok()
}

/// The value a pointer without `*` leads to.
fn at<'v>(whole: &'v RawValue, pointer: &Pointer) -> Option<&'v RawValue> {
    pointer.0.iter().try_fold(whole, |value, step| {
        let Step::Member(name) = step else { return None };
        match value.get().as_bytes().first()? {
            b'{' => serde_json::from_str::<HashMap<String, &RawValue>>(value.get()).ok()?.remove(name),
            b'[' => serde_json::from_str::<Vec<&RawValue>>(value.get()).ok()?.get(name.parse::<usize>().ok()?).copied(),
            _ => None,
        }
    })
}

/// The value with only what some pointer leads to; none when none leads into it.
fn kept(value: Value, pointers: &[&[Step]]) -> Option<Value> {
    if pointers.is_empty() {
        return None;
    }
    if pointers.iter().any(|steps| steps.is_empty()) {
        return Some(value);
    }
    let into = |name: &str| -> Vec<&[Step]> {
        pointers
            .iter()
            .filter_map(|steps| match steps.split_first() {
                Some((Step::All, rest)) => Some(rest),
                Some((Step::Member(wanted), rest)) if wanted == name => Some(rest),
                _ => None,
            })
            .collect()
    };
    match value {
        Value::Object(members) => Some(Value::Object(
            members.into_iter().filter_map(|(name, member)| kept(member, &into(&name)).map(|member| (name, member))).collect(),
        )),
        Value::Array(items) => {
            Some(Value::Array(items.into_iter().enumerate().filter_map(|(at, item)| kept(item, &into(&at.to_string()))).collect()))
        }
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => None,
    }
}

/// Calls back with every value that holds what the pointer's last step names.
fn each(value: &mut Value, steps: &[Step], visit: &mut impl FnMut(&mut Value, &Step)) {
    let Some((step, rest)) = steps.split_first() else { return };
    if rest.is_empty() {
        visit(value, step);
        return;
    }
    match (value, step) {
        (Value::Object(members), Step::All) => members.values_mut().for_each(|member| each(member, rest, visit)),
        (Value::Array(items), Step::All) => items.iter_mut().for_each(|item| each(item, rest, visit)),
        (Value::Object(members), Step::Member(name)) => {
            if let Some(member) = members.get_mut(name) {
                each(member, rest, visit);
            }
        }
        (Value::Array(items), Step::Member(name)) => {
            if let Some(item) = name.parse::<usize>().ok().and_then(|at| items.get_mut(at)) {
                each(item, rest, visit);
            }
        }
        (Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_), _) => {}
    }
}

fn remove(parent: &mut Value, step: &Step) {
    match (parent, step) {
        (Value::Object(members), Step::Member(name)) => {
            members.shift_remove(name);
        }
        (Value::Array(items), Step::Member(name)) => {
            if let Some(at) = name.parse::<usize>().ok().filter(|at| *at < items.len()) {
                items.remove(at);
            }
        }
        (Value::Object(members), Step::All) => members.clear(),
        (Value::Array(items), Step::All) => items.clear(),
        (Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_), _) => {}
    }
}

/// The member under its new name, at its old place; a member that had that name before is gone.
fn rename(parent: &mut Value, step: &Step, new: &str) {
    let (Value::Object(members), Step::Member(old)) = (parent, step) else { return };
    if old == new || !members.contains_key(old) {
        return;
    }
    let renamed: Map<String, Value> = std::mem::take(members)
        .into_iter()
        .filter(|(name, _)| name != new)
        .map(|(name, member)| if name == *old { (new.to_owned(), member) } else { (name, member) })
        .collect();
    *members = renamed;
}
