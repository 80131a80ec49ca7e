//! Hooks on real sockets: a service that is asked about requests and replies.

use crate::harness::{Answer, Gate, Origin};
use serde_json::{Value as Json, json};

/// What a hook was told, in order.
fn told(hook: &Origin) -> Vec<Json> {
    hook.requests().iter().map(|asked| serde_json::from_slice(&asked.body).unwrap()).collect()
}

#[test]
fn a_hook_sets_fields_for_the_upstream_and_for_the_client() {
    let hook = Origin::start(|asked| {
        let told: Json = serde_json::from_slice(&asked.body).unwrap();
        Answer::json(200, &json!({"set": {"x-plan": told["on"]}}).to_string())
    });
    let app = Origin::start(|_| Answer::with(200, "Content-Type: text/plain\r\nX-Plan: upstream\r\n", "hello"));
    let gate = Gate::source(
        "gateway { listen 127.0.0.1:0 }
        hook plans http http://{hook}/ask { on [request, response]; timeout 5s; on_failure refuse }
        upstream app { target http://{app} }
        route r POST /r/** -> app { public \"a test\"; use plans; request { remove x-plan } }",
    )
    .origin("hook", &hook)
    .origin("app", &app)
    .start();
    let reply = gate.ask("POST", "/r/a?b=c").field("X-Plan", "forged").field("X_Plan", "forged").field("Cookie", "a=b").json("{}").send();
    let reply = reply.expect(200);
    assert_eq!((reply.field("x-plan"), &*reply.body), (Some("response"), &b"hello"[..]));
    let received = app.received();
    assert_eq!((received.field("x-plan"), received.field("x_plan")), (Some("request"), None));
    assert_eq!((received.field("cookie"), &*received.body), (Some("a=b"), &b"{}"[..]));
    let told = told(&hook);
    let request = &told[0]["request"];
    assert_eq!(
        (&told[0]["on"], &request["method"], &request["path"], &request["query"]),
        (&json!("request"), &json!("POST"), &json!("/r/a"), &json!("b=c"))
    );
    assert_eq!((&request["route"], &request["client_ip"], &request["headers"]["cookie"]), (&json!("r"), &json!("127.0.0.1"), &Json::Null));
    assert_eq!(request["headers"]["x-plan"], "forged");
    assert_eq!((&told[1]["on"], &told[1]["request"]["path"]), (&json!("response"), &json!("/r/a")));
    assert_eq!((&told[1]["response"]["status"], &told[1]["response"]["headers"]["x-plan"]), (&json!(200), &json!("upstream")));
}

#[test]
fn a_hook_answers_in_the_upstreams_place() {
    let hook = Origin::json(r#"{"status": 402, "body": {"pay": "first"}}"#);
    let app = Origin::json("{}");
    let gate = Gate::source(
        "gateway { listen 127.0.0.1:0 }
        hook plans http http://{hook}/ { on [request]; timeout 5s }
        upstream app { target http://{app} }
        route r GET /r -> app { public \"a test\"; use plans }",
    )
    .origin("hook", &hook)
    .origin("app", &app)
    .start();
    assert_eq!(gate.get("/r").send().expect(402).json(), json!({"pay": "first"}));
    assert!(app.requests().is_empty());
}

#[test]
fn a_hook_that_fails_lets_requests_pass_or_refuses_them_as_the_file_says() {
    let broken = Origin::json("[1]");
    let app = Origin::json("{}");
    let gate = Gate::source(
        "gateway { listen 127.0.0.1:0 }
        hook gone http http://127.0.0.1:1/ { on [request, response, error] }
        hook needed http http://127.0.0.1:1/ { on [request, error]; on_failure refuse }
        hook broken http http://{broken}/ { on [request]; timeout 5s; on_failure refuse }
        upstream app { target http://{app} }
        route a GET /a -> app { public \"a test\"; use gone }
        route b GET /b -> app { public \"a test\"; use needed }
        route c GET /c -> app { public \"a test\"; use broken }",
    )
    .origin("broken", &broken)
    .origin("app", &app)
    .start();
    gate.get("/a").send().expect(200);
    let refused = gate.get("/b").send().expect(503);
    assert_eq!((refused.field("retry-after"), refused.field("content-type")), (Some("1"), Some("application/problem+json")));
    assert!(!String::from_utf8_lossy(&refused.body).contains("127.0.0.1"));
    gate.get("/c").send().expect(502);
    assert_eq!(app.requests().len(), 1);
}

#[test]
fn errors_of_the_gateway_are_told_without_the_key_that_was_wrong() {
    let hook = Origin::json(r#"{"set": {"x-help": "https://help.example.com/"}}"#);
    let gate = Gate::source(
        "gateway { listen 127.0.0.1:0 }
        auth key main { from [header(\"x-key\"), header(\"x-api-key\")]; keys env(\"KEYS\") }
        hook help http http://{hook}/ { on [error]; timeout 5s }
        route r GET /r { auth main; use help; respond 200 text \"in\" }",
    )
    .origin("hook", &hook)
    .secret("KEYS", "")
    .start();
    let refused = gate.get("/r").field("X-Key", "canary").send().expect(401);
    assert_eq!(refused.field("x-help"), Some("https://help.example.com/"));
    let told = told(&hook);
    assert_eq!((&told[0]["on"], &told[0]["response"]["status"]), (&json!("error"), &json!(401)));
    assert!(!told[0].to_string().contains("canary"));
}

#[test]
fn what_a_hook_tells_the_upstream_is_cached_for_nobody_else() {
    let hook = Origin::start(|asked| {
        let told: Json = serde_json::from_slice(&asked.body).unwrap();
        match &told["request"]["headers"]["x-who"] {
            Json::Null => Answer::json(200, "{}"),
            who => Answer::json(200, &json!({"set": {"x-user": who}}).to_string()),
        }
    });
    let app = Origin::start(|request| Answer::json(200, &json!({"hello": request.field("x-user")}).to_string()));
    let gate = Gate::source(
        "gateway { listen 127.0.0.1:0 }
        hook plans http http://{hook}/ { on [request]; timeout 5s; on_failure refuse }
        upstream app { target http://{app} }
        route r GET /r -> app { public \"a test\"; use plans; cache 60s }",
    )
    .origin("hook", &hook)
    .origin("app", &app)
    .start();
    for (who, hello) in [(Some("ann"), json!("ann")), (None, Json::Null), (Some("bob"), json!("bob")), (None, Json::Null)] {
        let asking = gate.get("/r");
        let asking = match who {
            Some(who) => asking.field("X-Who", who),
            None => asking,
        };
        assert_eq!(asking.send().expect(200).json()["hello"], hello);
    }
    assert_eq!(app.requests().len(), 3, "what no hook speaks of is cached");
}

#[test]
fn a_hook_is_told_of_the_start_before_the_first_request_and_of_the_end() {
    let hook = Origin::json("{}");
    let gate = Gate::source(
        "gateway { listen 127.0.0.1:0 }
        hook life http http://{hook}/ { on [startup, shutdown]; timeout 5s }
        route r GET /r { public \"a test\"; use life; respond 200 text \"hello\" }",
    )
    .origin("hook", &hook)
    .start();
    assert_eq!(told(&hook), [json!({"on": "startup"})]);
    gate.get("/r").send().expect(200);
    drop(gate);
    assert_eq!(told(&hook), [json!({"on": "startup"}), json!({"on": "shutdown"})]);
}
