//! SIGHUP and SIGTERM.

use crate::harness::{Answer, Broken, CLIENTS, Client, LISTEN, Origin, Program, lively, signal, until, until_refused, versioned};
use parking_lot::{Condvar, Mutex};
use std::io::{BufRead, BufReader};
use std::net::TcpStream;
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;
use tokio::time::Instant;

#[test]
fn a_reload_tells_what_it_changes_for_requests() {
    let app = Origin::json("{}");
    let policy = versioned(&app, LISTEN, 0);
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

/// Holds requests at the origin until it is opened.
#[derive(Default)]
struct Latch {
    open: Mutex<bool>,
    opened: Condvar,
}

impl Latch {
    fn origin() -> (Arc<Self>, Origin) {
        let latch = Arc::new(Self::default());
        let held = Arc::clone(&latch);
        let origin = Origin::start(move |_| {
            held.pass();
            Answer::json(200, "{}")
        });
        (latch, origin)
    }

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

/// A gateway with these settings, and a request that has come to its upstream.
fn begun(app: &Origin, settings: &str) -> (Program, Client) {
    let mut gate = Program::plain(app, settings);
    let mut client = gate.connect();
    client.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n");
    app.until_begun(1);
    (gate, client)
}

#[test]
fn what_was_accepted_before_sigterm_is_answered_and_the_exit_is_clean() {
    let (latch, app) = Latch::origin();
    let mut gate = Program::plain(&app, "");
    let mut clients: Vec<_> = (0..CLIENTS).map(|_| gate.connect()).collect();
    let mut idle = gate.connect();
    for client in &mut clients {
        client.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n");
    }
    app.until_begun(CLIENTS);
    let address = gate.address();
    gate.signal("TERM");
    until_refused(address);
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
    let (mut gate, mut client) = begun(&app, "");
    let address = gate.address();
    gate.signal("TERM");
    until_refused(address);
    assert_eq!(client.read().expect(200).length, LENGTH);
    assert_eq!(gate.until_ended().code(), Some(0));
}

#[test]
fn a_hung_upstream_holds_the_exit_back_no_longer_than_drain() {
    let app = Origin::start(|_| Answer::Hang);
    let (mut gate, mut client) = begun(&app, "drain 1s");
    gate.signal("TERM");
    assert_eq!(gate.until_ended().code(), Some(0));
    gate.until_said("1 connection was cut");
    assert!(client.try_read("GET").is_err());
}

#[test]
fn sigterm_while_a_policy_is_read_is_not_held_back_by_it() {
    let (latch, app) = Latch::origin();
    let mut gate = Program::run(&versioned(&app, LISTEN, 0), &[], &[]);
    let address = gate.address();
    let made = Command::new("sh").args(["-c", "rm policy.gate && mkfifo policy.gate"]).current_dir(gate.folder()).status();
    assert!(made.unwrap().success());
    gate.signal("HUP");
    // Opened when the gateway has begun to read, which lasts for as long as this is open.
    let _never_written = std::fs::File::options().write(true).open(gate.folder().join("policy.gate")).unwrap();
    let mut clients: Vec<_> = (0..CLIENTS).map(|_| gate.connect()).collect();
    for client in &mut clients {
        client.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n");
    }
    app.until_begun(CLIENTS);
    gate.signal("TERM");
    until_refused(address);
    latch.open();
    for client in &mut clients {
        client.read().expect(200);
    }
    assert_eq!(gate.until_gone().code(), Some(0));
}

/// How long a gateway that ends waits for a client between two requests. Only one that takes longer may find its connection closed.
const IDLE_AT_THE_END: Duration = Duration::from_secs(1);

#[test]
fn sigterm_under_load_and_reloads_loses_no_request() {
    let app = lively();
    let mut gate = Program::run(&versioned(&app, LISTEN, 0), &[], &[]);
    let address = gate.address();
    let answered = AtomicUsize::new(0);
    std::thread::scope(|scope| {
        for _ in 0..CLIENTS {
            scope.spawn(|| {
                let (mut client, mut asked) = (Client::connect(address), Instant::now());
                loop {
                    let before = std::mem::replace(&mut asked, Instant::now());
                    client.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n");
                    let dawdled = before.elapsed() >= IDLE_AT_THE_END;
                    match client.try_read("GET") {
                        Ok(reply) => {
                            answered.fetch_add(1, Ordering::AcqRel);
                            if reply.expect(200).field("connection") == Some("close") {
                                break;
                            }
                        }
                        Err(Broken::Nothing | Broken::CutShort) if dawdled => break,
                        Err(broken) => panic!("no response: {broken:?}"),
                    }
                }
            });
        }
        for version in 1..=5 {
            let before = answered.load(Ordering::Acquire);
            until("load", || (answered.load(Ordering::Acquire) > before + CLIENTS).then_some(()));
            gate.write(&versioned(&app, LISTEN, version));
            gate.signal("HUP");
        }
        gate.signal("TERM");
    });
    assert_eq!(gate.until_ended().code(), Some(0));
    assert_eq!(answered.into_inner(), app.begun());
}

#[test]
fn a_gateway_is_not_ready_before_it_accepts_nobody() {
    let (latch, app) = Latch::origin();
    let mut gate = Program::run(&versioned(&app, "listen 127.0.0.1:0\n admin 127.0.0.1:0", 0), &[], &[]);
    let (address, mut runs) = (gate.address(), gate.connect());
    runs.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n");
    app.until_begun(1);
    gate.admin("GET", "/admin/ready").send().expect(200);
    gate.signal("TERM");
    until("the listener to close", || {
        let accepts = TcpStream::connect(address).is_ok();
        // Asked after: whoever is refused has been told.
        let ready = gate.admin("GET", "/admin/ready").send().status;
        assert!(accepts || ready == 503, "refuses clients and is still ready");
        (!accepts).then_some(())
    });
    latch.open();
    runs.read().expect(200);
    assert_eq!(gate.until_ended().code(), Some(0));
}

#[test]
fn an_access_log_that_nobody_reads_does_not_hold_the_exit_back() {
    let app = lively();
    let folder = tempfile::tempdir().unwrap();
    let policy = folder.path().join("policy.gate");
    std::fs::write(&policy, versioned(&app, "listen 127.0.0.1:0\n log access json", 0)).unwrap();
    let mut command = Command::new(env!("CARGO_BIN_EXE_gate"));
    let mut gate = command.arg("run").arg(&policy).env_clear().stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let mut said = BufReader::new(gate.stderr.take().unwrap()).lines().map(Result::unwrap);
    let address = said.find_map(|line| line.strip_prefix("gate: listening on ").map(|address| address.parse().unwrap())).unwrap();
    let mut client = Client::connect(address);
    // More than a pipe holds.
    for _ in 0..1000 {
        client.send("GET /version HTTP/1.1\r\nHost: a\r\n\r\n").read().expect(200);
    }
    drop(client);
    signal(gate.id(), "TERM");
    assert!(said.any(|line| line.contains("nobody reads it")));
    let status = until("the gateway to end", || gate.try_wait().unwrap());
    assert_eq!(status.code(), Some(0));
}

/// A gateway with a request that its upstream never answers, after a first signal to end.
fn draining(app: &Origin, first: &str) -> (Program, Client) {
    let (mut gate, client) = begun(app, "drain 1h");
    let address = gate.address();
    gate.signal(first);
    until_refused(address);
    (gate, client)
}

#[test]
fn a_second_sigint_ends_the_drain_and_the_exit_code_says_so() {
    for first in ["INT", "TERM"] {
        let app = Origin::start(|_| Answer::Hang);
        let (mut gate, mut client) = draining(&app, first);
        // What comes at once is the first one, passed on.
        let status = until("the gateway to end", || {
            gate.signal("INT");
            gate.ended()
        });
        assert_eq!(status.code(), Some(130));
        gate.until_said("stopped; 1 connection was cut at the second signal");
        assert!(client.try_read("GET").is_err());
    }
}

#[test]
fn sigterm_cuts_nothing_however_often_it_comes() {
    for first in ["INT", "TERM"] {
        let (latch, app) = Latch::origin();
        let (mut gate, mut client) = draining(&app, first);
        let began = Instant::now();
        while began.elapsed() < Duration::from_millis(200) {
            gate.signal("TERM");
        }
        if first == "TERM" {
            gate.signal("INT");
        }
        latch.open();
        client.read().expect(200);
        assert_eq!(gate.until_ended().code(), Some(0));
    }
}

#[test]
fn signals_that_wait_in_a_stopped_process_are_one() {
    let app = Origin::start(|_| Answer::Hang);
    let (mut gate, _client) = begun(&app, "drain 1s");
    for name in ["STOP", "TERM", "INT", "TERM", "INT", "CONT"] {
        gate.signal(name);
    }
    assert_eq!(gate.until_ended().code(), Some(0));
    gate.until_said("1 connection was cut when the drain time was over");
}

#[test]
fn the_first_signal_while_the_gateway_drains_already_cuts_nothing() {
    let app = Origin::start(|_| Answer::Hang);
    let (mut gate, _client) = begun(&app, "admin 127.0.0.1:0\ndrain 1s");
    let address = gate.address();
    gate.admin("POST", "/admin/drain").send().expect(202);
    until_refused(address);
    gate.signal("TERM");
    assert_eq!(gate.until_ended().code(), Some(0));
    gate.until_said("1 connection was cut when the drain time was over");
}
