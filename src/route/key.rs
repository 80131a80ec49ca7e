//! What of a route decides which requests it takes.

use serde::{Deserialize, Serialize};

use super::host::{HostPattern, bare, common};
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

    /// What bounds the requests that both routes take, their predicates apart. Of paths that cross, the first's.
    #[must_use]
    pub fn bounds(&self, other: &Self) -> Self {
        let narrower = if paths(&self.pattern, &other.pattern).superset { &other.pattern } else { &self.pattern };
        Self {
            hosts: common(&self.hosts, &other.hosts),
            methods: self.methods.intersection(&other.methods),
            pattern: narrower.clone(),
            predicate: Predicate::default(),
            priority: self.priority,
        }
    }

    /// True when the route answers for the host, as it stands in a Host field.
    #[must_use]
    pub fn matches_host(&self, host: &str) -> bool {
        let lower = bare(host).to_ascii_lowercase();
        self.hosts.is_empty() || self.hosts.iter().any(|pattern| pattern.matches(&lower))
    }
}
