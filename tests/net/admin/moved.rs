//! The admin listener at another address.

use crate::harness::{Answer, Ask, Client, LISTEN, Origin, Ports, Program, Stop, lively, password_line, versioned};
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

#[test]
fn the_admin_listener_and_another_change_places() {
    let (app, ports) = (lively(), Ports::held());
    let [first, second, third] = ports.numbers();
    let text = |listen: u16, admin: &str| versioned(&app, &format!("{LISTEN}\n listen 127.0.0.1:{listen}\n admin {admin}"), 0);
    let mut gate = Program::run(&text(first, &format!("127.0.0.1:{second}")), &[], &[("OPERATORS", &password_line("ann", "x"))]);
    let ask = |port: u16, target: &str| Ask::new(SocketAddr::from(([127, 0, 0, 1], port)), "GET", target).send().status;
    gate.admin_address();
    assert_eq!((ask(first, "/version"), ask(second, "/admin/status")), (200, 200));
    gate.write(&text(second, &format!("127.0.0.1:{first}")));
    gate.reload(" reloaded");
    gate.until_said(&format!("gate: administered at 127.0.0.1:{first}"));
    assert_eq!((ask(first, "/admin/status"), ask(second, "/version")), (200, 200));
    // Whoever has heard that a policy is in force meets nobody of the one before.
    for round in 0..10 {
        let (listen, admin) = if round % 2 == 0 { (first, second) } else { (second, first) };
        gate.write(&text(listen, &format!("127.0.0.1:{admin}")));
        gate.reload(" reloaded");
        for _ in 0..4 {
            assert_eq!((ask(listen, "/version"), ask(admin, "/admin/status")), (200, 200), "round {round}");
        }
    }
    // To every address of the machine at the same port, and to a port that is a listener's no more.
    let auth = "auth basic operators {\n users env(\"OPERATORS\")\n}\n";
    gate.write(&format!("{auth}{}", text(second, &format!("0.0.0.0:{first} {{ auth operators }}"))));
    gate.reload(" reloaded");
    assert_eq!(ask(first, "/admin/status"), 401);
    gate.write(&format!("{auth}{}", text(third, &format!("0.0.0.0:{second} {{ auth operators }}"))));
    gate.reload(" reloaded");
    assert_eq!(ask(second, "/admin/status"), 401);
    assert_eq!(ask(third, "/version"), 200);
    assert!(!gate.said().contains("not reloaded"), "{}", gate.said());
}

/// What a server says to a request for its status, whatever becomes of the connection.
fn said_at(port: u16) -> String {
    let mut said = Vec::new();
    if let Ok(mut client) = TcpStream::connect(("127.0.0.1", port)) {
        let asked = client.write_all(b"GET /admin/status HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n\r\n");
        let _ = asked.and_then(|()| client.read_to_end(&mut said));
    }
    String::from_utf8_lossy(&said).into_owned()
}

#[test]
fn an_admin_listener_that_goes_lets_in_nobody_that_it_did_not_let_in_before() {
    let (app, hook, ports) = (lively(), Origin::start(|_| Answer::Hang), Ports::held());
    let [port] = ports.numbers();
    let text = |admin: &str, hooks: &str| {
        let auth = "auth basic operators {\n users env(\"OPERATORS\")\n}\n";
        format!("{auth}{hooks}\n{}", versioned(&app, &format!("{LISTEN}\n admin {admin}"), 0))
    };
    // Its service is told that it is over, and does not answer: the reload takes as long as that may.
    let hooks = format!("hook life http http://{}/ {{ on [shutdown]; timeout 2s }}", hook.address());
    let first = text(&format!("0.0.0.0:{port} {{ auth operators }}"), &hooks);
    let mut gate = Program::run(&first, &[], &[("OPERATORS", &password_line("ann", "x"))]);
    gate.admin_address();
    assert!(said_at(port).starts_with("HTTP/1.1 401"), "{}", said_at(port));
    gate.write(&text("127.0.0.1:0", ""));
    let (stop, asked) = (AtomicBool::new(false), AtomicUsize::new(0));
    std::thread::scope(|scope| {
        scope.spawn(|| {
            while !stop.load(Ordering::Acquire) {
                let said = said_at(port);
                assert!(!said.starts_with("HTTP/1.1 200"), "{said}");
                asked.fetch_add(1, Ordering::Relaxed);
            }
        });
        let _stopping = Stop(&stop);
        gate.reload(" reloaded");
    });
    hook.until_begun(1);
    assert!(asked.into_inner() > 0);
    assert_eq!(said_at(port), "");
}

#[test]
fn who_has_connected_to_an_admin_listener_before_it_moves_is_answered() {
    let (app, ports) = (lively(), Ports::held());
    let [first, second] = ports.numbers();
    let text = |admin: u16| versioned(&app, &format!("{LISTEN}\n admin 127.0.0.1:{admin}"), 0);
    let mut gate = Program::run(&text(first), &[], &[]);
    gate.admin_address();
    for round in 0..20 {
        let (from, to) = if round % 2 == 0 { (first, second) } else { (second, first) };
        let mut probe = Client::connect(SocketAddr::from(([127, 0, 0, 1], from)));
        gate.write(&text(to));
        gate.reload(" reloaded");
        assert_eq!(probe.send("GET /admin/ready HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n").read().status, 200, "round {round}");
    }
}
