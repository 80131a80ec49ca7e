//! Reads `body`.

use super::Config;
use crate::lang::Checker;
use crate::lang::read::Mode;
use crate::policy::Effective;

/// The innermost `max` is in force.
pub(super) fn check(statements: &[Effective<'_>], checker: &mut Checker<'_>) -> Option<Config> {
    if statements.last()?.node.mode == Mode::Drop {
        return None;
    }
    let given = statements.iter().rev().find_map(|statement| statement.node.child("max")?.get("size"))?;
    if given.expr.as_word().is_some_and(|word| word.text == "none") {
        return Some(Config { max: None });
    }
    checker.size(given).map(|max| Config { max: Some(max) })
}
