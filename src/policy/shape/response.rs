//! Shapes what an upstream or the policy answered.

use super::fields::Fields;
use crate::http::{Exchange, Reply, Source};
use crate::lang::eval::Facts;
use crate::policy::stage::OnResponse;

/// The response part.
pub(super) struct Shape {
    fields: Fields,
}

impl Shape {
    pub(super) fn new(fields: Fields) -> Self {
        Self { fields }
    }
}

impl OnResponse for Shape {
    fn response(&self, exchange: &Exchange, reply: &mut Reply) {
        match reply.source {
            Source::Upstream | Source::Policy => {
                let values = self.fields.values(Facts::response(exchange, reply));
                self.fields.apply_to_response(&mut reply.headers, values);
            }
            // The gateway's own errors are for `error`.
            Source::Gateway => {}
        }
    }
}
