//! Shaping of requests and responses: `request`, `response`, `query`, `strip_prefix`, `add_prefix` and `rewrite`; and of their
//! JSON bodies.
//!
//! Whatever the order in a file, a request's lines run as remove, rename, set, add, and every value and condition sees the
//! message as it arrived.

mod body;
mod check;
mod envelope;
mod fields;
mod forms;
mod lines;
mod mapping;
mod response;
mod stage;
mod target;
#[cfg(test)]
mod tests;

pub use super::pointer::{Pointer, Take};

use super::stage::{Place as Stage, ReplyPlace};
use super::{Build, BuildError, Decision, Effective, Of, Policy};
use crate::lang::Checker;
use crate::lang::expr::Expr;
use crate::lang::form::{Example, Word};
use serde::{Deserialize, Serialize};

/// How a route's requests and responses are changed.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct Config {
    /// Fields of the request, before it goes upstream.
    pub request: Lines,
    /// Fields of what an upstream or the policy answered; the gateway's own errors stay as they are.
    pub response: Lines,
    /// The query's parameters.
    pub query: Lines,
    /// The path.
    pub path: Path,
    /// A JSON body before it goes upstream.
    pub request_body: Option<Body>,
    /// A JSON body of what was answered.
    pub response_body: Option<Body>,
    /// JSON answers become `{"data": …, "status": n, "request_id": "…"}`.
    pub envelope: bool,
}

/// What becomes of a JSON body: first a part of it is taken, then fields are set.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct Body {
    /// What is taken.
    pub take: Take,
    /// Fields and their values.
    pub set: Vec<(Pointer, Expr)>,
}

/// The lines of one kind in force on a route, of all levels.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct Lines {
    /// Taken away.
    pub remove: Vec<Names>,
    /// Moved to another name.
    pub rename: Vec<Rename>,
    /// Given one value.
    pub set: Vec<Set>,
    /// Given a value beside those that are there.
    pub add: Vec<Set>,
}

/// Which fields or parameters: in lower case for fields.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Names {
    /// This one.
    Exact(String),
    /// All that begin so: `X-Internal-*`.
    Prefix(String),
}

/// `rename OLD NEW`: when OLD is there, its values become those of NEW.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Rename {
    /// The name before.
    pub old: String,
    /// The name afterwards.
    pub new: String,
}

/// `set NAME …` or `add NAME …`
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Set {
    /// The name.
    pub name: String,
    /// The first choice whose condition holds gives the value; when none does, or the value is missing, nothing is set.
    pub choices: Vec<Choice>,
    /// Only when the response has none of that name.
    pub if_missing: bool,
    /// The upstream relies on the gateway here: the value or its condition depends on who asks or on a secret. What the
    /// client itself sent under that name is removed in any case.
    pub vouched: bool,
}

/// A value and when it is the one.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Choice {
    /// Its condition; none always holds.
    pub when: Option<Expr>,
    /// The value.
    pub value: Expr,
}

/// What becomes of the path.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub enum Path {
    /// It stays.
    #[default]
    Keep,
    /// First a prefix is taken away, then one is put before it.
    Prefix {
        /// Whole segments at the front: `/inside` of `/inside/a`; the upstream is told in `X-Forwarded-Prefix`.
        strip: Option<String>,
        /// What is put in front.
        add: Option<Expr>,
    },
    /// Another path; its text may bring its own query, else the request's stays.
    Rewrite(Expr),
}

impl Lines {
    /// True when there is nothing to do.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.remove.is_empty() && self.rename.is_empty() && self.set.is_empty() && self.add.is_empty()
    }
}

impl Policy for Config {
    const WORDS: &'static [Word] = forms::WORDS;
    const EXAMPLES: &'static [Example] = &[
        Example::route("request", "request {\n  remove \"X-Internal-*\"\n  set X-User claim.sub\n  set X-Trace \"gw-${request.id}\"\n}"),
        Example::route("response", "response {\n  remove Server\n  set Cache-Control \"private\" if_missing\n  body {\n    drop \"/items/*/cost\"\n    rename items products\n  }\n}"),
        Example::route("query", "query {\n  set user_id claim.sub unless \"staff\" in claim.roles\n  remove \"utm_*\"\n}"),
        Example::route("strip_prefix", "strip_prefix /example"),
        Example::route("add_prefix", "add_prefix /internal"),
        Example::route("rewrite", "rewrite \"/profiles/${param.id}?full=1\""),
    ];

    fn check(statements: &[Effective<'_>], checker: &mut Checker<'_>) -> Option<Self> {
        check::check(statements, checker)
    }

    fn build(&self, build: &mut Build<'_>) -> Result<(), BuildError> {
        if !self.request.is_empty() || !self.query.is_empty() || self.path != Path::Keep || self.request_body.is_some() {
            let request = fields::Fields::new(&self.request, |expr| build.resolve(expr))?;
            let query = target::Query::new(&self.query);
            let body = self.request_body.as_ref().map(|body| mapping::Mapping::new(body, |expr| build.resolve(expr))).transpose()?;
            build.on_request(Stage::Shape, stage::Shape::new(request, query, self.path.clone(), body));
        }
        if self.response_body.is_some() || self.envelope {
            build.on_request(Stage::Body, mapping::Plain);
        }
        if let Some(body) = &self.response_body {
            build.on_response(ReplyPlace::Body, mapping::Reshape(mapping::Mapping::new(body, |expr| Ok(expr.clone()))?));
        }
        if !self.response.is_empty() {
            let fields = fields::Fields::new(&self.response, |expr| Ok(expr.clone()))?;
            build.on_response(ReplyPlace::Shape, response::Shape::new(fields));
        }
        if self.envelope {
            build.on_response(ReplyPlace::Envelope, envelope::Envelope);
        }
        Ok(())
    }

    fn told(&self) -> Vec<&Expr> {
        let lines = [&self.request, &self.query].into_iter().flat_map(|lines| lines.set.iter().chain(&lines.add));
        let fields = lines.flat_map(|set| &set.choices).flat_map(|choice| [&choice.value].into_iter().chain(&choice.when));
        let body = self.request_body.iter().flat_map(|body| &body.set).map(|(_, value)| value);
        let path = match &self.path {
            Path::Prefix { strip: _, add } => add.as_ref(),
            Path::Rewrite(path) => Some(path),
            Path::Keep => None,
        };
        fields.chain(body).chain(path).collect()
    }

    fn decisions(&self) -> Vec<Decision<'_>> {
        let sides = [("request", Some(Stage::Shape), &self.request), ("query", Some(Stage::Shape), &self.query), ("response", None, &self.response)];
        let mut found = Vec::new();
        for (word, at, lines) in sides {
            for set in lines.set.iter().chain(&lines.add) {
                let conditions = set.choices.iter().filter_map(|choice| choice.when.as_ref()).enumerate();
                found.extend(conditions.map(|(nth, condition)| Decision { at, of: Of::Line(word, &set.name, nth), condition }));
            }
        }
        found
    }
}
