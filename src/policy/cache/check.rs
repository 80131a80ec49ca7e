//! Reads `cache`.

use super::{Arm, Config, Keep};
use crate::diag::{Code, Diagnostic};
use crate::lang::checker::{Moment, Spot, Want};
use crate::lang::expr::Expr;
use crate::lang::form::Declared;
use crate::lang::types::Type;
use crate::lang::{Checker, Given, Node};
use crate::policy::Effective;
use std::time::Duration;

/// Most parts of one key.
const KEY_PARTS_MAX: usize = 16;

pub(super) fn check(statement: &Effective<'_>, checker: &mut Checker<'_>) -> Option<Config> {
    let node = &statement.node;
    match node.child("invalidate") {
        Some(invalidate) => routes(node, invalidate, checker).map(Config::Invalidate),
        None => keep(node, statement.site.clone(), checker).map(Config::Keep),
    }
}

fn routes(node: &Node<'_>, invalidate: &Node<'_>, checker: &mut Checker<'_>) -> Option<Vec<String>> {
    let beside = node.children.iter().find(|child| child.form.word != "invalidate").map(|child| child.span);
    if let Some(beside) = beside.or_else(|| node.get("ttl").map(|given| given.expr.span)) {
        checker.report.push(
            Diagnostic::new(Code::SchemaArity, "`cache invalidate` keeps nothing itself")
                .at(beside, "has no meaning beside `invalidate`")
                .help("write `cache invalidate [routes]` alone"),
        );
        return None;
    }
    let mut names = Vec::new();
    for item in checker.items(invalidate.get("routes")?) {
        checker.declared(item, Declared::Route)?;
        names.push(item.expr.as_word()?.text.clone());
    }
    Some(names)
}

fn keep(node: &Node<'_>, site: String, checker: &mut Checker<'_>) -> Option<Keep> {
    let ttl = optional(node.get("ttl"), checker);
    let mut clause = |name: &str| optional(node.child(name).and_then(|child| child.get("time")), checker);
    let (stale, error) = (clause("stale"), clause("error"));
    let key = key(node, checker);
    let max = match node.child("max").and_then(|child| child.get("size")) {
        Some(given) => checker.size(given).map(Some),
        None => Some(None),
    };
    let arms: Vec<Option<Arm>> = node.children_of("when").map(|arm| self::arm(arm, checker)).collect();
    let arms: Option<Vec<Arm>> = arms.into_iter().collect();
    let keep =
        Keep { site, ttl: ttl?, key: key?, shared: node.child("shared").is_some(), stale: stale?, error: error?, max: max?, arms: arms? };
    let nothing = keep.ttl == Some(Duration::ZERO)
        && keep.stale.unwrap_or_default().is_zero()
        && keep.error.unwrap_or_default().is_zero()
        && keep.arms.iter().all(|arm| arm.ttl.is_zero());
    if nothing {
        checker.report.push(
            Diagnostic::new(Code::CacheTtlZero, "this cache keeps nothing")
                .at(node.span_of("ttl"), "no time at all")
                .help("give it a time, such as `cache 30s`; `cache` without one keeps what the upstream allows; `drop cache` removes an inherited one"),
        );
    }
    Some(keep)
}

fn optional(given: Option<Given<'_>>, checker: &mut Checker<'_>) -> Option<Option<Duration>> {
    match given {
        Some(given) => checker.duration(given).map(Some),
        None => Some(None),
    }
}

/// A value that is missing is a value of its own here.
fn key(node: &Node<'_>, checker: &mut Checker<'_>) -> Option<Vec<Expr>> {
    let Some(given) = node.child("by").and_then(|child| child.get("keys")) else { return Some(Vec::new()) };
    let items = checker.items(given);
    if items.len() > KEY_PARTS_MAX {
        checker.error(Code::SchemaArity, format!("a key has at most {KEY_PARTS_MAX} parts"), given.expr.span, "");
        return None;
    }
    let parts: Vec<Option<Expr>> = items.into_iter().map(|item| part(item, checker)).collect();
    parts.into_iter().collect()
}

fn part(given: Given<'_>, checker: &mut Checker<'_>) -> Option<Expr> {
    let typed = checker.typed(given, &Want::scalar(Moment::Body, Spot::Plain))?;
    if typed.ty == Type::Nothing {
        checker.error(Code::TypeMismatch, "`none` tells no two requests apart", typed.span, "no part of a key");
        return None;
    }
    Some(typed.expr)
}

fn arm(node: &Node<'_>, checker: &mut Checker<'_>) -> Option<Arm> {
    let when = node.get("condition").and_then(|given| checker.condition(given, Moment::Response));
    let ttl = node.get("ttl").and_then(|given| checker.duration(given));
    Some(Arm { when: when?.expr, ttl: ttl? })
}
