//! `flag`: a switch that is turned while the gateway runs, for all requests or for a share of the values of its key.

use crate::http::Exchange;
use crate::http::share::{below, hash, hash_of_two};
use crate::lang::eval::Facts;
use crate::lang::expr::Expr;
use crate::lang::value::Percent;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

/// The kind of its state in the registry.
pub const KIND: &str = "flag";

/// All of them, in hundredths of a percent.
const WHOLE: u32 = 10_000;

/// A flag at run time, shared by all workers.
#[derive(Debug)]
pub struct Flag {
    name: Arc<str>,
    /// Told apart from other flags of the same share by its name: nobody is always among the first.
    salt: u64,
    declared: Percent,
    share: AtomicU32,
    by: Option<Expr>,
}

impl Flag {
    /// A flag as it is declared.
    #[must_use]
    pub fn new(name: &str, declared: Percent, by: Option<Expr>) -> Self {
        Self { name: name.into(), salt: hash(name.as_bytes()), share: AtomicU32::new(declared.0), declared, by }
    }

    /// Its name.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// For what share it is on.
    #[must_use]
    pub fn share(&self) -> Percent {
        Percent(self.share.load(Ordering::Relaxed))
    }

    /// For what share the policy declares it on.
    #[must_use]
    pub fn declared(&self) -> Percent {
        self.declared
    }

    /// Turns it: for this share of its key's values, or for none or all; `None` is what the policy declares. A share of a flag
    /// without a key is of the requests' ids.
    pub fn turn(&self, share: Option<Percent>) {
        self.share.store(share.unwrap_or(self.declared).0.min(WHOLE), Ordering::Relaxed);
    }

    /// True when it is on for a request. The same value of its key always sees the same, on every gateway, and whoever sees it on
    /// still does when the share grows. Where the key is missing it is on only for all.
    #[must_use]
    pub fn is_on(&self, exchange: &Exchange) -> bool {
        match self.share().0 {
            0 => false,
            WHOLE.. => true,
            share => self.place(exchange).is_some_and(|place| place < u64::from(share)),
        }
    }

    /// Where a request stands among all, in hundredths of a percent.
    fn place(&self, exchange: &Exchange) -> Option<u64> {
        let key = match &self.by {
            Some(by) => hash(by.eval(Facts::request(exchange)).as_text()?.as_bytes()),
            None => hash(exchange.id.as_bytes()),
        };
        Some(below(u64::from(WHOLE), hash_of_two(self.salt, key)))
    }
}

#[cfg(test)]
mod tests {
    use super::{Flag, Percent};
    use crate::http::exchange::testing::exchange;
    use crate::lang::expr::{Expr, Ref};

    fn flag(name: &str, share: u32) -> Flag {
        Flag::new(name, Percent(share), Some(Expr::Ref(Ref::Header("x-user".parse().unwrap()))))
    }

    fn on(flag: &Flag) -> Vec<bool> {
        (0..2_000).map(|user| flag.is_on(&exchange("GET", "/", &[("x-user", &format!("user-{user}"))]))).collect()
    }

    #[test]
    fn a_share_of_the_keys_sees_it_and_always_the_same() {
        let quarter = flag("beta", 2_500);
        let seen = on(&quarter);
        assert!((440..=560).contains(&seen.iter().filter(|on| **on).count()));
        assert_eq!(seen, on(&flag("beta", 2_500)));
        assert_ne!(seen, on(&flag("other", 2_500)));
    }

    #[test]
    fn whoever_sees_it_still_does_when_the_share_grows() {
        let flag = flag("beta", 1_000);
        let before = on(&flag);
        flag.turn(Some(Percent(5_000)));
        assert!(on(&flag).iter().zip(&before).all(|(after, before)| *after || !before));
        flag.turn(None);
        assert_eq!(on(&flag), before);
    }

    #[test]
    fn without_its_key_it_is_on_for_all_or_none() {
        let flag = flag("beta", 9_999);
        let nobody = exchange("GET", "/", &[]);
        assert!(!flag.is_on(&nobody));
        flag.turn(Some(Percent(20_000)));
        assert!(flag.is_on(&nobody));
        assert_eq!(flag.share(), Percent(10_000));
        flag.turn(Some(Percent(0)));
        assert!(!flag.is_on(&nobody));
    }
}
