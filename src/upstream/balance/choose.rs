//! Which endpoint takes a request: of two drawn at random, the one with less to do for its weight.

use crate::upstream::Endpoint;
use std::sync::Arc;

/// Chooses among the endpoints: one that is excluded only when there is no other, a backup only when every regular one is
/// excluded or there is none. `None` without any endpoint.
pub fn choose<'a>(endpoints: &'a [Arc<Endpoint>], excluded: &[Arc<Endpoint>], random: &mut fastrand::Rng) -> Option<&'a Arc<Endpoint>> {
    let is_excluded = |endpoint: &Arc<Endpoint>| excluded.iter().any(|known| Arc::ptr_eq(known, endpoint));
    let mut among = |backup: bool, excluded: bool| {
        let candidates = || endpoints.iter().filter(|endpoint| endpoint.target.backup == backup && (excluded || !is_excluded(endpoint)));
        two_choices(candidates, random)
    };
    among(false, false).or_else(|| among(true, false)).or_else(|| among(false, true)).or_else(|| among(true, true))
}

fn two_choices<'a, I>(candidates: impl Fn() -> I, random: &mut fastrand::Rng) -> Option<&'a Arc<Endpoint>>
where
    I: Iterator<Item = &'a Arc<Endpoint>>,
{
    let first = draw(candidates(), random)?;
    let second = draw(candidates().filter(|other| !Arc::ptr_eq(other, first)), random);
    Some(second.filter(|second| load(second) < load(first)).unwrap_or(first))
}

/// One of the candidates, each as likely as its weight.
fn draw<'a>(candidates: impl Iterator<Item = &'a Arc<Endpoint>>, random: &mut fastrand::Rng) -> Option<&'a Arc<Endpoint>> {
    let mut chosen = None;
    let mut total = 0;
    for endpoint in candidates {
        let weight = u64::from(endpoint.target.weight);
        total += weight;
        if weight > 0 && random.u64(..total) < weight {
            chosen = Some(endpoint);
        }
    }
    chosen
}

/// Requests under way, one more counted, in 1/65536 of a weight.
fn load(endpoint: &Endpoint) -> u64 {
    ((u64::from(endpoint.in_flight()) + 1) << 16) / u64::from(endpoint.target.weight.max(1))
}

#[cfg(test)]
mod tests {
    use super::choose;
    use crate::upstream::{Endpoint, config::Target};
    use std::sync::Arc;

    fn endpoint(port: u16, weight: u32, backup: bool) -> Arc<Endpoint> {
        Arc::new(Endpoint::new(Target { tls: false, host: "127.0.0.1".to_owned(), port, weight, backup }))
    }

    #[test]
    fn the_less_busy_of_two_takes_the_request() {
        let endpoints = [endpoint(1, 1, false), endpoint(2, 1, false)];
        let _busy = endpoints[0].occupy();
        let mut random = fastrand::Rng::with_seed(1);
        assert!((0..50).all(|_| choose(&endpoints, &[], &mut random).unwrap().target.port == 2));
    }

    #[test]
    fn weights_share_the_load_while_requests_are_held() {
        let endpoints = [endpoint(1, 3, false), endpoint(2, 1, false)];
        let mut random = fastrand::Rng::with_seed(1);
        let held: Vec<_> = (0..400).map(|_| choose(&endpoints, &[], &mut random).unwrap().occupy()).collect();
        assert!((290..=310).contains(&endpoints[0].in_flight()), "{}", endpoints[0].in_flight());
        drop(held);
        assert_eq!(endpoints[0].in_flight(), 0);
    }

    #[test]
    fn a_backup_is_used_only_when_there_is_nothing_else() {
        let mut random = fastrand::Rng::with_seed(1);
        let both = [endpoint(1, 1, true), endpoint(2, 1, false)];
        assert!((0..50).all(|_| choose(&both, &[], &mut random).unwrap().target.port == 2));
        assert!(choose(&[endpoint(1, 1, true), endpoint(2, 1, true)], &[], &mut random).is_some());
        assert!(choose(&[], &[], &mut random).is_none());
    }
    #[test]
    fn where_a_call_failed_it_is_made_again_only_when_all_others_have_failed_too() {
        let mut random = fastrand::Rng::with_seed(1);
        let all = [endpoint(1, 1, false), endpoint(2, 1, false), endpoint(3, 1, true)];
        let tried = |ports: &[u16]| all.iter().filter(|one| ports.contains(&one.target.port)).cloned().collect::<Vec<_>>();
        let mut chosen = |ports: &[u16]| choose(&all, &tried(ports), &mut random).unwrap().target.port;
        assert_eq!(chosen(&[1]), 2);
        assert_eq!(chosen(&[1, 2]), 3);
        assert!([1, 2].contains(&chosen(&[1, 2, 3])));
    }
}
