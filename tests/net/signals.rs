//! SIGHUP and SIGTERM.

use crate::harness::{Answer, Origin, PLAIN, Program, until};
use parking_lot::{Condvar, Mutex};
use std::net::TcpStream;
use std::sync::Arc;

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
