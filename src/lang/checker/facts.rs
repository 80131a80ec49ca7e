//! What is known of the route whose statements are being checked.

use crate::diag::Span;
use crate::lang::expr::Expr;
use crate::lang::types::Type;
use crate::route::RouteKey;

/// An attribute of the caller that the auth in force declares.
#[derive(Debug, Clone, PartialEq)]
pub struct AttributeFact {
    /// `claim`, `key` or `user`.
    pub root: &'static str,
    /// Its name.
    pub name: String,
    /// Its type; optional when only some of the auths in force declare it.
    pub ty: Type,
    /// Auth and slot, for each auth that declares it.
    pub slots: Vec<(u16, u16)>,
}

/// A path parameter.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ParamFact {
    /// Its name; `rest` for `/**`.
    pub name: String,
    /// Its type.
    pub ty: Type,
    /// True for `param.rest` and captures of a regex: their `/` stay when they are interpolated.
    pub keeps_slashes: bool,
}

/// An auth as statements that hand out its credentials see it.
#[derive(Debug, Clone, PartialEq)]
pub struct AuthFact {
    /// Its name.
    pub name: String,
    /// The claims of its tokens; `None` when the gateway cannot sign tokens for it.
    pub claims: Option<Vec<ClaimFact>>,
}

/// A claim of a token.
#[derive(Debug, Clone, PartialEq)]
pub struct ClaimFact {
    /// Its name.
    pub name: String,
    /// Its type.
    pub ty: Type,
    /// True when a token without it is refused.
    pub required: bool,
}

/// A way for requests to come to routes: a listener that does not send them elsewhere.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entrance {
    /// The listener's name, `request.listener`.
    pub listener: String,
    /// What `request.scheme` can be there.
    pub schemes: &'static [&'static str],
}

/// What is known of the route whose statements are being checked.
#[derive(Debug, Clone, Default)]
pub struct RouteFacts {
    /// Its name, for messages.
    pub route: String,
    /// Its path's parameters, in slot order.
    pub params: Vec<ParamFact>,
    /// What its auth declares.
    pub attributes: Vec<AttributeFact>,
    /// True when a caller is always identified here.
    pub identified: bool,
    /// True when the auth in force could not be understood: what it declares is then not known either.
    pub uncertain: bool,
    /// Methods in upper case; empty when it takes any.
    pub methods: Vec<String>,
    /// Where its path is written.
    pub path: Option<Span>,
    /// Where the names of its parameters stand in it, as far as it is a plain path.
    pub param_names: Vec<(String, Span)>,
    /// Which requests it takes; none outside routes.
    pub key: Option<std::sync::Arc<RouteKey>>,
    /// What holds for all of them: the route's `match` conditions.
    pub given: Vec<Expr>,
    /// Every auth of the program, in the order of their declarations.
    pub auths: std::sync::Arc<[AuthFact]>,
    /// True when something asks for a value of the body.
    pub reads_body: bool,
    /// Where requests come in; empty when that is not known.
    pub entrances: std::sync::Arc<[Entrance]>,
}
