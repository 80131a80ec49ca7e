//! The document of the gateway's routes, over a socket.

use crate::harness::{Answer, Gate, Origin, until};
use serde_json::json;

#[test]
fn the_document_is_served_with_a_tag_and_takes_in_what_an_upstream_says() {
    let app = Origin::start(|request| match request.target.as_str() {
        "/docs/openapi.json" => Answer::json(
            200,
            &json!({ "openapi": "3.1.0", "info": { "title": "app", "version": "1" }, "paths": {
                "/things/{id}": { "get": { "summary": "a thing", "responses": { "200": { "description": "it" } } } },
                "/hidden": { "get": { "responses": { "200": { "description": "hidden" } } } },
            } })
            .to_string(),
        ),
        _ => Answer::json(200, "{}"),
    });
    let gate = Gate::source(
        "gateway { listen 127.0.0.1:0 }
        upstream app { target http://{app}; openapi /docs/openapi.json every 1h }
        ## Shop
        route document GET /openapi.json { public \"for everyone\"; respond openapi }
        route things ANY /api/things/** -> app { public \"a test\"; strip_prefix /api }",
    )
    .origin("app", &app)
    .start();
    let document = until("the upstream's operations", || {
        let reply = gate.get("/openapi.json").send().expect(200);
        (reply.json()["paths"]["/api/things/{id}"]["get"]["summary"] == "a thing").then_some(reply)
    });
    let found = document.json();
    assert_eq!((&found["openapi"], &found["info"]["title"]), (&json!("3.1.0"), &json!("Shop")));
    assert!(!found.to_string().contains("hidden"));
    let tag = document.field("etag").unwrap().to_owned();
    let same = gate.get("/openapi.json").field("If-None-Match", format!("\"other\", W/{tag}")).send().expect(304);
    assert_eq!((same.field("etag"), same.body.len()), (Some(tag.as_str()), 0));
    gate.get("/openapi.json").field("If-None-Match", "\"other\"").send().expect(200);
}
