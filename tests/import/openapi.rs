//! OpenAPI documents.

use super::{imported, list, route};
use gatewright::import::{Kind, guess, import};

const SHOP: &str = include_str!("shop.openapi.yaml");
const PETS: &str = include_str!("pets.openapi.json");

#[test]
fn a_shop_becomes_a_policy() {
    assert_eq!(guess(SHOP), Some(Kind::OpenApi));
    let shop = imported(Kind::OpenApi, SHOP);
    insta::assert_snapshot!("openapi_policy", shop.policy);
    insta::assert_snapshot!("openapi_left_out", list(&shop));
}

#[test]
fn json_is_read_with_its_lines() {
    assert_eq!(guess(PETS), Some(Kind::OpenApi));
    let pets = imported(Kind::OpenApi, PETS);
    insta::assert_snapshot!("pets_policy", pets.policy);
    insta::assert_snapshot!("pets_left_out", list(&pets));
}

/// A document with these paths, in which a token is asked for.
fn document(paths: &str) -> String {
    format!(
        "openapi: 3.0.3\ninfo: {{title: t, version: '1'}}\nsecurity: [{{token: []}}]\npaths:\n{paths}\ncomponents:\n  securitySchemes:\n    \
         token: {{type: http, scheme: bearer}}\n    cert: {{type: mutualTLS}}\n"
    )
}

#[test]
fn an_operation_whose_scheme_is_unknown_is_closed_where_another_would_take_it() {
    let text = document(
        "  /users/me:\n    get: {operationId: me, security: [{cert: []}]}\n  /users/{id}:\n    get: {operationId: user, security: []}",
    );
    let found = imported(Kind::OpenApi, &text);
    assert!(route(&found, "me").contains("respond 403"), "{}", found.policy);
    assert!(route(&found, "user").contains("public"));
}

#[test]
fn a_credential_that_may_be_missing_is_optional() {
    let found = imported(Kind::OpenApi, &document("  /a:\n    get: {operationId: a, security: [{}, {token: []}]}"));
    assert!(route(&found, "a").contains("auth optional token"));
}

#[test]
fn parameters_take_the_types_that_their_schemas_give_them() {
    let kind = |schema: &str| {
        let text =
            document(&format!("  /a/{{x}}:\n    get: {{operationId: a, parameters: [{{name: x, in: path, schema: {{{schema}}}}}]}}"));
        let found = imported(Kind::OpenApi, &text);
        let head = route(&found, "a").lines().next().unwrap().to_owned();
        head.trim_start_matches("route a GET /a/").split(" -> ").next().unwrap().to_owned()
    };
    assert_eq!(kind("type: integer"), "{x:int}");
    assert_eq!(kind("type: [integer, 'null']"), "{x:int}");
    assert_eq!(kind("type: string, format: uuid"), "{x:uuid}");
    assert_eq!(kind("type: string, format: date"), "{x:date}");
    assert_eq!(kind("type: string, enum: [a, b]"), "{x:a|b}");
    assert_eq!(kind("type: boolean"), "{x:true|false}");
    assert_eq!(kind("type: string, pattern: '^[a-z]{3}$'"), "{x:re\"[a-z]{3}\"}");
    assert_eq!(kind("type: string, pattern: '^(?!x)a$'"), "{x}");
    assert_eq!(kind("type: string, format: email"), "{x}");
}

#[test]
fn other_versions_are_refused() {
    let fault = |text: &str| import(Kind::OpenApi, text).unwrap_err();
    assert_eq!(fault("swagger: '2.0'\n").message, "Swagger 2.0 is not read: convert the document to OpenAPI 3 first");
    assert_eq!(fault("a: 1\n").message, "this is no OpenAPI document: it has no `openapi`");
    assert_eq!(fault("{\"openapi\": \"3.0.0\",\n}").line, 2);
}
