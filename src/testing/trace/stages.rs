//! The notes of a request's way put in the order of the pipeline, with what no note was taken of.

use super::tracer::{Tracer, UNCHANGED};
use super::{Stage, Verdict};
use crate::http::credentials::NOT_SHOWN;
use crate::http::{Attribute, Credentials, UpstreamIndex};
use crate::ir::spell::{self, Speller};
use crate::ir::{Route, Statement, Target};
use crate::lang::eval::{Facts, Scalar};
use crate::lang::expr::Expr;
use crate::policy::Config;
use crate::policy::stage::Place;
use crate::testing::answer::Answer;
use tokio::time::Instant;

/// Where in the pipeline; the order is the order of the pipeline.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum At {
    /// The path is normalised.
    Normalise,
    /// The route is found.
    Match,
    /// The request parts of the route.
    Stage(Place),
    /// The response parts.
    Respond,
}

impl At {
    /// The stage's name.
    pub fn name(self) -> &'static str {
        match self {
            Self::Normalise => "normalise",
            Self::Match => "match",
            Self::Stage(place) => place.name(),
            Self::Respond => "respond",
        }
    }

    /// Where a request has ended, by the name of the stage: several places go by one, so the place that was open tells.
    pub fn ended(name: &str, open: Option<Place>) -> Self {
        open.filter(|open| open.name() == name).map_or_else(|| Self::named(name, false), Self::Stage)
    }

    /// The stage of a name; limits stand at two places under one.
    fn named(name: &str, by_identity: bool) -> Self {
        let wanted = |place: &&Place| place.name() == name && !(by_identity && **place == Place::Limit);
        match name {
            "accept" | "normalise" => Self::Normalise,
            "match" => Self::Match,
            _ => Place::ALL.iter().find(wanted).map_or(Self::Respond, |place| Self::Stage(*place)),
        }
    }

    /// Where a statement that is in force on a route stands.
    pub fn of(statement: &Statement, route: Option<&Route>) -> Self {
        let limits = route.into_iter().flat_map(|route| &route.policies).filter_map(|policy| match policy {
            Config::Limit(limits) => Some(&limits.limits),
            _ => None,
        });
        let name = statement.name.as_deref();
        if statement.word == "use" && statement.stage == Place::Hook.name() {
            return Self::Stage(Place::Hook);
        }
        let by_identity = statement.word == "limit" && limits.flatten().any(|limit| limit.by_identity && Some(limit.name.as_str()) == name);
        Self::named(&statement.stage, by_identity)
    }
}

/// A stage, and which of the statements in force it is of.
pub struct Note {
    pub at: At,
    pub of: Option<usize>,
    pub stage: Stage,
}

impl Note {
    /// What a statement, or a line of it, let pass.
    pub fn of(index: usize, at: At, statement: &Statement, detail: String) -> Self {
        let (place, statement) = (Some(statement.place.clone()), statement.text.clone());
        Self { at, of: Some(index), stage: Stage { stage: at.name(), verdict: Verdict::Pass, place, statement, detail } }
    }
}

/// True for a line about a field.
pub fn written_is(line: &Statement, field: &str) -> bool {
    line.name.as_deref().is_some_and(|name| match name.strip_suffix('*') {
        Some(prefix) => field.get(..prefix.len()).is_some_and(|start| start.eq_ignore_ascii_case(prefix)),
        None => name.eq_ignore_ascii_case(field),
    })
}

/// Everything in the order of the pipeline.
pub fn stages(tracer: &Tracer<'_>, answer: Option<&Answer>) -> Vec<Stage> {
    let mut all: Vec<(At, Stage)> = tracer.notes.iter().map(|note| (note.at, note.stage.clone())).collect();
    let reached = |at: At| at == At::Respond || tracer.end.stopped.is_none_or(|stopped| at <= stopped);
    let passing = |at: At| if reached(at) { Verdict::Pass } else { Verdict::NotReached };
    if let Some(route) = tracer.route {
        target(tracer, route, &passing, answer, &mut all);
    }
    for (index, statement) in tracer.statements.iter().enumerate() {
        let at = tracer.at(index);
        // What a call may take is shown with the upstream it is for.
        let elsewhere = statement.word == "timeout" || tracer.notes.iter().any(|note| note.of == Some(index));
        if elsewhere {
            continue;
        }
        if at == At::Respond {
            respond(tracer, statement, &mut all);
        } else {
            let detail = match statement.word.as_str() {
                "public" => "anyone may call",
                "cors" if passing(at) == Verdict::Pass => "this is no preflight",
                _ => "",
            };
            all.push((at, stage(at, passing(at), statement, detail.to_owned())));
        }
    }
    if let Some(answer) = answer {
        all.push((At::Respond, Stage::of_gateway("respond", Verdict::Pass, format!("status {}", answer.status.as_u16()))));
        all.extend(unsaid(tracer).map(|detail| (At::Respond, Stage::of_gateway("respond", Verdict::Pass, detail))));
    }
    // Stable: statements of one stage stay in the order they hold.
    all.sort_by_key(|(at, _)| *at);
    all.into_iter().map(|(_, stage)| stage).collect()
}

fn stage(at: At, verdict: Verdict, statement: &Statement, detail: String) -> Stage {
    Stage { stage: at.name(), verdict, place: Some(statement.place.clone()), statement: statement.text.clone(), detail }
}

/// The upstreams that a route calls, and how.
fn target(tracer: &Tracer<'_>, route: &Route, passing: &dyn Fn(At) -> Verdict, answer: Option<&Answer>, all: &mut Vec<(At, Stage)>) {
    let program = tracer.rig.program;
    let mut called: Vec<UpstreamIndex> = route.policies.iter().flat_map(Config::upstreams).collect();
    if let Target::Upstream(index) = route.target {
        let at = At::Stage(Place::Target);
        let stopped_here = tracer.notes.iter().any(|note| note.at == at);
        if !stopped_here && let Some(config) = program.upstreams.get(usize::from(index.0)) {
            let (place, statement) = (Some(route.place.clone()), format!("-> {}", config.name));
            all.push((at, Stage { stage: at.name(), verdict: passing(at), place, statement, detail: String::new() }));
        }
        called.push(index);
    }
    called.sort_unstable();
    called.dedup();
    let at = At::Stage(Place::Call);
    for index in called {
        let Some(written) = program.written.upstreams.get(usize::from(index.0)) else { continue };
        let Some(upstream) = tracer.rig.engine.plan.upstreams.get(usize::from(index.0)) else { continue };
        let is_chosen = answer.and_then(|answer| answer.upstream.as_ref()).is_some_and(|name| *name == upstream.name);
        let is_target = route.target == Target::Upstream(index) || is_chosen;
        let (verdict, detail) = match answer {
            Some(answer) if passing(at) == Verdict::Pass && tracer.end.stopped.is_none() && is_target => called_with(tracer, answer),
            Some(answer) => match received(&upstream.name, answer) {
                nothing if nothing.is_empty() && answer.upstream.is_some() => (Verdict::NotReached, nothing),
                got => (passing(at), got),
            },
            None => (passing(at), String::new()),
        };
        all.push((at, stage(at, verdict, written, detail)));
        let said = |detail: String| if passing(at) == Verdict::Pass { detail } else { String::new() };
        for clause in written.clauses.iter().filter(|clause| clause.word == "breaker") {
            let health = upstream.health(Instant::now());
            all.push((at, stage(at, passing(at), clause, said(format!("{} after this request", health.breaker.unwrap_or("none"))))));
        }
        let own = tracer.statements.iter().rev().map(|statement| &**statement);
        let times = own.chain(written.clauses.iter().rev()).find(|statement| statement.word == "timeout");
        let in_force = tracer.timeouts(index).unwrap_or_default();
        all.push((
            at,
            match times {
                Some(times) => stage(at, passing(at), times, said(in_force)),
                None => Stage::of_gateway(at.name(), passing(at), format!("by default, timeout {in_force}")),
            },
        ));
    }
}

/// How the call of the route's own upstream ended.
fn called_with(tracer: &Tracer<'_>, answer: &Answer) -> (Verdict, String) {
    let attempts = if answer.attempts == 1 { "1 attempt".to_owned() } else { format!("{} attempts", answer.attempts) };
    match &tracer.end.refusal {
        Some(refusal) => (Verdict::Refuse, format!("{}: {refusal}; {attempts}", answer.status.as_u16())),
        None => (Verdict::Answer, format!("answers {}, {attempts}", answer.status.as_u16())),
    }
}

fn received(upstream: &str, answer: &Answer) -> String {
    let got = answer.received.iter().filter(|received| *received.upstream == *upstream);
    let got = got.map(|received| format!("got {} {}", received.method, received.path));
    got.collect::<Vec<_>>().join("; ")
}

/// A statement of the response: its lines with what they changed.
fn respond(tracer: &Tracer<'_>, statement: &Statement, all: &mut Vec<(At, Stage)>) {
    if statement.word != "response" {
        all.push((At::Respond, stage(At::Respond, Verdict::Pass, statement, String::new())));
        return;
    }
    for line in &statement.clauses {
        let about = tracer.end.changes.iter().find(|change| written_is(line, change.name.as_str()));
        let detail = about.map_or_else(|| UNCHANGED.to_owned(), |change| change.says.clone());
        all.push((At::Respond, stage(At::Respond, Verdict::Pass, line, detail)));
    }
}

/// What the response parts changed that no line of a `response` says.
fn unsaid<'t>(tracer: &'t Tracer<'_>) -> impl Iterator<Item = String> + 't {
    let lines = || tracer.statements.iter().filter(|statement| statement.word == "response").flat_map(|statement| &statement.clauses);
    let unsaid = tracer.end.changes.iter().filter(move |change| !lines().any(|line| written_is(line, change.name.as_str())));
    unsaid.map(|change| format!("`{}` {}", change.name, change.says))
}

/// What a condition asks for, each with its value: `claim.role is "user"`.
pub fn values(condition: &Expr, (speller, credentials): (Speller<'_>, &Credentials), facts: Facts<'_>) -> String {
    let asked = condition.references().into_iter().map(|reference| {
        let expr = Expr::Ref(reference.clone());
        let value = if reference.is_credential(credentials) { NOT_SHOWN.to_owned() } else { scalar(&expr.eval(facts)) };
        format!("{} is {value}", speller.reference(reference))
    });
    asked.collect::<Vec<_>>().join(", ")
}

fn scalar(value: &Scalar<'_>) -> String {
    match value {
        Scalar::Missing => "missing".to_owned(),
        Scalar::Text(text) => format!("{text:?}"),
        Scalar::Set(members) => set(members),
        Scalar::Const(constant) => spell::value(constant),
        Scalar::Duration(time) => spell::duration(*time),
        Scalar::Bool(_) | Scalar::Int(_) | Scalar::Ip(_) => value.as_text().map(|text| text.into_owned()).unwrap_or_default(),
    }
}

/// A value of an identity.
pub fn attribute(attribute: &Attribute) -> String {
    match attribute {
        Attribute::Missing => "missing".to_owned(),
        Attribute::Bool(truth) => truth.to_string(),
        Attribute::Int(number) => number.to_string(),
        Attribute::Text(text) => format!("{text:?}"),
        Attribute::Set(members) => set(members),
    }
}

fn set(members: &[std::sync::Arc<str>]) -> String {
    format!("[{}]", members.iter().map(|member| format!("{member:?}")).collect::<Vec<_>>().join(", "))
}
