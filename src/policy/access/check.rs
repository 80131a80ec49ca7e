//! Reads `allow`, `deny` and `require`.

use super::{Config, Rule};
use crate::diag::{Code, Diagnostic};
use crate::lang::checker::Moment;
use crate::lang::expr::{Comparison, Expr};
use crate::lang::read::Mode;
use crate::lang::types::Type;
use crate::lang::value::Value;
use crate::lang::{Checker, Node};
use crate::policy::Effective;

pub(super) fn check(statements: &[Effective<'_>], checker: &mut Checker<'_>) -> Option<Config> {
    let mut config = Config { access: Vec::new(), authorize: Vec::new() };
    for statement in statements {
        if statement.node.mode == Mode::Drop {
            not_dropped(&statement.node, checker);
            continue;
        }
        let require = statement.node.form.word == "require";
        if let Some(rule) = rule(&statement.node, checker) {
            if require { &mut config.authorize } else { &mut config.access }.push(rule);
        }
    }
    (!config.access.is_empty() || !config.authorize.is_empty()).then_some(config)
}

fn not_dropped(node: &Node<'_>, checker: &mut Checker<'_>) {
    let word = node.form.word;
    checker.report.push(
        Diagnostic::new(Code::PolicyNothingToDrop, format!("a `{word}` cannot be dropped"))
            .at(node.span, "conditions of all levels hold together")
            .help("move the rule to the groups and routes that need it"),
    );
}

fn rule(node: &Node<'_>, checker: &mut Checker<'_>) -> Option<Rule> {
    let word = node.form.word;
    let by = if word == "require" { Moment::Authenticate } else { Moment::Match };
    let status = match node.child("else").and_then(|child| child.get("status")) {
        Some(given) => match checker.constant(given, Type::Status)? {
            Value::Status(low, high) if low == high && (400..600).contains(&low) => low,
            _ => {
                checker.error(Code::TypeRange, "a refusal has one status of an error", given.expr.span, "from 400 to 599");
                return None;
            }
        },
        None => 403,
    };
    let typed = checker.condition(node.get("condition")?, by)?;
    let holds = if word == "deny" { Expr::Not(Box::new(typed.expr)) } else { typed.expr };
    if let Some(always) = decided(&holds) {
        let written = if word == "deny" { !always } else { always };
        let (code, message) = if always {
            (Code::RequireAlways, format!("this `{word}` refuses nothing"))
        } else {
            (Code::RequireNever, format!("this `{word}` refuses every request"))
        };
        checker.report.push(Diagnostic::new(code, message).at(typed.span, format!("always {written}")));
    }
    Some(Rule { holds, status })
}

/// The truth of a condition that does not depend on the request.
fn decided(condition: &Expr) -> Option<bool> {
    match condition {
        Expr::Const(Value::Bool(truth)) => Some(*truth),
        Expr::Not(inner) => decided(inner).map(|truth| !truth),
        Expr::And(all) => join(all, false),
        Expr::Or(any) => join(any, true),
        Expr::Compare(left, how, right) => match (&**left, how, &**right) {
            (Expr::Const(left), Comparison::Equal, Expr::Const(right)) => Some(left == right),
            (Expr::Const(left), Comparison::NotEqual, Expr::Const(right)) => Some(left != right),
            _ => None,
        },
        Expr::Const(_)
        | Expr::Ref(_)
        | Expr::Text(_)
        | Expr::Secret(_)
        | Expr::In(..)
        | Expr::Matches(..)
        | Expr::OrElse(..)
        | Expr::Has(_)
        | Expr::Lower(_) => None,
    }
}

/// One `strong` part decides the whole; the contrary needs all parts.
fn join(parts: &[Expr], strong: bool) -> Option<bool> {
    let parts: Vec<Option<bool>> = parts.iter().map(decided).collect();
    if parts.contains(&Some(strong)) {
        return Some(strong);
    }
    parts.iter().all(|part| *part == Some(!strong)).then_some(!strong)
}
