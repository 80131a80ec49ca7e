//! A new process takes over from one that runs.

use crate::harness::{CLIENTS, Client, LISTEN, Origin, Program, SOCKETS, Stop, all_echo, lively, signal, sockets, until, versioned};
use std::fs::File;
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::path::Path;
use std::process::Command;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

/// The process that has taken over; it is ended with the test.
struct Successor(u32);

impl Successor {
    #[track_caller]
    fn of(gate: &Program) -> Self {
        until("a new process", || {
            let said = gate.said();
            let (_, rest) = said.split_once("a new process accepts")?;
            let (_, number) = rest.lines().next()?.split_once("process=")?;
            number.split_whitespace().next()?.parse().ok().map(Self)
        })
    }
}

impl Drop for Successor {
    fn drop(&mut self) {
        signal(self.0, "TERM");
    }
}

/// Asks over a connection that is kept until an answer says that it ends.
fn ask(client: &mut Option<Client>, address: SocketAddr) {
    let mut asked = client.take().unwrap_or_else(|| Client::connect(address));
    let reply = asked.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n").read().expect(200);
    if reply.field("connection") != Some("close") {
        *client = Some(asked);
    }
}

#[test]
fn an_upgrade_under_load_loses_no_request_and_no_websocket() {
    let app = lively();
    let mut gate = Program::run(&versioned(&app, LISTEN, 0), &[], &[]);
    let address = gate.address();
    let mut live = sockets(address, SOCKETS);
    let (stop, answered) = (AtomicBool::new(false), AtomicUsize::new(0));
    let successor = std::thread::scope(|scope| {
        for number in 0..CLIENTS {
            let (stop, answered) = (&stop, &answered);
            scope.spawn(move || {
                let mut client = None;
                while !stop.load(Ordering::Acquire) {
                    ask(&mut client, address);
                    if number % 4 == 0 {
                        client = None;
                    }
                    answered.fetch_add(1, Ordering::AcqRel);
                }
            });
        }
        let _stopping = Stop(&stop);
        let more = || {
            let before = answered.load(Ordering::Acquire);
            until("load", || (answered.load(Ordering::Acquire) > before + CLIENTS).then_some(()));
        };
        more();
        gate.write(&versioned(&app, LISTEN, 1));
        gate.signal("USR2");
        let successor = Successor::of(&gate);
        until("the new policy", || (Client::connect(address).send(VERSION).read().expect(200).text() == "1").then_some(()));
        more();
        all_echo(&mut live);
        successor
    });
    drop(live);
    assert_eq!(gate.until_gone().code(), Some(0));
    Client::connect(address).send(VERSION).read().expect(200);
    drop(successor);
    until("the new process to end", || TcpStream::connect(address).is_err().then_some(()));
}

const VERSION: &str = "GET /version HTTP/1.1\r\nHost: a\r\n\r\n";

#[test]
fn a_new_process_that_cannot_start_leaves_the_old_one_as_it_is() {
    let app = Origin::json("{}");
    let mut gate = Program::run(&versioned(&app, "listen 127.0.0.1:0\n admin 127.0.0.1:0", 0), &[], &[]);
    gate.admin_address();
    let mut kept = gate.connect();
    kept.send(VERSION).read().expect(200);
    gate.write("gateway {");
    gate.signal("USR2");
    gate.until_said("WARN no new process, this one stays: it ended with exit status: 1 event=\"failed\"");
    let told = gate.admin("GET", "/admin/events?kinds=error").send().expect(200).text().to_owned();
    assert!(told.contains("no new process, this one stays: it ended with exit status: 1"), "{told}");
    assert_eq!(kept.send(VERSION).read().expect(200).text(), "0");
    gate.write(&versioned(&app, LISTEN, 1));
    gate.reload(" reloaded");
    assert_eq!(kept.send(VERSION).read().expect(200).text(), "1");
}

#[test]
fn a_program_that_is_gone_is_named() {
    let app = Origin::json("{}");
    let folder = tempfile::tempdir().unwrap();
    let program = folder.path().join("gate");
    std::fs::copy(env!("CARGO_BIN_EXE_gate"), &program).unwrap();
    let policy = folder.path().join("policy.gate");
    std::fs::write(&policy, versioned(&app, LISTEN, 0)).unwrap();
    let (mut heard, said) = std::io::pipe().unwrap();
    let mut gate = Command::new(&program).arg("run").arg(&policy).env_clear().stderr(said).spawn().unwrap();
    let mut until_said = |text: &str| {
        let (mut all, mut some) = (String::new(), [0; 1024]);
        while !all.contains(text) {
            let count = heard.read(&mut some).unwrap();
            assert!(count > 0, "{all}");
            all.push_str(&String::from_utf8_lossy(some.get(..count).unwrap()));
        }
    };
    until_said("listening on");
    std::fs::remove_file(&program).unwrap();
    signal(gate.id(), "USR2");
    until_said(&format!("no new process, this one stays: `{}`: No such file or directory", program.display()));
    signal(gate.id(), "TERM");
    assert_eq!(gate.wait().unwrap().code(), Some(0));
}

#[test]
fn a_new_process_goes_on_with_a_unix_socket_and_removes_its_file_at_the_end() {
    use std::os::unix::net::UnixStream;
    let app = Origin::json("{}");
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("gate.sock");
    let listen = format!("listen 127.0.0.1:0\n  listen unix:{}", path.display());
    let mut gate = Program::run(&versioned(&app, &listen, 0), &[], &[]);
    gate.address();
    gate.signal("USR2");
    let successor = Successor::of(&gate);
    assert_eq!(gate.until_gone().code(), Some(0));
    UnixStream::connect(&path).unwrap();
    drop(successor);
    until("the file to go", || (!path.exists()).then_some(()));
}

#[test]
fn the_file_of_a_unix_socket_that_the_new_policy_has_not_goes_with_the_old_process() {
    let app = Origin::json("{}");
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("gate.sock");
    let mut gate = Program::run(&versioned(&app, &format!("{LISTEN}\n  listen unix:{}", path.display()), 0), &[], &[]);
    let address = gate.address();
    gate.write(&versioned(&app, LISTEN, 1));
    gate.signal("USR2");
    let _successor = Successor::of(&gate);
    assert_eq!(gate.until_gone().code(), Some(0));
    assert!(!path.exists());
    Client::connect(address).send(VERSION).read().expect(200);
}

#[test]
fn a_process_that_drains_takes_no_policy_although_it_watches() {
    let app = lively();
    let mut gate = Program::run(&versioned(&app, LISTEN, 0), &["--watch"], &[]);
    let address = gate.address();
    let live = sockets(address, 1);
    gate.signal("USR2");
    let successor = Successor::of(&gate);
    for version in 1..=3 {
        gate.write(&versioned(&app, LISTEN, version));
        until("the new policy", || (Client::connect(address).send(VERSION).read().expect(200).text() == version.to_string()).then_some(()));
        until("the log to say so", || (gate.times_said("reloaded as policy") >= version).then_some(()));
    }
    drop(live);
    assert_eq!(gate.until_gone().code(), Some(0));
    drop(successor);
    until("the new process to end", || TcpStream::connect(address).is_err().then_some(()));
    assert_eq!(gate.times_said("reloaded as policy"), 3, "{}", gate.said());
}

#[test]
fn a_gateway_is_told_to_drain_during_an_upgrade() {
    let app = Origin::json("{}");
    let mut gate = Program::run(&versioned(&app, "listen 127.0.0.1:0\n admin 127.0.0.1:0", 0), &[], &[]);
    gate.admin_address();
    let started = stuck(&gate);
    gate.admin("POST", "/admin/drain").send().expect(202);
    assert_eq!(gate.until_gone().code(), Some(0));
    assert!(!Path::new("/proc").join(started.to_string()).exists());
}

#[test]
fn a_reload_during_an_upgrade_waits_for_what_comes_of_that() {
    let app = Origin::json("{}");
    let mut gate = Program::run(&versioned(&app, LISTEN, 0), &[], &[]);
    let mut kept = gate.connect();
    let (started, _pipe) = reading(&gate, &app);
    gate.signal("HUP");
    assert_eq!(kept.send(VERSION).read().expect(200).text(), "0");
    signal(started, "KILL");
    gate.until_said("no new process, this one stays: it ended with signal: 9");
    gate.until_said("reloaded as policy");
    assert_eq!(kept.send(VERSION).read().expect(200).text(), "1");
}

/// Has the gateway start a process that never gets as far as reading its policy: that process.
#[track_caller]
fn stuck(gate: &Program) -> u32 {
    let made = Command::new("sh").args(["-c", "rm policy.gate && mkfifo policy.gate"]).current_dir(gate.folder()).status();
    assert!(made.unwrap().success());
    gate.signal("USR2");
    until("the new process", || child_of(gate.id()))
}

fn child_of(process: u32) -> Option<u32> {
    let parent = |stat: &str| stat.rsplit_once(')')?.1.split_whitespace().nth(1)?.parse::<u32>().ok();
    let processes = std::fs::read_dir("/proc").unwrap().filter_map(|entry| entry.ok()?.file_name().to_str()?.parse::<u32>().ok());
    let mut stats = processes.filter_map(|number| Some((number, std::fs::read_to_string(format!("/proc/{number}/stat")).ok()?)));
    stats.find(|(_, stat)| parent(stat) == Some(process)).map(|(number, _)| number)
}

#[test]
fn a_gateway_that_ends_during_an_upgrade_leaves_no_process_behind() {
    let app = Origin::json("{}");
    let mut gate = Program::run(&versioned(&app, LISTEN, 0), &[], &[]);
    gate.address();
    let started = stuck(&gate);
    gate.signal("TERM");
    assert_eq!(gate.until_gone().code(), Some(0));
    assert!(!Path::new("/proc").join(started.to_string()).exists());
}

#[test]
fn a_stranger_cannot_say_that_the_new_process_accepts() {
    use std::os::linux::net::SocketAddrExt;
    use std::os::unix::net::{SocketAddr, UnixDatagram};
    let app = Origin::json("{}");
    let mut gate = Program::run(&versioned(&app, LISTEN, 0), &[], &[]);
    let mut kept = gate.connect();
    let started = stuck(&gate);
    let sockets = std::fs::read_to_string("/proc/net/unix").unwrap();
    let begins = format!("gatewright-{}-", gate.id());
    let name = sockets.lines().find_map(|line| line.rsplit_once('@').map(|(_, name)| name).filter(|name| name.starts_with(&begins)));
    let address = SocketAddr::from_abstract_name(name.unwrap()).unwrap();
    UnixDatagram::unbound().unwrap().send_to_addr(b"READY=1", &address).unwrap();
    signal(started, "KILL");
    gate.until_said("no new process, this one stays: it ended with signal: 9");
    assert_eq!(kept.send(VERSION).read().expect(200).text(), "0");
}

#[test]
fn a_new_process_that_cannot_open_a_listener_leaves_the_unix_socket_of_the_old_one() {
    use std::os::unix::net::UnixStream;
    let app = Origin::json("{}");
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("gate.sock");
    let listen = format!("listen unix:{}\n  listen 127.0.0.1:0", path.display());
    let mut gate = Program::run(&versioned(&app, &listen, 0), &[], &[]);
    gate.until_said("listening on unix:");
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    gate.write(&versioned(&app, &format!("{listen}\n  listen {}", taken.local_addr().unwrap()), 1));
    gate.signal("USR2");
    gate.until_said("no new process, this one stays: it ended with exit status: 1");
    UnixStream::connect(&path).unwrap();
    gate.signal("TERM");
    assert_eq!(gate.until_gone().code(), Some(0));
    assert!(!path.exists());
}

#[test]
fn a_new_process_takes_over_the_sockets_of_many_workers() {
    let app = Origin::json("{}");
    let mut gate = Program::run(&versioned(&app, "listen 127.0.0.1:0\n  workers 66", 0), &[], &[]);
    let address = gate.address();
    gate.signal("USR2");
    let _successor = Successor::of(&gate);
    assert_eq!(gate.until_gone().code(), Some(0));
    Client::connect(address).send(VERSION).read().expect(200);
}

/// Has the gateway start a process that reads the first version from a pipe, while the file of the policy is by now another:
/// where the first version is to be written.
#[track_caller]
fn reading(gate: &Program, app: &Origin) -> (u32, File) {
    let started = stuck(gate);
    let policy = gate.folder().join("policy.gate");
    // Opened when the new process reads.
    let pipe = File::options().write(true).open(&policy).unwrap();
    std::fs::remove_file(policy).unwrap();
    gate.write(&versioned(app, LISTEN, 1));
    (started, pipe)
}

#[test]
fn a_reload_during_an_upgrade_is_passed_on_to_the_process_that_takes_over() {
    let app = lively();
    let mut gate = Program::run(&versioned(&app, LISTEN, 0), &[], &[]);
    let address = gate.address();
    let mut live = sockets(address, 1);
    let (_, mut pipe) = reading(&gate, &app);
    gate.signal("HUP");
    pipe.write_all(versioned(&app, LISTEN, 0).as_bytes()).unwrap();
    drop(pipe);
    let _successor = Successor::of(&gate);
    gate.until_said("another process serves in this one's place, and is told to reload");
    gate.until_said("reloaded as policy 2");
    // The old process may accept for a moment longer.
    until("the new policy", || (Client::connect(address).send(VERSION).read().expect(200).text() == "1").then_some(()));
    // Whoever knows the old process alone may tell that one.
    gate.write(&versioned(&app, LISTEN, 2));
    gate.signal("HUP");
    gate.until_said("reloaded as policy 3");
    until("the next one", || (Client::connect(address).send(VERSION).read().expect(200).text() == "2").then_some(()));
    all_echo(&mut live);
    drop(live);
    assert_eq!(gate.until_gone().code(), Some(0));
}

#[test]
fn a_reload_is_not_passed_on_to_a_process_that_has_ended() {
    let app = lively();
    let mut gate = Program::run(&versioned(&app, LISTEN, 0), &[], &[]);
    let mut live = sockets(gate.address(), 1);
    gate.signal("USR2");
    // It ends by itself, and once that is known its number is nobody's.
    let second = std::mem::ManuallyDrop::new(Successor::of(&gate));
    // Its own successor goes on after it.
    signal(second.0, "USR2");
    until("a third process", || (gate.times_said("a new process accepts") == 2).then_some(()));
    let said = gate.said();
    let third = Successor(said.rsplit_once("process=").unwrap().1.split_whitespace().next().unwrap().parse().unwrap());
    // Its end is looked at by nobody but the first process.
    until("the second process to end", || {
        let stat = std::fs::read_to_string(format!("/proc/{}/stat", second.0)).unwrap();
        stat.rsplit_once(')').unwrap().1.starts_with(" Z").then_some(())
    });
    gate.signal("HUP");
    gate.until_said("not reloaded: another process serves in this one's place: ask that one");
    all_echo(&mut live);
    drop((live, third));
    assert_eq!(gate.until_gone().code(), Some(0));
}

#[test]
fn who_asks_for_a_reload_during_an_upgrade_is_told_that_it_was_passed_on() {
    let app = lively();
    let admin = "listen 127.0.0.1:0\n admin 127.0.0.1:0";
    let mut gate = Program::run(&versioned(&app, admin, 0), &[], &[]);
    let live = sockets(gate.address(), 1);
    // The connection is the old process's.
    let mut asks = Client::connect(gate.admin_address());
    asks.send("GET /admin/ready HTTP/1.1\r\nHost: localhost\r\n\r\n").read().expect(200);
    let (_, mut pipe) = reading(&gate, &app);
    asks.send("POST /admin/reload HTTP/1.1\r\nHost: localhost\r\nContent-Length: 0\r\n\r\n");
    pipe.write_all(versioned(&app, admin, 0).as_bytes()).unwrap();
    drop(pipe);
    let _successor = Successor::of(&gate);
    let problem = asks.read().expect(409).json();
    let detail = "another process serves in this one's place, and is told to reload: see what it says of that";
    assert_eq!((problem["detail"].as_str(), problem.get("diagnostics")), (Some(detail), None), "{problem}");
    gate.until_said("reloaded as policy 2");
    drop(live);
    assert_eq!(gate.until_gone().code(), Some(0));
}

#[test]
fn a_process_that_takes_over_may_be_told_to_reload_from_its_beginning_on() {
    let app = Origin::json("{}");
    let mut gate = Program::run(&versioned(&app, LISTEN, 0), &[], &[]);
    gate.address();
    gate.signal("USR2");
    let started = (0..).find_map(|_| child_of(gate.id())).unwrap();
    let accepts = || gate.said().contains("a new process accepts");
    while !accepts() && Path::new("/proc").join(started.to_string()).exists() {
        signal(started, "HUP");
    }
    let _successor = Successor::of(&gate);
    gate.until_said("reloaded as policy");
}

#[test]
fn a_process_that_is_told_to_reload_before_it_accepts_does_so_afterwards() {
    let app = Origin::json("{}");
    let mut gate = Program::run(&versioned(&app, LISTEN, 0), &[], &[]);
    let address = gate.address();
    let (started, mut pipe) = reading(&gate, &app);
    signal(started, "HUP");
    pipe.write_all(versioned(&app, LISTEN, 0).as_bytes()).unwrap();
    drop(pipe);
    let _successor = Successor::of(&gate);
    gate.until_said("reloaded as policy 2");
    until("the new policy", || (Client::connect(address).send(VERSION).read().expect(200).text() == "1").then_some(()));
}
