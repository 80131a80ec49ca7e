//! `if (…) { return …; }`: the requests that it answers are those of a route with a condition.

use super::super::words;
use super::tokens::Directive;

/// Why an `if` is not carried over.
const WHY: &str = "of `if` only `$request_method`, `$host` and `$http_…` compared by `=` or `!=` are read, with one `return` behind it";

/// The condition as the language writes it, and what the `if` returns.
pub(super) fn answered(directive: &Directive) -> Result<(String, &Directive), String> {
    let [answer] = directive.inner() else { return Err(WHY.to_owned()) };
    if answer.name != "return" || answer.block.is_some() {
        return Err(WHY.to_owned());
    }
    let credential =
        directive.words.iter().any(|word| word.trim_start_matches('(').strip_prefix("$http_").is_some_and(words::is_credential));
    let condition = condition(directive).ok_or(if credential { words::CREDENTIAL } else { WHY })?;
    Ok((condition, answer))
}

fn condition(directive: &Directive) -> Option<String> {
    let last = directive.words.len().checked_sub(1)?;
    let mut parts: Vec<&str> = Vec::new();
    for (at, word) in directive.words.iter().enumerate() {
        let word = if at == 0 { word.strip_prefix('(')? } else { word };
        let word = if at == last { word.strip_suffix(')')? } else { word };
        // The parentheses may stand apart; an empty text in the middle is one that is compared.
        if !word.is_empty() || (at != 0 && at != last) {
            parts.push(word);
        }
    }
    let [variable, operator, value] = parts.as_slice() else { return None };
    // A value with a variable differs from request to request.
    if value.contains('$') {
        return None;
    }
    let equal = match *operator {
        "=" => true,
        "!=" => false,
        _ => return None,
    };
    let name = variable.strip_prefix('$').map(|name| if name == "http_host" { "host" } else { name })?;
    if let Some(field) = name.strip_prefix("http_") {
        if words::is_credential(field) && !value.is_empty() {
            return None;
        }
        let field = format!("header(\"{}\")", field.replace('_', "-"));
        // A field that is missing is empty there.
        let same = match *value {
            "" => format!("({field} ?? \"\") == \"\""),
            value => format!("{field} == {}", words::text(value)),
        };
        return Some(if equal { same } else { format!("not ({same})") });
    }
    let sign = if equal { "==" } else { "!=" };
    match name {
        "request_method" if !value.is_empty() && value.bytes().all(|byte| byte.is_ascii_uppercase() || byte == b'-') => {
            Some(format!("request.method {sign} {}", words::text(value)))
        }
        "host" if crate::route::HostPattern::parse(value).is_ok() && !value.contains('*') => {
            Some(format!("request.host {sign} {}", words::text(&value.to_ascii_lowercase())))
        }
        _ => None,
    }
}
