//! `allow`, `deny` and `require`: compared by what follows from what, not by how it is written.

use super::{Class, Difference};
use crate::analyse::words::Names;
use crate::lang::expr::Expr;
use crate::logic::{Facts, Model, implies};
use crate::policy::Config;
use crate::policy::access::{self, Rule};

/// A rule, and in which statement it stands.
#[derive(Clone)]
struct Stated {
    holds: Expr,
    status: u16,
    /// `allow` or `deny`; else `require`.
    early: bool,
}

/// Rules that refuse more, and rules that refuse less.
pub fn differences(old: &[Config], new: &[Config], names: &Names<'_>, facts: Facts<'_>, found: &mut Vec<Difference>) {
    let (was, is) = (stated(old), stated(new));
    let alike = |one: &Stated, other: &Stated| one.holds == other.holds;
    for (rule, before) in is.iter().filter_map(|rule| Some((rule, was.iter().find(|before| alike(before, rule))?))) {
        if rule.status != before.status {
            let says = format!("`{}` refuses with {}, did with {}", text(rule, names), rule.status, before.status);
            found.push(Difference::new(Class::Reshaped, says).with("refused by it"));
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
    if tighter.is_empty() && looser.is_empty() && !(added.is_empty() && gone.is_empty()) {
        found.push(Difference::new(Class::Cosmetic, "conditions are written otherwise and mean the same"));
    }
}

fn stated(policies: &[Config]) -> Vec<Stated> {
    let configs = policies.iter().filter_map(|policy| if let Config::Access(config) = policy { Some(config) } else { None });
    let mut all = Vec::new();
    for access::Config { access, authorize, .. } in configs {
        let state = |rule: &Rule, early: bool| {
            // `require a and b` is `require a` and `require b`.
            let parts = if let Expr::And(parts) = &rule.holds { parts.clone() } else { vec![rule.holds.clone()] };
            parts.into_iter().map(move |holds| Stated { holds, status: rule.status, early }).collect::<Vec<_>>()
        };
        all.extend(access.iter().flat_map(|rule| state(rule, true)));
        all.extend(authorize.iter().flat_map(|rule| state(rule, false)));
    }
    all
}

fn text(rule: &Stated, names: &Names<'_>) -> String {
    match (&rule.holds, rule.early) {
        (Expr::Not(denied), true) => format!("deny {}", names.expr(denied)),
        (allowed, true) => format!("allow {}", names.expr(allowed)),
        (required, false) => format!("require {}", names.expr(required)),
    }
}

/// Values for which some rules hold and another does not; none where that is too complex to find.
type Shown = Option<Model>;

/// What shows that a rule does not follow from others; none when it does.
fn not_implied(given: &[Stated], then: &Stated, facts: Facts<'_>) -> Option<Shown> {
    let given: Vec<&Expr> = given.iter().map(|rule| &rule.holds).collect();
    match implies(facts, &given, &then.holds) {
        Ok(None) => None,
        Ok(Some(model)) => Some(Some(model)),
        Err(_) => Some(None),
    }
}
