//! The target that the upstream gets: path and query.

use super::{Lines, Names, Path, Set};
use crate::lang::eval::Facts;
use http::uri::PathAndQuery;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, percent_decode, utf8_percent_encode};
use smallvec::SmallVec;
use std::borrow::Cow;

/// Unreserved characters (RFC 3986 §2.3) stay.
const VALUE: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

/// Lines of a `query`.
pub(super) struct Query {
    remove: Vec<Names>,
    set: Vec<Set>,
}

impl Query {
    pub(super) fn new(lines: &Lines) -> Self {
        Self { remove: lines.remove.clone(), set: lines.set.clone() }
    }

    fn is_empty(&self) -> bool {
        self.remove.is_empty() && self.set.is_empty()
    }

    /// The query with its parameters removed and set; the others stay as they were written.
    fn apply(&self, query: &str, facts: Facts<'_>) -> String {
        let values: SmallVec<[Option<Cow<'_, str>>; 2]> = self.set.iter().map(|set| value(set, facts)).collect();
        let gone = |pair: &str| {
            let key = decoded(pair.split('=').next().unwrap_or_default());
            self.remove.iter().any(|names| match names {
                Names::Exact(name) => *key == *name.as_bytes(),
                Names::Prefix(prefix) => key.starts_with(prefix.as_bytes()),
            }) || self.set.iter().zip(&values).any(|(set, value)| (set.vouched || value.is_some()) && *key == *set.name.as_bytes())
        };
        let mut out = String::with_capacity(query.len());
        let mut push = |parts: &[&dyn std::fmt::Display]| {
            if !out.is_empty() {
                out.push('&');
            }
            for part in parts {
                out.push_str(&part.to_string());
            }
        };
        for pair in query.split('&').filter(|pair| !pair.is_empty() && !gone(pair)) {
            push(&[&pair]);
        }
        for (set, value) in self.set.iter().zip(&values) {
            if let Some(value) = value {
                push(&[&utf8_percent_encode(&set.name, VALUE), &'=', &utf8_percent_encode(value, VALUE)]);
            }
        }
        out
    }
}

fn value<'a>(set: &'a Set, facts: Facts<'a>) -> Option<Cow<'a, str>> {
    let choice = set.choices.iter().find(|choice| choice.when.as_ref().is_none_or(|when| when.holds(facts)))?;
    choice.value.eval(facts).as_text().map(|text| Cow::Owned(text.into_owned()))
}

/// A key as upstreams read it: `+` is a space, escapes are resolved.
fn decoded(raw: &str) -> Cow<'_, [u8]> {
    if raw.contains('+') {
        return Cow::Owned(percent_decode(raw.replace('+', " ").as_bytes()).collect());
    }
    percent_decode(raw.as_bytes()).into()
}

/// What becomes of a target.
pub(super) struct Shaped {
    /// The new target; none when it stays.
    pub(super) target: Option<PathAndQuery>,
    /// The prefix that was taken away.
    pub(super) stripped: bool,
}

/// The target after path and query have been shaped; an error when what came of it is no path that could be forwarded safely.
pub(super) fn shaped(path: &Path, query: &Query, facts: Facts<'_>) -> Result<Shaped, NoPath> {
    let arrived = &facts.exchange.request.target;
    let mut stripped = false;
    let mut own_query = None;
    let new_path = match path {
        Path::Keep => None,
        Path::Prefix { strip, add } => {
            let mut rest = arrived.path();
            if let Some(left) = strip.as_deref().and_then(|prefix| strip_segments(rest, prefix)) {
                rest = left;
                stripped = true;
            }
            match add {
                Some(add) => Some(format!("{}{rest}", add.eval(facts).as_text().unwrap_or_default())),
                None if stripped => Some(rest.to_owned()),
                None => None,
            }
        }
        Path::Rewrite(text) => {
            let text = text.eval(facts).as_text().unwrap_or_default().into_owned();
            match text.split_once('?') {
                Some((path, query)) => {
                    own_query = Some(query.to_owned());
                    Some(path.to_owned())
                }
                None => Some(text),
            }
        }
    };
    if new_path.is_none() && query.is_empty() {
        return Ok(Shaped { target: None, stripped });
    }
    let path = match &new_path {
        Some(path) => checked(path)?,
        None => Cow::Borrowed(arrived.path()),
    };
    let before = own_query.as_deref().or(arrived.query()).unwrap_or_default();
    let query = if query.is_empty() { Cow::Borrowed(before) } else { Cow::Owned(query.apply(before, facts)) };
    let text = if query.is_empty() { path.into_owned() } else { format!("{path}?{query}") };
    let target = PathAndQuery::try_from(text).map_err(|_| NoPath)?;
    Ok(Shaped { target: Some(target), stripped })
}

/// What was made is no path.
pub(super) struct NoPath;

/// What is left behind whole segments.
fn strip_segments<'p>(path: &'p str, prefix: &str) -> Option<&'p str> {
    path.strip_prefix(prefix).filter(|rest| rest.is_empty() || rest.starts_with('/'))
}

/// The path with empty segments merged. A step (`.` or `..`, escaped or not) that values put together is refused: the path
/// that was judged is the one that goes on.
fn checked(path: &str) -> Result<Cow<'_, str>, NoPath> {
    let step = |segment: &str| {
        let plain = decoded_dots(segment);
        plain == "." || plain == ".."
    };
    if path.split('/').any(step) || path.contains('\\') {
        return Err(NoPath);
    }
    if path.starts_with('/') && !path.contains("//") {
        return Ok(Cow::Borrowed(path));
    }
    let mut out = String::with_capacity(path.len() + 1);
    for segment in path.split('/').filter(|segment| !segment.is_empty()) {
        out.push('/');
        out.push_str(segment);
    }
    if out.is_empty() || path.ends_with('/') {
        out.push('/');
    }
    Ok(Cow::Owned(out))
}

fn decoded_dots(segment: &str) -> Cow<'_, str> {
    if segment.contains('%') { Cow::Owned(segment.replace("%2e", ".").replace("%2E", ".")) } else { Cow::Borrowed(segment) }
}
