//! `body`: what a request's body may be. The driver counts the bytes as they pass and answers 413 at the first one too many.

mod check;
pub mod keep;
mod stage;
#[cfg(test)]
mod tests;

use super::stage::Place as Stage;
use super::{Build, BuildError, Effective, Policy};
use crate::http::json::JSON_MAX;
use crate::lang::Checker;
use crate::lang::expr::{Expr, Secret};
use crate::lang::form::{Example, Form, Merge, Place, Slot, Word};
use serde::{Deserialize, Serialize};

/// What is asked of a request's body.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Config {
    /// Its largest size.
    pub max: Max,
    /// It must be JSON.
    pub json: Option<Json>,
}

/// A body's largest size.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Max {
    /// What the gateway's `limits` say.
    Gateway,
    /// So many bytes.
    Bytes(u64),
    /// `max none`
    Unbounded,
}

/// What JSON a body must be: broken is 400, another content type 415.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Json {
    /// A JSON Schema.
    pub schema: Option<Secret>,
}

impl Policy for Config {
    const WORDS: &'static [Word] = &[Word {
        form: Form::new("body", "what a request's body may be").children(&[
            Form::new("max", "its largest size; more is refused with 413")
                .slots(&[Slot::value("size", "a size, or `none`")])
                .default("max 8MiB"),
            Form::new("json", "it must be JSON, perhaps of a schema; else 400, or 415 for another content type")
                .children(&[Form::new("schema", "a JSON Schema").slots(&[Slot::value("file", "a `file(…)`")])]),
        ]),
        places: &[Place::Gateway, Place::Group, Place::Route, Place::Policy],
        merge: Merge::Fields,
        stage: "body",
    }];
    const EXAMPLES: &'static [Example] = &[
        Example::route("body", "body {\n  max 256KiB\n  json schema file(\"order.schema.json\")\n}"),
    ];

    fn check(statements: &[Effective<'_>], checker: &mut Checker<'_>) -> Option<Self> {
        check::check(statements, checker)
    }

    fn build(&self, build: &mut Build<'_>) -> Result<(), BuildError> {
        build.body_max = match self.max {
            Max::Gateway => None,
            Max::Bytes(most) => Some(Some(most)),
            Max::Unbounded => Some(None),
        };
        if let Some(json) = &self.json {
            let most = match self.max {
                Max::Bytes(most) => usize::try_from(most).unwrap_or(usize::MAX),
                Max::Gateway | Max::Unbounded => JSON_MAX,
            };
            let schema = json.schema.as_ref().map(|file| stage::schema(file, build)).transpose()?;
            build.on_request(Stage::Body, stage::Check { most, schema });
        }
        Ok(())
    }

    fn told(&self) -> Vec<&Expr> {
        // It runs before the cache, and refuses or lets pass.
        Vec::new()
    }
}
