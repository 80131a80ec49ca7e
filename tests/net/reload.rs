//! Another policy while the gateway runs: what goes on, what is kept, and how to go back.

use crate::harness::{Answer, Client, Origin, Program, until};
use parking_lot::Mutex;
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::os::unix::fs::symlink;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

const CLIENTS: usize = 64;
const SOCKETS: usize = 200;
const RELOADS: usize = 50;

const HANDSHAKE: &str = "GET /live HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\
                         Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n";
const GRANTED: &str = "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\
                       Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\n";

/// Fails `/bad`, opens WebSockets at `/live`, and answers the rest.
pub fn origin() -> Origin {
    Origin::start(|received| match (received.field("upgrade"), received.target.as_str()) {
        (Some(_), _) => Answer::Echo(GRANTED.as_bytes().to_vec()),
        (None, "/bad") => Answer::json(500, "{}"),
        (None, _) => Answer::json(200, "{}"),
    })
}

/// A policy that answers its version, listening at `listen`.
pub fn versioned(app: &Origin, listen: &str, version: usize) -> String {
    format!(
        r#"
gateway {{
  {listen}
}}
upstream app {{ target http://{address} }}
upstream weak {{
  target http://{address}
  breaker {{
    open_after 3 failures
    cooldown 1h
  }}
}}
route everything ANY /** -> app {{ public "a test" }}
route bad GET /bad -> weak {{ public "a test" }}
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
        address = app.address()
    )
}

/// Opens WebSockets.
pub fn sockets(address: SocketAddr, count: usize) -> Vec<Client> {
    let open = |_| {
        let mut client = Client::connect(address);
        client.send(HANDSHAKE).read().expect(101);
        client
    };
    (0..count).map(open).collect()
}

/// Sends something through each, and waits for it to come back.
pub fn all_echo(sockets: &mut [Client]) {
    for socket in &mut *sockets {
        socket.send("ping");
    }
    for socket in sockets {
        assert_eq!(socket.exactly(4), b"ping");
    }
}

/// Tells clients to stop, also when an assertion fails.
pub struct Stop<'a>(pub &'a AtomicBool);

impl Drop for Stop<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Release);
    }
}

fn version(gate: &mut Program) -> String {
    gate.get("/version").send().expect(200).text().to_owned()
}

#[test]
fn fifty_reloads_lose_no_request_no_websocket_and_no_count() {
    let app = origin();
    let mut gate = Program::run(&versioned(&app, "listen 127.0.0.1:0", 0), &[], &[]);
    let address = gate.address();
    let left = |gate: &mut Program| gate.get("/counted").send().expect(200).field("x-ratelimit-remaining").unwrap().to_owned();
    assert_eq!(left(&mut gate), "99");
    (0..2).for_each(|_| drop(gate.get("/bad").send().expect(500)));
    let mut live = sockets(address, SOCKETS);
    let (stop, answered) = (AtomicBool::new(false), AtomicUsize::new(0));
    std::thread::scope(|scope| {
        for _ in 0..CLIENTS {
            scope.spawn(|| {
                let mut client = Client::connect(address);
                while !stop.load(Ordering::Acquire) {
                    client.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n").read().expect(200);
                    answered.fetch_add(1, Ordering::AcqRel);
                }
            });
        }
        let _stopping = Stop(&stop);
        let mut in_force = 0;
        for number in 1..=RELOADS {
            let before = answered.load(Ordering::Acquire);
            until("load", || (answered.load(Ordering::Acquire) > before + CLIENTS).then_some(()));
            if number % 5 == 0 {
                gate.write("gateway {");
                gate.reload("not reloaded");
            } else {
                gate.write(&versioned(&app, "listen 127.0.0.1:0", number));
                gate.reload(" reloaded");
                in_force = number;
            }
            assert_eq!(version(&mut gate), in_force.to_string());
            if number % 10 == 0 {
                all_echo(&mut live);
            }
        }
    });
    assert_eq!(left(&mut gate), "98", "a reload forgot the count");
    gate.get("/bad").send().expect(500);
    gate.get("/bad").send().expect(503);
    all_echo(&mut live);
}

/// Where the gateway said last that it listens.
fn last_addresses(gate: &Program) -> Vec<SocketAddr> {
    let said = gate.said();
    let (_, rest) = said.rsplit_once("gate: listening on ").unwrap();
    rest.split_once('\n').unwrap().0.split(", ").map(|address| address.parse().unwrap()).collect()
}

#[test]
fn listeners_come_and_go_and_the_others_stay() {
    let held = Arc::new(Mutex::new(()));
    let holds = Arc::clone(&held);
    let app = Origin::start(move |received| {
        if received.target == "/slow" {
            drop(holds.lock());
        }
        Answer::json(200, "{}")
    });
    let (one, both, other) = ("listen 127.0.0.1:0", "listen 127.0.0.1:0\n listen 127.0.0.2:0", "listen 127.0.0.2:0");
    let mut gate = Program::run(&versioned(&app, one, 0), &[], &[]);
    let first = gate.address();
    let mut stays = gate.connect();
    stays.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n").read().expect(200);
    gate.write(&versioned(&app, both, 1));
    gate.reload(" reloaded");
    let second = last_addresses(&gate)[1];
    assert_eq!(last_addresses(&gate)[0], first);
    let mut of_second = Client::connect(second);
    assert_eq!(of_second.send("GET /version HTTP/1.1\r\nHost: a\r\n\r\n").read().expect(200).text(), "1");
    stays.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n").read().expect(200);
    // One goes while a request runs that came in by it.
    let mut runs = gate.connect();
    let holding = held.lock();
    let begun = app.begun();
    runs.send("GET /slow HTTP/1.1\r\nHost: a\r\n\r\n");
    app.until_begun(begun + 1);
    gate.write(&versioned(&app, other, 2));
    gate.reload(" reloaded");
    assert_eq!(last_addresses(&gate), [second]);
    until("the listener to close", || TcpStream::connect(first).is_err().then_some(()));
    assert!(stays.is_closed(), "an idle connection is not waited for");
    drop(holding);
    assert_eq!(runs.read().expect(200).field("connection"), Some("close"));
    assert_eq!(of_second.send("GET /version HTTP/1.1\r\nHost: a\r\n\r\n").read().expect(200).text(), "2");
    gate.signal("TERM");
    assert_eq!(gate.until_ended().code(), Some(0));
}

#[test]
fn a_listener_that_cannot_be_opened_refuses_the_whole_reload() {
    let app = origin();
    let mut gate = Program::run(&versioned(&app, "listen 127.0.0.1:0", 0), &[], &[]);
    gate.get("/counted").send().expect(200);
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap();
    let changed = versioned(&app, &format!("listen 127.0.0.2:0\n listen {address}"), 1).replace("100/h", "50/h");
    gate.write(&changed);
    gate.reload("not reloaded");
    assert!(gate.said().contains(&format!("cannot listen on {address}")), "{}", gate.said());
    assert_eq!(version(&mut gate), "0");
    gate.write(&versioned(&app, "listen 127.0.0.1:0", 2));
    gate.reload(" reloaded");
    assert_eq!(version(&mut gate), "2");
    let counted = gate.get("/counted").send().expect(200);
    assert_eq!(counted.field("x-ratelimit-remaining"), Some("98"), "what was refused forgot the count");
}

#[track_caller]
fn until_version(gate: &mut Program, expected: &str) {
    until(expected, || (version(gate) == expected).then_some(()));
}

#[test]
fn under_watch_a_policy_that_changes_is_put_in_force() {
    let app = origin();
    let mut gate = Program::run(&versioned(&app, "listen 127.0.0.1:0", 0), &["--watch"], &[]);
    assert_eq!(version(&mut gate), "0");
    gate.write(&versioned(&app, "listen 127.0.0.1:0", 1));
    until_version(&mut gate, "1");
    for broken in ["gateway {", ""] {
        gate.write(broken);
        let wrong = if broken.is_empty() { "says nowhere to listen" } else { "gate::syntax::brace" };
        gate.until_said(wrong);
        assert_eq!(version(&mut gate), "1");
    }
    gate.write(&versioned(&app, "listen 127.0.0.1:0", 2));
    until_version(&mut gate, "2");
}

/// Puts a policy below a folder and a link to it, as a ConfigMap is mounted.
fn mount(folder: &Path, number: usize, policy: &str) {
    let data = folder.join(format!("..{number}"));
    std::fs::create_dir(&data).unwrap();
    std::fs::write(data.join("policy.gate"), policy).unwrap();
    symlink(&data, folder.join("..data_tmp")).unwrap();
    std::fs::rename(folder.join("..data_tmp"), folder.join("..data")).unwrap();
}

#[test]
fn under_watch_a_config_map_that_is_swapped_is_put_in_force() {
    let app = origin();
    let text = |version| versioned(&app, "listen 127.0.0.1:0", version);
    let mut gate = Program::run(&text(0), &["--watch"], &[]);
    gate.address();
    mount(gate.folder(), 1, &text(1));
    std::fs::remove_file(gate.folder().join("policy.gate")).unwrap();
    symlink("..data/policy.gate", gate.folder().join("policy.gate")).unwrap();
    until_version(&mut gate, "1");
    for number in 2..=3 {
        mount(gate.folder(), number, &text(number));
        until_version(&mut gate, &number.to_string());
    }
}

#[test]
fn an_operator_goes_back_and_a_broken_file_does_not_stop_the_last_good_policy() {
    let app = origin();
    let text = |version| versioned(&app, "listen 127.0.0.1:0\n admin 127.0.0.1:0", version);
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path().to_str().unwrap();
    let state = ["--state", folder];
    let mut gate = Program::run(&text(0), &state, &[]);
    let admin = gate.admin_address().to_string();
    gate.write(&text(1).replace("100/h", "50/h"));
    let (code, printed) = gate.ask(&["reload", "--admin", &admin]);
    assert_eq!(
        (code, printed.contains("generation 2 is in force") && printed.contains("TIGHTER limit `slow`")),
        (Some(0), true),
        "{printed}"
    );
    gate.write("gateway {");
    let (code, printed) = gate.ask(&["reload", "--admin", &admin]);
    assert_eq!((code, printed.contains("gate::syntax::brace")), (Some(1), true), "{printed}");
    assert_eq!(version(&mut gate), "1");
    let (code, printed) = gate.ask(&["rollback", "--admin", &admin]);
    assert_eq!((code, printed.contains("generation 3 is in force")), (Some(0), true), "{printed}");
    assert_eq!(version(&mut gate), "0");
    let (code, printed) = gate.ask(&["rollback", "7", "--admin", &admin]);
    assert_eq!((code, printed.contains("there is no policy 7")), (Some(1), true), "{printed}");
    let (code, printed) = gate.ask(&["generations", "policy.gate", "--state", folder]);
    let numbers: Vec<&str> = printed.lines().filter_map(|line| line.split_whitespace().next()).collect();
    assert_eq!((code, numbers), (Some(0), vec!["3", "2", "1"]), "{printed}");
    gate.signal("TERM");
    gate.until_ended();
    let mut gate = gate.run_again(&state);
    assert_eq!(gate.until_ended().code(), Some(1));
    gate.until_said("`gate run --last-good`");
    let mut gate = gate.run_again(&[&state[..], &["--last-good"]].concat());
    assert_eq!(version(&mut gate), "0");
}

#[test]
fn reloads_leave_nothing_behind() {
    const EVERY: usize = 10;
    const MANY: usize = 300;
    let app = origin();
    let text = |version: usize| versioned(&app, "listen 127.0.0.1:0", version).replace("slow 100/h", &format!("slow {}/h", 100 + version));
    let mut gate = Program::run(&text(0), &[], &[]);
    gate.address();
    let mut after_few = 0;
    for number in 1..=MANY {
        gate.write(&text(number));
        gate.reload(" reloaded");
        gate.get("/counted").send().expect(200);
        gate.get("/").send().expect(200);
        if number == EVERY {
            after_few = gate.memory_now();
        }
    }
    let after_many = gate.memory_now();
    assert!(after_many <= after_few + after_few / 20, "{after_few} bytes after {EVERY} reloads, {after_many} after {MANY}");
}
