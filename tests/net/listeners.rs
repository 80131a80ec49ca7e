//! Listeners other than a port of plain text, as an operator sets them up: Unix sockets, proxies before the gateway, sockets
//! that are passed to it; tried with curl.

use crate::harness::{Origin, Program, curl, until};
use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::os::unix::net::UnixStream;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;

const SAYS_HOW: &str = r#"
upstream app { target http://{app} }
route everything ANY /** -> app {
  public "a test"
  request {
    set "x-listener" request.listener
    set "x-scheme" request.scheme
    set "x-client" "${client.ip}"
  }
}
"#;

fn policy(gateway: &str, app: &Origin) -> String {
    format!("gateway {{\n{gateway}\n}}\n{}", SAYS_HOW.replace("{app}", &app.address().to_string()))
}

/// Listener, scheme and client of the last request.
fn seen(app: &Origin, count: usize) -> [String; 3] {
    let last = app.until_received(count).pop().unwrap();
    ["x-listener", "x-scheme", "x-client"].map(|name| last.field(name).unwrap_or_default().to_owned())
}

#[test]
fn a_unix_socket_and_a_proxied_port_say_who_came_and_how() {
    let (app, folder) = (Origin::json("{}"), tempfile::tempdir().unwrap());
    let path = folder.path().join("gate.sock").display().to_string();
    let gateway = format!("listen 127.0.0.1:0 as front proxy_protocol\nlisten unix:{path} as inside mode 0600\ntrust 127.0.0.0/8");
    let mut gate = Program::run(&policy(&gateway, &app), &[], &[]);
    let port = gate.address().port();
    gate.until_said(&format!(", unix:{path}\n"));
    let code = ["--write-out", "%{http_code}"];
    let Some(said) = curl(&[&code[..], &["--unix-socket", &path, "http://any.example/x"]].concat()) else { return };
    assert_eq!(said, "200");
    assert_eq!(seen(&app, 1), ["inside", "http", "127.0.0.1"]);
    let url = format!("http://127.0.0.1:{port}/x");
    assert_eq!(curl(&[&code[..], &["--haproxy-protocol", &url]].concat()).unwrap(), "200");
    assert_eq!(seen(&app, 2), ["front", "http", "127.0.0.1"]);
    let mut far = TcpStream::connect(("127.0.0.1", port)).unwrap();
    far.write_all(b"PROXY TCP4 203.0.113.7 10.0.0.1 9 443\r\nGET /x HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n").unwrap();
    let mut reply = String::new();
    far.read_to_string(&mut reply).unwrap();
    assert!(reply.starts_with("HTTP/1.1 200 "), "{reply}");
    assert_eq!(seen(&app, 3), ["front", "http", "203.0.113.7"]);
    // Without the header there is no answer.
    assert_eq!(curl(&[&code[..], &[&url]].concat()).unwrap(), "000");
    gate.signal("TERM");
    assert!(gate.until_ended().success());
    assert!(!std::path::Path::new(&path).exists());
}

#[test]
fn a_gateway_takes_over_the_file_of_one_that_was_killed_but_not_of_one_that_runs() {
    let (app, folder) = (Origin::json("{}"), tempfile::tempdir().unwrap());
    let path = folder.path().join("gate.sock");
    let policy = policy(&format!("listen unix:{}", path.display()), &app);
    let mut first = Program::run(&policy, &[], &[]);
    first.until_said("listening on");
    let mut second = Program::run(&policy, &[], &[]);
    assert!(!second.until_ended().success());
    assert!(second.said().contains(&format!("cannot listen on unix:{}", path.display())), "{}", second.said());
    first.signal("KILL");
    first.until_ended();
    assert!(path.exists(), "nobody was there to remove it");
    let mut third = Program::run(&policy, &[], &[]);
    third.until_said("listening on");
    assert!(UnixStream::connect(&path).is_ok());
    third.signal("TERM");
    assert!(third.until_ended().success());
}

/// A process that is killed when this is dropped.
struct Started(Child);

impl Drop for Started {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// `gate run` with a socket as the service manager passes it: as descriptor 3, named in the environment.
fn activated(policy: &std::path::Path, socket: &Arc<TcpListener>, name: &str) -> Started {
    let passed = std::os::fd::OwnedFd::from(socket.try_clone().unwrap());
    let mut command = Command::new("sh");
    command.args(["-c", r#"LISTEN_FDS=1 LISTEN_PID=$$ exec "$0" run "$1" 3<&0 </dev/null"#]);
    command.arg(env!("CARGO_BIN_EXE_gate")).arg(policy).env("LISTEN_FDNAMES", name).env("GATE_LOG", "error");
    Started(command.stdin(Stdio::from(passed)).stdout(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap())
}

#[test]
fn a_passed_socket_outlives_the_gateway_and_no_client_is_refused_meanwhile() {
    let (app, folder) = (Origin::json("{}"), tempfile::tempdir().unwrap());
    let file = folder.path().join("policy.gate");
    std::fs::write(&file, policy("listen :443 as web\nworkers 2", &app)).unwrap();
    let socket = Arc::new(TcpListener::bind("127.0.0.1:0").unwrap());
    let address = socket.local_addr().unwrap();
    let ask = move || {
        let mut client = TcpStream::connect(address).unwrap();
        client.set_read_timeout(Some(crate::harness::PATIENCE)).unwrap();
        client.write_all(b"GET /x HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n").unwrap();
        let mut reply = String::new();
        client.read_to_string(&mut reply).map(|_| reply)
    };
    for round in 1..=3 {
        // Nobody accepts when this client connects: the queue is the socket's.
        let waiting = std::thread::spawn(ask);
        let mut gate = activated(&file, &socket, "web");
        let reply = waiting.join().unwrap().unwrap();
        assert!(reply.starts_with("HTTP/1.1 200 "), "{reply}");
        assert_eq!(seen(&app, round * 2 - 1)[0], "web");
        assert!(ask().unwrap().starts_with("HTTP/1.1 200 "));
        let stopped = Command::new("sh").arg("-c").arg(format!("kill -TERM {}", gate.0.id())).status().unwrap();
        assert!(stopped.success());
        assert!(until("the gateway to end", || gate.0.try_wait().unwrap()).success());
    }
}

#[test]
fn a_passed_socket_that_is_nobodys_is_an_error_at_start() {
    let (app, folder) = (Origin::json("{}"), tempfile::tempdir().unwrap());
    let file = folder.path().join("policy.gate");
    std::fs::write(&file, policy("listen 127.0.0.1:0", &app)).unwrap();
    let socket = Arc::new(TcpListener::bind("127.0.0.1:0").unwrap());
    let mut gate = activated(&file, &socket, "unknown");
    assert_eq!(until("the gateway to end", || gate.0.try_wait().unwrap()).code(), Some(1));
    let mut said = String::new();
    gate.0.stderr.take().unwrap().read_to_string(&mut said).unwrap();
    assert!(said.contains("that no listener takes"), "{said}");
}
