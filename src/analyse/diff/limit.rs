//! Limits: how much they let through.

use super::align::Both;
use super::{Class, Comparison, Difference};
use crate::analyse::words::Names;
use crate::lang::expr::Expr;
use crate::lang::value::Rate;
use crate::logic::{Facts, Model, satisfiable};
use crate::policy::Config;
use crate::policy::limit::{self, Arm, Bound, Flow, HeaderStyle, Limit};
use std::cmp::Ordering;

/// What is covered of the policy. A limit that is declared elsewhere counts for other routes, which is told of all of them.
pub const COVERED: &[&str] = &[
    "limit.?",
    "limit.headers",
    "limit.limits.?",
    "limit.limits.order",
    "limit.limits.*.?",
    "limit.limits.*.name",
    "limit.limits.*.site",
    "limit.limits.*.bound.?",
    "limit.limits.*.bound.concurrent",
    "limit.limits.*.bound.rate.algorithm",
    "limit.limits.*.bound.rate.flow.rate",
    "limit.limits.*.bound.rate.flow.burst",
    "limit.limits.*.bound.rate.arms",
    "limit.limits.*.key",
    "limit.limits.*.by_identity",
    "limit.limits.*.counting",
    "limit.limits.*.store",
];

/// Limits of one name are held against each other, and those left over by what they are.
pub fn differences(
    old: &[Config],
    new: &[Config],
    comparison: &Comparison<'_>,
    names: &Names<'_>,
    facts: Facts<'_>,
    found: &mut Vec<Difference>,
) {
    let (was, is) = (config(old), config(new));
    let none = (Vec::new(), Vec::new());
    let (limits, headers) = was.map_or_else(|| none.clone(), |config| (config.limits.clone(), config.headers.clone()));
    let (now, told) = is.map_or(none, |config| (config.limits.clone(), config.headers.clone()));
    let mut left: Vec<&Limit> = limits.iter().collect();
    let mut added = Vec::new();
    for limit in &now {
        match left.iter().position(|before| before.name == limit.name) {
            Some(at) => {
                let before = left.remove(at);
                one(before, limit, names, facts, found);
                place(before, limit, comparison, found);
            }
            None => added.push(limit),
        }
    }
    for limit in added {
        let same =
            left.iter().position(|before| Limit { name: limit.name.clone(), site: limit.site.clone(), ..(*before).clone() } == *limit);
        if let Some(at) = same {
            let before = left.remove(at);
            let class = if told.contains(&HeaderStyle::Ietf) { Class::Reshaped } else { Class::Cosmetic };
            found.push(Difference::new(class, format!("limit `{}` is called `{}`", before.name, limit.name)));
        } else {
            let says = format!("limit `{}` is in force: {}", limit.name, bound(&limit.bound));
            found.push(Difference::new(Class::Tighter, says).with("often enough"));
        }
    }
    for limit in left {
        let says = format!("limit `{}` ({}) is not in force any more", limit.name, bound(&limit.bound));
        found.push(Difference::new(Class::Looser, says).with("often enough"));
    }
    if was.is_some() && is.is_some() && headers != told {
        found.push(Difference::new(Class::Reshaped, "replies tell of limits in other fields"));
    }
}

fn config(policies: &[Config]) -> Option<&limit::Config> {
    policies.iter().find_map(|policy| if let Config::Limit(config) = policy { Some(config) } else { None })
}

fn one(was: &Limit, is: &Limit, names: &Names<'_>, facts: Facts<'_>, found: &mut Vec<Difference>) {
    let name = &is.name;
    match (&was.bound, &is.bound) {
        (Bound::Concurrent(old), Bound::Concurrent(new)) => {
            let says = format!("limit `{name}` is {new} concurrent, was {old}");
            found.extend(compared(new.cmp(old)).map(|class| Difference::new(class, says).with("often enough")));
        }
        (Bound::Rate { algorithm, flow, arms }, Bound::Rate { algorithm: new_algorithm, flow: new_flow, arms: new_arms }) => {
            if algorithm != new_algorithm {
                found.push(Difference::new(Class::Tuned, format!("limit `{name}` counts in another way")));
            }
            flows(name, None, (*flow, *new_flow), found);
            for arm in new_arms {
                let before = arms.iter().find(|other| other.when == arm.when).map_or(*flow, |other| other.flow);
                flows(name, Some(when(&arm.when, names, facts)), (before, arm.flow), found);
            }
            let conditions = |arms: &[Arm]| arms.iter().map(|arm| arm.when.clone()).collect::<Vec<_>>();
            let (before, now) = (conditions(arms), conditions(new_arms));
            if before != now && before.len() == now.len() && now.iter().all(|when| before.contains(when)) {
                both(&format!("limit `{name}` asks its conditions in another order"), found);
            }
            for arm in arms.iter().filter(|arm| !new_arms.iter().any(|other| other.when == arm.when)) {
                flows(name, Some(when(&arm.when, names, facts)), (arm.flow, *new_flow), found);
            }
        }
        (Bound::Concurrent(_), Bound::Rate { .. }) | (Bound::Rate { .. }, Bound::Concurrent(_)) => {
            let says = format!("limit `{name}` is {}, was {}", bound(&is.bound), bound(&was.bound));
            both(&says, found);
        }
    }
    if was.key != is.key {
        let key = |keys: &[Expr]| {
            if keys.is_empty() { "all together".to_owned() } else { keys.iter().map(|key| names.expr(key)).collect::<Vec<_>>().join(", ") }
        };
        let says = format!("limit `{name}` counts by {}, did by {}", key(&is.key), key(&was.key));
        let within = |few: &[Expr], many: &[Expr]| few.iter().all(|key| many.contains(key));
        match (within(&was.key, &is.key), within(&is.key, &was.key)) {
            // A finer key has more counters, so more gets through.
            (true, false) => found.push(Difference::new(Class::Looser, says).with("often enough")),
            (false, true) => found.push(Difference::new(Class::Tighter, says).with("often enough")),
            (false, false) => both(&says, found),
            (true, true) => {}
        }
    }
    if was.counting != is.counting {
        let counting =
            |limit: &Limit| limit.counting.as_ref().map_or_else(|| "all".to_owned(), |expr| format!("those with `{}`", names.expr(expr)));
        let says = format!("limit `{name}` counts {}, did {}", counting(is), counting(was));
        match (&was.counting, &is.counting) {
            (None, Some(_)) => found.push(Difference::new(Class::Looser, says).with("often enough")),
            (Some(_), None) => found.push(Difference::new(Class::Tighter, says).with("often enough")),
            (Some(_), Some(_)) | (None, None) => both(&says, found),
        }
    }
}

/// When and where a limit counts.
fn place(was: &Limit, is: &Limit, comparison: &Comparison<'_>, found: &mut Vec<Difference>) {
    let name = &is.name;
    if was.by_identity != is.by_identity {
        let says = if is.by_identity {
            format!("limit `{name}` counts only callers that were let in, did all who asked")
        } else {
            format!("limit `{name}` counts all who ask, did only callers that were let in")
        };
        found.push(Difference::new(Class::Reshaped, says).with("refused by an `auth` or `require`"));
    }
    if was.store != is.store {
        let store = |limit: &Limit| {
            let both = limit.store.and_then(|store| comparison.aligned.stores.get(usize::from(store)));
            both.and_then(Both::either).map_or_else(|| "each gateway's memory".to_owned(), |store| format!("store `{}`", store.name))
        };
        found.push(Difference::new(Class::Tuned, format!("limit `{name}` counts in {}, did in {}", store(is), store(was))));
    }
}

/// Some requests have more room, others less.
fn both(says: &str, found: &mut Vec<Difference>) {
    found.extend([Class::Looser, Class::Tighter].map(|class| Difference::new(class, says).with("often enough")));
}

/// A condition in words, and an example of it.
fn when(condition: &Expr, names: &Names<'_>, facts: Facts<'_>) -> (String, Option<Model>) {
    (names.expr(condition), satisfiable(facts, &[condition]).ok().flatten())
}

fn flows(name: &str, when: Option<(String, Option<Model>)>, (was, is): (Flow, Flow), found: &mut Vec<Difference>) {
    let (place, model) = when.map_or((String::new(), None), |(when, model)| (format!(" when `{when}`"), model));
    let says = format!("limit `{name}`{place} is {}, was {}", is.rate, was.rate);
    if was.rate.bytes != is.rate.bytes {
        both(&says, found);
        return;
    }
    let class = compared(faster(is.rate, was.rate));
    // A burst that is the rate's own count says nothing more than the rate.
    let own = |flow: Flow| flow.burst == flow.rate.count;
    let said = class.is_some() && own(was) && own(is);
    found.extend(class.map(|class| Difference::new(class, says).with("often enough").shown_by(model.clone())));
    if let Some(class) = compared(is.burst.cmp(&was.burst)).filter(|_| !said) {
        let says = format!("limit `{name}`{place} lets {} through at once, was {}", is.burst, was.burst);
        found.push(Difference::new(class, says).with("often enough at once").shown_by(model));
    }
}

fn compared(now: Ordering) -> Option<Class> {
    match now {
        Ordering::Greater => Some(Class::Looser),
        Ordering::Less => Some(Class::Tighter),
        Ordering::Equal => None,
    }
}

fn faster(one: Rate, other: Rate) -> Ordering {
    let flow = |rate: Rate, per: Rate| u128::from(rate.count) * per.per.length().as_millis();
    flow(one, other).cmp(&flow(other, one))
}

fn bound(bound: &Bound) -> String {
    match bound {
        Bound::Concurrent(most) => format!("{most} concurrent"),
        Bound::Rate { flow, .. } => flow.rate.to_string(),
    }
}
