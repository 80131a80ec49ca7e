//! Refuses requests to a route that is closed.

use super::{RETRY_AFTER, Switch};
use crate::http::{Exchange, Problem};
use crate::policy::stage::{Flow, OnRequest};
use http::StatusCode;
use std::sync::Arc;

/// The request part.
pub(super) struct Closed(pub(super) Arc<Switch>);

impl OnRequest for Closed {
    fn request<'a>(&'a self, _: &'a mut Exchange) -> Flow<'a> {
        if !self.0.is_on() {
            return Flow::Next;
        }
        Flow::Refuse(Problem::new(StatusCode::SERVICE_UNAVAILABLE, "this is closed for maintenance").retry_after(RETRY_AFTER))
    }
}
