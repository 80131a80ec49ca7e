//! Each algorithm beside a model that remembers everything, and a route's limits as a client meets them.

use super::count::{Rule, State};
use super::limiter::Limiter;
use super::{Algorithm, Config, STATE};
use crate::diag::Code;
use crate::http::exchange::testing::exchange;
use crate::http::{Exchange, Reply};
use crate::lang::checker::AttributeFact;
use crate::lang::types::Type;
use crate::policy::fixtures::{Built, Fixed, building_with, policy};
use crate::policy::{Policy, Registry};
use crate::store::{IN_MEMORY, OnFailure, Store};
use http::StatusCode;
use proptest::prelude::{Strategy, prop, prop_assert, prop_assert_eq, proptest};
use std::sync::Arc;
use std::time::Duration;

const SECOND: u64 = 1_000_000_000;

fn rules(algorithm: Algorithm) -> impl Strategy<Value = Rule> {
    (1_u64..9, prop::sample::select(vec![1_000, SECOND, 60 * SECOND]), 1_u64..12).prop_map(move |(count, period, burst)| Rule {
        algorithm,
        count,
        period,
        burst: if algorithm == Algorithm::TokenBucket { burst } else { count },
    })
}

/// Steps of time as shares of the period, so that every part of a window is met.
fn steps() -> impl Strategy<Value = Vec<u64>> {
    prop::collection::vec(prop::sample::select(vec![0, 1, 3, 10, 100, 250, 500, 999, 1_000, 1_500, 4_000]), 1..80)
}

/// Runs both, and holds every refusal to its word on when to come back.
fn agrees(rule: Rule, steps: Vec<u64>, model: fn(&Rule, &[u64], u64) -> bool) -> Result<(), proptest::test_runner::TestCaseError> {
    let (mut state, mut counted) = (State::new(rule.algorithm), Vec::new());
    let mut now = 1_800_000_000 * SECOND;
    for step in steps {
        now += step * rule.period / 1_000;
        let before = state.clone();
        let decision = state.take(&rule, now);
        prop_assert_eq!(decision.allowed, model(&rule, &counted, now), "at {}", now);
        if decision.allowed {
            counted.push(now);
            let more = (0..=rule.burst.max(rule.count)).take_while(|_| state.clone().take(&rule, now).allowed).count();
            prop_assert_eq!(decision.remaining > 0, more > 0);
            let mut again = state.clone();
            for _ in 0..decision.remaining {
                prop_assert!(again.take(&rule, now).allowed);
            }
            prop_assert!(!again.take(&rule, now).allowed);
        } else {
            prop_assert!(before.clone().take(&rule, now + decision.retry).allowed, "comes back after {}", decision.retry);
            prop_assert!(!before.clone().take(&rule, now + decision.retry - 1).allowed, "comes back before {}", decision.retry);
        }
        let mut later = state.clone();
        let idle = state.idle_at(&rule).max(now);
        prop_assert_eq!(later.take(&rule, idle), State::new(rule.algorithm).take(&rule, idle), "idle is as new");
    }
    Ok(())
}

/// A bucket that is filled drop by drop, in units of one token per period.
pub(super) fn bucket(rule: &Rule, counted: &[u64], now: u64) -> bool {
    let (size, token) = (u128::from(rule.burst * rule.period), u128::from(rule.period));
    let mut level = size;
    let mut last = 0;
    for time in counted.iter() {
        level = (level + u128::from(time - last) * u128::from(rule.count)).min(size) - token;
        last = *time;
    }
    (level + u128::from(now - last) * u128::from(rule.count)).min(size) >= token
}

pub(super) fn fixed(rule: &Rule, counted: &[u64], now: u64) -> bool {
    (counted.iter().filter(|time| **time / rule.period == now / rule.period).count() as u64) < rule.count
}

pub(super) fn sliding(rule: &Rule, counted: &[u64], now: u64) -> bool {
    let window = now / rule.period;
    let of = |which: u64| counted.iter().filter(|time| **time / rule.period == which).count() as u64;
    of(window - 1) * (rule.period - now % rule.period) + (of(window) + 1) * rule.period <= rule.count * rule.period
}

pub(super) fn log(rule: &Rule, counted: &[u64], now: u64) -> bool {
    (counted.iter().filter(|time| **time + rule.period > now).count() as u64) < rule.count
}

proptest! {
    #[test]
    fn a_token_bucket_is_a_bucket(rule in rules(Algorithm::TokenBucket), steps in steps()) {
        agrees(rule, steps, bucket)?;
    }

    #[test]
    fn a_fixed_window_counts_its_window(rule in rules(Algorithm::FixedWindow), steps in steps()) {
        agrees(rule, steps, fixed)?;
    }

    #[test]
    fn a_sliding_window_weighs_the_last_one(rule in rules(Algorithm::SlidingWindow), steps in steps()) {
        agrees(rule, steps, sliding)?;
    }

    #[test]
    fn a_sliding_log_counts_every_span(rule in rules(Algorithm::SlidingLog), steps in steps()) {
        agrees(rule, steps, log)?;
    }

    #[test]
    fn what_is_given_back_was_never_taken(burst in 1_u64..20) {
        for algorithm in [Algorithm::TokenBucket, Algorithm::FixedWindow, Algorithm::SlidingWindow, Algorithm::SlidingLog] {
            let rule = Rule { algorithm, count: burst, period: 60 * SECOND, burst };
            let mut state = State::new(algorithm);
            for _ in 0..burst * 3 {
                prop_assert!(state.take(&rule, 100 * SECOND).allowed);
                state.give_back(&rule, 100 * SECOND);
            }
        }
    }
}

fn minute(algorithm: Algorithm, count: u64) -> Rule {
    Rule { algorithm, count, period: 60 * SECOND, burst: count }
}

#[test]
fn after_the_clock_was_set_back_nobody_waits_longer_than_ever() {
    const HOUR: u64 = 3_600_000_000_000;
    for algorithm in [Algorithm::TokenBucket, Algorithm::FixedWindow, Algorithm::SlidingWindow, Algorithm::SlidingLog] {
        let rule = minute(algorithm, 2);
        let mut state = State::new(algorithm);
        assert!(state.take(&rule, 10 * HOUR).allowed && state.take(&rule, 10 * HOUR).allowed);
        let refused = state.take(&rule, 9 * HOUR);
        assert!(!refused.allowed, "{algorithm:?}: the step is no present");
        assert!(refused.retry <= 2 * rule.period, "{algorithm:?}: {refused:?}");
        assert!(state.take(&rule, 9 * HOUR + refused.retry).allowed, "{algorithm:?}");
    }
}

#[test]
fn threads_together_get_exactly_what_the_limit_allows() {
    for algorithm in [Algorithm::TokenBucket, Algorithm::FixedWindow, Algorithm::SlidingWindow, Algorithm::SlidingLog] {
        let limiter = Limiter::new("l");
        let rule = minute(algorithm, 1_000);
        let allowed: usize = std::thread::scope(|scope| {
            let ask = || (0..500).filter(|_| limiter.take(limiter.id(b"k"), &rule, 60 * SECOND).allowed).count();
            let threads: Vec<_> = (0..8).map(|_| scope.spawn(ask)).collect();
            threads.into_iter().map(|thread| thread.join().unwrap()).sum()
        });
        assert_eq!(allowed, 1_000, "{algorithm:?}");
        assert_eq!((limiter.tally().allowed, limiter.tally().rejected), (1_000, 3_000));
    }
}

#[test]
fn places_are_free_again_when_their_requests_end() {
    let limiter = Arc::new(Limiter::new("l"));
    let id = limiter.id(b"k");
    let (one, two) = (limiter.enter(id, 2).unwrap(), limiter.enter(id, 2).unwrap());
    assert!(limiter.enter(id, 2).is_none());
    drop(one);
    let three = limiter.enter(id, 2).unwrap();
    assert!(limiter.enter(id, 2).is_none());
    drop((two, three));
    assert_eq!(limiter.keys(), 0);
}

fn plan() -> AttributeFact {
    let ty = Type::Enum(["free".to_owned(), "pro".to_owned()].into());
    AttributeFact { root: "key", name: "plan".to_owned(), ty, slots: vec![(0, 0)] }
}

fn found(text: &str) -> Vec<Code> {
    policy::<Config>(text, &[], Vec::new(), false).1
}

fn built(text: &str, registry: &mut Registry) -> Built {
    built_with(text, registry, &[])
}

fn built_with(text: &str, registry: &mut Registry, stores: &[Arc<Store>]) -> Built {
    let (config, found) = policy::<Config>(text, &[], vec![plan()], true);
    assert_eq!(found, [], "{text}");
    let config = config.unwrap();
    let json = serde_json::to_string(&config).unwrap();
    assert_eq!(serde_json::from_str::<Config>(&json).unwrap(), config);
    building_with(&[], registry, &Fixed::default(), stores, |build| config.build(build)).unwrap().1
}

async fn asked(built: &Built) -> (Exchange, Result<(), crate::http::Problem>) {
    let mut exchange = exchange("GET", "/", &[]);
    // The exchange's clock begins anew each time: what matters is when the request began on tokio's clock.
    exchange.clock = crate::http::Clock::at(Duration::from_secs(1_800_000_000) + started().elapsed());
    let answer = built.ask(&mut exchange).await.map(|_| ());
    (exchange, answer)
}

fn started() -> tokio::time::Instant {
    thread_local!(static STARTED: tokio::time::Instant = tokio::time::Instant::now());
    STARTED.with(|started| *started)
}

#[tokio::test(start_paused = true)]
async fn a_bucket_of_20_refills_at_100_a_minute() {
    started();
    let built = built("limit per_client 100/min by client.ip burst 20", &mut Registry::new());
    for left in (0..20).rev() {
        let (exchange, answer) = asked(&built).await;
        answer.unwrap();
        assert_eq!(exchange.quota.unwrap().remaining, left);
    }
    let (exchange, answer) = asked(&built).await;
    let problem = answer.unwrap_err();
    assert_eq!(problem.status, StatusCode::TOO_MANY_REQUESTS);
    assert_eq!(problem.headers.as_slice(), [(http::header::RETRY_AFTER, "1".parse().unwrap())]);
    assert_eq!(exchange.record.limited_by.as_deref(), Some("per_client"));
    let reply = built.reply(&exchange, Reply::empty(problem.status));
    let field = |name: &str| reply.headers[name].to_str().unwrap().to_owned();
    assert_eq!(
        ["x-ratelimit-limit", "x-ratelimit-remaining", "x-ratelimit-reset"].map(field),
        ["100".to_owned(), "0".to_owned(), "12".to_owned()]
    );
    assert_eq!(field("ratelimit"), "\"per_client\";r=0;t=12");
    assert_eq!(field("ratelimit-policy"), "\"per_client\";q=100;w=60");
    tokio::time::advance(Duration::from_secs(1)).await;
    asked(&built).await.1.unwrap();
    asked(&built).await.1.unwrap_err();
}

#[tokio::test(start_paused = true)]
async fn each_arm_has_counters_of_its_own() {
    started();
    let built = built("limit l 2/min by client.ip { when key.plan == pro -> 3/min burst 1 }", &mut Registry::new());
    let mut pro = exchange("GET", "/", &[]);
    let attributes = Box::new([crate::http::Attribute::Text("pro".into())]);
    pro.identities.push(Arc::new(crate::http::Identity { auth: 0, attributes }));
    built.ask(&mut pro).await.unwrap();
    assert_eq!(pro.quota.as_ref().unwrap().limit, 3);
    built.ask(&mut pro).await.unwrap_err();
    for _ in 0..2 {
        asked(&built).await.1.unwrap();
    }
    asked(&built).await.1.unwrap_err();
}

#[tokio::test(start_paused = true)]
async fn only_responses_that_count_use_the_limit_up() {
    started();
    let built = built("limit failures 2/min by client.ip counting response.status == 401", &mut Registry::new());
    for _ in 0..5 {
        let (exchange, answer) = asked(&built).await;
        answer.unwrap();
        built.reply(&exchange, Reply::empty(StatusCode::OK));
    }
    for _ in 0..5 {
        // No response at all: the client went away.
        asked(&built).await.1.unwrap();
    }
    for _ in 0..2 {
        let (exchange, answer) = asked(&built).await;
        answer.unwrap();
        built.reply(&exchange, Reply::empty(StatusCode::UNAUTHORIZED));
    }
    asked(&built).await.1.unwrap_err();
}

#[tokio::test(start_paused = true)]
async fn routes_of_one_site_share_counters_and_a_reload_keeps_them() {
    started();
    let mut registry = Registry::new();
    let text = "limit l 1/min";
    asked(&built(text, &mut registry)).await.1.unwrap();
    asked(&built(text, &mut registry)).await.1.unwrap_err();
    registry.commit();
    asked(&built(text, &mut registry)).await.1.unwrap_err();
    asked(&built("limit l 2/min", &mut registry)).await.1.unwrap();
    registry.each::<Limiter>(STATE).for_each(|limiter| limiter.silence(true));
    asked(&built(text, &mut registry)).await.1.unwrap();
}

#[tokio::test(start_paused = true)]
async fn an_ipv6_customer_is_one_client() {
    started();
    let built = built("limit l 1/min by client.ip", &mut Registry::new());
    let from = async |ip: &str| {
        let mut exchange = exchange("GET", "/", &[]);
        exchange.client.ip = ip.parse().unwrap();
        built.ask(&mut exchange).await.is_ok()
    };
    assert!(from("2001:db8:0:1::1").await);
    assert!(!from("2001:db8:0:1:ffff::2").await);
    assert!(from("2001:db8:0:2::1").await);
    assert!(from("192.0.2.9").await);
    assert!(!from("::ffff:192.0.2.9").await);
}

fn stores(url: &str, on_failure: OnFailure) -> [Arc<Store>; 1] {
    [Arc::new(Store::new("shared", url, Duration::from_millis(50), on_failure, Arc::default()).unwrap())]
}

/// What became of ten requests against a limit of two a minute in a store that was never reached.
async fn without_a_store(on_failure: OnFailure) -> Vec<u16> {
    let built = built_with("limit l 2/min store shared", &mut Registry::new(), &stores("redis://127.0.0.1:1", on_failure));
    let mut statuses = Vec::new();
    for _ in 0..4 {
        let (exchange, answer) = asked(&built).await;
        statuses.push(answer.map_or_else(|problem| problem.status.as_u16(), |()| 200));
        assert_eq!(statuses.last() != Some(&200), exchange.record.limited_by.is_some());
    }
    statuses
}

#[tokio::test(start_paused = true)]
async fn while_its_store_is_down_a_limit_is_what_on_failure_says() {
    started();
    assert_eq!(without_a_store(OnFailure::Local).await, [200, 200, 429, 429]);
    assert_eq!(without_a_store(OnFailure::Open).await, [200; 4]);
    assert_eq!(without_a_store(OnFailure::Closed).await, [503; 4]);
    let built = built_with("limit l 2/min store shared", &mut Registry::new(), &stores("redis://127.0.0.1:1", OnFailure::Closed));
    let problem = asked(&built).await.1.unwrap_err();
    assert_eq!(problem.headers.as_slice(), [(http::header::RETRY_AFTER, "1".parse().unwrap())]);
}

#[tokio::test(start_paused = true)]
async fn a_store_in_memory_counts_as_the_gateway_itself_does() {
    started();
    let built = built_with("limit l 2/month store shared", &mut Registry::new(), &stores(IN_MEMORY, OnFailure::Closed));
    asked(&built).await.1.unwrap();
    tokio::time::advance(Duration::from_hours(24)).await;
    asked(&built).await.1.unwrap();
    asked(&built).await.1.unwrap_err();
}

#[test]
fn a_head_and_a_block_say_the_same() {
    let read = |text: &str| policy::<Config>(text, &[], Vec::new(), false);
    let (head, found) = read("limit l 50/s by client.ip burst 100");
    assert_eq!(found, []);
    assert_eq!(read("limit l { rate 50/s; by client.ip; burst 100 }").0, head);
    let (head, found) = read("limit l 64 concurrent by client.ip");
    assert_eq!(found, []);
    assert!(head.is_some());
    assert_eq!(read("limit l { rate 64 concurrent; by client.ip }").0, head);
}

#[test]
fn what_cannot_be_counted_is_refused() {
    for (text, code) in [
        ("limit l 10/min by claim.sub", Code::LimitKeyNeedsAuth),
        ("limit l 10/min by \"${key.name}\"", Code::LimitKeyNeedsAuth),
        ("limit l 10/min { when user.name == \"a\" -> 5/min }", Code::LimitKeyNeedsAuth),
        ("limit l 10/min by query(\"q\")", Code::LimitKeyOptional),
        ("limit l 10/min by header(\"x\") ?? \"none\"", Code::LimitSpoofableKey),
        ("limit l 600/min by client.ip burst 9", Code::LimitBurstBelowRate),
        ("limit l 10/d", Code::LimitPeriodNeedsStore),
        ("limit l 10/d store nowhere", Code::NameUnknown),
        ("limit l 10", Code::TypeUnit),
        ("limit l 10/min concurrent", Code::TypeMismatch),
        ("limit l 10/min algorithm fixed_window burst 5", Code::SchemaArity),
        ("limit l 5 concurrent burst 5", Code::SchemaArity),
        ("limit l 20_000/min algorithm sliding_log", Code::TypeRange),
        ("limit l 0/min", Code::TypeRange),
        ("limit l 9/min { when request.method == GET -> 5/min; when request.host == a.b -> 6/min }", Code::RouteWhenOverlap),
    ] {
        assert_eq!(found(text), [code], "{text}");
    }
    assert_eq!(found("limit l 10/month store shared"), []);
    assert_eq!(found("limit l 9/min { when request.method == GET -> 5/min; when request.method == PUT -> 6/min }"), []);
    assert_eq!(found("limit l 9/min { when request.method in [GET] -> 5/min; when request.method != GET -> 6/min }"), []);
}
