//! Tokens to statements: balances braces and brackets, bounds depth, and cuts the file so that the grammar sees one
//! statement's head at a time. That makes recovery a matter of cutting: a broken head costs itself and nothing else.
//!
//! Indentation is looked at only when braces do not balance, in a second pass, to tell which brace is the wrong one.

mod repair;

use super::lex::{Fault, Kind, Token};
use super::report::Findings;
use super::wording;
use crate::diag::{FileId, Span};

/// Most levels of blocks, and of brackets in one statement.
pub(super) const MAX_DEPTH: usize = 128;

/// Most times that reading goes back to a line that an unclosed bracket had swallowed: keeps the scan linear.
const MAX_REWINDS: usize = 200;

/// One statement, cut but not parsed. Indices are into the tokens.
#[derive(Debug, Default)]
pub(super) struct Piece {
    /// The `##` lines before it.
    pub(super) docs: Vec<usize>,
    /// The head's first token.
    pub(super) first: usize,
    /// The token behind the head's last one.
    pub(super) end: usize,
    /// True when a fault in it has been reported already.
    pub(super) broken: bool,
    /// Its block.
    pub(super) block: Option<Block>,
}

/// The inside of a pair of braces.
#[derive(Debug)]
pub(super) struct Block {
    /// The opening brace.
    pub(super) open: usize,
    /// The closing brace, or the token before which it is missing.
    pub(super) close: usize,
    /// Its statements.
    pub(super) pieces: Vec<Piece>,
    /// True when its closing brace is missing or something in it was skipped.
    pub(super) damaged: bool,
}

/// A file, cut.
#[derive(Debug, Default)]
pub(super) struct Scan {
    /// All tokens; line ends inside a statement are [`Kind::Break`].
    pub(super) tokens: Vec<Token>,
    /// The statements at the top.
    pub(super) pieces: Vec<Piece>,
}

/// Cuts the tokens of a text into statements and reports what does not balance.
pub(super) fn scan(file: FileId, text: &str, mut tokens: Vec<Token>, findings: &mut Findings) -> Scan {
    let mut straight = Findings::default();
    let mut cutter = Cutter::new(file, text, &mut tokens, &mut straight, false);
    cutter.run();
    let (pieces, unbalanced, surplus) = (std::mem::take(&mut cutter.top), cutter.unbalanced, cutter.surplus);
    if !unbalanced {
        findings.extend(straight);
        return Scan { tokens, pieces };
    }
    let mut cutter = Cutter::new(file, text, &mut tokens, findings, true);
    cutter.surplus = surplus;
    cutter.run();
    let pieces = std::mem::take(&mut cutter.top);
    Scan { tokens, pieces }
}

/// The statement that is being read.
struct Head {
    docs: Vec<usize>,
    first: usize,
    end: usize,
    indent: usize,
    broken: bool,
    brackets: Vec<usize>,
    /// First tokens of the lines since the outermost open bracket, with their indentation.
    lines: Vec<(usize, usize)>,
}

/// A block that is being read.
struct Frame {
    head: Head,
    open: usize,
    pieces: Vec<Piece>,
    damaged: bool,
    /// Its statements are indented deeper than its head, so indentation may speak.
    judged: Option<bool>,
}

struct Cutter<'a> {
    file: FileId,
    text: &'a str,
    tokens: &'a mut Vec<Token>,
    findings: &'a mut Findings,
    by_indent: bool,
    unbalanced: bool,
    /// There are closing braces without an opening one.
    surplus: bool,
    frames: Vec<Frame>,
    top: Vec<Piece>,
    head: Option<Head>,
    docs: Vec<usize>,
    /// The brace that has just closed a statement.
    closed: bool,
    line_start: usize,
    line_indent: usize,
    line_first: bool,
    rewinds: usize,
}

impl<'a> Cutter<'a> {
    fn new(file: FileId, text: &'a str, tokens: &'a mut Vec<Token>, findings: &'a mut Findings, by_indent: bool) -> Self {
        Self {
            file,
            text,
            tokens,
            findings,
            by_indent,
            unbalanced: false,
            surplus: false,
            frames: Vec::new(),
            top: Vec::new(),
            head: None,
            docs: Vec::new(),
            closed: false,
            line_start: 0,
            line_indent: 0,
            line_first: true,
            rewinds: 0,
        }
    }

    fn span(&self, at: usize) -> Span {
        let end = self.text.len();
        self.tokens
            .get(at)
            .map_or_else(|| Span::new(self.file, end, end), |token| Span::new(self.file, token.start as usize, token.end as usize))
    }

    fn letters(&self, at: usize) -> &'a str {
        self.tokens.get(at).map_or("", |token| token.text(self.text))
    }

    fn run(&mut self) {
        let mut at = 0;
        loop {
            while let Some(token) = self.tokens.get(at).copied() {
                at = self.step(at, token);
            }
            match self.unclosed_bracket(at) {
                Some(line) => at = line,
                None => break,
            }
        }
        self.finish();
        if !self.frames.is_empty() {
            self.unbalanced = true;
            // What a raw string without an end has swallowed may have closed them.
            let swallowed = self.tokens.last().is_some_and(|token| token.kind == Kind::Bad(Fault::OpenRaw));
            let opens: Vec<_> = self.frames.iter().rev().map(|frame| (self.span(frame.open), self.letters(frame.head.first))).collect();
            if !swallowed {
                self.findings.report(|| wording::unclosed_blocks(&opens));
            }
            while !self.frames.is_empty() {
                self.doubt_block();
                self.close(at, true);
            }
        }
    }

    /// Takes one token; the answer is the index of the next.
    fn step(&mut self, at: usize, token: Token) -> usize {
        if !matches!(token.kind, Kind::Newline | Kind::Break) && std::mem::take(&mut self.line_first) {
            self.line_indent = (token.start as usize).saturating_sub(self.line_start);
            if self.by_indent && self.dedent(at, token) {
                return at + 1;
            }
            let indent = self.line_indent;
            if let Some(head) = self.head.as_mut().filter(|head| !head.brackets.is_empty()) {
                head.lines.push((at, indent));
            } else if self.head.is_none() && is_doc(token, self.text) {
                self.docs.push(at);
            }
        }
        match token.kind {
            Kind::Comment => {}
            Kind::Newline | Kind::Break => self.line_end(at, token),
            Kind::Semi => {
                if let Some(line) = self.unclosed_bracket(at) {
                    return line;
                }
                self.finish();
                self.closed = false;
            }
            Kind::OpenBrace => {
                if let Some(line) = self.unclosed_bracket(at) {
                    return line;
                }
                return self.open(at);
            }
            Kind::CloseBrace => {
                if let Some(line) = self.unclosed_bracket(at) {
                    return line;
                }
                self.finish();
                self.close_brace(at);
            }
            Kind::OpenBracket | Kind::CloseBracket => self.bracket(at, token),
            Kind::Bad(fault) => {
                let (span, text) = (self.span(at), self.text);
                self.fault(at, || wording::bad_token(fault, span, text));
                self.swallowed_braces(at, token);
            }
            Kind::Comma
            | Kind::Arrow
            | Kind::Assign
            | Kind::Operator
            | Kind::Colon
            | Kind::Word
            | Kind::Number
            | Kind::Path
            | Kind::Text
            | Kind::Regex
            | Kind::Odd => {
                self.extend(at);
            }
        }
        at + 1
    }

    /// The statement that the token at `at` belongs to; begins one if need be.
    fn extend(&mut self, at: usize) -> &mut Head {
        if self.head.is_none() && std::mem::take(&mut self.closed) {
            let (span, word) = (self.span(at), self.letters(at));
            self.findings.report(|| wording::after_block(span, word));
        }
        let (docs, indent) = (&mut self.docs, self.line_indent);
        let head = self.head.get_or_insert_with(|| Head {
            docs: std::mem::take(docs),
            first: at,
            end: at,
            indent,
            broken: false,
            brackets: Vec::new(),
            lines: Vec::new(),
        });
        head.end = at + 1;
        head
    }

    /// Reports a fault of the current statement, unless it has one already.
    fn fault(&mut self, at: usize, found: impl FnOnce() -> crate::diag::Diagnostic) {
        let head = self.extend(at);
        if !std::mem::replace(&mut head.broken, true) {
            self.findings.report(found);
        }
    }

    fn line_end(&mut self, at: usize, token: Token) {
        self.closed = false;
        self.line_first = true;
        self.line_start = token.end as usize;
        let inside = self.head.as_ref().is_some_and(|head| !head.brackets.is_empty() || self.continues(head));
        if let Some(token) = self.tokens.get_mut(at) {
            token.kind = if inside { Kind::Break } else { Kind::Newline };
        }
        if !inside {
            self.finish();
        }
    }

    /// True when a statement's last token lets it go on behind the line's end.
    fn continues(&self, head: &Head) -> bool {
        let last = head.end - 1;
        let Some(token) = self.tokens.get(last) else { return false };
        match token.kind {
            Kind::Comma | Kind::Arrow | Kind::Assign | Kind::Operator => last > head.first,
            Kind::Word => {
                let word = token.text(self.text);
                // `route in` names a route; only `not` has a meaning as the first thing behind a statement's word.
                is_operator_word(word) && last > head.first && (word == "not" || last > head.first + 1)
            }
            _ => false,
        }
    }

    fn bracket(&mut self, at: usize, token: Token) {
        let span = self.span(at);
        if token.kind == Kind::OpenBracket {
            let head = self.extend(at);
            head.brackets.push(at);
            if head.brackets.len() > MAX_DEPTH {
                self.fault(at, || wording::too_deep(span, "brackets"));
            }
            return;
        }
        let head = self.extend(at);
        let opener = head.brackets.pop();
        if head.brackets.is_empty() {
            head.lines.clear();
        }
        let letters = self.letters(at);
        match opener {
            None => self.fault(at, || wording::stray_bracket(span, letters)),
            Some(open) if closing(self.letters(open)) != letters => {
                let (open_span, open_letters) = (self.span(open), self.letters(open));
                self.fault(at, || wording::wrong_bracket(open_span, open_letters, span, letters));
            }
            Some(_) => {}
        }
    }

    /// When the current statement has an open bracket where it must end: reports it, and names the line that was
    /// swallowed and looks like the next statement, if there is one.
    fn unclosed_bracket(&mut self, at: usize) -> Option<usize> {
        let head = self.head.as_ref()?;
        let open = *head.brackets.last()?;
        let indent = head.indent;
        let line = head.lines.iter().find(|(line, column)| {
            *column <= indent
                && self.tokens.get(*line).is_some_and(|token| token.kind == Kind::Word && !is_operator_word(token.text(self.text)))
        });
        let line = line.map(|(line, _)| *line).filter(|_| self.rewinds < MAX_REWINDS);
        let (span, letters) = (self.span(open), self.letters(open));
        let stop = self.span(at);
        if let Some(head) = self.head.as_mut() {
            head.brackets.clear();
            head.lines.clear();
            if !std::mem::replace(&mut head.broken, true) {
                self.findings.report(|| wording::unclosed_bracket(span, letters, closing(letters), stop));
            }
        }
        let line = line?;
        self.rewinds += 1;
        if let Some(head) = self.head.as_mut() {
            head.end = line;
        }
        self.finish();
        self.line_first = true;
        let start = self.tokens.get(line).map_or(0, |token| token.start as usize);
        self.line_start = self.text.get(..start).and_then(|before| before.rfind('\n')).map_or(0, |newline| newline + 1);
        Some(line)
    }

    /// Ends the current statement.
    fn finish(&mut self) {
        if let Some(head) = self.head.take() {
            self.add(head, None);
        }
    }

    fn add(&mut self, head: Head, block: Option<Block>) {
        let mut end = head.end;
        while end > head.first
            && self.tokens.get(end - 1).is_some_and(|token| matches!(token.kind, Kind::Newline | Kind::Break | Kind::Comment))
        {
            end -= 1;
        }
        let piece = Piece { docs: head.docs, first: head.first, end, broken: head.broken, block };
        match self.frames.last_mut() {
            Some(frame) => frame.pieces.push(piece),
            None => self.top.push(piece),
        }
    }

    fn open(&mut self, at: usize) -> usize {
        let span = self.span(at);
        if self.head.is_none() {
            if self.is_doubled(at) {
                self.findings.report(|| wording::doubled_brace(span));
                return at + 1;
            }
            let silent = self.frames.last().is_some_and(|frame| frame.head.first == frame.open);
            let head = self.extend(at);
            head.end = at;
            head.broken = true;
            if !silent {
                self.findings.report(|| wording::headless_block(span));
            }
        }
        if self.frames.len() >= MAX_DEPTH {
            self.fault(at, || wording::too_deep(span, "blocks"));
            // A headless block's own fault was reported; its depth is worth a word of its own.
            if self.frames.last().is_some_and(|frame| frame.head.first == frame.open) {
                self.findings.report(|| wording::too_deep(span, "blocks"));
            }
            return self.skip_block(at);
        }
        if let Some(head) = self.head.take() {
            self.frames.push(Frame { head, open: at, pieces: Vec::new(), damaged: false, judged: None });
        }
        at + 1
    }

    /// Passes over a block that is too deep to be read.
    fn skip_block(&mut self, open: usize) -> usize {
        self.finish();
        let mut depth = 0_usize;
        for (at, token) in self.tokens.iter().enumerate().skip(open) {
            match token.kind {
                Kind::OpenBrace => depth += 1,
                Kind::CloseBrace => depth = depth.saturating_sub(1),
                _ => {}
            }
            if depth == 0 {
                return at + 1;
            }
        }
        self.unbalanced = true;
        self.tokens.len()
    }

    fn close_brace(&mut self, at: usize) {
        if self.frames.is_empty() {
            (self.unbalanced, self.surplus) = (true, true);
            let span = self.span(at);
            self.findings.report(|| wording::stray_brace(span));
            self.doubt_line();
            self.doubt_top();
            return;
        }
        if self.is_unopened_here(at) {
            let span = self.span(at);
            self.findings.report(|| wording::stray_brace(span));
            self.doubt_line();
            return;
        }
        self.close(at, false);
        self.closed = true;
    }

    /// Ends the innermost block at the token `at`.
    fn close(&mut self, at: usize, damaged: bool) {
        self.docs.clear();
        if let Some(frame) = self.frames.pop() {
            let block = Block { open: frame.open, close: at, pieces: frame.pieces, damaged: damaged || frame.damaged };
            self.add(frame.head, Some(block));
        }
    }
}

/// True for the words that are operators.
pub(super) fn is_operator_word(word: &str) -> bool {
    matches!(word, "and" | "or" | "not" | "in" | "matches")
}

/// True for a `##` comment that is no banner.
pub(super) fn is_doc(token: Token, text: &str) -> bool {
    token.kind == Kind::Comment && token.text(text).starts_with("##") && !token.text(text).starts_with("###")
}

/// The bracket that closes `open`.
fn closing(open: &str) -> &'static str {
    if open == "(" { ")" } else { "]" }
}
