//! The walk over a question's terms, up to a limit.

use super::TooComplex;
use super::facts::Facts;
use super::formula::{Atom, Formula, entrance, formula};
use super::left::with_part;
use super::model::{Example, Known, Model};
use super::sample::filled;
use super::term::{Term, any_value};
use super::text::TextTest;
use crate::lang::expr::{Expr, Pattern as Regex, Ref};
use crate::route::product::Budget;
use std::borrow::Cow;
use std::collections::VecDeque;

/// The most terms (conjunctions of tests) that one question may have; past it the question is too complex.
pub const TERMS_MAX: usize = 4_096;

/// Steps that a state of a walk over regexes counts as: it looks at every byte that may follow.
const STEPS_PER_STATE: usize = 8;
/// Steps that a term counts as besides its tests.
const STEPS_PER_TERM: usize = 16;

/// Values for which each condition comes out as asked; `None` when there are none.
pub(super) fn search(facts: Facts<'_>, goals: &[(&Expr, bool)]) -> Result<Option<Model>, TooComplex> {
    search_within(facts, goals, &mut usize::MAX.clone())
}

/// The same within so many steps, from which those that it takes are taken away.
pub(super) fn search_within(facts: Facts<'_>, goals: &[(&Expr, bool)], steps: &mut usize) -> Result<Option<Model>, TooComplex> {
    let mut asked = Vec::new();
    goals.iter().for_each(|(condition, _)| references(condition, &mut asked));
    let formulas = goals.iter().map(|(condition, wanted)| formula(facts, condition, *wanted));
    let formulas: Vec<Formula<'_>> = formulas.chain(entrance(facts, &asked)).collect();
    let accept = |model: Model| {
        let holds = |model: &Model| goals.iter().all(|(condition, wanted)| condition.holds(model) == *wanted);
        if !holds(&model) {
            return Err(TooComplex);
        }
        let model = as_one_path(facts, model)?;
        if holds(&model) { Ok(model) } else { Err(TooComplex) }
    };
    walk(&Question { facts, formulas: &formulas, asked: &asked, accept: &accept, whole: false }, steps)
}

/// Tests, and what is to be known of the values that pass them.
pub(super) struct Question<'w, 'q> {
    pub facts: Facts<'q>,
    /// All must hold.
    pub formulas: &'w [Formula<'q>],
    /// What gets a value.
    pub asked: &'w [&'q Ref],
    /// Judges the values: a test may know less than what it stands for.
    pub accept: &'w dyn Fn(Model) -> Result<Model, TooComplex>,
    /// Parameters are parts of the path, at the places that are their slots.
    pub whole: bool,
}

/// Values that pass; `None` when there are none.
pub(super) fn walk(question: &Question<'_, '_>, steps: &mut usize) -> Result<Option<Model>, TooComplex> {
    let states = Budget::default().states.min(*steps / STEPS_PER_STATE);
    let mut search = Search { question, terms: 0, steps: *steps, budget: Budget { states }, unknown: false };
    let found = search.branch(question.formulas.iter().collect(), VecDeque::new(), Vec::new());
    let walked = (states - search.budget.states.min(states)) * STEPS_PER_STATE;
    *steps = search.steps.saturating_sub(walked);
    match (found, search.unknown) {
        (Some(model), _) => Ok(Some(model)),
        (None, true) => Err(TooComplex),
        (None, false) => Ok(None),
    }
}

/// A test and how it is to come out.
pub(super) type Literal<'f, 'q> = (&'f Atom<'q>, bool);

struct Search<'w, 'q> {
    question: &'w Question<'w, 'q>,
    terms: usize,
    /// How many are left, walks aside.
    steps: usize,
    budget: Budget,
    /// Some term could not be decided.
    unknown: bool,
}

impl<'q> Search<'_, 'q> {
    /// Takes up everything that must hold, then tries each way through the first choice that is open.
    fn branch<'f>(
        &mut self,
        mut agenda: Vec<&'f Formula<'q>>,
        mut open: VecDeque<&'f [Formula<'q>]>,
        mut literals: Vec<Literal<'f, 'q>>,
    ) -> Option<Model> {
        while let Some(next) = agenda.pop() {
            match next {
                Formula::Always(true) => {}
                Formula::Always(false) => return None,
                Formula::All(parts) => agenda.extend(parts.iter().rev()),
                Formula::Any(ways) => open.push_back(ways),
                Formula::Test(atom, holds) => {
                    if literals.iter().any(|(known, other)| *known == atom && other != holds) {
                        return None;
                    }
                    literals.push((atom, *holds));
                }
            }
        }
        self.terms += 1;
        // Every test is held against the others.
        self.steps = self.steps.saturating_sub(STEPS_PER_TERM + literals.len() + literals.len() * literals.len() / 32);
        if self.terms > TERMS_MAX || self.steps == 0 {
            self.unknown = true;
            return None;
        }
        let solved = Term::new(self.question.facts, &literals).map_or(Ok(None), |term| term.values(&mut self.budget));
        if let (Ok(Some(_)) | Err(TooComplex), Some(ways)) = (&solved, open.pop_front()) {
            return ways.iter().find_map(|way| self.branch(vec![way], open.clone(), literals.clone()));
        }
        let found = solved.and_then(|values| values.map(|values| self.complete(&values, &literals)).transpose());
        found.unwrap_or_else(|TooComplex| {
            self.unknown = true;
            None
        })
    }

    /// A model of a whole term's values: whatever else is asked about gets any value, and the whole is judged.
    fn complete(&mut self, values: &[(&'q Ref, Example)], literals: &[Literal<'_, 'q>]) -> Result<Model, TooComplex> {
        let facts = self.question.facts;
        let mut model = Model::default();
        for reference in self.question.asked {
            let known = values.iter().find(|(known, _)| known == reference);
            let value = match known {
                Some((_, value)) => value.clone(),
                None => any_value(facts, reference, &mut self.budget)?,
            };
            let name = reference.spelled(&facts);
            model.known.push(Known { reference: (*reference).clone(), name, value, decisive: known.is_some() });
        }
        if self.question.whole {
            self.put_parameters(&mut model, literals)?;
        }
        (self.question.accept)(model)
    }

    /// Chooses the path anew, with the parameters in it that are decided.
    fn put_parameters(&mut self, model: &mut Model, literals: &[Literal<'_, 'q>]) -> Result<(), TooComplex> {
        let parts = model.known.iter().filter(|known| known.decisive).filter_map(|known| match &known.reference {
            Ref::Param { slot, .. } => Some((*slot, &known.value)),
            _ => None,
        });
        let parts: Vec<Regex> = parts.map(|(slot, value)| with_part(slot, value).ok_or(TooComplex)).collect::<Result<_, _>>()?;
        if parts.is_empty() {
            return Ok(());
        }
        let atoms: Vec<Atom<'_>> =
            parts.iter().map(|regex| Atom::Text(&Ref::Path, false, TextTest::Matches(Cow::Borrowed(regex)))).collect();
        let all: Vec<Literal<'_, '_>> = literals.iter().copied().chain(atoms.iter().map(|atom| (atom, true))).collect();
        let values = Term::new(self.question.facts, &all).map_or(Ok(None), |term| term.values(&mut self.budget))?;
        // Other parameters might leave a path.
        let path = values.into_iter().flatten().find(|(reference, _)| **reference == Ref::Path).ok_or(TooComplex)?.1;
        model.known.iter_mut().filter(|known| known.reference == Ref::Path).for_each(|known| known.value = path.clone());
        Ok(())
    }
}

/// Parameters are parts of the path: where both decide, the path is put together of them.
fn as_one_path(facts: Facts<'_>, mut model: Model) -> Result<Model, TooComplex> {
    let decides = |is: fn(&Ref) -> bool| model.known.iter().any(|known| known.decisive && is(&known.reference));
    let (Some(key), true) = (facts.key, decides(|reference| *reference == Ref::Path)) else { return Ok(model) };
    if !decides(|reference| matches!(reference, Ref::Param { .. })) {
        return Ok(model);
    }
    let path = filled(&key.pattern, &model).ok_or(TooComplex)?;
    for known in model.known.iter_mut().filter(|known| known.reference == Ref::Path) {
        known.value = Example::Text(path.as_str().into());
    }
    if facts.patterns.iter().all(|pattern| pattern.matches(&path)) { Ok(model) } else { Err(TooComplex) }
}

/// Every reference of an expression that is not among those found already.
pub(super) fn references<'e>(expr: &'e Expr, found: &mut Vec<&'e Ref>) {
    for reference in expr.references() {
        if !found.contains(&reference) {
            found.push(reference);
        }
    }
}
