//! A request's way through its pipeline: which route takes it, why the others do not, and what every statement in force
//! made of it, with the line it stands on. The same for `gate trace` and for the request on which a test failed.

mod changes;
mod heard;
mod rivals;
mod stages;
mod tracer;

use super::answer::Answer;
use super::ask::{Ask, Read};
use super::asked::Asked;
use super::caller::Caller;
use super::in_virtual_time;
use super::rig::Rig;
use crate::http::h1::Refusal;
use crate::ir::Program;
use crate::policy::auth;
use crate::server::drive_watched;
use crate::upstream::script::Received;
use http::header::LOCATION;
use serde::{Serialize, Serializer};
use std::net::IpAddr;
use tracer::Tracer;

/// The stage before a request is one, or is the gateway's own to answer.
const ACCEPT: &str = "accept";

/// A request's way through the pipeline.
#[derive(Debug, Clone, Serialize)]
pub struct Trace {
    /// The route that took it.
    pub route: Option<String>,
    /// The reply's status; none when no answer came.
    pub status: Option<u16>,
    /// The request.
    pub request: Sent,
    /// The other routes, those that came closest first.
    pub rivals: Vec<Rival>,
    /// What the stages made of it, in the order they run.
    pub stages: Vec<Stage>,
    /// The upstream that was called.
    pub upstream: Option<String>,
    /// How many attempts were made.
    pub attempts: u32,
    /// The limit that refused.
    pub limited_by: Option<String>,
    /// The cache's verdict.
    pub cache: Option<&'static str>,
    /// What the upstream got: the last request, where there were several.
    pub sent: Option<Passed>,
}

/// A request as a report shows it.
#[derive(Debug, Clone, Serialize)]
pub struct Sent {
    /// The method.
    pub method: String,
    /// The target as written.
    pub target: String,
    /// The host in lower case, without the port.
    pub host: String,
    /// Where it comes from.
    pub from: IpAddr,
    /// Its fields; what a credential says is left out.
    #[serde(serialize_with = "fields")]
    pub headers: Vec<(String, String)>,
}

/// A request as an upstream got it.
#[derive(Debug, Clone, Serialize)]
pub struct Passed {
    /// The upstream.
    pub upstream: String,
    /// The method.
    pub method: String,
    /// Path and query.
    pub path: String,
    /// Its fields; secrets by their names.
    #[serde(serialize_with = "fields")]
    pub headers: Vec<(String, String)>,
}

/// A route that does not take the request.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Rival {
    /// Its name.
    pub route: String,
    /// Where it stands, as `file:line`.
    pub place: String,
    /// Why not.
    pub why: String,
}

/// What a statement, or a stage as a whole, made of the request.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Stage {
    /// The stage's name.
    pub stage: &'static str,
    /// What became of the request there.
    pub verdict: Verdict,
    /// Where the statement stands, as `file:line`; none for what no statement says.
    pub place: Option<String>,
    /// The statement as written; empty where there is none.
    pub statement: String,
    /// What it did, or why; empty where there is no more to say.
    pub detail: String,
}

/// What becomes of a request at a stage.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    /// It goes on.
    Pass,
    /// It is refused here.
    Refuse,
    /// It is answered here.
    Answer,
    /// It was answered or refused before.
    NotReached,
}

impl Verdict {
    /// As a report writes it.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Pass => "pass",
            Self::Refuse => "refuse",
            Self::Answer => "answer",
            Self::NotReached => "not reached",
        }
    }
}

/// Traces a request under a policy: fresh state, made-up secrets, upstreams that answer from their stubs.
///
/// # Errors
/// When what is asked cannot be sent, or is nothing that the policy's auths declare.
pub fn trace(program: &Program, ask: &Ask) -> Result<Trace, String> {
    auth::install_crypto();
    in_virtual_time(async {
        let rig = Rig::new(program)?;
        let asked = match ask.read(&rig.engine.plan.settings, &rig.door(&ask.url, ask.listener.as_deref())?)? {
            Read::Asked(asked) => *asked,
            Read::Refused(refusal) => return Ok(refused(ask, refusal, &rig)),
        };
        let caller = Caller::known(ask.claims.clone(), ask.key.clone(), ask.user.as_deref());
        let asked = rig.identified(asked, &caller)?;
        let (_, mut trace) = traced(&rig, &asked).await;
        if trace.stages.first().is_none_or(|first| first.stage != ACCEPT) {
            let accepted = "one request with one reading, within the gateway's limits".to_owned();
            trace.stages.insert(0, Stage::of_gateway(ACCEPT, Verdict::Pass, accepted));
        }
        Ok(trace)
    })?
}

/// Drives a request and traces it; the answer as it would have been without.
pub(super) async fn traced(rig: &Rig<'_>, asked: &Asked) -> (Result<Answer, String>, Trace) {
    let mut tracer = Tracer::new(rig, asked);
    let driving = async {
        let driven = drive_watched(&rig.engine, asked.arrival(), &mut tracer).await;
        tracer.ended(&driven);
        driven
    };
    let answer = rig.answer(driving, asked.is_head()).await;
    let found = answer.as_ref().ok();
    let text = |name: &Option<std::sync::Arc<str>>| name.as_deref().map(str::to_owned);
    let trace = Trace {
        route: found.and_then(|answer| text(&answer.route)),
        status: found.map(|answer| answer.status.as_u16()),
        request: asked.sent(rig),
        rivals: tracer.rivals(),
        stages: match found {
            Some(answer) if answer.stage == ACCEPT => vec![sent_elsewhere(answer, rig)],
            Some(_) | None => tracer.stages(found),
        },
        upstream: found.and_then(|answer| text(&answer.upstream)),
        attempts: found.map_or(0, |answer| answer.attempts),
        limited_by: found.and_then(|answer| text(&answer.limited_by)),
        cache: found.and_then(|answer| answer.cache),
        sent: found.and_then(|answer| answer.passed_on()).map(|received| passed(received, rig)),
    };
    (answer, trace)
}

/// What the listener answers to every request.
fn sent_elsewhere(answer: &Answer, rig: &Rig<'_>) -> Stage {
    let location = rig.shown(answer.headers.get(LOCATION).and_then(|location| location.to_str().ok()).unwrap_or_default());
    let detail = format!("{}: this listener sends every request to https, this one to `{location}`", answer.status.as_u16());
    Stage::of_gateway(ACCEPT, Verdict::Answer, detail)
}

/// A request that the reader of sockets refuses: no stage behind it ever sees it.
fn refused(ask: &Ask, refusal: Refusal, rig: &Rig<'_>) -> Trace {
    Trace {
        route: None,
        status: Some(refusal.status.as_u16()),
        request: Sent {
            method: ask.method.clone(),
            target: rig.shown(&ask.url),
            host: String::new(),
            from: ask.client_ip.unwrap_or(super::rig::CLIENT),
            headers: Vec::new(),
        },
        rivals: Vec::new(),
        stages: vec![Stage::of_gateway(ACCEPT, Verdict::Refuse, refusal.detail.to_owned())],
        upstream: None,
        attempts: 0,
        limited_by: None,
        cache: None,
        sent: None,
    }
}

fn passed(received: &Received, rig: &Rig<'_>) -> Passed {
    let query = received.query.as_ref().map_or_else(String::new, |query| format!("?{query}"));
    let fields = received.headers.iter().map(|(name, value)| (name.to_string(), rig.shown_field(name, value)));
    Passed {
        upstream: received.upstream.to_string(),
        method: received.method.to_string(),
        path: rig.shown(&format!("{}{query}", received.path)),
        headers: fields.collect(),
    }
}

/// Fields as an object; several of one name are one list (RFC 9110 §5.3).
fn fields<S: Serializer>(headers: &[(String, String)], serializer: S) -> Result<S::Ok, S::Error> {
    let mut object = serde_json::Map::new();
    for (name, value) in headers {
        let joined = match object.get(name).and_then(serde_json::Value::as_str) {
            Some(before) => format!("{before}, {value}"),
            None => value.clone(),
        };
        object.insert(name.clone(), joined.into());
    }
    object.serialize(serializer)
}

impl Stage {
    /// What the gateway does by itself.
    fn of_gateway(stage: &'static str, verdict: Verdict, detail: String) -> Self {
        Self { stage, verdict, place: None, statement: String::new(), detail }
    }
}
