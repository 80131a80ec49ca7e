//! The scripts beside the models of the algorithms, on a real Redis and by its own clock; and limits that gateways share.

use super::{Shared, Taken};
use crate::policy::limit::Algorithm;
use crate::policy::limit::count::Rule;
use crate::policy::limit::key::Key;
use crate::policy::limit::tests::{bucket, fixed, log, sliding};
use crate::store::testing::Redis;
use crate::store::{OnFailure, Store};
use std::sync::Arc;
use std::time::Duration;

/// Longest time for what has to come.
const PATIENCE: Duration = Duration::from_secs(20);
const MICRO: u64 = 1_000;
const SECOND: u64 = 1_000_000_000;

type Model = fn(&Rule, &[u64], u64) -> bool;

const ALGORITHMS: [(Algorithm, Model); 4] = [
    (Algorithm::TokenBucket, bucket),
    (Algorithm::FixedWindow, fixed),
    (Algorithm::SlidingWindow, sliding),
    (Algorithm::SlidingLog, log),
];

/// The counters of one declaration as one gateway reaches them.
fn gateway(redis: &Redis) -> Shared {
    let store = Store::new("shared", &redis.url(), Duration::from_secs(5), OnFailure::Local, Arc::default()).unwrap();
    store.open().unwrap();
    Shared::new(Arc::new(store), "l", 7)
}

fn key(text: &str) -> Key {
    Key::from_slice(text.as_bytes())
}

#[tokio::test]
async fn two_gateways_count_as_one_model_does() {
    let Some(redis) = Redis::start() else { return };
    let (one, other) = (gateway(&redis), gateway(&redis));
    for (algorithm, model) in ALGORITHMS {
        for (count, period, burst) in [(3, 20_000, 7), (1, 3_000, 1), (50, 40_000, 50), (7, 1_000, 2)] {
            let burst = if algorithm == Algorithm::TokenBucket { burst } else { count };
            let rule = Rule { algorithm, count, period: period * MICRO, burst };
            let in_micros = Rule { period, ..rule };
            let key = key(&format!("{count}/{period}"));
            let mut counted: Vec<u64> = Vec::new();
            let mut refused = 0;
            let mut nth = 0_u64;
            while counted.len() as u64 <= 3 * burst || refused == 0 {
                nth += 1;
                assert!(nth < 100_000, "{rule:?}: {} counted, {refused} refused", counted.len());
                let gateway = if nth.is_multiple_of(2) { &one } else { &other };
                let Taken { decision, at } = gateway.take(&key, &rule).await.unwrap();
                assert_eq!(decision.allowed, model(&in_micros, &counted, at), "{rule:?} {nth} at {at}: {counted:?}");
                if decision.allowed {
                    counted.push(at);
                } else {
                    refused += 1;
                    let retry = decision.retry / MICRO;
                    assert!(model(&in_micros, &counted, at + retry), "{rule:?} comes back after {retry}");
                    assert!(!model(&in_micros, &counted, at + retry - 1), "{rule:?} comes back before {retry}");
                }
            }
        }
    }
}

#[tokio::test]
async fn what_the_script_says_is_what_the_gateway_itself_would() {
    let Some(redis) = Redis::start() else { return };
    let gateway = gateway(&redis);
    for (algorithm, _) in ALGORITHMS {
        let rule = Rule { algorithm, count: 5, period: 3_600 * SECOND, burst: 5 };
        let mut own = crate::policy::limit::count::State::new(algorithm);
        for nth in 0..8 {
            let Taken { decision, at } = gateway.take(&key("k"), &rule).await.unwrap();
            let expected = own.take(&rule, at * MICRO);
            assert_eq!((decision.allowed, decision.remaining), (expected.allowed, expected.remaining), "{algorithm:?} {nth}");
            for (said, expected) in [(decision.reset, expected.reset), (decision.retry, expected.retry)] {
                assert!(said.abs_diff(expected) <= 2 * MICRO, "{algorithm:?} {nth}: {said}, {expected}");
            }
        }
    }
}

#[tokio::test]
async fn counters_end_by_themselves() {
    let Some(redis) = Redis::start() else { return };
    let gateway = gateway(&redis);
    for (algorithm, _) in ALGORITHMS {
        let rule = Rule { algorithm, count: 5, period: 2 * SECOND, burst: 5 };
        gateway.take(&key("k"), &rule).await.unwrap();
        let left = crate::store::Script::new("return {redis.call('PTTL', KEYS[1])}");
        let left = gateway.store.run(&left, &gateway.place(&key("k"), &rule), &[]).await.unwrap()[0];
        assert!((1..=4_001).contains(&left), "{algorithm:?}: {left} ms");
    }
}

#[tokio::test]
async fn what_is_given_back_may_be_taken_again() {
    let Some(redis) = Redis::start() else { return };
    let gateway = gateway(&redis);
    for (algorithm, _) in ALGORITHMS {
        let rule = Rule { algorithm, count: 1, period: 3_600 * SECOND, burst: 1 };
        let first = gateway.take(&key("k"), &rule).await.unwrap();
        assert!(first.decision.allowed && !gateway.take(&key("k"), &rule).await.unwrap().decision.allowed);
        gateway.give_back(&key("k"), &rule, first.at);
        let again = async { while !gateway.take(&key("k"), &rule).await.unwrap().decision.allowed {} };
        tokio::time::timeout(PATIENCE, again).await.unwrap();
        assert!(!gateway.take(&key("k"), &rule).await.unwrap().decision.allowed, "{algorithm:?}: once only");
    }
}
