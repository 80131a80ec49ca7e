//! Which target takes a request: weights, cookies, splits, copies, and targets that die and return.

use crate::harness::{Answer, Gate, Origin, Program, Setup, until};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

/// A gateway in front of these targets, with what else is said of the upstream; `/gate/health` says how it stands.
fn before(targets: &[String], upstream: &str) -> Setup {
    let targets: String = targets.iter().map(|target| format!("  target {target}\n")).collect();
    Gate::source(format!(
        "gateway {{ listen 127.0.0.1:0 }}\nupstream app {{\n{targets}{upstream}\n}}\n\
         route everything ANY /** -> app {{ public \"a test\" }}\n\
         route health GET /gate/health {{\n  public \"a test\"\n  respond health\n}}\n"
    ))
}

fn url(origin: &Origin) -> String {
    format!("http://{}", origin.address())
}

fn healthy(gate: &Gate) -> u64 {
    let said: serde_json::Value = serde_json::from_str(gate.get("/gate/health").send().expect(200).text()).unwrap();
    said["upstreams"]["app"]["healthy"].as_u64().unwrap()
}

#[test]
fn turns_are_shared_by_weight_over_all_workers() {
    let (heavy, light) = (Origin::json("{}"), Origin::json("{}"));
    let targets = [format!("{} weight 3", url(&heavy)), url(&light)];
    let gate = before(&targets, "  balance round_robin").start();
    std::thread::scope(|scope| {
        for _ in 0..8 {
            scope.spawn(|| {
                let mut client = gate.connect();
                for _ in 0..50 {
                    gate.get("/").over(&mut client);
                    client.read().expect(200);
                }
            });
        }
    });
    assert_eq!((heavy.begun(), light.begun()), (300, 100));
}

/// Closes every connection while it is dead; counts what is not a probe.
fn mortal(dead: &Arc<AtomicBool>, asked: &Arc<AtomicUsize>) -> Origin {
    let (dead, asked) = (Arc::clone(dead), Arc::clone(asked));
    Origin::start(move |request| {
        if dead.load(Ordering::Acquire) {
            return Answer::Last(Vec::new());
        }
        if request.target == "/healthz" {
            assert_eq!(request.field("user-agent"), Some("gatewright-health"));
        } else {
            asked.fetch_add(1, Ordering::AcqRel);
        }
        Answer::json(200, "{}")
    })
}

#[test]
fn a_target_that_dies_is_left_out_and_returns_by_its_probes() {
    let (dead, asked) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicUsize::new(0)));
    let (one, others) = (mortal(&dead, &asked), [Origin::json("{}"), Origin::json("{}")]);
    let targets = [url(&one), url(&others[0]), url(&others[1])];
    let gate = before(&targets, "  health GET /healthz { every 50ms; timeout 5s; unhealthy_after 2 }").start();
    until("the target is asked", || {
        gate.get("/").send().expect(200);
        (asked.load(Ordering::Acquire) > 0).then_some(())
    });
    dead.store(true, Ordering::Release);
    until("the target is left out", || (healthy(&gate) == 2).then_some(()));
    let mut client = gate.connect();
    for _ in 0..100 {
        gate.get("/").over(&mut client);
        client.read().expect(200);
    }
    let before = asked.load(Ordering::Acquire);
    dead.store(false, Ordering::Release);
    until("the target is back", || (healthy(&gate) == 3).then_some(()));
    until("the target is asked again", || {
        gate.get("/").over(&mut client);
        client.read().expect(200);
        (asked.load(Ordering::Acquire) > before).then_some(())
    });
}

/// A process that answers everything, on a port of its own or on this one.
fn process(at: &str) -> Program {
    let text = "gateway {\n  listen {at}\n  workers 1\n}\nroute all ANY /** {\n  public \"a test\"\n  respond 200 text \"ok\"\n}\n";
    Program::run(&text.replace("{at}", at), &[], &[])
}

#[test]
fn a_process_that_is_killed_under_load_costs_no_client_an_error_and_returns_by_its_probes() {
    const CLIENTS: usize = 64;
    let mut processes = [process("127.0.0.1:0"), process("127.0.0.1:0"), process("127.0.0.1:0")];
    let addresses = processes.each_mut().map(Program::address);
    let said = "  retry { attempts 3 }\n  eject after 5 failures for 1s\n  health GET / { every 100ms; timeout 5s; unhealthy_after 2 }";
    let gate = before(&addresses.map(|address| format!("http://{address}")), said).start();
    let (answered, over) = (AtomicUsize::new(0), AtomicBool::new(false));
    let further = |count: usize| {
        let from = answered.load(Ordering::Acquire);
        until("answers", || (answered.load(Ordering::Acquire) >= from + count).then_some(()));
    };
    let [killed, ..] = processes;
    let reborn = std::thread::scope(|scope| {
        for _ in 0..CLIENTS {
            scope.spawn(|| {
                let mut client = gate.connect();
                while !over.load(Ordering::Acquire) {
                    gate.get("/").over(&mut client);
                    client.read().expect(200);
                    answered.fetch_add(1, Ordering::AcqRel);
                }
            });
        }
        further(CLIENTS * 20);
        killed.signal("KILL");
        until("it is left out", || (healthy(&gate) == 2).then_some(()));
        further(CLIENTS * 20);
        let reborn = process(&addresses[0].to_string());
        until("it is back", || (healthy(&gate) == 3).then_some(()));
        further(CLIENTS * 20);
        over.store(true, Ordering::Release);
        reborn
    });
    drop((killed, reborn));
}

#[test]
fn without_retries_only_what_is_in_flight_at_a_killed_process_fails() {
    const CLIENTS: usize = 64;
    let mut processes = [process("127.0.0.1:0"), process("127.0.0.1:0"), process("127.0.0.1:0")];
    let addresses = processes.each_mut().map(Program::address);
    let gate = before(&addresses.map(|address| format!("http://{address}")), "  eject after 1 failures for 1h").start();
    let (answered, failed) = (AtomicUsize::new(0), AtomicUsize::new(0));
    std::thread::scope(|scope| {
        for _ in 0..CLIENTS {
            scope.spawn(|| {
                let mut client = gate.connect();
                for _ in 0..100 {
                    gate.get("/").over(&mut client);
                    match client.read().status {
                        200 => _ = answered.fetch_add(1, Ordering::AcqRel),
                        status => assert_eq!((status, failed.fetch_add(1, Ordering::AcqRel) < CLIENTS), (502, true)),
                    }
                }
            });
        }
        until("load", || (answered.load(Ordering::Acquire) >= CLIENTS * 20).then_some(()));
        processes[0].signal("KILL");
    });
    assert_eq!(healthy(&gate), 2);
}

#[test]
fn a_target_that_fails_requests_is_ejected() {
    let (bad, good) = (Origin::start(|_| Answer::json(500, "{}")), Origin::json("{}"));
    let gate = before(&[url(&bad), url(&good)], "  balance round_robin\n  eject after 3 failures for 1h").start();
    let failed = (0..100).filter(|_| gate.get("/").send().status == 500).count();
    assert_eq!((failed, bad.begun(), healthy(&gate)), (3, 3, 1));
}

#[test]
fn a_cookie_keeps_a_client_on_its_target() {
    let origins = [Origin::json("{}"), Origin::json("{}"), Origin::json("{}")];
    let gate = before(&origins.each_ref().map(url), "  sticky cookie \"node\"").start();
    let first = gate.get("/").send().expect(200);
    let cookie = first.field("set-cookie").unwrap().split(';').next().unwrap().to_owned();
    assert!(!cookie.contains("127.0.0.1"));
    let home = origins.iter().position(|origin| origin.begun() == 1).unwrap();
    for _ in 0..20 {
        let reply = gate.get("/").field("Cookie", format!("a=b; {cookie}")).send().expect(200);
        assert_eq!(reply.field("set-cookie"), None);
    }
    assert_eq!(origins[home].begun(), 21);
}

#[test]
fn requests_are_split_and_copied() {
    let (old, new, shadow) = (Origin::json("{}"), Origin::json("{}"), Origin::start(|_| Answer::json(500, "{}")));
    let text = r#"
gateway { listen 127.0.0.1:0 }
upstream old { target http://{old} }
upstream new { target http://{new} }
upstream shadow { target http://{shadow} }
route orders POST /orders {
  public "a test"
  to {
    when header("x-new") == "yes" -> new
    split 90% old, 10% new
  }
  mirror 50% -> shadow
}
"#;
    let gate = Gate::source(text).origin("old", &old).origin("new", &new).origin("shadow", &shadow).start();
    let mut client = gate.connect();
    for number in 0..200 {
        gate.ask("POST", "/orders").json(&format!("{{\"n\": {number}}}")).over(&mut client);
        client.read().expect(200);
    }
    assert!((18..=22).contains(&new.begun()), "{}", new.begun());
    assert_eq!(old.begun() + new.begun(), 200);
    let copies = shadow.until_received(99);
    assert!(copies.iter().all(|copy| copy.target == "/orders" && copy.body.starts_with(b"{\"n\": ")));
    let before = new.begun();
    for _ in 0..5 {
        gate.ask("POST", "/orders").field("X-New", "yes").json("{}").send().expect(200);
    }
    assert_eq!(new.begun(), before + 5);
}

#[test]
fn health_says_that_a_breaker_is_open_and_answers_nonetheless() {
    let app = Origin::start(|_| Answer::json(500, "{}"));
    let gate = before(&[url(&app)], "  breaker { open_after 2 failures; cooldown 1h }").start();
    let said = || gate.get("/gate/health").send().expect(200).json();
    let state = |overall: &str, breaker: &str| serde_json::json!({"status": overall, "upstreams": {"app": {"breaker": breaker, "healthy": 1, "targets": 1}}});
    assert_eq!(said(), state("ok", "closed"));
    for status in [500, 500, 503] {
        gate.get("/").send().expect(status);
    }
    assert_eq!(said(), state("degraded", "open"));
    assert_eq!(app.begun(), 2);
}
