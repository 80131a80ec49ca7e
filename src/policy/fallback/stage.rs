//! Answers in the place of a target that failed.

use super::Config;
use crate::http::{Exchange, Fault, Reply, Side, UpstreamIndex};
use crate::lang::eval::Facts;
use crate::lang::expr::Expr;
use crate::lang::value::Value;
use bytes::Bytes;
use http::StatusCode;

/// What answers, ready to.
#[derive(Debug)]
pub enum Fallback {
    /// This upstream, called with the same request.
    Upstream(UpstreamIndex),
    /// The same for every request.
    Ready(StatusCode, &'static str, Bytes),
    /// A text made for the request.
    Text(StatusCode, &'static str, Expr),
}

impl Fallback {
    pub(super) fn new(config: &Config) -> Self {
        match config {
            Config::Upstream(index) => Self::Upstream(UpstreamIndex(*index)),
            Config::Body { status, format, body } => {
                // INVARIANT: the checker lets only statuses pass.
                let status = StatusCode::from_u16(*status).unwrap_or(StatusCode::SERVICE_UNAVAILABLE);
                match body {
                    Expr::Const(Value::Text(text)) => Self::Ready(status, format.media_type(), Bytes::from(text.to_string())),
                    text => Self::Text(status, format.media_type(), text.clone()),
                }
            }
        }
    }

    /// True for an outcome of a call that calls for it, whoever made it, unless the client is to blame.
    #[must_use]
    pub fn replaces_outcome(answer: &Result<Reply, Fault>) -> bool {
        match answer {
            Ok(reply) => Self::replaces(reply.status),
            Err(fault) => fault.side() != Side::Client && Self::replaces(fault.problem().status),
        }
    }

    /// True for 502, 503 and 504.
    #[must_use]
    pub fn replaces(status: StatusCode) -> bool {
        matches!(status, StatusCode::BAD_GATEWAY | StatusCode::SERVICE_UNAVAILABLE | StatusCode::GATEWAY_TIMEOUT)
    }

    /// The policy's own answer; none where an upstream answers.
    #[must_use]
    pub fn reply(&self, exchange: &Exchange) -> Option<Reply> {
        match self {
            Self::Upstream(_) => None,
            Self::Ready(status, media_type, body) => Some(Reply::of(*status, media_type, body.clone())),
            Self::Text(status, media_type, text) => {
                let body = text.eval(Facts::request(exchange)).as_text().unwrap_or_default().into_owned();
                Some(Reply::of(*status, media_type, body))
            }
        }
    }
}
