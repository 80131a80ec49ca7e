//! What conditions and keys ask of a request's fields, query and cookies, and whether it has one reading there: of two values of a
//! parameter, or two lines of a field, the next hop may take the other one, and what is no UTF-8 it may take for anything.

use super::expr::{Expr, Ref};
use crate::http::{Exchange, Problem, said};
use http::{HeaderName, StatusCode};
use smallvec::SmallVec;
use std::borrow::Cow;
use std::fmt;

/// What is asked for, each once.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Asked(Box<[Name]>);

/// What a client says as it likes.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Name {
    Field(HeaderName),
    Parameter(String),
    Cookie(String),
}

/// Values as they stand in a request.
type Values<'x> = SmallVec<[Cow<'x, [u8]>; 1]>;

impl Asked {
    /// What expressions ask for.
    pub fn of<'e>(exprs: impl IntoIterator<Item = &'e Expr>) -> Self {
        let mut names: Vec<Name> = Vec::new();
        for name in exprs.into_iter().flat_map(Expr::references).filter_map(Name::of) {
            if !names.contains(&name) {
                names.push(name);
            }
        }
        Self(names.into())
    }

    /// True when nothing is asked for.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The refusal of a request in which some of it has no one reading. Values that are equal have: whichever is taken, it is that.
    #[must_use]
    pub fn refusal(&self, exchange: &Exchange) -> Option<Problem> {
        let differ = |values: &Values<'_>| values.iter().any(|value| values.first() != Some(value));
        let is_text = |values: &Values<'_>| values.first().is_none_or(|value| std::str::from_utf8(value).is_ok());
        let (nth, values) = self.unclear(exchange).find(|(_, values)| differ(values) || !is_text(values))?;
        let why = if differ(&values) { "is there more than once" } else { "is no UTF-8 text" };
        Some(Problem::new(StatusCode::BAD_REQUEST, format!("{} {why}", self.0.get(nth)?)))
    }

    /// What is there more than once or is no text, by its number, with all that is said.
    pub fn unclear<'x>(&self, exchange: &'x Exchange) -> impl Iterator<Item = (usize, Values<'x>)> {
        let said = self.0.iter().map(|name| name.values(exchange)).enumerate();
        said.filter(|(_, values)| values.len() > 1 || values.iter().any(|value| std::str::from_utf8(value).is_err()))
    }
}

impl Name {
    fn of(reference: &Ref) -> Option<Self> {
        match reference {
            Ref::Header(name) => Some(Self::Field(name.clone())),
            Ref::Query(name) => Some(Self::Parameter(name.clone())),
            Ref::Cookie(name) => Some(Self::Cookie(name.clone())),
            Ref::Method
            | Ref::Path
            | Ref::Host
            | Ref::Scheme
            | Ref::Id
            | Ref::Size
            | Ref::Listener
            | Ref::Body(_)
            | Ref::ClientIp
            | Ref::ClientSubject
            | Ref::ClientName
            | Ref::Param { .. }
            | Ref::Attribute(_)
            | Ref::Flag { .. }
            | Ref::UpstreamName
            | Ref::ResponseStatus
            | Ref::ResponseDuration
            | Ref::ResponseHeader(_) => None,
        }
    }

    fn values<'x>(&self, exchange: &'x Exchange) -> Values<'x> {
        let headers = exchange.fields();
        match self {
            Self::Field(name) => said::readings(headers, name).collect(),
            Self::Parameter(name) => said::parameters(exchange.arrived().query().unwrap_or_default(), name).collect(),
            Self::Cookie(name) => said::cookies(headers, name).map(Cow::Borrowed).collect(),
        }
    }
}

impl fmt::Display for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Field(name) => write!(f, "the field `{name}`"),
            Self::Parameter(name) => write!(f, "the query parameter `{name}`"),
            Self::Cookie(name) => write!(f, "the cookie `{name}`"),
        }
    }
}
