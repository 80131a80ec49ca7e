//! Holds a request against the rules, the outermost first; the first that fails refuses.

use super::Rule;
use crate::http::{Exchange, Problem};
use crate::lang::eval::Facts;
use crate::lang::expr::Expr;
use crate::policy::stage::{Flow, OnRequest};
use http::StatusCode;

/// Rules of one stage.
pub(super) struct Rules(Vec<(Expr, StatusCode)>);

impl Rules {
    pub(super) fn new(rules: &[Rule]) -> Self {
        let status = |rule: &Rule| StatusCode::from_u16(rule.status).unwrap_or(StatusCode::FORBIDDEN);
        Self(rules.iter().map(|rule| (rule.holds.clone(), status(rule))).collect())
    }
}

impl OnRequest for Rules {
    fn request<'a>(&'a self, exchange: &'a mut Exchange) -> Flow<'a> {
        let facts = Facts::request(exchange);
        match self.0.iter().find(|(holds, _)| !holds.holds(facts)) {
            None => Flow::Next,
            Some((_, StatusCode::FORBIDDEN)) => Flow::Refuse(Problem::new(StatusCode::FORBIDDEN, "this request is not allowed")),
            // Another status is chosen to say something else, or to hide that something is here: no word of a rule.
            Some((_, status)) => Flow::Refuse(Problem::new(*status, status.canonical_reason().unwrap_or("refused"))),
        }
    }
}
