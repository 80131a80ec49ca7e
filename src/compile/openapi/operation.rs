//! What a policy alone says of a route, as an operation.

use super::security::Schemes;
use crate::ir::operate::Hook;
use crate::ir::{Route, Target};
use crate::lang::expr::Expr;
use crate::lang::value::Value;
use crate::policy::limit::{self, HeaderStyle};
use crate::policy::respond::{self, Format};
use crate::policy::{Config, body, deprecated};
use serde_json::{Map, Value as Json, json};

/// The schema that every error of the gateway's own has (RFC 9457).
pub(super) const PROBLEM: &str = "Problem";

/// Its object.
pub(super) fn problem_schema() -> Json {
    json!({
        "type": "object",
        "description": "An error of the gateway's own (RFC 9457).",
        "properties": {
            "type": { "type": "string" },
            "title": { "type": "string" },
            "status": { "type": "integer" },
            "detail": { "type": "string" },
            "route": { "type": ["string", "null"] },
            "request_id": { "type": "string" },
        },
        "required": ["type", "title", "status"],
    })
}

/// A route's operation but for its id and the parameters of its path. `schema` is the name of the schema of its JSON body.
pub(super) fn operation(route: &Route, hooks: &[Hook], schemes: &Schemes, schema: Option<&str>) -> Map<String, Json> {
    let mut operation = Map::new();
    if let Some(doc) = &route.doc {
        let (summary, rest) = first_sentence(doc);
        operation.insert("summary".to_owned(), summary.into());
        if !rest.is_empty() {
            operation.insert("description".to_owned(), rest.into());
        }
    }
    if let Some(group) = route.groups.first() {
        operation.insert("tags".to_owned(), json!([group]));
    }
    if let Some(notice) = route.policies.iter().find_map(|policy| match policy {
        Config::Deprecated(notice) => Some(notice),
        _ => None,
    }) {
        deprecation(notice, &mut operation);
    }
    if json_body(route).is_some() {
        let schema = schema.map_or_else(|| json!({}), |name| json!({ "$ref": format!("#/components/schemas/{name}") }));
        operation.insert("requestBody".to_owned(), json!({ "required": true, "content": { "application/json": { "schema": schema } } }));
    }
    if let Some(auth) = route.auth() {
        operation.insert("security".to_owned(), schemes.requirement(auth));
    }
    let mut responses = answers(route);
    for (status, object) in refusals(route, hooks) {
        responses.entry(status).or_insert(object);
    }
    operation.insert("responses".to_owned(), Json::Object(responses));
    operation
}

/// The first sentence of a doc comment, and what follows it.
pub(super) fn first_sentence(doc: &str) -> (&str, &str) {
    let end = doc.find(". ").map_or(doc.len(), |at| at + 1);
    doc.split_at_checked(end).map_or((doc, ""), |(first, rest)| (first, rest.trim()))
}

/// What is asked of a route's JSON body.
pub(super) fn json_body(route: &Route) -> Option<&body::Json> {
    route.policies.iter().find_map(|policy| match policy {
        Config::Body(body) => body.json.as_ref(),
        _ => None,
    })
}

fn deprecation(notice: &deprecated::Config, operation: &mut Map<String, Json>) {
    operation.insert("deprecated".to_owned(), true.into());
    let until = notice.sunset.as_ref().map_or_else(String::new, |day| format!(", gone from {day} on"));
    let said = format!("Deprecated since {}{until}.", notice.since);
    let text = match operation.get("description").and_then(Json::as_str) {
        Some(text) => format!("{text}\n\n{said}"),
        None => said,
    };
    operation.insert("description".to_owned(), text.into());
    if let Some(link) = &notice.link {
        operation.insert("externalDocs".to_owned(), json!({ "url": link }));
    }
}

/// What the route's target answers.
fn answers(route: &Route) -> Map<String, Json> {
    let mut answers = Map::new();
    let own = route.policies.iter().find_map(|policy| match policy {
        Config::Respond(respond) => Some(responded(respond)),
        Config::Issue(_) => Some((200, json!({
            "description": "a token",
            "content": { "application/json": { "schema": {
                "type": "object",
                "properties": { "token": { "type": "string" }, "token_type": { "type": "string" }, "expires_in": { "type": "integer" } },
                "required": ["token", "token_type", "expires_in"],
            } } },
        }))),
        Config::Aggregate(_) => Some((200, json!({ "description": "the parts together", "content": { "application/json": { "schema": { "type": "object" } } } }))),
        _ => None,
    });
    match (own, route.target) {
        (Some((status, object)), _) => {
            answers.insert(status.to_string(), object);
        }
        (None, Target::Upstream(_) | Target::Policy) => {
            answers.insert("default".to_owned(), json!({ "description": "what the service answers" }));
            answers.insert("502".to_owned(), problem("the service cannot be reached, or its answer cannot be passed on"));
            answers.insert("504".to_owned(), problem("the service takes too long"));
        }
    }
    answers
}

fn responded(respond: &respond::Config) -> (u16, Json) {
    let json =
        |description: &str| json!({ "description": description, "content": { "application/json": { "schema": { "type": "object" } } } });
    match respond {
        respond::Config::Body { status, format, body } => {
            let text = match body {
                Expr::Const(Value::Text(text)) => Some(&**text),
                _ => None,
            };
            if text == Some("") {
                return (*status, json!({ "description": "no body" }));
            }
            let example = match format {
                Format::Json => text.and_then(|text| serde_json::from_str::<Json>(text).ok()),
                Format::Text => text.map(Json::from),
                Format::Html => None,
            };
            let media = example.map_or_else(|| json!({}), |example| json!({ "example": example }));
            (*status, json!({ "description": "what the gateway answers", "content": { format.media_type(): media } }))
        }
        respond::Config::Health => (200, json("how the gateway and what it depends on stand")),
        respond::Config::Routes => (200, json("the routes")),
        respond::Config::Openapi => (200, json("this document")),
        respond::Config::Redirect { status, .. } => {
            let location = json!({ "required": true, "schema": { "type": "string" } });
            (*status, json!({ "description": "elsewhere", "headers": { "Location": location } }))
        }
    }
}

/// What the gateway itself may answer, by status.
pub(super) fn refusals(route: &Route, hooks: &[Hook]) -> Map<String, Json> {
    let mut found = Map::new();
    let mut add = |status: u16, object: Json| {
        found.entry(status.to_string()).or_insert(object);
    };
    if route.hooks.iter().filter_map(|hook| hooks.get(usize::from(*hook))).any(|hook| hook.refuse && hook.is_asked()) {
        add(502, problem("a service that must be asked answers what cannot be done"));
        add(503, problem("a service that must be asked does not answer"));
    }
    for policy in &route.policies {
        match policy {
            Config::Auth(auth) if !matches!(auth.mode, crate::policy::auth::Mode::Public { .. }) => {
                let headers = json!({ "WWW-Authenticate": { "schema": { "type": "string" } } });
                add(401, problem_with("the request does not prove who it comes from", headers));
            }
            Config::Access(access) => {
                for rule in access.access.iter().chain(&access.authorize) {
                    add(rule.status, problem("the caller or the request is not let in"));
                }
            }
            Config::Limit(limits) => add(429, limited(limits)),
            Config::Body(body) => {
                add(413, problem("the body is too large"));
                if body.json.is_some() {
                    add(400, problem("the body is not the JSON that is expected"));
                    add(415, problem("the body is not JSON"));
                }
            }
            Config::Maintenance(_) => {
                let headers = json!({ "Retry-After": { "schema": { "type": "integer" } } });
                add(503, problem_with("closed for maintenance", headers));
            }
            Config::Deprecated(notice) if notice.sunset.is_some() => add(410, problem("gone")),
            _ => {}
        }
    }
    found
}

fn limited(limits: &limit::Config) -> Json {
    let number = || json!({ "schema": { "type": "integer" } });
    let mut headers = Map::from_iter([("Retry-After".to_owned(), number())]);
    for style in &limits.headers {
        match style {
            HeaderStyle::Ietf => {
                for name in ["RateLimit", "RateLimit-Policy"] {
                    headers.insert(name.to_owned(), json!({ "schema": { "type": "string" } }));
                }
            }
            HeaderStyle::X => {
                for name in ["X-RateLimit-Limit", "X-RateLimit-Remaining", "X-RateLimit-Reset"] {
                    headers.insert(name.to_owned(), number());
                }
            }
        }
    }
    problem_with("too many requests", Json::Object(headers))
}

/// A response in the form of the gateway's own errors.
fn problem(description: &str) -> Json {
    let schema = json!({ "$ref": format!("#/components/schemas/{PROBLEM}") });
    json!({ "description": description, "content": { "application/problem+json": { "schema": schema } } })
}

/// The same with fields.
fn problem_with(description: &str, headers: Json) -> Json {
    let mut object = problem(description);
    if let Some(members) = object.as_object_mut() {
        members.insert("headers".to_owned(), headers);
    }
    object
}
