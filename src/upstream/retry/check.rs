//! Reads `retry`, its clauses of all levels already brought together.

use super::{Backoff, Budget, Config, Trigger, is_idempotent};
use crate::diag::suggest::nearest;
use crate::diag::{Code, Diagnostic};
use crate::lang::types::Type;
use crate::lang::value::{Period, Value};
use crate::lang::{Checker, Given, Node};
use std::time::Duration;

/// Most attempts of one call.
const ATTEMPTS_MAX: u64 = 100;
/// Names of failures that are no statuses.
const FAILURES: &[(&str, Trigger)] = &[("connect_error", Trigger::ConnectError), ("reset", Trigger::Reset), ("timeout", Trigger::Timeout)];

/// What the clauses say, the defaults filled in; none when something was reported.
pub fn read(node: &Node<'_>, checker: &mut Checker<'_>) -> Option<Config> {
    let default = Config::default();
    let slot = |clause: &str, slot: &str| node.child(clause).and_then(|child| child.get(slot));
    let attempts = match slot("attempts", "count") {
        Some(given) => checker.int(given, 1..=ATTEMPTS_MAX).and_then(|count| u32::try_from(count).ok()),
        None => Some(default.attempts),
    };
    let on = match slot("on", "failures") {
        Some(given) => triggers(given, checker),
        None => Some(default.on),
    };
    let idempotency_key = node.child("idempotency_key").is_some();
    let methods = match slot("methods", "list") {
        Some(given) => methods(given, idempotency_key, checker).map(Some),
        None => Some(None),
    };
    let backoff = match node.child("backoff") {
        Some(clause) => backoff(clause, checker),
        None => Some(default.backoff),
    };
    let jitter = node.child("backoff").and_then(|clause| clause.child("jitter")).or_else(|| node.child("jitter"));
    let jitter = jitter.and_then(|clause| clause.word_in("how")).map(|word| word.text == "full");
    let backoff = backoff.map(|backoff| Backoff { jitter: jitter.unwrap_or(backoff.jitter), ..backoff });
    let budget = match node.child("budget") {
        Some(clause) => budget(clause, checker),
        None => Some(default.budget),
    };
    Some(Config { attempts: attempts?, on: on?, methods: methods?, backoff: backoff?, budget: budget?, idempotency_key })
}

fn triggers(given: Given<'_>, checker: &mut Checker<'_>) -> Option<Vec<Trigger>> {
    let found: Vec<Option<Trigger>> = checker.items(given).into_iter().map(|item| trigger(item, checker)).collect();
    found.into_iter().collect()
}

fn trigger(given: Given<'_>, checker: &mut Checker<'_>) -> Option<Trigger> {
    if let Some(word) = given.expr.as_word() {
        if let Some((_, trigger)) = FAILURES.iter().find(|(name, _)| *name == word.text) {
            return Some(*trigger);
        }
        if checker.names.constant(given.scope, &word.text).is_none() {
            let names = FAILURES.iter().map(|(name, _)| *name);
            let near = nearest(&word.text, names);
            let found = Diagnostic::new(Code::TypeEnum, format!("`{}` is no failure that `retry` knows", word.text))
                .at(word.span, "one of `connect_error`, `reset`, `timeout`, or a status");
            checker.report.push(match near {
                Some(near) => found.help(format!("did you mean `{near}`?")),
                None => found,
            });
            return None;
        }
    }
    match checker.constant(given, Type::Status)? {
        Value::Status(low, high) => Some(Trigger::Status(low, high)),
        _ => None,
    }
}

/// A method that changes something each time it arrives is made again only when the request says which one it is.
fn methods(given: Given<'_>, idempotency_key: bool, checker: &mut Checker<'_>) -> Option<Vec<String>> {
    let mut methods = Vec::new();
    for item in checker.items(given) {
        let Value::Text(method) = checker.constant(item, Type::Method)? else { return None };
        if !is_idempotent(&method) && !idempotency_key {
            checker.report.push(
                Diagnostic::new(Code::RetryUnsafeMethod, format!("a `{method}` that is made again may be carried out twice"))
                    .at(item.expr.span, "not idempotent (RFC 9110 §9.2.2)")
                    .help(format!(
                        "leave `{method}` out, or add `idempotency_key required`: only requests with an `Idempotency-Key` are then made again"
                    )),
            );
        }
        methods.push(method.to_string());
    }
    Some(methods)
}

fn backoff(clause: &Node<'_>, checker: &mut Checker<'_>) -> Option<Backoff> {
    let given = clause.get("time")?;
    if !clause.has("kind") {
        let time = checker.duration(given)?;
        return Some(Backoff { base: time, cap: time, jitter: false });
    }
    let Value::Range(low, high) = checker.constant(given, Type::Range(Box::new(Type::Duration)))? else { return None };
    let (Value::Duration(base), Value::Duration(cap)) = (*low, *high) else { return None };
    if base > cap || base == Duration::ZERO {
        checker.error(Code::TypeRange, "a wait that grows begins above 0 and below its end", given.expr.span, "such as `50ms..400ms`");
        return None;
    }
    Some(Backoff { base, cap, jitter: true })
}

fn budget(clause: &Node<'_>, checker: &mut Checker<'_>) -> Option<Budget> {
    let given = clause.get("share")?;
    let share = checker.percent(given)?;
    if share.0 > 10_000 {
        checker.error(Code::TypeRange, "a share is at most the whole", given.expr.span, "at most 100%");
        return None;
    }
    let mut min_per_second = Config::default().budget.min_per_second;
    if let Some(given) = clause.child("min").and_then(|child| child.get("rate")) {
        let rate = checker.rate(given)?;
        if rate.per != Period::Second {
            checker.error(Code::TypeRange, "a budget's least is per second", given.expr.span, "such as `10/s`");
            return None;
        }
        min_per_second = rate.count;
    }
    Some(Budget { share, min_per_second })
}
