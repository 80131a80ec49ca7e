//! A whole request that an example is about.

use super::model::{Example, Known, Model};
use crate::lang::eval::render;
use crate::lang::expr::{Encoding, Expr, Piece, Ref};
use crate::lang::value::Value;
use crate::route::pattern::{End, Pattern, Segment};
use crate::route::{RouteKey, relation};
use std::fmt;
use std::sync::Arc;

/// A request for a person to read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sample {
    /// The method.
    pub method: String,
    /// The host, when not every host will do.
    pub host: Option<String>,
    /// Path and query, encoded.
    pub target: String,
    /// Fields of its head.
    pub headers: Vec<(String, String)>,
    /// What else is so: of the caller, and what is not there.
    pub given: Vec<String>,
}

impl fmt::Display for Sample {
    /// `GET http://host/path with "x-plan: gold" and no "x-team"`
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.host {
            Some(host) => write!(out, "{} http://{host}{}", self.method, self.target)?,
            None => write!(out, "{} {}", self.method, self.target)?,
        }
        let headers = self.headers.iter().map(|(name, value)| format!("`{name}: {value}`"));
        let all: Vec<String> = headers.chain(self.given.iter().cloned()).collect();
        if let Some((last, before)) = all.split_last() {
            let before = if before.is_empty() { String::new() } else { format!("{} and ", before.join(", ")) };
            write!(out, " with {before}{last}")?;
        }
        Ok(())
    }
}

/// A request of the route for which the example's values are so. `None` when no request of the route can be found.
#[must_use]
pub fn sample(key: &RouteKey, model: &Model) -> Option<Sample> {
    let any = relation::overlap(&RouteKey { predicate: crate::route::Predicate::default(), ..key.clone() }, key)?;
    let text = |reference: &Ref| match model.get(reference) {
        Some(Example::Text(text)) => Some(text.to_string()),
        _ => None,
    };
    let path = text(&Ref::Path).or_else(|| filled(&key.pattern, model)).unwrap_or(any.path);
    let mut sample = Sample {
        method: text(&Ref::Method).unwrap_or(any.method),
        host: text(&Ref::Host).or(any.host),
        target: path,
        headers: Vec::new(),
        given: Vec::new(),
    };
    let mut query: Vec<String> = Vec::new();
    for known in model.known.iter().filter(|known| known.decisive) {
        match (&known.reference, &known.value) {
            (Ref::Method | Ref::Path | Ref::Host | Ref::Param { .. }, _) => {}
            (Ref::Header(name), Example::Text(value)) => sample.headers.push((name.to_string(), value.to_string())),
            (Ref::Cookie(name), Example::Text(value)) => sample.headers.push(("cookie".to_owned(), format!("{name}={value}"))),
            (Ref::Query(name), Example::Text(value)) => {
                query.push(format!("{}={}", encoded(name, Encoding::Query), encoded(value, Encoding::Query)));
            }
            _ => sample.given.push(known.to_string()),
        }
    }
    if !query.is_empty() {
        sample.target = format!("{}?{}", sample.target, query.join("&"));
    }
    Some(sample)
}

/// A path of the pattern with the example's parameters in it; none when it says nothing of them, or the path is a regex.
pub(super) fn filled(pattern: &Pattern, model: &Model) -> Option<String> {
    let params: Vec<(u16, &Known)> = model
        .known
        .iter()
        .filter_map(|known| match known.reference {
            Ref::Param { slot, .. } if known.decisive => Some((slot, known)),
            _ => None,
        })
        .collect();
    if params.is_empty() {
        return None;
    }
    let of = |slot: u16| params.iter().find(|(known, _)| *known == slot).map(|(_, known)| &known.value);
    let mut path = String::new();
    let mut slot = 0;
    for segment in pattern.segments() {
        path.push('/');
        match segment {
            Segment::Literal(text) => path.push_str(text),
            Segment::Parameter { kind, .. } => {
                path.push_str(&match of(slot) {
                    Some(Example::Text(text)) => encoded(text, Encoding::Segment),
                    Some(Example::Number(number)) => number.to_string(),
                    _ => relation::segment_example(kind)?,
                });
                slot += 1;
            }
        }
    }
    match (pattern.end(), of(slot)) {
        (End::Exact, _) => {}
        (End::Slash, _) => path.push('/'),
        (End::Rest, Some(Example::Text(rest))) => {
            path.push('/');
            path.push_str(&encoded(rest, Encoding::Path));
        }
        (End::Rest, _) => {}
        (End::Regex(_), _) => return None,
    }
    pattern.matches(&path).then_some(path)
}

fn encoded(text: &str, encoding: Encoding) -> String {
    let hole = Piece::Hole(Expr::Const(Value::Text(Arc::from(text))), encoding);
    render(&[hole], &Model::default())
}
