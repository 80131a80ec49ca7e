//! What a request with an unsafe method invalidates once it has succeeded (RFC 9111 §4.4): what it was sent to, and what its
//! response names by `Location` and `Content-Location` on the same origin.

use super::shelf::Invalidation;
use crate::http::{Exchange, Reply, path};
use http::header::{CONTENT_LOCATION, LOCATION};
use http::uri::PathAndQuery;

impl Invalidation {
    /// Runs when there is an answer, before anybody has got it.
    pub fn answered(&self, exchange: &Exchange, reply: &Reply) {
        if !(reply.status.is_success() || reply.status.is_redirection()) {
            return;
        }
        self.of_routes();
        if exchange.request.method.is_safe() {
            return;
        }
        let (host, target) = (&*exchange.request.host, exchange.arrived());
        self.of_path(host, target.path());
        for name in [LOCATION, CONTENT_LOCATION] {
            let named = reply.headers.get(name).and_then(|value| value.to_str().ok());
            if let Some(named) = named.and_then(|reference| same_origin(reference, exchange)) {
                self.of_path(host, named.path());
            }
        }
    }
}

/// The normalised target of a reference, when it leads to the origin that was asked.
fn same_origin(reference: &str, exchange: &Exchange) -> Option<PathAndQuery> {
    let reference = reference.split('#').next().unwrap_or_default();
    let path = match reference.split_once("://") {
        Some((scheme, rest)) if !scheme.contains(['/', '?']) => {
            let (authority, path) = rest.split_at_checked(rest.find(['/', '?']).unwrap_or(rest.len()))?;
            let same = scheme.eq_ignore_ascii_case(exchange.client.scheme.as_str())
                && authority.as_bytes().eq_ignore_ascii_case(exchange.request.authority.as_bytes());
            if !same {
                return None;
            }
            if path.starts_with('/') { path.to_owned() } else { format!("/{path}") }
        }
        Some(_) | None if reference.starts_with("//") => return None,
        Some(_) | None if reference.starts_with('/') => reference.to_owned(),
        Some(_) | None => {
            let base = exchange.arrived().path();
            let folder = base.rsplit_once('/').map_or("", |(folder, _)| folder);
            format!("{folder}/{reference}")
        }
    };
    Some(path::normalise(&path.parse().ok()?).ok()?.target)
}
