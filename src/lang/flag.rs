//! What `flag.NAME` means.

use super::checker::{Checker, Moment, Typed};
use super::expr::{Expr, Ref};
use super::form::Declared;
use super::read::ScopeId;
use super::types::Type;
use crate::diag::Span;
use crate::syntax::ast::Ident;

impl Checker<'_> {
    /// A flag: known as soon as its key is.
    pub(super) fn flag(&mut self, name: &Ident, span: Span, scope: ScopeId) -> Option<Typed> {
        let path = std::slice::from_ref(name);
        let Some((_, flag)) = self.names.declaration(Declared::Flag, scope, path) else {
            self.unknown_name(Declared::Flag.word(), path, span, scope);
            return None;
        };
        let moment = self.names.flags.get(flag.index).copied().unwrap_or(Moment::Accept);
        let index = u16::try_from(flag.index).unwrap_or(u16::MAX);
        Some(Typed { expr: Expr::Ref(Ref::Flag { name: name.text.clone(), index }), ty: Type::Bool, moment, span })
    }
}
