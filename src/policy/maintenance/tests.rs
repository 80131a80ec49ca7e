use super::{Config, KIND, Switch};
use crate::http::exchange::testing::exchange;
use crate::policy::{Build, Registry, cors};
use crate::policy::fixtures::{Fixed, building, policy};
use crate::policy::Policy as _;
use std::sync::Arc;

#[tokio::test]
async fn a_closed_route_says_when_to_come_again() {
    let config: Config = policy("maintenance flag \"closed\"", &[], Vec::new(), false).0.unwrap();
    let mut registry = Registry::new();
    let ((), built) = building(&[], &mut registry, &Fixed::default(), |build| config.build(build)).unwrap();
    let switch: Arc<Switch> = registry.each(KIND).next().unwrap();
    assert_eq!((switch.route(), switch.flag()), ("r", Some("closed")));
    assert!(built.ask(&mut exchange("GET", "/x", &[])).await.unwrap().is_none());
    switch.turn(Some(true));
    let problem = built.ask(&mut exchange("GET", "/x", &[])).await.unwrap_err();
    assert_eq!((problem.status.as_u16(), problem.headers[0].1.to_str().unwrap()), (503, "60"));
}

#[test]
fn the_hand_goes_before_the_file() {
    let switch = Switch::new("r", Some("closed"));
    switch.saw(Ok(true));
    assert!(switch.is_on());
    switch.turn(Some(false));
    assert!(!switch.is_on());
    switch.saw(Ok(true));
    assert!(!switch.is_on());
    switch.turn(None);
    assert!(switch.is_on());
    switch.saw(Ok(false));
    assert!(!switch.is_on());
}

#[test]
fn a_file_that_nobody_can_look_for_counts_as_missing() {
    let switch = Switch::new("r", Some("closed"));
    switch.saw(Ok(true));
    switch.saw(Err(std::io::ErrorKind::PermissionDenied.into()));
    assert!(!switch.is_on());
    switch.saw(Ok(true));
    assert!(switch.is_on());
}

#[test]
fn an_unchanged_switch_stays_turned_over_a_reload() {
    let mut registry = Registry::new();
    let config = |flag: Option<&str>| Config { route: "r".to_owned(), flag: flag.map(str::to_owned) };
    let mut turned = |config: &Config, on: Option<bool>| {
        building(&[], &mut registry, &Fixed::default(), |build| config.build(build)).unwrap();
        registry.commit();
        let switch: Arc<Switch> = registry.each(KIND).next().unwrap();
        let before = switch.is_on();
        switch.turn(on);
        before
    };
    assert!(!turned(&config(None), Some(true)));
    assert!(turned(&config(None), Some(true)));
    assert!(!turned(&config(Some("f")), None));
}

#[tokio::test]
async fn a_preflight_is_answered_while_the_route_is_closed() {
    let config: Config = policy("maintenance", &[], Vec::new(), false).0.unwrap();
    let cors: cors::Config = policy("cors { origins [\"https://shop.example\"]; methods [PUT] }", &[], Vec::new(), false).0.unwrap();
    let mut registry = Registry::new();
    let build = |build: &mut Build<'_>| config.build(build).and_then(|()| cors.build(build));
    let ((), mut built) = building(&[], &mut registry, &Fixed::default(), build).unwrap();
    built.request.sort_by_key(|(place, _)| *place);
    registry.each::<Switch>(KIND).next().unwrap().turn(Some(true));
    let origin = ("origin", "https://shop.example");
    let reply = built.ask(&mut exchange("OPTIONS", "/x", &[origin, ("access-control-request-method", "PUT")])).await.unwrap().unwrap();
    assert_eq!(reply.status, 204);
    assert_eq!(built.ask(&mut exchange("PUT", "/x", &[origin])).await.unwrap_err().status, 503);
}
