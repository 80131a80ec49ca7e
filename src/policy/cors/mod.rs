//! `cors`: which other origins' scripts may call the route (Fetch standard, CORS protocol).

mod check;
mod stage;
#[cfg(test)]
mod tests;

use super::stage::{Place as Stage, ReplyPlace};
use super::{Build, BuildError, Effective, Policy};
use crate::lang::Checker;
use crate::lang::expr::Expr;
use crate::lang::form::{Example, Form, Merge, Place, Slot, Word};
use serde::{Deserialize, Serialize};
use std::time::Duration;

/// What other origins may do.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Config {
    /// Who may read replies; at least one.
    pub origins: Vec<Origin>,
    /// Methods a preflight is told of; none written: whichever method it asks about, since the route takes it. `*` is any.
    pub methods: Vec<String>,
    /// Request fields a preflight is told of, besides those that need no leave. `*` is any.
    pub headers: Vec<String>,
    /// Response fields that scripts may read, besides those that need no leave. `*` is any.
    pub expose: Vec<String>,
    /// Whether cookies and `Authorization` may come along.
    pub credentials: bool,
    /// How long a preflight's answer may be kept (600 s).
    pub max_age: Duration,
}

/// Who may call: compared as text with the `Origin` field.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Origin {
    /// `*`
    Any,
    /// `https://shop.example.com`, in lower case, without the scheme's own port.
    Exact(String),
    /// `https://*.example.org:8443`: one or more labels between the two.
    Under {
        /// `https://`
        scheme: String,
        /// `.example.org:8443`
        suffix: String,
    },
}

impl Config {
    /// How long browsers keep a preflight's answer where `max_age` is not written.
    pub const MAX_AGE: Duration = Duration::from_secs(600);
}

const CORS: Form = Form::new("cors", "which other origins' scripts may call, and what they may send and read").children(&[
    Form::new("origins", "who may call: `\"https://shop.example.com\"`, `\"https://*.example.org\"` or `\"*\"`")
        .slots(&[Slot::value("list", "a list of origins")])
        .required(),
    Form::new("methods", "methods that may be used; not written: those of the route").slots(&[Slot::value("list", "a list of methods")]),
    Form::new("headers", "request fields that may be sent").slots(&[Slot::value("list", "a list of field names")]).default("headers []"),
    Form::new("expose", "response fields that scripts may read")
        .slots(&[Slot::value("list", "a list of field names")])
        .default("expose []"),
    Form::new("credentials", "cookies and `Authorization` may come along").slots(&[Slot::word("choice", &["allow"])]),
    Form::new("max_age", "how long browsers may keep a preflight's answer")
        .slots(&[Slot::value("time", "a duration")])
        .default("max_age 10m"),
]);

impl Policy for Config {
    const WORDS: &'static [Word] = &[Word {
        form: CORS,
        places: &[Place::Gateway, Place::Group, Place::Route, Place::Policy],
        merge: Merge::Single,
        stage: "preflight",
    }];
    const EXAMPLES: &'static [Example] = &[
        Example::route(
        "cors",
        "cors {\n  origins [\"https://shop.example.com\"]\n  methods [GET, POST]\n  headers [\"authorization\"]\n  credentials allow\n  \
         max_age 1h\n}",
    ),
    ];

    fn check(statements: &[Effective<'_>], checker: &mut Checker<'_>) -> Option<Self> {
        check::check(&statements.last()?.node, checker)
    }

    fn build(&self, build: &mut Build<'_>) -> Result<(), BuildError> {
        let rules = std::sync::Arc::new(stage::Rules::new(self));
        build.on_request(Stage::Preflight, stage::Preflight(rules.clone()));
        build.on_response(ReplyPlace::Cors, stage::Fields(rules));
        Ok(())
    }

    fn told(&self) -> Vec<&Expr> {
        // Preflights are never kept, and the rest changes each response on its way out.
        Vec::new()
    }
}
