//! What an expression must be, and what one was found to be: its type, when it is known, where it goes.

use crate::diag::Span;
use crate::lang::expr::Expr;
use crate::lang::types::Type;

/// When a value is known, in the order of the pipeline.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Moment {
    /// At compile time.
    Constant,
    /// As soon as there is a connection.
    Accept,
    /// When the route has been chosen.
    Match,
    /// When the caller is known.
    Authenticate,
    /// When the upstream has been chosen.
    Target,
    /// When the body has been read.
    Body,
    /// When there is a response.
    Response,
}

impl Moment {
    /// The stage's name.
    #[must_use]
    pub fn stage(self) -> &'static str {
        match self {
            Self::Constant => "compile",
            Self::Accept => "accept",
            Self::Match => "match",
            Self::Authenticate => "authenticate",
            Self::Target => "target",
            Self::Body => "body",
            Self::Response => "respond",
        }
    }
}

/// Where a value goes: decides how holes in strings are encoded, and what may stand there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Spot {
    /// Compared, counted or used as a key.
    Plain,
    /// A header field towards the upstream: may hold a secret.
    RequestField,
    /// A header field towards the client.
    ResponseField,
    /// JSON text.
    Json,
    /// A URL or path: segments before `?`, query values behind it.
    Url,
    /// A query value.
    Query,
    /// HTML text.
    Html,
    /// A credential or key of the gateway's own: a secret.
    Secret,
}

/// What an expression must be.
#[derive(Debug, Clone)]
pub struct Want {
    /// Its type, where only one will do.
    pub ty: Option<Type>,
    /// The latest stage that may know it.
    pub by: Moment,
    /// Where it goes.
    pub spot: Spot,
    /// True inside `response { }`: `header("x")` is the response's.
    pub response: bool,
}

impl Want {
    /// A constant of a type.
    #[must_use]
    pub fn constant(ty: Type) -> Self {
        Self { ty: Some(ty), by: Moment::Constant, spot: Spot::Plain, response: false }
    }

    /// A condition that is decided at a stage.
    #[must_use]
    pub fn condition(by: Moment) -> Self {
        Self { ty: Some(Type::Bool), by, spot: Spot::Plain, response: by == Moment::Response }
    }

    /// Any scalar that is known at a stage.
    #[must_use]
    pub fn scalar(by: Moment, spot: Spot) -> Self {
        Self { ty: None, by, spot, response: by == Moment::Response }
    }
}

/// An expression with what was found out about it.
#[derive(Debug, Clone, PartialEq)]
pub struct Typed {
    /// The expression.
    pub expr: Expr,
    /// Its type.
    pub ty: Type,
    /// When it is known.
    pub moment: Moment,
    /// Where it stands.
    pub span: Span,
}
