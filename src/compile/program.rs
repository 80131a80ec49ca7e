//! A program built into a plan. State whose declaration did not change is taken over from the plan before.

use super::hooks::{self, Embedded};
use super::openapi::Described;
use super::plan::{AccessLog, Listener, LogField, LogFormat, Pipeline, Plan, Route, Settings, Target};
use super::redact::is_shown;
use crate::diag::Code;
use crate::events::post::Post;
use crate::events::{Events, Kind};
use crate::fetch::{Fetch, Offline, address};
use crate::hook::Hook;
use crate::http::{Clock, Credentials};
use crate::ir::operate::StoreUrl;
use crate::ir::{self, Program};
use crate::lang::expr::{Expr, Ref};
use crate::otlp::Tracer;
use crate::policy::auth::{self, Mode};
use crate::policy::body::keep::Keep;
use crate::policy::build::{Purpose, Warning};
use crate::policy::flag::{self, Flag};
use crate::policy::limit;
use crate::policy::maintenance;
use crate::policy::respond::Document;
use crate::policy::shape::Names;
use crate::policy::stage::Place;
use crate::policy::{Build, BuildError, Config, Endpoint, Registry, Secrets, cache, told};
use crate::route::{MatchTree, RouteKey};
use crate::store::{self, Store};
use crate::upstream;
use sha2::{Digest, Sha256};
use std::collections::HashMap;
use std::sync::Arc;

/// The registry's kind of stores
const STORE: &str = "store";
/// and of tracers.
const TRACER: &str = "trace";

/// Bytes of a hash that tell one policy from another.
const DIGEST_BYTES: usize = 8;

/// Builds plans one after the other, keeping the state that survives a reload.
pub struct Compiler {
    registry: Registry,
    upstreams: upstream::Registry,
    events: Arc<Events>,
    fetch: Arc<dyn Fetch>,
    embedded: Embedded,
}

impl Default for Compiler {
    fn default() -> Self {
        Self::new()
    }
}

/// A plan, and what is weak about what the machine has.
pub struct Compiled {
    /// The plan.
    pub plan: Plan,
    /// Such as a short HMAC key.
    pub warnings: Vec<Warning>,
    /// The runtime of every auth that a route asks for, by its index.
    pub auths: Vec<Option<Arc<auth::Runtime>>>,
}

impl Compiler {
    /// A compiler without state, whose plans make no calls of their own.
    #[must_use]
    pub fn new() -> Self {
        Self::with(Arc::new(Offline), "")
    }

    /// A compiler without state, whose plans ask issuers and services by these means, for a gateway that is called so
    /// (`instance`).
    #[must_use]
    pub fn with(fetch: Arc<dyn Fetch>, instance: &str) -> Self {
        let events = Arc::new(Events::of(instance));
        let upstreams = upstream::Registry::telling(Arc::clone(&events));
        Self { registry: Registry::default(), upstreams, events, fetch, embedded: Embedded::new() }
    }

    /// Registers a hook of the program that the gateway is embedded in, for the plans built from here on. It stands in for a service
    /// of that name as well.
    pub fn embed(&mut self, name: impl Into<String>, hook: Arc<dyn Hook>) {
        self.embedded.insert(name.into(), hook);
    }

    /// Builds a plan that will be in force. When it fails, the state of the plan in force is untouched.
    ///
    /// # Errors
    /// Everything that is missing outside the policy: secrets, files.
    pub fn compile(&mut self, program: &Program, secrets: &dyn Secrets, clock: Clock) -> Result<Compiled, Vec<BuildError>> {
        let compiled = self.build(program, secrets, clock)?;
        self.commit(&compiled.plan);
        Ok(compiled)
    }

    /// Says that a plan is in force, the one that was built last: from now on its state is what further ones take over, and what
    /// is not its own is forgotten.
    pub fn commit(&mut self, plan: &Plan) {
        self.registry.commit();
        self.upstreams.keep(&plan.upstreams);
    }

    /// Builds a plan that may yet come to nothing: the state of the plan in force is untouched until [`Self::commit`].
    ///
    /// # Errors
    /// Those of [`Self::compile`].
    pub fn build(&mut self, program: &Program, secrets: &dyn Secrets, clock: Clock) -> Result<Compiled, Vec<BuildError>> {
        self.registry.roll_back();
        let endpoints: Arc<[Endpoint]> = program.routes.iter().map(|route| endpoint(route, program)).collect();
        let document: Arc<Document> = Arc::default();
        let listed = Listed { endpoints: &endpoints, document: &document };
        let mut warnings = Vec::new();
        let mut errors: Vec<BuildError> = Vec::new();
        let stores = self.stores(program, secrets, &mut errors);
        let (fetch, events) = (Arc::clone(&self.fetch), Arc::clone(&self.events));
        let means = Means { secrets, clock, stores: &stores, fetch: &fetch, events: &events };
        let credentials = auth::credentials(&program.auths);
        let hooks = hooks::called(program, &credentials, &self.embedded, (&mut self.registry, secrets, &self.fetch), &mut errors);
        let mut pipelines: Vec<Pipeline> = Vec::new();
        let mut pipeline_of: Vec<u32> = Vec::with_capacity(program.routes.len());
        let mut known: HashMap<Vec<u8>, u32> = HashMap::new();
        let keeps = |policy: &Config| matches!(policy, Config::Cache(cache::Config::Keep(_)));
        let caches = program.routes.iter().any(|route| route.policies.iter().any(keeps));
        for route in &program.routes {
            let in_force = in_force(route);
            if let Some(pipeline) = known.get(&in_force) {
                pipeline_of.push(*pipeline);
                continue;
            }
            let mut build =
                Build { route: &route.name, warnings: std::mem::take(&mut warnings), ..blank(program, listed, &mut self.registry, means) };
            let copies = |policy: &Config| matches!(policy, Config::Mirror(_));
            for policy in &route.policies {
                if copies(policy) {
                    hooks::install(route, program, &hooks, &mut build);
                }
                let built = policy.build(&mut build);
                note(&mut errors, build.errors.drain(..).chain(built.err()));
            }
            if !route.policies.iter().any(copies) {
                hooks::install(route, program, &hooks, &mut build);
            }
            if route.reads_body {
                build.on_request(Place::Body, Keep);
            }
            warnings = std::mem::take(&mut build.warnings);
            let invalidates = std::mem::take(&mut build.invalidates);
            let mut pipeline = pipeline(route, build, program, &credentials);
            if caches {
                pipeline.invalidation = Some(cache::invalidation(&mut self.registry, invalidates));
            }
            let place = u32::try_from(pipelines.len()).unwrap_or(u32::MAX);
            pipelines.push(pipeline);
            pipeline_of.push(place);
            if !in_force.is_empty() {
                known.insert(in_force, place);
            }
        }
        let posts = posts(&program.gateway.events, &mut errors);
        let tracer = self.tracer(program.gateway.trace.as_ref(), &mut errors);
        let flags = program.flags.iter().map(|flag| self.flag(flag)).collect();
        let mut build = blank(program, listed, &mut self.registry, means);
        note(&mut errors, program.gateway.unmatched.iter().filter_map(|policy| policy.build(&mut build).err()));
        let mut unmatched = build.response;
        unmatched.sort_by_key(|(place, _)| *place);
        let mut build = blank(program, listed, &mut self.registry, means);
        let admin_gate = admin_gate(program, &mut build).unwrap_or_else(|error| {
            note(&mut errors, build.errors.drain(..).chain([error]));
            None
        });
        warnings.append(&mut build.warnings);
        if !errors.is_empty() {
            self.registry.roll_back();
            return Err(errors);
        }
        let auths: Vec<Option<Arc<auth::Runtime>>> =
            (0..program.auths.len()).map(|index| self.registry.of_plan("auth", &index.to_string())).collect();
        let dependencies = self.registry.of_plan("dependencies", "").unwrap_or_default();
        let described = Described::new(program, &mut self.registry, secrets, &document);
        let keys: Vec<RouteKey> = program.routes.iter().map(|route| route.key.clone()).collect();
        let plan = Plan {
            tree: MatchTree::build(&keys),
            routes: program.routes.iter().map(of_plan).collect(),
            pipelines,
            pipeline_of,
            patterns: program.routes.iter().map(|route| route.key.pattern.text().into()).collect(),
            unmatched,
            switches: self.switches(),
            flags,
            upstreams: program.upstreams.iter().map(|config| self.upstreams.make(config)).collect(),
            stores,
            hooks,
            described,
            limiters: self.state(limit::STATE).collect(),
            shelves: self.state(cache::STATE).collect(),
            auths: auths.iter().flatten().map(Arc::clone).collect(),
            dependencies,
            digest: digest(program),
            admin_gate,
            events: Arc::clone(&self.events),
            tracer,
            fetch: Arc::clone(&self.fetch),
            settings: Settings { posts: posts.into(), log: log(&program.gateway.log, &credentials), ..settings(&program.gateway) },
        };
        Ok(Compiled { plan, warnings, auths })
    }

    /// Every store, the same one as before where its declaration did not change.
    fn stores(&mut self, program: &Program, secrets: &dyn Secrets, errors: &mut Vec<BuildError>) -> Vec<Arc<Store>> {
        let mut stores = Vec::with_capacity(program.stores.len());
        for declared in &program.stores {
            let url = match &declared.url {
                _ if secrets.keeps_stores_in_memory() => Ok(store::IN_MEMORY.to_owned()),
                StoreUrl::Plain(url) => Ok(url.clone()),
                StoreUrl::Secret(secret) => secrets.secret(secret, Purpose::Store),
            };
            let made = url.and_then(|url| {
                let key = format!("{} {:?} {:?} {url}", declared.name, declared.timeout, declared.on_failure);
                let make = || Store::new(&declared.name, &url, declared.timeout, declared.on_failure, Arc::clone(&self.events));
                let bad = |why| match &declared.url {
                    StoreUrl::Plain(_) => BuildError::new(Code::SecretStoreUrl, why),
                    StoreUrl::Secret(secret) => BuildError::unfit(Purpose::Store, secret, format!("{why}: see {}", secret.place())),
                };
                self.registry.try_state(STORE, key, || make().map_err(bad))
            });
            match made {
                Ok(store) => stores.push(store),
                Err(error) => errors.push(error),
            }
        }
        stores
    }

    /// What traces requests, the same as before where its declaration did not change.
    fn tracer(&mut self, declared: Option<&ir::operate::Trace>, errors: &mut Vec<BuildError>) -> Option<Arc<Tracer>> {
        let ir::operate::Trace { url, sample } = declared?;
        let bad = |why| BuildError::new(Code::TypeMismatch, format!("the url `{url}` of `trace` {why}"));
        let make = || Tracer::new(url, sample.0, self.events.instance()).map_err(bad);
        self.registry.try_state(TRACER, format!("{} {url}", sample.0), make).map_err(|error| errors.push(error)).ok()
    }

    fn flag(&mut self, flag: &ir::operate::Flag) -> Arc<Flag> {
        let key = serde_json::to_string(flag).unwrap_or_default();
        self.registry.state(flag::KIND, key, || Flag::new(&flag.name, flag.share, flag.by.clone()))
    }

    /// What closes routes, by their names.
    fn switches(&self) -> Vec<Arc<maintenance::Switch>> {
        let mut switches: Vec<Arc<maintenance::Switch>> = self.state(maintenance::KIND).collect();
        switches.sort_by(|left, right| left.route().cmp(right.route()));
        switches
    }

    /// What happens to the gateway.
    #[must_use]
    pub fn events(&self) -> &Arc<Events> {
        &self.events
    }

    /// State of one kind that the plan in force uses.
    pub fn state<T: std::any::Any + Send + Sync>(&self, kind: &'static str) -> impl Iterator<Item = Arc<T>> + '_ {
        self.registry.each(kind)
    }
}

/// Adds what was not found before: routes share what they are made of.
fn note(errors: &mut Vec<BuildError>, found: impl Iterator<Item = BuildError>) {
    for error in found {
        if !errors.contains(&error) {
            errors.push(error);
        }
    }
}

/// The auth that judges requests to the admin listener.
fn admin_gate(program: &Program, build: &mut Build<'_>) -> Result<Option<Arc<auth::Runtime>>, BuildError> {
    program.gateway.admin.as_ref().and_then(|admin| admin.auth).map(|auth| build.auth(auth)).transpose()
}

/// What of the whole program a policy may answer with.
#[derive(Clone, Copy)]
struct Listed<'b> {
    endpoints: &'b Arc<[Endpoint]>,
    document: &'b Arc<Document>,
}

/// What policies work with that is not of the program itself.
#[derive(Clone, Copy)]
struct Means<'b> {
    secrets: &'b dyn Secrets,
    clock: Clock,
    stores: &'b [Arc<Store>],
    fetch: &'b Arc<dyn Fetch>,
    events: &'b Arc<Events>,
}

/// What policies are given before any has added to it.
fn blank<'b>(program: &'b Program, listed: Listed<'b>, registry: &'b mut Registry, means: Means<'b>) -> Build<'b> {
    Build {
        route: "",
        auths: &program.auths,
        endpoints: listed.endpoints,
        document: listed.document,
        registry,
        secrets: means.secrets,
        stores: means.stores,
        fetch: means.fetch,
        events: means.events,
        clock: means.clock,
        request: Vec::new(),
        response: Vec::new(),
        body_max: None,
        chooses: false,
        fallback: None,
        cache: None,
        invalidates: Vec::new(),
        warnings: Vec::new(),
        errors: Vec::new(),
    }
}

/// All that a route's pipeline is made of, as text, since hardly anything in it can be hashed; empty where it cannot be
/// written. Every field of a route is named, so that a new one is either part of it or said not to be.
fn in_force(route: &ir::Route) -> Vec<u8> {
    let ir::Route {
        name: _,
        doc: _,
        groups: _,
        key: _,
        predicate: _,
        place: _,
        target,
        policies,
        timeouts,
        retries,
        hooks,
        reads_body,
        log,
    } = route;
    // A hook is told the route's name.
    if !hooks.is_empty() {
        return Vec::new();
    }
    serde_json::to_vec(&(policies, target, timeouts, retries, reads_body, log)).unwrap_or_default()
}

fn of_plan(route: &ir::Route) -> Route {
    Route { name: route.name.as_str().into(), predicate: route.predicate.clone().map(Box::new) }
}

fn pipeline(route: &ir::Route, build: Build<'_>, program: &Program, credentials: &Credentials) -> Pipeline {
    let Build { mut request, mut response, body_max, fallback, mut cache, chooses, .. } = build;
    if let Some(cache) = cache.as_mut().filter(|_| route.policies.iter().any(drops_cookies) && !reads_cookies(route, program)) {
        cache.drops_cookies();
    }
    // Stable: parts of one place run in the order of their policies.
    request.sort_by_key(|(place, _)| *place);
    response.sort_by_key(|(place, _)| *place);
    Pipeline {
        request,
        target: match route.target {
            ir::Target::Upstream(index) => Target::Upstream(index),
            ir::Target::Policy if chooses => Target::Chosen,
            ir::Target::Policy => Target::Policy,
        },
        response,
        body_max: body_max.unwrap_or(program.gateway.limits.body),
        timeouts: route.timeouts.clone(),
        retries: route.retries.clone(),
        fallback,
        cache,
        invalidation: None,
        log: log(&route.log, credentials),
    }
}

/// True for a policy that takes the client's cookies out of requests.
fn drops_cookies(policy: &Config) -> bool {
    let is_cookie = |names: &Names| matches!(names, Names::Exact(name) if name == "cookie");
    matches!(policy, Config::Shape(shape) if shape.request.remove.iter().any(is_cookie))
}

/// True when a value or a condition of a route is of a cookie: then one may shape a response although none goes further.
fn reads_cookies(route: &ir::Route, program: &Program) -> bool {
    let of_flags = program.flags.iter().filter_map(|flag| flag.by.as_ref());
    let conditions = route.policies.iter().flat_map(Config::decisions).map(|decision| decision.condition);
    let mut exprs = told::exprs(&route.policies, &[]).into_iter().chain(conditions).chain(of_flags);
    exprs.any(|expr| expr.mentions(cache::reads_cookie))
}

fn log(log: &ir::Log, credentials: &Credentials) -> AccessLog {
    let field = |(name, value): &(String, Expr)| LogField {
        name: name.as_str().into(),
        redacted: is_shown(value, credentials, &log.redact),
        value: value.clone(),
    };
    let mut exprs = log.fields.iter().map(|(_, value)| value).chain(&log.when);
    AccessLog {
        reads_fields: exprs.any(|expr| expr.mentions(|reference| matches!(reference, Ref::Header(_) | Ref::Cookie(_)))),
        format: log.format.map(|format| match format {
            ir::LogFormat::Json => LogFormat::Json,
            ir::LogFormat::Text => LogFormat::Text,
        }),
        sample: log.sample,
        when: log.when.clone(),
        fields: log.fields.iter().map(field).collect(),
    }
}

fn settings(gateway: &ir::Gateway) -> Settings {
    let limits = &gateway.limits;
    let number = |value: u64| usize::try_from(value).unwrap_or(usize::MAX);
    Settings {
        listeners: gateway
            .listeners
            .iter()
            .map(|listener| Listener {
                mode: listener.mode,
                proxied: listener.proxy_protocol,
                to_https: listener.redirect_https.then(|| https_port(&gateway.listeners)),
                ..Listener::new(listener.name.as_str().into(), listener.address.clone())
            })
            .collect(),
        trust: gateway.trust.clone(),
        trust_field: gateway.trust_field,
        request_id: gateway.request_id.clone(),
        header_bytes: number(limits.header_bytes),
        headers: number(limits.headers),
        connections: number(limits.connections),
        header_timeout: limits.header_timeout,
        idle: limits.idle,
        drain: gateway.drain,
        workers: gateway.workers.unwrap_or_else(|| std::thread::available_parallelism().map_or(1, std::num::NonZero::get)),
        body_max: limits.body,
        posts: Arc::new([]),
        log: AccessLog::default(),
    }
}

/// A hash of all that a program means; secrets are not in it, only where they come from.
fn digest(program: &Program) -> String {
    let text = serde_json::to_vec(program).unwrap_or_default();
    Sha256::digest(text).iter().take(DIGEST_BYTES).fold(String::new(), |digest, byte| format!("{digest}{byte:02x}"))
}

/// Who is sent events.
fn posts(declared: &[ir::operate::Events], errors: &mut Vec<BuildError>) -> Vec<Post> {
    let mut posts = Vec::with_capacity(declared.len());
    for ir::operate::Events { url, on } in declared {
        match address(url) {
            Ok(url) => posts.push(Post { url, on: on.iter().filter_map(|kind| Kind::named(kind)).collect() }),
            Err(why) => errors.push(BuildError::new(Code::TypeMismatch, format!("the url `{url}` of `events` {why}"))),
        }
    }
    posts
}

/// The port that clients are sent to: that of the first listener with TLS.
fn https_port(listeners: &[ir::Listener]) -> u16 {
    let secured = listeners.iter().filter(|listener| listener.tls.is_some());
    secured.filter_map(|listener| listener.address.tcp()).map(|address| address.port()).next().unwrap_or(443)
}

fn endpoint(route: &ir::Route, program: &Program) -> Endpoint {
    let methods = &route.key.methods;
    Endpoint {
        route: route.name.clone(),
        methods: if methods.is_any() { vec!["ANY".to_owned()] } else { methods.names().map(str::to_owned).collect() },
        path: route.key.pattern.text().to_owned(),
        auth: route.auth().and_then(|auth| who(auth, &program.auths)),
        doc: route.doc.clone(),
    }
}

/// Who lets a caller in, in the words of the policy; none for a public route.
fn who(auth: &auth::Config, declared: &[auth::Declared]) -> Option<String> {
    let names: Vec<&str> = auth.auths.iter().filter_map(|index| declared.get(usize::from(*index))).map(|auth| auth.name.as_str()).collect();
    match auth.mode {
        Mode::Public { .. } => None,
        Mode::One => Some(names.join("")),
        Mode::Any => Some(names.join(" or ")),
        Mode::All => Some(names.join(" and ")),
        Mode::Optional => Some(format!("{} (optional)", names.join(""))),
    }
}
