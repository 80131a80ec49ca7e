//! What goes wrong while a request is served, on whose side, and whether it may be tried again.

use super::Problem;
use http::{HeaderName, HeaderValue, StatusCode};
use std::time::Duration;

/// Whose fault it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Side {
    /// The client's.
    Client,
    /// The gateway's own.
    Gateway,
    /// The upstream's.
    Upstream,
}

/// What went wrong.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum FaultKind {
    /// The upstream refused the connection.
    ConnectError,
    /// The upstream's name leads nowhere: DNS has no address for it, or nobody says.
    Unresolved,
    /// Nobody said in time where the upstream's name leads.
    UnresolvedInTime,
    /// No connection within `timeout connect`.
    ConnectTimeout,
    /// No response head within `timeout attempt`.
    AttemptTimeout,
    /// No response head within `timeout total`.
    TotalTimeout,
    /// The connection broke before a response head.
    Reset,
    /// The upstream did nothing with the request: a kept-alive connection was closed before it came, or the upstream refused
    /// it or went away before it looked at it (RFC 9113 §8.7).
    Stale,
    /// The upstream's answer is no valid HTTP, or a 101 nobody asked for.
    BadResponse,
    /// The upstream opens no WebSockets over HTTP/2 (RFC 8441 §3).
    NoTunnel,
    /// The breaker is open for this much longer.
    BreakerOpen(Duration),
    /// The upstream has as many requests in flight as `concurrency` lets it have, and no more may wait.
    Overloaded,
    /// The upstream's body stalled longer than `timeout read`, or broke off.
    BodyBroken,
    /// The client's body is larger than `body max`.
    BodyTooLarge,
    /// The client's body broke off or has bad framing.
    ClientBody,
    /// The client's body came slower than the minimum rate.
    ClientSlow,
}

impl FaultKind {
    /// Its name, where faults are counted or shown.
    #[must_use]
    pub fn name(&self) -> &'static str {
        match self {
            Self::ConnectError => "connect_error",
            Self::Unresolved => "dns_error",
            Self::UnresolvedInTime => "dns_timeout",
            Self::ConnectTimeout => "connect_timeout",
            Self::AttemptTimeout => "attempt_timeout",
            Self::TotalTimeout => "total_timeout",
            Self::Reset => "reset",
            Self::Stale => "stale",
            Self::BadResponse => "bad_response",
            Self::NoTunnel => "no_tunnel",
            Self::BreakerOpen(_) => "breaker_open",
            Self::Overloaded => "overloaded",
            Self::BodyBroken => "body_broken",
            Self::BodyTooLarge => "body_too_large",
            Self::ClientBody => "client_body",
            Self::ClientSlow => "client_slow",
        }
    }
}

/// A fault of one exchange.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fault {
    /// What.
    pub kind: FaultKind,
    /// For the log, never for the client.
    pub cause: String,
}

impl Fault {
    /// A fault with its cause.
    #[must_use]
    pub fn new(kind: FaultKind, cause: impl std::fmt::Display) -> Self {
        Self { kind, cause: cause.to_string() }
    }

    /// Whose fault it is.
    #[must_use]
    pub fn side(&self) -> Side {
        match self.kind {
            FaultKind::BodyTooLarge | FaultKind::ClientBody | FaultKind::ClientSlow => Side::Client,
            FaultKind::BreakerOpen(_) | FaultKind::Overloaded | FaultKind::NoTunnel => Side::Gateway,
            FaultKind::ConnectError
            | FaultKind::Unresolved
            | FaultKind::UnresolvedInTime
            | FaultKind::ConnectTimeout
            | FaultKind::AttemptTimeout
            | FaultKind::TotalTimeout
            | FaultKind::Reset
            | FaultKind::Stale
            | FaultKind::BadResponse
            | FaultKind::BodyBroken => Side::Upstream,
        }
    }

    /// True when the upstream cannot have acted on the request, so that it may be sent again whatever it is.
    #[must_use]
    pub fn nothing_sent(&self) -> bool {
        match self.kind {
            FaultKind::ConnectError
            | FaultKind::Unresolved
            | FaultKind::UnresolvedInTime
            | FaultKind::ConnectTimeout
            | FaultKind::Stale => true,
            FaultKind::AttemptTimeout
            | FaultKind::TotalTimeout
            | FaultKind::Reset
            | FaultKind::BadResponse
            | FaultKind::NoTunnel
            | FaultKind::BreakerOpen(_)
            | FaultKind::Overloaded
            | FaultKind::BodyBroken
            | FaultKind::BodyTooLarge
            | FaultKind::ClientBody
            | FaultKind::ClientSlow => false,
        }
    }

    /// What the client is told, with `Proxy-Status` (RFC 9209).
    #[must_use]
    pub fn problem(&self) -> Problem {
        let (status, detail, error) = match self.kind {
            FaultKind::ConnectError => (StatusCode::BAD_GATEWAY, "the upstream could not be reached", "connection_refused"),
            FaultKind::Unresolved => (StatusCode::BAD_GATEWAY, "the upstream's address could not be found", "dns_error"),
            FaultKind::UnresolvedInTime => {
                (StatusCode::GATEWAY_TIMEOUT, "the upstream's address could not be found in time", "dns_timeout")
            }
            FaultKind::ConnectTimeout => (StatusCode::GATEWAY_TIMEOUT, "the upstream could not be reached in time", "connection_timeout"),
            FaultKind::AttemptTimeout | FaultKind::TotalTimeout => {
                (StatusCode::GATEWAY_TIMEOUT, "the upstream did not answer in time", "http_response_timeout")
            }
            FaultKind::Reset | FaultKind::Stale => (StatusCode::BAD_GATEWAY, "the upstream closed the connection", "connection_terminated"),
            FaultKind::BadResponse => (StatusCode::BAD_GATEWAY, "the upstream's answer was not valid HTTP", "http_protocol_error"),
            FaultKind::BodyBroken => (StatusCode::BAD_GATEWAY, "the upstream's answer broke off", "http_response_incomplete"),
            FaultKind::NoTunnel => (StatusCode::BAD_GATEWAY, "the upstream opens no WebSockets over HTTP/2", "http_protocol_error"),
            FaultKind::BreakerOpen(left) => {
                return Problem::new(StatusCode::SERVICE_UNAVAILABLE, "the upstream is failing and is given time to recover")
                    .retry_after(left)
                    .with(PROXY_STATUS, HeaderValue::from_static("gatewright; error=destination_unavailable"));
            }
            FaultKind::Overloaded => {
                return Problem::new(StatusCode::SERVICE_UNAVAILABLE, "the upstream has as much to do as it may have")
                    .retry_after(AGAIN_AFTER)
                    .with(PROXY_STATUS, HeaderValue::from_static("gatewright; error=connection_limit_reached"));
            }
            FaultKind::BodyTooLarge => return Problem::new(StatusCode::PAYLOAD_TOO_LARGE, "the request's body is too large"),
            FaultKind::ClientBody => return Problem::new(StatusCode::BAD_REQUEST, "the request's body broke off or is framed wrongly"),
            FaultKind::ClientSlow => return Problem::new(StatusCode::REQUEST_TIMEOUT, "the request's body came too slowly"),
        };
        let value = HeaderValue::try_from(format!("gatewright; error={error}"));
        let problem = Problem::new(status, detail);
        match value {
            Ok(value) => problem.with(PROXY_STATUS, value),
            Err(_) => problem,
        }
    }
}

/// When a client that found no place may ask again.
const AGAIN_AFTER: Duration = Duration::from_secs(1);

/// `Proxy-Status` (RFC 9209).
pub const PROXY_STATUS: HeaderName = HeaderName::from_static("proxy-status");

impl std::fmt::Display for Fault {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{:?}: {}", self.kind, self.cause)
    }
}

impl std::error::Error for Fault {}
