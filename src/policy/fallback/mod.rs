//! `fallback`: what answers when the target fails with 502, 503 or 504, or its breaker is open.

mod check;
mod stage;
#[cfg(test)]
mod tests;

pub use stage::Fallback;

use super::page::Format;
use super::{Build, BuildError, Effective, Policy};
use crate::http::UpstreamIndex;
use crate::lang::Checker;
use crate::lang::expr::Expr;
use crate::lang::form::{Example, Declared, Form, Merge, Place, Slot, Word};
use serde::{Deserialize, Serialize};

/// What answers instead.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Config {
    /// `fallback -> u`: another upstream, by its place among the declarations.
    Upstream(u16),
    /// `fallback respond STATUS json|text|html "…"`
    Body {
        /// 200 to 599.
        status: u16,
        /// What the body is written in.
        format: Format,
        /// The body.
        body: Expr,
    },
}

const RESPOND: Form = Form::new("respond", "a literal body").slots(&[
    Slot::value("status", "a status"),
    Slot::word("format", Format::WORDS),
    Slot::value("text", "a string"),
]);

impl Policy for Config {
    const WORDS: &'static [Word] = &[Word {
        form: Form::new("fallback", "what answers on 502, 503 and 504, and while the breaker is open: another upstream, or a literal body")
            .slots(&[Slot::declared("upstream", Declared::Upstream).arrow().optional()])
            .children(&[RESPOND]),
        places: &[Place::Gateway, Place::Group, Place::Route, Place::Policy],
        merge: Merge::Single,
        stage: "call",
    }];
    const EXAMPLES: &'static [Example] = &[
        Example::route("fallback", "fallback respond 200 json \"\"\"{\"id\": ${param.id}}\"\"\""),
    ];

    fn check(statements: &[Effective<'_>], checker: &mut Checker<'_>) -> Option<Self> {
        check::check(&statements.last()?.node, checker)
    }

    fn build(&self, build: &mut Build<'_>) -> Result<(), BuildError> {
        build.fallback = Some(Fallback::new(self));
        Ok(())
    }

    fn told(&self) -> Vec<&Expr> {
        // What stands in for the target is not kept.
        Vec::new()
    }

    fn upstreams(&self) -> Vec<UpstreamIndex> {
        match self {
            Self::Upstream(index) => vec![UpstreamIndex(*index)],
            Self::Body { .. } => Vec::new(),
        }
    }
}
