//! A test's steps, one after the other, up to the first that fails.

use super::answer::Answer;
use super::asked::Asked;
use super::caller::Caller;
use super::judge::{Unmet, compare, judge};
use super::{BEGINS_AT, Failure, SEED, Sent};
use crate::compile::{Compiled, Compiler, MadeUp};
use crate::http::{Clock, UpstreamIndex};
use crate::ir::Program;
use crate::ir::script::{Action, Comparison, Expectation, Reply, Request, Step, Test};
use crate::policy::auth::Runtime;
use crate::policy::limit::{Limiter, STATE};
use crate::server::drive::route_of;
use crate::server::{Engine, drive};
use crate::upstream::Upstream;
use crate::upstream::script::{Act, Scene, Scripted};
use bytes::Bytes;
use http::{HeaderMap, HeaderValue, StatusCode, header};
use parking_lot::Mutex;
use std::collections::VecDeque;
use std::net::{IpAddr, Ipv4Addr};
use std::sync::Arc;
use std::time::Duration;
use tokio::time::Instant;

/// Where requests come from where a test does not say (TEST-NET-1, RFC 5737).
const CLIENT: IpAddr = IpAddr::V4(Ipv4Addr::new(192, 0, 2, 1));
/// Longest virtual time for one answer: what waits for nothing that will come ends here.
const ANSWER_MAX: Duration = Duration::from_hours(24);

/// Plays a test; `requests` counts those it makes. The step that failed, if one did.
pub async fn play(program: &Program, test: &Test, requests: &mut u64) -> Option<Failure> {
    let mut compiler = Compiler::new();
    let clock = Clock::at(BEGINS_AT);
    let compiled = match compiler.compile(program, &MadeUp::for_tests(SEED), clock) {
        Ok(compiled) => compiled,
        Err(errors) => {
            let errors: Vec<String> = errors.iter().map(ToString::to_string).collect();
            return Some(Failure::unable(&test.place, errors.join("; ")));
        }
    };
    let mut stage = Stage::new(program, &compiler, compiled, clock);
    for (number, step) in test.steps.iter().enumerate() {
        let rest = test.steps.get(number + 1..).unwrap_or_default();
        let done = stage.step(&step.action, rest).await;
        *requests = stage.requests;
        if let Err(trouble) = done {
            return Some(trouble.of(step));
        }
    }
    None
}

/// What a test plays on.
struct Stage<'p> {
    program: &'p Program,
    compiler: &'p Compiler,
    engine: Arc<Engine<Scripted>>,
    runtimes: Vec<Option<Arc<Runtime>>>,
    caller: Caller,
    headers: Vec<(String, String)>,
    ip: IpAddr,
    requests: u64,
    last: Option<Last>,
}

/// The last request.
struct Last {
    sent: Sent,
    answer: Answer,
    /// What is expected of its answers, judged when they came, in the order of the steps.
    verdicts: VecDeque<Result<(), Box<Trouble>>>,
}

/// Why a step failed.
enum Trouble {
    /// It cannot be carried out.
    Impossible(String),
    /// What it expects does not hold.
    Unmet { unmet: Unmet, sent: Option<Sent>, answer: Option<Box<Answer>> },
}

impl From<String> for Trouble {
    fn from(why: String) -> Self {
        Self::Impossible(why)
    }
}

impl Trouble {
    fn of(self, step: &Step) -> Failure {
        let (place, text) = (step.place.clone(), step.text.clone());
        match self {
            Self::Impossible(why) => Failure { step: text, ..Failure::unable(&place, why) },
            Self::Unmet { unmet, sent, answer } => Failure {
                place,
                step: text,
                expected: Some(unmet.expected),
                actual: unmet.actual,
                request: sent,
                trace: answer.map(|answer| answer.trace()),
            },
        }
    }
}

impl<'p> Stage<'p> {
    fn new(program: &'p Program, compiler: &'p Compiler, compiled: Compiled, clock: Clock) -> Self {
        let engine = Engine {
            plan: Arc::new(compiled.plan),
            transport: Arc::new(Scripted::recording()),
            clock,
            random: Arc::new(Mutex::new(fastrand::Rng::with_seed(SEED))),
        };
        Self {
            program,
            compiler,
            engine: Arc::new(engine),
            runtimes: compiled.auths,
            caller: Caller::default(),
            headers: Vec::new(),
            ip: CLIENT,
            requests: 0,
            last: None,
        }
    }

    async fn step(&mut self, action: &Action, rest: &[Step]) -> Result<(), Trouble> {
        match action {
            Action::Claims(rows) => self.caller.claims(rows)?,
            Action::Key(rows) => self.caller.key(rows)?,
            Action::User(name) => self.caller.user(name),
            Action::ClientIp(ip) => self.ip = *ip,
            Action::Header(name, value) => {
                self.headers.retain(|(known, _)| !known.eq_ignore_ascii_case(name));
                self.headers.push((name.clone(), value.clone()));
            }
            Action::Replies(upstream, reply) => self.add(*upstream, replies(reply)?)?,
            Action::Refuses(upstream, times) => self.add(*upstream, Scene { act: Act::Refuse, times: *times })?,
            Action::OnlyLimit(name) => {
                for limiter in self.compiler.state::<Limiter>(STATE) {
                    limiter.silence(**limiter.name() != **name);
                }
            }
            Action::Request(request) => self.request(request, rest).await?,
            // Slept, not jumped: what is due in between happens in its own time.
            Action::Advance(time) => tokio::time::sleep(*time).await,
            Action::Expect(Expectation::Breaker(upstream, how, state)) => self.breaker(*upstream, *how, state)?,
            Action::Expect(_) => self.expect()?,
        }
        Ok(())
    }

    fn upstream(&self, index: UpstreamIndex) -> Result<&Arc<Upstream>, Trouble> {
        let found = self.engine.plan.upstreams.get(usize::from(index.0));
        found.ok_or_else(|| Trouble::Impossible("there is no such upstream".to_owned()))
    }

    fn add(&self, upstream: UpstreamIndex, scene: Scene) -> Result<(), Trouble> {
        self.engine.transport.add(&self.upstream(upstream)?.name, scene);
        Ok(())
    }

    /// Makes a request as often as it is wanted. What later steps expect of its answers is judged as they come, so that no
    /// more than one answer is kept.
    async fn request(&mut self, request: &Request, rest: &[Step]) -> Result<(), Trouble> {
        let asked = self.asked(request)?;
        let sent = asked.sent();
        let expectations: Vec<&Expectation> = rest
            .iter()
            .map(|step| &step.action)
            .take_while(|action| !matches!(action, Action::Request(_)))
            .filter_map(|action| match action {
                Action::Expect(expectation) if !matches!(expectation, Expectation::Breaker(..)) => Some(expectation),
                _ => None,
            })
            .collect();
        let mut verdicts: VecDeque<Result<(), Box<Trouble>>> = expectations.iter().map(|_| Ok(())).collect();
        let mut last = None;
        for number in 1..=request.times {
            let answer = self.answer(&asked).await?;
            for (verdict, expectation) in verdicts.iter_mut().zip(&expectations).filter(|(verdict, _)| verdict.is_ok()) {
                *verdict = judge(expectation, &answer).map_err(|mut unmet| {
                    if request.times > 1 {
                        unmet.actual.push_str(&format!(" (reply {number} of {})", request.times));
                    }
                    Box::new(Trouble::Unmet { unmet, sent: Some(sent.clone()), answer: Some(Box::new(answer.clone())) })
                });
            }
            last = Some(answer);
        }
        self.last = last.map(|answer| Last { sent, answer, verdicts });
        Ok(())
    }

    /// The request with the caller's credentials for the route that will take it.
    fn asked(&self, request: &Request) -> Result<Asked, String> {
        let listener = self.engine.plan.settings.listeners.first().map_or_else(|| "".into(), |listener| Arc::clone(&listener.name));
        let asked = Asked::new(request, &self.headers, self.ip, listener)?;
        let route = route_of(&self.engine, asked.arrival()).and_then(|route| self.program.routes.get(route));
        let Some(route) = route else { return Ok(asked) };
        let credentials = self.caller.credentials(route, self.program, &self.runtimes, self.engine.clock.now())?;
        Ok(asked.with(credentials))
    }

    async fn answer(&mut self, asked: &Asked) -> Result<Answer, Trouble> {
        self.requests += 1;
        let answered = async {
            let driven = drive(&self.engine, asked.arrival()).await;
            Answer::read(driven, self.program, &self.engine.plan, asked.is_head()).await
        };
        let mut answer = tokio::time::timeout(ANSWER_MAX, answered).await.map_err(|_| "no answer came within a day".to_owned())?;
        answer.received = self.engine.transport.take_received().pop();
        Ok(answer)
    }

    fn expect(&mut self) -> Result<(), Trouble> {
        let verdict = self.last.as_mut().and_then(|last| last.verdicts.pop_front());
        match verdict {
            Some(verdict) => verdict.map_err(|trouble| *trouble),
            None => Err(Trouble::Impossible("no request was made before".to_owned())),
        }
    }

    fn breaker(&self, upstream: UpstreamIndex, how: Comparison, state: &str) -> Result<(), Trouble> {
        let health = self.upstream(upstream)?.health(Instant::now());
        let what = format!("breaker {}", health.name);
        compare(&what, how, Some(state), health.breaker).map_err(|unmet| {
            let last = self.last.as_ref();
            Trouble::Unmet { unmet, sent: last.map(|last| last.sent.clone()), answer: last.map(|last| Box::new(last.answer.clone())) }
        })
    }
}

fn replies(reply: &Reply) -> Result<Scene, String> {
    let status = StatusCode::from_u16(reply.status).map_err(|_| format!("{} is no status", reply.status))?;
    let mut headers = HeaderMap::new();
    if let Some((media_type, _)) = &reply.body {
        let value = HeaderValue::from_str(media_type).map_err(|_| format!("`{media_type}` is no media type"))?;
        headers.insert(header::CONTENT_TYPE, value);
    }
    let body = reply.body.as_ref().map(|(_, text)| Bytes::copy_from_slice(text.as_bytes()));
    Ok(Scene { act: Act::Reply { status, headers, body, after: reply.after }, times: reply.times })
}
