//! The shop as an operator sets it up: passwords and tokens made by the program, secrets in the environment.

use crate::harness::{Origin, Program, Redis, gate, is_there, key_line, peer};

const KEY: (&str, &str) = ("JWT_SECRET", "a key for tests that is long enough to be one");
const GATEWAYS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/gateways");
const SHOP: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/gateways/shop.gate");

#[test]
fn what_the_program_makes_is_what_the_program_takes() {
    let orders = Origin::json(r#"{"orders": []}"#);
    let text = std::fs::read_to_string(SHOP).unwrap().replace("127.0.0.1:8000", "127.0.0.1:0");
    let text = text.replace("127.0.0.1:9002", &orders.address().to_string());
    let staff = gate(&["hash", "password", "--name", "alice"], "wonderland\n", &[]);
    let mut shop = Program::run(&text, &[], &[KEY, ("SHOP_USERS", &staff)]);
    // alice:wonderland
    let issued = shop.post("/api/token").field("Authorization", "Basic YWxpY2U6d29uZGVybGFuZA==").send().expect(200).json();
    shop.get("/api/v1/orders").bearer(issued["token"].as_str().unwrap()).send().expect(200);
    let token = gate(&["token", SHOP, "--auth", "main", "--claims", r#"{"sub": "7"}"#], "", &[KEY]);
    shop.get("/api/v1/orders").bearer(&token).send().expect(200);
    let targets: Vec<String> = orders.requests().into_iter().map(|received| received.target).collect();
    assert_eq!(targets, ["/api/v1/orders", "/api/v1/orders?user_id=7"]);
}

#[test]
fn a_flag_file_that_cannot_be_looked_for_is_said_and_leaves_the_route_open() {
    // The policy is a file: nothing can be in it.
    let policy = "gateway { listen 127.0.0.1:0 }
        route r GET /r { public \"a test\"; maintenance flag \"policy.gate/closed\"; respond 200 text \"open\" }";
    let mut gate = Program::run(policy, &[], &[]);
    gate.get("/r").send().expect(200);
    gate.until_said("the flag file cannot be looked for: the route counts as open");
    gate.reload(" reloaded");
    assert_eq!(gate.times_said("cannot be looked for"), 1, "{}", gate.said());
}

/// A certificate that proves itself, and its key, in PEM.
fn certificate(host: &str) -> Option<(String, String)> {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name).to_str().unwrap().to_owned();
    let (cert, key, name) = (at("cert"), at("key"), format!("subjectAltName=DNS:{host}"));
    let kind = ["-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-subj", "/CN=test", "-addext", &name];
    peer("openssl", &[&["req"], kind.as_slice(), &["-keyout", &key, "-out", &cert]].concat())?;
    let read = |path: String| std::fs::read_to_string(path).unwrap();
    Some((read(cert), read(key)))
}

#[test]
fn the_fullest_sample_runs_with_its_files_and_secrets() {
    let (Some((cert, key)), true) = (certificate("api.example.com"), is_there("curl")) else { return };
    let ca = certificate("internal").unwrap().0;
    let redis = Redis::start();
    // Without one, `on_failure local`.
    let redis = redis.as_ref().map_or_else(|| "redis://127.0.0.1:1".to_owned(), Redis::url);
    let operators = gate(&["hash", "password", "--name", "ann"], "wonderland\n", &[]);
    let partners = key_line("acme", "a-partner's-key", "tier=gold");
    let library = std::fs::read_to_string(format!("{GATEWAYS}/lib/resilience.gate")).unwrap();
    let text = std::fs::read_to_string(format!("{GATEWAYS}/full.gate")).unwrap();
    let text = text.replace("0.0.0.0:80 ", "127.0.0.1:0 ").replace("[::]:443 ", "127.0.0.1:0 ").replace("127.0.0.1:9901 ", "127.0.0.1:0 ");
    let files = [
        ("lib/resilience.gate", library.as_str()),
        ("tls/api.crt", &cert),
        ("tls/api.key", &key),
        ("tls/internal-ca.pem", &ca),
        ("partners.keys", &partners),
        ("ops.htpasswd", &operators),
    ];
    let mut full = Program::run_beside(&files, &text, &[("REDIS_URL", &redis)]);
    // The first listener sends everybody to the second one.
    full.get("/robots.txt").host("api.example.com").send().expect(308);
    let said = full.said();
    let (_, listening) = said.split_once("gate: listening on ").unwrap();
    let secure: std::net::SocketAddr = listening.lines().next().unwrap().split(", ").nth(1).unwrap().parse().unwrap();
    let authority = full.folder().join("tls/api.crt").to_str().unwrap().to_owned();
    let status = |path: &str, more: &[&str]| {
        let (place, url) = (format!("::127.0.0.1:{}", secure.port()), format!("https://api.example.com{path}"));
        let asked = ["--silent", "--max-time", "20", "--output", "/dev/null", "--write-out", "%{http_code}", "--cacert", &authority];
        peer("curl", &[asked.as_slice(), &["--connect-to", &place, &url], more].concat()).unwrap()
    };
    assert_eq!(status("/robots.txt", &[]), "200");
    assert_eq!(status("/v1/dashboard", &[]), "401");
    assert_eq!(status("/partner/search?q=tea", &["--header", "X-Api-Key: somebody's"]), "401");
    assert_eq!(status("/nowhere", &[]), "404");
    full.admin("GET", "/admin/upstreams").send().expect(401);
    // ann:wonderland
    let upstreams = full.admin("GET", "/admin/upstreams").field("Authorization", "Basic YW5uOndvbmRlcmxhbmQ=").send().expect(200).json();
    assert_eq!(upstreams.as_object().unwrap().len(), 4, "{upstreams}");
    full.signal("TERM");
    assert!(full.until_ended().success(), "{}", full.said());
}
