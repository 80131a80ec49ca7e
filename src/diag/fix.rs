//! Machine fixes put into effect on a text.

use super::{Diagnostic, Edit, FileId, Fix};

/// A text after a round of fixes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fixed {
    /// The text.
    pub text: String,
    /// What was done, in the order of the places.
    pub done: Vec<String>,
}

/// Puts the fixes of one file into effect, of those that touch the same place only the first; none when there is none.
#[must_use]
pub fn apply(text: &str, file: FileId, found: &[Diagnostic]) -> Option<Fixed> {
    let fixes = found.iter().flat_map(|diagnostic| &diagnostic.fixes);
    let mut taken: Vec<&Fix> = Vec::new();
    for fix in fixes.filter(|fix| !fix.edits.is_empty() && fix.edits.iter().all(|edit| fits(edit, file, text))) {
        let touches = |other: &&Fix| other.edits.iter().any(|one| fix.edits.iter().any(|edit| overlap(one, edit)));
        if !taken.iter().any(touches) {
            taken.push(fix);
        }
    }
    if taken.is_empty() {
        return None;
    }
    taken.sort_by_key(|fix| fix.edits.first().map(|edit| edit.span));
    let mut edits: Vec<&Edit> = taken.iter().flat_map(|fix| &fix.edits).collect();
    edits.sort_by_key(|edit| edit.span);
    let mut out = String::with_capacity(text.len());
    let mut at = 0;
    for edit in edits {
        let (start, end) = range(edit, text);
        // Two removals may leave one line to both.
        out.push_str(text.get(at..start.max(at)).unwrap_or_default());
        out.push_str(&edit.text);
        at = end.max(at);
    }
    out.push_str(text.get(at..).unwrap_or_default());
    Some(Fixed { text: out, done: taken.iter().map(|fix| fix.message.clone()).collect() })
}

fn fits(edit: &Edit, file: FileId, text: &str) -> bool {
    edit.span.file == file && text.get(edit.span.start as usize..edit.span.end as usize).is_some()
}

fn overlap(one: &Edit, other: &Edit) -> bool {
    let (first, second) = if one.span <= other.span { (one.span, other.span) } else { (other.span, one.span) };
    first == second || second.start < first.end
}

/// What an edit replaces: its span, the whole line where it leaves nothing of it, and a `;` where it takes a statement away.
fn range(edit: &Edit, text: &str) -> (usize, usize) {
    let (start, end) = (edit.span.start as usize, edit.span.end as usize);
    if !edit.text.is_empty() || start == end {
        return (start, end);
    }
    let before = text.get(..start).unwrap_or_default();
    let after = text.get(end..).unwrap_or_default();
    let line_start = before.rfind('\n').map_or(0, |newline| newline + 1);
    let line_end = after.find('\n').map_or(text.len(), |newline| end + newline + 1);
    let left = text.get(line_start..start).unwrap_or_default().trim_end();
    let right = text.get(end..line_end).unwrap_or_default().trim_start();
    if left.is_empty() && right.is_empty() {
        return (line_start, line_end);
    }
    let begins = left.is_empty() || left.ends_with([';', '{']);
    let ends = right.is_empty() || right.starts_with([';', '}', '#']);
    if !(begins && ends) {
        return (start, end);
    }
    if let Some(rest) = right.strip_prefix(';') {
        let rest = if left.is_empty() && rest.trim().is_empty() { "" } else { rest.trim_start_matches([' ', '\t']) };
        let from = if rest.is_empty() { line_start } else { start };
        return (from, line_end - rest.len());
    }
    match left.strip_suffix(';') {
        Some(rest) => (line_start + rest.trim_end().len(), end),
        None => (start, end + after.len() - after.trim_start_matches([' ', '\t']).len()),
    }
}

#[cfg(test)]
mod tests {
    use super::apply;
    use crate::diag::{Code, Diagnostic, Edit, FileId, Span};

    fn fix(edits: &[(usize, usize, &str)]) -> Diagnostic {
        let edits = edits.iter().map(|(start, end, text)| Edit { span: Span::new(FileId(0), *start, *end), text: (*text).to_owned() });
        Diagnostic::new(Code::NameUnknown, "x").fix("change it", edits.collect())
    }

    #[test]
    fn fixes_are_applied_at_their_places() {
        let fixed = apply("one two three", FileId(0), &[fix(&[(8, 13, "3")]), fix(&[(0, 3, "1"), (4, 4, "and ")])]).unwrap();
        assert_eq!(fixed.text, "1 and two 3");
        assert_eq!(fixed.done.len(), 2);
    }

    #[test]
    fn of_two_fixes_of_one_place_the_first_is_applied() {
        let fixed = apply("one two", FileId(0), &[fix(&[(0, 3, "1")]), fix(&[(2, 5, "x")])]).unwrap();
        assert_eq!((fixed.text.as_str(), fixed.done.len()), ("1 two", 1));
    }

    #[test]
    fn a_line_of_which_nothing_is_left_goes_with_its_end() {
        assert_eq!(apply("a\n  drop b\nc\n", FileId(0), &[fix(&[(4, 10, "")])]).unwrap().text, "a\nc\n");
        assert_eq!(apply("a; drop b\nc\n", FileId(0), &[fix(&[(3, 9, "")])]).unwrap().text, "a\nc\n");
    }

    #[test]
    fn a_statement_that_goes_takes_its_separator_along() {
        let without = |text: &str| {
            let start = text.find("drop b").unwrap();
            apply(text, FileId(0), &[fix(&[(start, start + 6, "")])]).unwrap().text
        };
        assert_eq!(without("r { a; drop b; c }"), "r { a; c }");
        assert_eq!(without("r { drop b; c }"), "r { c }");
        assert_eq!(without("r { a; drop b }"), "r { a }");
        assert_eq!(without("r { drop b }"), "r { }");
        assert_eq!(without("r { drop b\n  c }"), "r { \n  c }");
        assert_eq!(without("r {\n  drop b; c\n}"), "r {\n  c\n}");
        assert_eq!(without("r {\n  drop b;\n  c\n}"), "r {\n  c\n}");
        assert_eq!(without("r {\n  a; drop b # why\n}"), "r {\n  a # why\n}");
        assert_eq!(without("r [a, drop b, c]"), "r [a, , c]");
    }

    #[test]
    fn a_fix_of_another_file_or_beyond_the_end_is_left_alone() {
        assert_eq!(apply("one", FileId(1), &[fix(&[(0, 1, "x")])]), None);
        assert_eq!(apply("one", FileId(0), &[fix(&[(2, 9, "x")])]), None);
    }
}
