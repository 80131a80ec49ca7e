//! Looks on while a request goes through its pipeline, and notes what every statement made of it.

use super::changes::{Change, changes};
use super::heard::{self, Heard};
use super::rivals::rivals;
use super::stages::{At, Note, written_is};
use super::{Rival, Stage, Verdict};
use crate::http::credentials::NOT_SHOWN;
use crate::http::{Exchange, Problem, Reply, Source};
use crate::ir::spell::{self, Speller};
use crate::ir::{Route, Statement};
use crate::lang::eval::{self, Facts};
use crate::policy::clear::Clear;
use crate::policy::stage::{Account, OnRequest, Place};
use crate::policy::{Config, Of, auth};
use crate::server::{Driven, Watch};
use crate::testing::answer::Answer;
use crate::testing::asked::Asked;
use crate::testing::rig::Rig;
use http::header::ACCESS_CONTROL_REQUEST_METHOD;
use http::{HeaderMap, StatusCode};
use std::sync::Arc;

/// Looks on and takes notes.
pub struct Tracer<'t> {
    pub(super) rig: &'t Rig<'t>,
    /// Path and query as they were sent.
    target: String,
    pub(super) route: Option<&'t Route>,
    pub(super) statements: &'t [Arc<Statement>],
    pub(super) notes: Vec<Note>,
    open: Option<Open>,
    rivals: Vec<Rival>,
    pub(super) end: End,
}

/// The place whose parts are running.
struct Open {
    place: Place,
    headers: HeaderMap,
    target: String,
    accounts: Vec<Account>,
}

/// How the request ended.
#[derive(Default)]
pub struct End {
    /// Where, when it was not the target.
    pub stopped: Option<At>,
    /// Why the gateway itself refused or failed.
    pub refusal: Option<String>,
    /// The fields of the answer before the response parts.
    pub headers: HeaderMap,
    /// What the response parts changed.
    pub changes: Vec<Change>,
}

impl<'t> Tracer<'t> {
    pub fn new(rig: &'t Rig<'t>, asked: &Asked) -> Self {
        // Other requests of the same test may have gone before.
        rig.hooks.iter().for_each(|hook| hook.forget());
        let target = asked.target().to_string();
        let (notes, rivals) = (Vec::new(), Vec::new());
        Self { rig, target, route: None, statements: &[], notes, open: None, rivals, end: End::default() }
    }

    /// The request has been answered and its response shaped.
    pub fn ended(&mut self, driven: &Driven) {
        self.end.changes = changes(&self.end.headers, &driven.reply.headers, self.rig);
        self.heard(At::Respond, heard::of_reply(self));
    }

    pub fn rivals(&mut self) -> Vec<Rival> {
        std::mem::take(&mut self.rivals)
    }

    /// Everything noted, in the order of the pipeline, with what no note was taken of.
    pub fn stages(&self, answer: Option<&Answer>) -> Vec<Stage> {
        super::stages::stages(self, answer)
    }

    fn note(&mut self, at: At, verdict: Verdict, place: Option<&str>, statement: String, detail: String) {
        let place = place.map(str::to_owned);
        self.notes.push(Note { at, of: None, stage: Stage { stage: at.name(), verdict, place, statement, detail } });
    }

    /// Notes what one of the statements in force made of the request.
    fn note_of(&mut self, of: usize, at: At, verdict: Verdict, detail: String) {
        let Some(statement) = self.statements.get(of) else { return };
        let stage = Stage { stage: at.name(), verdict, place: Some(statement.place.clone()), statement: statement.text.clone(), detail };
        self.notes.push(Note { at, of: Some(of), stage });
    }

    /// The statements with one of these words, by their index.
    fn with(&self, words: &[&str]) -> Vec<usize> {
        let statements = self.statements;
        let fitting = statements.iter().enumerate().filter(|(_, statement)| words.contains(&statement.word.as_str()));
        fitting.map(|(index, _)| index).collect()
    }

    /// What hooks said.
    fn heard(&mut self, at: At, heard: Vec<Heard>) {
        for Heard { statement, verdict, detail } in heard {
            self.note_of(statement, at, verdict, detail);
        }
    }

    /// The path as it was sent, and what became of it.
    fn normalised(&mut self, exchange: &Exchange) {
        let (sent, normal) = (self.rig.shown(&self.target), self.rig.shown(exchange.request.target.as_str()));
        let detail = if sent == normal { format!("`{normal}`, as it was sent") } else { format!("`{sent}` is `{normal}`") };
        self.note(At::Normalise, Verdict::Pass, None, String::new(), detail);
    }

    fn matched(&mut self, route: &Route, exchange: &Exchange) {
        let key = &route.key;
        let methods = if key.methods.is_any() { "ANY".to_owned() } else { key.methods.names().collect::<Vec<_>>().join(",") };
        let hosts = key.hosts.iter().map(|host| format!(" host {host}")).collect::<String>();
        let speller = Speller::new(self.rig.program, route);
        let mut details: Vec<String> = Vec::new();
        for (slot, (name, _)) in key.pattern.params().iter().enumerate() {
            details.push(format!("param.{name} is `{}`", exchange.param(slot).unwrap_or_default()));
        }
        if let Some(condition) = &route.predicate {
            let values = super::stages::values(condition, (speller, &self.rig.credentials), Facts::request(exchange));
            details.push(format!("`match {}` holds: {values}", speller.expression(condition)));
        }
        let statement = format!("route {} {methods} {}{hosts}", route.name, key.pattern.text());
        self.note(At::Match, Verdict::Pass, Some(&route.place), statement, details.join("; "));
    }

    /// Takes the notes of the place whose parts have run; `end` is how the last of them ended the request.
    fn close(&mut self, exchange: &Exchange, end: Option<Verdict>) {
        let (Some(open), Some(route)) = (self.open.take(), self.route) else { return };
        match open.place {
            Place::Access => self.rules(&["allow", "deny"], open.place, route, exchange),
            Place::Authorize => self.rules(&["require"], open.place, route, exchange),
            Place::Limit | Place::LimitByIdentity => self.limits(&open, route, exchange),
            Place::Authenticate => self.identities(exchange, end),
            Place::Shape => self.shaped(&open, exchange),
            Place::Hook => self.heard(At::Stage(Place::Hook), heard::of_request(self, end)),
            Place::Preflight | Place::Maintenance | Place::Target | Place::Body | Place::Cache | Place::Call => {}
        }
    }

    /// `allow`, `deny` and `require`: the first that does not let the request through is the last that was asked.
    fn rules(&mut self, words: &[&str], place: Place, route: &Route, exchange: &Exchange) {
        let speller = Speller::new(self.rig.program, route);
        let facts = Facts::request(exchange);
        let decisions = route.policies.iter().flat_map(Config::decisions);
        let rules: Vec<_> = decisions.filter(|rule| rule.at == Some(place) && matches!(rule.of, Of::Rule(..))).collect();
        let mut refused = Clear::of(&route.policies).is_some_and(|clear| clear.refusal(exchange).is_some());
        for (index, rule) in self.with(words).into_iter().zip(rules) {
            let passes = rule.condition.holds(facts);
            let verdict = match (refused, passes) {
                (true, _) => Verdict::NotReached,
                (false, true) => Verdict::Pass,
                (false, false) => Verdict::Refuse,
            };
            let detail = if refused {
                String::new()
            } else {
                let denies = self.statements.get(index).is_some_and(|statement| statement.word == "deny");
                let truth = if passes != denies { "holds" } else { "does not hold" };
                match super::stages::values(rule.condition, (speller, &self.rig.credentials), facts) {
                    values if values.is_empty() => truth.to_owned(),
                    values => format!("{truth}: {values}"),
                }
            };
            self.note_of(index, At::Stage(place), verdict, detail);
            refused |= !passes;
        }
    }

    fn limits(&mut self, open: &Open, route: &Route, exchange: &Exchange) {
        let speller = Speller::new(self.rig.program, route);
        let here: Vec<usize> = self.with(&["limit"]).into_iter().filter(|index| self.at(*index) == At::Stage(open.place)).collect();
        for index in here {
            let Some(statement) = self.statements.get(index) else { continue };
            let name = statement.name.as_deref().unwrap_or_default();
            let Some(account) = open.accounts.iter().find(|account| *account.name == *name) else {
                self.note_of(index, At::Stage(open.place), Verdict::NotReached, String::new());
                continue;
            };
            let decisions = route.policies.iter().flat_map(Config::decisions);
            let mut arms = decisions.filter(|arm| matches!(arm.of, Of::Branch("limit", of, _) if of == name));
            let arm = arms.find(|arm| arm.condition.holds(Facts::request(exchange)));
            let arm = arm.map_or_else(String::new, |arm| format!(", by `when {}`", speller.expression(arm.condition)));
            let verdict = if account.passed { Verdict::Pass } else { Verdict::Refuse };
            self.note_of(index, At::Stage(open.place), verdict, format!("{}{arm}", account.says));
        }
    }

    /// Where in the pipeline a statement in force stands.
    pub(super) fn at(&self, statement: usize) -> At {
        self.statements.get(statement).map_or(At::Respond, |statement| At::of(statement, self.route))
    }

    fn identities(&mut self, exchange: &Exchange, end: Option<Verdict>) {
        let Some(index) = self.with(&["auth"]).first().copied() else { return };
        let known = exchange.identities.iter().map(|identity| {
            let declared = self.rig.program.auths.get(usize::from(identity.auth));
            let name = declared.map_or("?", |declared| &declared.name);
            let attributes = declared.into_iter().flat_map(|declared| declared.attributes.iter().zip(identity.attributes.iter()));
            let attributes = attributes.map(|(declared, attribute)| format!("{} {}", declared.name, super::stages::attribute(attribute)));
            format!("`{name}` knows the caller: {}", attributes.collect::<Vec<_>>().join(", "))
        });
        let known: Vec<String> = known.collect();
        let detail = match end {
            Some(_) => self.end.refusal.clone().unwrap_or_default(),
            None if known.is_empty() => "no credential, and none is needed".to_owned(),
            None => known.join("; "),
        };
        self.note_of(index, At::Stage(Place::Authenticate), end.unwrap_or(Verdict::Pass), detail);
    }

    /// Each line with what became of the field it is about, then whatever else changed.
    fn shaped(&mut self, open: &Open, exchange: &Exchange) {
        let mut left = changes(&open.headers, &exchange.request.headers, self.rig);
        let at = At::Stage(Place::Shape);
        let (before, after) = (open.target.as_str(), exchange.request.target.as_str());
        let mut retargeted = (before != after).then(|| format!("`{}` became `{}`", self.rig.shown(before), self.rig.shown(after)));
        let here: Vec<usize> = (0..self.statements.len()).filter(|index| self.at(*index) == at).collect();
        let mut taken = Vec::new();
        for index in here.into_iter().rev() {
            let Some(statement) = self.statements.get(index) else { continue };
            match statement.word.as_str() {
                "request" => taken.extend(statement.clauses.iter().rev().map(|line| {
                    let about = left.iter().position(|change| written_is(line, change.name.as_str()));
                    Note::of(index, at, line, about.map_or_else(|| UNCHANGED.to_owned(), |at| left.remove(at).says))
                })),
                "query" => taken.extend(statement.clauses.iter().rev().map(|line| {
                    let name = line.name.as_deref().unwrap_or_default();
                    Note::of(index, at, line, in_query(name, &open.target, exchange.request.target.as_str(), self.rig))
                })),
                _ => taken.push(Note::of(index, at, statement, retargeted.take().unwrap_or_default())),
            }
        }
        self.notes.extend(taken.into_iter().rev());
        let rest = left.into_iter().map(|change| format!("`{}` {}", change.name, change.says)).chain(retargeted);
        let rest: Vec<String> = rest.collect();
        if !rest.is_empty() {
            self.note(at, Verdict::Pass, None, String::new(), rest.join("; "));
        }
    }
}

/// What is said where a credential is refused that may be valid elsewhere.
const MADE_UP: &str = "secrets are made up here, so no real credential is valid: say who calls by `claims`, `key` or `user`";

/// What a line says that had nothing to do, or whose field another line speaks of.
pub(super) const UNCHANGED: &str = "changes nothing";

/// What became of a parameter of the query.
fn in_query(name: &str, before: &str, after: &str, rig: &Rig<'_>) -> String {
    let of = |target: &str| {
        let (_, query) = target.split_once('?')?;
        eval::query(query, name).map(std::borrow::Cow::into_owned)
    };
    match (of(before), of(after)) {
        (before, after) if before == after => UNCHANGED.to_owned(),
        (_, None) => "removed".to_owned(),
        (_, Some(value)) => {
            let value = rig.secrets.named(&value);
            let shown = if rig.credentials.has_parameter(name) && !value.contains("secret(") { NOT_SHOWN } else { &value };
            format!("set to `{shown}`")
        }
    }
}

impl Watch for Tracer<'_> {
    fn takes(&mut self, route: usize, exchange: &Exchange) {
        self.normalised(exchange);
        let Some(taking) = self.rig.program.routes.get(route) else { return };
        self.route = Some(taking);
        self.statements = self.rig.program.written.of_route(&taking.name);
        self.matched(taking, exchange);
        let method = exchange.request.method.as_str();
        let asked = exchange.request.header(&ACCESS_CONTROL_REQUEST_METHOD).filter(|_| !taking.key.methods.contains(method));
        self.rivals = rivals(self.rig, Some(route), asked.unwrap_or(method), exchange);
    }

    fn before(&mut self, place: Place, exchange: &Exchange) {
        if self.open.as_ref().is_some_and(|open| open.place == place) {
            return;
        }
        self.close(exchange, None);
        let (headers, target) = (exchange.request.headers.clone(), exchange.request.target.to_string());
        self.open = Some(Open { place, headers, target, accounts: Vec::new() });
    }

    fn after(&mut self, _: Place, part: &dyn OnRequest, exchange: &Exchange) {
        if let Some(open) = &mut self.open {
            open.accounts.extend(part.account(exchange));
        }
    }

    fn refused(&mut self, _: &Exchange, problem: &Problem) {
        self.end.refusal = Some(problem.detail.to_string());
    }

    fn answered(&mut self, exchange: &Exchange, reply: &Reply) {
        self.end.headers = reply.headers.clone();
        let open = self.open.as_ref().map(|open| open.place);
        self.end.stopped = exchange.record.stopped.map(|name| At::ended(name, open));
        let verdict = match reply.source {
            Source::Gateway => Verdict::Refuse,
            Source::Upstream | Source::Policy => Verdict::Answer,
        };
        let here = open.is_some_and(|open| Some(At::Stage(open)) == self.end.stopped);
        self.close(exchange, here.then_some(verdict));
        if self.end.stopped == Some(At::Match) {
            self.normalised(exchange);
            self.rivals = rivals(self.rig, None, exchange.request.method.as_str(), exchange);
        }
        if let Some(at) = self.end.stopped {
            self.stop(at, verdict, reply.status.as_u16());
        }
    }
}

impl Tracer<'_> {
    /// The stage that answered or refused says so, if none of its statements has.
    fn stop(&mut self, at: At, verdict: Verdict, status: u16) {
        let detail = match (&self.end.refusal, verdict) {
            (Some(refusal), _) => format!("{status}: {refusal}"),
            (None, _) => format!("{status}"),
        };
        let detail = if self.brought_refused(at, status) { format!("{detail}; {MADE_UP}") } else { detail };
        let ended = |note: &&mut Note| note.at == at && matches!(note.stage.verdict, Verdict::Refuse | Verdict::Answer);
        if let Some(note) = self.notes.iter_mut().find(ended) {
            note.stage.detail = if note.stage.detail.is_empty() || self.end.refusal.as_ref() == Some(&note.stage.detail) {
                detail
            } else {
                format!("{}; {detail}", note.stage.detail)
            };
            return;
        }
        let written =
            (0..self.statements.len()).find(|index| self.at(*index) == at && !self.notes.iter().any(|note| note.of == Some(*index)));
        match written {
            Some(index) => self.note_of(index, at, verdict, detail),
            None => {
                // The route's own line says where it leads.
                let place = self.route.filter(|_| at == At::Stage(Place::Target)).map(|route| route.place.as_str());
                self.note(at, verdict, place, String::new(), detail);
            }
        }
    }

    /// True when the request was refused for a credential that it brought itself: those that are made for it are valid.
    fn brought_refused(&self, at: At, status: u16) -> bool {
        let brought = self.end.refusal.as_ref().is_some_and(|refusal| refusal != auth::ABSENT);
        at == At::Stage(Place::Authenticate) && status == StatusCode::UNAUTHORIZED && brought
    }

    /// What a route is sent to, in the words of the language.
    pub(super) fn timeouts(&self, upstream: crate::http::UpstreamIndex) -> Option<String> {
        let plan = &self.rig.engine.plan;
        let own = self.route.and_then(|route| route.timeouts.iter().find(|(of, _)| *of == upstream)).map(|(_, own)| *own);
        let timeout = own.or_else(|| plan.upstreams.get(usize::from(upstream.0)).map(|upstream| upstream.config.timeout))?;
        let parts = [("connect", timeout.connect), ("attempt", timeout.attempt), ("read", timeout.read), ("total", timeout.total)];
        Some(parts.map(|(name, time)| format!("{name} {}", spell::duration(time))).join("; "))
    }
}
