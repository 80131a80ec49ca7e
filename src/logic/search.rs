//! The walk over a question's terms, up to a limit.

use super::TooComplex;
use super::facts::Facts;
use super::formula::{Atom, Formula, entrance, formula};
use super::model::{Example, Known, Model};
use super::sample::filled;
use super::term::{Term, any_value};
use crate::lang::expr::{Expr, Piece, Ref};
use crate::route::product::Budget;
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
    let states = Budget::default().states.min(*steps / STEPS_PER_STATE);
    let mut asked = Vec::new();
    goals.iter().for_each(|(condition, _)| references(condition, &mut asked));
    let formulas = goals.iter().map(|(condition, wanted)| formula(facts, condition, *wanted));
    let formulas: Vec<Formula<'_>> = formulas.chain(entrance(facts, &asked)).collect();
    let mut search = Search { facts, goals, terms: 0, steps: *steps, budget: Budget { states }, unknown: false };
    let found = search.branch(formulas.iter().collect(), VecDeque::new(), Vec::new());
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

struct Search<'q> {
    facts: Facts<'q>,
    goals: &'q [(&'q Expr, bool)],
    terms: usize,
    /// How many are left, walks aside.
    steps: usize,
    budget: Budget,
    /// Some term could not be decided.
    unknown: bool,
}

impl<'q> Search<'q> {
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
        let solved = Term::new(self.facts, &literals).map_or(Ok(None), |term| term.values(&mut self.budget));
        if let (Ok(Some(_)) | Err(TooComplex), Some(ways)) = (&solved, open.pop_front()) {
            return ways.iter().find_map(|way| self.branch(vec![way], open.clone(), literals.clone()));
        }
        let found = solved.and_then(|values| values.map(|values| self.complete(&values)).transpose());
        found.unwrap_or_else(|TooComplex| {
            self.unknown = true;
            None
        })
    }

    /// A model of a whole term's values: whatever else is asked about gets any value, and the conditions are evaluated.
    fn complete(&mut self, values: &[(&Ref, Example)]) -> Result<Model, TooComplex> {
        let mut model = Model::default();
        let mut asked = Vec::new();
        self.goals.iter().for_each(|(condition, _)| references(condition, &mut asked));
        for reference in asked {
            match values.iter().find(|(known, _)| *known == reference) {
                Some((_, value)) => self.know(&mut model, reference, value.clone(), true),
                None => {
                    let value = any_value(self.facts, reference, &mut self.budget)?;
                    self.know(&mut model, reference, value, false);
                }
            }
        }
        if !self.holds(&model) {
            return Err(TooComplex);
        }
        self.as_one_path(model)
    }

    fn holds(&self, model: &Model) -> bool {
        self.goals.iter().all(|(condition, wanted)| condition.holds(model) == *wanted)
    }

    /// Parameters are parts of the path: where both decide, the path is put together of them.
    fn as_one_path(&self, mut model: Model) -> Result<Model, TooComplex> {
        let (Some(key), true) = (self.facts.key, model.known.iter().any(|known| known.decisive && known.reference == Ref::Path)) else {
            return Ok(model);
        };
        if !model.known.iter().any(|known| known.decisive && matches!(known.reference, Ref::Param { .. })) {
            return Ok(model);
        }
        let path = filled(&key.pattern, &model).ok_or(TooComplex)?;
        for known in model.known.iter_mut().filter(|known| known.reference == Ref::Path) {
            known.value = Example::Text(path.as_str().into());
        }
        let taken = self.facts.patterns.iter().all(|pattern| pattern.matches(&path));
        if taken && self.holds(&model) { Ok(model) } else { Err(TooComplex) }
    }

    fn know(&self, model: &mut Model, reference: &Ref, value: Example, decisive: bool) {
        model.known.push(Known { reference: reference.clone(), name: reference.spelled(&self.facts), value, decisive });
    }
}

/// Every reference of an expression once.
fn references<'e>(expr: &'e Expr, found: &mut Vec<&'e Ref>) {
    match expr {
        Expr::Const(_) | Expr::Secret(_) => {}
        Expr::Ref(reference) => {
            if !found.contains(&reference) {
                found.push(reference);
            }
        }
        Expr::Text(pieces) => pieces.iter().for_each(|piece| match piece {
            Piece::Hole(inner, _) => references(inner, found),
            Piece::Literal(_) => {}
        }),
        Expr::Not(inner) | Expr::Has(inner) | Expr::Lower(inner) | Expr::Matches(inner, _) => references(inner, found),
        Expr::And(parts) | Expr::Or(parts) => parts.iter().for_each(|part| references(part, found)),
        Expr::Compare(left, _, right) | Expr::In(left, right) | Expr::OrElse(left, right) => {
            references(left, found);
            references(right, found);
        }
    }
}
