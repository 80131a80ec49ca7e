//! Who is it? `auth` declarations, and the statements `auth` and `public` that ask for them.
//!
//! A declaration becomes one [`Runtime`] that all routes share and that survives a reload which does not touch it. A route's
//! stage asks its runtimes, pushes an identity for each that knows the caller, and takes the credentials out of the request.

mod algorithm;
pub mod attribute;
mod carry;
mod check;
mod claims;
mod config;
mod facts;
mod forms;
mod jwks;
mod kept;
mod key;
mod keyring;
mod keys;
mod made;
mod mint;
mod passwords;
mod remote;
mod runtime;
mod stage;
mod token;

#[cfg(test)]
mod tests;

pub use algorithm::Algorithm;
pub use check::declare;
pub use config::{AttributeDecl, AttributeType, Basic, Carrier, Config, Declared, Jwt, Key, Kind, Mode, SingleKey, Terms, credentials};
pub use facts::{Clash, absent, attribute, auth_fact, clash, facts, identity};
pub use forms::{DECLARATION, clauses};
pub use jwks::FETCH_MAX;
pub use made::{purpose, runtime};
pub use mint::{hash_key, sign};
pub use passwords::hash_password;
pub use remote::{Forward, INTROSPECT_MAX, Introspect, Issuer, IssuerKeys, Remote};
pub use runtime::{Failure, Runtime, Verdict, install_crypto};
pub use stage::{ABSENT, Authenticate};

use super::stage::Place;
use super::{Build, BuildError, Effective, Policy};
use crate::lang::Checker;
use crate::lang::form::{Example, Word};

impl Policy for Config {
    const WORDS: &'static [Word] = forms::WORDS;
    const EXAMPLES: &'static [Example] = &[
        Example::file(
            "auth",
            "auth jwt visitors {\n  issuer \"https://id.example.com/\"\n  audience \"shop\"\n  algorithms [HS256]\n  key env(\"VISITORS_KEY\")\n  \
         claims {\n    sub str\n    roles set<str> = []\n  }\n}",
        ),
        Example::route("auth", "auth any [main, partners]"),
        Example::route("public", "public \"the price list is for everyone\""),
    ];

    fn check(statements: &[Effective<'_>], checker: &mut Checker<'_>) -> Option<Self> {
        check::statement(statements, checker)
    }

    fn build(&self, build: &mut Build<'_>) -> Result<(), BuildError> {
        if matches!(self.mode, Mode::Public { .. }) {
            return Ok(());
        }
        let (mut auths, mut bad) = (Vec::new(), None);
        for index in &self.auths {
            match build.auth(*index) {
                Ok(auth) => auths.push(auth),
                Err(error) => build.errors.extend(bad.replace(error)),
            }
        }
        bad.map_or(Ok(()), Err)?;
        build.on_request(Place::Authenticate, Authenticate::new(self.mode.clone(), auths));
        Ok(())
    }
}
