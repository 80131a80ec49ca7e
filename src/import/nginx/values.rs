//! nginx's values: times, sizes, rates, and texts with variables.

use super::super::words;

/// A time in milliseconds: `30`, `30s`, `1m30s`, `500ms`.
pub(super) fn time(text: &str) -> Option<u64> {
    let mut total = 0_u64;
    let mut rest = text;
    if rest.is_empty() {
        return None;
    }
    while !rest.is_empty() {
        let digits = rest.bytes().take_while(u8::is_ascii_digit).count();
        let number: u64 = rest.get(..digits)?.parse().ok()?;
        rest = rest.get(digits..)?;
        let (unit, length) = [("ms", 1), ("s", 1_000), ("m", 60_000), ("h", 3_600_000), ("d", 86_400_000), ("w", 604_800_000)]
            .into_iter()
            .find(|(unit, _)| rest.starts_with(unit))
            .or_else(|| rest.is_empty().then_some(("", 1_000)))?;
        total = total.checked_add(number.checked_mul(length)?)?;
        rest = rest.get(unit.len()..)?;
    }
    Some(total)
}

/// A size in bytes: `8k`, `10m`, `1g`, `0`.
pub(super) fn size(text: &str) -> Option<u64> {
    let digits = text.bytes().take_while(u8::is_ascii_digit).count();
    let number: u64 = text.get(..digits)?.parse().ok()?;
    let factor: u64 = match text.get(digits..)?.to_ascii_lowercase().as_str() {
        "" => 1,
        "k" => 1 << 10,
        "m" => 1 << 20,
        "g" => 1 << 30,
        _ => return None,
    };
    number.checked_mul(factor)
}

/// A rate as the language writes it: `10r/s`, `30r/m`.
pub(super) fn rate(text: &str) -> Option<String> {
    let (count, per) = text.split_once("r/")?;
    let count: u64 = count.parse().ok().filter(|count| *count > 0)?;
    let per = match per {
        "s" => "s",
        "m" => "min",
        _ => return None,
    };
    Some(format!("{count}/{per}"))
}

/// A text with variables as an expression: a reference when it is one variable alone, else a string. `captures` gives what
/// `$1` stands for.
pub(super) fn expression(text: &str, captures: &[String]) -> Result<String, String> {
    let pieces = pieces(text, captures)?;
    if let [Piece::Reference(reference)] = pieces.as_slice() {
        return Ok(reference.clone());
    }
    Ok(format!("\"{}\"", inside(&pieces, words::inside)))
}

/// A text with variables as a string of the language.
pub(super) fn string(text: &str, captures: &[String]) -> Result<String, String> {
    Ok(format!("\"{}\"", inside(&pieces(text, captures)?, words::inside)))
}

/// The same of a URL.
pub(super) fn url(text: &str, captures: &[String]) -> Result<String, String> {
    Ok(format!("\"{}\"", inside(&pieces(text, captures)?, words::inside_url)))
}

enum Piece {
    Text(String),
    Reference(String),
}

fn inside(pieces: &[Piece], of_text: fn(&str) -> String) -> String {
    pieces
        .iter()
        .map(|piece| match piece {
            Piece::Text(text) => of_text(text),
            // A value that may be missing is empty in nginx.
            Piece::Reference(reference) if reference.contains("(\"") => format!("${{{reference} ?? \"\"}}"),
            Piece::Reference(reference) => format!("${{{reference}}}"),
        })
        .collect()
}

fn pieces(text: &str, captures: &[String]) -> Result<Vec<Piece>, String> {
    let mut out = Vec::new();
    let mut rest = text;
    while let Some((before, after)) = rest.split_once('$') {
        if !before.is_empty() {
            out.push(Piece::Text(before.to_owned()));
        }
        let (name, behind) = match after.strip_prefix('{').and_then(|inner| inner.split_once('}')) {
            Some((name, behind)) => (name, behind),
            None => {
                let digit = after.starts_with(|first: char| first.is_ascii_digit());
                let end = if digit { 1 } else { after.bytes().take_while(|byte| byte.is_ascii_alphanumeric() || *byte == b'_').count() };
                after.split_at_checked(end).unwrap_or((after, ""))
            }
        };
        // Host and URI together begin URLs; the query is kept by what uses them.
        if let Some(reference) = variable(name, captures) {
            if !reference.is_empty() {
                out.push(Piece::Reference(reference));
            }
        } else {
            return Err(format!("the variable `${name}` has no counterpart"));
        }
        rest = behind;
    }
    if !rest.is_empty() {
        out.push(Piece::Text(rest.to_owned()));
    }
    Ok(out)
}

/// What a variable stands for.
fn variable(name: &str, captures: &[String]) -> Option<String> {
    let quoted = |text: &str| words::text(&text.replace('_', "-"));
    Some(match name {
        "host" | "http_host" | "server_name" => "request.host".to_owned(),
        "remote_addr" | "binary_remote_addr" | "realip_remote_addr" => "client.ip".to_owned(),
        "scheme" => "request.scheme".to_owned(),
        "request_id" => "request.id".to_owned(),
        "request_method" => "request.method".to_owned(),
        "uri" | "document_uri" | "request_uri" => "request.path".to_owned(),
        "remote_user" => "user.name".to_owned(),
        "is_args" | "args" | "query_string" => String::new(),
        _ => {
            if let Some(number) = name.parse::<usize>().ok().filter(|number| *number > 0) {
                return captures.get(number - 1).cloned();
            }
            if let Some(field) = name.strip_prefix("http_") {
                return Some(format!("header({})", quoted(field)));
            }
            if let Some(cookie) = name.strip_prefix("cookie_") {
                return Some(format!("cookie({})", words::text(cookie)));
            }
            let parameter = name.strip_prefix("arg_")?;
            return Some(format!("query({})", words::text(parameter)));
        }
    })
}
