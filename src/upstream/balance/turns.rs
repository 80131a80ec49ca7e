//! `round_robin`: each in its turn, the turns of a heavier one spread among those of the others.

use crate::upstream::Endpoint;
use crate::upstream::standing::WHOLE;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

/// Most turns of a round; weights that would need more are rounded.
const TURNS_MAX: u64 = 4096;
/// How often a turn is looked for anew because another worker took it.
const TRIES_MAX: usize = 64;

/// The turns of one round, as places among the endpoints, and whose turn it is.
#[derive(Debug)]
pub struct Schedule {
    turns: Box<[u16]>,
    next: AtomicUsize,
}

impl Schedule {
    /// A round in which every endpoint has its share. Backups have theirs: who may not be asked loses a turn.
    #[must_use]
    pub fn new(endpoints: &[Arc<Endpoint>]) -> Self {
        let weights: Vec<u64> = endpoints.iter().map(|endpoint| u64::from(endpoint.target.weight.max(1))).collect();
        let turns = smooth(&scaled(&weights));
        Self { turns: turns.into_iter().filter_map(|place| u16::try_from(place).ok()).collect(), next: AtomicUsize::new(0) }
    }

    /// Whose turn it is.
    pub fn next<'e>(
        &self,
        endpoints: &'e [Arc<Endpoint>],
        admits: impl Fn(&Arc<Endpoint>) -> bool,
        random: &mut fastrand::Rng,
    ) -> Option<&'e Arc<Endpoint>> {
        let mut at = self.next.load(Ordering::Relaxed);
        for _ in 0..TRIES_MAX {
            // One that has lately joined lets some of its turns pass, unless nobody else wants them.
            let found = self.from(at, endpoints, |endpoint| admits(endpoint) && takes_turn(endpoint, random));
            let (endpoint, behind) = match found {
                Some(found) => found,
                None => self.from(at, endpoints, &admits)?,
            };
            match self.next.compare_exchange_weak(at, behind, Ordering::Relaxed, Ordering::Relaxed) {
                Ok(_) => return Some(endpoint),
                Err(now) => at = now,
            }
        }
        // So much goes on that any turn is as good as another.
        self.from(at, endpoints, admits).map(|(endpoint, _)| endpoint)
    }

    /// The first one from a turn on, and the turn behind its own.
    fn from<'e>(
        &self,
        at: usize,
        endpoints: &'e [Arc<Endpoint>],
        mut admits: impl FnMut(&Arc<Endpoint>) -> bool,
    ) -> Option<(&'e Arc<Endpoint>, usize)> {
        let count = self.turns.len();
        (at..at + count).find_map(|turn| {
            let place = self.turns.get(turn % count)?;
            let endpoint = endpoints.get(usize::from(*place)).filter(|endpoint| admits(endpoint))?;
            Some((endpoint, (turn + 1) % count))
        })
    }
}

fn takes_turn(endpoint: &Endpoint, random: &mut fastrand::Rng) -> bool {
    let share = endpoint.standing.share();
    share >= WHOLE || random.u64(..WHOLE) < share
}

/// Weights of the same proportions whose sum is small.
fn scaled(weights: &[u64]) -> Vec<u64> {
    let common = weights.iter().copied().fold(0, divisor).max(1);
    let sum: u64 = weights.iter().sum::<u64>() / common;
    let whole = TURNS_MAX.max(weights.len() as u64);
    let fit = |weight: u64| if sum <= whole { weight / common } else { (weight / common * whole / sum).max(1) };
    weights.iter().map(|weight| fit(*weight)).collect()
}

fn divisor(one: u64, other: u64) -> u64 {
    if other == 0 { one } else { divisor(other, one % other) }
}

/// The order of nginx's smooth weighted round robin: each turn everybody gains its weight, and who has most pays the sum of all.
fn smooth(weights: &[u64]) -> Vec<usize> {
    let sum: i128 = weights.iter().map(|weight| i128::from(*weight)).sum();
    let mut credit = vec![0_i128; weights.len()];
    let turns = (0..sum).filter_map(|_| {
        for (credit, weight) in credit.iter_mut().zip(weights) {
            *credit += i128::from(*weight);
        }
        // The first of several.
        let (richest, most) = credit.iter_mut().enumerate().rev().max_by_key(|(_, credit)| **credit)?;
        *most -= sum;
        Some(richest)
    });
    turns.collect()
}

#[cfg(test)]
mod tests {
    use super::{TURNS_MAX, scaled, smooth};
    use proptest::prelude::{prop, prop_assert, prop_assert_eq, proptest};

    #[test]
    fn turns_of_one_stand_apart() {
        assert_eq!(smooth(&[5, 1, 1]), [0, 0, 1, 0, 2, 0, 0]);
        assert_eq!(smooth(&[1, 1, 1]), [0, 1, 2]);
    }

    #[test]
    fn large_weights_keep_their_proportions() {
        assert_eq!(scaled(&[300, 100]), [3, 1]);
        assert_eq!(scaled(&[999_999, 333_333]), [3, 1]);
        let scaled = scaled(&[1_000_000, 1, 499_999]);
        assert_eq!(scaled, [2730, 1, 1365]);
        assert!(scaled.iter().sum::<u64>() <= TURNS_MAX + 3);
    }

    proptest! {
        #[test]
        fn in_any_run_of_turns_nobody_is_far_from_its_share(weights in prop::collection::vec(1_u64..20, 1..6)) {
            let turns = smooth(&weights);
            let sum: u64 = weights.iter().sum();
            prop_assert_eq!(turns.len() as u64, sum);
            for (place, weight) in weights.iter().enumerate() {
                let mut had = 0_u64;
                for (number, turn) in turns.iter().enumerate() {
                    had += u64::from(*turn == place);
                    let due = weight * (number as u64 + 1);
                    prop_assert!((had * sum).abs_diff(due) <= sum * weights.len() as u64);
                }
                prop_assert_eq!(had, *weight);
            }
        }
    }
}
