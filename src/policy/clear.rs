//! Refuses requests that cannot be judged: what a route's rules ask for has no one reading.

use super::Config;
use super::stage::{Flow, OnRequest};
use crate::http::{Exchange, Problem};
use crate::lang::asked::Asked;

/// The first request part of a route that asks.
pub struct Clear(Asked);

impl Clear {
    /// The part for a route's policies; none where they ask for nothing that a client says as it likes.
    #[must_use]
    pub fn of(policies: &[Config]) -> Option<Self> {
        let asked = Asked::of(policies.iter().flat_map(Config::judges_by));
        (!asked.is_empty()).then_some(Self(asked))
    }

    /// The refusal of a request, if it is refused.
    #[must_use]
    pub fn refusal(&self, exchange: &Exchange) -> Option<Problem> {
        self.0.refusal(exchange)
    }
}

impl OnRequest for Clear {
    fn request<'a>(&'a self, exchange: &'a mut Exchange) -> Flow<'a> {
        self.refusal(exchange).map_or(Flow::Next, Flow::Refuse)
    }
}
