//! `error`: what errors look like, in place of `application/problem+json`.

mod check;
mod stage;
#[cfg(test)]
mod tests;

use super::page::Format;
use super::stage::ReplyPlace;
use super::{Build, BuildError, Effective, Policy};
use crate::lang::Checker;
use crate::lang::expr::Expr;
use crate::lang::form::{Example, Form, Merge, Place, Slot, Word};
use serde::{Deserialize, Serialize};

/// The pages in force on a route.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Config {
    /// A later one wins over those before it.
    pub pages: Vec<Page>,
}

/// One page and the errors that it stands for.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Page {
    /// Statuses from 400 to 599, ends included.
    pub statuses: Vec<(u16, u16)>,
    /// The upstream's own errors look like this, too.
    pub upstream: bool,
    /// What it shows.
    pub body: Body,
}

/// What a page shows.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Body {
    /// Text of the policy.
    Text(Format, Expr),
    /// `page("file")`: a file of at most 1 MiB, read when the gateway starts.
    File(String),
}

/// The largest page, in bytes.
pub const PAGE_MAX: usize = 1 << 20;

const ERROR: Form = Form::new("error", "what errors look like; `upstream` means the upstream's own errors too").slots(&[
    Slot::value("statuses", "a status such as `404` or `5xx`, or a list of such"),
    Slot::word("of", &["upstream"]).optional(),
    Slot::word("format", Format::WORDS).optional(),
    Slot::value("text", "a string without `response.…` in it, or `page(\"file\")`, which is sent as it is"),
]);

impl Policy for Config {
    const WORDS: &'static [Word] = &[Word {
        form: ERROR,
        places: &[Place::Gateway, Place::Group, Place::Route, Place::Policy],
        merge: Merge::Keyed,
        stage: "respond",
    }];
    const UNMATCHED: bool = true;
    const EXAMPLES: &'static [Example] =
        &[Example::route("error", "error [502..504] upstream json \"\"\"{\"error\": \"come again later\", \"id\": ${request.id}}\"\"\"")];

    fn check(statements: &[Effective<'_>], checker: &mut Checker<'_>) -> Option<Self> {
        let pages: Vec<Option<Page>> = statements.iter().map(|statement| check::page(&statement.node, checker)).collect();
        pages.into_iter().collect::<Option<Vec<_>>>().map(|pages| Self { pages })
    }

    fn build(&self, build: &mut Build<'_>) -> Result<(), BuildError> {
        let pages = stage::Pages::new(self, build)?;
        build.on_response(ReplyPlace::ErrorPage, pages);
        Ok(())
    }

    fn told(&self) -> Vec<&Expr> {
        // It changes each response on its way out.
        Vec::new()
    }
}
