//! The user's text as it may be shown: one line of each label, long lines cut, and no character that moves a
//! terminal's cursor or turns its writing around.

use crate::diag::{Label, Source, Span};
use std::borrow::Cow;

/// Lines longer than this are shown in part.
const LONGEST_LINE: usize = 240;
/// How much of a long line is shown on each side of a label.
const AROUND: usize = 60;
/// The longest underlining on a long line.
const LONGEST_LABEL: usize = 100;

/// A label's place within one line.
#[derive(Debug, Clone, Copy)]
pub(super) struct Place {
    /// The part of the line that is shown.
    pub(super) shown: (usize, usize),
    /// The part that is underlined; empty for a place between two characters.
    pub(super) marked: (usize, usize),
}

/// Where a label is shown: on its first line, or for an empty line at the end of the one before.
pub(super) fn place(source: &Source, span: Span) -> Place {
    let length = source.text.len();
    let mut start = boundary(&source.text, (span.start as usize).min(length));
    let mut line = source.line_around(offset(start));
    while line.0 == line.1 && line.0 > 0 {
        start = line.0 - 1;
        line = source.line_around(offset(start));
        start = line.1;
    }
    start = start.clamp(line.0, line.1);
    let mut end = boundary(&source.text, (span.end as usize).clamp(start, line.1));
    if line.1 - line.0 <= LONGEST_LINE {
        return Place { shown: line, marked: (start, end.max(start)) };
    }
    end = boundary(&source.text, end.min(start + LONGEST_LABEL)).max(start);
    let from = boundary(&source.text, start.saturating_sub(AROUND)).max(line.0);
    let to = boundary(&source.text, (end + AROUND).min(line.1)).max(end);
    Place { shown: (from, to), marked: (start, end) }
}

/// The span that a label is drawn under.
pub(super) fn marked(source: &Source, label: &Label) -> Span {
    let place = place(source, label.span);
    Span::new(label.span.file, place.marked.0, place.marked.1)
}

fn offset(at: usize) -> u32 {
    u32::try_from(at).unwrap_or(u32::MAX)
}

/// The last place between two characters that is not behind `at`.
fn boundary(text: &str, at: usize) -> usize {
    (0..=at.min(text.len())).rev().find(|at| text.is_char_boundary(*at)).unwrap_or(0)
}

/// True for characters that are never sent to a terminal.
fn is_unsafe(letter: char) -> bool {
    (letter.is_control() && letter != '\t' && letter != '\n')
        || matches!(letter, '\u{200B}'..='\u{200F}' | '\u{202A}'..='\u{202E}' | '\u{2028}' | '\u{2029}' | '\u{2060}'..='\u{2069}' | '\u{FEFF}')
}

/// The text with every unsafe character replaced by a visible one of the same length in bytes.
pub(super) fn visible(text: &str) -> Cow<'_, str> {
    if !text.chars().any(is_unsafe) {
        return Cow::Borrowed(text);
    }
    let replace = |letter: char| match (is_unsafe(letter), letter.len_utf8()) {
        (false, _) => letter,
        (true, 1) => '?',
        (true, 2) => '·',
        (true, _) => '\u{FFFD}',
    };
    Cow::Owned(text.chars().map(replace).collect())
}
