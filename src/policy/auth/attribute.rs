//! Values of claims and attributes: from JSON, from text, from constants.

use super::config::{AttributeDecl, AttributeType};
use crate::http::Attribute;
use crate::lang::value::Value;
use serde_json::Value as Json;
use std::sync::Arc;

/// Most members of one set.
pub(super) const MEMBERS_MAX: usize = 1024;

/// The attribute that a JSON value is; `None` when it has another type. `null` counts as missing.
pub fn from_json(declared: &AttributeDecl, value: Option<&Json>) -> Option<Attribute> {
    let Some(value) = value.filter(|value| !value.is_null()) else { return missing(declared) };
    match (&declared.ty, value) {
        (AttributeType::Bool, Json::Bool(truth)) => Some(Attribute::Bool(*truth)),
        (AttributeType::Int, Json::Number(number)) => number.as_u64().map(Attribute::Int),
        (AttributeType::Text, Json::String(text)) => Some(Attribute::Text(text.as_str().into())),
        (AttributeType::Enum(choices), Json::String(text)) if choices.contains(text) => Some(Attribute::Text(text.as_str().into())),
        (AttributeType::Set, Json::String(text)) => members(text.split(' ').filter(|member| !member.is_empty())),
        (AttributeType::Set, Json::Array(all)) => {
            let texts: Option<Vec<&str>> = all.iter().map(Json::as_str).collect();
            members(texts?.into_iter())
        }
        (AttributeType::Bool | AttributeType::Int | AttributeType::Text | AttributeType::Enum(_) | AttributeType::Set, _) => None,
    }
}

/// The attribute that text in a line of keys is: members of a set stand between commas.
pub fn from_text(declared: &AttributeDecl, text: &str) -> Option<Attribute> {
    match &declared.ty {
        AttributeType::Bool => text.parse().ok().map(Attribute::Bool),
        AttributeType::Int => text.parse().ok().map(Attribute::Int),
        AttributeType::Text => Some(Attribute::Text(text.into())),
        AttributeType::Enum(choices) => choices.iter().any(|choice| choice == text).then(|| Attribute::Text(text.into())),
        AttributeType::Set => members(text.split(',').filter(|member| !member.is_empty())),
    }
}

/// The attribute that a constant is.
pub fn from_value(value: &Value) -> Attribute {
    match value {
        Value::Bool(truth) => Attribute::Bool(*truth),
        Value::Int(number) | Value::Size(number) => Attribute::Int(*number),
        Value::Text(text) => Attribute::Text(text.clone()),
        Value::List(all) => Attribute::Set(
            all.iter()
                .filter_map(|member| match member {
                    Value::Text(text) => Some(text.clone()),
                    _ => None,
                })
                .collect(),
        ),
        Value::None
        | Value::Duration(_)
        | Value::Percent(_)
        | Value::Rate(_)
        | Value::Status(..)
        | Value::Ip(_)
        | Value::Network(_)
        | Value::Range(..) => Attribute::Missing,
    }
}

/// `name=value` as a line of keys may give an attribute; `None` where it may be left out.
pub fn sample(declared: &AttributeDecl) -> Option<String> {
    let value = match &declared.ty {
        AttributeType::Bool => "false",
        AttributeType::Int => "0",
        AttributeType::Text | AttributeType::Set => "sample",
        AttributeType::Enum(choices) => choices.first()?,
    };
    missing(declared).is_none().then(|| format!("{}={value}", declared.name))
}

/// What an attribute is that was not given; `None` when it had to be.
pub fn missing(declared: &AttributeDecl) -> Option<Attribute> {
    match &declared.default {
        Some(default) => Some(from_value(default)),
        None => declared.optional.then_some(Attribute::Missing),
    }
}

/// A value of the type, for tests that do not say which.
pub fn made_up(declared: &AttributeDecl) -> Json {
    match &declared.ty {
        AttributeType::Bool => Json::Bool(false),
        AttributeType::Int => Json::from(1),
        AttributeType::Text => Json::from(format!("some-{}", declared.name)),
        AttributeType::Enum(choices) => Json::from(choices.first().cloned().unwrap_or_default()),
        AttributeType::Set => Json::Array(Vec::new()),
    }
}

fn members<'a>(all: impl Iterator<Item = &'a str>) -> Option<Attribute> {
    let members: Vec<Arc<str>> = all.take(MEMBERS_MAX + 1).map(Arc::from).collect();
    (members.len() <= MEMBERS_MAX).then(|| Attribute::Set(members.into()))
}
