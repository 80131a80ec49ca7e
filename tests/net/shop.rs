//! `gateways/shop.gate` as it stands, before three services.

use crate::harness::{Answer, Gate, Origin, Response, password_line, token, until};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::json;
use std::sync::Arc;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicBool, Ordering};

const SHOP: &str = include_str!("../../gateways/shop.gate");
const KEY: &str = "a key for tests that is long enough to be one";

struct Shop {
    gate: Gate,
    users: Origin,
    orders: Origin,
}

impl Shop {
    fn open() -> Self {
        Self::with(Origin::json(r#"{"users": []}"#), |text| text)
    }

    fn with(users: Origin, change: impl Fn(String) -> String) -> Self {
        static STAFF: OnceLock<String> = OnceLock::new();
        let orders = Origin::json(r#"{"orders": []}"#);
        let gate = Gate::source(change(SHOP.to_owned()))
            .replace("listen 127.0.0.1:8000", "listen 127.0.0.1:0")
            .replace("127.0.0.1:9001", &users.address().to_string())
            .replace("127.0.0.1:9002", &orders.address().to_string())
            .secret("JWT_SECRET", KEY)
            .secret("SHOP_USERS", STAFF.get_or_init(|| password_line("alice", "wonderland")))
            .start();
        Self { gate, users, orders }
    }

    fn get(&self, path: &str, claims: &serde_json::Value) -> Response {
        self.gate.get(path).bearer(&token(KEY, claims)).send()
    }

    fn sign_in(&self, name: &str, password: &str) -> Response {
        let credential = STANDARD.encode(format!("{name}:{password}"));
        self.gate.ask("POST", "/api/token").field("Authorization", format!("Basic {credential}")).send()
    }
}

#[test]
fn a_password_buys_a_token_and_the_token_buys_orders() {
    let shop = Shop::open();
    let issued = shop.sign_in("alice", "wonderland").expect(200);
    assert_eq!(issued.field("cache-control"), Some("no-store"));
    let issued = issued.json();
    assert_eq!((&issued["token_type"], &issued["expires_in"]), (&json!("Bearer"), &json!(3600)));
    let reply = shop.gate.get("/api/v1/orders").bearer(issued["token"].as_str().unwrap()).send().expect(200);
    assert_eq!(reply.json(), json!({"orders": []}));
    let received = shop.orders.received();
    assert_eq!((received.method.as_str(), received.target.as_str()), ("GET", "/api/v1/orders"));
    assert_eq!((received.field("x-user-id"), received.field("x-user-role")), (Some("alice"), Some("admin")));
    assert_eq!(received.field("authorization"), None, "the credential stays at the gateway");
}

#[test]
fn a_wrong_password_or_none_is_401_and_asks_for_basic() {
    let shop = Shop::open();
    for reply in [shop.sign_in("alice", "wrong"), shop.sign_in("bob", "wonderland"), shop.gate.ask("POST", "/api/token").send()] {
        let reply = reply.expect(401);
        assert!(reply.field("www-authenticate").unwrap().starts_with("Basic"), "{:?}", reply.fields);
    }
}

#[test]
fn without_a_good_token_the_answer_is_401_as_a_problem() {
    let shop = Shop::open();
    let good = token(KEY, &json!({"sub": "7"}));
    let other = token("another key that is also long enough to be one", &json!({"sub": "7"}));
    let unsigned = format!("{}.{}.", "eyJhbGciOiJub25lIn0", good.split('.').nth(1).unwrap());
    for field in [None, Some(format!("Bearer {other}")), Some(format!("Bearer {unsigned}")), Some("Bearer x".to_owned())] {
        let ask = shop.gate.get("/api/v1/orders");
        let reply = match &field {
            Some(value) => ask.field("Authorization", value),
            None => ask,
        };
        let reply = reply.send().expect(401);
        assert!(reply.field("www-authenticate").unwrap().starts_with("Bearer"), "{field:?}");
        assert_eq!(reply.field("content-type"), Some("application/problem+json"));
        let problem = reply.json();
        assert_eq!(
            (&problem["status"], &problem["title"], &problem["route"]),
            (&json!(401), &json!("Unauthorized"), &json!("list_orders"))
        );
        assert_eq!(problem["request_id"].as_str(), reply.field("x-request-id"));
    }
    assert_eq!(shop.orders.begun(), 0);
}

#[test]
fn what_a_client_says_of_itself_is_gone_before_the_upstream() {
    let shop = Shop::open();
    let reply = shop.gate.get("/api/v1/orders?user_id=1&x=y&user%5Fid=2").bearer(&token(KEY, &json!({"sub": "7"})));
    let forged = ["X-User-Id", "X_User_Id", "x-user-role", "X_USER-ROLE", "X-Forwarded-For", "X-Real-IP", "X-Request-Id"];
    forged.iter().fold(reply, |ask, name| ask.field(name, "forged")).send().expect(200);
    let received = shop.orders.received();
    assert!(!received.fields.iter().any(|(_, value)| value.contains("forged")), "{received:?}");
    assert_eq!((received.field("x-user-id"), received.field("x-user-role")), (Some("7"), Some("user")));
    assert_eq!(received.field("x-forwarded-for"), Some("127.0.0.1"));
    assert_eq!(received.target, "/api/v1/orders?x=y&user_id=7");
}

#[test]
fn past_the_burst_comes_429_with_the_time_to_wait() {
    let shop = Shop::open();
    let first = shop.get("/api/v1/users", &json!({"sub": "1"})).expect(200);
    assert_eq!((first.field("x-ratelimit-limit"), first.field("x-ratelimit-remaining")), (Some("100"), Some("19")));
    for _ in 1..20 {
        shop.get("/api/v1/users", &json!({"sub": "1"})).expect(200);
    }
    let refused = shop.get("/api/v1/users", &json!({"sub": "1"})).expect(429);
    assert_eq!((refused.field("retry-after"), refused.field("x-ratelimit-remaining")), (Some("1"), Some("0")));
    assert!(refused.field("x-ratelimit-reset").is_some());
    assert_eq!(refused.json()["status"], 429);
    assert_eq!(shop.users.requests().len(), 20);
}

#[test]
fn five_failures_open_the_breaker_and_a_probe_closes_it() {
    let well = Arc::new(AtomicBool::new(false));
    let state = Arc::clone(&well);
    let users = Origin::start(move |_| Answer::json(if state.load(Ordering::Acquire) { 200 } else { 500 }, "{}"));
    let shop = Shop::with(users, |text| text.replace("cooldown 30s", "cooldown 1500ms").replace("burst 20", "burst 5000"));
    let state_of = |name: &str| shop.gate.get("/health").send().expect(200).json()["upstreams"][name]["breaker"].clone();
    for _ in 0..5 {
        shop.get("/api/v1/users", &json!({"sub": "1"})).expect(500);
    }
    let refused = shop.get("/api/v1/users", &json!({"sub": "1"})).expect(503);
    assert!(matches!(refused.field("retry-after"), Some("1" | "2")), "{:?}", refused.fields);
    assert_eq!((state_of("users"), state_of("orders")), (json!("open"), json!("closed")));
    assert_eq!(shop.gate.get("/health").send().json()["status"], "degraded");
    shop.get("/api/v1/orders", &json!({"sub": "1"})).expect(200);
    well.store(true, Ordering::Release);
    until("the probe", || (shop.get("/api/v1/users", &json!({"sub": "1"})).status == 200).then_some(()));
    assert_eq!(shop.users.requests().len(), 6, "the open breaker let something through");
    assert_eq!(state_of("users"), json!("closed"));
}

#[test]
fn the_index_lists_every_door() {
    let index = Shop::open().gate.get("/").send().expect(200).json();
    let doors = index["endpoints"].as_array().unwrap();
    let door = |name: &str| doors.iter().find(|door| door["route"] == name).unwrap();
    assert_eq!(doors.len(), 8);
    assert_eq!((&door("index")["auth"], &door("list_orders")["auth"]), (&json!(null), &json!("main")));
    assert_eq!((&door("token")["methods"], &door("token")["path"]), (&json!(["POST"]), &json!("/api/token")));
}

#[test]
fn a_preflight_is_answered_before_limits_and_identity() {
    let shop = Shop::open();
    let preflight = |origin: &str| {
        let ask = shop.gate.ask("OPTIONS", "/api/v1/orders").field("Origin", origin);
        ask.field("Access-Control-Request-Method", "GET").send().expect(204)
    };
    for _ in 0..25 {
        let reply = preflight("https://shop.example.com");
        assert_eq!(reply.field("access-control-allow-origin"), Some("https://shop.example.com"));
        assert_eq!(reply.field("access-control-max-age"), Some("600"));
        assert!(reply.varies_by("origin"));
    }
    assert_eq!(preflight("https://strange.example.com").field("access-control-allow-origin"), None);
    assert_eq!(shop.orders.begun(), 0);
}

#[test]
fn a_page_of_an_allowed_origin_may_read_a_401() {
    let shop = Shop::open();
    let reply = shop.gate.get("/api/v1/orders").field("Origin", "https://shop.example.com").send().expect(401);
    assert_eq!(reply.field("access-control-allow-origin"), Some("https://shop.example.com"));
    assert!(reply.varies_by("origin"));
}

#[test]
fn who_is_known_but_not_allowed_gets_403() {
    let shop = Shop::with(Origin::json("{}"), |text| {
        text.replace("route list_products", "route audit GET /audit -> users {\n require claim.role == \"admin\"\n }\n route list_products")
    });
    shop.get("/api/v1/audit", &json!({"sub": "7"})).expect(403);
    assert_eq!(shop.users.begun(), 0);
    shop.get("/api/v1/audit", &json!({"sub": "7", "role": "admin"})).expect(200);
}
