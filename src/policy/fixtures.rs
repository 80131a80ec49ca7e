//! Auths and policies read from text and built with chosen secrets, for unit tests of what concerns callers.

use super::auth::{self, Declared};
use super::build::{Build, BuildError, Purpose, Secrets, Warning};
use super::stage::{Flow, OnRequest, OnResponse, Place, ReplyPlace};
use super::{Effective, Policy, Registry};
use crate::diag::{Code, FileId, Report};
use crate::fetch::{Fetch, Offline};
use crate::http::{Clock, Exchange, Problem, Reply};
use crate::lang::checker::{AttributeFact, Declaration, Names, RouteFacts, Scope};
use crate::lang::expr::Secret;
use crate::lang::form::{Declared as DeclaredKind, Place as Spot, Word};
use crate::lang::read::{Reader, ScopeId};
use crate::lang::{Checker, Node, read::Schema};
use crate::store::Store;
use crate::syntax::parse;
use std::collections::{HashMap, HashSet};
use std::sync::Arc;
use std::time::Duration;

/// The time of [`crate::http::exchange::testing::exchange`].
pub const NOW: Duration = Duration::from_secs(1_800_000_000);

const DECLARATION: &Word = &auth::DECLARATION;

fn schema() -> Schema {
    let words = super::ALL.iter().flat_map(|entry| entry.words.iter());
    Schema::new(std::iter::once(DECLARATION).chain(words).collect())
}

fn reading<T>(
    text: &str,
    place: Spot,
    names: &Names,
    facts: RouteFacts,
    with: impl FnOnce(&[Node<'_>], &mut Checker<'_>) -> T,
) -> (T, Vec<Code>) {
    let mut report = Report::new();
    let ast = parse(FileId(0), text, &mut report);
    let schema = schema();
    let (nodes, _) = Reader { schema: &schema, report: &mut report, suspects: &mut HashSet::new() }.body(&ast.body, place, ScopeId(0));
    let done = with(&nodes, &mut Checker { report: &mut report, names, facts });
    (done, report.into_sorted().into_iter().map(|found| found.code).collect())
}

fn names() -> Names {
    Names { scopes: vec![Scope::default()], ..Names::default() }
}

/// The auths that a file declares, and what was found.
pub fn auths(text: &str) -> (Vec<Declared>, Vec<Code>) {
    reading(text, Spot::File, &names(), RouteFacts::default(), |nodes, checker| {
        nodes.iter().filter_map(|node| auth::declare(node, checker)).collect()
    })
}

/// A policy's config from the statements of one route, and what was found.
pub fn policy<P: Policy>(text: &str, auths: &[Declared], attributes: Vec<AttributeFact>, identified: bool) -> (Option<P>, Vec<Code>) {
    let mut names = names();
    let stored = Declaration { index: 0, span: crate::diag::Span::default() };
    names.declared.insert((DeclaredKind::Store, ScopeId(0), "shared".to_owned()), stored);
    for (index, declared) in auths.iter().enumerate() {
        let declaration = Declaration { index, span: crate::diag::Span::default() };
        names.declared.insert((DeclaredKind::Auth, ScopeId(0), declared.name.clone()), declaration);
    }
    let facts = RouteFacts {
        route: "r".to_owned(),
        attributes,
        identified,
        auths: auths.iter().map(auth::auth_fact).collect(),
        ..RouteFacts::default()
    };
    reading(text, Spot::Route, &names, facts, |nodes, checker| {
        let statements: Vec<_> = nodes.iter().map(|node| Effective { node: node.clone(), site: "route r".to_owned() }).collect();
        P::check(&statements, checker)
    })
}

/// Secrets by their names.
#[derive(Default)]
pub struct Fixed(pub HashMap<&'static str, String>);

impl Secrets for Fixed {
    fn secret(&self, secret: &Secret, _: Purpose<'_>) -> Result<String, BuildError> {
        let (Secret::Env(name) | Secret::File(name)) = secret;
        self.0.get(name.as_str()).cloned().ok_or_else(|| BuildError::unset(format!("{secret} is not set")))
    }
}

/// A route's parts.
pub struct Built {
    /// Its request parts.
    pub request: Vec<(Place, Arc<dyn OnRequest>)>,
    /// Its response parts.
    pub response: Vec<(ReplyPlace, Arc<dyn OnResponse>)>,
    /// What was found weak.
    pub warnings: Vec<Warning>,
}

/// Builds with a registry and secrets.
pub fn building<T>(
    auths: &[Declared],
    registry: &mut Registry,
    secrets: &Fixed,
    with: impl FnOnce(&mut Build<'_>) -> Result<T, BuildError>,
) -> Result<(T, Built), BuildError> {
    assembling(auths, registry, secrets, (&[], &offline()), with)
}

/// The same with stores.
pub fn building_with<T>(
    auths: &[Declared],
    registry: &mut Registry,
    secrets: &Fixed,
    stores: &[Arc<Store>],
    with: impl FnOnce(&mut Build<'_>) -> Result<T, BuildError>,
) -> Result<(T, Built), BuildError> {
    assembling(auths, registry, secrets, (stores, &offline()), with)
}

/// The same with a way to make calls.
pub fn asking<T>(
    auths: &[Declared],
    registry: &mut Registry,
    secrets: &Fixed,
    fetch: &Arc<dyn Fetch>,
    with: impl FnOnce(&mut Build<'_>) -> Result<T, BuildError>,
) -> Result<(T, Built), BuildError> {
    assembling(auths, registry, secrets, (&[], fetch), with)
}

fn offline() -> Arc<dyn Fetch> {
    Arc::new(Offline)
}

fn assembling<T>(
    auths: &[Declared],
    registry: &mut Registry,
    secrets: &Fixed,
    (stores, fetch): (&[Arc<Store>], &Arc<dyn Fetch>),
    with: impl FnOnce(&mut Build<'_>) -> Result<T, BuildError>,
) -> Result<(T, Built), BuildError> {
    let mut build = Build {
        route: "r",
        auths,
        endpoints: &Arc::from([]),
        document: &Arc::default(),
        registry,
        secrets,
        stores,
        fetch,
        events: &Arc::default(),
        clock: Clock::at(NOW),
        request: Vec::new(),
        response: Vec::new(),
        body_max: None,
        chooses: false,
        fallback: None,
        cache: None,
        invalidates: Vec::new(),
        warnings: Vec::new(),
        errors: Vec::new(),
    };
    let done = with(&mut build)?;
    Ok((done, Built { request: build.request, response: build.response, warnings: build.warnings }))
}

impl Built {
    /// Runs the request parts in order; what stopped the request, if anything did.
    pub async fn ask(&self, exchange: &mut Exchange) -> Result<Option<Reply>, Problem> {
        for (_, part) in &self.request {
            let mut flow = part.request(exchange);
            if let Flow::Wait(waiting) = flow {
                flow = waiting.await;
            }
            match flow {
                Flow::Next => {}
                Flow::Answer(reply) => return Ok(Some(reply)),
                Flow::Refuse(problem) => return Err(problem),
                Flow::Wait(_) => panic!("waits twice"),
            }
        }
        Ok(None)
    }

    /// Runs the response parts in order.
    pub fn reply(&self, exchange: &Exchange, mut reply: Reply) -> Reply {
        for (_, part) in &self.response {
            part.response(exchange, &mut reply);
        }
        reply
    }
}
