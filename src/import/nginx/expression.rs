//! Regular expressions of locations, which match anywhere, as ones over whole paths.

use super::super::words;
use crate::route::Pattern;

/// The letters that all texts of an anchored expression begin with.
pub(super) fn literal_begin(source: &str) -> &str {
    let Some(inner) = source.strip_prefix('^').filter(|_| alternatives(source).len() == 1) else { return "" };
    let literal = |letter: char| letter.is_ascii_alphanumeric() || matches!(letter, '/' | '_' | '-');
    let end = inner.find(|letter| !literal(letter)).unwrap_or(inner.len());
    // A letter before one of these may be missing.
    let end = if inner.get(end..).is_some_and(|rest| rest.starts_with(['*', '?', '{'])) { end.saturating_sub(1) } else { end };
    inner.get(..end).unwrap_or_default()
}

/// An expression that matches anywhere, as one over whole paths.
pub(super) fn regex(source: &str, any_case: bool) -> Result<String, String> {
    let parts: Vec<String> = alternatives(source).into_iter().map(|part| whole(part, any_case)).collect();
    let written = match parts.as_slice() {
        [only] => words::regex(only),
        several => words::regex(&format!("(?:{})", several.join("|"))),
    };
    Pattern::parse(&written).map(|_| written).map_err(|error| format!("this expression is not one over paths: {error}"))
}

/// The alternatives of an expression: what stands between the `|` that are in no group and no class.
fn alternatives(source: &str) -> Vec<&str> {
    let (mut depth, mut class, mut escaped) = (0_i32, false, false);
    source
        .split(|letter| {
            match letter {
                _ if escaped => escaped = false,
                '\\' => escaped = true,
                ']' => class = false,
                _ if class => {}
                '[' => class = true,
                '(' => depth += 1,
                ')' => depth -= 1,
                '|' => return depth == 0,
                _ => {}
            }
            false
        })
        .collect()
}

/// One alternative over a whole path.
fn whole(source: &str, any_case: bool) -> String {
    let (begins, ends) = (source.starts_with('^'), source.ends_with('$') && !source.ends_with("\\$"));
    let inner = source.strip_prefix('^').unwrap_or(source);
    let inner = if ends { inner.strip_suffix('$').unwrap_or(inner) } else { inner };
    let inner = inner.replace("\\/", "/");
    let inner = if any_case { format!("(?i:{inner})") } else { inner };
    let before = match (begins, source.starts_with("^/") || source.starts_with('/')) {
        (true, _) => "",
        (false, true) => "(?:/.*)?",
        (false, false) => "/.*",
    };
    format!("{before}{inner}{}", if ends { "" } else { ".*" })
}
