//! Limits that two gateways share through a real Redis, well, killed, frozen and back.

use crate::harness::{Answer, Gate, Origin, Redis, until};
use gatewright::events::{Change, Kind};
use std::sync::atomic::{AtomicUsize, Ordering};
use tokio::time::Instant;

const POLICY: &str = r#"
gateway { listen 127.0.0.1:0 }
store shared redis { url env("REDIS"); timeout 2s; on_failure local }
route counted GET /** {
  public "a test"
  limit l 1000/min by client.ip algorithm token_bucket store shared
  respond 200 text "counted"
}
"#;

const REQUESTS: usize = 10_000;
const CLIENTS: usize = 8;

fn two(redis: &Redis, change: impl Fn(&str) -> String) -> [Gate; 2] {
    [(); 2].map(|()| Gate::source(change(POLICY)).secret("REDIS", redis.url()).start())
}

/// Sends requests to both, over connections that stay: how many were let through. Any other status than 200 and 429 fails.
fn flood(gates: &[Gate; 2], requests: usize) -> usize {
    let allowed = AtomicUsize::new(0);
    std::thread::scope(|scope| {
        for nth in 0..CLIENTS {
            let (gate, allowed) = (&gates[nth % 2], &allowed);
            scope.spawn(move || {
                let mut client = gate.connect();
                for _ in 0..requests / CLIENTS {
                    gate.get("/").over(&mut client);
                    match client.read().status {
                        200 => allowed.fetch_add(1, Ordering::Relaxed),
                        429 => 0,
                        other => panic!("{other}"),
                    };
                }
            });
        }
    });
    allowed.into_inner()
}

// What each algorithm may let through beyond its count in the time that passed: what a bucket earned, a window that began, what the
/// window before no longer weighs.
#[test]
fn two_gateways_share_one_budget_by_every_algorithm() {
    let Some(redis) = Redis::start() else { return };
    for algorithm in ["sliding_log", "token_bucket", "fixed_window", "sliding_window"] {
        let gates = two(&redis, |text| text.replace("token_bucket", algorithm));
        let began = Instant::now();
        let allowed = flood(&gates, REQUESTS);
        let earned = 1_000 * usize::try_from(began.elapsed().as_millis()).unwrap() / 60_000 + 1;
        let model = match algorithm {
            "sliding_log" => vec![1_000..=1_000],
            "token_bucket" => vec![1_000..=1_000 + earned],
            "fixed_window" => vec![1_000..=1_000, 2_000..=2_000],
            _ => vec![1_000..=1_000 + earned],
        };
        let within = |range: &std::ops::RangeInclusive<usize>| (range.start() * 98 / 100..=range.end() * 102 / 100).contains(&allowed);
        assert!(model.iter().any(within), "{algorithm}: {allowed} of {REQUESTS} in {:?}", began.elapsed());
    }
}

#[test]
fn places_are_shared_and_given_back() {
    let Some(redis) = Redis::start() else { return };
    let app = Origin::start(|received| if received.target == "/held" { Answer::Hang } else { Answer::json(200, "{}") });
    let change = |text: &str| {
        let text = text.replace("1000/min by client.ip algorithm token_bucket", "2 concurrent");
        let text = text.replace("  respond 200 text \"counted\"\n", "").replace("/** {", "/** -> app {");
        text + "upstream app { target http://{app} }\n"
    };
    let gates = [(); 2].map(|()| Gate::source(change(POLICY)).origin("app", &app).secret("REDIS", redis.url()).start());
    let mut held: Vec<_> = gates.iter().map(Gate::connect).collect();
    for (gate, client) in gates.iter().zip(&mut held) {
        gate.get("/held").over(client);
    }
    app.until_begun(2);
    for gate in &gates {
        gate.get("/").send().expect(429);
    }
    held.pop();
    until("the place of a client that went away", || (gates[0].get("/").send().status == 200).then_some(()));
}

/// Until both gateways refuse: how many were let through.
fn exhaust(gates: &[Gate; 2]) -> usize {
    flood(gates, 240 * CLIENTS)
}

#[test]
fn a_redis_that_is_killed_frozen_and_back_fails_no_request() {
    let Some(mut redis) = Redis::start() else { return };
    let mut gates = two(&redis, |text| text.replace("1000/min", "100/h").replace("token_bucket", "sliding_log"));
    let told = |gates: &mut [Gate; 2], change: Change| {
        for gate in gates {
            let seen = until("an event", || {
                let seen = gate.events(Kind::Store);
                (!seen.is_empty()).then_some(seen)
            });
            assert_eq!(seen, [change]);
        }
    };
    assert_eq!(exhaust(&gates), 100, "together");
    redis.kill();
    assert_eq!(exhaust(&gates), 200, "each for itself");
    told(&mut gates, Change::StoreDown);
    assert!(redis.begin());
    told(&mut gates, Change::StoreUp);
    assert_eq!(exhaust(&gates), 100, "together again, and from the beginning: it had forgotten all");
    redis.freeze(true);
    let began = Instant::now();
    assert_eq!(exhaust(&gates), 0, "what each had counted for itself still stands");
    assert!(began.elapsed().as_secs() < 15, "{:?}", began.elapsed());
    told(&mut gates, Change::StoreDown);
    redis.freeze(false);
    told(&mut gates, Change::StoreUp);
    assert_eq!(exhaust(&gates), 0);
}

#[test]
fn closed_is_a_503_and_open_is_no_limit() {
    let Some(mut redis) = Redis::start() else { return };
    redis.kill();
    let closed = two(&redis, |text| text.replace("on_failure local", "on_failure closed"));
    let refused = closed[0].get("/").send().expect(503);
    assert_eq!(refused.field("retry-after"), Some("1"));
    let open = two(&redis, |text| text.replace("on_failure local", "on_failure open").replace("1000/min", "1/h"));
    assert_eq!(flood(&open, 64), 64);
}
