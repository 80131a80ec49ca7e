//! `compress`: replies are compressed for clients that ask for it (RFC 9110 §12.5.3).

mod check;
mod encode;
mod stage;
#[cfg(test)]
mod tests;

use super::stage::{Place as Stage, ReplyPlace};
use super::{Build, BuildError, Effective, Policy};
use crate::lang::Checker;
use crate::lang::form::{Example, Form, Merge, Place, Slot, Word};
use serde::{Deserialize, Serialize};

/// Which algorithms may be used.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Config {
    /// The ones preferred first, where the client likes them equally.
    pub algorithms: Vec<Algorithm>,
}

/// A content coding.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Algorithm {
    /// `zstd` (RFC 8878)
    Zstd,
    /// `br` (RFC 7932)
    #[serde(rename = "br")]
    Brotli,
    /// `gzip` (RFC 1952)
    Gzip,
}

impl Algorithm {
    /// All, in the order of preference where the policy names none.
    pub const ALL: &'static [Self] = &[Self::Zstd, Self::Brotli, Self::Gzip];

    /// Its name in `Content-Encoding`.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Zstd => "zstd",
            Self::Brotli => "br",
            Self::Gzip => "gzip",
        }
    }
}

impl Policy for Config {
    const WORDS: &'static [Word] = &[Word {
        form: Form::new("compress", "compresses replies of 1 KiB and more for clients that ask for it")
            .slots(&[Slot::value("algorithms", "a list of `zstd`, `br` and `gzip`").optional()])
            .default("compress [zstd, br, gzip]"),
        places: &[Place::Gateway, Place::Group, Place::Route, Place::Policy],
        merge: Merge::Single,
        stage: "respond",
    }];
    const EXAMPLES: &'static [Example] = &[
        Example::route("compress", "compress [br, gzip]"),
    ];

    fn check(statements: &[Effective<'_>], checker: &mut Checker<'_>) -> Option<Self> {
        check::check(&statements.last()?.node, checker)
    }

    fn build(&self, build: &mut Build<'_>) -> Result<(), BuildError> {
        build.on_request(Stage::Access, stage::Choose(self.algorithms.clone()));
        build.on_response(ReplyPlace::Compress, stage::Compress);
        Ok(())
    }
}
