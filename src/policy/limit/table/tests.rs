//! Counters by key beside a model that forgets nothing, and the bound on their memory.

use super::{Counter, ENTRY_BYTES, Id, Table};
use crate::policy::limit::Algorithm;
use crate::policy::limit::count::{Rule, State};
use crate::policy::limit::limiter::{BYTES_MAX, Limiter};
use proptest::prelude::{Strategy, prop, prop_assert, prop_assert_eq, proptest};
use std::collections::HashMap;

const SECOND: u64 = 1_000_000_000;
const ALGORITHMS: [Algorithm; 4] = [Algorithm::TokenBucket, Algorithm::FixedWindow, Algorithm::SlidingWindow, Algorithm::SlidingLog];

fn rule(algorithm: Algorithm, count: u64) -> Rule {
    Rule { algorithm, count, period: 60 * SECOND, burst: count }
}

/// Ids that share their low halves, which the index is looked up by.
fn id(key: u128) -> Id {
    Id((key << 64) | (key % 3))
}

/// What is done to which key, and how much time passes before.
#[derive(Debug, Clone)]
enum Step {
    Take(u8),
    GiveBack(u8),
    Wait(u64),
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let step = prop::strategy::Union::new_weighted(vec![
        (6, (0_u8..24).prop_map(Step::Take).boxed()),
        (1, (0_u8..24).prop_map(Step::GiveBack).boxed()),
        (2, (0_u64..40).prop_map(|seconds| Step::Wait(seconds * SECOND)).boxed()),
    ]);
    prop::collection::vec(step, 1..200)
}

proptest! {
    #[test]
    fn keys_are_counted_apart_and_only_those_said_to_be_forgotten_are(
        steps in steps(),
        algorithm in prop::sample::select(ALGORITHMS.to_vec()),
        keys_max in 1_usize..32,
    ) {
        // All keys in one of the parts of a limiter: the bound is what a few of them need.
        let limiter = Limiter::with_bytes("l", 64 * keys_max * (ENTRY_BYTES + 64));
        let rule = rule(algorithm, 3);
        let mut model: HashMap<u8, State> = HashMap::new();
        let (mut now, mut strange) = (1_800_000_000 * SECOND, 0);
        for step in steps {
            match step {
                Step::Wait(time) => now += time,
                Step::GiveBack(key) => {
                    if let Some(state) = model.get_mut(&key) {
                        state.give_back(&rule, now);
                    }
                    limiter.give_back(limiter.id(&[key]), &rule, now);
                }
                Step::Take(key) => {
                    let state = model.entry(key).or_insert_with(|| State::new(algorithm));
                    let expected = state.clone().take(&rule, now);
                    let decision = limiter.take(limiter.id(&[key]), &rule, now);
                    if decision == expected {
                        state.take(&rule, now);
                    } else {
                        strange += 1;
                        // It began anew: so does the model.
                        let mut anew = State::new(algorithm);
                        prop_assert_eq!(decision, anew.take(&rule, now));
                        *state = anew;
                    }
                }
            }
            prop_assert!(strange <= limiter.tally().forgotten, "{} began anew, {:?}", strange, limiter.tally());
        }
    }

    #[test]
    fn a_table_finds_what_it_holds_and_knows_what_it_costs(
        steps in prop::collection::vec((0_u128..40, 0_u8..4, 0_u64..64), 1..300),
        keys_max in 1_usize..24,
    ) {
        let mut table = Table::new(keys_max * ENTRY_BYTES);
        let mut model: HashMap<u128, u64> = HashMap::new();
        for (key, what, idle_at) in steps {
            let known = id(key);
            match what {
                0 => { table.remove(known); model.remove(&key); }
                1 => {
                    let changed = table.change(known, |_| ((), idle_at));
                    prop_assert_eq!(changed.is_some(), model.contains_key(&key));
                    model.entry(key).and_modify(|until| *until = idle_at);
                }
                2 => {
                    table.sweep(idle_at);
                    model.retain(|key, until| *until > idle_at || table.get(id(*key)).is_some());
                }
                _ => {
                    if let std::collections::hash_map::Entry::Vacant(vacant) = model.entry(key) {
                        table.insert(known, Counter::Slots(1), idle_at);
                        vacant.insert(idle_at);
                        let before = model.len();
                        let forgotten = table.shrink(known, 32);
                        model.retain(|key, _| table.get(id(*key)).is_some());
                        prop_assert!(forgotten as usize <= before - model.len());
                        prop_assert!(model.contains_key(&key), "the one that came is kept");
                        prop_assert!(table.bytes() <= keys_max * ENTRY_BYTES);
                    }
                }
            }
            prop_assert_eq!(table.len(), model.len());
            prop_assert_eq!(table.bytes(), model.len() * ENTRY_BYTES);
            for known in model.keys() {
                prop_assert!(table.get(id(*known)).is_some());
            }
        }
    }
}

#[test]
fn an_entry_is_one_cache_line() {
    assert_eq!(ENTRY_BYTES, 64 + 16);
}

#[test]
fn idle_keys_make_room_for_new_ones() {
    let limiter = Limiter::with_bytes("l", 64 * 8 * ENTRY_BYTES);
    let rule = rule(Algorithm::TokenBucket, 60);
    for number in 0_u64..5_000 {
        // Each is idle a second after it came.
        let now = SECOND * (100 + number / 50);
        assert!(limiter.take(limiter.id(&number.to_be_bytes()), &rule, now).allowed);
    }
    assert_eq!(limiter.tally().forgotten, 0);
    assert!(limiter.keys() < 512, "{}", limiter.keys());
}

#[test]
fn a_flood_of_new_keys_buys_nobody_a_fresh_counter() {
    let limiter = Limiter::with_bytes("l", 64 * 64 * ENTRY_BYTES);
    let rule = rule(Algorithm::TokenBucket, 60);
    let spent = limiter.id(b"spent");
    while limiter.take(spent, &rule, SECOND).allowed {}
    for number in 0_u64..100_000 {
        assert!(limiter.take(limiter.id(&number.to_be_bytes()), &rule, SECOND).allowed);
    }
    assert!(limiter.tally().forgotten > 90_000, "{:?}", limiter.tally());
    assert!(!limiter.take(spent, &rule, SECOND).allowed);
}

#[test]
fn long_logs_are_part_of_the_bound() {
    let bytes_max = 64 * (16 << 10);
    let limiter = Limiter::with_bytes("l", bytes_max);
    let rule = rule(Algorithm::SlidingLog, 10_000);
    for number in 0_u64..300_000 {
        assert!(limiter.take(limiter.id(&(number % 300).to_be_bytes()), &rule, SECOND + number).allowed);
    }
    assert!(limiter.bytes() <= bytes_max, "{}", limiter.bytes());
    assert!(limiter.tally().forgotten > 0);
    let before = limiter.bytes();
    for number in 0_u64..300 {
        assert!(limiter.take(limiter.id(&number.to_be_bytes()), &rule, 120 * SECOND).allowed);
    }
    assert!(limiter.bytes() < before / 4, "what became short gives its memory back: {} of {before}", limiter.bytes());
}

/// Set in the process that measures itself, in which nothing else runs.
const ALONE: &str = "GATEWRIGHT_TEST_ALONE";
/// What a process may have at most whose one limit has its default bound.
const PROCESS_BYTES_MAX: u64 = 256 << 20;

/// The most memory this process ever had, as the machine counts it, in bytes.
fn resident_max() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap();
    line.trim().trim_end_matches(" kB").parse::<u64>().unwrap() * 1024
}

#[test]
fn ten_million_distinct_keys_leave_the_process_small() {
    if std::env::var_os(ALONE).is_none() {
        let name = "policy::limit::table::tests::ten_million_distinct_keys_leave_the_process_small";
        let mut alone = std::process::Command::new(std::env::current_exe().unwrap());
        let output = alone.args(["--exact", name, "--nocapture"]).env(ALONE, "1").output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        assert!(String::from_utf8_lossy(&output.stdout).contains("1 passed"), "it ran: {output:?}");
        return;
    }
    let limiter = Limiter::new("l");
    let rule = rule(Algorithm::TokenBucket, 100);
    for number in 0_u64..10_000_000 {
        assert!(limiter.take(limiter.id(&number.to_be_bytes()), &rule, SECOND).allowed);
    }
    assert!(limiter.keys() > 800_000, "{}", limiter.keys());
    eprintln!("{} MiB resident at most, {} MiB of counters", resident_max() >> 20, limiter.bytes() >> 20);
    assert!(resident_max() < PROCESS_BYTES_MAX, "{}", resident_max());
}

#[test]
fn ten_million_keys_keep_to_the_bound() {
    const EACH: u64 = 2_500_000;
    let limiter = Limiter::new("l");
    let rule = rule(Algorithm::TokenBucket, 100);
    let counted: u64 = std::thread::scope(|scope| {
        let flood = |thread: u64| {
            // Spread as a hash would, without its cost.
            let id = |number: u64| Id(u128::from(number + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15_f39c_c060_5ced_c835));
            let limiter = &limiter;
            move || (thread * EACH..(thread + 1) * EACH).filter(|number| limiter.take(id(*number), &rule, SECOND).allowed).count() as u64
        };
        let threads: Vec<_> = (0..4).map(|thread| scope.spawn(flood(thread))).collect();
        threads.into_iter().map(|thread| thread.join().unwrap()).sum()
    });
    assert_eq!(counted, 10_000_000);
    assert!(limiter.bytes() <= BYTES_MAX, "{}", limiter.bytes());
    assert!(limiter.keys() > 800_000, "{}", limiter.keys());
    assert_eq!(limiter.tally().forgotten, 10_000_000 - limiter.keys() as u64, "each that was in use was counted");
}
