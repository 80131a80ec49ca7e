use super::{Change, Events, KEPT_MAX, Kind};
use std::collections::HashSet;

#[test]
fn the_last_are_kept_and_found_by_number_and_kind() {
    let events = Events::default();
    for _ in 0..KEPT_MAX {
        events.tell(Change::TargetDown, "users", "target 10.0.0.1:80 is down");
    }
    events.tell(Change::Reloaded, "gateway", "reloaded");
    let all = events.recent(0, &[]);
    assert_eq!((all.len(), all[0].number, events.told()), (KEPT_MAX, 2, KEPT_MAX as u64 + 1));
    let found = events.recent(0, &[Kind::Reload]);
    assert_eq!((found.len(), found[0].change), (1, Change::Reloaded));
    assert!(events.recent(found[0].number, &[]).is_empty());
    events.tell(Change::Draining, "gateway", "draining");
    // Two of all kinds have made room; who knew one of them has missed one, whatever kind it asks for.
    for (since, kinds, missed) in [(0, &[][..], 2), (1, &[Kind::Drain], 1), (2, &[], 0), (500, &[Kind::Health], 0)] {
        assert_eq!(events.look_back(since, kinds).missed, missed, "{since}");
    }
    assert_eq!(Events::default().look_back(0, &[]).missed, 0);
}

#[test]
fn long_details_make_room_for_each_other() {
    let events = Events::default();
    for _ in 0..KEPT_MAX {
        events.tell(Change::ReloadRefused, "gateway", "x".repeat(super::DETAIL_BYTES_MAX));
    }
    assert_eq!(events.recent(0, &[]).len(), super::KEPT_BYTES_MAX / super::DETAIL_BYTES_MAX);
    assert_eq!(events.recent(0, &[]).last().unwrap().number, KEPT_MAX as u64);
}

#[test]
fn an_event_is_an_object_of_plain_members() {
    let events = Events::of("berlin-1");
    events.tell(Change::BreakerOpened, "users", "the breaker opened");
    let event = serde_json::to_value(&*events.recent(0, &[])[0]).unwrap();
    for (name, expected) in [
        ("event", "breaker"),
        ("change", "breaker_opened"),
        ("instance", "berlin-1"),
        ("subject", "users"),
        ("detail", "the breaker opened"),
    ] {
        assert_eq!(event[name], expected);
    }
    assert!(event["at"].as_str().unwrap().ends_with('Z'), "{event}");
}

#[test]
fn a_listener_that_is_slow_learns_how_many_it_missed() {
    let events = Events::default();
    let mut listener = events.listen();
    for _ in 0..super::WAITING_MAX + 7 {
        events.tell(Change::LimitReached, "per_ip", "refuses");
    }
    assert_eq!(listener.try_recv(), Err(tokio::sync::broadcast::error::TryRecvError::Lagged(7)));
    assert_eq!(listener.try_recv().unwrap().number, 8);
}

#[test]
fn a_detail_is_cut_where_it_is_too_long() {
    let events = Events::default();
    events.tell(Change::ReloadRefused, "gateway", "é".repeat(super::DETAIL_BYTES_MAX));
    let detail = &events.recent(0, &[])[0].detail;
    assert!(detail.len() <= super::DETAIL_BYTES_MAX + 3 && detail.ends_with("é…"), "{}", detail.len());
}

#[test]
fn names_are_told_apart_and_found_again() {
    let names: HashSet<_> = Change::ALL.iter().map(|change| change.name()).collect();
    assert_eq!(names.len(), Change::ALL.len());
    for kind in Kind::ALL {
        assert_eq!(Kind::named(kind.name()), Some(*kind));
        assert!(Change::ALL.iter().any(|change| change.kind() == *kind), "{kind:?}");
    }
}
