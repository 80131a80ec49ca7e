//! SIGHUP and SIGTERM under load.

use crate::harness::{Answer, Origin, PLAIN, Program, until};
use parking_lot::{Condvar, Mutex};
use std::net::TcpStream;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

const CLIENTS: usize = 64;

fn versioned(app: &Origin, version: usize) -> String {
    format!(
        r#"
gateway {{ listen 127.0.0.1:0 }}
upstream app {{ target http://{} }}
route everything ANY /** -> app {{ public "a test" }}
route version GET /version {{
  public "a test"
  respond 200 text "{version}"
}}
route counted GET /counted {{
  public "a test"
  limit slow 100/h by client.ip
  respond 200 text "counted"
}}
"#,
        app.address()
    )
}

#[test]
fn ten_reloads_under_load_fail_no_request_and_forget_no_count() {
    let app = Origin::json("{}");
    let mut gate = Program::run(&versioned(&app, 0), &[], &[]);
    let address = gate.address();
    let counted = |gate: &mut Program| gate.get("/counted").send().expect(200).field("x-ratelimit-remaining").unwrap().to_owned();
    assert_eq!(counted(&mut gate), "99");
    let (stop, answered) = (AtomicBool::new(false), AtomicUsize::new(0));
    std::thread::scope(|scope| {
        for _ in 0..CLIENTS {
            scope.spawn(|| {
                let mut client = crate::harness::Client::connect(address);
                while !stop.load(Ordering::Acquire) {
                    client.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n").read().expect(200);
                    answered.fetch_add(1, Ordering::AcqRel);
                }
            });
        }
        // The clients stop even when an assertion fails here.
        let _stopping = Stop(&stop);
        for version in 1..=10 {
            let before = answered.load(Ordering::Acquire);
            until("load", || (answered.load(Ordering::Acquire) > before + CLIENTS).then_some(()));
            if version == 5 {
                gate.write("gateway {");
                gate.reload("not reloaded");
                assert_eq!(gate.get("/version").send().expect(200).text(), "4");
                assert!(gate.said().contains("gate::syntax::brace"), "{}", gate.said());
            } else {
                gate.write(&versioned(&app, version));
                gate.reload(" reloaded");
                assert_eq!(gate.get("/version").send().expect(200).text(), version.to_string());
            }
        }
    });
    assert_eq!(counted(&mut gate), "98", "a reload forgot the count");
}

#[test]
fn a_reload_tells_what_it_changes_for_requests() {
    let app = Origin::json("{}");
    let policy = versioned(&app, 0);
    let mut gate = Program::run(&policy, &[], &[]);
    gate.address();
    gate.write(&policy.replace("limit slow 100/h", "limit slow 200/h"));
    gate.reload(" reloaded");
    let said = gate.said();
    assert!(said.contains("limit `slow` is 200/h, was 100/h") && said.contains("class=\"LOOSER\""), "{said}");
    assert!(said.contains("changes: 1 LOOSER"), "{said}");
    gate.write(&policy);
    gate.reload(" reloaded");
    let said = gate.said();
    assert!(said.contains("limit `slow` is 100/h, was 200/h") && said.contains("changes: 1 TIGHTER"), "{said}");
}

struct Stop<'a>(&'a AtomicBool);

impl Drop for Stop<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Release);
    }
}

/// Holds requests at the origin until it is opened.
#[derive(Default)]
struct Latch {
    open: Mutex<bool>,
    opened: Condvar,
}

impl Latch {
    fn pass(&self) {
        let mut open = self.open.lock();
        while !*open {
            self.opened.wait(&mut open);
        }
    }

    fn open(&self) {
        *self.open.lock() = true;
        self.opened.notify_all();
    }
}

#[test]
fn what_was_accepted_before_sigterm_is_answered_and_the_exit_is_clean() {
    let latch = Arc::new(Latch::default());
    let held = Arc::clone(&latch);
    let app = Origin::start(move |_| {
        held.pass();
        Answer::json(200, "{}")
    });
    let mut gate = Program::run(&PLAIN.replace("{app}", &app.address().to_string()), &[], &[]);
    let mut clients: Vec<_> = (0..CLIENTS).map(|_| gate.connect()).collect();
    let mut idle = gate.connect();
    for client in &mut clients {
        client.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n");
    }
    app.until_begun(CLIENTS);
    let address = gate.address();
    gate.signal("TERM");
    until("the listener to close", || TcpStream::connect(address).is_err().then_some(()));
    assert!(idle.is_closed(), "an idle connection is not waited for");
    latch.open();
    for client in &mut clients {
        let reply = client.read().expect(200);
        assert_eq!(reply.field("connection"), Some("close"));
        assert!(client.is_closed());
    }
    assert_eq!(gate.until_ended().code(), Some(0));
}

#[test]
fn a_download_under_way_at_sigterm_comes_whole() {
    const LENGTH: u64 = 64 << 20;
    let app = Origin::start(|_| Answer::Stream(LENGTH));
    let mut gate = Program::run(&PLAIN.replace("{app}", &app.address().to_string()), &[], &[]);
    let (address, mut client) = (gate.address(), gate.connect());
    client.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n");
    app.until_begun(1);
    gate.signal("TERM");
    until("the listener to close", || TcpStream::connect(address).is_err().then_some(()));
    assert_eq!(client.read().expect(200).length, LENGTH);
    assert_eq!(gate.until_ended().code(), Some(0));
}

#[test]
fn a_hung_upstream_holds_the_exit_back_no_longer_than_drain() {
    let app = Origin::start(|_| Answer::Hang);
    let text = PLAIN.replace("127.0.0.1:0", "127.0.0.1:0\n drain 1s\n").replace("{app}", &app.address().to_string());
    let mut gate = Program::run(&text, &[], &[]);
    let mut client = gate.connect();
    client.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n");
    app.until_begun(1);
    gate.signal("TERM");
    assert_eq!(gate.until_ended().code(), Some(0));
    gate.until_said("1 connection was cut");
    assert!(client.try_read("GET").is_err());
}

#[test]
fn a_reload_that_changes_where_to_listen_says_that_it_waits_for_the_next_start() {
    let app = Origin::json("{}");
    let mut gate = Program::run(&versioned(&app, 0), &[], &[]);
    assert_eq!(gate.get("/version").send().expect(200).text(), "0");
    gate.write(&versioned(&app, 1).replace("127.0.0.1:0", "127.0.0.2:0"));
    gate.reload(" reloaded");
    assert!(gate.said().contains("`listen` or `workers` changed"), "{}", gate.said());
    assert_eq!(gate.get("/version").send().expect(200).text(), "1");
}
