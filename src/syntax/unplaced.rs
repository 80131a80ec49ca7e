//! A tree without its places: two files that say the same in different layout have equal ones.

use super::ast::{Arg, Ast, Body, Clause, ClauseKind, Expr, ExprKind, Ident, Statement, Term, TextPart, TypeName};
use crate::diag::Span;

/// Takes the places out of a file's tree.
pub(super) fn file(mut ast: Ast) -> Ast {
    body(&mut ast.body);
    ast
}

fn body(of: &mut Body) {
    of.span = Span::default();
    of.statements.iter_mut().for_each(statement);
}

fn statement(of: &mut Statement) {
    of.span = Span::default();
    ident(&mut of.word);
    of.clauses.iter_mut().for_each(clause);
    of.block.iter_mut().for_each(body);
}

fn clause(of: &mut Clause) {
    of.span = Span::default();
    match &mut of.kind {
        ClauseKind::Expr(value) | ClauseKind::Arrow(value) | ClauseKind::Assign(value) => expr(value),
        ClauseKind::Annotation(name) => type_name(name),
        ClauseKind::Operator(word) => ident(word),
    }
}

fn expr(of: &mut Expr) {
    of.span = Span::default();
    match &mut of.kind {
        ExprKind::Literal(..) | ExprKind::Regex(_) | ExprKind::Path(_) | ExprKind::Url(_) => {}
        ExprKind::Text(parts) => parts.iter_mut().for_each(|part| match part {
            TextPart::Literal(_) => {}
            TextPart::Interpolation(inner) => expr(inner),
        }),
        ExprKind::Term(inner) => term(inner),
        ExprKind::List(items) => items.iter_mut().for_each(expr),
        ExprKind::Paren(inner) | ExprKind::Not(inner) => expr(inner),
        ExprKind::Binary(left, _, right) => {
            expr(left);
            expr(right);
        }
    }
}

fn term(of: &mut Term) {
    of.path.iter_mut().for_each(ident);
    of.args.iter_mut().flatten().for_each(arg);
    of.generics.iter_mut().for_each(type_name);
}

fn arg(of: &mut Arg) {
    of.span = Span::default();
    of.name.iter_mut().for_each(ident);
    of.annotation.iter_mut().for_each(type_name);
    of.value.iter_mut().for_each(expr);
}

fn type_name(of: &mut TypeName) {
    of.span = Span::default();
    ident(&mut of.name);
    of.generics.iter_mut().for_each(type_name);
    of.choices.iter_mut().for_each(ident);
}

fn ident(of: &mut Ident) {
    of.span = Span::default();
}
