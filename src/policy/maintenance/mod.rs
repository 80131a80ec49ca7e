//! `maintenance`: a route that answers 503 with `Retry-After` while it is on.

mod stage;
mod switch;
#[cfg(test)]
mod tests;

pub use switch::Switch;

use super::stage::Place as Stage;
use super::{Build, BuildError, Effective, Policy};
use crate::lang::Checker;
use crate::lang::expr::Expr;
use crate::lang::form::{Example, Form, Merge, Place, Slot, Word};
use serde::{Deserialize, Serialize};
use std::time::Duration;

/// The kind of its state in the registry.
pub const KIND: &str = "maintenance";

/// When clients may ask again.
const RETRY_AFTER: Duration = Duration::from_secs(60);

/// When the route is closed; it is turned on and off by hand as well.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Config {
    /// The route: each is closed by itself, wherever the statement stands.
    pub route: String,
    /// It is closed while this file exists; looked at once a second.
    pub flag: Option<String>,
}

impl Policy for Config {
    const WORDS: &'static [Word] = &[Word {
        form: Form::new(
            "maintenance",
            "answers 503 with `Retry-After` while the file of `flag` exists, or while it is turned on by hand through `admin`",
        )
        .children(&[Form::new("flag", "it is on while this file exists").slots(&[Slot::value("file", "a file name in quotes")])]),
        places: &[Place::Gateway, Place::Group, Place::Route, Place::Policy],
        merge: Merge::Single,
        stage: "access",
    }];
    const EXAMPLES: &'static [Example] = &[Example::route("maintenance", "maintenance flag \"maintenance.flag\"")];

    fn check(statements: &[Effective<'_>], checker: &mut Checker<'_>) -> Option<Self> {
        let node = &statements.last()?.node;
        let flag = match node.child("flag").and_then(|child| child.get("file")) {
            Some(given) => Some(checker.file_name(given)?),
            None => None,
        };
        Some(Self { route: checker.facts.route.clone(), flag })
    }

    fn build(&self, build: &mut Build<'_>) -> Result<(), BuildError> {
        let key = format!("{} {}", self.route, self.flag.as_deref().unwrap_or_default());
        let switch = build.registry.state(KIND, key, || Switch::new(&self.route, self.flag.as_deref()));
        build.on_request(Stage::Maintenance, stage::Closed(switch));
        Ok(())
    }

    fn told(&self) -> Vec<&Expr> {
        // It runs before the cache, and refuses or lets pass.
        Vec::new()
    }
}
