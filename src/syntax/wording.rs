//! What the reader says of faults that the scanner finds: brackets, braces, strings, depth and strange characters.

use super::lex::Fault;
use super::scan::MAX_DEPTH;
use crate::diag::{Code, Diagnostic, Edit, Span};

/// `unix:gate.sock`: a path that depends on where the gateway is started is no address.
#[must_use]
pub fn relative_socket(code: Code, span: Span) -> Diagnostic {
    Diagnostic::new(code, "the path of a Unix socket is absolute")
        .at(span, "no `/` behind `unix:`")
        .help("write all of it, such as `unix:/run/gate.sock`")
}

/// A token that is wrong in itself. `text` is the whole file.
pub(super) fn bad_token(fault: Fault, span: Span, text: &str) -> Diagnostic {
    let first = |length: usize| Span { end: (span.start as usize + length).min(span.end as usize) as u32, ..span };
    match fault {
        Fault::OpenString => Diagnostic::new(Code::SyntaxString, "a string does not end on its line")
            .at(span, "the closing `\"` is missing")
            .help("put the closing `\"`; text over several lines goes between `\"\"\"` and `\"\"\"`"),
        Fault::OpenRaw => {
            Diagnostic::new(Code::SyntaxString, "a raw string does not end").at(first(3), "opened here").help("close it with `\"\"\"`")
        }
        Fault::OpenRegex => Diagnostic::new(Code::SyntaxString, "a regex does not end on its line")
            .at(span, "the closing `\"` is missing")
            .help("put the closing `\"`; a quote inside is written `\\\"`"),
        Fault::OpenHole => Diagnostic::new(Code::SyntaxString, "an interpolation in a string does not end")
            .at(line_of(span, text), "a `${` in here has no `}`")
            .help("close it with `}`; a `$` that begins no interpolation is written `\\$`, in a raw string `$${`"),
        Fault::CommentInHole => Diagnostic::new(Code::SyntaxString, "a comment stands inside `${…}`")
            .at(line_of(span, text), "in this string")
            .help("put the comment outside of the string"),
        Fault::TooDeep => too_deep(first(1), "strings"),
        Fault::LoneReturn => Diagnostic::new(Code::SyntaxUnexpected, "a carriage return stands without a line feed")
            .at(line_of(span, text), "it would hide a part of this line in a terminal")
            .help("end lines with LF or CRLF"),
        Fault::LateMark => Diagnostic::new(Code::SyntaxUnexpected, "a byte order mark stands inside the file")
            .at(span, "only a file's first character may be one")
            .fix("remove the byte order mark", vec![Edit { span, text: String::new() }]),
        Fault::StrangeSpace => {
            let found = text.get(span.start as usize..span.end as usize).and_then(|found| found.chars().next()).unwrap_or_default();
            Diagnostic::new(
                Code::SyntaxUnexpected,
                format!("the character U+{:04X} cannot be seen and means nothing here", u32::from(found)),
            )
            .at(span, "between these")
            .help("use spaces and tabs; in a string write it as `\\u{…}`")
            .fix("replace it by a space", vec![Edit { span, text: " ".to_owned() }])
        }
        Fault::TouchingComment => Diagnostic::new(Code::SyntaxUnexpected, "a `#` touches what stands before it")
            .at(first(1), "neither a comment nor a part of a word")
            .help("put a space before a comment; text with a `#` goes in quotes")
            .fix("put a space before the comment", vec![Edit { span: span.before(), text: " ".to_owned() }]),
        Fault::BlockComment => Diagnostic::new(Code::SyntaxUnexpected, "`/*` begins no comment")
            .at(first(2), "comments begin with `#` and end with their line")
            .help("write `#` before each line of it"),
        Fault::TornRaw => Diagnostic::new(Code::SyntaxString, "the quotes of a raw string do not match")
            .at(span, "three quotes begin it, three end it")
            .help("write `\"\"\"` before the text and `\"\"\"` behind it"),
        Fault::OpenParameter => Diagnostic::new(Code::SyntaxBrace, "a path parameter is not closed")
            .at(span, "the `}` is missing")
            .help("write `{name}` or `{name:type}`; to open a block, put a space before `{`"),
    }
}

/// The span's first line: a whole raw string is too much to underline.
fn line_of(span: Span, text: &str) -> Span {
    let all = text.get(span.start as usize..span.end as usize).unwrap_or_default();
    let length = all.find(['\r', '\n']).unwrap_or(all.len()).max(1);
    Span::new(span.file, span.start as usize, (span.start as usize + length).min(span.end as usize))
}

/// Nesting beyond the limit.
pub(super) fn too_deep(span: Span, what: &str) -> Diagnostic {
    Diagnostic::new(Code::SyntaxTooDeep, format!("{what} nest deeper than {MAX_DEPTH} levels"))
        .at(span, format!("this is level {}", MAX_DEPTH + 1))
        .help("name an inner part with `let` or `policy` and use the name")
}

/// A `{` without a statement's word before it.
pub(super) fn headless_block(span: Span) -> Diagnostic {
    Diagnostic::new(Code::SyntaxUnexpected, "a block has no statement before it")
        .at(span, "whose block is this")
        .help("put `{` on the line of its statement, after a space")
}

/// `//` where a comment was meant; the text behind it may stand apart.
pub(super) fn no_comment(marks: Span, spaced: bool) -> Diagnostic {
    Diagnostic::new(Code::SyntaxUnexpected, "`//` begins no comment")
        .at(marks, "comments begin with `#`")
        .help("write `#`")
        .fix("write `#`", vec![Edit { span: marks, text: if spaced { "#" } else { "# " }.to_owned() }])
}

/// A `{` behind a `{`.
pub(super) fn doubled_brace(span: Span) -> Diagnostic {
    Diagnostic::new(Code::SyntaxBrace, "`{` stands twice")
        .at(span, "a block was opened just before")
        .help("remove one of them")
        .fix("remove it", vec![Edit { span, text: String::new() }])
}

/// Something behind the `}` of a statement.
pub(super) fn after_block(span: Span, word: &str) -> Diagnostic {
    if word.starts_with("//") {
        return no_comment(Span { end: span.start + 2, ..span }, word == "//");
    }
    Diagnostic::new(Code::SyntaxUnexpected, format!("`{}` stands behind the `}}` that ends its statement", short(word)))
        .at(span, "a new statement needs a new line")
        .help("put it on its own line, or a `;` before it")
        .fix("begin a new statement", vec![Edit { span: span.before(), text: "; ".to_owned() }])
}

/// A `)` or `]` that closes nothing.
pub(super) fn stray_bracket(span: Span, letters: &str) -> Diagnostic {
    Diagnostic::new(Code::SyntaxBrace, format!("`{letters}` closes nothing"))
        .at(span, "nothing is open here")
        .help(format!("remove it, or open it with `{}`", if letters == ")" { "(" } else { "[" }))
}

/// `(a]`
pub(super) fn wrong_bracket(open: Span, open_letters: &str, span: Span, letters: &str) -> Diagnostic {
    Diagnostic::new(Code::SyntaxBrace, format!("`{open_letters}` is closed by `{letters}`"))
        .at(span, "closed here")
        .also(open, "opened here")
        .help("close brackets in the order they were opened, each with its own kind")
}

/// A bracket that is still open where its statement must end.
pub(super) fn unclosed_bracket(open: Span, letters: &str, closing: &str, stop: Span) -> Diagnostic {
    let found = Diagnostic::new(Code::SyntaxBrace, format!("`{letters}` is not closed")).at(open, "opened here");
    let found = if stop.is_empty() { found } else { found.also(stop, format!("`{closing}` is missing before this")) };
    found.help(format!("close it with `{closing}`"))
}

/// A `}` that closes nothing.
pub(super) fn stray_brace(span: Span) -> Diagnostic {
    Diagnostic::new(Code::SyntaxBrace, "`}` closes nothing")
        .at(span, "no block is open here")
        .help("remove it, or look for a `{` that is missing before it")
}

/// A block whose `{` is missing behind the head that ends at `head`.
pub(super) fn unopened_block(head: Span, word: &str) -> Diagnostic {
    Diagnostic::new(Code::SyntaxBrace, format!("the block of `{}` is not opened", short(word)))
        .at(head.after(), "`{` is missing here")
        .help("put `{` at the end of the line")
        .fix("put `{` at the end of the line", vec![Edit { span: head.after(), text: " {".to_owned() }])
}

/// A block whose end is missing before the line `here`.
pub(super) fn unclosed_block(open: Span, word: &str, here: Span) -> Diagnostic {
    Diagnostic::new(Code::SyntaxBrace, format!("the block of `{}` is not closed", short(word)))
        .at(open, "opened here")
        .also(here, "a `}` is missing before this, by the indentation")
        .help("close it with `}`")
}

/// Blocks that are open at the end of the file, the innermost first.
pub(super) fn unclosed_blocks(opens: &[(Span, &str)]) -> Diagnostic {
    let message = match opens {
        [(_, word)] if *word != "{" => format!("the block of `{}` is not closed", short(word)),
        [_] => "a block is not closed".to_owned(),
        _ => format!("{} blocks are not closed", opens.len()),
    };
    let mut found = Diagnostic::new(Code::SyntaxBrace, message);
    for (at, (span, _)) in opens.iter().take(3).enumerate() {
        found = if at == 0 { found.at(*span, "opened here") } else { found.also(*span, "and here") };
    }
    found.help(if opens.len() == 1 { "close it with `}`" } else { "close each with `}`" })
}

/// The first letters of something that may be long.
pub(super) fn short(word: &str) -> String {
    const LONGEST: usize = 40;
    let line = word.lines().next().unwrap_or_default();
    if line.chars().count() <= LONGEST && line.len() == word.len() {
        return line.to_owned();
    }
    line.chars().take(LONGEST).chain(std::iter::once('…')).collect()
}
