//! What is counted: as JSON, and as Prometheus reads it.

use super::shown;
use crate::admin::answer::Answered;
use crate::admin::desk::Desk;
use crate::admin::endpoints::Asked;
use crate::http::Reply;
use crate::server::metrics::Format;
use http::StatusCode;

/// The main figures.
pub fn figures(desk: &Desk, _: &Asked) -> Answered {
    shown(desk.server.metrics().summary())
}

/// All of it, in the format that is wanted.
pub fn metrics(desk: &Desk, asked: &Asked) -> Answered {
    let format = Format::accepted(asked.accept.as_deref());
    Ok(Reply::of(StatusCode::OK, format.content_type(), desk.server.metrics().text(format)))
}
