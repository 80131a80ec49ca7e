//! Looking on while a request goes through its pipeline. Sockets are watched by `()`, of which the compiler leaves nothing.

use crate::http::{Exchange, Problem, Reply};
use crate::policy::stage::{OnRequest, Place};

/// Somebody who looks on. Every method does nothing unless it is written.
pub trait Watch {
    /// A route, by its index, takes the request.
    fn takes(&mut self, _route: usize, _exchange: &Exchange) {}

    /// A part at a place is about to run; before the upstream is called, [`Place::Call`] without a part.
    fn before(&mut self, _place: Place, _exchange: &Exchange) {}

    /// A part has run, whatever it decided.
    fn after(&mut self, _place: Place, _part: &dyn OnRequest, _exchange: &Exchange) {}

    /// The gateway itself refuses the request, or failed to carry it out.
    fn refused(&mut self, _exchange: &Exchange, _problem: &Problem) {}

    /// There is an answer; the response parts have not run yet.
    fn answered(&mut self, _exchange: &Exchange, _reply: &Reply) {}
}

impl Watch for () {}

impl<W: Watch> Watch for &mut W {
    fn takes(&mut self, route: usize, exchange: &Exchange) {
        (**self).takes(route, exchange);
    }

    fn before(&mut self, place: Place, exchange: &Exchange) {
        (**self).before(place, exchange);
    }

    fn after(&mut self, place: Place, part: &dyn OnRequest, exchange: &Exchange) {
        (**self).after(place, part, exchange);
    }

    fn refused(&mut self, exchange: &Exchange, problem: &Problem) {
        (**self).refused(exchange, problem);
    }

    fn answered(&mut self, exchange: &Exchange, reply: &Reply) {
        (**self).answered(exchange, reply);
    }
}
