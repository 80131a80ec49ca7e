//! Many clients at once, and bodies larger than memory allows.

use crate::harness::{Answer, Gate, Origin, PLAIN, Program, plain, until};

const CLIENTS: usize = 64;
const REQUESTS: usize = 20_000;

#[test]
fn clients_that_stay_share_as_many_upstream_connections_and_none_fails() {
    let app = Origin::json("{}");
    let gate = plain(&app);
    std::thread::scope(|scope| {
        for _ in 0..CLIENTS {
            scope.spawn(|| {
                let mut client = gate.connect();
                for _ in 0..REQUESTS.div_ceil(CLIENTS) {
                    gate.get("/").over(&mut client);
                    client.read().expect(200);
                }
            });
        }
    });
    assert!(app.begun() >= REQUESTS);
    // One more where the answer reached its client before the connection was back in the pool.
    assert!(app.accepted() <= CLIENTS + CLIENTS / 8, "{} connections", app.accepted());
}

/// More than the gateway may hold.
const LARGE: u64 = 1 << 30;
const MEMORY: u64 = 64 << 20;

fn large(app: &Origin) -> Program {
    let text = PLAIN.replace("public \"a test\"", "public \"a test\"\n body max 2GiB").replace("{app}", &app.address().to_string());
    Program::run(&text, &[], &[])
}

#[test]
fn a_large_upload_passes_through_without_being_held() {
    let app = Origin::json("{}");
    let mut gate = large(&app);
    let mut client = gate.connect();
    client.send(format!("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: {LARGE}\r\n\r\n"));
    let part = vec![b'x'; 64 << 10];
    for _ in 0..LARGE / part.len() as u64 {
        client.send(&part);
    }
    client.read().expect(200);
    assert_eq!(app.received().length, LARGE);
    assert!(gate.memory_max() < MEMORY, "{} MiB", gate.memory_max() >> 20);
}

#[test]
fn a_large_download_passes_through_without_being_held() {
    let app = Origin::start(|_| Answer::Stream(LARGE));
    let mut gate = large(&app);
    assert_eq!(gate.get("/").send().expect(200).length, LARGE);
    assert!(gate.memory_max() < MEMORY, "{} MiB", gate.memory_max() >> 20);
}

#[test]
fn a_client_that_does_not_read_holds_the_upstream_back() {
    let app = Origin::start(|_| Answer::Stream(LARGE));
    let mut gate = large(&app);
    let mut slow = gate.connect();
    slow.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n");
    slow.read_head().unwrap();
    // Meanwhile others are served, and what the slow one did not take is not piled up.
    assert_eq!(gate.get("/").send().expect(200).length, LARGE);
    assert!(gate.memory_max() < MEMORY, "{} MiB", gate.memory_max() >> 20);
    drop(slow);
}

#[test]
fn connections_over_the_cap_are_closed_at_once_and_the_others_served() {
    let app = Origin::json("{}");
    let text = PLAIN.replace("127.0.0.1:0", "127.0.0.1:0\n limits {\n connections 2\n }\n");
    let gate = Gate::source(text).origin("app", &app).start();
    let mut served: Vec<_> = (0..2).map(|_| gate.connect()).collect();
    for client in &mut served {
        gate.get("/").over(client);
        client.read().expect(200);
    }
    assert!(gate.connect().is_closed());
    gate.get("/").over(&mut served[0]);
    served[0].read().expect(200);
    drop(served);
    until("room for another", || {
        let mut client = gate.connect();
        gate.get("/").over(&mut client);
        client.try_read("GET").ok()
    });
}
