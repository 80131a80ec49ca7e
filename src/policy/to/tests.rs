use super::{Arm, Choice, Config};
use crate::http::UpstreamIndex;
use crate::lang::value::Percent;
use crate::policy::Policy;
use crate::policy::testing::{Checked, check};

const LATER: &str = "gate::schema::not-available";

/// The codes besides the one that the word itself gets.
fn codes(checked: &Checked<Config>) -> Vec<&str> {
    checked.found.iter().map(|(code, _)| code.as_str()).filter(|code| *code != LATER).collect()
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
