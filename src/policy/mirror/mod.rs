//! `mirror`: a copy of a share of the requests goes to another upstream; what it answers goes nowhere.

mod stage;
#[cfg(test)]
mod tests;

pub use stage::State;

use super::stage::Place as At;
use super::{Build, BuildError, Effective, Policy};
use crate::diag::Code;
use crate::http::UpstreamIndex;
use crate::lang::Checker;
use crate::lang::expr::Expr;
use crate::lang::form::{Example, Declared, Form, Merge, Place, Slot, Word};
use crate::lang::value::Percent;
use serde::{Deserialize, Serialize};

/// What is copied, and where it goes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Config {
    /// The share of the requests.
    pub share: Percent,
    /// The upstream, by its place among the declarations.
    pub upstream: u16,
}

impl Policy for Config {
    const WORDS: &'static [Word] = &[Word {
        form: Form::new("mirror", "sends a copy of a share of the requests to another upstream, whose answers go nowhere")
            .slots(&[Slot::value("share", "a percentage"), Slot::declared("upstream", Declared::Upstream).arrow()]),
        places: &[Place::Gateway, Place::Group, Place::Route, Place::Policy],
        merge: Merge::Single,
        stage: "shape",
    }];
    const EXAMPLES: &'static [Example] = &[Example::route("mirror", "mirror 2% -> orders")];

    fn check(statements: &[Effective<'_>], checker: &mut Checker<'_>) -> Option<Self> {
        let node = &statements.last()?.node;
        let given = node.get("share")?;
        let share = checker.percent(given);
        if share.is_some_and(|share| !(1..=10_000).contains(&share.0)) {
            checker.error(Code::TypeRange, "a share of the requests is out of range", given.expr.span, "more than 0% and at most 100%");
            return None;
        }
        let upstream = checker.declared(node.get("upstream")?, Declared::Upstream);
        Some(Self { share: share?, upstream: u16::try_from(upstream?).ok()? })
    }

    fn build(&self, build: &mut Build<'_>) -> Result<(), BuildError> {
        let state = build.registry.state("mirror", format!("{} to {}", self.share.0, self.upstream), State::default);
        build.on_request(At::Shape, stage::Mirror::new(self, state));
        Ok(())
    }

    fn told(&self) -> Vec<&Expr> {
        // What a mirror answers goes nowhere.
        Vec::new()
    }

    fn upstreams(&self) -> Vec<UpstreamIndex> {
        vec![UpstreamIndex(self.upstream)]
    }
}
