//! Shares of the requests: the same ones for the same key, or in turn.

use std::sync::atomic::{AtomicU64, Ordering};

/// A hash that is the same on every machine and in every release: keys keep their place when a gateway is started anew, and
/// several gateways agree. Good enough to spread with, not against those who look for collisions.
#[must_use]
pub fn hash(bytes: &[u8]) -> u64 {
    // FNV-1a, then the finish of splitmix64, without which neighbouring keys stay neighbours.
    let folded = bytes.iter().fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| (hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3));
    mix(folded)
}

/// Two hashes in one.
#[must_use]
pub fn hash_of_two(one: u64, other: u64) -> u64 {
    mix(one ^ mix(other).rotate_left(32))
}

fn mix(mut hash: u64) -> u64 {
    hash = (hash ^ (hash >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    hash = (hash ^ (hash >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    hash ^ (hash >> 31)
}

/// A number below `whole` for a hash, each as often.
#[must_use]
pub fn below(whole: u64, hash: u64) -> u64 {
    u64::try_from((u128::from(hash) * u128::from(whole)) >> 64).unwrap_or_default()
}

/// Numbers that fall evenly: of any run of requests each share gets what is its own, give or take one or two, and no rhythm of
/// the requests meets a rhythm here. Shared by all workers without a lock.
#[derive(Debug, Default)]
pub struct Evenly(AtomicU64);

/// What is left of a turn of the circle by the golden ratio: its multiples keep the farthest from each other.
const GOLDEN: u64 = 0x9e37_79b9_7f4a_7c15;

impl Evenly {
    /// The next one, below `whole`.
    pub fn next(&self, whole: u64) -> u64 {
        let turn = self.0.fetch_add(1, Ordering::Relaxed);
        below(whole, turn.wrapping_mul(GOLDEN))
    }
}

#[cfg(test)]
mod tests {
    use super::{Evenly, below, hash, hash_of_two};

    #[test]
    fn a_share_gets_its_own_of_any_run_of_requests() {
        let evenly = Evenly::default();
        for _ in 0..40 {
            let taken = (0..100).filter(|_| evenly.next(100) < 5).count();
            assert!((4..=6).contains(&taken), "{taken}");
        }
    }

    #[test]
    fn what_comes_every_other_time_is_shared_as_well() {
        let evenly = Evenly::default();
        let taken = (0..2_000).filter(|_| (evenly.next(100), evenly.next(100)).0 < 50).count();
        assert!((900..=1_100).contains(&taken), "{taken}");
    }

    #[test]
    fn a_hash_stays_what_it_is_and_spreads_neighbours() {
        assert_eq!(hash(b"192.0.2.1"), hash(b"192.0.2.1"));
        let low = (0..10_000).filter(|number| below(100, hash(format!("user-{number}").as_bytes())) < 25).count();
        assert!((2_350..=2_650).contains(&low), "{low}");
        assert_ne!(hash_of_two(1, 2), hash_of_two(2, 1));
        assert_eq!((below(7, 0), below(7, u64::MAX)), (0, 6));
    }
}
