//! `allow`, `deny` and `require`: compared by what follows from what, not by how it is written.

use super::canonical::canonical;
use super::{Class, Difference};
use crate::analyse::words::Names;
use crate::lang::expr::Expr;
use crate::logic::{Facts, Model, implies};
use crate::policy::Config;
use crate::policy::access::{self, Rule};

/// A rule, and in which statement it stands.
#[derive(Clone)]
pub struct Stated {
    /// What must hold.
    pub holds: Expr,
    /// The same in one spelling.
    same: Expr,
    status: u16,
    /// `allow` or `deny`; else `require`.
    early: bool,
}

/// Rules that refuse more, and rules that refuse less.
pub fn differences(old: &[Config], new: &[Config], names: &Names<'_>, facts: Facts<'_>, found: &mut Vec<Difference>) {
    if rules(old) == rules(new) {
        return;
    }
    let (was, is) = (stated(old), stated(new));
    let alike = |one: &Stated, other: &Stated| one.same == other.same;
    let mut otherwise = false;
    for rule in &is {
        let before = was.iter().filter(|before| alike(before, rule)).max_by_key(|before| before.early == rule.early);
        let Some(before) = before else { continue };
        otherwise |= rule.holds != before.holds;
        if rule.status != before.status {
            let says = format!("`{}` refuses with {}, did with {}", text(rule, names), rule.status, before.status);
            found.push(Difference::new(Class::Reshaped, says).with("refused by it"));
        }
        if rule.early != before.early {
            found.push(moved(before, rule, new, names));
        }
    }
    let without = |of: &[Stated], other: &[Stated]| -> Vec<Stated> {
        of.iter().filter(|rule| !other.iter().any(|known| alike(known, rule))).cloned().collect()
    };
    let (added, gone) = (without(&is, &was), without(&was, &is));
    let tighter: Vec<(&Stated, Shown)> = added.iter().filter_map(|rule| Some((rule, not_implied(&was, rule, facts)?))).collect();
    let looser: Vec<(&Stated, Shown)> = gone.iter().filter_map(|rule| Some((rule, not_implied(&is, rule, facts)?))).collect();
    // One statement in the place of one other is that statement, changed.
    if let ([one], [other]) = (gone.as_slice(), added.as_slice()) {
        let says = format!("`{}` is in force, was `{}`", text(other, names), text(one, names));
        for (class, changed) in [(Class::Tighter, &tighter), (Class::Looser, &looser)] {
            found.extend(changed.iter().map(|(_, shown)| Difference::new(class, says.clone()).shown_by(shown.clone())));
        }
    } else {
        for (rule, shown) in tighter.iter().cloned() {
            found.push(Difference::new(Class::Tighter, format!("`{}` is in force", text(rule, names))).shown_by(shown));
        }
        for (rule, shown) in looser.iter().cloned() {
            found.push(Difference::new(Class::Looser, format!("`{}` is not in force any more", text(rule, names))).shown_by(shown));
        }
    }
    if tighter.is_empty() && looser.is_empty() && (otherwise || !(added.is_empty() && gone.is_empty())) {
        found.push(Difference::new(Class::Cosmetic, "conditions are written otherwise and mean the same"));
    }
}

fn rules(policies: &[Config]) -> Option<&access::Config> {
    policies.iter().find_map(|policy| if let Config::Access(config) = policy { Some(config) } else { None })
}

/// The rules in force, those that `and` puts together one by one.
pub fn stated(policies: &[Config]) -> Vec<Stated> {
    let mut all = Vec::new();
    if let Some(access::Config { access, authorize }) = rules(policies) {
        let state = |rule: &Rule, early: bool| {
            // `require a and b` is `require a` and `require b`.
            let parts = if let Expr::And(parts) = &rule.holds { parts.clone() } else { vec![rule.holds.clone()] };
            parts.into_iter().map(move |holds| Stated { same: canonical(&holds), holds, status: rule.status, early }).collect::<Vec<_>>()
        };
        all.extend(access.iter().flat_map(|rule| state(rule, true)));
        all.extend(authorize.iter().flat_map(|rule| state(rule, false)));
    }
    all
}

/// A rule as it is written.
pub fn text(rule: &Stated, names: &Names<'_>) -> String {
    match (&rule.holds, rule.early) {
        (Expr::Not(denied), true) => format!("deny {}", names.expr(denied)),
        (allowed, true) => format!("allow {}", names.expr(allowed)),
        (required, false) => format!("require {}", names.expr(required)),
    }
}

/// A rule that is asked at another time: who is refused is the same, but not who is asked it.
fn moved(before: &Stated, rule: &Stated, policies: &[Config], names: &Names<'_>) -> Difference {
    let asks = policies.iter().any(|policy| matches!(policy, Config::Auth(auth) if !auth.is_public()));
    let counts =
        policies.iter().any(|policy| matches!(policy, Config::Limit(limit) if limit.limits.iter().any(|limit| !limit.by_identity)));
    let preflights = policies.iter().any(|policy| matches!(policy, Config::Cors(_)));
    let late = [
        (asks, "callers without a credential get 401 before it"),
        (counts, "limits count those that it refuses"),
        (preflights, "preflights are answered before it"),
    ];
    let soon = [
        (asks, "it refuses callers without a credential too, who got 401"),
        (counts, "limits do not count those that it refuses"),
        (preflights, "it refuses preflights too"),
    ];
    let told: Vec<&str> = if rule.early { soon } else { late }.into_iter().filter(|(so, _)| *so).map(|(_, what)| what).collect();
    let when = |rule: &Stated| if rule.early { "before anything else" } else { "once the caller is known" };
    let says = format!("`{}` is asked {}, was `{}` {}", text(rule, names), when(rule), text(before, names), when(before));
    if told.is_empty() {
        return Difference::new(Class::Cosmetic, format!("{says}: no request can tell"));
    }
    Difference::new(Class::Reshaped, format!("{says}: {}", told.join(", "))).with("refused by it")
}

/// Values for which some rules hold and another does not; none where that is too complex to find.
type Shown = Option<Model>;

/// What shows that a rule does not follow from others; none when it does.
fn not_implied(given: &[Stated], then: &Stated, facts: Facts<'_>) -> Option<Shown> {
    let given: Vec<&Expr> = given.iter().map(|rule| &rule.holds).collect();
    match implies(facts, &given, &then.holds) {
        Ok(None) => None,
        Ok(Some(model)) => Some(Some(model)),
        // One that is too complex hides what another decides alone.
        Err(_) => given.iter().all(|rule| implies(facts, &[rule], &then.holds) != Ok(None)).then_some(None),
    }
}
