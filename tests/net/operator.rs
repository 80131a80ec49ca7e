//! The shop as an operator sets it up: passwords and tokens made by the program, secrets in the environment.

use crate::harness::{Origin, Program, gate};

const KEY: (&str, &str) = ("JWT_SECRET", "a key for tests that is long enough to be one");
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
