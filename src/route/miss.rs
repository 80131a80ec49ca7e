//! Why a route does not take a request.

use super::key::RouteKey;
use super::pattern::{End, Pattern, Segment};

/// The first part of a request that a route does not take, in the order host, path, method.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Miss {
    /// The host is none of its hosts.
    Host,
    /// The path is none of its paths.
    Path(Divergence),
    /// It does not take the method.
    Method,
}

/// Where a path leaves a pattern.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Divergence {
    /// How many segments fit; the next one, counted from 1, does not.
    pub fitting: usize,
    /// What the pattern has there, as it is written; none where it has ended.
    pub wanted: Option<String>,
    /// What the path has there; none where it has ended.
    pub found: Option<String>,
}

impl RouteKey {
    /// Why the route does not take a request, conditions aside; none when it does. The path is normalised.
    #[must_use]
    pub fn miss(&self, method: &str, host: &str, path: &str) -> Option<Miss> {
        if !self.matches_host(host) {
            return Some(Miss::Host);
        }
        if let Some(divergence) = self.pattern.divergence(path) {
            return Some(Miss::Path(divergence));
        }
        (!self.methods.contains(method)).then_some(Miss::Method)
    }
}

impl Pattern {
    /// Where a normalised path leaves the pattern; none when the pattern takes it.
    #[must_use]
    pub fn divergence(&self, path: &str) -> Option<Divergence> {
        if self.matches(path) {
            return None;
        }
        let mut rest = path;
        for (fitting, segment) in self.segments().iter().enumerate() {
            let after = rest.strip_prefix('/').unwrap_or_default();
            let end = after.find('/').unwrap_or(after.len());
            let (text, next) = after.split_at_checked(end).unwrap_or((after, ""));
            let (fits, wanted) = match segment {
                Segment::Literal(literal) => (text == literal, literal.clone()),
                Segment::Parameter { name, kind } => (!text.is_empty() && kind.contains(text.as_bytes()), format!("{{{name}:{kind}}}")),
            };
            if !fits {
                let found = (!rest.is_empty()).then(|| text.to_owned());
                return Some(Divergence { fitting, wanted: Some(wanted.replace(":str}", "}")), found });
            }
            rest = next;
        }
        let wanted = match self.end() {
            End::Exact => None,
            End::Slash => Some("/".to_owned()),
            End::Rest => Some("**".to_owned()),
            End::Regex(regex) => Some(regex.to_string()),
        };
        let found = (!rest.is_empty()).then(|| rest.strip_prefix('/').filter(|_| wanted.is_none()).unwrap_or(rest).to_owned());
        Some(Divergence { fitting: self.segments().len(), wanted, found })
    }
}
