//! Which fields of an access log would show a credential.

use crate::http::Credentials;
use crate::lang::expr::{Expr, Piece, Ref};

/// True when an expression's value may be a credential, or one of the `further` names: what is only asked about, as by `has`
/// or a comparison, is not shown.
#[must_use]
pub fn is_shown(expr: &Expr, credentials: &Credentials, further: &[String]) -> bool {
    match expr {
        Expr::Ref(reference) => reference.is_credential(credentials) || is_named(reference, further),
        Expr::Text(pieces) => pieces.iter().any(|piece| match piece {
            Piece::Literal(_) => false,
            Piece::Hole(hole, _) => is_shown(hole, credentials, further),
        }),
        Expr::Lower(inner) => is_shown(inner, credentials, further),
        Expr::OrElse(first, second) => is_shown(first, credentials, further) || is_shown(second, credentials, further),
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

/// True for a field or parameter of one of these names.
fn is_named(reference: &Ref, names: &[String]) -> bool {
    let name = match reference {
        Ref::Header(name) | Ref::ResponseHeader(name) => name.as_str(),
        Ref::Query(name) => name,
        Ref::Method
        | Ref::Path
        | Ref::Host
        | Ref::Scheme
        | Ref::Id
        | Ref::Size
        | Ref::Listener
        | Ref::Cookie(_)
        | Ref::Body(_)
        | Ref::ClientIp
        | Ref::ClientSubject
        | Ref::ClientName
        | Ref::Param { .. }
        | Ref::Attribute(_)
        | Ref::Flag { .. }
        | Ref::UpstreamName
        | Ref::ResponseStatus
        | Ref::ResponseDuration => return false,
    };
    names.iter().any(|known| known.eq_ignore_ascii_case(name))
}
