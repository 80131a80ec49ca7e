//! What stands in the files behind a program: for `gate trace`, `gate test --coverage` and reports. It decides nothing: two
//! programs that differ only here mean the same.

use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::sync::Arc;

/// The statements behind a program, each with its place.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Written {
    /// By a route's name: the statements in force on it, those of one word in the order they hold. What several routes
    /// inherit is one statement.
    pub routes: BTreeMap<String, Vec<Arc<Statement>>>,
    /// The declarations of upstreams, by [`UpstreamIndex`](crate::http::UpstreamIndex); their clauses are the statements in
    /// force on them.
    pub upstreams: Vec<Arc<Statement>>,
}

/// A statement or a clause of its block, as it was written.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Statement {
    /// Its word.
    pub word: String,
    /// What it is about, where its head begins with a name: `per_client`, `X-User-Id`.
    pub name: Option<String>,
    /// The stage it belongs to; empty for a clause, which belongs to its statement's.
    pub stage: String,
    /// Its head, white space folded.
    pub text: String,
    /// `file:line`
    pub place: String,
    /// What its block holds.
    pub clauses: Vec<Statement>,
}

impl Written {
    /// The statements in force on a route.
    #[must_use]
    pub fn of_route(&self, name: &str) -> &[Arc<Statement>] {
        self.routes.get(name).map_or(&[], Vec::as_slice)
    }
}
