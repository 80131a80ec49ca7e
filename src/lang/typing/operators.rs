//! What operators make of two sides.

use super::{Typing, regex_error};
use crate::diag::{Code, Diagnostic, Edit, Span};
use crate::lang::checker::Typed;
use crate::lang::expr::{Comparison, Expr, Pattern};
use crate::lang::kinds;
use crate::lang::types::Type;
use crate::lang::value::Value;
use crate::syntax::ast::{Expr as Tree, ExprKind, Operator};

impl Typing<'_, '_> {
    pub(super) fn boolean(&mut self, tree: &Tree) -> Option<Typed> {
        let typed = self.expr(tree, Some(&Type::Bool))?;
        if typed.ty == Type::Bool {
            return Some(typed);
        }
        self.checker.error(
            Code::TypeMismatch,
            format!("a condition is expected, this is `{}`", typed.ty),
            typed.span,
            "neither true nor false",
        );
        None
    }

    pub(super) fn binary(&mut self, left: &Tree, operator: Operator, right: &Tree, span: Span, hint: Option<&Type>) -> Option<Typed> {
        let comparison = match operator {
            Operator::And | Operator::Or => {
                let (left, right) = (self.boolean(left), self.boolean(right));
                let (left, right) = (left?, right?);
                let moment = left.moment.max(right.moment);
                let expr = if operator == Operator::And { join(left.expr, right.expr, true) } else { join(left.expr, right.expr, false) };
                return Some(Typed { expr, ty: Type::Bool, moment, span });
            }
            Operator::OrElse => return self.or_else(left, right, span, hint),
            Operator::In => return self.member(left, right, span, false),
            Operator::NotIn => return self.member(left, right, span, true),
            Operator::Matches => return self.matches(left, right, span),
            Operator::Equal => Comparison::Equal,
            Operator::NotEqual => Comparison::NotEqual,
            Operator::Less => Comparison::Less,
            Operator::LessOrEqual => Comparison::LessOrEqual,
            Operator::Greater => Comparison::Greater,
            Operator::GreaterOrEqual => Comparison::GreaterOrEqual,
        };
        // A bare word takes its meaning from the other side.
        let chain = comparison != Comparison::Equal && comparison != Comparison::NotEqual && is_ordering(left);
        let (left, right) = if left.as_word().is_some_and(|word| self.is_plain_word(word)) {
            let right = self.expr(right, None)?;
            (self.expr(left, Some(&right.ty))?, right)
        } else if chain {
            self.checker.report.push(
                Diagnostic::new(Code::TypeMismatch, "comparisons are not chained")
                    .at(right.span, "compares what is already true or false")
                    .also(left.span, "true or false")
                    .help("compare twice, with `and` between: `1 < x and x < 3`"),
            );
            return None;
        } else {
            let left = self.expr(left, None)?;
            let right = self.expr(right, Some(&left.ty));
            (left, right?)
        };
        self.comparison(left, comparison, right, span)
    }

    fn comparison(&mut self, left: Typed, how: Comparison, right: Typed, span: Span) -> Option<Typed> {
        self.no_secret(&left)?;
        self.no_secret(&right)?;
        let (left, right) = kinds::statuses(left, right);
        if !left.ty.comparable(&right.ty) {
            self.checker.report.push(kinds::incomparable(&left, &right));
            return None;
        }
        let ordering = !matches!(how, Comparison::Equal | Comparison::NotEqual);
        if ordering {
            for side in [&left, &right] {
                if side.ty.is_optional() {
                    self.checker.report.push(
                        Diagnostic::new(Code::TypeOptional, "a value that may be missing has no order")
                            .at(side.span, format!("`{}`", side.ty))
                            .help(format!("give it a default: `… ?? {}`", if side.ty.is_text() { "\"\"" } else { "0" })),
                    );
                    return None;
                }
                if let Some(found) = kinds::unordered(side) {
                    self.checker.report.push(found);
                    return None;
                }
            }
        }
        let moment = left.moment.max(right.moment);
        Some(Typed { expr: Expr::Compare(Box::new(left.expr), how, Box::new(right.expr)), ty: Type::Bool, moment, span })
    }

    /// A condition on a secret would tell of it, one request after the other.
    pub(super) fn no_secret(&mut self, typed: &Typed) -> Option<()> {
        if typed.ty == Type::Secret {
            self.checker.report.push(
                Diagnostic::new(Code::SecretLeak, "a secret cannot be compared or asked about")
                    .at(typed.span, "this is a secret")
                    .help("secrets go into keys, credentials, store URLs, TLS material and `request { set … }` only"),
            );
            return None;
        }
        Some(())
    }

    fn or_else(&mut self, left: &Tree, right: &Tree, span: Span, hint: Option<&Type>) -> Option<Typed> {
        let left = self.expr(left, hint)?;
        let right = self.expr(right, Some(hint.unwrap_or(left.ty.present())))?;
        if !left.ty.comparable(&right.ty) {
            self.checker.report.push(
                Diagnostic::new(Code::TypeMismatch, format!("the default is `{}`, the value `{}`", right.ty, left.ty))
                    .at(right.span, format!("`{}`", right.ty))
                    .also(left.span, format!("`{}`", left.ty)),
            );
            return None;
        }
        let present = left.ty.present().clone();
        let ty = if right.ty.is_optional() { present.optional() } else { present };
        let moment = left.moment.max(right.moment);
        Some(Typed { expr: Expr::OrElse(Box::new(left.expr), Box::new(right.expr)), ty, moment, span })
    }

    fn member(&mut self, item: &Tree, set: &Tree, span: Span, negated: bool) -> Option<Typed> {
        let literal_list = matches!(set.kind, ExprKind::List(_));
        // A bare word takes its meaning from the set, a list or range from what is looked for.
        let bare = item.as_word().is_some_and(|word| self.is_plain_word(word));
        let (item, set) = if !literal_list && !bare {
            let item = self.expr(item, None)?;
            let set = self.expr(set, Some(item.ty.present()))?;
            (item, set)
        } else if literal_list {
            let item = self.expr(item, None)?;
            let hint = if item.ty.present() == &Type::Ip { Type::Cidr } else { item.ty.present().clone() };
            let set = self.expr(set, Some(&Type::List(Box::new(hint))))?;
            (item, set)
        } else {
            let set = self.expr(set, Some(&Type::Status))?;
            let hint = set.ty.present().member().cloned();
            (self.expr(item, hint.as_ref())?, set)
        };
        self.no_secret(&item)?;
        let member = match set.ty.present() {
            Type::List(member) | Type::Set(member) | Type::Range(member) => (**member).clone(),
            Type::Status => Type::Status,
            Type::Cidr => Type::Cidr,
            other => {
                let found = Diagnostic::new(Code::TypeMismatch, format!("`in` needs a list, a set or a range, this is `{other}`"))
                    .at(set.span, format!("`{other}`"));
                let network = match &set.expr {
                    Expr::Const(Value::Text(text)) if item.ty.present() == &Type::Ip => {
                        text.parse::<ipnet::IpNet>().ok().map(|network| (network, text.clone()))
                    }
                    _ => None,
                };
                self.checker.report.push(match network {
                    Some((_, text)) => found
                        .help(format!("a network is written without quotes: `{text}`"))
                        .fix("leave the quotes out", vec![Edit { span: set.span, text: text.to_string() }]),
                    None => found.help("write a list: `[a, b]`"),
                });
                return None;
            }
        };
        let inside = item.ty.comparable(&member) || (item.ty.present() == &Type::Ip && member == Type::Cidr);
        if !inside {
            self.checker.report.push(
                Diagnostic::new(Code::TypeMismatch, format!("a `{}` is never among `{member}`", item.ty))
                    .at(item.span, format!("`{}`", item.ty))
                    .also(set.span, format!("`{}`", set.ty)),
            );
            return None;
        }
        let moment = item.moment.max(set.moment);
        let expr = Expr::In(Box::new(item.expr), Box::new(set.expr));
        let expr = if negated { Expr::Not(Box::new(expr)) } else { expr };
        Some(Typed { expr, ty: Type::Bool, moment, span })
    }

    fn matches(&mut self, text: &Tree, pattern: &Tree, span: Span) -> Option<Typed> {
        let typed = self.expr(text, None)?;
        self.no_secret(&typed)?;
        if !typed.ty.is_text() {
            self.checker.error(Code::TypeMismatch, format!("`matches` needs text, this is `{}`", typed.ty), typed.span, "not text");
            return None;
        }
        let source = match self.expr(pattern, None)? {
            Typed { expr: Expr::Const(Value::Text(source)), ty: Type::Regex, .. } => source,
            other => {
                self.checker.report.push(kinds::no_regex(&other));
                return None;
            }
        };
        match Pattern::new(&source) {
            Ok(pattern) => Some(Typed { expr: Expr::Matches(Box::new(typed.expr), pattern), ty: Type::Bool, moment: typed.moment, span }),
            Err(error) => {
                self.checker.report.push(regex_error(&error, pattern.span));
                None
            }
        }
    }
}

fn join(left: Expr, right: Expr, and: bool) -> Expr {
    let mut all = Vec::new();
    for side in [left, right] {
        match (side, and) {
            (Expr::And(inner), true) | (Expr::Or(inner), false) => all.extend(inner),
            (other, _) => all.push(other),
        }
    }
    if and { Expr::And(all) } else { Expr::Or(all) }
}

/// True for a comparison by order.
fn is_ordering(tree: &Tree) -> bool {
    use Operator::{Greater, GreaterOrEqual, Less, LessOrEqual};
    matches!(&tree.kind, ExprKind::Binary(_, Less | LessOrEqual | Greater | GreaterOrEqual, _))
}
