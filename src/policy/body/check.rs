//! Reads `body`.

use super::{Config, Json, Max};
use crate::lang::Checker;
use crate::lang::read::Mode;
use crate::policy::Effective;

/// Of each clause the innermost is in force.
pub(super) fn check(statements: &[Effective<'_>], checker: &mut Checker<'_>) -> Option<Config> {
    if statements.last()?.node.mode == Mode::Drop {
        return None;
    }
    let innermost = |clause: &str| statements.iter().rev().find_map(|statement| statement.node.child(clause));
    let max = match innermost("max").and_then(|child| child.get("size")) {
        Some(given) if given.expr.as_word().is_some_and(|word| word.text == "none") => Some(Max::Unbounded),
        Some(given) => checker.size(given).map(Max::Bytes),
        None => Some(Max::Gateway),
    };
    let json = match innermost("json") {
        Some(json) => {
            let schema = match json.child("schema").and_then(|child| child.get("file")) {
                Some(given) => Some(checker.file(given)?),
                None => None,
            };
            Some(Json { schema })
        }
        None => None,
    };
    let config = Config { max: max?, json };
    (config != Config { max: Max::Gateway, json: None }).then_some(config)
}
