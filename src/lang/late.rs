//! Which part of an expression is known later than the expression is needed.

use super::checker::{Checker, Want};
use super::read::{Given, ScopeId};
use crate::diag::{Report, Span};
use crate::syntax::ast::{Expr, ExprKind, TextPart};

impl Checker<'_> {
    /// The first reference of an expression that is not known at the stage that asks for it.
    pub(super) fn late(&self, expr: &Expr, scope: ScopeId, want: &Want) -> Option<Span> {
        let inside = |inner: &Expr| self.late(inner, scope, want);
        match &expr.kind {
            ExprKind::Literal(..) | ExprKind::Regex(_) | ExprKind::Path(_) | ExprKind::Url(_) => None,
            ExprKind::Paren(inner) | ExprKind::Not(inner) => inside(inner),
            ExprKind::Binary(left, _, right) => inside(left).or_else(|| inside(right)),
            ExprKind::List(items) => items.iter().find_map(inside),
            ExprKind::Text(parts) => parts.iter().find_map(|part| match part {
                TextPart::Interpolation(inner) => inside(inner),
                TextPart::Literal(_) => None,
            }),
            ExprKind::Term(term) => {
                let args = term.args.iter().flatten().filter_map(|arg| arg.value.as_ref());
                args.into_iter().find_map(inside).or_else(|| self.is_late(expr, scope, want).then_some(expr.span))
            }
        }
    }

    fn is_late(&self, expr: &Expr, scope: ScopeId, want: &Want) -> bool {
        // What is found on the way has been said of the whole.
        let mut report = Report::new();
        let mut checker = Checker { report: &mut report, names: self.names, facts: self.facts.clone() };
        checker.any(Given { expr, scope }, want).is_some_and(|typed| typed.moment > want.by)
    }
}
