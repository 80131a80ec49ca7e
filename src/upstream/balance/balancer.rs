//! Which endpoint takes a request: those that may, in the order of how gladly, and among them by the algorithm.

use super::{Config, draw, maglev, turns};
use crate::http::{Affinity, share};
use crate::upstream::Endpoint;
use std::sync::Arc;

/// An algorithm with what it keeps for one set of endpoints. Shared by all workers.
#[derive(Debug)]
pub struct Balancer {
    algorithm: Algorithm,
}

#[derive(Debug)]
enum Algorithm {
    TwoChoices,
    Turns(turns::Schedule),
    LeastConnections,
    Hash(maglev::Table),
    Random,
    Ewma,
}

/// Endpoints of one kind.
#[derive(Debug, Clone, Copy)]
struct Tier {
    /// Also those that are not fit,
    unfit: bool,
    /// and those at which the call has failed.
    excluded: bool,
    /// Backups instead of the regular ones.
    backup: bool,
}

const fn tier(unfit: bool, excluded: bool, backup: bool) -> Tier {
    Tier { unfit, excluded, backup }
}

/// An endpoint is taken of the first of these that has one.
const TIERS: [Tier; 8] = [
    tier(false, false, false),
    tier(false, false, true),
    tier(false, true, false),
    tier(false, true, true),
    tier(true, false, false),
    tier(true, false, true),
    tier(true, true, false),
    tier(true, true, true),
];

impl Tier {
    fn admits(self, endpoint: &Arc<Endpoint>, excluded: &[Arc<Endpoint>]) -> bool {
        endpoint.target.backup == self.backup
            && (self.unfit || endpoint.is_fit())
            && (self.excluded || !excluded.iter().any(|known| Arc::ptr_eq(known, endpoint)))
    }
}

/// What was chosen.
#[derive(Debug, Clone, Copy)]
pub struct Chosen<'e> {
    /// The endpoint.
    pub endpoint: &'e Arc<Endpoint>,
    /// None was fit, so that any is tried.
    pub panicking: bool,
}

impl Balancer {
    /// For these endpoints, in their order.
    #[must_use]
    pub fn new(config: &Config, endpoints: &[Arc<Endpoint>]) -> Self {
        let algorithm = match config {
            Config::TwoChoices => Algorithm::TwoChoices,
            Config::RoundRobin => Algorithm::Turns(turns::Schedule::new(endpoints)),
            Config::LeastConnections => Algorithm::LeastConnections,
            Config::Hash(_) => Algorithm::Hash(maglev::Table::new(endpoints)),
            Config::Random => Algorithm::Random,
            Config::Ewma => Algorithm::Ewma,
        };
        Self { algorithm }
    }

    /// Chooses among the endpoints it was made for: one that is excluded only when no other is fit, a backup only when every
    /// regular one is unfit or excluded, one that is unfit only when all are. `None` without any endpoint.
    pub fn choose<'e>(
        &self,
        endpoints: &'e [Arc<Endpoint>],
        affinity: Affinity,
        excluded: &[Arc<Endpoint>],
        random: &mut fastrand::Rng,
    ) -> Option<Chosen<'e>> {
        TIERS.iter().find_map(|tier| {
            let admits = |endpoint: &Arc<Endpoint>| tier.admits(endpoint, excluded);
            let known = affinity.cookie.and_then(|id| endpoints.iter().find(|endpoint| endpoint.id == id && admits(endpoint)));
            let endpoint = known.or_else(|| self.among(endpoints, admits, affinity.key, random))?;
            Some(Chosen { endpoint, panicking: tier.unfit })
        })
    }

    fn among<'e>(
        &self,
        endpoints: &'e [Arc<Endpoint>],
        admits: impl Fn(&Arc<Endpoint>) -> bool + Copy,
        key: Option<u64>,
        random: &mut fastrand::Rng,
    ) -> Option<&'e Arc<Endpoint>> {
        let candidates = || endpoints.iter().filter(move |endpoint| admits(endpoint));
        match (&self.algorithm, key) {
            (Algorithm::Turns(schedule), _) => schedule.next(endpoints, admits, random),
            (Algorithm::LeastConnections, _) => draw::least_connections(candidates, random),
            (Algorithm::Random, _) => draw::weighted(candidates, random),
            (Algorithm::Ewma, _) => draw::two_choices(candidates, draw::is_faster, random),
            (Algorithm::Hash(table), Some(key)) => {
                table.get(endpoints, key).filter(|endpoint| admits(endpoint)).or_else(|| by_key(candidates(), key))
            }
            (Algorithm::TwoChoices | Algorithm::Hash(_), _) => draw::two_choices(candidates, draw::is_freer, random),
        }
    }
}

/// The one that a key falls to where the table's own cannot be asked: each of the others takes its part of such keys, and none
/// of the other keys moves (rendezvous hashing).
fn by_key<'e>(candidates: impl Iterator<Item = &'e Arc<Endpoint>>, key: u64) -> Option<&'e Arc<Endpoint>> {
    // A weight divides what is drawn for each: the smallest wins, and is that of a heavier one the more often.
    let drawn = |endpoint: &Arc<Endpoint>| {
        let part = (share::hash_of_two(key, endpoint.id) >> 11) as f64 / (1_u64 << 53) as f64;
        -part.max(f64::MIN_POSITIVE).ln() / f64::from(endpoint.target.weight.max(1))
    };
    candidates.map(|endpoint| (drawn(endpoint), endpoint)).min_by(|(one, _), (other, _)| one.total_cmp(other)).map(|(_, endpoint)| endpoint)
}
