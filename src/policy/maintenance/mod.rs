//! `maintenance`: a route that answers 503 with `Retry-After` while it is on.

use super::{Effective, Policy};
use crate::lang::Checker;
use crate::lang::form::{Form, Merge, Place, Slot, Word};
use serde::{Deserialize, Serialize};

/// When the route is closed; the admin API turns it on and off as well.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Config {
    /// It is closed while this file exists; looked at once a second.
    pub flag: Option<String>,
}

impl Policy for Config {
    const WORDS: &'static [Word] = &[Word {
        form: Form::new("maintenance", "answers 503 with `Retry-After` while it is on; the admin API turns it on and off")
            .children(&[Form::new("flag", "it is on while this file exists").slots(&[Slot::value("file", "a file name in quotes")])])
            .later(),
        places: &[Place::Gateway, Place::Group, Place::Route, Place::Policy],
        merge: Merge::Single,
        stage: "access",
    }];

    fn check(statements: &[Effective<'_>], checker: &mut Checker<'_>) -> Option<Self> {
        let node = &statements.last()?.node;
        let flag = match node.child("flag").and_then(|child| child.get("file")) {
            Some(given) => Some(checker.file_name(given)?),
            None => None,
        };
        Some(Self { flag })
    }
}
