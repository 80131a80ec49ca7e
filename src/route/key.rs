//! What of a route decides which requests it takes.

use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;

use super::host::{HostPattern, bare, common, simplified};
use super::methods::Methods;
use super::pattern::Pattern;
use super::predicate::Predicate;
use super::relation::{hosts, paths};

/// A set of requests, the product of four sets, and its priority.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct RouteKey {
    /// The hosts; an empty list is every host.
    pub hosts: Vec<HostPattern>,
    /// The methods.
    pub methods: Methods,
    /// The paths.
    pub pattern: Pattern,
    /// What else must be true of the request.
    pub predicate: Predicate,
    /// Higher priorities are tried first; 0 unless said otherwise.
    pub priority: i64,
}

impl RouteKey {
    /// True when every host of this route is one of the other's.
    #[must_use]
    pub fn within_hosts(&self, other: &Self) -> bool {
        hosts(&self.hosts, &other.hosts).subset
    }

    /// What bounds the requests that both routes take, their predicates apart. Of paths that cross, each segment's smaller set.
    #[must_use]
    pub fn bounds(&self, other: &Self) -> Self {
        let relation = paths(&self.pattern, &other.pattern);
        let pattern = match (relation.subset, relation.superset) {
            (true, _) => self.pattern.clone(),
            (false, true) => other.pattern.clone(),
            (false, false) => self.pattern.narrowed(&other.pattern),
        };
        Self {
            hosts: common(&self.hosts, &other.hosts),
            methods: self.methods.intersection(&other.methods),
            pattern,
            predicate: Predicate::default(),
            priority: self.priority,
        }
    }

    /// True when the route answers for the host, as it stands in a Host field.
    #[must_use]
    pub fn matches_host(&self, host: &str) -> bool {
        self.takes_host(&bare(host).to_ascii_lowercase())
    }

    /// The same for a host in lower case, without port and final dot.
    pub(super) fn takes_host(&self, host: &str) -> bool {
        self.hosts.is_empty() || self.hosts.iter().any(|pattern| pattern.matches(host))
    }
}

/// One host of each kind that the routes tell apart, as far as all of `of` take it.
pub(super) fn told_apart(of: &[&RouteKey], by: &[&RouteKey]) -> Vec<String> {
    let patterns: BTreeSet<HostPattern> = of.iter().chain(by).flat_map(|key| simplified(&key.hosts)).collect();
    let free = |tail: &str| {
        (0..=patterns.len())
            .map(|index| if index == 0 { format!("other{tail}") } else { format!("other{index}{tail}") })
            .find(|host| !patterns.contains(&HostPattern::Exact(host.clone())))
            .unwrap_or_default()
    };
    let mut hosts: Vec<String> = patterns
        .iter()
        .map(|pattern| match pattern {
            HostPattern::Any => free(""),
            HostPattern::Exact(name) => name.clone(),
            HostPattern::Suffix(suffix) => free(suffix),
        })
        .collect();
    hosts.retain(|host| of.iter().all(|key| key.takes_host(host)));
    hosts
}
