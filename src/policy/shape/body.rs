//! Reads `body` inside `request` and `response`, and `envelope`: the innermost is in force.

use super::Body;
use crate::lang::checker::{Moment, Spot, Want};
use crate::lang::read::Mode;
use crate::lang::{Checker, Node};
use crate::policy::Effective;
use crate::policy::pointer::{pointer, take};

/// The innermost clause of a name, unless it is dropped.
pub(super) fn innermost<'s, 'a>(statements: &'s [Effective<'a>], word: &str, clause: &str) -> Option<&'s Node<'a>> {
    let said = statements.iter().filter(|statement| statement.node.form.word == word).flat_map(|statement| &statement.node.children);
    said.into_iter().rfind(|child| child.form.word == clause).filter(|child| child.mode != Mode::Drop)
}

/// What becomes of the body; values are known by a moment.
pub(super) fn body(node: &Node<'_>, by: Moment, checker: &mut Checker<'_>) -> Option<Body> {
    let take = take(node, checker);
    let set: Vec<_> = node
        .children_of("set")
        .map(|child| {
            let field = child.get("field").and_then(|given| pointer(given, checker));
            let value = child.get("value").and_then(|given| checker.typed(given, &Want::scalar(by, Spot::Plain)));
            Some((field?, value?.expr))
        })
        .collect();
    Some(Body { take: take?, set: set.into_iter().collect::<Option<_>>()? })
}
