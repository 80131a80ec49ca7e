//! Routes that the policy itself answers: `respond` and `redirect`.

mod check;
mod document;
mod stage;
#[cfg(test)]
mod tests;

pub use super::page::Format;
pub use document::Document;

use super::stage::Place as Stage;
use super::{Build, BuildError, Effective, Policy};
use crate::lang::Checker;
use crate::lang::expr::Expr;
use crate::lang::form::{Example, Form, Merge, Place, Slot, Word};
use serde::{Deserialize, Serialize};

/// What is answered.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub enum Config {
    /// `respond STATUS json|text|html "…"`
    Body {
        /// 200 to 599.
        status: u16,
        /// What the body is written in.
        format: Format,
        /// The body; empty for a status without one.
        body: Expr,
    },
    /// `respond health`: every upstream's state, always 200.
    Health,
    /// `respond routes`: the gateway's routes.
    Routes,
    /// `respond openapi`: the routes as an OpenAPI document.
    Openapi,
    /// `redirect STATUS "…"`
    Redirect {
        /// 300 to 399, never 304.
        status: u16,
        /// The `Location` (RFC 9110 §10.2.2).
        location: Expr,
        /// The request's query is put behind it: its text has no `?` of its own.
        keeps_query: bool,
    },
}

const RESPOND: Form = Form::new(
    "respond",
    "answers without an upstream: a literal body, the gateway's health, or its routes, as a list or as an OpenAPI document",
)
.slots(&[
    Slot::word("what", &["health", "routes", "openapi"]).optional(),
    Slot::value("status", "a status, `health`, `routes` or `openapi`").optional(),
    Slot::word("format", &["json", "text", "html"]).optional(),
    Slot::value("text", "a string").optional(),
]);

const REDIRECT: Form = Form::new("redirect", "sends the client elsewhere; the query is kept unless the text has a `?`")
    .slots(&[Slot::value("status", "a status from 300 to 399"), Slot::value("url", "a URL or a path")]);

impl Policy for Config {
    const ANSWERS: bool = true;

    const WORDS: &'static [Word] = &[
        Word { form: RESPOND, places: &[Place::Route], merge: Merge::Single, stage: "call" },
        Word { form: REDIRECT, places: &[Place::Route], merge: Merge::Single, stage: "call" },
    ];
    const EXAMPLES: &'static [Example] = &[
        Example::route("respond", "respond 200 json \"\"\"{\"id\": ${param.id}}\"\"\""),
        Example::route("redirect", "redirect 308 \"https://shop.example.com/users/${param.id}\""),
    ];

    fn check(statements: &[Effective<'_>], checker: &mut Checker<'_>) -> Option<Self> {
        let node = &statements.last()?.node;
        if node.form.word == "redirect" { check::redirect(node, checker) } else { check::respond(node, checker) }
    }

    fn build(&self, build: &mut Build<'_>) -> Result<(), BuildError> {
        let part = stage::Respond::new(self, build.endpoints, build.document, || build.dependencies());
        build.on_request(Stage::Call, part);
        Ok(())
    }

    fn told(&self) -> Vec<&Expr> {
        match self {
            Self::Body { status: _, format: _, body } => vec![body],
            Self::Redirect { status: _, location, keeps_query: _ } => vec![location],
            Self::Health | Self::Routes | Self::Openapi => Vec::new(),
        }
    }
}
