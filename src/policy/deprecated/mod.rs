//! `deprecated`: tells clients that a route will go away (RFC 9745), and when (RFC 8594).

mod date;
mod stage;
#[cfg(test)]
mod tests;

use super::stage::{Place as Stage, ReplyPlace};
use super::{Build, BuildError, Effective, Policy};
use crate::diag::{Code, Diagnostic};
use crate::lang::expr::Expr;
use crate::lang::form::{Example, Form, Merge, Place, Slot, Word};
use crate::lang::types::Type;
use crate::lang::value::Value;
use crate::lang::{Checker, Given};
use serde::{Deserialize, Serialize};

/// Since when, until when, and where there is more to read.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Config {
    /// The day it became deprecated, `2027-01-31`.
    pub since: String,
    /// The day it goes away.
    pub sunset: Option<String>,
    /// A page about it.
    pub link: Option<String>,
}

impl Policy for Config {
    const WORDS: &'static [Word] = &[Word {
        form: Form::new("deprecated", "tells clients that the route will go away, in `Deprecation`, `Sunset` and `Link`")
            .slots(&[Slot::fixed("since"), Slot::value("date", "a date such as `2027-01-31`")])
            .children(&[
                Form::new("sunset", "the day it goes away").slots(&[Slot::value("date", "a date")]),
                Form::new("link", "a page about it").slots(&[Slot::value("url", "a URL")]),
            ]),
        places: &[Place::Gateway, Place::Group, Place::Route, Place::Policy],
        merge: Merge::Single,
        stage: "respond",
    }];
    const EXAMPLES: &'static [Example] =
        &[Example::route("deprecated", "deprecated since 2027-01-31 sunset 2027-12-31 link https://example.com/changes")];

    fn check(statements: &[Effective<'_>], checker: &mut Checker<'_>) -> Option<Self> {
        let node = &statements.last()?.node;
        let mut text = |given: Option<Given<'_>>, ty: Type| match given {
            Some(given) => match checker.constant(given, ty) {
                Some(Value::Text(text)) => Some(Some(text.to_string())),
                _ => None,
            },
            None => Some(None),
        };
        let since = text(node.get("date"), Type::Date);
        let sunset = text(node.child("sunset").and_then(|child| child.get("date")), Type::Date);
        let link = text(node.child("link").and_then(|child| child.get("url")), Type::Url);
        let (since, sunset, link) = (since??, sunset?, link?);
        // Dates of this form sort as text.
        if let Some(end) = sunset.as_ref().filter(|end| **end < since) {
            let at = node.child("sunset").map_or(node.span, |child| child.span);
            checker.report.push(
                Diagnostic::new(Code::TypeRange, format!("a route that is deprecated since {since} cannot go away on {end}"))
                    .at(at, "before that")
                    .also(node.span_of("date"), "deprecated since then"),
            );
            return None;
        }
        Some(Self { since, sunset, link })
    }

    fn build(&self, build: &mut Build<'_>) -> Result<(), BuildError> {
        if let Some(gone) = stage::Gone::new(self) {
            build.on_request(Stage::Access, gone);
        }
        build.on_response(ReplyPlace::Notice, stage::Notice::new(self));
        Ok(())
    }

    fn told(&self) -> Vec<&Expr> {
        // It changes each response on its way out.
        Vec::new()
    }
}
