//! A statement or clause that was read: what fills its slots, and what stands in its block.

use super::Head;
use crate::diag::Span;
use crate::lang::form::Form;
use crate::syntax::ast::{Expr, Ident, TypeName};

/// In which names an expression is understood: a file's own, or those of one use of a policy.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Default)]
pub struct ScopeId(pub u32);

/// `override` or `drop` before a statement.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mode {
    /// Neither.
    Plain,
    /// `override`: loosens what is inherited, visibly.
    Override,
    /// `drop`: removes what is inherited.
    Drop,
}

impl Mode {
    /// The words that stand before a statement.
    pub const WORDS: &'static [(&'static str, Self)] = &[("override", Self::Override), ("drop", Self::Drop)];
}

/// A statement or clause that was read by its form.
#[derive(Debug, Clone)]
pub struct Node<'a> {
    /// Its form.
    pub form: &'static Form,
    /// Its word as written: for rows the user's own.
    pub name: &'a str,
    /// Where the word stands.
    pub word: Span,
    /// From the word to the end of its head.
    pub span: Span,
    /// The doc comment before it.
    pub docs: &'a [String],
    /// `override` or `drop`.
    pub mode: Mode,
    /// From `override` or `drop` to the word behind it; empty when it stands alone.
    pub lead: Span,
    /// In which names its expressions are understood.
    pub scope: ScopeId,
    /// Its clauses and rows, from head and block.
    pub children: Vec<Node<'a>>,
    /// The statements its block holds.
    pub statements: Vec<Node<'a>>,
    /// True when something in it was not understood: what is missing may be what was not understood.
    pub damaged: bool,
    pub(super) filled: Vec<(usize, Filled<'a>)>,
}

impl<'a> Node<'a> {
    /// A node of which nothing but its word has been read.
    pub(super) fn begun(head: Head<'a>, form: &'static Form, scope: ScopeId) -> Self {
        Self {
            form,
            name: &head.word.text,
            word: head.word.span,
            span: head.span(),
            docs: head.docs,
            mode: head.mode,
            lead: head.lead,
            scope,
            children: Vec::new(),
            statements: Vec::new(),
            damaged: false,
            filled: Vec::new(),
        }
    }

    /// What fills a slot.
    #[must_use]
    pub fn get(&self, slot: &str) -> Option<Given<'a>> {
        self.filled(slot).and_then(|filled| match filled {
            Filled::Expr(expr) => Some(Given { expr, scope: self.scope }),
            Filled::Several(all) => all.first().map(|expr| Given { expr, scope: self.scope }),
            Filled::Type(_) => None,
        })
    }

    /// All that fills a slot that takes several.
    #[must_use]
    pub fn all(&self, slot: &str) -> Vec<Given<'a>> {
        match self.filled(slot) {
            Some(Filled::Several(all)) => all.iter().map(|expr| Given { expr, scope: self.scope }).collect(),
            Some(Filled::Expr(expr)) => vec![Given { expr, scope: self.scope }],
            Some(Filled::Type(_)) | None => Vec::new(),
        }
    }

    /// The type in a slot.
    #[must_use]
    pub fn annotation(&self, slot: &str) -> Option<&'a TypeName> {
        match self.filled(slot) {
            Some(Filled::Type(name)) => Some(name),
            _ => None,
        }
    }

    /// The bare word in a slot.
    #[must_use]
    pub fn word_in(&self, slot: &str) -> Option<&'a Ident> {
        self.get(slot).and_then(|given| given.expr.as_word())
    }

    /// True when a slot is filled.
    #[must_use]
    pub fn has(&self, slot: &str) -> bool {
        self.filled(slot).is_some()
    }

    /// The clause of a name, if it is written; the last when it is written several times.
    #[must_use]
    pub fn child(&self, word: &str) -> Option<&Node<'a>> {
        self.children.iter().rev().find(|child| child.form.word == word)
    }

    /// All clauses of a name.
    pub fn children_of<'n>(&'n self, word: &'n str) -> impl Iterator<Item = &'n Node<'a>> {
        self.children.iter().filter(move |child| child.form.word == word)
    }

    /// Where a slot's value stands, or the head when the slot is empty.
    #[must_use]
    pub fn span_of(&self, slot: &str) -> Span {
        match self.filled(slot) {
            Some(Filled::Expr(expr)) => expr.span,
            Some(Filled::Several(all)) => match (all.first(), all.last()) {
                (Some(first), Some(last)) => first.span.to(last.span),
                _ => self.span,
            },
            Some(Filled::Type(name)) => name.span,
            None => self.span,
        }
    }

    fn filled(&self, slot: &str) -> Option<&Filled<'a>> {
        let index = self.form.slots.iter().position(|known| known.name == slot)?;
        self.filled.iter().find(|(at, _)| *at == index).map(|(_, filled)| filled)
    }
}

/// What stands in a slot.
#[derive(Debug, Clone)]
pub(super) enum Filled<'a> {
    Expr(&'a Expr),
    Several(Vec<&'a Expr>),
    Type(&'a TypeName),
}

/// An expression that fills a slot, with the names it is understood in.
#[derive(Debug, Clone, Copy)]
pub struct Given<'a> {
    /// The expression.
    pub expr: &'a Expr,
    /// The names.
    pub scope: ScopeId,
}
