//! The components of a document while it is made: the gateway's own, and those that upstreams' operations refer to.

use super::foreign::Foreign;
use serde_json::{Map, Value as Json};
use std::collections::HashMap;

/// What every reference to a component begins with.
const ROOT: &str = "#/components/";

/// Components by kind and name.
pub(super) struct Components {
    kinds: Map<String, Json>,
    /// What each component of an upstream is called here: two upstreams may have one name for different things.
    names: HashMap<(String, String), String>,
    /// Components that have a place and are yet to be taken: kind, name here, what stands there. References may lead on as far
    /// as an upstream likes, so they are not followed by recursion.
    waiting: Vec<(String, String, Json)>,
}

impl Components {
    /// The gateway's own schemas.
    pub fn new(schemas: Map<String, Json>) -> Self {
        Self { kinds: Map::from_iter([("schemas".to_owned(), Json::Object(schemas))]), names: HashMap::new(), waiting: Vec::new() }
    }

    /// An operation of an upstream's document, with the components that it refers to.
    pub fn taken(&mut self, upstream: &str, from: &Foreign, operation: Map<String, Json>) -> Map<String, Json> {
        operation.into_iter().map(|(name, value)| (name, self.part(upstream, from, value))).collect()
    }

    /// A part of one, likewise.
    pub fn part(&mut self, upstream: &str, from: &Foreign, part: Json) -> Json {
        let taken = self.value(upstream, from, part);
        while let Some((kind, here, there)) = self.waiting.pop() {
            let value = self.value(upstream, from, there);
            self.put(&kind, &here, value);
        }
        taken
    }

    fn value(&mut self, upstream: &str, from: &Foreign, value: Json) -> Json {
        match value {
            Json::Array(items) => Json::Array(items.into_iter().map(|item| self.value(upstream, from, item)).collect()),
            Json::Object(members) => {
                if let Some(Json::String(reference)) = members.get("$ref") {
                    return match self.reference(upstream, from, reference) {
                        Some(here) => Json::Object(members.into_iter().chain([("$ref".to_owned(), here.into())]).collect()),
                        None => Json::Object(Map::new()),
                    };
                }
                let member = |(name, value): (String, Json)| {
                    let value = if name == "mapping" { self.mapping(upstream, from, value) } else { self.value(upstream, from, value) };
                    (name, value)
                };
                Json::Object(members.into_iter().map(member).collect())
            }
            scalar => scalar,
        }
    }

    /// The `mapping` of a discriminator names schemas in plain text: by references, or by their names alone.
    fn mapping(&mut self, upstream: &str, from: &Foreign, value: Json) -> Json {
        let Json::Object(members) = value else { return value };
        let member = |(name, value): (String, Json)| match &value {
            Json::String(text) => {
                let reference = if text.contains(['/', '#']) { text.clone() } else { format!("{ROOT}schemas/{text}") };
                self.reference(upstream, from, &reference).map(|here| (name, here.into()))
            }
            _ => Some((name, self.value(upstream, from, value))),
        };
        Json::Object(members.into_iter().filter_map(member).collect())
    }

    /// What a reference of an upstream's document is here; none when it leads nowhere that a client could follow.
    fn reference(&mut self, upstream: &str, from: &Foreign, reference: &str) -> Option<String> {
        if reference.starts_with("https://") || reference.starts_with("http://") {
            return Some(reference.to_owned());
        }
        let (kind, name) = reference.strip_prefix(ROOT)?.split_once('/')?;
        let key = (upstream.to_owned(), reference.to_owned());
        if let Some(known) = self.names.get(&key) {
            return Some(format!("{ROOT}{kind}/{known}"));
        }
        let there = from.at(reference)?.clone();
        let here = self.free(kind, &spelled(name), upstream);
        self.names.insert(key, here.clone());
        self.put(kind, &here, Json::Object(Map::new()));
        self.waiting.push((kind.to_owned(), here.clone(), there));
        Some(format!("{ROOT}{kind}/{here}"))
    }

    fn put(&mut self, kind: &str, name: &str, value: Json) {
        if let Json::Object(of_kind) = self.kinds.entry(kind).or_insert_with(|| Json::Object(Map::new())) {
            of_kind.insert(name.to_owned(), value);
        }
    }

    fn free(&self, kind: &str, name: &str, upstream: &str) -> String {
        let taken = |name: &str| self.kinds.get(kind).is_some_and(|of_kind| of_kind.get(name).is_some());
        if !taken(name) {
            return name.to_owned();
        }
        let mut candidate = format!("{upstream}_{name}");
        let mut number = 1_u32;
        while taken(&candidate) {
            number += 1;
            candidate = format!("{upstream}_{name}_{number}");
        }
        candidate
    }

    /// The components as the document has them.
    pub fn written(self) -> Map<String, Json> {
        self.kinds
    }
}

/// A component's name from what a reference says behind its kind, which may lead on into the component: of the letters that
/// names are made of.
fn spelled(name: &str) -> String {
    name.chars().map(|letter| if letter.is_ascii_alphanumeric() || ".-_".contains(letter) { letter } else { '_' }).collect()
}
