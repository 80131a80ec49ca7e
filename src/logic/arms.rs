//! `when` arms: whether two can hold for one request, and whether one always does.

use super::{Facts, Model, TooComplex, satisfiable};
use crate::lang::expr::Expr;

/// What is known of some arms.
#[derive(Debug, Clone, PartialEq)]
pub struct Arms {
    /// Pairs that both hold for some request, the earlier arm first, by their places.
    pub both: Vec<(usize, usize, Model)>,
    /// Pairs of which it is not known.
    pub unknown: Vec<(usize, usize)>,
    /// Arms that never hold.
    pub never: Vec<usize>,
    /// A request for which none of them holds; `None` when one always does.
    pub left: Result<Option<Model>, TooComplex>,
}

/// Compares all arms with each other, for requests for which `given` holds.
#[must_use]
pub fn arms(facts: Facts<'_>, given: &[&Expr], arms: &[&Expr]) -> Arms {
    let under = |more: &[&Expr]| satisfiable(facts, &[given, more].concat());
    let mut found = Arms { both: Vec::new(), unknown: Vec::new(), never: Vec::new(), left: Ok(None) };
    for (at, later) in arms.iter().enumerate() {
        if under(&[*later]) == Ok(None) {
            found.never.push(at);
            continue;
        }
        for (before, earlier) in arms.iter().enumerate().take(at) {
            match under(&[*earlier, *later]) {
                Ok(None) => {}
                Ok(Some(model)) => found.both.push((before, at, model)),
                Err(TooComplex) => found.unknown.push((before, at)),
            }
        }
    }
    let none: Vec<Expr> = arms.iter().map(|arm| Expr::Not(Box::new((*arm).clone()))).collect();
    found.left = under(&none.iter().collect::<Vec<_>>());
    found
}
