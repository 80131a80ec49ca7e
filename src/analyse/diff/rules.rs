//! `allow`, `deny` and `require`: compared by what follows from what, not by how it is written.

use super::{Class, Difference};
use crate::analyse::words::Names;
use crate::lang::expr::Expr;
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
pub fn differences(old: &[Config], new: &[Config], names: &Names<'_>, found: &mut Vec<Difference>) {
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
    let tighter: Vec<(&Stated, Implied)> =
        added.iter().map(|rule| (rule, implied(&was, rule, names))).filter(|(_, implied)| *implied != Implied::Yes).collect();
    let looser: Vec<(&Stated, Implied)> =
        gone.iter().map(|rule| (rule, implied(&is, rule, names))).filter(|(_, implied)| *implied != Implied::Yes).collect();
    // One statement in the place of one other is that statement, changed.
    if let ([one], [other]) = (gone.as_slice(), added.as_slice()) {
        let says = format!("`{}` is in force, was `{}`", text(other, names), text(one, names));
        for (class, changed) in [(Class::Tighter, &tighter), (Class::Looser, &looser)] {
            found.extend(changed.iter().map(|(_, implied)| implied.difference(class, says.clone())));
        }
    } else {
        for (rule, implied) in &tighter {
            found.push(implied.difference(Class::Tighter, format!("`{}` is in force", text(rule, names))));
        }
        for (rule, implied) in &looser {
            found.push(implied.difference(Class::Looser, format!("`{}` is not in force any more", text(rule, names))));
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

/// Whether a rule follows from others.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Implied {
    Yes,
    /// No, and what shows it.
    No(Option<String>),
}

impl Implied {
    fn difference(&self, class: Class, says: String) -> Difference {
        let difference = Difference::new(class, says);
        match self {
            Self::No(Some(shown)) => difference.with(shown.clone()),
            Self::Yes | Self::No(None) => difference,
        }
    }
}

fn implied(given: &[Stated], then: &Stated, names: &Names<'_>) -> Implied {
    if given.iter().any(|rule| rule.holds == then.holds) { Implied::Yes } else { Implied::No(Some(format!("not `{}`", names.expr(&then.holds)))) }
}
