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
            // Nothing more may follow, or only the slash that is missing.
            End::Exact => None,
            End::Slash => rest.is_empty().then(|| "/".to_owned()),
            End::Rest => Some("**".to_owned()),
            End::Regex(regex) => Some(regex.to_string()),
        };
        let more = if wanted.is_none() { rest.strip_prefix('/').filter(|more| !more.is_empty()).unwrap_or(rest) } else { rest };
        let found = (!more.is_empty()).then(|| more.to_owned());
        Some(Divergence { fitting: self.segments().len(), wanted, found })
    }
}

#[cfg(test)]
mod tests {
    use super::{Divergence, Pattern};

    fn divergence(pattern: &str, path: &str) -> Option<(usize, Option<String>, Option<String>)> {
        let Divergence { fitting, wanted, found } = Pattern::parse(pattern).unwrap().divergence(path)?;
        Some((fitting, wanted, found))
    }

    fn at(fitting: usize, wanted: &str, found: &str) -> Option<(usize, Option<String>, Option<String>)> {
        let text = |text: &str| (!text.is_empty()).then(|| text.to_owned());
        Some((fitting, text(wanted), text(found)))
    }

    #[test]
    fn a_path_leaves_a_pattern_at_the_first_segment_that_does_not_fit() {
        assert_eq!(divergence("/a/{id:int}/c", "/a/7/c"), None);
        assert_eq!(divergence("/a/{id:int}/c", "/b/7/c"), at(0, "a", "b"));
        assert_eq!(divergence("/a/{id:int}/c", "/a/x/c"), at(1, "{id:int}", "x"));
        assert_eq!(divergence("/a/{name}/c", "/a"), at(1, "{name}", ""));
        assert_eq!(divergence("/a/{id:int}", "/a/7/c/d"), at(2, "", "c/d"));
        assert_eq!(divergence("/a", "/a/"), at(1, "", "/"));
        assert_eq!(divergence("/a/", "/a"), at(1, "/", ""));
        assert_eq!(divergence("/", "/a"), at(0, "", "a"));
        assert_eq!(divergence("/a/**", "/ab"), at(0, "a", "ab"));
    }
}
