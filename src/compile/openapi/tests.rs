//! Templates, schemes, and what becomes of upstreams' documents.

use super::{DOCUMENT_MAX, Described};
use crate::check::testing::program;
use crate::compile::{Compiler, MadeUp, Plan};
use crate::http::Clock;
use serde_json::{Value as Json, json};
use std::time::Duration;

const HEAD: &str = "gateway { listen :8080 }
upstream users { target http://127.0.0.1:1; openapi /openapi.json every 5m }
upstream orders { target http://127.0.0.1:2; openapi /docs/openapi.json every 5m }
route document GET /openapi.json { public \"for everyone\"; respond openapi }
";

fn compiled(compiler: &mut Compiler, routes: &str) -> Plan {
    let text = format!("{HEAD}{routes}");
    compiler.compile(&program(&text), &MadeUp::for_tests(1), Clock::at(Duration::ZERO)).unwrap().plan
}

fn plan(routes: &str) -> Plan {
    compiled(&mut Compiler::new(), routes)
}

fn describes(plan: &Plan) -> &Described {
    plan.described.as_ref().unwrap()
}

fn document(plan: &Plan) -> Json {
    serde_json::from_slice(&describes(plan).served.rendered().text).unwrap()
}

fn tell(plan: &Plan, upstream: &str, theirs: &Json) -> Result<bool, String> {
    let described = describes(plan);
    let source = described.sources().iter().find(|source| source.name == upstream).unwrap();
    described.fetched(source, theirs.to_string().as_bytes())
}

/// The paths with their methods, without the document's own.
fn paths(document: &Json) -> Vec<String> {
    let paths = document["paths"].as_object().unwrap();
    let all = paths.iter().flat_map(|(path, item)| item.as_object().unwrap().keys().map(move |method| format!("{method} {path}")));
    all.filter(|text| !text.contains("/openapi.json")).collect()
}

fn service(paths: Json) -> Json {
    json!({ "openapi": "3.1.0", "info": { "title": "t", "version": "1" }, "paths": paths })
}

fn answers(text: &str) -> Json {
    json!({ "summary": text, "responses": { "200": { "description": text } } })
}

#[test]
fn patterns_are_told_as_far_as_openapi_can() {
    let found = document(&plan(
        "group all { public \"a test\"
        route a GET,POST /a/{id:int}/{kind:x|y}/{u:uuid} -> users
        route b ANY /files/** -> users
        route c GET re\"/v[0-9]+\" -> users
        route d PURGE /d -> users
        route e GET /e/ -> users
        route f GET /f/{code:re\"[A-Z]+\"} -> users }",
    ));
    let b = ["delete", "get", "options", "patch", "post", "put"].map(|method| format!("{method} /files/{{rest}}"));
    let mut all = paths(&found);
    all.sort();
    let mut wanted: Vec<String> = b.into();
    wanted.extend(["get /a/{id}/{kind}/{u}", "post /a/{id}/{kind}/{u}", "get /e/", "get /f/{code}"].map(str::to_owned));
    wanted.sort();
    assert_eq!(all, wanted);
    let schemas: Vec<&Json> = found["paths"]["/a/{id}/{kind}/{u}"]["get"]["parameters"]
        .as_array()
        .unwrap()
        .iter()
        .map(|parameter| &parameter["schema"])
        .collect();
    assert_eq!(schemas[0], &json!({ "type": "integer", "minimum": 0 }));
    assert_eq!(schemas[1], &json!({ "type": "string", "enum": ["x", "y"] }));
    assert_eq!(schemas[2], &json!({ "type": "string", "format": "uuid" }));
    assert_eq!(found["paths"]["/f/{code}"]["get"]["parameters"][0]["schema"]["pattern"], "^(?:[A-Z]+)$");
    assert_eq!(found["paths"]["/files/{rest}"]["get"]["x-gate-pattern"], "/files/**");
    let left_out: Vec<&str> = found["x-gate-left-out"].as_array().unwrap().iter().map(|entry| entry["route"].as_str().unwrap()).collect();
    assert_eq!(left_out, ["c", "d"]);
}

#[test]
fn two_routes_of_one_shape_share_an_item_and_the_first_has_the_method() {
    let found = document(&plan(
        "group all { public \"a test\"
        route number GET /u/{id:int} -> users
        route name GET /u/{name} -> users
        route new POST /u/{name} -> users }",
    ));
    assert_eq!(paths(&found), ["get /u/{id}", "post /u/{id}"]);
    assert_eq!(found["paths"]["/u/{id}"]["get"]["operationId"], "number");
    assert_eq!(found["paths"]["/u/{id}"]["post"]["parameters"][0]["name"], "id");
    assert_eq!(found["x-gate-left-out"][0]["route"], "name");
}

#[test]
fn who_may_call_is_told_by_schemes() {
    let found = document(&plan(
        "auth jwt main { algorithms [HS256]; key env(\"K\"); claims { sub str } }
        auth key partners { from [header(\"x-key\"), cookie(\"k\")]; keys env(\"KEYS\") }
        auth basic people { users env(\"USERS\") }
        route a GET /a -> users { auth main; require claim.sub == \"1\"; limit l 5/s by claim.sub }
        route b GET /b -> users { auth any [main, partners] }
        route c GET /c -> users { auth all [people, partners] }
        route d GET /d -> users { auth optional people }
        route e GET /e -> users { public \"a test\" }",
    ));
    let security = |path: &str| found["paths"][path]["get"]["security"].clone();
    assert_eq!(security("/a"), json!([{ "main": [] }]));
    assert_eq!(security("/b"), json!([{ "main": [] }, { "partners": [] }, { "partners_2": [] }]));
    assert_eq!(security("/c"), json!([{ "people": [], "partners": [] }, { "people": [], "partners_2": [] }]));
    assert_eq!(security("/d"), json!([{ "people": [] }, {}]));
    assert_eq!(security("/e"), json!([]));
    let schemes = &found["components"]["securitySchemes"];
    assert_eq!(schemes["main"], json!({ "type": "http", "scheme": "bearer", "bearerFormat": "JWT" }));
    assert_eq!(schemes["people"], json!({ "type": "http", "scheme": "basic" }));
    assert_eq!(schemes["partners"], json!({ "type": "apiKey", "in": "header", "name": "x-key" }));
    assert_eq!(schemes["partners_2"], json!({ "type": "apiKey", "in": "cookie", "name": "k" }));
    let responses = found["paths"]["/a"]["get"]["responses"].as_object().unwrap();
    assert!(["401", "403", "429"].iter().all(|status| responses.contains_key(*status)), "{responses:?}");
    assert!(responses["429"]["headers"].get("RateLimit").is_some() && responses["429"]["headers"].get("Retry-After").is_some());
}

#[test]
fn what_a_hook_refuses_is_told() {
    let found = document(&plan(
        "hook must http http://h:1/ { on [request]; on_failure refuse }
        hook may http http://h:1/ { on [request] }
        route a GET /a { public \"a test\"; use must; respond 200 text \"a\" }
        route b GET /b { public \"a test\"; use may; respond 200 text \"b\" }",
    ));
    let statuses = |path: &str| found["paths"][path]["get"]["responses"].as_object().unwrap().keys().cloned().collect::<Vec<_>>().join(" ");
    assert_eq!((statuses("/a").as_str(), statuses("/b").as_str()), ("200 502 503", "200"));
}

#[test]
fn a_doc_comment_a_notice_and_a_body_are_told() {
    let found = document(&plan(
        "## Orders.
        ## Newest first.
        route a POST /a -> users { public \"a test\"; body { json schema file(\"order.json\") }; deprecated since 2026-01-31 sunset 2027-01-31 }",
    ));
    let a = &found["paths"]["/a"]["post"];
    assert_eq!((&a["summary"], &a["deprecated"]), (&json!("Orders."), &json!(true)));
    assert_eq!(a["description"], "Newest first.\n\nDeprecated since 2026-01-31, gone from 2027-01-31 on.");
    assert_eq!(a["requestBody"]["content"]["application/json"]["schema"]["$ref"], "#/components/schemas/a_body");
    assert_eq!(found["components"]["schemas"]["a_body"], json!({ "$id": "urn:gate:a:body" }));
}

#[test]
fn hosts_are_servers() {
    let found = document(&plan("group api host [\"api.example.com\", \"*.shop.example\"] { public \"a test\"; route a GET /a -> users }"));
    assert_eq!(
        found["paths"]["/a"]["get"]["servers"],
        json!([
            { "url": "http://api.example.com:8080" },
            { "url": "http://{subdomain}.shop.example:8080", "variables": { "subdomain": { "default": "www" } } },
        ])
    );
}

#[test]
fn of_an_upstreams_document_only_what_a_route_exposes_is_shown() {
    let plan = plan(
        "group v1 /v1 { public \"a test\"
        route user GET /users/{id:int} -> users { strip_prefix /v1; limit l 5/s by client.ip }
        route files GET /files/** -> users { strip_prefix /v1; add_prefix /store }
        route me GET /users/me -> orders { strip_prefix /v1 } }",
    );
    let theirs = service(json!({
        "/users/{user}": {
            "parameters": [{ "name": "user", "in": "path", "required": true, "description": "whose", "schema": { "type": "string" } }],
            "get": { "summary": "one user", "operationId": "getUser", "parameters": [{ "name": "full", "in": "query", "schema": { "type": "boolean" } }],
                     "security": [{ "own": [] }], "responses": { "200": { "description": "a user" } } },
            "delete": answers("gone"),
        },
        "/users/me": { "get": answers("myself, at the wrong upstream") },
        "/users": { "get": answers("all users") },
        "/store/files/{name}": { "get": answers("a file") },
        "/store/files": { "get": answers("all files") },
        "/internal": { "get": answers("secret") },
    }));
    assert_eq!(tell(&plan, "users", &theirs), Ok(true));
    assert_eq!(tell(&plan, "users", &theirs), Ok(false));
    let found = document(&plan);
    assert_eq!(paths(&found), ["get /v1/files", "get /v1/files/{name}", "get /v1/users/me", "get /v1/users/{user}"]);
    let user = &found["paths"]["/v1/users/{user}"]["get"];
    assert_eq!((&user["summary"], &user["operationId"], &user["security"]), (&json!("one user"), &json!("getUser"), &json!([])));
    assert_eq!(user["parameters"][0]["description"], "whose");
    assert_eq!(user["parameters"][0]["schema"], json!({ "type": "integer", "minimum": 0 }));
    assert_eq!(user["parameters"][1]["name"], "full");
    assert!(user["responses"].get("429").is_some() && user["responses"]["200"]["description"] == "a user");
    assert_eq!(found["paths"]["/v1/users/me"]["get"]["x-gate-route"], "me");
}

#[test]
fn components_come_with_what_refers_to_them_and_are_renamed_where_they_clash() {
    let plan = plan(
        "group all { public \"a test\"
        route users ANY /users/** -> users
        route orders ANY /orders/** -> orders }",
    );
    let with = |path: &str, schemas: Json| {
        let refers =
            json!({ "content": { "application/json": { "schema": { "$ref": "#/components/schemas/Item" } } }, "description": "it" });
        let mut theirs = service(json!({ path: { "get": { "responses": { "200": refers } } } }));
        theirs["components"] = json!({ "schemas": schemas });
        theirs
    };
    let tree = json!({ "Item": { "type": "object", "properties": { "next": { "$ref": "#/components/schemas/Item" }, "of": { "$ref": "#/components/schemas/Problem" } } },
                       "Problem": { "type": "string" }, "Unused": {} });
    tell(&plan, "users", &with("/users/all", tree)).unwrap();
    tell(&plan, "orders", &with("/orders/all", json!({ "Item": { "type": "integer" } }))).unwrap();
    let found = document(&plan);
    let schemas = found["components"]["schemas"].as_object().unwrap();
    let names: Vec<&str> = schemas.keys().map(String::as_str).collect();
    assert_eq!(names, ["Problem", "Item", "users_Problem", "orders_Item"]);
    assert_eq!(schemas["Item"]["properties"]["next"]["$ref"], "#/components/schemas/Item");
    assert_eq!(schemas["Item"]["properties"]["of"]["$ref"], "#/components/schemas/users_Problem");
    let schema = |path: &str| found["paths"][path]["get"]["responses"]["200"]["content"]["application/json"]["schema"]["$ref"].clone();
    assert_eq!(
        (schema("/users/all"), schema("/orders/all")),
        (json!("#/components/schemas/Item"), json!("#/components/schemas/orders_Item"))
    );
}

/// What makes a document unsound: references without a target, operations without an id or with that of another, and parameters
/// of a path that nobody declares.
fn unsound(document: &Json) -> Vec<String> {
    fn references(value: &Json, out: &mut Vec<String>) {
        match value {
            // A schema with an id of its own refers to itself.
            Json::Object(members) if members.contains_key("$id") => {}
            Json::Object(members) => {
                out.extend(members.get("$ref").and_then(Json::as_str).map(str::to_owned));
                let mapped = members.get("mapping").and_then(Json::as_object).into_iter().flatten();
                out.extend(mapped.map(|(_, there)| there.as_str().unwrap_or("no text").to_owned()));
                members.values().for_each(|value| references(value, out));
            }
            Json::Array(items) => items.iter().for_each(|value| references(value, out)),
            Json::Null | Json::Bool(_) | Json::Number(_) | Json::String(_) => {}
        }
    }
    let mut found = Vec::new();
    references(document, &mut found);
    let leads = |reference: &String| reference.strip_prefix('#').is_some_and(|pointer| document.pointer(pointer).is_some());
    let mut wrong: Vec<String> =
        found.into_iter().filter(|reference| !leads(reference)).map(|reference| format!("`{reference}` leads nowhere")).collect();
    for name in document["components"].as_object().unwrap().values().flat_map(|kind| kind.as_object().unwrap().keys()) {
        if !name.chars().all(|letter| letter.is_ascii_alphanumeric() || ".-_".contains(letter)) {
            wrong.push(format!("`{name}` is no name of a component"));
        }
    }
    let mut ids = std::collections::HashSet::new();
    for (path, item) in document["paths"].as_object().unwrap() {
        for (method, operation) in item.as_object().unwrap() {
            match operation["operationId"].as_str() {
                None => wrong.push(format!("{method} {path} has no id")),
                Some(id) if !ids.insert(id) => wrong.push(format!("two operations are `{id}`")),
                Some(_) => {}
            }
            let mut wanted: Vec<&str> = path.split('/').filter_map(|part| part.strip_prefix('{')?.strip_suffix('}')).collect();
            let parameters = operation["parameters"].as_array().into_iter().flatten();
            let mut declared: Vec<&str> =
                parameters.filter(|parameter| parameter["in"] == "path").map(|parameter| parameter["name"].as_str().unwrap()).collect();
            wanted.sort_unstable();
            declared.sort_unstable();
            if wanted != declared {
                wrong.push(format!("{method} {path} declares {declared:?}"));
            }
        }
    }
    wrong
}

#[test]
fn what_is_served_is_sound_whatever_an_upstream_refers_to() {
    let plan = plan(
        "group all { public \"a test\"
        route users ANY /users/** -> users
        route orders ANY /orders/** -> orders
        route list GET /list -> users }",
    );
    let refers = |name: &str| json!({ "$ref": format!("#/components/schemas/{name}") });
    let mut theirs = service(json!({
        "/users/{id}": {
            "parameters": [
                { "name": "id", "in": "path", "required": true, "schema": refers("Id") },
                { "$ref": "#/components/parameters/Page" },
                { "$ref": "#/components/parameters/None" },
            ],
            "get": answers("no id of its own"),
            "put": { "operationId": 7, "responses": {} },
        },
        "/users/{id}/pets": { "get": { "operationId": "list", "parameters": [{ "$ref": "#/components/parameters/Id" }], "responses": {
            "200": { "description": "it", "content": { "application/json": { "schema": refers("Pet/properties/of a~1b") } } },
            "404": { "$ref": "#/components/responses/None" },
            "500": { "$ref": "errors.json#/Error" },
        } } },
        "/users/a-b": { "get": answers("one"), "post": answers("two") },
        "/users/a_b": { "get": answers("three") },
    }));
    theirs["components"] = json!({
        "parameters": {
            "Id": { "name": "id", "in": "path", "required": true, "schema": refers("Id") },
            "Page": { "name": "page", "in": "query", "schema": refers("Nowhere") },
        },
        "schemas": {
            "Id": { "oneOf": [refers("Number"), { "$ref": "#/paths/~1users~1a-b" }] },
            "Number": { "type": "integer" },
            "Pet": { "properties": { "of a/b": { "discriminator": { "propertyName": "kind", "mapping":
                { "cat": "#/components/schemas/Cat", "dog": "Dog", "cow": "Cow" } } } } },
            "Cat": { "type": "object" },
            "Dog": { "type": "object" },
        },
    });
    tell(&plan, "users", &theirs).unwrap();
    tell(
        &plan,
        "orders",
        &service(json!({ "/orders/{id}": { "get": answers("an order") }, "/orders": { "get": { "operationId": "list" } } })),
    )
    .unwrap();
    let found = document(&plan);
    assert_eq!(unsound(&found), Vec::<String>::new(), "{found:#}");
    assert_eq!(found["paths"]["/users/{id}"]["get"]["operationId"], "users_get_users_id");
    assert_eq!(found["paths"]["/users/{id}"]["get"]["parameters"][0]["schema"], refers("Id"));
    assert_eq!(found["paths"]["/users/a-b"]["post"]["operationId"], "users_post_users_a_b");
    let pet = &found["components"]["schemas"]["Pet_properties_of_a_1b"]["discriminator"]["mapping"];
    assert_eq!(pet, &json!({ "cat": "#/components/schemas/Cat", "dog": "#/components/schemas/Dog" }));
}

#[test]
fn what_is_too_much_of_a_document_is_said_to_be_left_out() {
    let plan = plan("route all ANY /** -> users { public \"a test\" }");
    let item = json!({ "get": { "operationId": "same" } });
    let paths: serde_json::Map<String, Json> = (0..10_003).map(|number| (format!("/p{number}"), item.clone())).collect();
    tell(&plan, "users", &service(Json::Object(paths))).unwrap();
    let found = document(&plan);
    let why = "the last 3 operations of its document are left out: at most 10000 of 32 MiB are taken";
    assert_eq!(found["x-gate-left-out"], json!([{ "upstream": "users", "why": why }]));
    assert_eq!(unsound(&found), Vec::<String>::new());
    let source = &describes(&plan).sources()[0];
    assert_eq!(source.cut().as_deref(), Some(why));
    tell(&plan, "users", &service(json!({ "/a": item }))).unwrap();
    assert_eq!((source.cut(), document(&plan).get("x-gate-left-out")), (None, None));
}

#[test]
fn an_older_document_is_told_in_the_words_of_the_newer_and_its_base_path_counts() {
    let plan = plan("route a ANY /api/** -> users { public \"a test\" }");
    let theirs = json!({
        "openapi": "3.0.3", "servers": [{ "url": "https://users.internal/api" }],
        "paths": { "/a": { "get": { "responses": { "200": { "description": "it", "content": { "application/json": { "schema":
            { "type": "string", "nullable": true, "minimum": 1, "exclusiveMinimum": true } } } } } } } },
    });
    tell(&plan, "users", &theirs).unwrap();
    let found = document(&plan);
    assert_eq!(
        found["paths"]["/api/a"]["get"]["responses"]["200"]["content"]["application/json"]["schema"],
        json!({ "type": ["string", "null"], "exclusiveMinimum": 1 })
    );
    assert!(!found.to_string().contains("internal"), "no address of an upstream is shown");
}

#[test]
fn what_is_no_document_leaves_the_last_one_which_outlives_a_reload() {
    let mut compiler = Compiler::new();
    let routes = "route a ANY /a/** -> users { public \"a test\" }";
    let plan = compiled(&mut compiler, routes);
    tell(&plan, "users", &service(json!({ "/a/b": { "get": answers("b") } }))).unwrap();
    for broken in [json!("no"), json!({ "swagger": "2.0", "paths": {} }), json!({ "openapi": "3.1.0" })] {
        tell(&plan, "users", &broken).unwrap_err();
    }
    assert_eq!(paths(&document(&plan)), ["get /a/b"]);
    assert_eq!(paths(&document(&compiled(&mut compiler, routes))), ["get /a/b"]);
    const { assert!(DOCUMENT_MAX > 1 << 20) };
}

#[test]
fn the_document_is_made_only_where_it_is_served_and_says_the_same_of_the_same() {
    let routes = "route a GET /a -> users { public \"a test\" }";
    assert_eq!(document(&plan(routes)), document(&plan(routes)));
    let text = format!("gateway {{ listen :8080 }}\nupstream users {{ target http://127.0.0.1:1 }}\n{routes}");
    let none = Compiler::new().compile(&program(&text), &MadeUp::for_tests(1), Clock::at(Duration::ZERO)).unwrap();
    assert!(none.plan.described.is_none());
}
