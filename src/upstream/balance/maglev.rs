//! `hash`: a table in which every endpoint holds its share of the places, and keeps nearly all of them when another one comes
//! or goes (Maglev, Eisenbud et al. 2016, section 3.4).

use crate::http::share;
use crate::upstream::Endpoint;
use std::sync::Arc;

/// Places of the table: a prime, so that every step visits all of them, and far more than there are endpoints.
const PLACES: usize = 65_537;

/// Which endpoint a key belongs to.
#[derive(Debug)]
pub struct Table {
    places: Box<[u16]>,
}

/// How an endpoint wants the places: from one on, each so much farther.
struct Wish {
    endpoint: u16,
    at: usize,
    step: usize,
    weight: u64,
    /// Rounds times weight, for which it took no place yet.
    due: u64,
}

impl Table {
    /// The table of the regular endpoints. Their order does not matter.
    #[must_use]
    pub fn new(endpoints: &[Arc<Endpoint>]) -> Self {
        let mut regular: Vec<(u64, u16, u64)> = endpoints
            .iter()
            .enumerate()
            .filter(|(_, endpoint)| !endpoint.target.backup)
            .filter_map(|(place, endpoint)| Some((endpoint.id, u16::try_from(place).ok()?, u64::from(endpoint.target.weight.max(1)))))
            .collect();
        regular.sort_unstable();
        Self { places: fill(&regular) }
    }

    /// The endpoint of a key, of those that the table was made for.
    #[must_use]
    pub fn get<'e>(&self, endpoints: &'e [Arc<Endpoint>], key: u64) -> Option<&'e Arc<Endpoint>> {
        let place = usize::try_from(share::below(self.places.len() as u64, key)).ok()?;
        endpoints.get(usize::from(*self.places.get(place)?))
    }
}

/// The places, each with one of the endpoints, which are given by their id, place and weight.
fn fill(endpoints: &[(u64, u16, u64)]) -> Box<[u16]> {
    let Some(heaviest) = endpoints.iter().map(|(_, _, weight)| *weight).max() else { return Box::default() };
    let size = PLACES as u64;
    let number = |hash: u64, whole: u64| usize::try_from(share::below(whole, hash)).unwrap_or_default();
    let mut wishes: Vec<Wish> = endpoints
        .iter()
        .map(|(id, endpoint, weight)| Wish {
            endpoint: *endpoint,
            at: number(share::hash_of_two(*id, 1), size),
            step: 1 + number(share::hash_of_two(*id, 2), size - 1),
            weight: *weight,
            due: 0,
        })
        .collect();
    let mut places: Vec<Option<u16>> = vec![None; PLACES];
    let mut left = PLACES;
    while left > 0 {
        for wish in &mut wishes {
            wish.due += wish.weight;
            if wish.due < heaviest || left == 0 {
                continue;
            }
            wish.due -= heaviest;
            // INVARIANT: a place is left, and the steps visit all of them.
            while places.get(wish.at).is_some_and(Option::is_some) {
                wish.at = (wish.at + wish.step) % PLACES;
            }
            if let Some(place) = places.get_mut(wish.at) {
                *place = Some(wish.endpoint);
                left -= 1;
            }
        }
    }
    places.into_iter().flatten().collect()
}

#[cfg(test)]
mod tests {
    use super::{PLACES, fill};
    use crate::http::share;

    fn table(endpoints: &[(u16, u64)]) -> Box<[u16]> {
        let mut all: Vec<_> = endpoints.iter().map(|(number, weight)| (share::hash(&number.to_be_bytes()), *number, *weight)).collect();
        all.sort_unstable();
        fill(&all)
    }

    fn held(table: &[u16], by: u16) -> f64 {
        table.iter().filter(|holder| **holder == by).count() as f64 / PLACES as f64
    }

    #[test]
    fn everybody_holds_its_share_of_the_places() {
        let table = table(&[(1, 3), (2, 1), (3, 4)]);
        assert_eq!(table.len(), PLACES);
        for (number, share) in [(1, 0.375), (2, 0.125), (3, 0.5)] {
            assert!((held(&table, number) - share).abs() < 0.001, "{}", held(&table, number));
        }
    }

    #[test]
    fn when_one_of_n_goes_fewer_than_one_and_a_half_of_n_keys_move() {
        for count in [2_u16, 3, 5, 10, 50] {
            let all: Vec<(u16, u64)> = (0..count).map(|number| (number, 1)).collect();
            let before = table(&all);
            for gone in [0, count / 2, count - 1] {
                let rest: Vec<_> = all.iter().copied().filter(|(number, _)| *number != gone).collect();
                let after = table(&rest);
                let moved = before.iter().zip(&after).filter(|(was, is)| was != is).count() as f64 / PLACES as f64;
                assert!(moved < 1.5 / f64::from(count), "{moved} of the keys with {count} endpoints");
            }
        }
    }
}
