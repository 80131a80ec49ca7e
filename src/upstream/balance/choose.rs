//! Which endpoint takes a request: of two drawn at random, the one with less to do for its weight.

use crate::upstream::Endpoint;
use std::sync::Arc;

/// Chooses among the endpoints; backups only when there is nothing else. `None` without any endpoint.
pub fn choose<'a>(endpoints: &'a [Arc<Endpoint>], random: &mut fastrand::Rng) -> Option<&'a Arc<Endpoint>> {
    let regular = || endpoints.iter().filter(|endpoint| !endpoint.target.backup);
    if regular().next().is_some() { two_choices(regular, random) } else { two_choices(|| endpoints.iter(), random) }
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
        assert!((0..50).all(|_| choose(&endpoints, &mut random).unwrap().target.port == 2));
    }

    #[test]
    fn weights_share_the_load_while_requests_are_held() {
        let endpoints = [endpoint(1, 3, false), endpoint(2, 1, false)];
        let mut random = fastrand::Rng::with_seed(1);
        let held: Vec<_> = (0..400).map(|_| choose(&endpoints, &mut random).unwrap().occupy()).collect();
        assert!((290..=310).contains(&endpoints[0].in_flight()), "{}", endpoints[0].in_flight());
        drop(held);
        assert_eq!(endpoints[0].in_flight(), 0);
    }

    #[test]
    fn a_backup_is_used_only_when_there_is_nothing_else() {
        let mut random = fastrand::Rng::with_seed(1);
        let both = [endpoint(1, 1, true), endpoint(2, 1, false)];
        assert!((0..50).all(|_| choose(&both, &mut random).unwrap().target.port == 2));
        assert!(choose(&[endpoint(1, 1, true), endpoint(2, 1, true)], &mut random).is_some());
        assert!(choose(&[], &mut random).is_none());
    }
}
