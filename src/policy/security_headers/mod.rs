//! `security_headers`: response fields that make browsers stricter.

mod check;
mod stage;
#[cfg(test)]
mod tests;

use super::stage::ReplyPlace;
use super::{Build, BuildError, Effective, Policy};
use crate::lang::Checker;
use crate::lang::expr::Expr;
use crate::lang::form::{Example, Form, Merge, Place, Slot, Word};
use serde::{Deserialize, Serialize};

/// The fields, besides those of [`USUAL`] and [`OVER_TLS`], which every response of the route gets.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Config {
    /// Names in lower case, and values: added, or in place of the usual one.
    pub fields: Vec<(String, String)>,
}

/// The fields that are set where the block says nothing else.
pub const USUAL: &[(&str, &str)] = &[
    ("x-content-type-options", "nosniff"),
    ("x-frame-options", "DENY"),
    ("referrer-policy", "strict-origin-when-cross-origin"),
    ("cross-origin-opener-policy", "same-origin"),
];

/// The one that is told over TLS alone (RFC 6797 §7.2).
pub const OVER_TLS: (&str, &str) = ("strict-transport-security", "max-age=31536000");

const FIELD: Form = Form::new("FIELD", "a field and its value, in place of the usual one").slots(&[Slot::value("value", "a string")]);

impl Policy for Config {
    const WORDS: &'static [Word] = &[Word {
        form: Form::new("security_headers", "response fields that make browsers stricter; its block adds to them or replaces them")
            .rows(&FIELD),
        places: &[Place::Gateway, Place::Group, Place::Route, Place::Policy],
        merge: Merge::Single,
        stage: "respond",
    }];
    const UNMATCHED: bool = true;
    const EXAMPLES: &'static [Example] = &[
        Example::route("security_headers", "security_headers {\n  X-Frame-Options \"SAMEORIGIN\"\n  Content-Security-Policy \"default-src 'self'\"\n}"),
    ];

    fn check(statements: &[Effective<'_>], checker: &mut Checker<'_>) -> Option<Self> {
        check::check(&statements.last()?.node, checker)
    }

    fn build(&self, build: &mut Build<'_>) -> Result<(), BuildError> {
        build.on_response(ReplyPlace::Security, stage::Fields::new(self));
        Ok(())
    }

    fn told(&self) -> Vec<&Expr> {
        // It changes each response on its way out.
        Vec::new()
    }
}
