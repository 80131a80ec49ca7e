//! An expectation held against an answer.

use super::answer::Answer;
use crate::ir::script::{Comparison, Expectation};
use crate::lang::eval::query;
use crate::upstream::script::Received;
use http::HeaderMap;
use serde_json::Value as Json;

/// Most characters of a body that a report shows.
const SHOWN_CHARS_MAX: usize = 2_000;

/// An expectation that does not hold.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unmet {
    /// What was expected.
    pub expected: String,
    /// What was there instead.
    pub actual: String,
}

/// Holds an expectation against an answer.
///
/// # Errors
/// Both sides, when it does not hold.
pub fn judge(expectation: &Expectation, answer: &Answer) -> Result<(), Unmet> {
    match expectation {
        Expectation::Status(low, high) => {
            let expected = if low == high { format!("status {low}") } else { format!("a status of {low} to {high}") };
            let status = answer.status.as_u16();
            hold((*low..=*high).contains(&status), expected, || format!("status {status}"))
        }
        Expectation::Route(how, name) => compare("route", *how, name.as_deref(), answer.route.as_deref()),
        Expectation::Upstream(how, name) => compare("upstream", *how, name.as_deref(), answer.upstream.as_deref()),
        Expectation::Stage(name) => compare("stage", Comparison::Equal, Some(name), Some(answer.stage)),
        Expectation::LimitedBy(name) => compare("limit", Comparison::Equal, Some(name), answer.limited_by.as_deref()),
        Expectation::Cache(how, verdict) => compare("cache", *how, Some(verdict), answer.cache),
        Expectation::Attempts(how, count) => compare("attempts", *how, Some(&count.to_string()), Some(&answer.attempts.to_string())),
        Expectation::Header(name, how, value) => {
            compare(&format!("header(\"{name}\")"), *how, value.as_deref(), field(&answer.headers, name).as_deref())
        }
        Expectation::BodyJson(expected) => body_json(expected, answer),
        Expectation::BodyText(expected) => {
            let actual = body_text(answer)?;
            hold(actual == *expected, quoted(expected), || quoted(&actual))
        }
        Expectation::ReceivedHeader(name, how, value) => {
            let what = format!("received header(\"{name}\")");
            received(&what, *how, value.as_deref(), answer, |request| field(&request.headers, name))
        }
        Expectation::ReceivedQuery(name, how, value) => {
            let what = format!("received query(\"{name}\")");
            received(&what, *how, value.as_deref(), answer, |request| {
                request.query.as_deref().and_then(|text| query(text, name)).map(std::borrow::Cow::into_owned)
            })
        }
        Expectation::ReceivedPath(how, path) => received("received path", *how, Some(path), answer, |request| Some(request.path.clone())),
        // Asked of the upstream when its turn comes, not of an answer.
        Expectation::Breaker(..) => Ok(()),
    }
}

/// Holds a value against what was expected of it.
///
/// # Errors
/// Both sides, when it does not hold.
pub fn compare(what: &str, how: Comparison, expected: Option<&str>, actual: Option<&str>) -> Result<(), Unmet> {
    let holds = (expected == actual) == (how == Comparison::Equal);
    hold(holds, asserted(what, how, expected), || asserted(what, Comparison::Equal, actual))
}

fn asserted(what: &str, how: Comparison, value: Option<&str>) -> String {
    let sign = match how {
        Comparison::Equal => "==",
        Comparison::NotEqual => "!=",
    };
    format!("{what} {sign} {}", shown(value))
}

fn hold(holds: bool, expected: String, actual: impl FnOnce() -> String) -> Result<(), Unmet> {
    if holds { Ok(()) } else { Err(Unmet { expected, actual: actual() }) }
}

fn shown(value: Option<&str>) -> String {
    value.map_or_else(|| "none".to_owned(), quoted)
}

/// Words as they are, everything else in quotes and on one line.
fn quoted(text: &str) -> String {
    let is_word = !text.is_empty() && text.chars().all(|letter| letter.is_ascii_alphanumeric() || "_-".contains(letter));
    if is_word { text.to_owned() } else { format!("{:?}", cut(text)) }
}

fn cut(text: &str) -> String {
    match text.char_indices().nth(SHOWN_CHARS_MAX) {
        Some((end, _)) => format!("{}…", text.get(..end).unwrap_or_default()),
        None => text.to_owned(),
    }
}

/// A field's value; several fields of one name are one list (RFC 9110 §5.3).
fn field(headers: &HeaderMap, name: &str) -> Option<String> {
    let values: Vec<_> = headers.get_all(name).iter().map(|value| String::from_utf8_lossy(value.as_bytes())).collect();
    (!values.is_empty()).then(|| values.join(", "))
}

fn received(
    what: &str,
    how: Comparison,
    expected: Option<&str>,
    answer: &Answer,
    part: impl FnOnce(&Received) -> Option<String>,
) -> Result<(), Unmet> {
    match (answer.passed_on(), how, expected) {
        (Some(request), ..) => compare(what, how, expected, part(request).as_deref()),
        (None, Comparison::Equal, None) => Ok(()),
        (None, ..) => Err(Unmet { expected: asserted(what, how, expected), actual: "no upstream got a request".to_owned() }),
    }
}

fn body_text(answer: &Answer) -> Result<String, Unmet> {
    match &answer.body {
        Ok(bytes) => Ok(String::from_utf8_lossy(bytes).into_owned()),
        Err(why) => Err(Unmet { expected: "a whole body".to_owned(), actual: format!("the body breaks off: {why}") }),
    }
}

fn body_json(expected: &Json, answer: &Answer) -> Result<(), Unmet> {
    let text = body_text(answer)?;
    let expected_text = cut(&expected.to_string());
    match serde_json::from_str::<Json>(&text) {
        Ok(actual) => hold(actual == *expected, expected_text, || cut(&actual.to_string())),
        Err(error) => Err(Unmet { expected: expected_text, actual: format!("{}, which is no JSON: {error}", quoted(&text)) }),
    }
}
