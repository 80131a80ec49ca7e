//! Upstreams that fail, and what is made of it: attempts elsewhere, places, fallbacks, and the end of patience.

use crate::harness::{Answer, Broken, Gate, Origin, Setup, until};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Barrier, mpsc};
use std::time::Duration;
use tokio::time::Instant;

/// A gateway in front of origins `{0}`, `{1}`, …, with what else is said of the upstream and of the route.
fn before(origins: &[&Origin], upstream: &str, route: &str) -> Setup {
    let targets: String = origins.iter().map(|origin| format!("  target http://{}\n", origin.address())).collect();
    Gate::source(format!(
        "gateway {{ listen 127.0.0.1:0 }}\nupstream app {{\n{targets}{upstream}\n}}\n\
         route everything ANY /** -> app {{\n  public \"a test\"\n{route}\n}}\n"
    ))
}

/// Closes every connection once it is told to, whatever is under way.
fn mortal(dead: &Arc<AtomicBool>) -> Origin {
    let dead = Arc::clone(dead);
    Origin::start(move |_| if dead.load(Ordering::Acquire) { Answer::Last(Vec::new()) } else { Answer::json(200, "{}") })
}

#[test]
fn a_target_that_dies_under_load_costs_no_client_an_error() {
    const CLIENTS: usize = 64;
    let dead = Arc::new(AtomicBool::new(false));
    let origins = [mortal(&dead), Origin::json("{}"), Origin::json("{}")];
    let said = "retry { attempts 3; budget 100% }";
    let gate = before(&origins.each_ref(), said, "").start();
    let answered = AtomicUsize::new(0);
    std::thread::scope(|scope| {
        for _ in 0..CLIENTS {
            scope.spawn(|| {
                let mut client = gate.connect();
                for _ in 0..100 {
                    gate.get("/").over(&mut client);
                    client.read().expect(200);
                    if answered.fetch_add(1, Ordering::AcqRel) == CLIENTS * 20 {
                        dead.store(true, Ordering::Release);
                    }
                }
            });
        }
    });
    assert_eq!(answered.load(Ordering::Acquire), CLIENTS * 100);
    assert!(dead.load(Ordering::Acquire));
}

#[test]
fn a_target_that_is_not_there_is_hidden_by_the_others() {
    let app = Origin::json("{}");
    let text = format!(
        "gateway {{ listen 127.0.0.1:0 }}\nupstream app {{\n  target http://127.0.0.1:1\n  target http://{}\n  \
         retry {{ attempts 3; on [connect_error, reset, 503]; methods [GET, POST]; idempotency_key required }}\n}}\n\
         route everything ANY /** -> app {{ public \"a test\" }}\n",
        app.address()
    );
    let gate = Gate::source(text).start();
    for _ in 0..10 {
        gate.get("/").send().expect(200);
    }
    for number in 0..5 {
        gate.ask("POST", "/").field("Idempotency-Key", number.to_string()).json(r#"{"n": 1}"#).send().expect(200);
    }
    assert!(app.requests().iter().filter(|request| request.method == "POST").all(|request| request.body == br#"{"n": 1}"#));
}

#[test]
fn a_backup_answers_only_for_those_that_do_not() {
    let dead = Arc::new(AtomicBool::new(false));
    let (main, spare) = (mortal(&dead), Origin::json("{}"));
    let spare_target = format!("  target http://{} backup\n  retry {{ attempts 2 }}", spare.address());
    let gate = before(&[&main], &spare_target, "").start();
    for _ in 0..20 {
        gate.get("/").send().expect(200);
    }
    assert_eq!(spare.begun(), 0);
    dead.store(true, Ordering::Release);
    for _ in 0..20 {
        gate.get("/").send().expect(200);
    }
    assert_eq!(spare.begun(), 20);
}

#[test]
fn targets_that_all_fail_get_at_most_a_quarter_more_than_is_asked() {
    const PER_SECOND: u32 = 1_000;
    const CLIENTS: u32 = 20;
    let origins: Vec<Origin> = (0..3).map(|_| Origin::start(|_| Answer::json(503, "{}"))).collect();
    let gate = before(&origins.iter().collect::<Vec<_>>(), "retry { attempts 4 }", "").start();
    let begun = Instant::now();
    std::thread::scope(|scope| {
        for _ in 0..CLIENTS {
            scope.spawn(|| {
                let mut client = gate.connect();
                for number in 0..PER_SECOND * 2 / CLIENTS {
                    let due = begun + Duration::from_secs(1) * number * CLIENTS / PER_SECOND;
                    std::thread::park_timeout(due.saturating_duration_since(Instant::now()));
                    gate.get("/").over(&mut client);
                    client.read().expect(503);
                }
            });
        }
    });
    // On a machine that is slow the floor of ten per second has longer to add up.
    let offered = usize::try_from(PER_SECOND * 2).unwrap();
    let slow = usize::try_from(begun.elapsed().as_secs().saturating_sub(2)).unwrap() * 10;
    let load: usize = origins.iter().map(Origin::begun).sum();
    assert!(load <= offered + offered / 4 + slow, "{load} of {offered}");
    assert!(load > offered, "nothing was made again");
}

#[test]
fn a_connection_that_is_closed_between_requests_is_never_seen() {
    let app = Origin::start(|_| Answer::Last(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok".to_vec()));
    let gate = before(&[&app], "", "").start();
    let mut client = gate.connect();
    for number in 0..40 {
        let method = if number % 2 == 0 { "GET" } else { "POST" };
        gate.ask(method, "/").json("{}").over(&mut client);
        client.read().expect(200);
        // Only then is the next request sent: a POST on a connection that is about to be closed may have arrived.
        until("the connection to be closed", || (app.closed() > number).then_some(()));
    }
}

#[test]
fn a_head_that_is_late_is_504_when_total_is_over() {
    let app = Origin::start(|_| Answer::Hang);
    let gate = before(&[&app], "timeout { total 1s }", "").start();
    let begun = Instant::now();
    gate.get("/").send().expect(504);
    let took = begun.elapsed();
    assert!(took >= Duration::from_secs(1), "{took:?}");
    assert!(took < Duration::from_secs(5), "{took:?}");
}

#[test]
fn a_body_that_stalls_longer_than_read_is_broken_off() {
    for fields in ["Content-Length: 10", "Transfer-Encoding: chunked"] {
        let head = format!("HTTP/1.1 200 OK\r\n{fields}\r\n\r\n5\r\nhello\r\n");
        let app = Origin::start(move |_| Answer::Bytes(head.clone().into_bytes()[..head.len() - 4].to_vec()));
        let gate = before(&[&app], "timeout { read 300ms }", "").start();
        let mut client = gate.connect();
        gate.get("/").over(&mut client);
        assert_eq!(client.try_read("GET").unwrap_err(), Broken::CutShort, "{fields}");
    }
}

#[test]
fn requests_over_the_places_wait_and_those_over_the_queue_are_503() {
    let (at, held) = (Arc::new(Barrier::new(2)), Arc::new(AtomicUsize::new(0)));
    let (at_origin, count) = (Arc::clone(&at), Arc::clone(&held));
    let app = Origin::start(move |_| {
        if count.fetch_add(1, Ordering::AcqRel) == 0 {
            at_origin.wait();
        }
        Answer::json(200, "{}")
    });
    let gate = before(&[&app], "concurrency 1 queue 1", "").start();
    let mut first = gate.connect();
    gate.get("/").over(&mut first);
    app.until_begun(1);
    // One of these waits, whichever is there before the others: it is not the one that is answered before the place is free.
    let (replied, replies) = mpsc::channel();
    for mut client in [gate.connect(), gate.connect(), gate.connect()] {
        gate.get("/").over(&mut client);
        let replied = replied.clone();
        std::thread::spawn(move || replied.send(client.read()).unwrap());
    }
    drop(replied);
    for _ in 0..2 {
        let refused = replies.recv().unwrap().expect(503);
        assert_eq!(refused.field("retry-after"), Some("1"));
        assert!(refused.field("proxy-status").unwrap().contains("connection_limit_reached"));
    }
    at.wait();
    first.read().expect(200);
    replies.recv().unwrap().expect(200);
    assert_eq!(app.begun(), 2);
}

#[test]
fn a_fallback_answers_for_a_target_that_does_not() {
    let (failing, spare) = (Origin::start(|_| Answer::json(503, "{}")), Origin::json(r#"{"spare": true}"#));
    let to_spare = before(&[&failing], "", "  fallback -> spare").start_with(&spare);
    let reply = to_spare.ask("PUT", "/x?y=1").json(r#"{"n": 1}"#).field("X-Mine", "kept").send().expect(200);
    assert_eq!(reply.text(), r#"{"spare": true}"#);
    let got = spare.received();
    assert_eq!((got.method.as_str(), got.target.as_str(), got.body.as_slice()), ("PUT", "/x?y=1", br#"{"n": 1}"#.as_slice()));
    assert_eq!(got.field("x-mine"), Some("kept"));
    let own = before(&[&failing], "", "  fallback respond 200 json \"{}\"").start();
    assert_eq!(own.get("/").send().expect(200).text(), "{}");
}

impl Setup {
    /// Starts it with a further upstream, `spare`.
    fn start_with(self, spare: &Origin) -> Gate {
        let declared = format!("upstream spare {{ target http://{} }}\nroute everything", spare.address());
        self.replace("route everything", &declared).start()
    }
}
