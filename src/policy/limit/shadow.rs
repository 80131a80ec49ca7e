//! Which limits are never reached, because another one always stops a request before them.

use super::{Bound, Config, Flow, Limit};

impl Config {
    /// The limit that always stops a request before the one at `index` does, if there is one. Of two that are equal the
    /// first shadows the second.
    #[must_use]
    pub fn shadow_of(&self, index: usize) -> Option<&Limit> {
        let limit = self.limits.get(index)?;
        let before = |at: usize| at < index;
        self.limits.iter().enumerate().find(|(at, other)| *at != index && dominates(other, limit, before(*at))).map(|(_, other)| other)
    }
}

/// True when `strict` has counted at least as much as `loose` at any time, and allows no more.
fn dominates(strict: &Limit, loose: &Limit, first: bool) -> bool {
    // A coarser key counts more under one value; a declaration further out counts more routes.
    let counts_as_much = strict.key.iter().all(|part| loose.key.contains(part))
        && reach(&strict.site) <= reach(&loose.site)
        && (!strict.by_identity || loose.by_identity)
        && (strict.counting.is_none() || strict.counting == loose.counting);
    let equal = strict.bound == loose.bound && strict.key == loose.key;
    counts_as_much && allows_no_more(&strict.bound, &loose.bound) && (first || !equal)
}

fn allows_no_more(strict: &Bound, loose: &Bound) -> bool {
    match (strict, loose) {
        (Bound::Concurrent(strict), Bound::Concurrent(loose)) => strict <= loose,
        (Bound::Rate { algorithm, flow, arms }, Bound::Rate { algorithm: other, flow: base, arms: others }) => {
            let flows = || std::iter::once(base).chain(others.iter().map(|arm| &arm.flow));
            arms.is_empty() && algorithm == other && flows().all(|loose| is_within(flow, loose))
        }
        (Bound::Rate { .. }, Bound::Concurrent(_)) | (Bound::Concurrent(_), Bound::Rate { .. }) => false,
    }
}

/// True when whatever passes `strict` passes `loose` as well. Windows are compared only when they are equally long.
fn is_within(strict: &Flow, loose: &Flow) -> bool {
    strict.rate.per == loose.rate.per && strict.rate.count <= loose.rate.count && strict.burst <= loose.burst
}

/// How far out a limit is declared: the gateway first, then groups from the outermost, then the route.
fn reach(site: &str) -> usize {
    let block = site.split(", use").next().unwrap_or_default();
    match block.split_once(' ') {
        None => 0,
        Some(("group", names)) => 1 + names.matches('.').count(),
        Some(_) => usize::MAX,
    }
}
