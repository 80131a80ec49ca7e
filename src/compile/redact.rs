//! Which fields of an access log would show a credential.

use crate::ir::Program;
use crate::lang::expr::{Expr, Piece, Ref};
use crate::policy::auth::{Carrier, Kind, Remote};
use std::collections::HashSet;

/// Header fields that carry credentials whatever the policy says.
const HEADERS: &[&str] = &["authorization", "proxy-authorization", "cookie", "set-cookie", "x-api-key"];
/// Query parameters that do (RFC 6750 §2.3).
const QUERIES: &[&str] = &["access_token"];

/// The names under which credentials come.
#[derive(Debug)]
pub struct Credentials<'p> {
    headers: HashSet<&'p str>,
    queries: HashSet<&'p str>,
}

impl<'p> Credentials<'p> {
    /// Those that are known everywhere, and those that the auths of a program look for.
    #[must_use]
    pub fn of(program: &'p Program) -> Self {
        let mut all = Self { headers: HEADERS.iter().copied().collect(), queries: QUERIES.iter().copied().collect() };
        for declared in &program.auths {
            let carriers: &[Carrier] = match &declared.kind {
                Kind::Jwt(jwt) => &jwt.from,
                Kind::Key(key) => &key.from,
                Kind::Remote(Remote::Issuer(issuer)) => &issuer.from,
                Kind::Remote(Remote::Forward(service)) => {
                    all.headers.extend(service.headers.iter().map(String::as_str));
                    &[]
                }
                Kind::Basic(_) | Kind::Remote(Remote::Introspect(_)) => &[],
            };
            for carrier in carriers {
                match carrier {
                    Carrier::Header(name) => _ = all.headers.insert(name.as_str()),
                    Carrier::Query(name) => _ = all.queries.insert(name),
                    // Every cookie is one.
                    Carrier::Cookie(_) => {}
                }
            }
        }
        all
    }

    /// True when an expression's value may be a credential, or one of the `further` names: what is only asked about, as by
    /// `has` or a comparison, is not shown.
    #[must_use]
    pub fn are_shown(&self, expr: &Expr, further: &[String]) -> bool {
        match expr {
            Expr::Ref(reference) => self.carries(reference, further),
            Expr::Text(pieces) => pieces.iter().any(|piece| match piece {
                Piece::Literal(_) => false,
                Piece::Hole(hole, _) => self.are_shown(hole, further),
            }),
            Expr::Lower(inner) => self.are_shown(inner, further),
            Expr::OrElse(first, second) => self.are_shown(first, further) || self.are_shown(second, further),
            Expr::Secret(_) => true,
            Expr::Const(_)
            | Expr::Not(_)
            | Expr::And(_)
            | Expr::Or(_)
            | Expr::Compare(..)
            | Expr::In(..)
            | Expr::Matches(..)
            | Expr::Has(_) => false,
        }
    }

    fn carries(&self, reference: &Ref, further: &[String]) -> bool {
        match reference {
            Ref::Header(name) | Ref::ResponseHeader(name) => {
                self.headers.contains(name.as_str()) || further.iter().any(|further| further == name.as_str())
            }
            Ref::Query(name) => self.queries.contains(name.as_str()) || further.iter().any(|further| further.eq_ignore_ascii_case(name)),
            Ref::Cookie(_) => true,
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
            | Ref::ResponseDuration => false,
        }
    }
}
