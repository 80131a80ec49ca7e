//! A file's text to its tree: cut by the scanner, each head read by the grammar. Never fails; what is broken is
//! reported, left out and remembered by its words.

use super::ast::{Ast, Body, Broken, ClauseKind, ExprKind, Ident, LiteralKind, Statement};
use super::explain;
use super::lex::{Fault, Kind, Token, lex, lex_doubting};
use super::lower::Lowering;
use super::report::Findings;
use super::scan::{self, Block, Piece, Scan, is_operator_word};
use crate::diag::{Code, Diagnostic, FileId, Report, Span};

/// Most words that are remembered of one broken statement.
const MAX_WORDS: usize = 64;

/// The newest edition of the language.
const EDITION: &str = "1";

/// Reads a file. Faults go to the report, one for each broken statement, at most a hundred.
pub fn parse(file: FileId, text: &str, report: &mut Report) -> Ast {
    let (mut ast, mut findings) = read(file, text, lex(text));
    // One quote too many or too few turns all that follows inside out: what explains it with fewer faults is right.
    if !findings.is_empty() && text.contains("\"\"") {
        let (other, doubted) = read(file, text, lex_doubting(text));
        if doubted.count() <= findings.count() {
            (ast, findings) = (other, doubted);
        }
    }
    findings.into_report(report);
    ast
}

fn read(file: FileId, text: &str, tokens: Vec<Token>) -> (Ast, Findings) {
    let mut findings = Findings::default();
    let scan = scan::scan(file, text, tokens, &mut findings);
    let mut parser = Parser { file, text, scan: &scan, findings: &mut findings, broken: Vec::new() };
    let mut body = Body { span: Span::new(file, 0, text.len()), ..Body::default() };
    parser.pieces(&scan.pieces, &mut body);
    let broken = parser.broken;
    check_edition(&scan, &body, text, &mut findings);
    (Ast { file, body, broken }, findings)
}

struct Parser<'a> {
    file: FileId,
    text: &'a str,
    scan: &'a Scan,
    findings: &'a mut Findings,
    broken: Vec<Broken>,
}

impl Parser<'_> {
    fn pieces(&mut self, pieces: &[Piece], body: &mut Body) {
        body.statements.reserve(pieces.len());
        for piece in pieces {
            match self.statement(piece) {
                Some(statement) => body.statements.push(statement),
                None => body.damaged = true,
            }
        }
    }

    fn statement(&mut self, piece: &Piece) -> Option<Statement> {
        let head = self.scan.tokens.get(piece.first..piece.end).unwrap_or_default();
        let statement = if piece.broken { None } else { self.head(head) };
        let Some(mut statement) = statement else {
            self.forget(piece);
            return None;
        };
        statement.docs = piece.docs.iter().map(|at| self.doc(*at)).collect();
        if let Some(block) = &piece.block {
            let body = self.block(block);
            statement.span = statement.span.to(body.span);
            statement.block = Some(body);
        }
        Some(statement)
    }

    fn head(&mut self, tokens: &[Token]) -> Option<Statement> {
        let (start, end) = (tokens.first()?.start as usize, tokens.last()?.end as usize);
        let text = self.text.get(start..end)?;
        if explain::is_misread(tokens, self.text) {
            self.findings.report(|| explain::explain(self.file, self.text, tokens, start));
            return None;
        }
        let parsed = Lowering { file: self.file, offset: start, findings: self.findings, failed: false }.statement(text);
        match parsed {
            Ok(statement) => statement,
            Err(at) => {
                self.findings.report(|| explain::explain(self.file, self.text, tokens, start + at));
                None
            }
        }
    }

    fn doc(&self, at: usize) -> String {
        let line = self.scan.tokens.get(at).map_or("", |token| token.text(self.text)).trim_start_matches('#');
        line.strip_prefix(' ').unwrap_or(line).trim_end().to_owned()
    }

    fn block(&mut self, block: &Block) -> Body {
        let open = self.scan.tokens.get(block.open).map_or(0, |token| token.start as usize);
        let close = self.scan.tokens.get(block.close);
        let end = match close {
            Some(token) if token.kind == Kind::CloseBrace && !block.damaged => token.end as usize,
            Some(token) => token.start as usize,
            None => self.text.len(),
        };
        let mut body = Body { span: Span::new(self.file, open, end.max(open)), damaged: block.damaged, ..Body::default() };
        self.pieces(&block.pieces, &mut body);
        body
    }

    /// Remembers the words of a broken statement and of everything in its block.
    fn forget(&mut self, piece: &Piece) {
        let tokens = self.scan.tokens.get(piece.first..piece.end).unwrap_or_default();
        let end = tokens.iter().find(|token| token.kind == Kind::Bad(Fault::OpenRaw));
        let words: Vec<Ident> = tokens
            .iter()
            .filter(|token| token.kind == Kind::Word)
            .filter(|token| {
                let letters = token.text(self.text);
                !is_operator_word(letters) && letters.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-'))
            })
            .take(MAX_WORDS)
            .map(|token| self.ident(*token))
            .collect();
        let start = tokens.first().map_or(0, |token| token.start as usize);
        let stop = tokens.last().map_or(start, |token| token.end as usize);
        self.broken.push(Broken { words, span: Span::new(self.file, start, stop) });
        if let Some(open) = end {
            self.swallowed(*open);
        }
        let torn = tokens.iter().filter(|token| matches!(token.kind, Kind::Bad(Fault::OpenString | Fault::OpenHole)));
        torn.for_each(|token| self.torn(*token));
        for inner in piece.block.iter().flat_map(|block| &block.pieces) {
            self.forget(inner);
        }
    }

    /// Remembers the words that a string without an end took with it: `import "lib.gate as lib`.
    fn torn(&mut self, open: Token) {
        let text = open.text(self.text);
        let is_word = |letter: char| letter.is_ascii_alphanumeric() || letter == '_' || letter == '-';
        let span = Span::new(self.file, open.start as usize, open.end as usize);
        let words = text.split(|letter| !is_word(letter)).filter(|word| word.starts_with(|letter: char| letter.is_ascii_alphabetic()));
        let words = words.take(MAX_WORDS).map(|word| Ident { text: word.to_owned(), span }).collect();
        self.broken.push(Broken { words, span });
    }

    /// Remembers the lines that a raw string without an end took with it, each as a broken statement.
    fn swallowed(&mut self, open: Token) {
        let text = open.text(self.text);
        let mut at = open.start as usize;
        for line in text.split_inclusive('\n') {
            let mut words = Vec::new();
            let mut column = 0;
            for word in line.split_inclusive(|letter: char| !letter.is_ascii_alphanumeric() && letter != '_' && letter != '-').take(4) {
                let trimmed = word.trim_end_matches(|letter: char| !letter.is_ascii_alphanumeric() && letter != '_');
                if trimmed.starts_with(|letter: char| letter.is_ascii_alphabetic() || letter == '_') {
                    let start = at + column;
                    words.push(Ident { text: trimmed.to_owned(), span: Span::new(self.file, start, start + trimmed.len()) });
                }
                column += word.len();
            }
            if words.len() > 1 {
                self.broken.push(Broken { words, span: Span::new(self.file, at, at + line.len()) });
            }
            at += line.len();
        }
    }

    fn ident(&self, token: Token) -> Ident {
        Ident { text: token.text(self.text).to_owned(), span: Span::new(self.file, token.start as usize, token.end as usize) }
    }
}

/// `gate 1` stands first, once, and names an edition that exists.
fn check_edition(scan: &Scan, body: &Body, text: &str, findings: &mut Findings) {
    let first = scan.pieces.first().and_then(|piece| scan.tokens.get(piece.first)).map_or(0, |token| token.start);
    for statement in body.statements.iter().filter(|statement| statement.word.text == "gate") {
        if statement.word.span.start != first {
            findings.report(|| {
                Diagnostic::new(Code::SyntaxEdition, "the edition does not stand first")
                    .at(statement.head_span(), "everything above was read without it")
                    .help("make `gate 1` the file's first statement")
            });
            continue;
        }
        let Some(clause) = statement.clauses.first() else {
            findings.report(|| {
                Diagnostic::new(Code::SyntaxEdition, "`gate` names no edition")
                    .at(statement.word.span, "which edition")
                    .help("write `gate 1`")
            });
            continue;
        };
        let known = matches!(&clause.kind, ClauseKind::Expr(expr)
            if matches!(&expr.kind, ExprKind::Literal(LiteralKind::Integer, edition) if edition == EDITION));
        if !known {
            let written = text.get(clause.span.start as usize..clause.span.end as usize).unwrap_or_default();
            findings.report(|| {
                Diagnostic::new(Code::SyntaxEdition, format!("edition `{}` is not known", super::wording::short(written)))
                    .at(clause.span, "this compiler knows edition 1")
                    .help("write `gate 1`, or use a newer `gate` for this file")
            });
        }
    }
}
