//! Types as they are written.

use crate::diag::Code;
use crate::lang::checker::Checker;
use crate::lang::kinds;
use crate::lang::read::Given;
use crate::lang::types::Type;
use crate::syntax::ast::{Expr as Tree, ExprKind, TypeName};

impl Checker<'_> {
    /// A type as written.
    pub fn type_of(&mut self, name: &TypeName) -> Option<Type> {
        let inner = |checker: &mut Self| match name.generics.as_slice() {
            [only] => checker.type_of(only).map(Box::new),
            _ => {
                checker.error(Code::SchemaArity, format!("`{}` takes one type", name.name.text), name.span, "write `list<str>`");
                None
            }
        };
        let ty = match name.name.text.as_str() {
            "enum" if name.choices.is_empty() => {
                self.error(Code::SchemaArity, "`enum` needs its choices", name.span, "write `enum(a, b)`");
                return None;
            }
            "enum" => Type::Enum(name.choices.iter().map(|choice| choice.text.clone()).collect()),
            "list" => Type::List(inner(self)?),
            "set" => Type::Set(inner(self)?),
            "range" => Type::Range(inner(self)?),
            simple => match Type::SIMPLE.iter().find(|(known, _)| *known == simple) {
                Some((_, ty)) => ty.clone(),
                None => {
                    self.report.push(kinds::no_type(simple, name.name.span));
                    return None;
                }
            },
        };
        Some(if name.optional { ty.optional() } else { ty })
    }

    /// A type that stands where an expression may: `sub str`, `plan enum(free, pro)`.
    pub fn type_in(&mut self, given: Given<'_>) -> Option<Type> {
        let ExprKind::Term(term) = &given.expr.kind else {
            self.error(Code::TypeMismatch, "a type is expected", given.expr.span, "no type");
            return None;
        };
        let [name] = term.path.as_slice() else {
            self.error(Code::TypeMismatch, "a type is expected", given.expr.span, "no type");
            return None;
        };
        let choices = term.args.iter().flatten().filter_map(|arg| arg.value.as_ref().and_then(Tree::as_word).cloned()).collect();
        let written =
            TypeName { name: name.clone(), generics: term.generics.clone(), choices, optional: term.optional, span: given.expr.span };
        self.type_of(&written)
    }
}
