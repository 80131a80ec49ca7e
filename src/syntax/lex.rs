//! Bytes to tokens, in one pass over the text: what the scanner cuts along and what the printer puts back.
//!
//! Strings with all their holes are one token each, and so are paths and URLs with their parameters: every brace token
//! is a block's. Strings, regexes, raw ends and comments are read exactly as `grammar/gate.pest` reads them.

use super::literal;

/// Most levels of strings, holes and braces inside one string.
pub(super) const MAX_DEPTH: usize = 128;

/// How far a line is looked at for the end of a block, in bytes: keeps reading linear.
const LOOK_AHEAD_MAX: usize = 1024;

/// What a token is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// A line's end that ends the statement.
    Newline,
    /// A line's end inside brackets, or after an operator, a comma, `=` or `->`; only the scanner makes these.
    Break,
    /// `# …`, without the line's end.
    Comment,
    /// `;`
    Semi,
    /// `,`
    Comma,
    /// `(` or `[`
    OpenBracket,
    /// `)` or `]`
    CloseBracket,
    /// `{`
    OpenBrace,
    /// `}`
    CloseBrace,
    /// `->`
    Arrow,
    /// `=`
    Assign,
    /// `==` and the other comparisons, and `??`
    Operator,
    /// `:` that begins no address
    Colon,
    /// A name, a dotted name, a type, a host, a literal: what begins with a letter or an underscore.
    Word,
    /// What begins with a digit, `*`, or a colon and a digit.
    Number,
    /// A bare path or URL, or a path with a word before it: `unix:/run/gate.sock`.
    Path,
    /// `"…"` or `"""…"""`
    Text,
    /// `re"…"`
    Regex,
    /// A character that begins no token.
    Odd,
    /// A string or a character that is wrong in itself; its fault says how.
    Bad(Fault),
}

/// What is wrong with a token by itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Fault {
    /// A `"…"` that does not end on its line.
    OpenString,
    /// A `"""…"""` that does not end.
    OpenRaw,
    /// A `re"…"` that does not end on its line.
    OpenRegex,
    /// A `${` without its `}`.
    OpenHole,
    /// A `#` inside `${…}`, where no comment can stand.
    CommentInHole,
    /// Strings in strings, deeper than [`MAX_DEPTH`].
    TooDeep,
    /// A carriage return without a line feed.
    LoneReturn,
    /// A byte order mark that is not the file's first character.
    LateMark,
    /// Whitespace that is none of space, tab and line end, or a control character.
    StrangeSpace,
    /// A `#` that touches what stands before it.
    TouchingComment,
    /// A `/* … */`, which other languages have.
    BlockComment,
    /// A `"""…"""` with a quote too many or too few.
    TornRaw,
    /// A `{` that touches a path and has no `}`: a parameter that does not end.
    OpenParameter,
}

/// One token: `start..end` in bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Token {
    /// What it is.
    pub(super) kind: Kind,
    /// First byte.
    pub(super) start: u32,
    /// The byte after the last.
    pub(super) end: u32,
}

impl Token {
    /// The token's letters.
    pub(super) fn text(self, text: &str) -> &str {
        text.get(self.start as usize..self.end as usize).unwrap_or_default()
    }
}

/// What a string is nested in, innermost last.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Inside {
    Line,
    Raw,
    Hole,
    Brace,
}

pub(super) struct Lexer<'a> {
    text: &'a str,
    bytes: &'a [u8],
    at: usize,
    /// No `:/` follows a scheme that begins before this byte: asked once per run of letters.
    no_scheme_before: usize,
    /// Where the token before ended, if it was a path.
    path_end: Option<usize>,
    /// No `*/` follows: asked once.
    no_comment_ends: bool,
    /// A quote too many or too few is looked for where `"""` stands.
    doubting: bool,
}

/// All tokens of a text, in order. A byte order mark at the start is skipped.
pub(super) fn lex(text: &str) -> Vec<Token> {
    tokens(text, false)
}

/// All tokens of a text in which something is wrong: a quote too many or too few is looked for where `"""` stands.
pub(super) fn lex_doubting(text: &str) -> Vec<Token> {
    tokens(text, true)
}

fn tokens(text: &str, doubting: bool) -> Vec<Token> {
    let mut lexer = Lexer { text, bytes: text.as_bytes(), at: 0, no_scheme_before: 0, path_end: None, no_comment_ends: false, doubting };
    if text.starts_with('\u{FEFF}') {
        lexer.at = '\u{FEFF}'.len_utf8();
    }
    let mut tokens = Vec::with_capacity(text.len() / 5);
    while let Some(token) = lexer.token() {
        tokens.push(token);
    }
    tokens
}

impl Lexer<'_> {
    fn byte(&self, at: usize) -> u8 {
        self.bytes.get(at).copied().unwrap_or(0)
    }

    fn starts(&self, at: usize, with: &str) -> bool {
        self.bytes.get(at..).is_some_and(|rest| rest.starts_with(with.as_bytes()))
    }

    fn token(&mut self) -> Option<Token> {
        while matches!(self.byte(self.at), b' ' | b'\t') {
            self.at += 1;
        }
        let start = self.at;
        let first = *self.bytes.get(start)?;
        let (kind, end) = self.shape(first, start);
        self.at = end.max(start + 1);
        self.path_end = (kind == Kind::Path).then_some(self.at);
        let offset = |at: usize| u32::try_from(at).unwrap_or(u32::MAX);
        Some(Token { kind, start: offset(start), end: offset(self.at) })
    }

    fn shape(&mut self, first: u8, start: usize) -> (Kind, usize) {
        let second = self.byte(start + 1);
        match first {
            b'\n' => (Kind::Newline, start + 1),
            b'\r' if second == b'\n' => (Kind::Newline, start + 2),
            b'\r' => (Kind::Bad(Fault::LoneReturn), start + 1),
            b'#' if self.comment_may_stand(start) => (Kind::Comment, self.line_end(start)),
            b'#' => (Kind::Bad(Fault::TouchingComment), self.line_end(start)),
            b';' => (Kind::Semi, start + 1),
            b',' => (Kind::Comma, start + 1),
            b'(' | b'[' => (Kind::OpenBracket, start + 1),
            b')' | b']' => (Kind::CloseBracket, start + 1),
            b'{' => match self.open_parameter(start) {
                Some(end) => (Kind::Bad(Fault::OpenParameter), end),
                None => (Kind::OpenBrace, start + 1),
            },
            b'}' => (Kind::CloseBrace, start + 1),
            b'-' if second == b'>' => (Kind::Arrow, start + 2),
            b'=' | b'!' | b'<' | b'>' if second == b'=' => (Kind::Operator, start + 2),
            b'=' if second == b'>' => (Kind::Odd, start + 2),
            b'?' if second == b'?' => (Kind::Operator, start + 2),
            b'&' | b'|' if second == first => (Kind::Odd, start + 2),
            b'=' => (Kind::Assign, start + 1),
            b'<' | b'>' => (Kind::Operator, start + 1),
            b'"' => {
                let string = self.string(start);
                match self.torn_raw(start, string.1) {
                    Some((fault, end)) => (Kind::Bad(fault), end),
                    None => string,
                }
            }
            b'/' => match self.block_comment(start) {
                Some(end) => (Kind::Bad(Fault::BlockComment), end),
                None => (Kind::Path, literal::path_end(self.bytes, start)),
            },
            b':' => match literal::colon_end(self.bytes, start) {
                Some(end) => (Kind::Number, end),
                None => (Kind::Colon, start + 1),
            },
            b'*' => (Kind::Number, literal::run_end(self.bytes, start + 1)),
            b'0'..=b'9' => (Kind::Number, literal::number_end(self.bytes, start)),
            b'a'..=b'z' | b'A'..=b'Z' | b'_' => self.word(start),
            _ => self.odd(start),
        }
    }

    /// A comment stands at a line's start, after whitespace, after a delimiter and after a closing quote.
    fn comment_may_stand(&self, at: usize) -> bool {
        at.checked_sub(1).is_none_or(|before| {
            matches!(self.byte(before), b' ' | b'\t' | b'\n' | b'{' | b'}' | b'(' | b')' | b'[' | b']' | b',' | b';' | b'"')
                || self.bytes.get(..at).is_some_and(|all| all == "\u{FEFF}".as_bytes())
        })
    }

    /// The end of the `/*` comment at `start`: one that begins a line, or ends on its own. Elsewhere `/*` begins a path.
    fn block_comment(&mut self, start: usize) -> Option<usize> {
        if !self.starts(start, "/*") {
            return None;
        }
        let before = self.bytes.get(..start).unwrap_or_default();
        let first = before.iter().rev().find(|byte| !matches!(byte, b' ' | b'\t')).is_none_or(|byte| *byte == b'\n');
        let rest = self.bytes.get(start + 2..).unwrap_or_default();
        let line = self.line_end(start);
        let rest = if first { rest } else { self.bytes.get(start + 2..line).unwrap_or_default() };
        let close = if first && self.no_comment_ends { None } else { memchr::memmem::find(rest, b"*/") };
        self.no_comment_ends |= first && close.is_none();
        match close {
            // `GET /**/x` is meant as a path.
            Some(0) if !first => None,
            Some(at) => Some(start + 2 + at + 2),
            None => first.then_some(line),
        }
    }

    /// The end of the parameter without `}` that begins at `start`: a `{` between a path and a name, unless it opens a block
    /// that ends on the line.
    fn open_parameter(&self, start: usize) -> Option<usize> {
        let first = self.byte(start + 1);
        if self.path_end != Some(start) || !(first.is_ascii_alphabetic() || first == b'_') {
            return None;
        }
        let end = self.line_end(start).min(start + LOOK_AHEAD_MAX);
        let line = self.bytes.get(start + 1..end)?;
        let depth = |depth: isize, byte: &u8| match byte {
            b'{' => Some(depth + 1),
            b'}' => Some(depth - 1).filter(|depth| *depth >= 0),
            _ => Some(depth),
        };
        line.iter().try_fold(0, depth)?;
        Some(start + 1 + line.iter().position(u8::is_ascii_whitespace).unwrap_or(line.len()))
    }

    fn line_end(&self, at: usize) -> usize {
        let rest = self.bytes.get(at..).unwrap_or_default();
        at + memchr::memchr2(b'\r', b'\n', rest).unwrap_or(rest.len())
    }

    fn odd(&self, start: usize) -> (Kind, usize) {
        let Some(found) = self.text.get(start..).and_then(|rest| rest.chars().next()) else {
            return (Kind::Odd, start + 1);
        };
        let kind = match found {
            '\u{FEFF}' => Kind::Bad(Fault::LateMark),
            _ if found.is_whitespace() || found.is_control() || is_invisible(found) => Kind::Bad(Fault::StrangeSpace),
            _ => Kind::Odd,
        };
        (kind, start + found.len_utf8())
    }

    fn word(&mut self, start: usize) -> (Kind, usize) {
        if start >= self.no_scheme_before {
            let end = literal::scheme_end(self.bytes, start);
            if self.starts(end, ":/") {
                let after = end + if self.starts(end, "://") { 3 } else { 1 };
                let host = literal::bracketed_end(self.bytes, after).unwrap_or(after);
                return (Kind::Path, literal::path_end(self.bytes, host));
            }
            self.no_scheme_before = end;
        }
        if self.starts(start, "re\"") {
            return match self.regex(start) {
                Some(end) => (Kind::Regex, end),
                None => (Kind::Bad(Fault::OpenRegex), self.line_end(start)),
            };
        }
        (Kind::Word, literal::word_end(self.bytes, start))
    }

    /// The end of the `re"…"` at `start`, or nothing when its line ends first.
    fn regex(&self, start: usize) -> Option<usize> {
        literal::regex_end(self.bytes, start)
    }

    /// The string at `start`: a token to its last quote, or a bad one from which reading can go on.
    fn string(&self, start: usize) -> (Kind, usize) {
        let raw = self.starts(start, "\"\"\"");
        let mut inside = vec![if raw { Inside::Raw } else { Inside::Line }];
        let mut at = start + if raw { 3 } else { 1 };
        loop {
            let Some(innermost) = inside.last().copied() else {
                return (Kind::Text, at);
            };
            if inside.len() > MAX_DEPTH {
                return self.broken(Fault::TooDeep, raw, at);
            }
            let one_line = inside.contains(&Inside::Line);
            let Some(byte) = self.bytes.get(at).copied() else {
                return self.broken(open_fault(&inside), raw, at);
            };
            if one_line && matches!(byte, b'\n' | b'\r') {
                let lone = byte == b'\r' && self.byte(at + 1) != b'\n';
                return self.broken(if lone { Fault::LoneReturn } else { open_fault(&inside) }, raw, at);
            }
            at = match innermost {
                Inside::Line => match byte {
                    b'"' => {
                        inside.pop();
                        at + 1
                    }
                    b'\\' if !matches!(self.byte(at + 1), b'\r' | b'\n') => at + 2,
                    b'$' if self.byte(at + 1) == b'{' => {
                        inside.push(Inside::Hole);
                        at + 2
                    }
                    _ => at + 1,
                },
                Inside::Raw => match byte {
                    b'"' => {
                        let run = self.quotes(at);
                        if run >= 3 {
                            inside.pop();
                        }
                        at + run
                    }
                    b'$' if self.starts(at, "$${") => at + 3,
                    b'$' if self.byte(at + 1) == b'{' => {
                        inside.push(Inside::Hole);
                        at + 2
                    }
                    _ => at + 1,
                },
                Inside::Hole | Inside::Brace => match byte {
                    b'}' => {
                        inside.pop();
                        at + 1
                    }
                    b'{' => {
                        inside.push(Inside::Brace);
                        at + 1
                    }
                    b'"' if self.starts(at, "\"\"\"") => {
                        inside.push(Inside::Raw);
                        at + 3
                    }
                    b'"' => {
                        inside.push(Inside::Line);
                        at + 1
                    }
                    b'r' if self.starts(at, "re\"") && !self.in_word(at) => match self.regex(at) {
                        Some(end) => end,
                        None => return self.broken(Fault::OpenRegex, raw, at),
                    },
                    b'#' if self.comment_may_stand(at) => return self.broken(Fault::CommentInHole, raw, at),
                    b'\r' if self.byte(at + 1) != b'\n' => return self.broken(Fault::LoneReturn, raw, at),
                    _ => at + 1,
                },
            };
        }
    }

    /// Where the string at `start` should end, which was read up to `end`, when it looks like a `"""…"""` on one line of which
    /// quotes are missing or doubled, or of which a hole has no end: its line ends with quotes, or it touches what follows and
    /// more quotes stand there.
    fn torn_raw(&self, start: usize, end: usize) -> Option<(Fault, usize)> {
        if !self.doubting || !self.starts(start, "\"\"") {
            return None;
        }
        let line = self.text.get(start..self.line_end(start))?;
        let code = line.rfind(" #").and_then(|comment| line.get(..comment)).unwrap_or(line);
        let code = code.trim_end_matches([' ', '\t', ';', '}']);
        if end > start + line.len() {
            let body = code.strip_suffix("\"\"")?;
            let fault = if body.ends_with('"') { Fault::OpenHole } else { Fault::TornRaw };
            return (body.len() > 3).then_some((fault, start + code.len()));
        }
        let rest = line.get(end - start..)?;
        let touches = rest.starts_with(|next: char| !next.is_whitespace() && !matches!(next, ';' | ',' | ')' | ']' | '}'));
        let quotes = memchr::memmem::rfind(rest.as_bytes(), b"\"\"\"").filter(|_| touches)?;
        Some((Fault::TornRaw, end + quotes + 3))
    }

    fn in_word(&self, at: usize) -> bool {
        at.checked_sub(1).is_some_and(|before| matches!(self.byte(before), b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'_' | b'-' | b'.'))
    }

    fn quotes(&self, at: usize) -> usize {
        self.bytes.get(at..).unwrap_or_default().iter().take_while(|byte| **byte == b'"').count()
    }

    /// A bad string reaches to the end of the line, a bad raw string to the next three quotes or the end of the file.
    fn broken(&self, fault: Fault, raw: bool, at: usize) -> (Kind, usize) {
        if !raw {
            return (Kind::Bad(fault), self.line_end(at.min(self.bytes.len())));
        }
        let rest = self.bytes.get(at..).unwrap_or_default();
        let end = memchr::memmem::find(rest, b"\"\"\"").map_or(self.bytes.len(), |quotes| at + quotes + self.quotes(at + quotes));
        (Kind::Bad(fault), end)
    }
}

/// Characters that take no room on the screen and so hide what a file says.
fn is_invisible(found: char) -> bool {
    matches!(found, '\u{200B}'..='\u{200F}' | '\u{202A}'..='\u{202E}' | '\u{2060}'..='\u{2069}' | '\u{FFF9}'..='\u{FFFB}')
}

fn open_fault(inside: &[Inside]) -> Fault {
    match inside {
        [Inside::Line] => Fault::OpenString,
        [Inside::Raw] => Fault::OpenRaw,
        _ => Fault::OpenHole,
    }
}
