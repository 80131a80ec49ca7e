//! Hooks: services, or parts of the program that a gateway is embedded in, that are asked about requests and replies.
//!
//! A [`Hook`] sees heads and says what it wants changed; it never holds a request. Knows nothing of routes, pipelines and the
//! language: who asks, when, and what becomes of an answer is for the policy to say.

mod answer;
mod service;

#[cfg(test)]
mod tests;

pub use answer::{Answer, Barred, Content, Judged};
pub use service::Service;

use futures_core::future::BoxFuture;
use http::uri::PathAndQuery;
use http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode};
use serde::{Deserialize, Serialize};
use std::fmt;
use std::net::IpAddr;
use std::sync::Arc;

/// When a hook is asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum On {
    /// Before the gateway takes its first request, or when a reload brings the hook in.
    Startup,
    /// A request is about to go on to its target.
    Request,
    /// An upstream or the policy has answered.
    Response,
    /// The gateway itself refused the request, or failed.
    Error,
    /// The gateway has ended its last request, or a reload has taken the hook out.
    Shutdown,
}

impl On {
    /// All of them.
    pub const ALL: &'static [Self] = &[Self::Startup, Self::Request, Self::Response, Self::Error, Self::Shutdown];

    /// Its name in the language and on the wire.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Startup => "startup",
            Self::Request => "request",
            Self::Response => "response",
            Self::Error => "error",
            Self::Shutdown => "shutdown",
        }
    }
}

/// What a hook is asked about.
#[derive(Debug, Clone, Copy)]
pub struct Question<'a> {
    /// The request's method.
    pub method: &'a Method,
    /// The host it asks for, in lower case, without the port.
    pub host: &'a str,
    /// Path, normalised, and query.
    pub target: &'a PathAndQuery,
    /// Its fields, without the credentials that an `auth` has taken out of it.
    pub headers: &'a HeaderMap,
    /// Where it comes from, after `trust`.
    pub client_ip: IpAddr,
    /// Its id.
    pub request_id: &'a HeaderValue,
    /// The name of the route that takes it.
    pub route: &'a str,
    /// How it is answered; none while it is on its way in.
    pub response: Option<Response<'a>>,
}

/// The head of a reply.
#[derive(Debug, Clone, Copy)]
pub struct Response<'a> {
    /// The status.
    pub status: StatusCode,
    /// The fields.
    pub headers: &'a HeaderMap,
}

/// What a hook says.
pub enum Said<'a> {
    /// Nothing: everything stays as it is.
    Nothing,
    /// This, at once.
    Answer(Answer),
    /// It cannot say.
    Failed(Failure),
    /// What comes of this; given up when the hook's `timeout` is over.
    Wait(BoxFuture<'a, Result<Answer, Failure>>),
}

/// Why a hook has not said anything that could be done; for logs, not for clients.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Failure {
    /// It did not answer: a refused request is a 503.
    Unreachable(String),
    /// What it answered cannot be done: a refused request is a 502.
    Unusable(String),
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unreachable(why) => write!(f, "it does not answer: {why}"),
            Self::Unusable(why) => write!(f, "what it answers cannot be done: {why}"),
        }
    }
}

impl std::error::Error for Failure {}

/// Something that is asked about requests. A program that embeds the gateway writes its own and gives it the name by which the
/// policy declares it: `hook NAME embedded { on [request] }`. It is asked only about what `on` lists.
///
/// Methods run on the workers: what takes time goes into [`Said::Wait`].
pub trait Hook: Send + Sync {
    /// Before the first request, once; what it says is not looked at. Does nothing by default.
    fn on_startup(&self) -> Said<'_> {
        Said::Nothing
    }

    /// A request has passed `authorize` and the limits. A status or body answers it here and now; fields go to the upstream.
    /// Says nothing by default.
    fn on_request<'a>(&'a self, _question: Question<'a>) -> Said<'a> {
        Said::Nothing
    }

    /// A reply of an upstream, of a cache or of the policy, after it was shaped. Fields are set in it, status and body replace
    /// its own. Says nothing by default.
    fn on_response<'a>(&'a self, _question: Question<'a>) -> Said<'a> {
        Said::Nothing
    }

    /// The same for an error of the gateway's own. Says nothing by default.
    fn on_error<'a>(&'a self, _question: Question<'a>) -> Said<'a> {
        Said::Nothing
    }

    /// After the last request, once; what it says is not looked at. Does nothing by default.
    fn on_shutdown(&self) -> Said<'_> {
        Said::Nothing
    }
}

/// One that never says anything, where there is none to be had.
#[derive(Debug, Default, Clone, Copy)]
pub struct Silent;

impl Hook for Silent {}

/// The fields that hooks want the upstream to get; an exchange keeps them until it is shaped.
#[derive(Debug, Clone)]
pub struct Fields(pub Arc<[(HeaderName, HeaderValue)]>);
