//! Where a brace is missing: told by indentation, and by what a broken string has taken with it.

use super::{Cutter, Frame, Head, Piece};
use crate::syntax::lex::{Kind, Token};
use crate::syntax::wording;

impl Cutter<'_> {
    /// A string without its closing quote takes the rest of its line with it, and so the braces at the line's end: a
    /// block opens there, or as many blocks as began on this line end.
    pub(super) fn swallowed_braces(&mut self, at: usize, token: Token) {
        let letters = token.text(self.text);
        if letters.contains('\n') {
            return;
        }
        let code = letters.rfind(" #").and_then(|comment| letters.get(..comment)).unwrap_or(letters);
        if code.ends_with(" {") {
            self.open(at);
            return;
        }
        let tail = code.bytes().rev().take_while(|byte| matches!(byte, b'}' | b' ' | b'\t' | b';'));
        for _ in 0..tail.filter(|byte| *byte == b'}').count() {
            let here = |frame: &Frame| self.tokens.get(frame.open).is_some_and(|open| open.start as usize >= self.line_start);
            if !self.frames.last().is_some_and(here) {
                return;
            }
            self.finish();
            self.close(at + 1, true);
        }
    }

    /// With more closing braces than opening ones: a line that is indented deeper than the statement before it, which has
    /// no block, is the first of its block.
    fn unopened(&mut self, at: usize) {
        let pieces = self.frames.last_mut().map_or(&mut self.top, |frame| &mut frame.pieces);
        let Some(piece) = pieces.last().filter(|piece| piece.block.is_none()) else { return };
        let column = |at: usize| {
            let start = self.tokens.get(at).map_or(0, |token| token.start as usize);
            start - self.text.get(..start).and_then(|before| before.rfind('\n')).map_or(0, |newline| newline + 1)
        };
        let indent = column(piece.first);
        if self.line_indent <= indent {
            return;
        }
        let Some(piece) = pieces.pop() else { return };
        let (span, word) = (self.span(piece.end.saturating_sub(1)), self.letters(piece.first));
        self.findings.report(|| wording::unopened_block(span, word));
        let head = Head {
            docs: piece.docs,
            first: piece.first,
            end: piece.end,
            indent,
            broken: piece.broken,
            brackets: Vec::new(),
            lines: Vec::new(),
        };
        self.frames.push(Frame { head, open: at, pieces: Vec::new(), damaged: false, judged: Some(true) });
    }

    /// With braces that do not balance: a line that stands too far left ends the blocks around it, and a closing brace
    /// that stands too far right closes nothing: then the answer is true.
    pub(super) fn dedent(&mut self, at: usize, token: Token) -> bool {
        if self.head.is_some() || token.kind == Kind::Comment {
            return false;
        }
        let indent = self.line_indent;
        let brace = token.kind == Kind::CloseBrace;
        let tokens = &*self.tokens;
        for frame in self.frames.iter_mut().rev().take_while(|frame| frame.judged.is_none()) {
            // A block with something behind its brace should have ended on its line.
            let behind = tokens.get(frame.open + 1).is_some_and(|next| !matches!(next.kind, Kind::Newline | Kind::Comment));
            frame.judged = Some(behind || !brace && indent > frame.head.indent);
        }
        while let Some(frame) = self.frames.last() {
            let left = if brace { indent < frame.head.indent } else { indent <= frame.head.indent };
            if !left || frame.judged != Some(true) {
                break;
            }
            let (open, word, here) = (self.span(frame.open), self.letters(frame.head.first), self.span(at));
            self.findings.report(|| wording::unclosed_block(open, word, here));
            self.close(at, true);
        }
        if !brace && self.surplus {
            self.unopened(at);
        }
        let Some(frame) = self.frames.last_mut().filter(|_| brace && self.surplus) else { return false };
        let stray = indent > frame.head.indent && frame.judged == Some(true);
        if stray {
            frame.damaged = true;
            let span = self.span(at);
            self.findings.report(|| wording::stray_brace(span));
        }
        stray
    }

    /// With braces that do not balance for want of closing ones: true for a `{` right behind a `{`.
    pub(super) fn is_doubled(&self, at: usize) -> bool {
        self.by_indent && !self.surplus && self.frames.last().is_some_and(|frame| frame.open + 1 == at)
    }

    /// With more closing braces than opening ones: true for a `}` behind statements of its line in a block that began on
    /// an earlier line, which ends on a line of its own.
    pub(super) fn is_unopened_here(&self, at: usize) -> bool {
        let starts = |at: usize| self.tokens.get(at).map_or(0, |token| token.start as usize);
        let first = self.text.get(self.line_start..starts(at)).is_none_or(|before| before.trim().is_empty());
        self.by_indent
            && self.surplus
            && !first
            && self.frames.last().is_some_and(|frame| frame.judged == Some(true) && starts(frame.open) < self.line_start)
    }

    /// What stands on this line is in doubt: it is not read.
    pub(super) fn doubt_line(&mut self) {
        let (tokens, start) = (&*self.tokens, self.line_start);
        let pieces = self.frames.last_mut().map_or(&mut self.top, |frame| {
            frame.damaged = true;
            &mut frame.pieces
        });
        let here = |piece: &&mut Piece| tokens.get(piece.first).is_some_and(|token| token.start as usize >= start);
        pieces.iter_mut().rev().take_while(here).for_each(|piece| piece.broken = true);
    }

    /// A block at the top ended too early: it is damaged, and what stands behind it is in doubt.
    pub(super) fn doubt_top(&mut self) {
        for piece in self.top.iter_mut().rev() {
            if let Some(block) = &mut piece.block {
                block.damaged = true;
                return;
            }
            piece.broken = true;
        }
    }

    /// The innermost block ends nowhere: what stands in it may not belong there.
    pub(super) fn doubt_block(&mut self) {
        if let Some(frame) = self.frames.last_mut() {
            frame.pieces.iter_mut().for_each(|piece| piece.broken = true);
        }
    }
}
