//! Conditions in a form that can be walked: `not` stands before single tests only, and `??` is gone.
//!
//! `(a ?? b) == c` is `has(a) and a == c, or not has(a) and b == c`; so every test is about one reference, or compares two.

use super::facts::{Facts, Kind};
use super::spans::{Addresses, Spans};
use super::text::TextTest;
use crate::lang::eval::{Scalar, Source};
use crate::lang::expr::{Comparison, Expr, Pattern, Ref};
use crate::lang::value::Value;
use std::borrow::Cow;

/// A condition.
#[derive(Debug)]
pub(super) enum Formula<'e> {
    /// True, or false, whatever the request.
    Always(bool),
    /// A test that holds, or does not.
    Test(Atom<'e>, bool),
    /// All hold.
    All(Vec<Self>),
    /// One holds.
    Any(Vec<Self>),
}

/// One test. All but `Same` and `Opaque` fail when a reference is missing.
#[derive(Debug, PartialEq)]
pub(super) enum Atom<'e> {
    /// It is there.
    Present(&'e Ref),
    /// The text, in lower case when that is said, passes.
    Text(&'e Ref, bool, TextTest<'e>),
    /// The number, or the duration in nanoseconds, is one of these.
    Number(&'e Ref, Spans),
    /// The address is one of these.
    Address(&'e Ref, Addresses),
    /// The boolean is this.
    Truth(&'e Ref, bool),
    /// The text is in the set.
    Member(Cow<'e, str>, &'e Ref),
    /// The first, a text, is in the second, a set.
    Within(&'e Ref, &'e Ref),
    /// Both are there and are the same.
    Same(&'e Ref, &'e Ref),
    /// Something that is only evaluated.
    Opaque(&'e Expr),
}

impl<'e> Formula<'e> {
    pub(super) fn all(parts: impl IntoIterator<Item = Self>) -> Self {
        let mut kept = Vec::new();
        for part in parts {
            match part {
                Self::Always(true) => {}
                Self::Always(false) => return Self::Always(false),
                Self::All(inner) => kept.extend(inner),
                Self::Test(..) | Self::Any(_) => kept.push(part),
            }
        }
        match kept.len() {
            0 => Self::Always(true),
            1 => kept.pop().unwrap_or(Self::Always(true)),
            _ => Self::All(kept),
        }
    }

    pub(super) fn any(parts: impl IntoIterator<Item = Self>) -> Self {
        let mut kept = Vec::new();
        for part in parts {
            match part {
                Self::Always(false) => {}
                Self::Always(true) => return Self::Always(true),
                Self::Any(inner) => kept.extend(inner),
                Self::Test(..) | Self::All(_) => kept.push(part),
            }
        }
        match kept.len() {
            0 => Self::Always(false),
            1 => kept.pop().unwrap_or(Self::Always(false)),
            _ => Self::Any(kept),
        }
    }
}

/// What listener and scheme say of each other, where both are asked for.
pub(super) fn entrance(facts: Facts<'_>, asked: &[&Ref]) -> Option<Formula<'static>> {
    let both = asked.contains(&&Ref::Listener) && asked.contains(&&Ref::Scheme);
    let is = |reference: &'static Ref, words: &mut dyn Iterator<Item = &str>| {
        Formula::Test(Atom::Text(reference, false, TextTest::OneOf(words.map(Into::into).collect())), true)
    };
    let ways = facts.entrances.iter().map(|entrance| {
        let scheme = is(&Ref::Scheme, &mut entrance.schemes.iter().copied());
        Formula::all([is(&Ref::Listener, &mut std::iter::once(entrance.listener.as_str())), scheme])
    });
    (both && !facts.entrances.is_empty()).then(|| Formula::any(ways))
}

/// The condition, or its contrary.
pub(super) fn formula<'e>(facts: Facts<'_>, condition: &'e Expr, wanted: bool) -> Formula<'e> {
    match condition {
        Expr::Not(inner) => formula(facts, inner, !wanted),
        Expr::And(parts) | Expr::Or(parts) => {
            let parts = parts.iter().map(|part| formula(facts, part, wanted));
            if matches!(condition, Expr::And(_)) == wanted { Formula::all(parts) } else { Formula::any(parts) }
        }
        Expr::Compare(left, how, right) => compare(facts, condition, (left, *how, right), wanted),
        Expr::In(item, set) => by_cases(facts, condition, item, wanted, |operand| inside(facts, condition, operand, set, wanted)),
        Expr::Matches(text, pattern) => by_cases(facts, condition, text, wanted, |operand| matching(facts, operand, pattern, wanted)),
        Expr::Has(inner) => by_cases(facts, condition, inner, wanted, |operand| match operand {
            Operand::Const(value) => Formula::Always((**value != Value::None) == wanted),
            Operand::Of(reference, _) => present(facts, reference, wanted),
        }),
        Expr::Const(_) | Expr::Ref(_) | Expr::OrElse(..) | Expr::Lower(_) | Expr::Text(_) | Expr::Secret(_) => {
            by_cases(facts, condition, condition, wanted, |operand| match operand {
                Operand::Const(value) => Formula::Always((**value == Value::Bool(true)) == wanted),
                Operand::Of(reference, _) => truth(facts, reference, true, wanted),
            })
        }
    }
}

/// What a value is: a constant, or a reference, in lower case when that is said.
enum Operand<'e> {
    Const(Cow<'e, Value>),
    Of(&'e Ref, bool),
}

/// An operand, and which references must be there or missing for the value to be it.
struct Case<'e> {
    guards: Vec<(&'e Ref, bool)>,
    operand: Operand<'e>,
}

/// Everything a value can be, one case for each way through its `??`; `None` when it is more than that.
fn cases<'e>(facts: Facts<'_>, value: &'e Expr) -> Option<Vec<Case<'e>>> {
    let only = |operand| Some(vec![Case { guards: Vec::new(), operand }]);
    match value {
        Expr::Const(value) => only(Operand::Const(Cow::Borrowed(value))),
        Expr::Ref(reference) => only(Operand::Of(reference, false)),
        Expr::Lower(inner) => {
            let lower = |case: Case<'e>| Case {
                operand: match case.operand {
                    Operand::Const(value) => Operand::Const(match &*value {
                        Value::Text(text) => Cow::Owned(Value::Text(text.to_lowercase().into())),
                        _ => value,
                    }),
                    Operand::Of(reference, _) => Operand::Of(reference, true),
                },
                ..case
            };
            Some(cases(facts, inner)?.into_iter().map(lower).collect())
        }
        Expr::OrElse(first, second) => {
            let mut found = Vec::new();
            let mut missing: Vec<Vec<(&'e Ref, bool)>> = Vec::new();
            for mut case in cases(facts, first)? {
                match case.operand {
                    Operand::Const(value) if *value == Value::None => missing.push(case.guards),
                    Operand::Of(reference, _) if facts.optional(reference) => {
                        missing.push(case.guards.iter().copied().chain([(reference, false)]).collect());
                        case.guards.push((reference, true));
                        found.push(case);
                    }
                    Operand::Const(_) | Operand::Of(..) => found.push(case),
                }
            }
            for guards in missing {
                let others = cases(facts, second)?.into_iter();
                found.extend(others.map(|case| Case { guards: guards.iter().copied().chain(case.guards).collect(), ..case }));
            }
            Some(found)
        }
        Expr::Text(_)
        | Expr::Secret(_)
        | Expr::Not(_)
        | Expr::And(_)
        | Expr::Or(_)
        | Expr::Compare(..)
        | Expr::In(..)
        | Expr::Matches(..)
        | Expr::Has(_) => None,
    }
}

fn guarded<'e>(facts: Facts<'_>, guards: &[(&'e Ref, bool)], then: Formula<'e>) -> Formula<'e> {
    Formula::all(guards.iter().map(|(reference, there)| present(facts, reference, *there)).chain([then]))
}

/// A test of a value, case by case. The cases exclude each other and leave nothing out, so the contrary is the contrary in each.
fn by_cases<'e>(
    facts: Facts<'_>,
    whole: &'e Expr,
    value: &'e Expr,
    wanted: bool,
    test: impl Fn(&Operand<'e>) -> Formula<'e>,
) -> Formula<'e> {
    match cases(facts, value) {
        Some(cases) => Formula::any(cases.into_iter().map(|case| guarded(facts, &case.guards, test(&case.operand)))),
        None => Formula::Test(Atom::Opaque(whole), wanted),
    }
}

fn present<'e>(facts: Facts<'_>, reference: &'e Ref, wanted: bool) -> Formula<'e> {
    if facts.optional(reference) { Formula::Test(Atom::Present(reference), wanted) } else { Formula::Always(wanted) }
}

fn truth<'e>(facts: Facts<'_>, reference: &'e Ref, value: bool, wanted: bool) -> Formula<'e> {
    match facts.domain(reference).kind {
        Kind::Truth => Formula::Test(Atom::Truth(reference, value), wanted),
        Kind::Text(_) | Kind::Number(_) | Kind::Duration | Kind::Address | Kind::Set => Formula::Always(!wanted),
    }
}

fn compare<'e>(facts: Facts<'_>, whole: &'e Expr, (left, how, right): (&'e Expr, Comparison, &'e Expr), wanted: bool) -> Formula<'e> {
    if let (Comparison::Equal | Comparison::NotEqual, Some((condition, truth))) = (how, with_truth(left, right)) {
        return formula(facts, condition, (truth == (how == Comparison::Equal)) == wanted);
    }
    let (Some(lefts), Some(rights)) = (cases(facts, left), cases(facts, right)) else {
        return Formula::Test(Atom::Opaque(whole), wanted);
    };
    let pairs = lefts.iter().flat_map(|left| rights.iter().map(move |right| (left, right)));
    Formula::any(pairs.map(|(left, right)| {
        let test = compared(facts, whole, (&left.operand, how, &right.operand), wanted);
        let guards: Vec<(&'e Ref, bool)> = left.guards.iter().chain(&right.guards).copied().collect();
        guarded(facts, &guards, test)
    }))
}

/// A condition that is compared with `true` or `false`.
fn with_truth<'e>(left: &'e Expr, right: &'e Expr) -> Option<(&'e Expr, bool)> {
    let is_condition = |side: &Expr| {
        matches!(side, Expr::Not(_) | Expr::And(_) | Expr::Or(_) | Expr::Compare(..) | Expr::In(..) | Expr::Matches(..) | Expr::Has(_))
    };
    match (left, right) {
        (condition, Expr::Const(Value::Bool(truth))) | (Expr::Const(Value::Bool(truth)), condition) if is_condition(condition) => {
            Some((condition, *truth))
        }
        _ => None,
    }
}

fn compared<'e>(
    facts: Facts<'_>,
    whole: &'e Expr,
    (left, how, right): (&Operand<'e>, Comparison, &Operand<'e>),
    wanted: bool,
) -> Formula<'e> {
    match (left, right) {
        (Operand::Const(left), Operand::Const(right)) => {
            let constant = |value: &Value| Box::new(Expr::Const(value.clone()));
            Formula::Always(Expr::Compare(constant(left), how, constant(right)).holds(Nothing) == wanted)
        }
        (Operand::Of(reference, lowered), Operand::Const(value)) => against(facts, (reference, *lowered), how, value, wanted),
        (Operand::Const(value), Operand::Of(reference, lowered)) => against(facts, (reference, *lowered), flipped(how), value, wanted),
        (Operand::Of(one, one_lowered), Operand::Of(other, other_lowered)) => {
            let equal = how == Comparison::Equal;
            match how {
                Comparison::Equal | Comparison::NotEqual if one == other && one_lowered == other_lowered => {
                    Formula::Always(equal == wanted)
                }
                Comparison::Equal | Comparison::NotEqual if !one_lowered && !other_lowered => {
                    same(facts, whole, one, other, equal == wanted, wanted)
                }
                _ => Formula::Test(Atom::Opaque(whole), wanted),
            }
        }
    }
}

/// Two references that are equal: both missing, or both there and the same.
fn same<'e>(facts: Facts<'_>, whole: &'e Expr, one: &'e Ref, other: &'e Ref, equal: bool, wanted: bool) -> Formula<'e> {
    match (facts.domain(one).kind, facts.domain(other).kind) {
        (Kind::Text(_), Kind::Text(_))
        | (Kind::Number(_), Kind::Number(_))
        | (Kind::Duration, Kind::Duration)
        | (Kind::Address, Kind::Address)
        | (Kind::Truth, Kind::Truth) => {}
        _ => return Formula::Test(Atom::Opaque(whole), wanted),
    }
    let there = |first: bool, second: bool| Formula::all([present(facts, one, first), present(facts, other, second)]);
    let both = Formula::all([there(true, true), Formula::Test(Atom::Same(one, other), equal)]);
    if equal { Formula::any([both, there(false, false)]) } else { Formula::any([there(true, false), there(false, true), both]) }
}

fn flipped(how: Comparison) -> Comparison {
    match how {
        Comparison::Equal | Comparison::NotEqual => how,
        Comparison::Less => Comparison::Greater,
        Comparison::LessOrEqual => Comparison::GreaterOrEqual,
        Comparison::Greater => Comparison::Less,
        Comparison::GreaterOrEqual => Comparison::LessOrEqual,
    }
}

/// A reference compared with a constant.
fn against<'e>(facts: Facts<'_>, (reference, lowered): (&'e Ref, bool), how: Comparison, value: &Value, wanted: bool) -> Formula<'e> {
    let equality = match how {
        Comparison::Equal => Some(true),
        Comparison::NotEqual => Some(false),
        Comparison::Less | Comparison::LessOrEqual | Comparison::Greater | Comparison::GreaterOrEqual => None,
    };
    if *value == Value::None {
        return equality.map_or(Formula::Always(!wanted), |equal| present(facts, reference, equal != wanted));
    }
    let wanted = if equality == Some(false) { !wanted } else { wanted };
    match (facts.domain(reference).kind, value) {
        (Kind::Text(_), Value::Text(text)) => {
            let test = |test| Formula::Test(Atom::Text(reference, lowered, test), true);
            let below = |inclusive| TextTest::Below(text.clone(), inclusive);
            let above = |inclusive: bool| {
                (Formula::Test(Atom::Text(reference, lowered, below(!inclusive)), false), present(facts, reference, true))
            };
            match how {
                Comparison::Equal | Comparison::NotEqual => contrary(test(TextTest::OneOf(vec![text.clone()])), wanted),
                Comparison::Less => contrary(test(below(false)), wanted),
                Comparison::LessOrEqual => contrary(test(below(true)), wanted),
                Comparison::Greater | Comparison::GreaterOrEqual => {
                    let (not_below, there) = above(how == Comparison::GreaterOrEqual);
                    if wanted {
                        Formula::all([there, not_below])
                    } else {
                        Formula::any([contrary(there, false), contrary(not_below, false)])
                    }
                }
            }
        }
        (Kind::Number(_), _) => {
            match number(value).and_then(|run| ordered(how, run, matches!(value, Value::Status(low, high) if low != high))) {
                Some(spans) => Formula::Test(Atom::Number(reference, spans), wanted),
                None => Formula::Always(!wanted),
            }
        }
        (Kind::Duration, Value::Duration(duration)) => match ordered(how, (duration.as_nanos(), duration.as_nanos()), false) {
            Some(spans) => Formula::Test(Atom::Number(reference, spans), wanted),
            None => Formula::Always(!wanted),
        },
        (Kind::Address, Value::Ip(ip)) if equality.is_some() => {
            Formula::Test(Atom::Address(reference, Addresses::of(&[(*ip).into()])), wanted)
        }
        (Kind::Truth, Value::Bool(truth)) if equality.is_some() => Formula::Test(Atom::Truth(reference, *truth), wanted),
        (Kind::Text(_) | Kind::Duration | Kind::Address | Kind::Truth | Kind::Set, _) => Formula::Always(!wanted),
    }
}

/// A test or its contrary.
fn contrary<'e>(test: Formula<'e>, wanted: bool) -> Formula<'e> {
    match test {
        Formula::Test(atom, holds) => Formula::Test(atom, holds == wanted),
        Formula::Always(holds) => Formula::Always(holds == wanted),
        other @ (Formula::All(_) | Formula::Any(_)) => other,
    }
}

/// The run of numbers that a constant is.
fn number(value: &Value) -> Option<(u128, u128)> {
    match value {
        Value::Int(number) | Value::Size(number) => Some((u128::from(*number), u128::from(*number))),
        Value::Status(low, high) => Some((u128::from(*low), u128::from(*high))),
        Value::Duration(duration) => Some((duration.as_nanos(), duration.as_nanos())),
        Value::None
        | Value::Bool(_)
        | Value::Text(_)
        | Value::Percent(_)
        | Value::Rate(_)
        | Value::Ip(_)
        | Value::Network(_)
        | Value::Range(..)
        | Value::List(_) => None,
    }
}

fn ordered(how: Comparison, (low, high): (u128, u128), class: bool) -> Option<Spans> {
    Some(match how {
        Comparison::Equal | Comparison::NotEqual => Spans::run(low, high),
        // A class of statuses has no order.
        Comparison::Less | Comparison::LessOrEqual | Comparison::Greater | Comparison::GreaterOrEqual if class => return None,
        Comparison::Less => low.checked_sub(1).map_or(Spans::run(1, 0), |below| Spans::run(0, below)),
        Comparison::LessOrEqual => Spans::run(0, high),
        Comparison::Greater => Spans::run(high.saturating_add(1), u128::MAX),
        Comparison::GreaterOrEqual => Spans::run(low, u128::MAX),
    })
}

/// `operand in set`
fn inside<'e>(facts: Facts<'_>, whole: &'e Expr, operand: &Operand<'e>, set: &'e Expr, wanted: bool) -> Formula<'e> {
    match (operand, set) {
        (Operand::Const(item), Expr::Const(_)) => {
            Formula::Always(Expr::In(Box::new(Expr::Const((**item).clone())), Box::new(set.clone())).holds(Nothing) == wanted)
        }
        (Operand::Const(item), Expr::Ref(set)) => match (&**item, facts.domain(set).kind) {
            (Value::Text(text), Kind::Set) => Formula::Test(Atom::Member(Cow::Owned(text.to_string()), set), wanted),
            (_, Kind::Set | Kind::Text(_) | Kind::Number(_) | Kind::Duration | Kind::Address | Kind::Truth) => Formula::Always(!wanted),
        },
        (Operand::Of(item, false), Expr::Ref(set)) => match (facts.domain(item).kind, facts.domain(set).kind) {
            (Kind::Text(_), Kind::Set) => Formula::Test(Atom::Within(item, set), wanted),
            _ => Formula::Always(!wanted),
        },
        (Operand::Of(item, lowered), Expr::Const(set)) => one_of(facts, (item, *lowered), set, wanted),
        _ => Formula::Test(Atom::Opaque(whole), wanted),
    }
}

/// A reference that is one of some constants.
fn one_of<'e>(facts: Facts<'_>, (item, lowered): (&'e Ref, bool), set: &Value, wanted: bool) -> Formula<'e> {
    if let Value::Range(low, high) = set {
        let bounds = [
            against(facts, (item, lowered), Comparison::GreaterOrEqual, low, wanted),
            against(facts, (item, lowered), Comparison::LessOrEqual, high, wanted),
        ];
        return if wanted { Formula::all(bounds) } else { Formula::any(bounds) };
    }
    let members = match set {
        Value::List(members) => members.as_slice(),
        single => std::slice::from_ref(single),
    };
    match facts.domain(item).kind {
        Kind::Text(_) => {
            let texts = members.iter().filter_map(|member| if let Value::Text(text) = member { Some(text.clone()) } else { None });
            Formula::Test(Atom::Text(item, lowered, TextTest::OneOf(texts.collect())), wanted)
        }
        Kind::Number(_) => Formula::Test(Atom::Number(item, Spans::union(members.iter().filter_map(number))), wanted),
        Kind::Duration => {
            let durations = members.iter().filter(|member| matches!(member, Value::Duration(_)));
            Formula::Test(Atom::Number(item, Spans::union(durations.filter_map(number))), wanted)
        }
        Kind::Address => {
            let networks = members.iter().filter_map(|member| match member {
                Value::Network(network) => Some(*network),
                Value::Ip(ip) => Some((*ip).into()),
                _ => None,
            });
            Formula::Test(Atom::Address(item, Addresses::of(&networks.collect::<Vec<_>>())), wanted)
        }
        Kind::Truth => {
            let truths = members.iter().filter_map(|member| if let Value::Bool(truth) = member { Some(*truth) } else { None });
            let tests = truths.map(|truth| Formula::Test(Atom::Truth(item, truth), wanted)).collect::<Vec<_>>();
            if wanted { Formula::any(tests) } else { Formula::all(tests) }
        }
        Kind::Set => Formula::Always(!wanted),
    }
}

fn matching<'e>(facts: Facts<'_>, operand: &Operand<'e>, pattern: &'e Pattern, wanted: bool) -> Formula<'e> {
    match operand {
        Operand::Const(value) => Formula::Always(matches!(&**value, Value::Text(text) if pattern.matches(text)) == wanted),
        Operand::Of(reference, lowered) => match facts.domain(reference).kind {
            Kind::Text(_) => Formula::Test(Atom::Text(reference, *lowered, TextTest::Matches(Cow::Borrowed(pattern))), wanted),
            // The checker lets only text be matched.
            Kind::Number(_) | Kind::Duration | Kind::Address | Kind::Truth | Kind::Set => Formula::Always(!wanted),
        },
    }
}

/// No reference has a value.
#[derive(Clone, Copy)]
struct Nothing;

impl<'a> Source<'a> for Nothing {
    fn value(self, _: &'a Ref) -> Scalar<'a> {
        Scalar::Missing
    }
}
