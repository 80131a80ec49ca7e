//! Conditions decided exactly: whether they can hold, whether some bring another with them, and an example when not.
//!
//! A condition becomes a disjunction of conjunctions, walked term by term up to [`TERMS_MAX`]; within a term each reference
//! has one small theory: runs of numbers and addresses, automata for text, members of sets. An example is evaluated with the
//! same code as a request before it is handed out, so it is never wrong; what is not decided is said to be [`TooComplex`].
//!
//! Knows neither policies nor where a condition stands.

mod arms;
mod facts;
mod formula;
mod left;
mod matches;
mod model;
mod placed;
mod sample;
mod search;
mod spans;
mod term;
#[cfg(test)]
mod tests;
mod text;

pub use arms::{Arms, arms};
pub use facts::Facts;
pub use matches::{Matches, attribute};
pub use model::{Example, Known, Model};
pub use placed::{Condition, placed};
pub use sample::{Sample, sample};
pub use search::TERMS_MAX;

use crate::lang::expr::Expr;

/// The question is over a limit ([`TERMS_MAX`], or the states of a walk over regexes), or about more than the theories know:
/// nothing is known of its answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TooComplex;

/// A request for which all conditions hold; `None` when there is none.
///
/// # Errors
/// When the question is too complex.
pub fn satisfiable(facts: Facts<'_>, all: &[&Expr]) -> Result<Option<Model>, TooComplex> {
    let goals: Vec<(&Expr, bool)> = all.iter().map(|condition| (*condition, true)).collect();
    search::search(facts, &goals)
}

/// The same within so many steps, of which those that it takes are spent.
///
/// # Errors
/// When the question is too complex, or needs more steps than there are.
pub fn satisfiable_within(facts: Facts<'_>, all: &[&Expr], steps: &mut usize) -> Result<Option<Model>, TooComplex> {
    let goals: Vec<(&Expr, bool)> = all.iter().map(|condition| (*condition, true)).collect();
    search::search_within(facts, &goals, steps)
}

/// A request for which all of `given` hold and `then` does not; `None` when `then` follows from them.
///
/// # Errors
/// When the question is too complex.
pub fn implies(facts: Facts<'_>, given: &[&Expr], then: &Expr) -> Result<Option<Model>, TooComplex> {
    let goals: Vec<(&Expr, bool)> = given.iter().map(|condition| (*condition, true)).chain([(then, false)]).collect();
    search::search(facts, &goals)
}
