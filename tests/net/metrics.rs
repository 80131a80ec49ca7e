//! What is counted, as it is read.

use crate::harness::{Answer, Client, Gate, Origin, Program, is_there, plain, token, until};
use gatewright::server::metrics::Format;
use std::io::{BufRead, BufReader, Write};
use std::net::SocketAddr;
use std::path::Path;
use std::process::{Child, Command, Stdio};

/// The number of a series, as it stands in the text; none where there is no such series.
fn number(text: &str, series: &str) -> Option<f64> {
    text.lines().find_map(|line| line.strip_prefix(series)?.strip_prefix(' ')).map(|number| number.parse().unwrap())
}

/// Waits until a series has a number: what a client has read may not yet be counted.
#[track_caller]
fn until_counted(gate: &Gate, series: &str, expected: f64) {
    until(&format!("{series} to be {expected}"), || {
        let text = gate.metrics().text(Format::Prometheus);
        (number(&text, series) == Some(expected)).then_some(())
    });
}

const POLICY: &str = r#"
gateway { listen 127.0.0.1:0 }
auth jwt users { algorithms [HS256]; key env("KEY"); audience "a" }
upstream app { target http://{app}; breaker { open_after 2 failures } }
upstream away { target http://127.0.0.1:1 }
route open ANY /open -> app { public "a test"; cache 60s shared }
route shut GET /shut -> app { auth users }
route counted GET /counted -> app { public "a test"; limit few 2/h by client.ip }
route lost GET /lost -> away { public "a test" }
"#;

fn gate(origin: &Origin) -> Gate {
    Gate::source(POLICY).origin("app", origin).secret("KEY", "a-secret-of-more-than-thirty-two-bytes").start()
}

#[test]
fn requests_are_counted_by_route_and_status_and_their_bodies_by_byte() {
    let app = Origin::start(|_| Answer::with(200, "Cache-Control: max-age=60\r\n", "hello"));
    let gate = gate(&app);
    gate.get("/open").send().expect(200);
    gate.get("/open").send().expect(200);
    gate.ask("POST", "/open").json("{}").send().expect(200);
    gate.get("/nothing").send().expect(404);
    for (series, expected) in [
        ("gate_requests_total{route=\"open\",code=\"200\"}", 3.0),
        ("gate_requests_total{route=\"_none\",code=\"404\"}", 1.0),
        ("gate_request_duration_seconds_count{route=\"open\"}", 3.0),
        ("gate_request_body_bytes_total{route=\"open\"}", 2.0),
        ("gate_response_body_bytes_total{route=\"open\"}", 15.0),
        ("gate_cache_requests_total{route=\"open\",verdict=\"hit\"}", 1.0),
        ("gate_cache_requests_total{route=\"open\",verdict=\"miss\"}", 1.0),
        ("gate_upstream_requests_total{upstream=\"app\",code=\"200\"}", 2.0),
        ("gate_upstream_duration_seconds_count{upstream=\"app\"}", 2.0),
        ("gate_upstream_connections{upstream=\"app\",state=\"busy\"}", 0.0),
        ("gate_connections_accepted_total", 4.0),
    ] {
        until_counted(&gate, series, expected);
    }
    let figures = gate.metrics().summary();
    assert_eq!((&figures["routes"]["open"]["requests"], &figures["cache"]["hit_rate"]), (&3.into(), &0.5.into()), "{figures}");
    assert!(figures["routes"]["open"]["last_minute"]["p99_ms"].as_f64().unwrap() > 0.0, "{figures}");
}

#[test]
fn what_policies_refuse_and_upstreams_fail_is_counted() {
    let app = Origin::start(|received| Answer::with(if received.target == "/counted" { 200 } else { 503 }, "", "no"));
    let gate = gate(&app);
    gate.get("/shut").send().expect(401);
    gate.get("/shut").bearer("nonsense").send().expect(401);
    let known = token("a-secret-of-more-than-thirty-two-bytes", &serde_json::json!({ "aud": "a" }));
    [200, 200, 429].into_iter().for_each(|status| _ = gate.get("/counted").send().expect(status));
    [503, 503, 503].into_iter().for_each(|status| _ = gate.get("/shut").bearer(&known).send().expect(status));
    gate.get("/lost").send().expect(502);
    for (series, expected) in [
        ("gate_auth_failures_total{auth=\"users\",reason=\"absent\"}", 1.0),
        ("gate_auth_failures_total{auth=\"users\",reason=\"refused\"}", 1.0),
        ("gate_limiter_requests_total{limit=\"few\",outcome=\"allowed\"}", 2.0),
        ("gate_limiter_requests_total{limit=\"few\",outcome=\"rejected\"}", 1.0),
        ("gate_limiter_keys{limit=\"few\"}", 1.0),
        ("gate_upstream_requests_total{upstream=\"app\",code=\"503\"}", 2.0),
        ("gate_upstream_failures_total{upstream=\"app\",reason=\"breaker\"}", 1.0),
        ("gate_upstream_failures_total{upstream=\"away\",reason=\"connect\"}", 1.0),
        ("gate_breaker_state{upstream=\"app\",state=\"open\"}", 1.0),
        ("gate_breaker_trips_total{upstream=\"app\"}", 1.0),
        ("gate_upstream_target_healthy{upstream=\"away\",target=\"127.0.0.1:1\"}", 1.0),
    ] {
        until_counted(&gate, series, expected);
    }
    let figures = gate.metrics().summary();
    assert_eq!(figures["breakers"]["app"]["state"], "open", "{figures}");
    assert_eq!(figures["limits"]["few"], serde_json::json!({ "allowed": 2, "rejected": 1, "keys": 1 }), "{figures}");
    assert_eq!(figures["upstreams"]["away"]["failures"]["connect"], 1, "{figures}");
}

#[test]
fn a_client_that_goes_away_is_a_499() {
    let app = Origin::start(|_| Answer::Hang);
    let gate = plain(&app);
    let mut client = gate.connect();
    client.send("GET /a HTTP/1.1\r\nHost: a\r\n\r\n");
    app.until_begun(1);
    drop(client);
    until_counted(&gate, "gate_requests_total{route=\"everything\",code=\"499\"}", 1.0);
    until_counted(&gate, "gate_upstream_failures_total{upstream=\"app\",reason=\"cancelled\"}", 1.0);
}

#[test]
fn a_tunnel_is_counted_while_it_is_open_and_its_bytes_when_it_has_ended() {
    let upgraded = b"HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\nhello";
    let app = Origin::start(|_| Answer::Echo(upgraded.to_vec()));
    let gate = plain(&app);
    let mut client: Client = gate.connect();
    client.send(
        "GET /a HTTP/1.1\r\nHost: a\r\nConnection: upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n\
         Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n",
    );
    assert_eq!(client.read_head().unwrap().status, 101);
    assert_eq!(client.exactly(5), b"hello");
    until_counted(&gate, "gate_tunnels", 1.0);
    until_counted(&gate, "gate_requests_total{route=\"everything\",code=\"101\"}", 1.0);
    drop(client);
    until_counted(&gate, "gate_tunnels", 0.0);
    until_counted(&gate, "gate_response_body_bytes_total{route=\"everything\"}", 5.0);
    until_counted(&gate, "gate_upstream_connections{upstream=\"app\",state=\"idle\"}", 0.0);
    until_counted(&gate, "gate_requests_total{route=\"everything\",code=\"101\"}", 1.0);
}

#[test]
fn promtool_finds_nothing_wrong() {
    if !is_there("promtool") {
        return;
    }
    let app = Origin::json("{}");
    let gate = gate(&app);
    gate.get("/open").send().expect(200);
    gate.get("/counted").send().expect(200);
    until_counted(&gate, "gate_requests_total{route=\"counted\",code=\"200\"}", 1.0);
    let mut promtool = Command::new("promtool")
        .args(["check", "metrics"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    promtool.stdin.take().unwrap().write_all(gate.metrics().text(Format::Prometheus).as_bytes()).unwrap();
    let said = promtool.wait_with_output().unwrap();
    let words = String::from_utf8_lossy(&said.stdout).into_owned() + &String::from_utf8_lossy(&said.stderr);
    assert!(said.status.success() && words.is_empty(), "{words}");
}

/// A Prometheus that reads one gateway. It ends when this is dropped.
struct Prometheus {
    child: Child,
    address: SocketAddr,
}

impl Prometheus {
    fn reading(gateway: SocketAddr, folder: &Path) -> Self {
        let config = folder.join("prometheus.yml");
        let jobs = format!(
            "global: {{ scrape_interval: 1s }}\nscrape_configs: [{{ job_name: gate, static_configs: [{{ targets: [\"{gateway}\"] }}] }}]\n"
        );
        std::fs::write(&config, jobs).unwrap();
        let mut child = Command::new("prometheus")
            .arg(format!("--config.file={}", config.display()))
            .arg(format!("--storage.tsdb.path={}", folder.join("data").display()))
            .arg("--web.listen-address=127.0.0.1:0")
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let mut lines = BufReader::new(child.stderr.take().unwrap()).lines();
        let address = lines.find_map(|line| line.unwrap().split_once("msg=\"Listening on\" address=").map(|(_, at)| at.parse().unwrap()));
        // What it says later goes nowhere, but has to be read.
        std::thread::spawn(move || lines.for_each(drop));
        Self { child, address: address.expect("prometheus listens") }
    }

    /// The value of a query, once there is one.
    fn value(&self, query: &str) -> Option<String> {
        let reply = Client::connect(self.address).send(format!("GET /api/v1/query?query={query} HTTP/1.0\r\nHost: a\r\n\r\n")).read();
        // It says 503 until it has read what it kept.
        (reply.status == 200).then(|| reply.json())?["data"]["result"][0]["value"][1].as_str().map(str::to_owned)
    }
}

impl Drop for Prometheus {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[test]
fn prometheus_reads_the_admin_listener() {
    if !is_there("prometheus") {
        return;
    }
    let app = Origin::json("{}");
    let policy = r#"
        gateway { listen 127.0.0.1:0; admin 127.0.0.1:0 }
        upstream app { target http://{app} }
        route everything ANY /** -> app { public "a test" }
    "#;
    let mut gate = Program::run(&policy.replace("{app}", &app.address().to_string()), &[], &[]);
    (0..3).for_each(|_| _ = gate.get("/a").send().expect(200));
    assert_eq!(gate.admin("GET", "/admin/metrics").send().expect(200).json()["routes"]["everything"]["errors"], 0);
    let text = gate.admin("GET", "/metrics").send().expect(200);
    assert_eq!(text.field("content-type"), Some("text/plain; version=0.0.4; charset=utf-8"));
    let folder = tempfile::tempdir().unwrap();
    let prometheus = Prometheus::reading(gate.admin_address(), folder.path());
    let value = until("prometheus to have read it", || prometheus.value("gate_requests_total"));
    assert_eq!(value, "3");
    assert_eq!(prometheus.value("gate_request_duration_seconds_count").as_deref(), Some("3"));
    assert_eq!(prometheus.value("up").as_deref(), Some("1"));
}
