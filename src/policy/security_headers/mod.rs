//! `security_headers`: response fields that make browsers stricter.

use super::{Effective, Policy};
use crate::diag::Code;
use crate::lang::Checker;
use crate::lang::form::{Form, Merge, Place, Slot, Word};
use serde::{Deserialize, Serialize};

/// The fields, besides those that every response of the route gets: `X-Content-Type-Options: nosniff`,
/// `X-Frame-Options: DENY`, `Referrer-Policy: strict-origin-when-cross-origin`, `Cross-Origin-Opener-Policy: same-origin`,
/// and over TLS `Strict-Transport-Security: max-age=31536000`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Config {
    /// Names in lower case, and values: added, or in place of the usual one.
    pub fields: Vec<(String, String)>,
}

const FIELD: Form = Form::new("FIELD", "a field and its value, in place of the usual one").slots(&[Slot::value("value", "a string")]);

impl Policy for Config {
    const WORDS: &'static [Word] = &[Word {
        form: Form::new("security_headers", "response fields that make browsers stricter; its block adds to them or replaces them")
            .rows(&FIELD)
            .later(),
        places: &[Place::Gateway, Place::Group, Place::Route, Place::Policy],
        merge: Merge::Single,
        stage: "respond",
    }];

    fn check(statements: &[Effective<'_>], checker: &mut Checker<'_>) -> Option<Self> {
        let mut fields = Vec::new();
        for row in &statements.last()?.node.children {
            let name = checker.header_name_text(row.name, row.word);
            let given = row.get("value")?;
            let value = checker.text(given)?;
            if http::HeaderValue::from_str(&value).is_err() {
                checker.error(Code::TypeRange, "this cannot stand in a field", given.expr.span, "one line of visible letters");
                return None;
            }
            fields.push((name?.as_str().to_owned(), value));
        }
        Some(Self { fields })
    }
}
