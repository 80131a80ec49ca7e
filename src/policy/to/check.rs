//! Reads `to`.

use super::{Arm, Choice, Config};
use crate::diag::{Code, Diagnostic, Span};
use crate::lang::checker::{Moment, Spot, Typed, Want};
use crate::lang::form::Declared;
use crate::lang::types::Type;
use crate::lang::value::Percent;
use crate::lang::{Checker, Given, Node};
use crate::logic::{Model, TooComplex};
use crate::policy::arms::apart;

/// Most arms of one choice.
const ARMS_MAX: usize = 64;
/// Most shares of one split.
const SHARES_MAX: usize = 64;
/// 100%
const WHOLE: u64 = 10_000;

pub(super) fn check(node: &Node<'_>, checker: &mut Checker<'_>) -> Option<Config> {
    let arms: Vec<Option<(Typed, u16)>> = node.children_of("when").map(|arm| self::arm(arm, checker)).collect();
    let (other, split) = (node.child("else"), node.child("split"));
    if let (Some(other), Some(split)) = (other, split) {
        checker.report.push(
            Diagnostic::new(Code::SchemaRepeated, "`else` and `split` both take the other requests")
                .at(split.span, "these shares")
                .also(other.span, "or this")
                .help("keep one of them"),
        );
        return None;
    }
    let otherwise = match (other, split) {
        (Some(other), _) => Some(otherwise(other, checker)),
        (None, Some(split)) => Some(shares(split, checker)),
        (None, None) => None,
    };
    if arms.len() > ARMS_MAX {
        checker.error(Code::SchemaArity, format!("a `to` has at most {ARMS_MAX} arms"), node.span, "");
        return None;
    }
    let arms: Option<Vec<(Typed, u16)>> = arms.into_iter().collect();
    let otherwise = match otherwise {
        Some(choice) => Some(choice?),
        None => None,
    };
    let arms = arms?;
    let left = apart(&arms.iter().map(|(when, _)| when).collect::<Vec<_>>(), checker)?;
    if otherwise.is_none() {
        exhausted(node, arms.is_empty(), left, checker)?;
    }
    let arms = arms.into_iter().map(|(when, upstream)| Arm { when: when.expr, upstream }).collect();
    Some(Config { arms, otherwise })
}

/// Without `else` or `split` one of the arms always holds.
fn exhausted(node: &Node<'_>, empty: bool, left: Result<Option<Model>, TooComplex>, checker: &mut Checker<'_>) -> Option<()> {
    let route = &checker.facts.route;
    let found = match left {
        _ if node.damaged => return None,
        Ok(None) => return Some(()),
        _ if empty => Diagnostic::new(Code::RouteNoTarget, format!("route `{route}` does not say what answers"))
            .at(node.span, "names no upstream")
            .help("write `when CONDITION -> upstream` and `else -> upstream` in its block"),
        Ok(Some(example)) => Diagnostic::new(Code::RouteNoTarget, format!("some requests to `{route}` have no target"))
            .at(node.span, format!("no arm holds, e.g. with {example}"))
            .help("add `else -> upstream` for the requests that are left"),
        Err(TooComplex) => Diagnostic::new(Code::AnalysisTooComplex, "it cannot be decided whether one of the arms always holds")
            .at(node.span, "too complex")
            .help("add `else -> upstream` for the requests that may be left"),
    };
    checker.report.push(found);
    None
}

fn arm(node: &Node<'_>, checker: &mut Checker<'_>) -> Option<(Typed, u16)> {
    let when = node.get("condition").and_then(|given| checker.condition(given, Moment::Authenticate));
    let upstream = node.get("upstream").and_then(|given| upstream(given, checker));
    Some((when?, upstream?))
}

fn upstream(given: Given<'_>, checker: &mut Checker<'_>) -> Option<u16> {
    checker.declared(given, Declared::Upstream).and_then(|index| u16::try_from(index).ok())
}

/// `else -> u`, or `else -> split …`
fn otherwise(node: &Node<'_>, checker: &mut Checker<'_>) -> Option<Choice> {
    let given = node.get("upstream")?;
    let split = node.form.slots.iter().any(|slot| slot.optional && node.has(slot.name));
    if split && given.expr.as_word().is_some_and(|word| word.text == "split") {
        return shares(node, checker);
    }
    if split {
        checker.error(Code::SchemaArity, "`else` names one upstream", node.span, "write `else -> split 95% a, 5% b` for shares");
        return None;
    }
    upstream(given, checker).map(Choice::Upstream)
}

fn shares(node: &Node<'_>, checker: &mut Checker<'_>) -> Option<Choice> {
    let slot = node.form.slots.last()?;
    let all = node.all(slot.name);
    let end = all.iter().position(|given| given.expr.as_word().is_some_and(|word| word.text == "sticky")).unwrap_or(all.len());
    let (written, sticky) = all.split_at_checked(end)?;
    let mut shares = Vec::new();
    for pair in written.chunks(2) {
        let [share, target] = pair else {
            return unfinished(pair.first().map_or(node.span, |given| given.expr.span), checker);
        };
        let (share, target) = (checker.percent(*share), upstream(*target, checker));
        shares.push((share?, target?));
    }
    let sticky = match sticky {
        [] => None,
        [_, key] => Some(key),
        [word, ..] => {
            checker.error(Code::SchemaArity, "`sticky` takes one value", word.expr.span, "such as `sticky claim.sub`");
            return None;
        }
    };
    let sticky = match sticky {
        Some(key) => {
            let typed = checker.typed(*key, &Want::scalar(Moment::Authenticate, Spot::Plain))?;
            if typed.ty == Type::Secret {
                checker.error(Code::SecretLeak, "a secret may not go here", typed.span, "this is a secret");
                return None;
            }
            Some(typed.expr)
        }
        None => None,
    };
    let span = written.first().zip(written.last()).map_or(node.span, |(first, last)| first.expr.span.to(last.expr.span));
    whole(&shares, span, checker)?;
    Some(Choice::Split { shares, sticky })
}

fn unfinished(span: Span, checker: &mut Checker<'_>) -> Option<Choice> {
    checker.report.push(
        Diagnostic::new(Code::SchemaArity, "a share has a percentage and an upstream").at(span, "one without the other").help(
            "write `split 95% a, 5% b`",
        ),
    );
    None
}

/// The shares are those of all requests.
fn whole(shares: &[(Percent, u16)], span: Span, checker: &mut Checker<'_>) -> Option<()> {
    if shares.len() < 2 || shares.len() > SHARES_MAX {
        checker.error(Code::SchemaArity, format!("a split has 2 to {SHARES_MAX} shares"), span, "");
        return None;
    }
    let sum: u64 = shares.iter().map(|(share, _)| u64::from(share.0)).sum();
    if sum == WHOLE {
        return Some(());
    }
    let (what, much) = if sum < WHOLE { ("too little", WHOLE - sum) } else { ("too much", sum - WHOLE) };
    checker.report.push(
        Diagnostic::new(Code::RouteSplitSum, format!("the shares of this split add up to {}, not to 100%", percent(sum)))
            .at(span, format!("{} {what}", percent(much)))
            .help(if sum < WHOLE {
                format!("give the missing {} to one of them", percent(much))
            } else {
                format!("take {} from one of them", percent(much))
            }),
    );
    None
}

/// Hundredths of a percent as they are written: `95%`, `0.5%`.
fn percent(hundredths: u64) -> String {
    match (hundredths / 100, hundredths % 100) {
        (whole, 0) => format!("{whole}%"),
        (whole, part) => format!("{whole}.{}%", format!("{part:02}").trim_end_matches('0')),
    }
}
