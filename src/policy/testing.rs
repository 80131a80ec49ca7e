//! A policy alone: its statements checked, its parts run, for the unit tests of policies.

use super::stage::{Flow, OnRequest, OnResponse, Place, ReplyPlace};
use super::{Build, BuildError, Effective, Endpoint, Policy, Registry, Secrets};
use crate::diag::{FileId, Report, Source, Sources};
use crate::http::{Clock, Exchange, Problem, Reply};
use crate::lang::Checker;
use crate::lang::checker::{AttributeFact, Declaration, Names, ParamFact, RouteFacts, Scope};
use crate::lang::expr::Secret;
use crate::lang::form::{Declared, Place as Home};
use crate::lang::read::{Reader, Schema, ScopeId};
use crate::lang::types::Type;
use serde::Serialize;
use serde::de::DeserializeOwned;
use std::sync::Arc;
use std::time::Duration;

/// What came of a policy's statements.
pub struct Checked<P> {
    /// The config, when there is one.
    pub config: Option<P>,
    /// Code and message of each finding.
    pub found: Vec<(String, String)>,
}

impl<P: std::fmt::Debug> Checked<P> {
    /// The config of statements that are sound.
    pub fn sound(self) -> P {
        assert!(self.found.is_empty(), "{:?}", self.found);
        self.config.unwrap()
    }

    /// The code of the one finding.
    pub fn code(&self) -> &str {
        assert_eq!(self.found.len(), 1, "{:?}", self.found);
        &self.found[0].0
    }
}

/// A route `r` at `/x/{id}/**` whose caller has `claim.sub` (text), `claim.role` (text) and perhaps `claim.email`.
/// Upstreams `a` and `b` are declared.
pub fn check<P: Policy>(levels: &[&str]) -> Checked<P> {
    let mut report = Report::new();
    let mut sources = Sources::new();
    let mut names = Names { scopes: vec![Scope::default()], ..Names::default() };
    let asts: Vec<_> = levels
        .iter()
        .map(|text| {
            let file = sources.add(Source::new("test.gate", *text));
            crate::syntax::parse(file, text, &mut report)
        })
        .collect();
    let schema = Schema::new(P::WORDS.iter().collect());
    let mut suspects = std::collections::HashSet::new();
    let mut statements = Vec::new();
    for (level, ast) in asts.iter().enumerate() {
        let mut reader = Reader { schema: &schema, report: &mut report, suspects: &mut suspects };
        let (nodes, _) = reader.body(&ast.body, Home::Route, ScopeId(0));
        statements.extend(nodes.into_iter().map(|node| Effective { node, site: format!("level {level}") }));
    }
    for (index, name) in ["a", "b"].into_iter().enumerate() {
        let span = crate::diag::Span::new(FileId(0), 0, 0);
        names.declared.insert((Declared::Upstream, ScopeId(0), name.to_owned()), Declaration { index, span });
    }
    let attribute = |slot, name: &str, ty| AttributeFact { root: "claim", name: name.to_owned(), ty, slots: vec![(0, slot)] };
    let facts = RouteFacts {
        route: "r".to_owned(),
        params: vec![
            ParamFact { name: "id".to_owned(), ty: Type::Str, keeps_slashes: false },
            ParamFact { name: "rest".to_owned(), ty: Type::Str, keeps_slashes: true },
        ],
        attributes: vec![attribute(0, "sub", Type::Str), attribute(1, "role", Type::Str), attribute(2, "email", Type::Str.optional())],
        identified: true,
        ..RouteFacts::default()
    };
    let mut checker = Checker { report: &mut report, names: &names, facts };
    let config = if statements.is_empty() { None } else { P::check(&statements, &mut checker) };
    let found = report.into_sorted().into_iter().map(|found| (found.code.name().to_owned(), found.message)).collect();
    Checked { config, found }
}

struct Made;

impl Secrets for Made {
    fn secret(&self, secret: &Secret, _: super::build::Purpose<'_>) -> Result<String, BuildError> {
        match secret {
            Secret::Env(name) => Ok(format!("secret-{name}")),
            Secret::File(_) => Err(BuildError::unset("no files in this test")),
        }
    }
}

/// A policy's parts.
pub struct Parts {
    request: Vec<(Place, Arc<dyn OnRequest>)>,
    response: Vec<(ReplyPlace, Arc<dyn OnResponse>)>,
    /// See [`Build::body_max`].
    pub body_max: Option<Option<u64>>,
}

/// What the request parts made of a request.
#[derive(Debug)]
pub enum Outcome {
    /// All let it through.
    Through,
    /// One answered.
    Answer(Reply),
    /// One refused.
    Refused(Problem),
}

impl Outcome {
    /// The answer.
    pub fn answer(self) -> Reply {
        match self {
            Self::Answer(reply) => reply,
            other => panic!("no answer: {other:?}"),
        }
    }

    /// The refusal.
    pub fn refused(self) -> Problem {
        match self {
            Self::Refused(problem) => problem,
            other => panic!("not refused: {other:?}"),
        }
    }
}

/// Builds a policy as part of a gateway with the route `index`.
pub fn build<P: Policy + PartialEq + std::fmt::Debug + Serialize + DeserializeOwned>(config: &P) -> Parts {
    // INVARIANT: a program is the same after it was written to JSON and read again.
    assert_eq!(&serde_json::from_str::<P>(&serde_json::to_string(config).unwrap()).unwrap(), config);
    let endpoint = Endpoint {
        route: "index".to_owned(),
        methods: vec!["GET".to_owned()],
        path: "/".to_owned(),
        auth: None,
        doc: Some("The list.".to_owned()),
    };
    let mut registry = Registry::new();
    let mut build = Build {
        route: "r",
        auths: &[],
        endpoints: &Arc::from([endpoint]),
        document: &Arc::default(),
        registry: &mut registry,
        secrets: &Made,
        stores: &[],
        fetch: &(Arc::new(crate::fetch::Offline) as Arc<dyn crate::fetch::Fetch>),
        events: &Arc::default(),
        clock: Clock::at(Duration::from_secs(1_800_000_000)),
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
    config.build(&mut build).unwrap();
    Parts { request: build.request, response: build.response, body_max: build.body_max }
}

impl Parts {
    /// Runs the request parts.
    pub async fn request(&self, exchange: &mut Exchange) -> Outcome {
        for (_, part) in &self.request {
            let flow = match part.request(exchange) {
                Flow::Wait(flow) => flow.await,
                Flow::Next => continue,
                Flow::Answer(reply) => Flow::Answer(reply),
                Flow::Refuse(problem) => Flow::Refuse(problem),
            };
            match flow {
                Flow::Next => {}
                Flow::Answer(reply) => return Outcome::Answer(reply),
                Flow::Refuse(problem) => return Outcome::Refused(problem),
                Flow::Wait(_) => panic!("waited twice"),
            }
        }
        Outcome::Through
    }

    /// Runs the response parts.
    pub fn response(&self, exchange: &Exchange, reply: &mut Reply) {
        for (_, part) in &self.response {
            part.response(exchange, reply);
        }
    }
}

impl Parts {
    /// Runs the response parts, those that wait as well.
    pub async fn reply(&self, exchange: &mut Exchange, mut reply: Reply) -> Reply {
        for (_, part) in &self.response {
            let waited = match part.wait(exchange, &mut reply) {
                Some(waiting) => waiting.await,
                None => Ok(()),
            };
            if let Err(problem) = waited {
                reply = problem.render(Some("r"), &exchange.id);
            }
            part.response(exchange, &mut reply);
        }
        reply
    }
}

/// The bytes of a body.
pub async fn bytes(body: crate::http::Body) -> Vec<u8> {
    use http_body_util::BodyExt;
    body.collect().await.unwrap().to_bytes().to_vec()
}

/// A caller with `claim.sub` and `claim.role`, and without `claim.email`.
pub fn caller(exchange: &mut Exchange, sub: &str, role: &str) {
    use crate::http::{Attribute, Identity};
    let attributes = Box::from([Attribute::Text(sub.into()), Attribute::Text(role.into()), Attribute::Missing]);
    exchange.identities.push(Arc::new(Identity { auth: 0, attributes }));
}
