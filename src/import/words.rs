//! Pieces of a policy's text: names, strings, comments and paths that read back as what they stand for.

use std::fmt::Write;

/// Longest name that is made of a text, in letters.
const NAME_MAX: usize = 64;

/// A name made of a text: its letters and digits in small letters, `_` between them.
pub(super) fn name(text: &str) -> String {
    let mut out = String::new();
    for letter in text.chars().take(NAME_MAX * 4) {
        if letter.is_ascii_alphanumeric() {
            out.push(letter.to_ascii_lowercase());
        } else if !out.is_empty() && !out.ends_with('_') {
            out.push('_');
        }
        if out.len() >= NAME_MAX {
            break;
        }
    }
    let out = out.trim_end_matches('_');
    match out.chars().next() {
        None => "it".to_owned(),
        Some(first) if first.is_ascii_digit() => format!("n{out}"),
        Some(_) if matches!(out, "and" | "or" | "not" | "in" | "matches" | "true" | "false" | "none" | "any" | "all" | "optional") => {
            format!("{out}_")
        }
        Some(_) => out.to_owned(),
    }
}

/// A name that keeps the words of `camelCase` apart.
pub(super) fn name_of_words(text: &str) -> String {
    let mut apart = String::new();
    let mut before = ' ';
    for letter in text.chars() {
        if letter.is_ascii_uppercase() && (before.is_ascii_lowercase() || before.is_ascii_digit()) {
            apart.push('_');
        }
        apart.push(letter);
        before = letter;
    }
    name(&apart)
}

/// A string of the language with this text.
pub(super) fn text(text: &str) -> String {
    format!("\"{}\"", inside(text))
}

/// Text inside a string of the language, without the quotes.
pub(super) fn inside(text: &str) -> String {
    let mut out = String::new();
    for letter in text.chars() {
        match letter {
            '\n' => out.push_str("\\n"),
            '\t' => out.push_str("\\t"),
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '$' => out.push_str("\\$"),
            other if other.is_control() => {
                let _ = write!(out, "\\u{{{:x}}}", u32::from(other));
            }
            other => out.push(other),
        }
    }
    out
}

/// The same of a text that is a part of a URL: what no URL holds is encoded, as browsers do it.
pub(super) fn inside_url(text: &str) -> String {
    let encoded = text.chars().fold(String::new(), |mut out, letter| {
        if letter.is_ascii_control() || " \"<>\\^`{|}".contains(letter) {
            let _ = write!(out, "%{:02X}", u32::from(letter));
        } else {
            out.push(letter);
        }
        out
    });
    inside(&encoded)
}

/// Lines that may stand behind `##` or `#`.
pub(super) fn comment(text: &str) -> Vec<String> {
    let clean = |line: &str| line.trim_end().chars().map(|letter| if letter.is_control() { ' ' } else { letter }).collect::<String>();
    let lines: Vec<String> = text.lines().map(clean).collect();
    let first = lines.iter().position(|line| !line.is_empty()).unwrap_or(lines.len());
    let end = lines.iter().rposition(|line| !line.is_empty()).map_or(first, |last| last + 1);
    lines.get(first..end).unwrap_or_default().to_vec()
}

/// A path as a pattern's literal text: what a pattern may not have is none.
pub(super) fn literal_path(path: &str) -> Option<String> {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"/-._~%=&:@!$'+".contains(&byte);
    (path.starts_with('/') && path.bytes().all(plain)).then(|| path.to_owned())
}

/// A regex in the path's place.
pub(super) fn regex(source: &str) -> String {
    format!("re\"{}\"", source.replace('"', "\\\""))
}

/// A text as a regex that matches just it.
pub(super) fn escaped(text: &str) -> String {
    let mut out = String::new();
    for letter in text.chars() {
        if r"\.+*?()|[]{}^$#&-~".contains(letter) && letter != '-' && letter != '~' && letter != '&' && letter != '#' {
            out.push('\\');
        }
        out.push(letter);
    }
    out
}

/// A time of so many milliseconds, as it is written.
pub(super) fn duration(millis: u64) -> String {
    let mut rest = millis;
    let mut out = String::new();
    for (unit, length) in [("h", 3_600_000), ("m", 60_000), ("s", 1_000), ("ms", 1)] {
        if rest >= length {
            let _ = write!(out, "{}{unit}", rest / length);
            rest %= length;
        }
    }
    if out.is_empty() { "0s".to_owned() } else { out }
}

/// So many bytes, as they are written.
pub(super) fn size(bytes: u64) -> String {
    for (unit, length) in
        [("GiB", 1_u64 << 30), ("MiB", 1 << 20), ("KiB", 1 << 10), ("GB", 1_000_000_000), ("MB", 1_000_000), ("KB", 1_000)]
    {
        if bytes >= length && bytes.is_multiple_of(length) {
            return format!("{}{unit}", bytes / length);
        }
    }
    format!("{bytes}B")
}

/// True for the name of a field that carries a credential: what it is compared with or set to is no part of a policy.
pub(super) fn is_credential(name: &str) -> bool {
    let name = name.to_ascii_lowercase();
    ["authorization", "auth", "key", "token", "secret", "password", "cookie", "signature"].iter().any(|part| name.contains(part))
}

/// The environment variable that a credential moves to.
pub(super) fn variable(field: &str) -> String {
    format!("env({})", text(&name(field).to_ascii_uppercase()))
}

/// Why a comparison with a credential is not carried over.
pub(super) const CREDENTIAL: &str =
    "it compares a credential, and secrets do not stand in a policy: write `auth key NAME { from header(\"…\"); keys env(\"…\") }`";
