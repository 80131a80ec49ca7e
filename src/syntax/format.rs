//! The printer behind `gate fmt`: the lexer's tokens put back with the layout of the language, and nothing else. What
//! it prints is read again; unless the tree is the same, nothing is printed at all.

use super::ast::Ast;
use super::lex::{Kind, Token, lex};
use super::report::Findings;
use super::scan::{Scan, scan};
use super::{parse, unplaced};
use crate::diag::{Code, Diagnostic, FileId, Report, Span};

/// The text in the layout of the language: two spaces a level, one between clauses, at most one blank line.
///
/// # Errors
/// The syntax errors of the text; a text with errors is never printed.
pub fn format(text: &str) -> Result<String, Vec<Diagnostic>> {
    let before = read(text)?;
    let printed = print(text, &scan(FileId::default(), text, lex(text), &mut Findings::default()));
    let same = read(&printed).is_ok_and(|after| unplaced::file(after) == unplaced::file(before));
    if same {
        return Ok(printed);
    }
    let refused = Diagnostic::new(Code::SyntaxUnexpected, "the formatted text would not mean the same")
        .at(Span::new(FileId::default(), 0, 0), "so this file is left as it is")
        .help("this is a fault of `gate fmt`; please report it with the file");
    Err(vec![refused])
}

fn read(text: &str) -> Result<Ast, Vec<Diagnostic>> {
    let mut report = Report::new();
    let ast = parse(FileId::default(), text, &mut report);
    if report.has_errors() { Err(report.into_sorted()) } else { Ok(ast) }
}

fn print(text: &str, scan: &Scan) -> String {
    let mut printer = Printer {
        text,
        tokens: &scan.tokens,
        out: String::with_capacity(text.len()),
        levels: Vec::new(),
        line_indent: 0,
        newlines: 0,
        semi: false,
        in_statement: false,
        last: None,
    };
    for at in 0..scan.tokens.len() {
        printer.token(at);
    }
    if !printer.out.is_empty() {
        printer.out.push_str(if printer.newlines > 1 { "\n\n" } else { "\n" });
    }
    printer.out
}

/// Something that is open.
struct Level {
    /// A block; else a bracket.
    block: bool,
    /// A block that stays on its line.
    one_line: bool,
    /// The level of the line it was opened on.
    indent: usize,
}

struct Printer<'a> {
    text: &'a str,
    tokens: &'a [Token],
    out: String,
    levels: Vec<Level>,
    /// The level of the line that is being printed.
    line_indent: usize,
    /// Line ends since the last printed token.
    newlines: usize,
    /// A `;` since the last printed token.
    semi: bool,
    /// The last printed token belongs to a statement that has not ended.
    in_statement: bool,
    last: Option<Token>,
}

impl Printer<'_> {
    fn token(&mut self, at: usize) {
        let Some(token) = self.tokens.get(at).copied() else { return };
        match token.kind {
            Kind::Newline | Kind::Break => {
                self.newlines += 1;
                if token.kind == Kind::Newline {
                    self.in_statement = false;
                }
                return;
            }
            Kind::Semi => {
                self.semi = true;
                self.in_statement = false;
                return;
            }
            _ => {}
        }
        let closing = match token.kind {
            Kind::CloseBrace | Kind::CloseBracket => self.levels.pop(),
            _ => None,
        };
        self.space(token, closing.as_ref());
        self.out.push_str(token.text(self.text).trim_end());
        match token.kind {
            Kind::OpenBrace => {
                let one_line = self.is_one_line(at);
                self.levels.push(Level { block: true, one_line, indent: self.line_indent });
                self.in_statement = false;
            }
            Kind::OpenBracket => self.levels.push(Level { block: false, one_line: false, indent: self.line_indent }),
            Kind::CloseBrace => self.in_statement = false,
            Kind::Comment => {}
            _ => self.in_statement = true,
        }
        (self.newlines, self.semi) = (0, false);
        self.last = Some(token);
    }

    /// A block stays on its line when no line ends inside.
    fn is_one_line(&self, open: usize) -> bool {
        let mut depth = 0_usize;
        for token in self.tokens.iter().skip(open) {
            match token.kind {
                Kind::OpenBrace => depth += 1,
                Kind::CloseBrace => depth = depth.saturating_sub(1),
                Kind::Newline | Kind::Break => return false,
                _ => {}
            }
            if depth == 0 {
                return true;
            }
        }
        false
    }

    /// What stands between the last token and this one.
    fn space(&mut self, token: Token, closing: Option<&Level>) {
        let Some(last) = self.last else { return };
        let opened = matches!(last.kind, Kind::OpenBrace | Kind::OpenBracket);
        let block_edge = |kind| matches!(kind, Kind::OpenBrace | Kind::CloseBrace);
        if let Some(level) = closing.filter(|level| level.block) {
            return match (level.one_line, opened) {
                (true, true) => {}
                (true, false) => self.out.push(' '),
                (false, _) => self.line(level.indent, self.newlines > 1 && !opened),
            };
        }
        if last.kind == Kind::OpenBrace && token.kind != Kind::Comment {
            let one_line = self.levels.last().is_some_and(|level| level.one_line);
            return if one_line { self.out.push(' ') } else { self.line(self.inner(), self.newlines > 1) };
        }
        if self.newlines > 0 {
            let indent = match closing {
                Some(level) => level.indent,
                None if self.in_statement && self.levels.last().is_none_or(|level| level.block) => self.inner() + 1,
                None => self.inner(),
            };
            return self.line(indent, self.newlines > 1);
        }
        if token.kind == Kind::Comment {
            return self.out.push(' ');
        }
        if self.semi {
            return self.out.push_str("; ");
        }
        if block_edge(token.kind) || self.is_spaced(last, token) {
            self.out.push(' ');
        }
    }

    /// One space, or none, between two tokens of a statement.
    fn is_spaced(&self, last: Token, token: Token) -> bool {
        let in_brackets = self.levels.last().is_some_and(|level| !level.block);
        if matches!(token.kind, Kind::Comma | Kind::CloseBracket | Kind::Colon) || last.kind == Kind::OpenBracket {
            return false;
        }
        let sign = |kind| matches!(kind, Kind::Arrow | Kind::Assign | Kind::Operator);
        match last.kind {
            Kind::Comma => in_brackets || last.end < token.start,
            Kind::Colon => true,
            _ => sign(last.kind) || sign(token.kind) || last.end < token.start,
        }
    }

    /// The level of what stands in the innermost open thing.
    fn inner(&self) -> usize {
        self.levels.last().map_or(0, |level| level.indent + 1)
    }

    fn line(&mut self, indent: usize, blank: bool) {
        self.out.push_str(if blank { "\n\n" } else { "\n" });
        for _ in 0..indent {
            self.out.push_str("  ");
        }
        self.line_indent = indent;
    }
}
