//! The paths of a document while it is made: one item for each template, one operation for each method of it.

use super::template::Template;
use serde_json::{Map, Value as Json, json};
use std::collections::HashMap;

/// The paths found so far. Whoever comes first to a path and a method has it: routes come in the order they are tried.
#[derive(Default)]
pub(super) struct Paths {
    items: Vec<Item>,
    by_shape: HashMap<String, usize>,
    /// The ids that are taken, each with the last number that was put behind it for others that would be the same.
    ids: HashMap<String, u32>,
    left_out: Vec<Json>,
}

struct Item {
    template: Template,
    operations: Map<String, Json>,
    /// Which route each is of.
    routes: Vec<(String, &'static str)>,
}

impl Paths {
    /// Adds an operation; what it says of the path's parameters is the template's.
    pub fn add(&mut self, route: &str, template: Template, method: &'static str, mut operation: Map<String, Json>) {
        let at = *self.by_shape.entry(template.shape()).or_insert_with(|| {
            self.items.push(Item { template: template.clone(), operations: Map::new(), routes: Vec::new() });
            self.items.len() - 1
        });
        let Some(item) = self.items.get_mut(at) else { return };
        let key = method.to_ascii_lowercase();
        if item.operations.contains_key(&key) {
            let path = template.path();
            self.leave_out(route, method, &path, "another route has this path and method, and OpenAPI has one place for both");
            return;
        }
        let template = template.named_as(&item.template);
        let others = operation.remove("parameters").and_then(|others| others.as_array().cloned()).unwrap_or_default();
        let parameters: Vec<Json> = template.parameters().cloned().chain(others).collect();
        if !parameters.is_empty() {
            operation.insert("parameters".to_owned(), Json::Array(parameters));
        }
        if let Some(id) = operation.get("operationId").and_then(Json::as_str).map(str::to_owned) {
            let free = free(&mut self.ids, id);
            operation.insert("operationId".to_owned(), free.into());
        }
        item.operations.insert(key, Json::Object(operation));
        item.routes.push((route.to_owned(), method));
    }

    /// Notes what the document cannot say.
    pub fn leave_out(&mut self, route: &str, method: &str, pattern: &str, why: &str) {
        self.left_out.push(json!({ "route": route, "method": method, "x-gate-pattern": pattern, "why": why }));
    }

    /// True when something of a route is in already.
    pub fn has(&self, route: &str) -> bool {
        self.items.iter().any(|item| item.routes.iter().any(|(name, _)| name == route))
    }

    /// True when a route's own operation of a method is in already.
    pub fn says(&self, route: &str, template: &Template, method: &str) -> bool {
        let item = self.by_shape.get(&template.shape()).and_then(|at| self.items.get(*at));
        item.is_some_and(|item| item.routes.iter().any(|(name, of)| name == route && *of == method))
    }

    /// The paths in the order of their text, and what was left out.
    pub fn written(mut self) -> (Map<String, Json>, Vec<Json>) {
        self.items.sort_by_key(|item| item.template.path());
        let paths = self.items.into_iter().filter(|item| !item.operations.is_empty());
        (paths.map(|item| (item.template.path(), Json::Object(item.operations))).collect(), self.left_out)
    }
}

/// An id that no operation has yet, made of the one that is wanted.
fn free(ids: &mut HashMap<String, u32>, id: String) -> String {
    let mut free = id.clone();
    let mut number = ids.get(&id).copied().unwrap_or(1);
    while ids.contains_key(&free) {
        number += 1;
        free = format!("{id}_{number}");
    }
    ids.insert(id, number);
    ids.entry(free.clone()).or_insert(1);
    free
}
