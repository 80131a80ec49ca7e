//! An upstream's own document, as far as clients may get to see it.

use super::template::Template;
use serde_json::{Map, Value as Json, json};

/// Most operations that are taken from one document.
const OPERATIONS_MAX: usize = 10_000;
/// Most bytes, about, of all operations that are taken from one document: many may refer to the same.
const TAKEN_BYTES_MAX: usize = 32 << 20;
/// Most references that lead from one to the next.
const REFERENCES_MAX: usize = 8;
/// The members of a path item that are operations.
const METHODS: &[&str] = &["get", "put", "post", "delete", "options", "head", "patch"];
/// What an operation keeps. Who may call it and where are the gateway's to say.
const KEPT: &[&str] = &["tags", "summary", "description", "externalDocs", "operationId", "requestBody", "responses"];

/// A document that was read.
#[derive(Debug, PartialEq)]
pub(super) struct Foreign {
    root: Json,
    /// What all its paths stand below.
    base: String,
    /// How many of its operations are beyond the bounds.
    beyond: usize,
}

/// One operation of it.
pub(super) struct Found {
    /// The method.
    pub method: String,
    /// The path at the upstream.
    pub template: Template,
    /// What there is to say: its `parameters` are those that are no part of the path.
    pub operation: Map<String, Json>,
}

impl Foreign {
    /// Reads a document in JSON.
    ///
    /// # Errors
    /// When it is none of OpenAPI 3.0 or 3.1.
    pub fn read(text: &[u8]) -> Result<Self, String> {
        let mut root: Json = serde_json::from_slice(text).map_err(|error| format!("it is no JSON: {error}"))?;
        let version = root.get("openapi").and_then(Json::as_str).unwrap_or_default();
        match version {
            version if version.starts_with("3.1.") => {}
            version if version.starts_with("3.0.") => upgrade(&mut root),
            _ => return Err("it is no document of OpenAPI 3.0 or 3.1".to_owned()),
        }
        if !root.get("paths").is_some_and(Json::is_object) {
            return Err("it has no `paths`".to_owned());
        }
        let base = base(&root);
        let mut read = Self { root, base, beyond: 0 };
        read.beyond = read.written().count() - read.within_bounds().count();
        Ok(read)
    }

    /// What of it is left out since it is too much; none where it is taken whole.
    pub fn cut(&self) -> Option<String> {
        let beyond = self.beyond;
        let most = TAKEN_BYTES_MAX >> 20;
        (beyond > 0)
            .then(|| format!("the last {beyond} operations of its document are left out: at most {OPERATIONS_MAX} of {most} MiB are taken"))
    }

    /// Its operations as they are written, in its order: path, item and method.
    fn written(&self) -> impl Iterator<Item = (&str, &Json, &'static str)> {
        let paths = self.root.get("paths").and_then(Json::as_object).into_iter().flatten();
        let items = paths.map(|(path, item)| (path.as_str(), self.resolved(item)));
        items.flat_map(|(path, item)| {
            METHODS.iter().filter(move |method| item.get(**method).is_some()).map(move |method| (path, item, *method))
        })
    }

    /// Those that the bounds let there be.
    fn within_bounds(&self) -> impl Iterator<Item = (&str, &Json, &'static str)> {
        let mut left = TAKEN_BYTES_MAX;
        self.written().take(OPERATIONS_MAX).take_while(move |(_, item, method)| {
            let written = item.get(*method);
            let parameters =
                written.into_iter().chain([*item]).filter_map(|there| there.get("parameters").and_then(Json::as_array)).flatten();
            let bytes = written.map_or(0, bytes) + parameters.map(|parameter| bytes(self.resolved(parameter))).sum::<usize>();
            let fits = bytes <= left;
            left = left.saturating_sub(bytes);
            fits
        })
    }

    /// What a reference within the document leads to.
    pub fn at(&self, reference: &str) -> Option<&Json> {
        self.root.pointer(reference.strip_prefix('#')?)
    }

    fn resolved<'d>(&'d self, value: &'d Json) -> &'d Json {
        let mut found = value;
        for _ in 0..REFERENCES_MAX {
            match found.get("$ref").and_then(Json::as_str).and_then(|reference| self.at(reference)) {
                Some(next) => found = next,
                None => break,
            }
        }
        found
    }

    /// Its operations, in its order, as many as the bounds let there be.
    pub fn operations(&self) -> impl Iterator<Item = Found> {
        self.within_bounds().filter_map(|(path, item, method)| self.operation(path, item, method))
    }

    fn operation(&self, path: &str, item: &Json, method: &str) -> Option<Found> {
        let written = item.get(method)?.as_object()?;
        let own = written.get("parameters").and_then(Json::as_array).into_iter().flatten();
        let shared = item.get("parameters").and_then(Json::as_array).into_iter().flatten();
        let mut parameters: Vec<&Json> = Vec::new();
        // One that leads nowhere is none.
        let known = own.chain(shared).map(|parameter| self.resolved(parameter)).filter(|parameter| parameter.get("name").is_some());
        for parameter in known {
            let same = |other: &&Json| other.get("name") == parameter.get("name") && other.get("in") == parameter.get("in");
            if !parameters.iter().any(same) {
                parameters.push(parameter);
            }
        }
        let in_path = |parameter: &&&Json| parameter.get("in").and_then(Json::as_str) == Some("path");
        let named = |name: &str| {
            let found = parameters.iter().filter(in_path).find(|parameter| parameter.get("name").and_then(Json::as_str) == Some(name));
            let bare = || json!({ "name": name, "in": "path", "required": true, "schema": { "type": "string" } });
            found.map_or_else(bare, |found| (*found).clone())
        };
        let template = Template::read(&format!("{}{path}", self.base), named)?;
        let mut operation: Map<String, Json> =
            KEPT.iter().filter_map(|name| Some(((*name).to_owned(), written.get(*name)?.clone()))).collect();
        let others: Vec<Json> = parameters.iter().filter(|parameter| !in_path(parameter)).map(|parameter| (*parameter).clone()).collect();
        if !others.is_empty() {
            operation.insert("parameters".to_owned(), Json::Array(others));
        }
        Some(Found { method: method.to_ascii_uppercase(), template, operation })
    }
}

/// About how many bytes a value takes.
fn bytes(value: &Json) -> usize {
    const EACH: usize = 16;
    match value {
        Json::Array(items) => EACH + items.iter().map(bytes).sum::<usize>(),
        Json::Object(members) => EACH + members.iter().map(|(name, value)| name.len() + bytes(value)).sum::<usize>(),
        Json::String(text) => EACH + text.len(),
        Json::Null | Json::Bool(_) | Json::Number(_) => EACH,
    }
}

/// The path of the first server, which all paths stand below; one with variables is left out.
fn base(root: &Json) -> String {
    let url = root.pointer("/servers/0/url").and_then(Json::as_str).unwrap_or_default();
    let path = match url.split_once("://") {
        Some((_, rest)) => rest.find('/').and_then(|at| rest.get(at..)).unwrap_or_default(),
        None => url,
    };
    if path.contains('{') || !path.starts_with('/') { String::new() } else { path.trim_end_matches('/').to_owned() }
}

/// What 3.0 says of schemas in other words than 3.1.
fn upgrade(value: &mut Json) {
    match value {
        Json::Array(items) => items.iter_mut().for_each(upgrade),
        Json::Object(members) => {
            if let Some(Json::Bool(nullable)) = members.get("nullable").cloned() {
                members.remove("nullable");
                if let (true, Some(Json::String(kind))) = (nullable, members.get("type").cloned()) {
                    members.insert("type".to_owned(), json!([kind, "null"]));
                }
            }
            for (exclusive, bound) in [("exclusiveMinimum", "minimum"), ("exclusiveMaximum", "maximum")] {
                if let Some(Json::Bool(excludes)) = members.get(exclusive).cloned() {
                    members.remove(exclusive);
                    if let Some(limit) = excludes.then(|| members.remove(bound)).flatten() {
                        members.insert(exclusive.to_owned(), limit);
                    }
                }
            }
            members.values_mut().for_each(upgrade);
        }
        Json::Null | Json::Bool(_) | Json::Number(_) | Json::String(_) => {}
    }
}

#[cfg(test)]
mod tests {
    use super::{Foreign, TAKEN_BYTES_MAX, bytes};
    use crate::compile::openapi::components::Components;
    use serde_json::{Map, Value as Json, json};

    #[test]
    fn references_are_followed_however_far_they_lead() {
        const LENGTH: usize = 60_000;
        let schema = |number: usize| (format!("a{number}"), json!({ "$ref": format!("#/components/schemas/a{}", number + 1) }));
        let mut schemas: Map<String, Json> = (0..LENGTH).map(schema).collect();
        schemas.insert(format!("a{LENGTH}"), json!({ "type": "string" }));
        let root = json!({ "openapi": "3.1.0", "paths": {}, "components": { "schemas": schemas } });
        let from = Foreign::read(root.to_string().as_bytes()).unwrap();
        let mut components = Components::new(Map::new());
        let operation = Map::from_iter([("requestBody".to_owned(), json!({ "$ref": "#/components/schemas/a0" }))]);
        components.taken("app", &from, operation);
        assert_eq!(components.written()["schemas"].as_object().unwrap().len(), LENGTH + 1);
    }

    #[test]
    fn what_many_operations_refer_to_is_taken_within_the_bound() {
        let parameter = json!({ "name": "p", "in": "query", "description": "x".repeat(1 << 20) });
        let refers = json!({ "get": { "parameters": [{ "$ref": "#/components/parameters/P" }] } });
        let paths: Map<String, Json> = (0..200).map(|number| (format!("/{number}"), refers.clone())).collect();
        let root = json!({ "openapi": "3.1.0", "paths": paths, "components": { "parameters": { "P": parameter } } });
        let found = Foreign::read(root.to_string().as_bytes()).unwrap();
        let said = found.cut().unwrap();
        let found: Vec<_> = found.operations().collect();
        let beyond = 200 - found.len();
        assert_eq!(said, format!("the last {beyond} operations of its document are left out: at most 10000 of 32 MiB are taken"));
        let taken: usize = found.iter().map(|found| bytes(&Json::Object(found.operation.clone()))).sum();
        assert!(!found.is_empty() && found.len() < 200 && taken <= TAKEN_BYTES_MAX, "{} operations, {taken} bytes", found.len());
    }
}
