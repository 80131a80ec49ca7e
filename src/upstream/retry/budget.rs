//! What bounds attempts over all calls of an upstream: requests earn credit, further attempts spend it.

use super::Budget;
use crate::lang::value::Percent;
use parking_lot::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};
use tokio::time::Instant;

/// An attempt, in the unit that credit is counted in.
const ATTEMPT: u64 = 1_000_000_000;
/// A hundredth of a percent of it.
const HUNDREDTH: u64 = ATTEMPT / 10_000;
/// Credit that is not spent is kept up to what the floor comes to in so many seconds: a failure of few requests at once is
/// made good, and one of all adds little to what an upstream in trouble has to bear.
const KEPT_SECONDS: u64 = 4;

/// The credit of an upstream, shared by all workers. A request adds to a counter; only a further attempt takes the lock.
#[derive(Debug, Default)]
pub struct Credit {
    /// All that requests ever earned; it may wrap.
    earned: AtomicU64,
    account: Mutex<Account>,
    refused: AtomicU64,
}

#[derive(Debug, Default)]
struct Account {
    balance: u64,
    /// How much of what was earned is in the balance, or was more than is kept.
    counted: u64,
    /// When it was last spent from; never so far.
    at: Option<Instant>,
}

impl Credit {
    /// A request was made, for which this share of an attempt is credited.
    pub fn earn(&self, share: Percent) {
        self.earned.fetch_add(u64::from(share.0) * HUNDREDTH, Ordering::Relaxed);
    }

    /// Takes an attempt's credit; false when there is too little.
    pub fn spend(&self, budget: &Budget, now: Instant) -> bool {
        let floor = budget.min_per_second;
        let most = floor.saturating_mul(KEPT_SECONDS).max(1).saturating_mul(ATTEMPT);
        let mut account = self.account.lock();
        let earned = self.earned.load(Ordering::Relaxed);
        // A floor of one per second is a unit per nanosecond.
        let flowed = match account.at {
            Some(at) => u64::try_from(now.saturating_duration_since(at).as_nanos()).unwrap_or(u64::MAX).saturating_mul(floor),
            None => most,
        };
        let gained = flowed.saturating_add(earned.wrapping_sub(account.counted));
        let balance = account.balance.saturating_add(gained).min(most);
        let left = balance.checked_sub(ATTEMPT);
        *account = Account { balance: left.unwrap_or(balance), counted: earned, at: Some(account.at.map_or(now, |at| at.max(now))) };
        if left.is_none() {
            self.refused.fetch_add(1, Ordering::Relaxed);
        }
        left.is_some()
    }

    /// Attempts that were not made for want of credit, so far.
    #[must_use]
    pub fn refused(&self) -> u64 {
        self.refused.load(Ordering::Relaxed)
    }
}

#[cfg(test)]
mod tests {
    use super::{Budget, Credit, KEPT_SECONDS};
    use crate::lang::value::Percent;
    use proptest::prelude::{Just, Strategy, prop, prop_assert, prop_oneof, proptest};
    use std::time::Duration;
    use tokio::time::Instant;

    #[test]
    fn a_storm_of_failures_adds_a_fifth_of_the_requests_and_the_floor() {
        let (credit, start) = (Credit::default(), Instant::now());
        let budget = Budget { share: Percent(2_000), min_per_second: 10 };
        for second in 1..=10_u64 {
            let mut again = 0;
            for millisecond in 0..second * 1_000 {
                credit.earn(budget.share);
                again += u64::from(credit.spend(&budget, start + Duration::from_millis(millisecond % 1_000 + (second - 1) * 1_000)));
            }
            // The load of this second stays within 1.25 of what is offered.
            assert!(again * 4 <= second * 1_000, "{again} in second {second}");
        }
        assert!(credit.refused() > 0);
    }

    #[test]
    fn few_requests_are_made_again_whatever_their_share() {
        let (credit, start) = (Credit::default(), Instant::now());
        let budget = Budget { share: Percent(1), min_per_second: 10 };
        for request in 0..1_000 {
            credit.earn(budget.share);
            assert!(credit.spend(&budget, start + Duration::from_millis(100 * request)));
        }
    }

    #[derive(Debug, Clone, Copy)]
    enum Event {
        Request,
        Fails,
        Wait(u64),
    }

    fn event() -> impl Strategy<Value = Event> {
        prop_oneof![4 => Just(Event::Request), 4 => Just(Event::Fails), 1 => (1_u64..2_000).prop_map(Event::Wait)]
    }

    proptest! {
        #[test]
        fn it_behaves_like_its_model(
            events in prop::collection::vec(event(), 1..400),
            share in 0_u32..10_000,
            min_per_second in 0_u64..20,
        ) {
            let (credit, start) = (Credit::default(), Instant::now());
            let budget = Budget { share: Percent(share), min_per_second };
            // In ten thousandths of an attempt, and milliseconds.
            let most = (min_per_second * KEPT_SECONDS).max(1) * 10_000;
            let (mut balance, mut at, mut begun) = (most, 0, false);
            for event in events {
                match event {
                    Event::Request => {
                        credit.earn(budget.share);
                        balance += u64::from(share);
                    }
                    Event::Wait(time) => {
                        at += time;
                        balance += if begun { time * min_per_second * 10 } else { 0 };
                    }
                    Event::Fails => {
                        begun = true;
                        balance = balance.min(most);
                        let granted = balance >= 10_000;
                        balance -= if granted { 10_000 } else { 0 };
                        prop_assert!(credit.spend(&budget, start + Duration::from_millis(at)) == granted);
                    }
                }
            }
        }
    }
}
