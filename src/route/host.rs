//! Which hosts a route answers for.

use std::fmt;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// A set of host names, without ports and in lower case.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum HostPattern {
    /// This host alone.
    Exact(String),
    /// `*.x`, kept as `.x`: one or more labels before the suffix, never `x` itself.
    Suffix(String),
    /// Every host.
    Any,
}

/// A text that is no host pattern.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HostError {
    /// The text as it was written.
    pub written: String,
}

impl fmt::Display for HostError {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "`{}` is no host: write `api.example.com`, `*.example.com` or an address, without a port", self.written)
    }
}

impl std::error::Error for HostError {}

impl HostPattern {
    /// Reads `name`, `*.name`, `*`, or an address (IPv6 in brackets); upper case is folded.
    ///
    /// # Errors
    /// When it is none of these.
    pub fn parse(text: &str) -> Result<Self, HostError> {
        let refuse = || HostError { written: text.to_owned() };
        let lower = text.to_ascii_lowercase();
        if lower == "*" {
            return Ok(Self::Any);
        }
        if let Some(address) = lower.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')) {
            return if address.parse::<std::net::Ipv6Addr>().is_ok() { Ok(Self::Exact(lower)) } else { Err(refuse()) };
        }
        let name = lower.strip_prefix("*.").unwrap_or(&lower);
        if !is_name(name) {
            return Err(refuse());
        }
        if name.len() < lower.len() { Ok(Self::Suffix(format!(".{name}"))) } else { Ok(Self::Exact(lower)) }
    }

    /// True when the pattern takes the host, which is in lower case and has no port.
    #[must_use]
    pub fn matches(&self, host: &str) -> bool {
        match self {
            Self::Any => true,
            Self::Exact(name) => name == host,
            Self::Suffix(suffix) => host.len() > suffix.len() && host.ends_with(suffix.as_str()),
        }
    }

    /// True when every host of this pattern is one of the other's.
    #[must_use]
    pub fn is_subset(&self, other: &Self) -> bool {
        match (self, other) {
            (_, Self::Any) => true,
            (Self::Any, Self::Exact(_) | Self::Suffix(_)) | (Self::Suffix(_), Self::Exact(_)) => false,
            (Self::Exact(host), _) => other.matches(host),
            (Self::Suffix(mine), Self::Suffix(theirs)) => mine.ends_with(theirs.as_str()),
        }
    }

    /// True when some host is in both: host patterns that overlap lie inside one another.
    #[must_use]
    pub fn overlaps(&self, other: &Self) -> bool {
        self.is_subset(other) || other.is_subset(self)
    }

    /// A host of the pattern.
    #[must_use]
    pub fn example(&self) -> String {
        match self {
            Self::Any => "host".to_owned(),
            Self::Exact(name) => name.clone(),
            Self::Suffix(suffix) => format!("a{suffix}"),
        }
    }
}

impl fmt::Display for HostPattern {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Any => out.write_str("*"),
            Self::Exact(name) => out.write_str(name),
            Self::Suffix(suffix) => write!(out, "*{suffix}"),
        }
    }
}

impl Serialize for HostPattern {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for HostPattern {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Self::parse(&String::deserialize(deserializer)?).map_err(serde::de::Error::custom)
    }
}

fn is_name(name: &str) -> bool {
    !name.is_empty()
        && name.len() <= 253
        && name.split('.').all(|label| {
            !label.is_empty()
                && label.len() <= 63
                && !label.starts_with('-')
                && !label.ends_with('-')
                && label.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_')
        })
}

/// The patterns of a list without those that lie inside another; an empty list is every host.
#[must_use]
pub fn simplified(hosts: &[HostPattern]) -> Vec<HostPattern> {
    if hosts.is_empty() || hosts.contains(&HostPattern::Any) {
        return vec![HostPattern::Any];
    }
    let mut kept: Vec<HostPattern> =
        hosts.iter().filter(|host| !hosts.iter().any(|other| other != *host && host.is_subset(other))).cloned().collect();
    kept.sort_unstable();
    kept.dedup();
    kept
}

/// The patterns of the hosts that are in both lists.
#[must_use]
pub fn common(first: &[HostPattern], second: &[HostPattern]) -> Vec<HostPattern> {
    let (first, second) = (simplified(first), simplified(second));
    // Patterns that overlap lie inside one another.
    let inside = |mine: &[HostPattern], theirs: &[HostPattern]| -> Vec<HostPattern> {
        mine.iter().filter(|host| theirs.iter().any(|other| host.is_subset(other))).cloned().collect()
    };
    let mut hosts = inside(&first, &second);
    hosts.extend(inside(&second, &first));
    hosts.sort_unstable();
    hosts.dedup();
    hosts
}

/// The host of a Host field as patterns see it: without port and final dot. The case stays.
#[must_use]
pub fn bare(host: &str) -> &str {
    let end = match host.rfind(':') {
        Some(colon) if host.get(colon + 1..).is_some_and(|port| port.bytes().all(|byte| byte.is_ascii_digit())) => colon,
        Some(_) | None => host.len(),
    };
    let name = host.get(..end).unwrap_or(host);
    name.strip_suffix('.').unwrap_or(name)
}
