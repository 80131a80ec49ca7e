//! Shapes what an upstream or the policy answered.

use super::fields::Fields;
use crate::http::{Exchange, Reply, Source};
use crate::lang::eval::Facts;
use crate::policy::stage::OnResponse;
use std::sync::Arc;

/// The response part.
pub(super) struct Shape {
    fields: Arc<Fields>,
}

impl Shape {
    pub(super) fn new(fields: Fields) -> Self {
        Self { fields: Arc::new(fields) }
    }
}

impl OnResponse for Shape {
    fn response(&self, exchange: &Exchange, reply: &mut Reply) {
        match reply.source {
            Source::Upstream | Source::Policy => {
                let values = self.fields.values(Facts::response(exchange, reply));
                self.fields.apply_to_response(&mut reply.headers, values);
                let fields = Arc::clone(&self.fields);
                reply.body = reply.body.take().without_trailers(move |name| fields.speaks_of(name));
            }
            // The gateway's own errors are for `error`.
            Source::Gateway => {}
        }
    }
}
