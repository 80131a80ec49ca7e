//! Which requests are made again, after which outcomes, and how long that waits.

use super::{Backoff, Config, Trigger, is_idempotent};
use crate::http::{Fault, FaultKind};
use crate::upstream::call::Outcome;
use http::{HeaderMap, HeaderName, Method};
use parking_lot::Mutex;
use std::time::Duration;

/// Names a request, so that whoever gets it twice carries it out once.
const IDEMPOTENCY_KEY: HeaderName = HeaderName::from_static("idempotency-key");

impl Config {
    /// True for a request that may be made again.
    #[must_use]
    pub fn repeats(&self, method: &Method, headers: &HeaderMap) -> bool {
        let listed = self.methods.as_ref().is_none_or(|methods| methods.iter().any(|listed| listed == method.as_str()));
        self.attempts > 1 && listed && (is_idempotent(method.as_str()) || self.names(headers))
    }

    /// True for a request that carries the key by which the upstream tells that it has had it.
    #[must_use]
    pub fn names(&self, headers: &HeaderMap) -> bool {
        self.idempotency_key && headers.contains_key(IDEMPOTENCY_KEY)
    }

    /// True for an outcome after which it is.
    #[must_use]
    pub fn wants(&self, outcome: &Outcome) -> bool {
        outcome.tells
            && match &outcome.answer {
                Ok(reply) => self.wants_status(reply.status.as_u16()),
                Err(fault) => self.wants_fault(fault),
            }
    }

    fn wants_status(&self, status: u16) -> bool {
        self.on.iter().any(|trigger| matches!(trigger, Trigger::Status(low, high) if (*low..=*high).contains(&status)))
    }

    fn wants_fault(&self, fault: &Fault) -> bool {
        match fault.kind {
            FaultKind::ConnectError | FaultKind::Unresolved | FaultKind::UnresolvedInTime | FaultKind::ConnectTimeout => {
                self.on.contains(&Trigger::ConnectError)
            }
            FaultKind::Reset | FaultKind::Stale | FaultKind::BodyBroken => self.on.contains(&Trigger::Reset),
            FaultKind::AttemptTimeout | FaultKind::TotalTimeout => self.on.contains(&Trigger::Timeout),
            // The client would get 502.
            FaultKind::BadResponse => self.wants_status(502),
            FaultKind::NoTunnel
            | FaultKind::BreakerOpen(_)
            | FaultKind::Overloaded
            | FaultKind::BodyTooLarge
            | FaultKind::ClientBody
            | FaultKind::ClientSlow => false,
        }
    }
}

impl Backoff {
    /// How long to wait before an attempt; the first one is attempt 1.
    pub fn before(&self, attempt: u32, random: &Mutex<fastrand::Rng>) -> Duration {
        let longest = self.longest_before(attempt);
        if self.jitter { longest.mul_f64(random.lock().f64()) } else { longest }
    }
}

#[cfg(test)]
mod tests {
    use super::{Backoff, Config, HeaderMap, Method, Mutex};
    use std::time::Duration;

    #[test]
    fn what_changes_something_each_time_is_made_again_only_by_its_key() {
        let named = HeaderMap::from_iter([(super::IDEMPOTENCY_KEY, http::HeaderValue::from_static("7"))]);
        let repeats = |config: &Config, method: &Method, headers: &HeaderMap| config.repeats(method, headers);
        let plain = Config::default();
        assert!(repeats(&plain, &Method::GET, &HeaderMap::new()));
        assert!(!repeats(&plain, &Method::POST, &named));
        let keyed = Config { idempotency_key: true, ..Config::default() };
        assert!(repeats(&keyed, &Method::GET, &HeaderMap::new()));
        assert!(repeats(&keyed, &Method::POST, &named));
        assert!(!repeats(&keyed, &Method::POST, &HeaderMap::new()));
        let listed = Config { methods: Some(vec!["PUT".to_owned()]), ..keyed };
        assert!(repeats(&listed, &Method::PUT, &HeaderMap::new()));
        assert!(!repeats(&listed, &Method::GET, &HeaderMap::new()));
        assert!(!repeats(&listed, &Method::POST, &named));
        assert!(!repeats(&Config { attempts: 1, ..plain }, &Method::GET, &HeaderMap::new()));
    }

    #[test]
    fn waits_grow_to_their_cap_and_are_drawn_below_it() {
        let random = Mutex::new(fastrand::Rng::with_seed(1));
        let full = Backoff { base: Duration::from_millis(25), cap: Duration::from_millis(250), jitter: false };
        let waits: Vec<u128> = (1..=7).map(|attempt| full.before(attempt, &random).as_millis()).collect();
        assert_eq!(waits, [0, 25, 50, 100, 200, 250, 250]);
        let drawn = Backoff { jitter: true, ..full };
        let mean =
            (0..1_000).map(|_| drawn.before(5, &random)).inspect(|wait| assert!(*wait < full.before(5, &random))).sum::<Duration>() / 1_000;
        assert!((90..110).contains(&mean.as_millis()), "{mean:?}");
    }
}
