//! `issue AUTH ttl D { claim EXPR }`: answers with a token that an auth of the program accepts.
//!
//! Knows no auth: the claims it may set come with the checker's facts, the signature from [`Build::signer`].

mod check;
mod stage;

#[cfg(test)]
mod tests;

use super::{Build, BuildError, Effective, Policy};
use crate::lang::Checker;
use crate::lang::expr::Expr;
use crate::lang::form::{Example, Declared, Form, Merge, Place, Slot, Word};
use crate::policy::stage::Place as Stage;
use serde::{Deserialize, Serialize};
use std::time::Duration;

/// A token that is handed out.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Config {
    /// The auth that accepts it, by its place among the program's declarations.
    pub auth: u16,
    /// How long it is valid.
    pub ttl: Duration,
    /// Its claims by their declared names.
    pub claims: Vec<(String, Expr)>,
}

const CLAIM: Form = Form::new("CLAIM", "a claim of the token").slots(&[Slot::value("value", "a value of the claim's type")]);

const FORM: Form = Form::new("issue", "answers with a token: `{\"token\", \"token_type\": \"Bearer\", \"expires_in\": seconds}`")
    .slots(&[Slot::declared("auth", Declared::Auth)])
    .children(&[Form::new("ttl", "how long the token is valid").slots(&[Slot::value("time", "a duration")]).required()])
    .rows(&CLAIM);

impl Policy for Config {
    const ANSWERS: bool = true;
    const WORDS: &'static [Word] = &[Word { form: FORM, places: &[Place::Route], merge: Merge::Single, stage: "call" }];
    const EXAMPLES: &'static [Example] = &[
        Example::route("issue", "issue main ttl 1h {\n  sub \"7\"\n}"),
    ];

    fn check(statements: &[Effective<'_>], checker: &mut Checker<'_>) -> Option<Self> {
        check::statement(statements, checker)
    }

    fn build(&self, build: &mut Build<'_>) -> Result<(), BuildError> {
        let claims =
            self.claims.iter().map(|(name, value)| Ok((name.clone(), build.resolve(value)?))).collect::<Result<_, BuildError>>()?;
        let signer = build.signer(self.auth)?;
        build.on_request(Stage::Call, stage::Issue { signer, ttl: self.ttl, claims });
        Ok(())
    }

    fn told(&self) -> Vec<&Expr> {
        self.claims.iter().map(|(_, value)| value).collect()
    }
}
