//! Sets of numbers as runs: counts, statuses, durations in nanoseconds, and addresses as numbers.

use ipnet::IpNet;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// A set of numbers: runs with both ends, sorted, apart from each other.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Spans(Vec<(u128, u128)>);

impl Spans {
    /// All numbers from the first to the last; none when the last is smaller.
    pub(super) fn run(low: u128, high: u128) -> Self {
        Self(if low <= high { vec![(low, high)] } else { Vec::new() })
    }

    /// The numbers of any of the runs.
    pub(super) fn union(runs: impl IntoIterator<Item = (u128, u128)>) -> Self {
        let mut sorted: Vec<(u128, u128)> = runs.into_iter().filter(|(low, high)| low <= high).collect();
        sorted.sort_unstable();
        let mut joined: Vec<(u128, u128)> = Vec::new();
        for (low, high) in sorted {
            match joined.last_mut() {
                Some((_, end)) if low <= end.saturating_add(1) => *end = high.max(*end),
                Some(_) | None => joined.push((low, high)),
            }
        }
        Self(joined)
    }

    /// The numbers in both.
    pub(super) fn and(&self, other: &Self) -> Self {
        let cut = |(low, high): (u128, u128)| other.0.iter().map(move |(from, to)| (low.max(*from), high.min(*to)));
        Self::union(self.0.iter().copied().flat_map(cut))
    }

    /// The numbers that are not in the other.
    pub(super) fn without(&self, other: &Self) -> Self {
        let mut left = Vec::new();
        for (low, high) in &self.0 {
            let mut from = Some(*low);
            for (start, end) in other.0.iter().filter(|(start, end)| end >= low && start <= high) {
                let Some(begin) = from else { break };
                if let Some(before) = start.checked_sub(1).filter(|before| begin <= *before) {
                    left.push((begin, before));
                }
                from = end.checked_add(1).filter(|next| next <= high);
            }
            left.extend(from.map(|begin| (begin.max(*low), *high)));
        }
        Self(left)
    }

    /// The set, or what is not in it.
    pub(super) fn holding(&self, test: &Self, wanted: bool) -> Self {
        if wanted { self.and(test) } else { self.without(test) }
    }

    /// The first run.
    pub(super) fn first(&self) -> Option<(u128, u128)> {
        self.0.first().copied()
    }

    fn contains(&self, number: u128) -> bool {
        self.0.iter().any(|(low, high)| (*low..=*high).contains(&number))
    }
}

/// A set of addresses.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Addresses {
    v4: Spans,
    v6: Spans,
}

/// An address that no network of a policy is likely to name: examples prefer it (RFC 5737).
const UNREMARKABLE: Ipv4Addr = Ipv4Addr::new(192, 0, 2, 1);

impl Addresses {
    /// Every address.
    pub(super) fn all() -> Self {
        Self { v4: Spans::run(0, u128::from(u32::MAX)), v6: Spans::run(0, u128::MAX) }
    }

    /// The addresses of some networks.
    pub(super) fn of(networks: &[IpNet]) -> Self {
        let (mut v4, mut v6) = (Vec::new(), Vec::new());
        for network in networks {
            match network {
                IpNet::V4(network) => v4.push((number4(network.network()), number4(network.broadcast()))),
                IpNet::V6(network) => v6.push((u128::from(network.network()), u128::from(network.broadcast()))),
            }
        }
        Self { v4: Spans::union(v4), v6: Spans::union(v6) }
    }

    /// Of these, the ones that are in a set, or are not.
    pub(super) fn holding(&self, test: &Self, wanted: bool) -> Self {
        Self { v4: self.v4.holding(&test.v4, wanted), v6: self.v6.holding(&test.v6, wanted) }
    }

    /// One of them, of a host rather than of a network.
    pub(super) fn example(&self) -> Option<IpAddr> {
        if self.v4.contains(number4(UNREMARKABLE)) {
            return Some(UNREMARKABLE.into());
        }
        let host = |(low, high): (u128, u128)| if low < high { low + 1 } else { low };
        let v4 = self.v4.first().map(host).and_then(|number| u32::try_from(number).ok());
        let v6 = || self.v6.first().map(|run| IpAddr::from(Ipv6Addr::from(host(run))));
        v4.map(|number| IpAddr::from(Ipv4Addr::from(number))).or_else(v6)
    }
}

fn number4(address: Ipv4Addr) -> u128 {
    u128::from(u32::from(address))
}
