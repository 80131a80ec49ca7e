//! `if (…) { return …; }`: the requests that it answers are those of a route with a condition.

use super::super::words;
use super::tokens::Directive;
use crate::route::HostPattern;

/// Why an `if` is not carried over.
const WHY: &str = "of `if` only `$request_method`, `$host` and `$http_…` compared by `=` or `!=` are read, with one `return` behind it";

/// What an `if` asks.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Asks {
    /// What never holds, and why.
    Never(String),
    /// What always holds.
    Nothing,
    /// This condition, which leaves these hosts of the server's; none is all of them.
    Condition(String, Vec<String>),
}

/// What an `if` of a server with these hosts asks, and what it returns.
pub(super) fn answered<'d>(directive: &'d Directive, hosts: &[String]) -> Result<(Asks, &'d Directive), String> {
    let [answer] = directive.inner() else { return Err(WHY.to_owned()) };
    if answer.name != "return" || answer.block.is_some() {
        return Err(WHY.to_owned());
    }
    let credential =
        directive.words.iter().any(|word| word.trim_start_matches('(').strip_prefix("$http_").is_some_and(words::is_credential));
    let asks = asks(directive, hosts).ok_or(if credential { words::CREDENTIAL } else { WHY })?;
    Ok((asks, answer))
}

fn asks(directive: &Directive, hosts: &[String]) -> Option<Asks> {
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
        return Some(Asks::Condition(if equal { same } else { format!("not ({same})") }, Vec::new()));
    }
    let sign = if equal { "==" } else { "!=" };
    match name {
        "request_method" if matches!(*value, "TRACE" | "CONNECT") => {
            Some(if equal { Asks::Never(format!("the gateway refuses `{value}` by itself, with 405")) } else { Asks::Nothing })
        }
        "request_method" if !value.is_empty() && value.bytes().all(|byte| byte.is_ascii_uppercase() || byte == b'-') => {
            Some(Asks::Condition(format!("request.method {sign} {}", words::text(value)), Vec::new()))
        }
        "host" if HostPattern::parse(value).is_ok() && !value.contains('*') => Some(host(equal, &value.to_ascii_lowercase(), hosts)),
        _ => None,
    }
}

/// What a comparison of the host comes to in a server with these hosts.
fn host(equal: bool, value: &str, hosts: &[String]) -> Asks {
    let taken = hosts.is_empty() || hosts.iter().any(|host| HostPattern::parse(host).is_ok_and(|host| host.matches(value)));
    let others: Vec<String> = hosts.iter().filter(|host| !host.eq_ignore_ascii_case(value)).cloned().collect();
    let only = !hosts.is_empty() && others.is_empty();
    let condition = format!("request.host {} {}", if equal { "==" } else { "!=" }, words::text(value));
    match (equal, taken, only) {
        (true, false, _) => Asks::Never("no name of the server is that host".to_owned()),
        (false, _, true) => Asks::Never("the server has no other name".to_owned()),
        (true, _, true) | (false, false, _) => Asks::Nothing,
        (true, true, false) => Asks::Condition(condition, vec![value.to_owned()]),
        (false, true, false) if others.iter().any(|host| host.starts_with('*')) => Asks::Condition(condition, Vec::new()),
        (false, true, false) => Asks::Condition(condition, others),
    }
}
