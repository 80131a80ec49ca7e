//! Another policy while the gateway runs: what goes on, what is kept, and how to go back.

use crate::harness::{
    Answer, Ask, CLIENTS, Client, LISTEN, Origin, Ports, Program, SOCKETS, Stop, all_echo, lively, password_line, sockets, token, until,
    versioned,
};
use parking_lot::Mutex;
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::os::unix::fs::symlink;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

const RELOADS: usize = 50;

fn version(gate: &mut Program) -> String {
    gate.get("/version").send().expect(200).text().to_owned()
}

#[test]
fn fifty_reloads_lose_no_request_no_websocket_and_no_count() {
    let app = lively();
    let mut gate = Program::run(&versioned(&app, LISTEN, 0), &[], &[]);
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
                gate.write(&versioned(&app, LISTEN, number));
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
    let (one, both, other) = (LISTEN, "listen 127.0.0.1:0\n listen 127.0.0.2:0", "listen 127.0.0.2:0");
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
    assert!(TcpStream::connect(first).is_err(), "who has heard of the reload is let in where it closed");
    assert!(stays.is_closed(), "an idle connection is not waited for");
    drop(holding);
    assert_eq!(runs.read().expect(200).field("connection"), Some("close"));
    assert_eq!(of_second.send("GET /version HTTP/1.1\r\nHost: a\r\n\r\n").read().expect(200).text(), "2");
    gate.signal("TERM");
    assert_eq!(gate.until_ended().code(), Some(0));
}

#[test]
fn a_listener_that_cannot_be_opened_refuses_the_whole_reload() {
    let app = lively();
    let mut gate = Program::run(&versioned(&app, LISTEN, 0), &[], &[]);
    gate.get("/counted").send().expect(200);
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap();
    let changed = versioned(&app, &format!("listen 127.0.0.2:0\n listen {address}"), 1).replace("100/h", "50/h");
    gate.write(&changed);
    gate.reload("not reloaded");
    assert!(gate.said().contains(&format!("cannot listen on {address}")), "{}", gate.said());
    assert_eq!(version(&mut gate), "0");
    gate.write(&versioned(&app, LISTEN, 2));
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
    let app = lively();
    let mut gate = Program::run(&versioned(&app, LISTEN, 0), &["--watch"], &[]);
    assert_eq!(version(&mut gate), "0");
    gate.write(&versioned(&app, LISTEN, 1));
    until_version(&mut gate, "1");
    for broken in ["gateway {", ""] {
        gate.write(broken);
        let wrong = if broken.is_empty() { "says nowhere to listen" } else { "gate::syntax::brace" };
        gate.until_said(wrong);
        assert_eq!(version(&mut gate), "1");
    }
    gate.write(&versioned(&app, LISTEN, 2));
    until_version(&mut gate, "2");
}

/// How many folders a gateway watches.
fn watched_folders(gate: &Program) -> usize {
    let folder = Path::new("/proc").join(gate.id().to_string()).join("fdinfo");
    let files = std::fs::read_dir(folder).unwrap().map(|file| std::fs::read_to_string(file.unwrap().path()).unwrap_or_default());
    files.map(|text| text.matches("inotify wd:").count()).sum()
}

#[test]
fn under_watch_files_that_the_policy_names_no_more_are_let_go() {
    let app = lively();
    let mut gate = Program::run(&versioned(&app, LISTEN, 0), &["--watch"], &[]);
    gate.address();
    until("its folder", || (watched_folders(&gate) == 1).then_some(()));
    let shared = gate.folder().join("shared");
    std::fs::create_dir(&shared).unwrap();
    std::fs::write(shared.join("more.gate"), "").unwrap();
    let importing = |version| format!("import \"shared/more.gate\" as more\n{}", versioned(&app, LISTEN, version));
    gate.write(&importing(1));
    until_version(&mut gate, "1");
    until("both folders", || (watched_folders(&gate) == 2).then_some(()));
    // What is broken may be mended in any file that it names, or that the policy in force does.
    gate.write("gateway {");
    gate.until_said("gate::syntax::brace");
    until("both folders still", || (watched_folders(&gate) == 2).then_some(()));
    gate.write(&versioned(&app, LISTEN, 2));
    until_version(&mut gate, "2");
    until("one folder", || (watched_folders(&gate) == 1).then_some(()));
}

#[test]
fn under_watch_what_the_file_names_is_seen_although_an_earlier_policy_is_in_force() {
    let (app, folder) = (lively(), tempfile::tempdir().unwrap());
    let text = |version| versioned(&app, "listen 127.0.0.1:0\n admin 127.0.0.1:0", version);
    let mut gate = Program::run(&text(0), &["--watch", "--state", folder.path().to_str().unwrap()], &[]);
    assert_eq!(version(&mut gate), "0");
    let shared = gate.folder().join("shared");
    std::fs::create_dir(&shared).unwrap();
    std::fs::write(shared.join("more.gate"), "group {").unwrap();
    gate.write(&format!("import \"shared/more.gate\" as more\n{}", text(1)));
    gate.until_said("gate::syntax::brace");
    gate.admin("POST", "/admin/rollback?to=1").send().expect(200);
    std::fs::write(shared.join("more.gate"), "").unwrap();
    until_version(&mut gate, "1");
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
    let app = lively();
    let text = |version| versioned(&app, LISTEN, version);
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
    let app = lively();
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
    let kept = std::fs::read_dir(folder).unwrap().next().unwrap().unwrap().path();
    assert_eq!((code, printed), (Some(1), format!("gate: there is no policy 7; kept in `{}`: 1, 2, 3\n", kept.display())));
    gate.admin("POST", "/admin/rollback?to=7").send().expect(404);
    assert_eq!(gate.times_said("reload_refused"), 1, "of the broken file: {}", gate.said());
    gate.write("");
    let (code, printed) = gate.ask(&["reload", "--admin", &admin]);
    assert_eq!((code, printed.contains("listen :8080 }`\ngate: the policy cannot be put in force")), (Some(1), true), "{printed}");
    gate.write("gateway {");
    let (code, printed) = gate.ask(&["generations", "policy.gate", "--state", folder]);
    let numbers: Vec<&str> = printed.lines().filter_map(|line| line.split_whitespace().next()).collect();
    assert_eq!((code, numbers), (Some(0), vec!["3", "2", "1"]), "{printed}");
    std::fs::write(kept.join("2.json"), "{").unwrap();
    let (code, printed) = gate.ask(&["generations", "policy.gate", "--state", folder]);
    let numbers: Vec<&str> = printed.lines().filter_map(|line| line.split_whitespace().next()).collect();
    assert_eq!((code, numbers), (Some(2), vec!["3", "1", "gate:"]), "{printed}");
    gate.signal("TERM");
    gate.until_ended();
    let mut gate = gate.run_again(&state);
    assert_eq!(gate.until_ended().code(), Some(1));
    gate.until_said("`gate run --last-good`");
    let mut gate = gate.run_again(&[&state[..], &["--last-good"]].concat());
    assert_eq!(version(&mut gate), "0");
    gate.until_said(&format!(" GMT, kept in `{}`, is in force, not the file `", kept.display()));
    // Whoever takes over reads the file.
    gate.signal("USR2");
    gate.until_said("no new process, this one stays: it ended with exit status: 1");
    assert_eq!(gate.times_said("gate::syntax::brace"), 1, "{}", gate.said());
}

#[test]
fn a_reload_that_changes_nothing_says_so_and_each_finding_of_one_that_is_refused_is_a_record_of_the_log() {
    let app = lively();
    let mut gate = Program::run(&versioned(&app, "listen 127.0.0.1:0\n admin 127.0.0.1:0", 0), &[], &[]);
    let admin = gate.admin_address().to_string();
    let (code, printed) = gate.ask(&["reload", "--admin", &admin]);
    assert_eq!((code, &*printed), (Some(0), "generation 1 is in force: the policy means the same as before\n"));
    gate.until_said("reloaded as policy 1: it means the same as before");
    gate.write("gateway { listen 127.0.0.1:0 }\nroute a GET /a -> nobody\nroute b GET /b -> nowhere\n");
    let (code, printed) = gate.ask(&["reload", "--admin", &admin]);
    assert_eq!((code, printed.matches("error[gate::").count()), (Some(1), 4), "{printed}");
    until("all of them", || (gate.times_said("error[gate::") == 4).then_some(()));
    let said = gate.said();
    let (_, refused) = said.split_once("not reloaded; the old policy stays").unwrap();
    assert!(refused.lines().skip(1).all(|line| line.starts_with("20")), "{said}");
}

#[test]
fn two_policies_that_are_kept_in_one_folder_are_not_taken_for_each_other() {
    let (app, folder) = (lively(), tempfile::tempdir().unwrap());
    let state = ["--state", folder.path().to_str().unwrap()];
    let mut first = Program::run(&versioned(&app, LISTEN, 0), &state, &[]);
    first.address();
    let mut second = Program::run("gateway {", &state, &[]);
    assert_eq!((second.until_ended().code(), second.times_said(KEPT)), (Some(1), 0), "{}", second.said());
    second.write(&versioned(&app, LISTEN, 5));
    let mut second = second.run_again(&state);
    second.address();
    for gate in [&first, &second] {
        let (code, printed) = gate.ask(&["generations", "policy.gate", "--state", state[1]]);
        assert_eq!((code, printed.lines().count()), (Some(0), 1), "{printed}");
        assert!(printed.starts_with("   1 "), "{printed}");
    }
    first.signal("TERM");
    first.until_ended();
    let mut first = first.run_again(&[&state[..], &["--last-good"]].concat());
    assert_eq!(version(&mut first), "0");
}

#[test]
fn a_folder_that_policies_cannot_be_kept_in_is_named() {
    let (app, file) = (lively(), tempfile::NamedTempFile::new().unwrap());
    let path = file.path().to_str().unwrap();
    let mut gate = Program::run(&versioned(&app, LISTEN, 0), &["--state", path], &[]);
    gate.address();
    gate.until_said(&format!("the policy in force is not kept in `{path}/"));
}

/// `gateways/shop.gate` with another limit and another upstream in each version.
fn shop(app: &Origin, version: usize) -> String {
    include_str!("../../gateways/shop.gate")
        .replace("listen 127.0.0.1:8000", LISTEN)
        .replace("127.0.0.1:9002", &app.address().to_string())
        .replace("limit per_client 100/min", &format!("limit per_client {}/min", 100 + version))
        .replace("timeout { connect 250ms", &format!("timeout {{ connect {}ms", 250 + version))
}

#[test]
fn a_thousand_reloads_leave_nothing_behind() {
    const FEW: usize = 10;
    const MANY: usize = 1_000;
    let (app, users) = (Origin::json(r#"{"orders": []}"#), password_line("alice", "wonderland"));
    let key = "a key for tests that is long enough to be one";
    let mut gate = Program::run(&shop(&app, 0), &[], &[("JWT_SECRET", key), ("SHOP_USERS", &users)]);
    let token = token(key, &serde_json::json!({"sub": "7"}));
    gate.address();
    let mut after_few = 0;
    for version in 1..=MANY {
        gate.write(&shop(&app, version));
        gate.reload(" reloaded");
        gate.get("/api/v1/orders").bearer(&token).send().expect(200);
        gate.get("/health").send().expect(200);
        if version == FEW {
            after_few = gate.memory_now();
        }
    }
    let after_many = gate.memory_now();
    assert!(after_many <= after_few + after_few / 20, "{after_few} bytes after {FEW} reloads, {after_many} after {MANY}");
}

#[test]
fn nobody_is_served_before_hooks_are_told_and_no_other_gateway_gets_the_address() {
    let (app, hook, ports) = (lively(), Origin::start(|_| Answer::Hang), Ports::held());
    let [listen, admin, other] = ports.numbers();
    let text = |listen: u16, hooks: &str| {
        let listeners = format!("{LISTEN}\n listen 127.0.0.1:{listen}\n admin 127.0.0.1:{admin}");
        format!("{hooks}\n{}", versioned(&app, &listeners, 0))
    };
    let hooks = format!("hook life http http://{}/ {{ on [startup]; timeout 10s }}", hook.address());
    let mut first = Program::run(&text(listen, &hooks), &[], &[]);
    hook.until_begun(1);
    assert!(TcpStream::connect(("127.0.0.1", listen)).is_err());
    let mut second = Program::run(&text(other, ""), &[], &[]);
    assert_eq!(second.until_ended().code(), Some(1));
    assert!(second.said().contains("the admin listener cannot listen on"), "{}", second.said());
    first.signal("KILL");
    first.until_ended();
}

#[test]
fn a_listener_that_comes_to_nothing_takes_no_client_from_the_one_before() {
    let (app, ports) = (lively(), Ports::held());
    let [port] = ports.numbers();
    let mut gate = Program::run(&versioned(&app, &format!("listen 0.0.0.0:{port}"), 0), &[], &[]);
    gate.address();
    let address = SocketAddr::from(([127, 0, 0, 1], port));
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let refused = format!("listen 127.0.0.1:{port}\n listen {}", taken.local_addr().unwrap());
    gate.write(&versioned(&app, &refused, 1));
    let stop = AtomicBool::new(false);
    std::thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                while !stop.load(Ordering::Acquire) {
                    Ask::new(address, "GET", "/version").send().expect(200);
                }
            });
        }
        let _stopping = Stop(&stop);
        (0..30).for_each(|_| gate.reload("not reloaded"));
    });
    assert_eq!(version(&mut gate), "0");
}

#[test]
fn what_is_wrong_with_a_policy_is_said_once() {
    let app = lively();
    let folder = tempfile::tempdir().unwrap();
    let state = ["--state", folder.path().to_str().unwrap()];
    let mut gate = Program::run(&versioned(&app, LISTEN, 0), &state, &[]);
    gate.address();
    gate.write("gateway {");
    gate.reload("not reloaded");
    gate.until_said("event=\"reload_refused\"");
    assert_eq!(gate.times_said("gate::syntax::brace"), 1, "{}", gate.said());
    std::fs::remove_file(gate.folder().join("policy.gate")).unwrap();
    gate.reload("policy.gate: ");
    gate.signal("TERM");
    gate.until_ended();
    let tls = "tls {\n certificate \"a\" cert file(\"none\") key file(\"none\")\n }";
    gate.write(&versioned(&app, &format!("{LISTEN} {{\n {tls}\n }}"), 0));
    let mut gate = gate.run_again(&state);
    assert_eq!(gate.until_ended().code(), Some(1));
    let said = gate.said();
    assert!(said.lines().any(|line| line.starts_with(KEPT)) && said.ends_with('\n'), "{said}");
}

const KEPT: &str = "gate: the policy that was in force last is kept";

#[test]
fn the_policy_before_is_offered_only_where_the_fault_is_in_the_one_of_the_file() {
    let (app, folder) = (lively(), tempfile::tempdir().unwrap());
    let state = ["--state", folder.path().to_str().unwrap()];
    let text = |listen: &str| versioned(&app, listen, 0);
    let mut gate = Program::run(&text(LISTEN), &state, &[]);
    gate.address();
    gate.write("gateway {");
    gate.signal("USR2");
    gate.until_said("no new process");
    assert_eq!((gate.times_said("gate::syntax::brace"), gate.times_said(KEPT)), (1, 0), "of who takes over: {}", gate.said());
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap();
    let guarded = text(&format!("{LISTEN}\n admin 127.0.0.1:0 {{ auth operators }}"));
    let missing = format!("auth basic operators {{\n users env(\"OPERATORS\")\n}}\n{guarded}");
    let of_machine = [text(&format!("listen {address}")), text(&format!("{LISTEN}\n admin {address}")), missing];
    let cases = of_machine.into_iter().map(|text| (text, 0)).chain([("gateway {".to_owned(), 1), (String::new(), 1)]);
    gate.signal("TERM");
    gate.until_ended();
    for (text, offered) in cases {
        gate.write(&text);
        gate = gate.run_again(&state);
        assert_eq!(gate.until_ended().code(), Some(1), "{text}");
        assert_eq!(gate.times_said(KEPT), offered, "{text}\n{}", gate.said());
    }
}
