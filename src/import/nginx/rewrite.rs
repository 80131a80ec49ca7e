//! The few shapes of `rewrite` that mean the same without an engine for them: a prefix that becomes another, a path that becomes
//! another, a redirect of everything.

use super::super::words;

/// What a `rewrite`'s regular expression takes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Taken {
    /// Every path; `$1`, if there is one, is the whole path.
    All,
    /// Paths that begin so; `$1`, if there is one, is what follows.
    Prefix(String),
    /// This path.
    Exact(String),
}

/// Reads a regular expression of one of these shapes.
pub(super) fn taken(regex: &str) -> Option<Taken> {
    let (anchored, inner) = regex.strip_prefix('^').map_or((false, regex), |inner| (true, inner));
    let (ends, inner) = match inner.strip_suffix('$') {
        Some(inner) if !inner.ends_with('\\') => (true, inner),
        _ => (false, inner),
    };
    if matches!(inner, "" | ".*" | "(.*)" | ".+" | "(.+)") {
        return Some(Taken::All);
    }
    let open = ["(.*)", "(.+)", ".*", ".+"].iter().find_map(|tail| inner.strip_suffix(tail));
    let path = literal(open.unwrap_or(inner))?;
    match (anchored, open.is_some(), ends) {
        (true, true, _) if path.ends_with('/') => Some(Taken::Prefix(path)),
        (true, false, true) => Some(Taken::Exact(path)),
        _ => None,
    }
}

/// The path that an expression without any operator matches.
fn literal(regex: &str) -> Option<String> {
    let mut out = String::new();
    let mut letters = regex.chars();
    while let Some(letter) = letters.next() {
        match letter {
            '\\' => out.push(letters.next().filter(|next| !next.is_alphanumeric())?),
            '.' | '*' | '+' | '?' | '(' | ')' | '[' | ']' | '{' | '}' | '|' | '^' | '$' => return None,
            plain => out.push(plain),
        }
    }
    words::literal_path(&out)
}

/// What `$1` stands for on a route that takes just what the expression takes.
pub(super) fn captures(taken: &Taken) -> Vec<String> {
    match taken {
        Taken::All => vec!["request.path".to_owned()],
        Taken::Prefix(_) => vec!["param.rest".to_owned()],
        Taken::Exact(_) => Vec::new(),
    }
}

/// The pattern of a route that takes it.
pub(super) fn pattern(taken: &Taken) -> String {
    match taken {
        Taken::All => "/**".to_owned(),
        // `/old/**` would take `/old` as well.
        Taken::Prefix(path) => words::regex(&format!("{}(?<rest>.*)", regex::escape(path))),
        Taken::Exact(path) => path.clone(),
    }
}

/// The statements that replace a prefix on its way upstream: `/old/$1` becomes `/new/$1`.
pub(super) fn prefix(from: &str, to: &str) -> Vec<String> {
    let (from, to) = (from.trim_end_matches('/'), to.trim_end_matches('/'));
    let mut out = Vec::new();
    if from == to {
        return out;
    }
    if !from.is_empty() {
        out.push(format!("strip_prefix {from}"));
    }
    if !to.is_empty() {
        out.push(format!("add_prefix {to}"));
    }
    out
}
