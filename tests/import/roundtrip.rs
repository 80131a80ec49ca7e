//! What `respond openapi` says of a policy: a document of OpenAPI 3.1, from which `gate import` makes the same routes.

use super::{Only, imported};
use gatewright::check::{Options, check};
use gatewright::compile::{Compiler, MadeUp};
use gatewright::http::Clock;
use gatewright::import::Kind;
use gatewright::ir::Program;
use serde_json::Value as Json;
use std::collections::BTreeSet;
use std::path::Path;
use std::time::Duration;

const SHOP: &str = include_str!("../../gateways/shop.gate");
const SHAPE: &str = include_str!("../schemas/openapi-3.1-shape.json");

/// The route that serves the document.
const DOCUMENT: &str = "\n## The shop.\nroute document GET /openapi.json {\n  auth main\n  respond openapi\n}\n";

fn program(policy: &str) -> Program {
    check(Path::new("policy.gate"), &Only(policy), &Options::default()).unwrap().program.unwrap()
}

fn document(policy: &str) -> (Program, String) {
    gatewright::policy::auth::install_crypto();
    let program = program(policy);
    let compiled = Compiler::new().compile(&program, &MadeUp::for_tests(1), Clock::at(Duration::ZERO)).unwrap();
    let text = compiled.plan.described.unwrap().text();
    (program, String::from_utf8(text.to_vec()).unwrap())
}

fn shop() -> String {
    format!("{SHOP}{DOCUMENT}")
}

/// Methods and paths of all routes, each with who may call it.
fn routes(program: &Program) -> BTreeSet<String> {
    let all = program.routes.iter().flat_map(|route| {
        let auth = route.auth().unwrap();
        let names: Vec<&str> = auth.auths.iter().map(|index| program.auths.get(usize::from(*index)).unwrap().name.as_str()).collect();
        let who = format!("{} {}", if auth.is_public() { "open" } else { "closed" }, names.join(","));
        route.key.methods.names().map(move |method| format!("{method} {} {who}", route.key.pattern.text())).collect::<Vec<_>>()
    });
    all.collect()
}

#[test]
fn a_document_imports_as_the_same_routes() {
    let (program, text) = document(&shop());
    let again = imported(Kind::OpenApi, &text);
    let again = self::program(&again.policy);
    assert_eq!(routes(&again), routes(&program));
}

#[test]
fn what_follows_a_prefix_imports_as_it_was() {
    let policy = "gateway { listen :8080 }
        upstream app { target http://127.0.0.1:3000 }
        group all { public \"a test\"
        route files GET /files/** -> app
        route hex GET /c/{code:re\"[A-F]{3}\"} -> app
        route page GET /{lang:de|en}/{day:date}/ -> app
        route document GET /openapi.json { respond openapi } }";
    let (program, text) = document(policy);
    let again = self::program(&imported(Kind::OpenApi, &text).policy);
    let with =
        |program: &Program| routes(program).into_iter().map(|route| route.replace("(?:[A-F]{3})", "[A-F]{3}")).collect::<BTreeSet<_>>();
    assert_eq!(with(&again), with(&program));
}

#[test]
fn the_document_is_one_of_openapi() {
    let (_, text) = document(&shop());
    let found: Json = serde_json::from_str(&text).unwrap();
    let shape: Json = serde_json::from_str(SHAPE).unwrap();
    let faults: Vec<String> =
        jsonschema::validator_for(&shape).unwrap().iter_errors(&found).map(|error| format!("{}: {error}", error.instance_path())).collect();
    assert!(faults.is_empty(), "{faults:#?}");
    let mut ids = BTreeSet::new();
    for (path, item) in found["paths"].as_object().unwrap() {
        for operation in item.as_object().unwrap().values() {
            let told: BTreeSet<&str> = operation["parameters"]
                .as_array()
                .map_or(&[][..], Vec::as_slice)
                .iter()
                .filter(|parameter| parameter["in"] == "path")
                .map(|parameter| parameter["name"].as_str().unwrap())
                .collect();
            let named: BTreeSet<&str> = path.split(['{', '}']).skip(1).step_by(2).collect();
            assert_eq!(told, named, "{path}");
            let id = operation["operationId"].as_str().unwrap();
            assert!(ids.insert(id), "{id} twice");
            for requirement in operation["security"].as_array().unwrap() {
                for scheme in requirement.as_object().unwrap().keys() {
                    assert!(found["components"]["securitySchemes"].get(scheme).is_some(), "{scheme}");
                }
            }
        }
    }
    for reference in text.split("\"$ref\":\"#").skip(1).map(|rest| rest.split('"').next().unwrap()) {
        assert!(found.pointer(reference).is_some(), "{reference} leads nowhere");
    }
}
