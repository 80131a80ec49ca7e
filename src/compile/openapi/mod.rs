//! `respond openapi`: one OpenAPI 3.1 document made from the routes, in which the upstreams' own documents say what they know of
//! the requests that really reach them.
//!
//! It is made when a plan is, and again when an upstream's document has changed; requests are answered with its bytes.

mod components;
mod foreign;
mod operation;
mod paths;
mod security;
mod template;

#[cfg(test)]
mod tests;

use crate::http::UpstreamIndex;
use crate::ir::{self, Program, Target};
use crate::lang::expr::Expr;
use crate::lang::value::Value;
use crate::policy::build::Purpose;
use crate::policy::respond::{self, Document};
use crate::policy::shape::Path;
use crate::policy::{Config, Registry, Secrets};
use crate::route::Pattern;
use crate::route::host::HostPattern;
use components::Components;
use foreign::Foreign;
use operation::{PROBLEM, first_sentence, json_body, operation, problem_schema, refusals};
use parking_lot::Mutex;
use paths::Paths;
use security::Schemes;
use serde_json::{Map, Value as Json, json};
use sha2::{Digest as _, Sha256};
use std::sync::Arc;
use std::time::Duration;
use template::Template;

/// Largest document of an upstream, in bytes.
pub const DOCUMENT_MAX: usize = 4 << 20;
/// The registry's kind of upstreams' documents.
const KIND: &str = "openapi";
/// The methods that OpenAPI knows and a route may take.
const METHODS: &[&str] = &["GET", "PUT", "POST", "DELETE", "OPTIONS", "HEAD", "PATCH"];

/// The document of a plan, and what it is made of.
pub struct Described {
    info: Map<String, Json>,
    schemes: Map<String, Json>,
    schemas: Map<String, Json>,
    routes: Vec<Traits>,
    sources: Vec<Source>,
    served: Arc<Document>,
}

/// An upstream that has a document of its own.
pub struct Source {
    /// The upstream.
    pub upstream: UpstreamIndex,
    /// Its name.
    pub name: String,
    /// Where the document is.
    pub path: String,
    /// How often it is fetched.
    pub every: Duration,
    kept: Arc<Kept>,
}

/// An upstream's document as it was read last; it outlives a reload, and an upstream that is away.
#[derive(Default)]
struct Kept(Mutex<Option<Arc<Foreign>>>);

impl Source {
    /// What of its document is left out since it is too much.
    #[must_use]
    pub fn cut(&self) -> Option<String> {
        self.kept.0.lock().as_ref().and_then(|foreign| foreign.cut())
    }
}

/// What is known of one route.
struct Traits {
    name: String,
    pattern: Pattern,
    methods: Vec<&'static str>,
    /// Methods that OpenAPI has no place for.
    others: Vec<String>,
    hosts: Vec<HostPattern>,
    /// No condition but host, method and path.
    plain: bool,
    operation: Map<String, Json>,
    refusals: Map<String, Json>,
    servers: Option<Json>,
    upstreams: Vec<UpstreamIndex>,
    way: Way,
}

/// What becomes of a path on its way upstream.
enum Way {
    /// Prefixes are taken away and put before it.
    Prefix { strip: String, add: String },
    /// Anything else.
    Unknown,
}

impl Described {
    /// The document of a program, if one of its routes serves it. It is in place when this returns.
    pub(super) fn new(program: &Program, registry: &mut Registry, secrets: &dyn Secrets, served: &Arc<Document>) -> Option<Arc<Self>> {
        let serves = |route: &&ir::Route| route.policies.iter().any(|policy| matches!(policy, Config::Respond(respond::Config::Openapi)));
        let serving = program.routes.iter().find(serves)?;
        let schemes = Schemes::new(&program.auths);
        let mut schemas = Map::from_iter([(PROBLEM.to_owned(), problem_schema())]);
        let mut routes = Vec::with_capacity(program.routes.len());
        for route in &program.routes {
            let schema = body_schema(route, secrets).map(|schema| {
                let name = format!("{}_body", route.name);
                schemas.insert(name.clone(), schema);
                name
            });
            routes.push(Traits::new(route, program, operation(route, &program.hooks, &schemes, schema.as_deref())));
        }
        let sources = program.upstreams.iter().zip(0_u16..).filter_map(|(upstream, index)| {
            let openapi = upstream.openapi.as_ref()?;
            let kept = registry.state(KIND, format!("{} {}", upstream.name, openapi.path), Kept::default);
            let (name, path) = (upstream.name.clone(), openapi.path.clone());
            Some(Source { upstream: UpstreamIndex(index), name, path, every: openapi.every, kept })
        });
        let described = Arc::new(Self {
            info: info(serving.doc.as_deref()),
            schemes: schemes.used(program.routes.iter().filter_map(ir::Route::auth)),
            schemas,
            routes,
            sources: sources.collect(),
            served: Arc::clone(served),
        });
        described.served.replace(described.render());
        Some(described)
    }

    /// The upstreams that have a document of their own.
    #[must_use]
    pub fn sources(&self) -> &[Source] {
        &self.sources
    }

    /// The document's text.
    #[must_use]
    pub fn text(&self) -> bytes::Bytes {
        self.served.rendered().text.clone()
    }

    /// Takes in an upstream's document; the one before stays when this is none. True when something changed.
    ///
    /// # Errors
    /// Why the text is no document.
    pub fn fetched(&self, source: &Source, text: &[u8]) -> Result<bool, String> {
        let found = Foreign::read(text)?;
        let mut kept = source.kept.0.lock();
        if kept.as_deref() == Some(&found) {
            return Ok(false);
        }
        *kept = Some(Arc::new(found));
        drop(kept);
        self.served.replace(self.render());
        Ok(true)
    }

    fn render(&self) -> String {
        let mut components = Components::new(self.schemas.clone());
        let mut paths = Paths::default();
        for (at, route) in self.routes.iter().enumerate() {
            for method in &route.others {
                paths.leave_out(&route.name, method, route.pattern.text(), "OpenAPI has no such method");
            }
            self.theirs(at, route, &mut paths, &mut components);
            route.own(&mut paths);
        }
        let (paths, mut left_out) = paths.written();
        let cut = self.sources.iter().filter_map(|source| Some((&source.name, source.cut()?)));
        left_out.extend(cut.map(|(upstream, why)| json!({ "upstream": upstream, "why": why })));
        let mut components = components.written();
        if !self.schemes.is_empty() {
            components.insert("securitySchemes".to_owned(), Json::Object(self.schemes.clone()));
        }
        let mut rest = Map::from_iter([
            ("servers".to_owned(), json!([{ "url": "/" }])),
            ("paths".to_owned(), Json::Object(paths)),
            ("components".to_owned(), Json::Object(components)),
        ]);
        if !left_out.is_empty() {
            rest.insert("x-gate-left-out".to_owned(), Json::Array(left_out));
        }
        let mut info = self.info.clone();
        info.insert("version".to_owned(), version(&rest).into());
        let mut document = Map::from_iter([("openapi".to_owned(), json!("3.1.0")), ("info".to_owned(), Json::Object(info))]);
        document.extend(rest);
        Json::Object(document).to_string()
    }

    /// The operations of upstreams' documents that a route makes reachable.
    fn theirs(&self, at: usize, route: &Traits, paths: &mut Paths, components: &mut Components) {
        for source in self.sources.iter().filter(|source| route.upstreams.contains(&source.upstream)) {
            let Some(foreign) = source.kept.0.lock().clone() else { continue };
            for found in foreign.operations() {
                let Some(method) = METHODS.iter().find(|method| **method == found.method) else { continue };
                let Some(template) = route.client(found.template).filter(|_| route.methods.contains(method)) else { continue };
                if self.owner(&template, method, route).is_some_and(|owner| owner < at) {
                    continue;
                }
                let template = template.map(|object| components.part(&source.name, &foreign, object));
                let mut operation = components.taken(&source.name, &foreign, found.operation);
                route.overlay(&mut operation);
                if !operation.get("operationId").is_some_and(Json::is_string) {
                    let id = format!("{}_{}_{}", route.name, method.to_ascii_lowercase(), template.identifier());
                    operation.insert("operationId".to_owned(), id.into());
                }
                paths.add(&route.name, template, method, operation);
            }
        }
    }

    /// The first route that takes all requests of a template.
    fn owner(&self, template: &Template, method: &'static str, of: &Traits) -> Option<usize> {
        self.routes.iter().position(|route| {
            route.plain
                && route.methods.contains(&method)
                && (route.hosts.is_empty() || route.hosts == of.hosts)
                && template.within(&route.pattern).is_some_and(|within| within.shape() == template.shape())
        })
    }
}

impl Traits {
    fn new(route: &ir::Route, program: &Program, operation: Map<String, Json>) -> Self {
        let methods = &route.key.methods;
        let known: Vec<&'static str> = METHODS.iter().copied().filter(|method| methods.contains(method)).collect();
        // GET answers HEAD without being asked to.
        let goes_without_saying = |method: &str| method == "HEAD" && methods.contains("GET");
        Self {
            name: route.name.clone(),
            pattern: route.key.pattern.clone(),
            methods: known.into_iter().filter(|method| !goes_without_saying(method)).collect(),
            others: if methods.is_any() {
                Vec::new()
            } else {
                methods.names().filter(|name| !METHODS.contains(name)).map(str::to_owned).collect()
            },
            hosts: route.key.hosts.clone(),
            plain: route.predicate.is_none(),
            operation,
            refusals: refusals(route, &program.hooks),
            servers: servers(&route.key.hosts, program),
            upstreams: match route.target {
                Target::Upstream(upstream) => vec![upstream],
                Target::Policy => {
                    route.policies.iter().filter(|policy| matches!(policy, Config::To(_))).flat_map(Config::upstreams).collect()
                }
            },
            way: way(route),
        }
    }

    /// Where clients find what an upstream has at a path, as far as this route leads there.
    fn client(&self, upstream: Template) -> Option<Template> {
        match &self.way {
            Way::Unknown => None,
            Way::Prefix { strip, add } => upstream.without_prefix(add)?.with_prefix(strip).within(&self.pattern),
        }
    }

    /// What holds for the route, whatever the upstream says of itself.
    fn overlay(&self, operation: &mut Map<String, Json>) {
        for name in ["security", "deprecated", "servers"] {
            operation.remove(name);
        }
        for name in ["security", "deprecated", "summary", "description", "tags", "externalDocs"] {
            if let Some(own) = self.operation.get(name) {
                operation.entry(name).or_insert_with(|| own.clone());
            }
        }
        let responses = operation.entry("responses").or_insert_with(|| json!({}));
        if let Some(responses) = responses.as_object_mut() {
            for (status, object) in &self.refusals {
                responses.entry(status.clone()).or_insert_with(|| object.clone());
            }
            if responses.is_empty() {
                responses.insert("default".to_owned(), json!({ "description": "what the service answers" }));
            }
        }
        if let Some(servers) = &self.servers {
            operation.insert("servers".to_owned(), servers.clone());
        }
        operation.insert("x-gate-route".to_owned(), self.name.as_str().into());
    }

    /// What the policy alone says of the route, where nobody knows more.
    fn own(&self, paths: &mut Paths) {
        let Some((template, whole)) = template::template(&self.pattern) else {
            for method in &self.methods {
                paths.leave_out(&self.name, method, self.pattern.text(), "OpenAPI has no paths by regular expressions");
            }
            return;
        };
        if !whole && paths.has(&self.name) {
            return;
        }
        for method in self.methods.iter().copied() {
            if paths.says(&self.name, &template, method) {
                continue;
            }
            let mut operation = self.operation.clone();
            let id = if self.methods.len() == 1 { self.name.clone() } else { format!("{}_{}", self.name, method.to_ascii_lowercase()) };
            operation.insert("operationId".to_owned(), id.into());
            operation.insert("x-gate-route".to_owned(), self.name.as_str().into());
            if !whole {
                operation.insert("x-gate-pattern".to_owned(), self.pattern.text().into());
            }
            if let Some(servers) = &self.servers {
                operation.insert("servers".to_owned(), servers.clone());
            }
            paths.add(&self.name, template.clone(), method, operation);
        }
    }
}

/// What the document is called: the doc comment of the route that serves it.
fn info(doc: Option<&str>) -> Map<String, Json> {
    let (title, rest) = doc.map_or(("API", ""), first_sentence);
    let mut info = Map::from_iter([("title".to_owned(), title.trim_end_matches('.').into())]);
    if !rest.is_empty() {
        info.insert("description".to_owned(), rest.into());
    }
    info
}

/// The same for what is the same, whichever gateway made it.
fn version(document: &Map<String, Json>) -> String {
    let text = serde_json::to_vec(document).unwrap_or_default();
    Sha256::digest(&text).iter().take(6).map(|byte| format!("{byte:02x}")).collect()
}

/// The schema that a route's JSON body is held against. What it refers to in itself is meant from its own root.
fn body_schema(route: &ir::Route, secrets: &dyn Secrets) -> Option<Json> {
    let file = json_body(route)?.schema.as_ref()?;
    let mut schema: Json = serde_json::from_str(&secrets.secret(file, Purpose::Schema).ok()?).ok()?;
    if let Some(schema) = schema.as_object_mut() {
        schema.entry("$id").or_insert_with(|| format!("urn:gate:{}:body", route.name).into());
    }
    Some(schema)
}

/// Where a route's hosts are: none for a route of every host.
fn servers(hosts: &[HostPattern], program: &Program) -> Option<Json> {
    let secured = program.gateway.listeners.iter().find(|listener| listener.tls.is_some());
    let listener = secured.or(program.gateway.listeners.first());
    let (scheme, usual) = if secured.is_some() { ("https", 443) } else { ("http", 80) };
    let port = listener.and_then(|listener| listener.address.tcp()).map_or(usual, |address| address.port());
    let port = if port == usual || port == 0 { String::new() } else { format!(":{port}") };
    let server = |host: &HostPattern| match host {
        HostPattern::Exact(host) => Some(json!({ "url": format!("{scheme}://{host}{port}") })),
        HostPattern::Suffix(suffix) => {
            let variables = json!({ "subdomain": { "default": "www" } });
            Some(json!({ "url": format!("{scheme}://{{subdomain}}{suffix}{port}"), "variables": variables }))
        }
        HostPattern::Any => None,
    };
    let all = hosts.iter().map(server).collect::<Option<Vec<_>>>()?;
    (!all.is_empty()).then_some(Json::Array(all))
}

fn way(route: &ir::Route) -> Way {
    let shaped = route.policies.iter().find_map(|policy| match policy {
        Config::Shape(shape) => Some(&shape.path),
        _ => None,
    });
    match shaped {
        None | Some(Path::Keep) => Way::Prefix { strip: String::new(), add: String::new() },
        Some(Path::Rewrite(_)) => Way::Unknown,
        Some(Path::Prefix { strip, add }) => {
            let add = match add {
                None => String::new(),
                Some(Expr::Const(Value::Text(text))) => text.to_string(),
                Some(_) => return Way::Unknown,
            };
            Way::Prefix { strip: strip.clone().unwrap_or_default(), add }
        }
    }
}
