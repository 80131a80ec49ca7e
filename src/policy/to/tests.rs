use super::{Arm, Choice, Config};
use crate::http::UpstreamIndex;
use crate::http::exchange::testing::exchange;
use crate::lang::value::Percent;
use crate::policy::Policy;
use crate::policy::testing::{Checked, build, caller, check};

fn codes(checked: &Checked<Config>) -> Vec<&str> {
    checked.found.iter().map(|(code, _)| code.as_str()).collect()
}

#[test]
fn arms_and_shares_name_their_upstreams() {
    let checked = check::<Config>(&["to { when header(\"x\") == \"a\" -> a; split 95% a, 5% b sticky claim.sub }"]);
    assert_eq!(codes(&checked), [""; 0]);
    let config = checked.config.unwrap();
    assert_eq!(config.upstreams(), [UpstreamIndex(0), UpstreamIndex(0), UpstreamIndex(1)]);
    let [Arm { upstream: 0, .. }] = config.arms.as_slice() else { panic!("{config:?}") };
    let Some(Choice::Split { shares, sticky: Some(_) }) = &config.otherwise else { panic!("{config:?}") };
    assert_eq!(*shares, [(Percent(9_500), 0), (Percent(500), 1)]);
    let same = check::<Config>(&["to { when header(\"x\") == \"a\" -> a; else -> split 95% a, 5% b sticky claim.sub }"]);
    assert_eq!(same.config, Some(config));
}

#[test]
fn what_no_request_could_be_sent_by_is_refused() {
    for (text, code) in [
        ("to { split 50% a, 60% b }", "gate::route::split-sum"),
        ("to { split 100% a }", "gate::schema::arity"),
        ("to { split 50% a, 50% }", "gate::schema::arity"),
        ("to { split 50% a, 50% b sticky }", "gate::schema::arity"),
        ("to { else -> a 50% b }", "gate::schema::arity"),
        ("to { else -> a; split 50% a, 50% b }", "gate::schema::repeated"),
        ("to { when claim.role == \"x\" -> a }", "gate::route::no-target"),
        ("to { when claim.role == \"x\" -> a; when claim.sub == \"x\" -> b; else -> a }", "gate::route::when-overlap"),
        ("to { when response.status == 200 -> a; else -> b }", "gate::type::too-early"),
        ("to { else -> c }", "gate::name::unknown"),
    ] {
        assert_eq!(codes(&check::<Config>(&[text])), [code], "{text}");
    }
}

/// How many of so many requests, each of another user, go to the second upstream.
async fn to_b(text: &str, requests: u32, header: &str) -> Vec<bool> {
    let parts = build(&check::<Config>(&[text]).sound());
    let mut went = Vec::new();
    for number in 0..requests {
        let mut exchange = exchange("GET", "/x/1/a", &[("x", header)]);
        caller(&mut exchange, &format!("user-{number}"), "user");
        let _ = parts.request(&mut exchange).await;
        went.push(exchange.upstream.unwrap() == UpstreamIndex(1));
    }
    went
}

fn count(went: &[bool]) -> usize {
    went.iter().filter(|to_b| **to_b).count()
}

#[tokio::test]
async fn the_arm_whose_condition_holds_takes_a_request() {
    let text = "to { when header(\"x\") == \"beta\" -> b; else -> a }";
    assert_eq!((count(&to_b(text, 3, "beta").await), count(&to_b(text, 3, "").await)), (3, 0));
}

#[tokio::test]
async fn shares_are_kept_in_every_run_of_requests() {
    let went = to_b("to { split 95% a, 5% b }", 1_000, "").await;
    assert!(went.chunks(100).all(|hundred| (4..=6).contains(&count(hundred))));
}

#[tokio::test]
async fn a_sticky_split_sends_the_same_value_to_the_same_upstream() {
    let text = "to { split 75% a, 25% b sticky claim.sub }";
    let went = to_b(text, 4_000, "").await;
    assert!((920..1_080).contains(&count(&went)), "{}", count(&went));
    assert_eq!(to_b(text, 4_000, "").await, went);
    // Whoever was in a share stays in it when it grows.
    let grown = to_b("to { split 50% a, 50% b sticky claim.sub }", 4_000, "").await;
    assert!(went.iter().zip(&grown).all(|(was, is)| !was || *is));
}
