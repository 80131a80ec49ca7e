//! What a policy does to a request and to its reply, and when. Knows nothing of the language.

use crate::http::{Exchange, Problem, Reply};
use futures_core::future::BoxFuture;
use std::sync::Arc;

/// The stages' names in the order they run, as `explain`, `expect stage` and `trace` say them.
pub const STAGES: &[&str] = &[
    "accept",
    "normalise",
    "match",
    "access",
    "preflight",
    "limit",
    "authenticate",
    "authorize",
    "target",
    "body",
    "cache",
    "shape",
    "call",
    "respond",
];

/// Where in the fixed pipeline a policy's request part runs. Their order is the order they run in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Place {
    /// Who may come in at all: `allow`, `deny`.
    Access,
    /// A CORS preflight is answered.
    Preflight,
    /// `maintenance`: behind preflights, without which a browser sees nothing of what is answered; shown as `access`.
    Maintenance,
    /// Limits whose key is known before identity.
    Limit,
    /// Who is it?
    Authenticate,
    /// `require`
    Authorize,
    /// Limits whose key is part of the identity; shown as `limit`.
    LimitByIdentity,
    /// Hooks are asked about the request; shown as `authorize`.
    Hook,
    /// Which upstream?
    Target,
    /// Checks of the body.
    Body,
    /// The cache is asked.
    Cache,
    /// The request is shaped.
    Shape,
    /// The policy itself answers, or upstreams are called.
    Call,
}

impl Place {
    /// All places, in the order they run in.
    pub const ALL: &'static [Self] = &[
        Self::Access,
        Self::Preflight,
        Self::Maintenance,
        Self::Limit,
        Self::Authenticate,
        Self::Authorize,
        Self::LimitByIdentity,
        Self::Hook,
        Self::Target,
        Self::Body,
        Self::Cache,
        Self::Shape,
        Self::Call,
    ];

    /// The stage's name, as `expect stage` and `trace` say it.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Access | Self::Maintenance => "access",
            Self::Preflight => "preflight",
            Self::Limit | Self::LimitByIdentity => "limit",
            Self::Authenticate => "authenticate",
            Self::Authorize | Self::Hook => "authorize",
            Self::Target => "target",
            Self::Body => "body",
            Self::Cache => "cache",
            Self::Shape => "shape",
            Self::Call => "call",
        }
    }
}

/// Where a policy's response part runs. Their order is the order they run in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum ReplyPlace {
    /// The cache stores.
    CacheStore,
    /// `response { body { … } }`: a JSON body is changed.
    Body,
    /// `error` pages replace bodies.
    ErrorPage,
    /// `response { … }`
    Shape,
    /// Hooks are asked about the reply.
    Hook,
    /// `envelope`
    Envelope,
    /// Rate-limit fields.
    Quota,
    /// `compress`
    Compress,
    /// CORS fields.
    Cors,
    /// `deprecated`
    Notice,
    /// `security_headers`
    Security,
}

/// What a request part decided.
pub enum Flow<'a> {
    /// On to the next stage.
    Next,
    /// This is the answer; no later stage sees the request.
    Answer(Reply),
    /// The request is refused.
    Refuse(Problem),
    /// It has to wait before it can say; what comes back is never `Wait` again.
    Wait(BoxFuture<'a, Flow<'static>>),
}

/// A policy's request part. Runs once per request, in the order of [`Place`]; must not block.
pub trait OnRequest: Send + Sync {
    /// Judges or changes the request.
    fn request<'a>(&'a self, exchange: &'a mut Exchange) -> Flow<'a>;

    /// What each of its statements made of the request it has just seen, for those whose verdict depends on more than the
    /// request; by default none. Only traces and coverage ask, never a gateway that serves.
    fn account(&self, _exchange: &Exchange) -> Vec<Account> {
        Vec::new()
    }
}

/// What a statement made of a request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Account {
    /// The statement's name.
    pub name: Arc<str>,
    /// True when it let the request through.
    pub passed: bool,
    /// How it stands now, in words.
    pub says: String,
}

/// A policy's response part. Runs once per reply, whoever made it, in the order of [`ReplyPlace`]; must not block.
pub trait OnResponse: Send + Sync {
    /// Changes the reply. The exchange is what the request parts left of it: headers and body may have gone upstream. By default
    /// nothing.
    fn response(&self, _exchange: &Exchange, _reply: &mut Reply) {}

    /// What has to be waited for, before [`Self::response`]: the reply's whole body, somebody's word. By default nothing. A
    /// problem takes the place of the reply.
    fn wait<'a>(&'a self, _exchange: &'a mut Exchange, _reply: &'a mut Reply) -> Option<BoxFuture<'a, Result<(), Problem>>> {
        None
    }
}
