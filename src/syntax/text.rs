//! What stands between a string's quotes: escapes, and the parts of an interpolated string.

use super::ast::{Expr, TextPart};
use crate::diag::{Code, Diagnostic, Span};

/// The parts of a string as they are read; neighbouring letters become one part.
#[derive(Default)]
pub(super) struct Parts {
    parts: Vec<TextPart>,
    letters: String,
}

impl Parts {
    /// Adds letters.
    pub(super) fn push(&mut self, letters: &str) {
        self.letters.push_str(letters);
    }

    /// Adds one letter.
    pub(super) fn push_char(&mut self, letter: char) {
        self.letters.push(letter);
    }

    /// Adds an expression.
    pub(super) fn interpolate(&mut self, expr: Expr) {
        self.flush();
        self.parts.push(TextPart::Interpolation(expr));
    }

    /// All parts; none for the empty string.
    pub(super) fn finish(mut self) -> Vec<TextPart> {
        self.flush();
        self.parts
    }

    fn flush(&mut self) {
        if !self.letters.is_empty() {
            self.parts.push(TextPart::Literal(std::mem::take(&mut self.letters)));
        }
    }
}

/// The letter that an escape stands for, or nothing for an escape the language does not have.
pub(super) fn unescape(escape: &str) -> Option<char> {
    match escape.strip_prefix('\\')? {
        "n" => Some('\n'),
        "t" => Some('\t'),
        "\"" => Some('"'),
        "\\" => Some('\\'),
        "$" => Some('$'),
        other => {
            let digits = other.strip_prefix("u{")?.strip_suffix('}')?;
            if digits.is_empty() || digits.len() > 6 {
                return None;
            }
            char::from_u32(u32::from_str_radix(digits, 16).ok()?)
        }
    }
}

/// What is said of an escape that the language does not have.
pub(super) fn unknown_escape(span: Span, escape: &str) -> Diagnostic {
    let found = Diagnostic::new(Code::SyntaxEscape, format!("`{escape}` is no escape"));
    if escape.starts_with("\\u") {
        return found.at(span, "no character has this number").help("write `\\u{…}` with one to six hexadecimal digits, such as `\\u{e9}`");
    }
    found
        .at(span, "not known in strings")
        .help("strings know `\\n` `\\t` `\\\"` `\\\\` `\\$` and `\\u{…}`; a backslash itself is `\\\\`, and `re\"…\"` and `\"\"\"…\"\"\"` take it as it is")
}

/// A regex with its `\"` made quotes; all other pairs stay as they are.
pub(super) fn unquote_regex(pattern: &str) -> String {
    let mut plain = String::with_capacity(pattern.len());
    let mut letters = pattern.chars();
    while let Some(letter) = letters.next() {
        if letter != '\\' {
            plain.push(letter);
            continue;
        }
        match letters.next() {
            Some('"') => plain.push('"'),
            Some(other) => plain.extend(['\\', other]),
            None => plain.push('\\'),
        }
    }
    plain
}
