use super::Config;
use crate::http::exchange::testing::exchange;
use crate::policy::testing::{Outcome, build, caller, check};

async fn outcome(levels: &[&str], role: &str) -> Option<u16> {
    let parts = build(&check::<Config>(levels).sound());
    let mut exchange = exchange("GET", "/x/1/a", &[("x-zone", "inner")]);
    caller(&mut exchange, "7", role);
    match parts.request(&mut exchange).await {
        Outcome::Through => None,
        other => Some(other.refused().status.as_u16()),
    }
}

#[tokio::test]
async fn a_requirement_that_fails_is_403_or_what_is_written() {
    assert_eq!(outcome(&["require claim.role == \"admin\""], "admin").await, None);
    assert_eq!(outcome(&["require claim.role == \"admin\""], "user").await, Some(403));
    assert_eq!(outcome(&["require claim.role == \"admin\" else 402"], "user").await, Some(402));
}

#[tokio::test]
async fn rules_of_all_levels_hold_together() {
    let levels = ["require claim.role != \"guest\"", "require claim.sub == \"7\"\nallow client.ip in [192.0.2.0/24]"];
    assert_eq!(outcome(&levels, "user").await, None);
    assert_eq!(outcome(&levels, "guest").await, Some(403));
    assert_eq!(outcome(&["allow client.ip in [10.0.0.0/8]", "require claim.sub == \"7\""], "user").await, Some(403));
}

#[tokio::test]
async fn deny_refuses_what_it_names() {
    assert_eq!(outcome(&["deny header(\"x-zone\") == \"inner\" else 404"], "user").await, Some(404));
    assert_eq!(outcome(&["deny header(\"x-zone\") == \"outer\""], "user").await, None);
}

#[test]
fn who_asks_is_not_known_to_allow() {
    assert_eq!(check::<Config>(&["allow claim.role == \"admin\""]).code(), "gate::type::too-early");
}

#[test]
fn constant_conditions_are_reported() {
    assert_eq!(check::<Config>(&["require 1 == 2"]).code(), "gate::require::never");
    assert_eq!(check::<Config>(&["require true or claim.sub == \"7\""]).code(), "gate::require::always");
    assert_eq!(check::<Config>(&["deny true"]).code(), "gate::require::never");
    assert_eq!(check::<Config>(&["deny not true"]).code(), "gate::require::always");
}

#[test]
fn a_refusal_has_the_status_of_an_error() {
    assert_eq!(check::<Config>(&["require claim.sub == \"7\" else 200"]).code(), "gate::type::range");
    assert_eq!(check::<Config>(&["require claim.sub == \"7\" else 4xx"]).code(), "gate::type::range");
}
