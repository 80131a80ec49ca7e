//! What the rules in force on a route say together: whether any request passes them, and whether each says something of its own.

use super::Rule;
use crate::diag::{Code, Diagnostic, Span};
use crate::lang::Checker;
use crate::lang::expr::Expr;
use crate::logic::{Facts, TooComplex, implies, satisfiable};

/// A rule and where it was written.
pub(super) struct Written<'s> {
    /// `allow`, `deny` or `require`.
    pub word: &'static str,
    /// Its condition.
    pub span: Span,
    /// See [`crate::policy::Effective::site`].
    pub site: &'s str,
    /// What it asks.
    pub rule: Rule,
}

/// Reports what cannot be passed, and what refuses nothing. The outermost rule comes first.
pub(super) fn judge(rules: &[Written<'_>], checker: &mut Checker<'_>) {
    if rules.is_empty() || checker.facts.uncertain {
        return;
    }
    let found = {
        let judge = Judge { rules, checker };
        judge.never().map_or_else(|| judge.needless(), |found| vec![found])
    };
    found.into_iter().for_each(|found| checker.report.push(found));
}

struct Judge<'j, 's, 'c> {
    rules: &'j [Written<'s>],
    checker: &'j Checker<'c>,
}

impl Judge<'_, '_, '_> {
    /// The finding that no request passes all rules.
    fn never(&self) -> Option<Diagnostic> {
        let facts = Facts::from(&self.checker.facts);
        let given: Vec<&Expr> = self.checker.facts.given.iter().collect();
        let passes = |rules: &[&Written<'_>]| satisfiable(facts, &together(&given, rules)) != Ok(None);
        // The innermost rule is the one that can be changed for this route alone.
        let mut all: Vec<&Written<'_>> = self.rules.iter().collect();
        all.sort_by_key(|rule| depth(rule.site));
        // A route that no request takes is reported by itself.
        if passes(&all) || !passes(&[]) {
            return None;
        }
        let last = (0..all.len()).find(|end| all.get(..=*end).is_some_and(|rules| !passes(rules)))?;
        let (rule, mut others) = (*all.get(last)?, all.get(..last)?.to_vec());
        shrink(&mut others, |others| !passes(&[others, &[rule]].concat()));
        let (word, route) = (rule.word, &self.checker.facts.route);
        if others.is_empty() {
            let alone = satisfiable(Facts::default(), &[&rule.rule.holds]) == Ok(None);
            let label = if alone { format!("always {}", word == "deny") } else { format!("{} for every request of `{route}`", word == "deny") };
            return Some(
                Diagnostic::new(Code::RequireNever, format!("this `{word}` refuses every request"))
                    .at(rule.span, label)
                    .help("a route that answers nobody is better removed; for a while, use `respond 503`"),
            );
        }
        let passed = if others.len() == 1 { "the other rule" } else { "the other rules" };
        let mut found = Diagnostic::new(Code::RequireNever, format!("no request of `{route}` passes all its rules"))
            .at(rule.span, format!("refuses whatever passes {passed}"));
        for other in others {
            found = found.also(other.span, passed);
        }
        Some(found.help("rules of all levels hold together: change or remove one of these"))
    }

    /// The findings on rules that refuse nothing, or nothing that the others do not.
    fn needless(&self) -> Vec<Diagnostic> {
        let mut findings = Vec::new();
        let mut dropped: Vec<usize> = Vec::new();
        for (at, rule) in self.rules.iter().enumerate().rev() {
            let own = rule.site == format!("route {}", self.checker.facts.route);
            // What a group or a policy says is not only for this route: it is judged by what holds wherever it is in force.
            let full = Facts::from(&self.checker.facts);
            let (facts, given) = if own { (full, self.checker.facts.given.iter().collect()) } else { (Facts { key: None, ..full }, Vec::new()) };
            match implies(facts, &given, &rule.rule.holds) {
                Ok(None) => {
                    dropped.push(at);
                    findings.push(
                        Diagnostic::new(Code::RequireAlways, format!("this `{}` refuses nothing", rule.word))
                            .at(rule.span, format!("always {}", rule.word != "deny"))
                            .help("remove it, or write what it is to refuse"),
                    );
                    continue;
                }
                Ok(Some(_)) => {}
                Err(TooComplex) => {
                    findings.push(too_complex(rule));
                    continue;
                }
            }
            let mut others: Vec<&Written<'_>> =
                self.rules.iter().enumerate().filter(|(other, _)| !dropped.contains(other)).filter(|(other, _)| self.before(*other, at)).map(|(_, other)| other).collect();
            let follows = |others: &[&Written<'_>]| implies(facts, &together(&given, others), &rule.rule.holds) == Ok(None);
            if others.is_empty() || !follows(&others) {
                continue;
            }
            shrink(&mut others, follows);
            dropped.push(at);
            let passed = if others.len() == 1 { "the other rule" } else { "the other rules" };
            let mut found = Diagnostic::new(Code::RequireImplied, format!("this `{}` refuses nothing that is not refused already", rule.word))
                .at(rule.span, format!("refuses nothing that passes {passed}"));
            for other in others {
                found = found.also(other.span, passed);
            }
            findings.push(found.help("remove it, or write what it is to refuse besides"));
        }
        findings
    }

    /// True when one rule makes the other needless if it follows: it is in force wherever the other is, and either runs before
    /// it or refuses in the same way.
    fn before(&self, one: usize, other: usize) -> bool {
        let (Some(first), Some(second)) = (self.rules.get(one), self.rules.get(other)) else { return false };
        // A policy's rule is not only for this place: what stands around one `use` of it may be missing around another.
        let everywhere = first.site == second.site || (depth(first.site) < depth(second.site) && !second.site.contains(", use "));
        let stage = |rule: &Written<'_>| rule.word == "require";
        let earlier = (stage(first), one) < (stage(second), other);
        let alike = stage(first) == stage(second) && first.rule.status == second.rule.status;
        one != other && everywhere && (earlier || alike)
    }
}

/// How far inside a block stands, by its site: `gateway`, `group a.b`, `route r`.
fn depth(site: &str) -> usize {
    let block = site.split(", use ").next().unwrap_or(site);
    match block.split_once(' ') {
        None => 0,
        Some(("group", path)) => 1 + path.matches('.').count(),
        Some(_) => usize::MAX,
    }
}

fn together<'e>(given: &[&'e Expr], rules: &[&'e Written<'_>]) -> Vec<&'e Expr> {
    given.iter().copied().chain(rules.iter().map(|written| &written.rule.holds)).collect()
}

/// Leaves out every rule without which the rest is still enough.
fn shrink<'w, 's>(rules: &mut Vec<&'w Written<'s>>, enough: impl Fn(&[&'w Written<'s>]) -> bool) {
    let mut at = 0;
    while at < rules.len() {
        let mut fewer = rules.clone();
        fewer.remove(at);
        if enough(&fewer) {
            *rules = fewer;
        } else {
            at += 1;
        }
    }
}

fn too_complex(rule: &Written<'_>) -> Diagnostic {
    Diagnostic::new(Code::AnalysisTooComplex, format!("it cannot be decided whether this `{}` refuses anything", rule.word))
        .at(rule.span, "too complex")
        .help("simplify the condition: fewer `or`s inside `and`s, or a shorter regular expression")
}
