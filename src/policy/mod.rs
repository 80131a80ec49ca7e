//! The policies, one folder each: `mod.rs` is the checked config and its forms, `check.rs` reads statements into it,
//! `stage.rs` runs it. The two meet only in `mod.rs`; policies never import each other.
//!
//! To add one: a folder, a line in the list below, its tests. `CONTRIBUTING.md` goes through it step by step.

pub mod altered;
pub mod arms;
pub mod build;
pub mod clear;
pub mod dependencies;
#[cfg(test)]
pub mod fixtures;
pub mod flag;
pub mod hooks;
pub mod page;
pub mod pointer;
pub mod registry;
pub mod stage;
pub mod taken;
#[cfg(test)]
pub(crate) mod testing;
pub mod told;

pub use build::{Build, BuildError, Endpoint, Secrets};
pub use registry::Registry;

use crate::http::UpstreamIndex;
use crate::lang::expr::Expr;
use crate::lang::form::{Example, Word};
use crate::lang::{Checker, Node};

/// A statement that is in force on a route, with where it was written.
#[derive(Debug, Clone)]
pub struct Effective<'a> {
    /// The statement.
    pub node: Node<'a>,
    /// Which declaration this is, the same for every route that inherits it: `group api`, `route token`,
    /// `group api, use service`. A limit has one set of counters per site.
    pub site: String,
}

/// What every policy provides. The config is plain data: it stands in the program (IR) and is written to JSON.
pub trait Policy: Sized {
    /// Its statements.
    const WORDS: &'static [Word];

    /// An example of each, as the reference shows it.
    const EXAMPLES: &'static [Example] = &[];

    /// True for a policy that answers requests itself: it is a route's target.
    const ANSWERS: bool = false;

    /// True for a policy of `gateway` that is in force on replies to requests that no route takes as well. It has response parts
    /// only, and says nothing of a route's own.
    const UNMATCHED: bool = false;

    /// Reads the statements in force on one route, outermost first, already merged by each word's [`Merge`]:
    /// `None` when they ask for nothing, or when something was reported.
    ///
    /// [`Merge`]: crate::lang::form::Merge
    fn check(statements: &[Effective<'_>], checker: &mut Checker<'_>) -> Option<Self>;

    /// Puts the policy's parts into a route's pipeline.
    ///
    /// # Errors
    /// When something outside the policy is missing: a secret, a file.
    fn build(&self, build: &mut Build<'_>) -> Result<(), BuildError>;

    /// What a stored response is made of: every expression behind the cache by which an upstream is chosen or told something,
    /// or the policy itself answers. None for a policy that runs before the cache, or changes each response on its way out.
    fn told(&self) -> Vec<&Expr>;

    /// The upstreams it calls.
    fn upstreams(&self) -> Vec<UpstreamIndex> {
        Vec::new()
    }

    /// The last place at which it evaluates an expression, where it does so only before the request is shaped: such a policy can do
    /// without a copy of the fields that arrived. By default none, which is right for any policy.
    fn looks_until(&self) -> Option<stage::Place> {
        None
    }

    /// The conditions it decides by, for traces and coverage.
    fn decisions(&self) -> Vec<Decision<'_>> {
        Vec::new()
    }

    /// What it judges requests by: what is asked for there must have one reading.
    fn judges_by(&self) -> Vec<&Expr> {
        self.decisions().into_iter().filter(|decision| decision.at.is_some()).map(|decision| decision.condition).collect()
    }
}

/// A condition that a policy decides by.
#[derive(Debug, Clone, Copy)]
pub struct Decision<'p> {
    /// When it is asked; none for one that is asked of the reply.
    pub at: Option<stage::Place>,
    /// Which statement it stands in.
    pub of: Of<'p>,
    /// The condition.
    pub condition: &'p Expr,
}

/// Which of the statements in force on a route.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Of<'p> {
    /// Of those with one of these words, by its place among them: its own condition.
    Rule(&'static [&'static str], usize),
    /// The one with this word and name: its `when` of this number.
    Branch(&'static str, &'p str, usize),
    /// The last line about this name in statements with this word: its `when` of this number.
    Line(&'static str, &'p str, usize),
}

macro_rules! policies {
    ($($folder:ident $variant:ident;)*) => {
        $(pub mod $folder;)*

        /// The checked config of any policy.
        #[derive(Debug, Clone, PartialEq, serde::Serialize, serde::Deserialize)]
        #[serde(rename_all = "snake_case")]
        #[expect(clippy::large_enum_variant, reason = "a route has a handful of them, read when a plan is built")]
        pub enum Config {
            $(#[doc = concat!("See [`", stringify!($folder), "`].")] $variant($folder::Config),)*
        }

        impl Config {
            /// Puts the policy's parts into a route's pipeline.
            ///
            /// # Errors
            /// When something outside the policy is missing: a secret, a file.
            pub fn build(&self, build: &mut Build<'_>) -> Result<(), BuildError> {
                match self { $(Self::$variant(config) => config.build(build),)* }
            }

            /// What a stored response is made of, as far as the policy has a say.
            #[must_use]
            pub fn told(&self) -> Vec<&Expr> {
                match self { $(Self::$variant(config) => config.told(),)* }
            }

            /// The upstreams the policy calls.
            #[must_use]
            pub fn upstreams(&self) -> Vec<UpstreamIndex> {
                match self { $(Self::$variant(config) => config.upstreams(),)* }
            }
        }

        impl Config {
            /// The last place at which the policy evaluates an expression; see [`Policy::looks_until`].
            #[must_use]
            pub fn looks_until(&self) -> Option<stage::Place> {
                match self { $(Self::$variant(config) => config.looks_until(),)* }
            }

            /// The name of its policy's folder.
            #[must_use]
            pub fn name(&self) -> &'static str {
                match self { $(Self::$variant(_) => stringify!($folder),)* }
            }

            /// The conditions the policy decides by.
            #[must_use]
            pub fn decisions(&self) -> Vec<Decision<'_>> {
                match self { $(Self::$variant(config) => config.decisions(),)* }
            }

            /// What the policy judges requests by.
            #[must_use]
            pub fn judges_by(&self) -> Vec<&Expr> {
                match self { $(Self::$variant(config) => config.judges_by(),)* }
            }
        }

        /// A policy as the checker sees it.
        pub struct Entry {
            /// Its folder's name.
            pub name: &'static str,
            /// Its statements.
            pub words: &'static [Word],
            /// See [`Policy::EXAMPLES`].
            pub examples: &'static [Example],
            /// See [`Policy::ANSWERS`].
            pub answers: bool,
            /// See [`Policy::UNMATCHED`].
            pub unmatched: bool,
            /// See [`Policy::check`].
            pub check: fn(&[Effective<'_>], &mut Checker<'_>) -> Option<Config>,
        }

        /// All policies.
        pub const ALL: &[Entry] = &[
            $(Entry {
                name: stringify!($folder),
                words: <$folder::Config as Policy>::WORDS,
                examples: <$folder::Config as Policy>::EXAMPLES,
                answers: <$folder::Config as Policy>::ANSWERS,
                unmatched: <$folder::Config as Policy>::UNMATCHED,
                check: |statements, checker| $folder::Config::check(statements, checker).map(Config::$variant),
            },)*
        ];
    };
}

// The one list, in the order of the pipeline.
policies! {
    access Access;
    maintenance Maintenance;
    cors Cors;
    limit Limit;
    auth Auth;
    to To;
    body Body;
    cache Cache;
    shape Shape;
    mirror Mirror;
    aggregate Aggregate;
    respond Respond;
    issue Issue;
    fallback Fallback;
    error Error;
    deprecated Deprecated;
    security_headers SecurityHeaders;
    compress Compress;
}

/// True for a statement that makes the policy itself answer.
#[must_use]
pub fn answers(word: &str) -> bool {
    ALL.iter().any(|entry| entry.answers && entry.words.iter().any(|known| known.form.word == word))
}
