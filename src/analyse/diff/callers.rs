//! Rules under other facts: a `require` that nobody touched lets in others when what it asks of a caller means something else.
//!
//! The attributes that changed stand twice in the question, as they were and as they are; everything else of the caller is
//! one and the same. So the question is whether the rules can hold of one and not of the other.

use super::align::rewritten;
use super::rules::{Stated, stated, text};
use super::{Class, Comparison, Difference};
use crate::analyse::words::{Names, value};
use crate::lang::checker::AttributeFact;
use crate::lang::expr::{Comparison as How, Expr, Ref};
use crate::lang::value::Value;
use crate::logic::{Facts, Model, implies};
use crate::policy::Config;
use crate::policy::auth::{self, AttributeDecl, AttributeType, Declared, Kind};

/// What an attribute is of the caller in question.
#[derive(Debug, Clone, PartialEq)]
enum Given {
    /// This.
    Value(Value),
    /// Missing.
    Missing,
    /// Whatever the credential says.
    Any,
}

/// One way in which callers were known, and are known.
struct Case {
    /// What changed: `` `plan` is `pro` where it is missing, was `free` ``
    says: String,
    /// Which callers it meets.
    with: String,
    /// By the attribute's name, what it was and is.
    given: Vec<(String, Given, Given)>,
}

/// Rules that mean something else for callers whom an auth of both routes identifies.
pub fn differences(
    (old, new): (Option<&auth::Config>, Option<&auth::Config>),
    policies: &[Config],
    comparison: &Comparison<'_>,
    names: &Names<'_>,
    facts: Facts<'_>,
    found: &mut Vec<Difference>,
) {
    let (Some(old), Some(new)) = (old, new) else { return };
    for index in new.auths.iter().filter(|index| old.auths.contains(index)) {
        let Some((was, is)) = comparison.aligned.auths.get(usize::from(*index)).and_then(|both| both.pair()) else { continue };
        if was == is {
            continue;
        }
        let rules = stated(policies);
        for case in cases(was, is) {
            let question = Question { rules: &rules, was, is, facts, names };
            question.ask(&case, found);
        }
    }
}

/// Every way in which the auth's callers are known otherwise.
fn cases(was: &Declared, is: &Declared) -> Vec<Case> {
    let name = &is.name;
    let mut cases = Vec::new();
    for (before, now) in shared(was, is) {
        let claim = &now.name;
        if before.source != now.source {
            cases.push(Case {
                says: format!("`{claim}` of `{name}` is what `{}` says, was what `{}` says", now.source, before.source),
                with: format!("with a credential whose `{}` and `{}` differ", now.source, before.source),
                given: vec![(claim.clone(), Given::Any, Given::Any)],
            });
        }
        if let (Some(then), Some(given)) = (missing(before), missing(now))
            && then != given
        {
            cases.push(Case {
                says: format!("`{claim}` of `{name}` is {} where it is missing, was {}", spelled(&given), spelled(&then)),
                with: format!("with a credential without `{claim}`"),
                given: vec![(claim.clone(), then, given)],
            });
        }
    }
    if let (Kind::Key(old), Kind::Key(new)) = (&was.kind, &is.kind) {
        for key in &new.single {
            let same = old.single.iter().find(|other| other.name == key.name && other.secret == key.secret);
            let Some(before) = same.filter(|before| before.attributes != key.attributes) else { continue };
            let of = |declared: &AttributeDecl, given: &[(String, Value)]| {
                let own = given.iter().find(|(name, _)| *name == declared.name).map(|(_, value)| Given::Value(value.clone()));
                own.or_else(|| missing(declared)).unwrap_or(Given::Any)
            };
            let given = shared(was, is).map(|(then, now)| (now.name.clone(), of(then, &before.attributes), of(now, &key.attributes)));
            cases.push(Case {
                says: format!("key `{}` of `{name}` has other attributes", key.name),
                with: format!("with the key `{}`", key.name),
                given: given.filter(|(_, then, now)| then != now).collect(),
            });
        }
    }
    cases
}

/// Attributes of both, as they were and are.
fn shared<'d>(was: &'d Declared, is: &'d Declared) -> impl Iterator<Item = (&'d AttributeDecl, &'d AttributeDecl)> {
    is.attributes.iter().filter_map(|now| was.attributes.iter().find(|before| before.name == now.name).map(|before| (before, now)))
}

/// What an attribute is that a credential does not give; none where such a credential is refused.
fn missing(declared: &AttributeDecl) -> Option<Given> {
    match &declared.default {
        Some(default) => Some(Given::Value(default.clone())),
        None => declared.optional.then_some(Given::Missing),
    }
}

fn spelled(given: &Given) -> String {
    match given {
        Given::Value(given) => value(given),
        Given::Missing | Given::Any => "nothing".to_owned(),
    }
}

/// The rules of a route, and an auth as it was and is.
struct Question<'q> {
    rules: &'q [Stated],
    was: &'q Declared,
    is: &'q Declared,
    facts: Facts<'q>,
    names: &'q Names<'q>,
}

/// The auth of attributes as they were: no declared auth has its number.
const BEFORE: u16 = u16::MAX;

impl Question<'_> {
    /// Whether callers are let in that were not, and the other way round.
    fn ask(&self, case: &Case, found: &mut Vec<Difference>) {
        let changed: Vec<(usize, &AttributeFact)> = case
            .given
            .iter()
            .enumerate()
            .filter_map(|(at, (name, ..))| {
                let of = |fact: &&AttributeFact| fact.root == self.is.root() && fact.name == *name;
                Some((at, self.facts.attributes.iter().find(of)?))
            })
            .collect();
        let asks = |rule: &&Stated| {
            let refs = rule.holds.references();
            changed.iter().any(|(_, fact)| refs.contains(&&Ref::Attribute(fact.slots.clone())))
        };
        let asking: Vec<&Stated> = self.rules.iter().filter(asks).collect();
        if asking.is_empty() {
            return;
        }
        let twin = |at: usize| vec![(BEFORE, u16::try_from(at).unwrap_or(BEFORE))];
        let before =
            |holds: &Expr| rewritten(holds, &|slots| changed.iter().find(|(_, fact)| fact.slots == slots).map(|(at, _)| twin(*at)));
        let (mut known, mut given) = (Vec::new(), Vec::new());
        for fact in self.facts.attributes {
            let Some((at, _)) = changed.iter().find(|(_, other)| other.slots == fact.slots) else {
                known.push(fact.clone());
                continue;
            };
            let Some((name, then, now)) = case.given.get(*at) else { continue };
            for (declared, slots, is) in [(self.was, twin(*at), then), (self.is, fact.slots.clone(), now)] {
                let Some(attribute) = declared.attributes.iter().find(|attribute| attribute.name == *name) else { continue };
                let ty = attribute.expression_type();
                let ty = if *is == Given::Missing { ty.optional() } else { ty.present().clone() };
                let optional = *is == Given::Any && attribute.optional;
                given.extend(constraints(&Ref::Attribute(slots.clone()), is, attribute, self.rules));
                known.push(AttributeFact { ty: if optional { ty.optional() } else { ty }, slots, ..fact.clone() });
            }
        }
        let facts = Facts { attributes: &known, ..self.facts };
        let now: Vec<Expr> = self.rules.iter().map(|rule| rule.holds.clone()).collect();
        let then: Vec<Expr> = now.iter().map(before).collect();
        let rules = asking.iter().map(|rule| format!("`{}`", text(rule, self.names))).collect::<Vec<_>>().join(" and ");
        for (class, holds, not, more) in [(Class::Looser, &now, &then, "more"), (Class::Tighter, &then, &now, "fewer")] {
            let all: Vec<&Expr> = holds.iter().chain(&given).collect();
            let model = match implies(facts, &all, &Expr::And(not.clone())) {
                Ok(None) => continue,
                Ok(Some(model)) => Some(without(model, &changed)),
                Err(_) => None,
            };
            let says = format!("{}: {more} callers fulfil {rules}", case.says);
            found.push(Difference::new(class, says).with(case.with.clone()).shown_by(model));
        }
    }
}

/// What is given of an attribute, as conditions. A set is given by the texts that rules look for in it.
fn constraints(reference: &Ref, given: &Given, declared: &AttributeDecl, rules: &[Stated]) -> Vec<Expr> {
    let this = || Box::new(Expr::Ref(reference.clone()));
    match given {
        Given::Any => Vec::new(),
        Given::Missing => vec![Expr::Not(Box::new(Expr::Has(this())))],
        Given::Value(Value::List(members)) if declared.ty == AttributeType::Set => {
            let mut texts = Vec::new();
            rules.iter().for_each(|rule| members_asked(&rule.holds, &mut texts));
            let inside = |text: Value| {
                let is = members.contains(&text);
                let holds = Expr::In(Box::new(Expr::Const(text)), this());
                if is { holds } else { Expr::Not(Box::new(holds)) }
            };
            texts.into_iter().map(inside).collect()
        }
        Given::Value(value) => vec![Expr::Compare(this(), How::Equal, Box::new(Expr::Const(value.clone())))],
    }
}

/// The texts of `"a" in set`, each once.
fn members_asked(expr: &Expr, found: &mut Vec<Value>) {
    if let Expr::In(item, set) = expr
        && let (Expr::Const(text @ Value::Text(_)), Expr::Ref(_)) = (&**item, &**set)
        && !found.contains(text)
    {
        found.push(text.clone());
    }
    expr.parts().into_iter().for_each(|part| members_asked(part, found));
}

/// A model without the attributes that stand twice in it: which callers are meant is said in words.
fn without(mut model: Model, changed: &[(usize, &AttributeFact)]) -> Model {
    model.known.retain(|known| match &known.reference {
        Ref::Attribute(slots) => !slots.iter().any(|(auth, _)| *auth == BEFORE) && !changed.iter().any(|(_, fact)| fact.slots == *slots),
        _ => true,
    });
    model
}
