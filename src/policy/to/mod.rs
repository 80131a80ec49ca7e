//! `to`: which upstream takes a request, by conditions or by shares.

mod check;
mod stage;
#[cfg(test)]
mod tests;

use super::stage::Place as At;
use super::{Build, BuildError, Decision, Effective, Of, Policy};
use crate::http::UpstreamIndex;
use crate::lang::Checker;
use crate::lang::expr::Expr;
use crate::lang::form::{Example, Declared, Form, Kind, Merge, Place, Slot, Word};
use crate::lang::value::Percent;
use serde::{Deserialize, Serialize};

/// The choice: at most one arm's condition holds for a request.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Config {
    /// The arms.
    pub arms: Vec<Arm>,
    /// What takes requests for which no arm's condition holds; none when there are no such requests.
    pub otherwise: Option<Choice>,
}

/// `when EXPR -> u`
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Arm {
    /// Its condition.
    pub when: Expr,
    /// The upstream, by its place among the declarations.
    pub upstream: u16,
}

/// One upstream, or one of several.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Choice {
    /// This one, by its place among the declarations.
    Upstream(u16),
    /// `split 95% a, 5% b [sticky KEY]`
    Split {
        /// Shares that add up to 100%.
        shares: Vec<(Percent, u16)>,
        /// The same value always goes to the same upstream; a request without it goes anywhere.
        sticky: Option<Expr>,
    },
}

const SHARES: Slot = Slot::new("shares such as `95% a, 5% b`", Kind::Rest(&["sticky"]));

const TO: Form = Form::new("to", "chooses the upstream by conditions or by shares").children(&[
    Form::new("when", "the upstream of requests for which this holds; of two arms never more than one may")
        .slots(&[Slot::value("condition", "a condition"), Slot::declared("upstream", Declared::Upstream).arrow()])
        .many(),
    Form::new("else", "what takes the other requests: an upstream, or `split` and shares")
        .slots(&[Slot::declared("upstream", Declared::Upstream).arrow(), SHARES.optional()]),
    Form::new("split", "shares of the other requests, which add up to 100%; `sticky KEY` sends the same value to the same upstream")
        .slots(&[SHARES]),
]);

impl Policy for Config {
    const ANSWERS: bool = true;

    const WORDS: &'static [Word] =
        &[Word { form: TO, places: &[Place::Route], merge: Merge::Single, stage: "target" }];
    const EXAMPLES: &'static [Example] = &[Example::route("to", "to {\n  when header(\"x-next\") == \"yes\" -> orders\n  split 95% users, 5% orders sticky claim.sub\n}")];

    fn check(statements: &[Effective<'_>], checker: &mut Checker<'_>) -> Option<Self> {
        check::check(&statements.last()?.node, checker)
    }

    fn build(&self, build: &mut Build<'_>) -> Result<(), BuildError> {
        build.chooses = true;
        build.on_request(At::Target, stage::To::new(self));
        Ok(())
    }

    fn told(&self) -> Vec<&Expr> {
        let sticky = match &self.otherwise {
            Some(Choice::Split { shares: _, sticky }) => sticky.as_ref(),
            Some(Choice::Upstream(_)) | None => None,
        };
        self.arms.iter().map(|arm| &arm.when).chain(sticky).collect()
    }

    fn looks_until(&self) -> Option<At> {
        Some(At::Target)
    }

    fn decisions(&self) -> Vec<Decision<'_>> {
        let arms = self.arms.iter().enumerate();
        arms.map(|(nth, arm)| Decision { at: Some(At::Target), of: Of::Branch("to", "", nth), condition: &arm.when }).collect()
    }

    fn upstreams(&self) -> Vec<UpstreamIndex> {
        let mut all: Vec<u16> = self.arms.iter().map(|arm| arm.upstream).collect();
        match &self.otherwise {
            Some(Choice::Upstream(index)) => all.push(*index),
            Some(Choice::Split { shares, .. }) => all.extend(shares.iter().map(|(_, index)| *index)),
            None => {}
        }
        all.into_iter().map(UpstreamIndex).collect()
    }
}
