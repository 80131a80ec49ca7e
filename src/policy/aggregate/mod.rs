//! `aggregate`: several upstreams asked in parallel, answered as one JSON object.

mod check;
mod stage;
#[cfg(test)]
mod tests;

pub use super::pointer::{Pointer, Step, Take};

use super::pointer::{DROP, KEEP, PICK, RENAME};
use super::stage::Place as Stage;
use super::{Build, BuildError, Effective, Policy};
use crate::http::UpstreamIndex;
use crate::lang::Checker;
use crate::lang::expr::Expr;
use crate::lang::form::{Example, Declared, Form, Merge, Place, Slot, Word};
use serde::{Deserialize, Serialize};
use std::time::Duration;

/// What is asked, in the order of the answer's members.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Config {
    /// At least one part; names are unique.
    pub parts: Vec<Part>,
}

/// One question and its member of the answer.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Part {
    /// The member's name.
    pub name: String,
    /// The method. A part that is not GET gets the client's body and content type.
    pub method: String,
    /// The path, with a query if its text has one; the client's query does not go along.
    pub target: Expr,
    /// The upstream, by its place among the declarations.
    pub upstream: u16,
    /// The JSON that it is sent in place of the client's body.
    pub body: Option<Expr>,
    /// What is taken of its answer.
    pub take: Take,
    /// The JSON text that stands for it when it fails; none: the whole answer fails with 502.
    pub default: Option<String>,
    /// How long it may take, to the last byte; the call's `total` where nothing is written.
    pub within: Option<Duration>,
}

/// The largest answer of a part, and the largest body of a client that parts are sent, in bytes.
pub const PART_MAX: usize = 1 << 20;

const PART: Form = Form::new("part", "one question and the member of the answer that it fills")
    .slots(&[
        Slot::name("name"),
        Slot::value("method", "a method"),
        Slot::value("path", "a path"),
        Slot::declared("upstream", Declared::Upstream).arrow(),
    ])
    .children(&[
        Form::new("body", "the body that it is sent, in place of the client's")
            .slots(&[Slot::word("format", &["json"]), Slot::value("text", "a string of JSON")]),
        PICK,
        KEEP,
        DROP,
        RENAME,
        Form::new("optional", "the answer does without it when it fails").children(&[DEFAULT, WITHIN]),
        WITHIN,
    ])
    .many();

const DEFAULT: Form =
    Form::new("default", "what stands for it then, as JSON").slots(&[Slot::value("json", "a string of JSON")]).default("default \"null\"");

const WITHIN: Form = Form::new("within", "how long it may take").slots(&[Slot::value("time", "a duration")]);

impl Policy for Config {
    const ANSWERS: bool = true;

    const WORDS: &'static [Word] = &[Word {
        form: Form::new("aggregate", "asks several upstreams in parallel and answers with one JSON object").children(&[PART]),
        places: &[Place::Route],
        merge: Merge::Single,
        stage: "call",
    }];
    const EXAMPLES: &'static [Example] = &[
        Example::route(
        "aggregate",
        "aggregate {\n  part user GET \"/users/${param.id}\" -> users\n  part orders GET \"/orders?user=${param.id}\" -> orders {\n    \
         pick \"orders\"\n    optional default \"[]\" within 800ms\n  }\n}",
    ),
    ];

    fn check(statements: &[Effective<'_>], checker: &mut Checker<'_>) -> Option<Self> {
        check::check(&statements.last()?.node, checker)
    }

    fn build(&self, build: &mut Build<'_>) -> Result<(), BuildError> {
        build.on_request(Stage::Call, stage::Aggregate::new(self));
        Ok(())
    }

    fn told(&self) -> Vec<&Expr> {
        self.parts.iter().flat_map(|part| part.body.iter().chain([&part.target])).collect()
    }

    fn upstreams(&self) -> Vec<UpstreamIndex> {
        self.parts.iter().map(|part| UpstreamIndex(part.upstream)).collect()
    }
}
