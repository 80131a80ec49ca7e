//! What of a route decides which requests it takes.

use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;

use super::host::{HostPattern, bare, simplified};
use super::methods::Methods;
use super::pattern::Pattern;
use super::predicate::Predicate;

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
