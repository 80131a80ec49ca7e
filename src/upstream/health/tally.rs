//! Probes of one endpoint in a row.

use super::Config;

/// The last probes that went alike.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Tally {
    good: bool,
    run: u32,
}

impl Tally {
    /// Notes a probe of an endpoint that was down or not: whether it is now.
    #[must_use]
    pub fn note(&mut self, good: bool, down: bool, config: &Config) -> bool {
        self.run = if good == self.good { self.run.saturating_add(1) } else { 1 };
        self.good = good;
        match (down, good) {
            (true, true) => self.run < config.healthy_after,
            (false, false) => self.run >= config.unhealthy_after,
            (true, false) | (false, true) => down,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Tally;
    use crate::upstream::health::Config;
    use proptest::prelude::{any, prop, prop_assert_eq, proptest};
    use std::time::Duration;

    proptest! {
        #[test]
        fn only_so_many_probes_in_a_row_change_the_verdict(
            probes in prop::collection::vec(any::<bool>(), 0..40), fall in 1_u32..5, rise in 1_u32..5,
        ) {
            let config = Config {
                method: "GET".to_owned(), path: "/".to_owned(), every: Duration::from_secs(5), timeout: Duration::from_secs(1),
                expect: vec![(200, 299)], unhealthy_after: fall, healthy_after: rise,
            };
            let (mut tally, mut down) = (Tally::default(), false);
            for end in 1..=probes.len() {
                let before = down;
                down = tally.note(probes[end - 1], down, &config);
                // The definition: the last so many all went the other way.
                let needed = if before { rise } else { fall } as usize;
                let turned = end >= needed && probes[end - needed..end].iter().all(|good| *good == before);
                prop_assert_eq!(down, before != turned);
            }
        }
    }
}
