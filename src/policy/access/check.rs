//! Reads `allow`, `deny` and `require`.

use super::judge::{Written, judge};
use super::{Config, Rule};
use crate::diag::{Code, Diagnostic};
use crate::lang::checker::Moment;
use crate::lang::expr::Expr;
use crate::lang::read::Mode;
use crate::lang::types::Type;
use crate::lang::value::Value;
use crate::lang::{Checker, Node};
use crate::policy::Effective;

pub(super) fn check(statements: &[Effective<'_>], checker: &mut Checker<'_>) -> Option<Config> {
    let mut rules = Vec::new();
    for statement in statements {
        if statement.node.mode == Mode::Drop {
            not_dropped(&statement.node, checker);
            continue;
        }
        rules.extend(rule(statement, checker));
    }
    judge(&rules, checker);
    let (authorize, access): (Vec<Written<'_>>, Vec<Written<'_>>) = rules.into_iter().partition(|written| written.word == "require");
    let config = Config {
        access: access.into_iter().map(|written| written.rule).collect(),
        authorize: authorize.into_iter().map(|written| written.rule).collect(),
    };
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

fn rule<'s>(statement: &'s Effective<'_>, checker: &mut Checker<'_>) -> Option<Written<'s>> {
    let node = &statement.node;
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
    Some(Written { word, span: typed.span, site: &statement.site, rule: Rule { holds, status } })
}

