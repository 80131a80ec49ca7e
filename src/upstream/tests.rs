use super::breaker::{Breaker, Config, Opens, State};
use proptest::prelude::{Just, Strategy, any, prop, prop_assert_eq, prop_oneof, proptest};
use std::sync::Arc;
use std::time::Duration;
use tokio::time::Instant;

/// What a probe has.
const TIME: Duration = Duration::from_secs(10_000);

fn breaker(opens: Opens, probes: u32) -> Arc<Breaker> {
    Arc::new(Breaker::new(Config { opens, cooldown: Duration::from_secs(30), probes }))
}

fn attempt(breaker: &Arc<Breaker>, success: bool, now: Instant) {
    breaker.admit(now, TIME).unwrap().settle(success, now);
}

#[test]
fn it_opens_after_failures_in_a_row_and_a_probe_closes_it() {
    let (breaker, start) = (breaker(Opens::AfterFailures(3), 1), Instant::now());
    for success in [false, false, true, false, false, false] {
        assert_eq!(breaker.state(start), State::Closed);
        attempt(&breaker, success, start);
    }
    assert_eq!(breaker.state(start), State::Open);
    assert_eq!(breaker.admit(start + Duration::from_secs(10), TIME).unwrap_err(), Duration::from_secs(20));
    let later = start + Duration::from_secs(30);
    let probe = breaker.admit(later, TIME).unwrap();
    assert_eq!(breaker.state(later), State::HalfOpen);
    assert!(breaker.admit(later, TIME).is_err());
    probe.settle(true, later);
    assert_eq!(breaker.state(later), State::Closed);
}

#[test]
fn a_failed_probe_opens_it_again_and_a_lost_one_frees_its_slot() {
    let (breaker, start) = (breaker(Opens::AfterFailures(1), 1), Instant::now());
    attempt(&breaker, false, start);
    let later = start + Duration::from_secs(30);
    drop(breaker.admit(later, TIME).unwrap());
    attempt(&breaker, false, later);
    assert_eq!(breaker.state(later), State::Open);
}

#[test]
fn a_probe_that_takes_longer_than_its_time_gives_way_to_another() {
    let (breaker, start) = (breaker(Opens::AfterFailures(1), 1), Instant::now());
    attempt(&breaker, false, start);
    let (first, second) = (start + Duration::from_secs(30), start + Duration::from_secs(40));
    let slow = breaker.admit(first, Duration::from_secs(10)).unwrap();
    assert!(breaker.admit(second - Duration::from_millis(1), Duration::from_secs(10)).is_err());
    let probe = breaker.admit(second, Duration::from_secs(10)).unwrap();
    assert!(breaker.admit(second, Duration::from_secs(10)).is_err());
    probe.settle(true, second);
    slow.settle(false, second);
    assert_eq!(breaker.state(second), State::Closed);
}

#[test]
fn an_attempt_from_before_it_opened_does_not_count_as_a_probe() {
    let (breaker, start) = (breaker(Opens::AfterFailures(1), 1), Instant::now());
    let slow = breaker.admit(start, TIME).unwrap();
    attempt(&breaker, false, start);
    let later = start + Duration::from_secs(30);
    let _probe = breaker.admit(later, TIME).unwrap();
    slow.settle(true, later);
    assert_eq!(breaker.state(later), State::HalfOpen);
}

#[test]
fn a_share_counts_only_within_its_window_and_from_its_least() {
    let opens = Opens::Share { share: 5_000, least: 4, window: Duration::from_secs(10) };
    let (breaker, start) = (breaker(opens, 1), Instant::now());
    for success in [false, false, false] {
        attempt(&breaker, success, start);
    }
    let later = start + Duration::from_secs(11);
    for success in [true, true, false] {
        attempt(&breaker, success, later);
    }
    assert_eq!(breaker.state(later), State::Closed);
    attempt(&breaker, false, later);
    assert_eq!(breaker.state(later), State::Open);
}

#[test]
fn by_hand_it_stays_open_until_it_is_closed_by_hand() {
    let (breaker, start) = (breaker(Opens::AfterFailures(1), 1), Instant::now());
    let under_way = breaker.admit(start, TIME).unwrap();
    breaker.hold();
    under_way.settle(true, start);
    let later = start + Duration::from_secs(3_600);
    assert_eq!(breaker.admit(later, TIME).unwrap_err(), Duration::from_secs(30));
    assert_eq!((breaker.state(later), breaker.is_held()), (State::Open, true));
    breaker.close();
    assert_eq!((breaker.state(later), breaker.is_held()), (State::Closed, false));
    attempt(&breaker, true, later);
}

#[test]
fn closed_by_hand_it_counts_anew() {
    let (breaker, start) = (breaker(Opens::AfterFailures(2), 1), Instant::now());
    attempt(&breaker, false, start);
    attempt(&breaker, false, start);
    assert_eq!((breaker.state(start), breaker.failures()), (State::Open, 2));
    breaker.close();
    attempt(&breaker, false, start);
    assert_eq!((breaker.state(start), breaker.failures()), (State::Closed, 1));
    attempt(&breaker, false, start);
    assert_eq!(breaker.state(start), State::Open);
}

#[derive(Debug, Clone)]
enum Event {
    Begin,
    End(usize, Option<bool>),
    Wait(u64),
}

fn event() -> impl Strategy<Value = Event> {
    prop_oneof![
        3 => Just(Event::Begin),
        3 => (any::<usize>(), prop_oneof![Just(None), Just(Some(true)), Just(Some(false))]).prop_map(|(at, outcome)| Event::End(at, outcome)),
        1 => (1_u64..40).prop_map(Event::Wait),
    ]
}

/// The definition, told as plainly as possible.
struct Model {
    phase: u64,
    state: State,
    run: u32,
    until: u64,
    probing: u32,
    succeeded: u32,
}

impl Model {
    fn enter(&mut self, state: State, until: u64) {
        *self = Self { phase: self.phase + 1, state, run: 0, until, probing: 0, succeeded: 0 };
    }
}

proptest! {
    #[test]
    fn it_behaves_like_its_model(events in prop::collection::vec(event(), 1..60), most in 1_u32..4, probes in 1_u32..3) {
        let (breaker, start) = (breaker(Opens::AfterFailures(most), probes), Instant::now());
        let mut model = Model { phase: 0, state: State::Closed, run: 0, until: 0, probing: 0, succeeded: 0 };
        let (mut now, mut under_way) = (0, Vec::new());
        for event in events {
            let at = start + Duration::from_secs(now);
            match event {
                Event::Wait(seconds) => now += seconds,
                Event::Begin => {
                    if model.state == State::Open && now >= model.until {
                        model.enter(State::HalfOpen, 0);
                    }
                    let expected = match model.state {
                        State::Closed => true,
                        State::Open => false,
                        State::HalfOpen => model.probing + model.succeeded < probes,
                    };
                    let permit = breaker.admit(at, TIME);
                    prop_assert_eq!(permit.is_ok(), expected);
                    if let Ok(permit) = permit {
                        model.probing += 1;
                        under_way.push((model.phase, permit));
                    }
                }
                Event::End(at_index, outcome) if !under_way.is_empty() => {
                    let (phase, permit) = under_way.swap_remove(at_index % under_way.len());
                    // One that began while all was calm belongs to whichever closed phase it ends in; the model leaves
                    // such a permit out by giving its outcome only within its own phase.
                    let outcome = outcome.filter(|_| phase == model.phase);
                    match outcome {
                        Some(success) => permit.settle(success, at),
                        None => drop(permit),
                    }
                    if phase == model.phase {
                        model.probing -= 1;
                        match (model.state, outcome) {
                            (State::Closed, Some(true)) => model.run = 0,
                            (State::Closed, Some(false)) if model.run + 1 >= most => model.enter(State::Open, now + 30),
                            (State::Closed, Some(false)) => model.run += 1,
                            (State::HalfOpen, Some(false)) => model.enter(State::Open, now + 30),
                            (State::HalfOpen, Some(true)) => {
                                model.succeeded += 1;
                                if model.succeeded >= probes { model.enter(State::Closed, 0) }
                            }
                            (State::Closed | State::Open | State::HalfOpen, _) => {}
                        }
                    }
                }
                Event::End(..) => {}
            }
            let at = start + Duration::from_secs(now);
            let shown = if model.state == State::Open && now >= model.until { State::HalfOpen } else { model.state };
            prop_assert_eq!(breaker.state(at), shown);
        }
    }
}
