//! Expressions from tree to typed: names become slots, literals values, and every type is checked. No implicit conversion.

mod calls;
mod literals;
mod names;
mod operators;
mod written;

use crate::diag::{Code, Diagnostic, Span};
use crate::lang::checker::{Checker, Moment, Spot, Typed, Want};
use crate::lang::expr::Expr;
use crate::lang::kinds;
use crate::lang::literal;
use crate::lang::read::{Given, ScopeId};
use crate::lang::types::Type;
use crate::lang::value::Value;
use crate::syntax::ast::{Expr as Tree, ExprKind};

/// Names of the built-in references.
pub const ROOTS: &[&str] = &["request", "client", "param", "claim", "key", "user", "upstream", "response", "flag"];

/// Names of the built-in functions.
pub const FUNCTIONS: &[&str] = &["header", "query", "cookie", "body", "env", "file", "has", "lower"];

/// True when a name may not be given to a `let` or a `param`.
#[must_use]
pub fn is_reserved(name: &str) -> bool {
    ROOTS.contains(&name) || FUNCTIONS.contains(&name) || matches!(name, "true" | "false" | "none")
}

impl Checker<'_> {
    /// Types an expression and holds it against what is wanted. `None` when something was reported.
    pub fn typed(&mut self, given: Given<'_>, want: &Want) -> Option<Typed> {
        let typed = Typing { checker: self, scope: given.scope, want, size: 0 }.expr(given.expr, want.ty.as_ref())?;
        if typed.moment > want.by {
            let late = self.late(given.expr, given.scope, want).unwrap_or(typed.span);
            return self.accept(Typed { span: late, ..typed }, want);
        }
        self.accept(typed, want)
    }

    /// Types a constant whose type is its own: a value or a list of values.
    pub fn inferred(&mut self, given: Given<'_>) -> Option<Typed> {
        let want = Want { ty: None, by: Moment::Constant, spot: Spot::Plain, response: false };
        if !matches!(given.expr.kind, ExprKind::List(_)) {
            return self.typed(given, &want);
        }
        let typed = Typing { checker: self, scope: given.scope, want: &want, size: 0 }.expr(given.expr, None)?;
        let ty = typed.ty.clone();
        self.accept(typed, &Want { ty: Some(ty), ..want })
    }

    /// Types an expression whatever is wanted of it.
    pub(super) fn any(&mut self, given: Given<'_>, want: &Want) -> Option<Typed> {
        Typing { checker: self, scope: given.scope, want, size: 0 }.expr(given.expr, None)
    }

    fn accept(&mut self, typed: Typed, want: &Want) -> Option<Typed> {
        if typed.ty == Type::Secret && !matches!(want.spot, Spot::Secret | Spot::RequestField) {
            self.report.push(
                Diagnostic::new(Code::SecretLeak, "a secret may not go here")
                    .at(typed.span, "this is a secret")
                    .help("secrets go into keys, credentials, store URLs, TLS material and `request { set … }` only"),
            );
            return None;
        }
        if typed.moment > want.by {
            self.too_early(typed.span, typed.moment, want.by);
            return None;
        }
        let Some(wanted) = &want.ty else {
            let named = want.by == Moment::Constant && typed.ty == Type::Regex;
            if !typed.ty.is_scalar() && typed.ty != Type::Secret && typed.ty != Type::Nothing && !named {
                self.error(Code::TypeMismatch, format!("a single value is expected, this is `{}`", typed.ty), typed.span, "not one value");
                return None;
            }
            return Some(typed);
        };
        if fits(&typed.ty, wanted) {
            return Some(typed);
        }
        self.mismatch(&typed, wanted);
        None
    }

    pub(super) fn too_early(&mut self, span: Span, known: Moment, by: Moment) {
        let message = if by == Moment::Constant {
            "a constant is expected here".to_owned()
        } else {
            format!("this is known only from stage `{}` on", known.stage())
        };
        let help =
            if by == Moment::Constant { "this value differs from request to request".to_owned() } else { kinds::needed_before(known, by) };
        self.report.push(Diagnostic::new(Code::TypeTooEarly, message).at(span, "not known yet").help(help));
    }

    fn mismatch(&mut self, typed: &Typed, wanted: &Type) {
        if let (Expr::Const(Value::Int(number)), Some(units)) =
            (&typed.expr, literal::with_unit(if let Expr::Const(Value::Int(number)) = &typed.expr { *number } else { 0 }, wanted))
        {
            let found =
                Diagnostic::new(Code::TypeUnit, format!("`{number}` has no unit")).at(typed.span, format!("a {wanted} is expected"));
            self.report.push(kinds::with_units(found.help(format!("write {units}")), typed.span, wanted));
            return;
        }
        if typed.ty.is_optional() && typed.ty.present() == wanted {
            self.report.push(
                Diagnostic::new(Code::TypeOptional, "this value may be missing")
                    .at(typed.span, format!("`{}`, but a `{wanted}` must exist here", typed.ty))
                    .help("give it a default: `… ?? \"none\"`"),
            );
            return;
        }
        self.report.push(kinds::mismatch(typed, wanted));
    }
}

fn fits(have: &Type, wanted: &Type) -> bool {
    match (have, wanted) {
        (have, wanted) if have == wanted => true,
        (have, Type::Optional(inner)) => *have == Type::Nothing || fits(have, inner),
        (Type::Range(have), Type::Range(wanted)) | (Type::List(have) | Type::Set(have), Type::List(wanted) | Type::Set(wanted)) => {
            **have == Type::Nothing || fits(have, wanted)
        }
        // Text that has been checked more closely is still text.
        (have, Type::Str) => have.is_text() && !have.is_optional(),
        (Type::Range(inner), Type::Status) => **inner == Type::Int,
        _ => false,
    }
}

struct Typing<'t, 'c> {
    checker: &'t mut Checker<'c>,
    scope: ScopeId,
    want: &'t Want,
    /// Operators and the like in the constants it uses.
    size: usize,
}

/// The most operators and the like that the constants of one expression have together: where each uses another twice, thirty
/// lines would have billions. It bounds how deep they nest as well.
const SIZE_MAX: usize = 2_000;

impl Typing<'_, '_> {
    /// Types an expression; `hint` helps bare words (enum choices, hosts, methods) to be understood.
    fn expr(&mut self, tree: &Tree, hint: Option<&Type>) -> Option<Typed> {
        let span = tree.span;
        let done = |expr: Expr, ty: Type, moment: Moment| Some(Typed { expr, ty, moment, span });
        match &tree.kind {
            ExprKind::Literal(kind, text) => self.literal(*kind, text, span, hint),
            ExprKind::Text(parts) => self.text(parts, span, hint),
            ExprKind::Regex(source) => done(Expr::Const(Value::Text(source.as_str().into())), Type::Regex, Moment::Constant),
            ExprKind::Path(text) => done(Expr::Const(Value::Text(text.as_str().into())), Type::Path, Moment::Constant),
            ExprKind::Url(text) => done(Expr::Const(Value::Text(text.as_str().into())), Type::Url, Moment::Constant),
            ExprKind::Term(term) => self.term(term, span, hint),
            ExprKind::List(items) => self.list(items, span, hint),
            ExprKind::Paren(inner) => self.expr(inner, hint).map(|typed| Typed { span, ..typed }),
            ExprKind::Not(inner) => {
                let inner = self.boolean(inner)?;
                done(Expr::Not(Box::new(inner.expr)), Type::Bool, inner.moment)
            }
            ExprKind::Binary(left, operator, right) => self.binary(left, *operator, right, span, hint),
        }
    }
}

/// A regular expression that does not compile, in one line.
#[must_use]
pub fn regex_error(error: &regex::Error, span: Span) -> Diagnostic {
    let text = error.to_string();
    let line = text.lines().last().unwrap_or_default().trim_start_matches("error: ").to_owned();
    Diagnostic::new(Code::TypeMismatch, "this regular expression does not compile").at(span, line)
}
