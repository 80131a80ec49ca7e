//! Who may come in: `allow`, `deny` and `require`. Rules of all levels hold together, so an inner level only ever tightens.

mod check;
mod judge;
mod stage;
#[cfg(test)]
mod tests;

use super::stage::Place as Stage;
use super::{Build, BuildError, Decision, Effective, Of, Policy};
use crate::lang::Checker;
use crate::lang::expr::Expr;
use crate::lang::form::{Example, Form, Merge, Place, Slot, Word};
use serde::{Deserialize, Serialize};

/// The rules in force on a route, the outermost first.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Config {
    /// `allow` and `deny`: asked before anything else is known.
    pub access: Vec<Rule>,
    /// `require`: asked when the caller is known.
    pub authorize: Vec<Rule>,
}

/// One condition that a request has to meet.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Rule {
    /// What must hold; of a `deny`, the contrary of what is written.
    pub holds: Expr,
    /// The status of the refusal (403).
    pub status: u16,
}

const ELSE: Form =
    Form::new("else", "the status of the refusal").slots(&[Slot::value("status", "a status from 400 to 599")]).default("else 403");

const ANYWHERE: &[Place] = &[Place::Gateway, Place::Group, Place::Route, Place::Policy];

impl Policy for Config {
    const WORDS: &'static [Word] = &[
        Word {
            form: Form::new("allow", "lets in only requests for which this holds, before anyone is asked who they are")
                .slots(&[Slot::value("condition", "a condition")])
                .children(&[ELSE]),
            places: ANYWHERE,
            merge: Merge::Conjunctive,
            stage: "access",
        },
        Word {
            form: Form::new("deny", "refuses requests for which this holds, before anyone is asked who they are")
                .slots(&[Slot::value("condition", "a condition")])
                .children(&[ELSE]),
            places: ANYWHERE,
            merge: Merge::Conjunctive,
            stage: "access",
        },
        Word {
            form: Form::new("require", "lets through only callers for whom this holds")
                .slots(&[Slot::value("condition", "a condition")])
                .children(&[ELSE]),
            places: ANYWHERE,
            merge: Merge::Conjunctive,
            stage: "authorize",
        },
    ];
    const EXAMPLES: &'static [Example] = &[
        Example::route("allow", "allow client.ip in [10.0.0.0/8]"),
        Example::route("deny", "deny header(\"user-agent\") matches re\".*[Bb]ot.*\" else 404"),
        Example::route("require", "require claim.sub == \"admin\" or \"staff\" in claim.roles else 404"),
    ];

    fn check(statements: &[Effective<'_>], checker: &mut Checker<'_>) -> Option<Self> {
        check::check(statements, checker)
    }

    fn build(&self, build: &mut Build<'_>) -> Result<(), BuildError> {
        for (place, rules) in [(Stage::Access, &self.access), (Stage::Authorize, &self.authorize)] {
            if !rules.is_empty() {
                build.on_request(place, stage::Rules::new(rules));
            }
        }
        Ok(())
    }

    fn told(&self) -> Vec<&Expr> {
        // It runs before the cache, and refuses or lets pass.
        Vec::new()
    }

    fn looks_until(&self) -> Option<Stage> {
        Some(if self.authorize.is_empty() { Stage::Access } else { Stage::Authorize })
    }

    fn decisions(&self) -> Vec<Decision<'_>> {
        let access = self.access.iter().enumerate().map(|(nth, rule)| (Stage::Access, Of::Rule(&["allow", "deny"], nth), rule));
        let authorize = self.authorize.iter().enumerate().map(|(nth, rule)| (Stage::Authorize, Of::Rule(&["require"], nth), rule));
        access.chain(authorize).map(|(at, of, rule)| Decision { at: Some(at), of, condition: &rule.holds }).collect()
    }
}
