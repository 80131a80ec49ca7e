//! OpenAPI 3.0 and 3.1: a route per operation.
//!
//! What only describes (tags, examples, schemas of responses) is no directive and is passed over in silence; what a gateway
//! could hold a request against and this one does not is listed.

mod json;
mod node;
mod path;
mod security;

use super::draft::{Draft, Group, LOOPBACK_TARGET, ROUTES_MAX, Route, Target, target, upstream, upstream_name};
use super::{Fault, words};
use crate::route::Pattern;
use node::Node;

/// The members of a path item that are operations.
const METHODS: &[&str] = &["get", "put", "post", "delete", "options", "head", "patch", "trace"];

/// Most references that are followed from one place.
const REFERENCES_MAX: usize = 32;

/// A document.
struct Document<'d> {
    root: &'d Node,
}

/// Reads a document into a draft.
pub(super) fn read(text: &str, draft: &mut Draft) -> Result<(), Fault> {
    let root = if text.trim_start().starts_with('{') { json::json(text)? } else { node::yaml(text)? };
    if let Some(version) = root.get("swagger") {
        return Err(Fault::new(version.line, "Swagger 2.0 is not read: convert the document to OpenAPI 3 first"));
    }
    let version = root.get("openapi").ok_or_else(|| Fault::new(1, "this is no OpenAPI document: it has no `openapi`"))?;
    let number = version.scalar().unwrap_or_default();
    if !number.starts_with("3.0") && !number.starts_with("3.1") {
        return Err(Fault::new(version.line, format!("OpenAPI 3.0 and 3.1 are read, this is `{number}`")));
    }
    let document = Document { root: &root };
    if let Some(info) = root.get("info") {
        draft.docs = words::comment(info.text_of("title").unwrap_or_default());
        let more = words::comment(info.text_of("description").unwrap_or_default());
        if !more.is_empty() {
            draft.docs.extend(more);
        }
    }
    let auths = security::declare(&document, draft);
    let (upstream, prefix) = servers(&root, draft);
    for (name, line, _) in root.members() {
        if name == "webhooks" {
            draft.leave_out(*line, "webhooks", "these are requests that the service makes, not ones it gets");
        }
    }
    let group = if prefix.is_empty() { String::new() } else { draft.name("group", "api") };
    let listeners = std::iter::once(":8080".to_owned()).collect();
    let mut group = Group { name: group, prefix, listeners, ..Group::default() };
    for (template, line, item) in root.get("paths").map_or(&[][..], Node::members) {
        if template.starts_with("x-") {
            continue;
        }
        let item = resolved(item, &document);
        path_item(&PathItem { template, line: *line, item: &item }, &document, &auths, &upstream, &mut group, draft)?;
    }
    draft.groups.push(group);
    Ok(())
}

/// The first server as an upstream; its path is what all paths begin with.
fn servers(root: &Node, draft: &mut Draft) -> (String, String) {
    let all = root.get("servers").map_or(&[][..], Node::items);
    for other in all.iter().skip(1) {
        let url = other.text_of("url").unwrap_or_default();
        draft.leave_out(
            other.line,
            format!("servers {url}"),
            "only the first server becomes the upstream; further ones can be `target`s of it",
        );
    }
    let first = all.first();
    let line = first.map_or(1, |server| server.line);
    let url = first.map_or_else(|| "/".to_owned(), |server| with_variables(server, draft));
    let (origin, path) = match url.split_once("://") {
        Some((scheme, rest)) => {
            let (host, path) = rest.split_once('/').unwrap_or((rest, ""));
            (format!("{scheme}://{host}"), format!("/{path}"))
        }
        None => (String::new(), url.clone()),
    };
    let prefix = path.trim_end_matches('/').to_owned();
    let name = draft.name("upstream", &if origin.is_empty() { "service".to_owned() } else { upstream_name(&origin) });
    let (notes, target) = if origin.is_empty() {
        (vec!["To fill in: where the service is; the document does not say.".to_owned()], LOOPBACK_TARGET.to_owned())
    } else {
        match target(&origin) {
            Target::Fit(target) => (Vec::new(), target),
            Target::Unfit => {
                draft.leave_out(line, format!("servers {url}"), "this is no address of a service: the target is a stand-in on loopback");
                (Vec::new(), LOOPBACK_TARGET.to_owned())
            }
        }
    };
    let prefix = if prefix.is_empty() || words::literal_path(&prefix).is_some() {
        prefix
    } else {
        draft.leave_out(line, format!("path {prefix} of servers"), "it is no plain path");
        String::new()
    };
    draft.upstreams.push(upstream(&name, &notes, &[target]));
    (name, prefix)
}

/// A server's URL with the defaults of its variables.
fn with_variables(server: &Node, draft: &mut Draft) -> String {
    let mut url = server.text_of("url").unwrap_or("/").to_owned();
    for (name, line, variable) in server.get("variables").map_or(&[][..], Node::members) {
        let default = variable.get("default").and_then(Node::scalar).unwrap_or_default();
        url = url.replace(&format!("{{{name}}}"), &default);
        draft.leave_out(*line, format!("variable {name} of servers"), format!("its default `{default}` stands for it"));
    }
    url
}

/// A path and what stands under it.
struct PathItem<'d> {
    template: &'d str,
    line: usize,
    item: &'d Node,
}

fn path_item(
    path: &PathItem<'_>,
    document: &Document<'_>,
    auths: &security::Auths,
    upstream: &str,
    group: &mut Group,
    draft: &mut Draft,
) -> Result<(), Fault> {
    let PathItem { template, line, item } = *path;
    let shared = item.get("parameters").map_or(&[][..], Node::items);
    for (name, line, _) in item.members() {
        if name == "servers" {
            draft.leave_out(*line, format!("servers of {template}"), "all paths go to the one upstream");
        }
    }
    for (method, line, operation) in item.members().iter().filter(|(name, ..)| METHODS.contains(&name.as_str())) {
        if draft.routes() + group.routes.len() >= ROUTES_MAX {
            return Err(Fault::new(*line, format!("more than {ROUTES_MAX} operations")));
        }
        let upper = method.to_ascii_uppercase();
        let what = format!("{upper} {template}");
        if upper == "TRACE" {
            draft.leave_out(*line, what, "TRACE is a 405 everywhere");
            continue;
        }
        let parameters: Vec<Node> =
            operation.get("parameters").map_or(&[][..], Node::items).iter().chain(shared).map(|node| resolved(node, document)).collect();
        let in_path: Vec<&Node> = parameters.iter().filter(|parameter| parameter.text_of("in") == Some("path")).collect();
        let mut notes = Vec::new();
        // The document of a gateway says what a template cannot.
        let own = operation.text_of("x-gate-pattern").filter(|text| Pattern::parse(text).is_ok()).map(str::to_owned);
        let pattern = own.unwrap_or_else(|| path::pattern(template, &in_path, document, &mut notes));
        let requirement = operation.get("security").or_else(|| document.root.get("security"));
        let statements = security::statements(requirement, auths, &what, draft);
        if statements.is_none() {
            draft.leave_out(*line, what.clone(), "nothing it asks for can be asked, and it is not opened for everyone");
        }
        for (line, what, why) in notes {
            draft.leave_out(line, what, why);
        }
        unchecked(&what, operation, &parameters, draft);
        let wish = operation.text_of("operationId").map_or_else(|| words::name(&format!("{method} {template}")), words::name_of_words);
        let route = Route {
            name: draft.name("route", &wish),
            docs: docs(operation, item),
            methods: upper,
            path: pattern,
            upstream: Some(upstream.to_owned()),
            statements: statements.clone().unwrap_or_default(),
            rank: specificity(template),
            line: *line,
            what,
            ..Route::default()
        };
        group.routes.push(if statements.is_some() { route } else { route.refusing(403) });
    }
    if item.members().is_empty() {
        draft.leave_out(line, template, "it has no operation");
    }
    Ok(())
}

fn docs(operation: &Node, item: &Node) -> Vec<String> {
    let text = |node: &Node, name: &str| words::comment(node.text_of(name).unwrap_or_default());
    let mut docs = text(operation, "summary");
    let more = text(operation, "description");
    if docs != more {
        docs.extend(more);
    }
    if docs.is_empty() { text(item, "summary") } else { docs }
}

/// What a gateway could hold requests against, and this one does not.
fn unchecked(what: &str, operation: &Node, parameters: &[Node], draft: &mut Draft) {
    for parameter in parameters {
        let (name, place) = (parameter.text_of("name").unwrap_or("?"), parameter.text_of("in").unwrap_or("?"));
        if place != "path" {
            draft.leave_out(parameter.line, format!("{place} parameter {name} of {what}"), "it is passed on as it is, and not checked");
        }
    }
    for (name, line, value) in operation.members() {
        let why = match name.as_str() {
            "requestBody" => "it is passed on as it is: write `body json schema file(\"…\")` to have it checked",
            "servers" => "all paths go to the one upstream",
            "callbacks" => "these are requests that the service makes, not ones it gets",
            "deprecated" if value.is_true() => "write `deprecated since DATE`: the document does not say since when",
            _ => continue,
        };
        draft.leave_out(*line, format!("{name} of {what}"), why);
    }
}

/// Concrete paths go before templated ones (OpenAPI 3.1, 4.8.8.2), segment by segment.
fn specificity(template: &str) -> Vec<u32> {
    template.split('/').map(|segment| u32::from(segment.contains('{'))).collect()
}

/// What a local reference leads to; anything else is itself.
fn resolved(node: &Node, document: &Document<'_>) -> Node {
    let mut found = node;
    for _ in 0..REFERENCES_MAX {
        let Some(pointer) = found.text_of("$ref").and_then(|reference| reference.strip_prefix("#/")) else { break };
        let mut target = Some(document.root);
        for step in pointer.split('/') {
            let step = step.replace("~1", "/").replace("~0", "~");
            target = target.and_then(|target| target.get(&step));
        }
        match target {
            Some(next) => found = next,
            None => break,
        }
    }
    found.clone()
}
