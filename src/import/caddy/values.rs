//! Caddy's values: texts with placeholders, sizes, path patterns.

use super::super::words;
use crate::route::Pattern;

/// A text with placeholders as a string of the language.
pub(super) fn string(text: &str) -> Result<String, String> {
    Ok(format!("\"{}\"", pieces(text, words::inside)?.concat()))
}

/// The same of a URL.
pub(super) fn url(text: &str) -> Result<String, String> {
    Ok(format!("\"{}\"", pieces(text, words::inside_url)?.concat()))
}

/// A text as an expression: a reference when it is one placeholder alone, else a string.
pub(super) fn expression(text: &str) -> Result<String, String> {
    let all = pieces(text, words::inside)?;
    match all.as_slice() {
        [only] => {
            Ok(only.strip_prefix("${").and_then(|inner| inner.strip_suffix('}')).map_or_else(|| format!("\"{only}\""), str::to_owned))
        }
        several => Ok(format!("\"{}\"", several.concat())),
    }
}

/// The pieces of a string of the language: text, escaped, and `${…}`.
fn pieces(text: &str, inside: fn(&str) -> String) -> Result<Vec<String>, String> {
    let mut out = Vec::new();
    let mut rest = text;
    while let Some((before, after)) = rest.split_once('{') {
        let placeholder = after.split_once('}').filter(|(name, _)| !name.is_empty() && name.bytes().all(|byte| !b" \"{:,".contains(&byte)));
        let Some((name, behind)) = placeholder else {
            out.push(inside(&format!("{before}{{")));
            rest = after;
            continue;
        };
        if !before.is_empty() {
            out.push(inside(before));
        }
        out.push(format!("${{{}}}", reference(name).ok_or_else(|| format!("the placeholder `{{{name}}}` has no counterpart"))?));
        rest = behind;
    }
    if !rest.is_empty() || out.is_empty() {
        out.push(inside(rest));
    }
    Ok(out)
}

/// What a placeholder stands for.
fn reference(name: &str) -> Option<String> {
    Some(match name {
        "host" | "http.request.host" => "request.host".to_owned(),
        "uri" | "http.request.uri" | "path" | "http.request.uri.path" => "request.path".to_owned(),
        "method" | "http.request.method" => "request.method".to_owned(),
        "scheme" | "http.request.scheme" => "request.scheme".to_owned(),
        "remote_host" | "client_ip" | "http.request.remote.host" => "client.ip".to_owned(),
        "http.request.uuid" => "request.id".to_owned(),
        _ => {
            let field = |name: &str| format!("header({}) ?? \"\"", words::text(name));
            if let Some(name) = name.strip_prefix("header.").or_else(|| name.strip_prefix("http.request.header.")) {
                return Some(field(name));
            }
            if let Some(name) = name.strip_prefix("query.") {
                return Some(format!("query({}) ?? \"\"", words::text(name)));
            }
            let name = name.strip_prefix("cookie.")?;
            return Some(format!("cookie({}) ?? \"\"", words::text(name)));
        }
    })
}

/// A size as the language writes it: `10MB`, `512KiB`, `1024`.
pub(super) fn size(text: &str) -> Option<String> {
    let digits = text.bytes().take_while(u8::is_ascii_digit).count();
    let number: u64 = text.get(..digits)?.parse().ok()?;
    let factor: u64 = match text.get(digits..)?.trim().to_ascii_lowercase().as_str() {
        "" | "b" => 1,
        "k" | "kb" => 1_000,
        "m" | "mb" => 1_000_000,
        "g" | "gb" => 1_000_000_000,
        "ki" | "kib" => 1 << 10,
        "mi" | "mib" => 1 << 20,
        "gi" | "gib" => 1 << 30,
        _ => return None,
    };
    Some(words::size(number.checked_mul(factor)?))
}

/// A path matcher as a pattern of the language, behind a prefix that was stripped.
pub(super) fn pattern(matcher: &str, prefix: &str) -> Result<String, String> {
    let whole = if matcher == "*" { format!("{prefix}/*") } else { format!("{prefix}{matcher}") };
    let plain = whole.strip_suffix("/*").map(|path| (path, "/**")).or_else(|| (!whole.contains('*')).then_some((whole.as_str(), "")));
    let written = match plain {
        Some((path, rest)) if !path.contains('*') => {
            if !path.is_empty() && words::literal_path(path).is_none() {
                return Err(format!("`{matcher}` is no plain path"));
            }
            format!("{path}{rest}")
        }
        _ => {
            let inner = whole.trim_start_matches('*');
            let (open, ends_open) = (whole.starts_with('*'), inner.ends_with('*'));
            let inner = inner.trim_end_matches('*');
            let middle: Vec<String> = inner.split('*').map(words::escaped).collect();
            words::regex(&format!("{}{}{}", if open { "/.*" } else { "" }, middle.join("[^/]*"), if ends_open { ".*" } else { "" }))
        }
    };
    Pattern::parse(&written).map(|_| written).map_err(|error| error.to_string())
}
