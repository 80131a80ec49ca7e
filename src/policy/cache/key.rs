//! The key of a stored response as bytes: equal for equal values, different for different ones.

use super::stored::Of;
use crate::http::{Exchange, Scheme, forward};
use crate::lang::eval::Facts;
use crate::lang::expr::{Expr, Ref};
use sha2::{Digest, Sha256};
use smallvec::SmallVec;
use std::sync::Arc;

/// Bytes of a key; those of usual length need no allocation.
pub type Bytes = SmallVec<[u8; 256]>;

/// What keys are made of, besides route, scheme, authority, path and upstream, which are always part of them, and what a trusted proxy
/// says instead of the authority.
#[derive(Debug)]
pub struct Parts {
    by: Vec<Expr>,
    /// What `by` says, so that another one's values are never taken for its own.
    written: Vec<u8>,
    /// The whole query counts: `by` says nothing of the target.
    query: bool,
    /// A value of it is a proof of who calls, so that each caller has entries of its own. Narrower than what is a caller's own
    /// ([`Ref::is_callers_own`]): callers may share an address, a cookie or a field.
    pub identifies: bool,
    /// One is a cookie's.
    pub names_cookie: bool,
}

impl Parts {
    /// Keys by the values of these expressions.
    #[must_use]
    pub fn new(by: Vec<Expr>) -> Self {
        let any = |is: fn(&Ref) -> bool| by.iter().any(|expr| expr.mentions(is));
        let query = !any(|of| matches!(of, Ref::Path | Ref::Query(_) | Ref::Param { .. }));
        let names_cookie = any(reads_cookie);
        let identifies = any(|of| match of {
            Ref::Attribute(_) | Ref::ClientSubject | Ref::ClientName => true,
            Ref::Header(name) => *name == http::header::AUTHORIZATION,
            _ => false,
        });
        // INVARIANT: what programs are made of can be written as JSON.
        let written = serde_json::to_vec(&by).map(|text| Sha256::digest(&text).to_vec()).unwrap_or_default();
        Self { query, identifies, names_cookie, by, written }
    }

    /// The key of a request that takes a route.
    #[must_use]
    pub fn key(&self, route: &str, exchange: &Exchange) -> Bytes {
        let mut key = Bytes::new();
        let target = exchange.arrived();
        push(&mut key, route.as_bytes());
        push(&mut key, exchange.client.scheme.as_str().as_bytes());
        push_authority(&mut key, exchange.request.authority.as_bytes(), exchange.client.scheme);
        push(&mut key, target.path().as_bytes());
        // Its index tells upstreams of one name apart, its name those whose indices a reload has changed.
        if let (Some(index), Some(name)) = (exchange.upstream, &exchange.upstream_name) {
            push(&mut key, &index.0.to_be_bytes());
            push(&mut key, name.as_bytes());
        }
        if self.query
            && let Some(query) = target.query()
        {
            push(&mut key, query.as_bytes());
        }
        if !self.by.is_empty() {
            key.extend_from_slice(&self.written);
        }
        for part in &self.by {
            match part.eval(Facts::request(exchange)).as_text() {
                Some(text) => push(&mut key, text.as_bytes()),
                // What is missing is a value of its own.
                None => key.extend_from_slice(&u32::MAX.to_be_bytes()),
            }
        }
        for name in &forward::PLACE {
            for value in exchange.request.headers.get_all(name) {
                push(&mut key, name.as_str().as_bytes());
                push(&mut key, value.as_bytes());
            }
        }
        forward::told_of_place(&exchange.request.headers).for_each(|part| push(&mut key, part));
        key
    }

    /// Where what is stored for a request comes from.
    #[must_use]
    pub fn of(&self, route: &Arc<str>, exchange: &Exchange) -> Of {
        let values = self.by.iter().map(|part| part.eval(Facts::request(exchange)).as_text().unwrap_or_default().into_owned());
        Of {
            route: Arc::clone(route),
            host: Arc::clone(&exchange.request.host),
            path: exchange.arrived().path().to_owned(),
            key: values.collect::<Vec<_>>().join(","),
        }
    }
}

fn push(key: &mut Bytes, part: &[u8]) {
    key.extend_from_slice(&u32::try_from(part.len()).unwrap_or(u32::MAX - 1).to_be_bytes());
    key.extend_from_slice(part);
}

/// The authority as the upstream may get it, port and final dot included: its answer may name them. Letters' case and the
/// scheme's own port say nothing (RFC 9110 §4.2.3).
fn push_authority(key: &mut Bytes, authority: &[u8], scheme: Scheme) {
    let port: &[u8] = match scheme {
        Scheme::Http => b":80",
        Scheme::Https => b":443",
    };
    let authority = authority.strip_suffix(port).unwrap_or(authority);
    push(key, authority);
    let begins_at = key.len() - authority.len();
    if let Some(pushed) = key.get_mut(begins_at..) {
        pushed.make_ascii_lowercase();
    }
}

/// True for what a request's cookies say.
#[must_use]
pub fn reads_cookie(reference: &Ref) -> bool {
    matches!(reference, Ref::Cookie(_)) || matches!(reference, Ref::Header(name) if *name == http::header::COOKIE)
}
