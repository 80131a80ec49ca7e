//! A test's steps, one after the other, up to the first that fails.

use super::answer::Answer;
use super::asked::Asked;
use super::caller::Caller;
use super::coverage::Coverage;
use super::judge::{Unmet, compare, judge};
use super::rig::{CLIENT, Rig};
use super::trace::{Trace, traced};
use super::{Failure, Played};
use crate::hook;
use crate::http::UpstreamIndex;
use crate::ir::Program;
use crate::ir::script::{Action, Comparison, Expectation, Reply, Request, Step, Test};
use crate::policy::limit::{Limiter, STATE};
use crate::server::{drive, drive_watched};
use crate::upstream::Upstream;
use crate::upstream::script::{Act, Scene};
use bytes::Bytes;
use http::{HeaderMap, HeaderValue, StatusCode, header};
use std::collections::VecDeque;
use std::net::IpAddr;
use std::sync::Arc;
use tokio::time::Instant;

/// What is looked at while a test is played.
pub enum Looking<'c, 'p> {
    /// Nothing but the answers.
    Away,
    /// What the requests reach.
    Coverage(&'c mut Coverage<'p>),
    /// One request on its way.
    Trace {
        /// Its number, from 1.
        request: u64,
        /// Its trace, when it has been made.
        trace: Option<Box<Trace>>,
    },
}

impl Looking<'_, '_> {
    /// The trace that was asked for.
    pub fn trace(self) -> Option<Trace> {
        match self {
            Self::Trace { trace, .. } => trace.map(|trace| *trace),
            Self::Away | Self::Coverage(_) => None,
        }
    }
}

/// Plays a test up to the first step that fails.
pub async fn play<'p>(program: &'p Program, test: &Test, looking: &mut Looking<'_, 'p>) -> Played {
    let rig = match Rig::new(program) {
        Ok(rig) => rig,
        Err(why) => return Played { requests: 0, failure: Some((Failure::unable(&test.place, why), None)) },
    };
    let mut stage = Stage { rig, looking, caller: Caller::default(), headers: Vec::new(), ip: CLIENT, requests: 0, last: None };
    for (number, step) in test.steps.iter().enumerate() {
        let rest = test.steps.get(number + 1..).unwrap_or_default();
        if let Err(trouble) = stage.step(&step.action, rest).await {
            return Played { requests: stage.requests, failure: Some(trouble.of(step)) };
        }
    }
    Played { requests: stage.requests, failure: None }
}

/// What a test plays on.
struct Stage<'s, 'c, 'p> {
    rig: Rig<'p>,
    looking: &'s mut Looking<'c, 'p>,
    caller: Caller,
    headers: Vec<(String, String)>,
    ip: IpAddr,
    requests: u64,
    last: Option<Last>,
}

/// The last request.
struct Last {
    number: u64,
    /// What is expected of its answers, judged when they came, in the order of the steps.
    verdicts: VecDeque<Result<(), Trouble>>,
}

/// Why a step failed.
enum Trouble {
    /// It cannot be carried out.
    Impossible(String),
    /// What it expects of the request of this number does not hold.
    Unmet(Unmet, Option<u64>),
}

impl From<String> for Trouble {
    fn from(why: String) -> Self {
        Self::Impossible(why)
    }
}

impl Trouble {
    fn of(self, step: &Step) -> (Failure, Option<u64>) {
        let (place, text) = (step.place.clone(), step.text.clone());
        match self {
            Self::Impossible(why) => (Failure { step: text, ..Failure::unable(&place, why) }, None),
            Self::Unmet(unmet, about) => {
                (Failure { place, step: text, expected: Some(unmet.expected), actual: unmet.actual, trace: None }, about)
            }
        }
    }
}

impl Stage<'_, '_, '_> {
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
            Action::HookReplies(hook, text) => self.hook(*hook, hook::Answer::read(text.as_bytes()))?,
            Action::HookFails(hook) => self.hook(*hook, Err(hook::Failure::Unreachable("the test says so".to_owned())))?,
            Action::OnlyLimit(name) => {
                for limiter in self.rig.compiler.state::<Limiter>(STATE) {
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
        let found = self.rig.engine.plan.upstreams.get(usize::from(index.0));
        found.ok_or_else(|| Trouble::Impossible("there is no such upstream".to_owned()))
    }

    fn hook(&self, index: u16, said: Result<hook::Answer, hook::Failure>) -> Result<(), Trouble> {
        let found = self.rig.hooks.get(usize::from(index));
        found.ok_or_else(|| Trouble::Impossible("there is no such hook".to_owned()))?.says(said);
        Ok(())
    }

    fn add(&self, upstream: UpstreamIndex, scene: Scene) -> Result<(), Trouble> {
        self.rig.engine.transport.add(&self.upstream(upstream)?.name, scene);
        Ok(())
    }

    /// Makes a request as often as it is wanted. What later steps expect of its answers is judged as they come, so that none
    /// is kept.
    async fn request(&mut self, request: &Request, rest: &[Step]) -> Result<(), Trouble> {
        let asked = self.asked(request)?;
        let expectations: Vec<&Expectation> = rest
            .iter()
            .map(|step| &step.action)
            .take_while(|action| !matches!(action, Action::Request(_)))
            .filter_map(|action| match action {
                Action::Expect(expectation) if !matches!(expectation, Expectation::Breaker(..)) => Some(expectation),
                _ => None,
            })
            .collect();
        let mut verdicts: VecDeque<Result<(), Trouble>> = expectations.iter().map(|_| Ok(())).collect();
        for number in 1..=request.times {
            let answer = self.answer(&asked).await?;
            for (verdict, expectation) in verdicts.iter_mut().zip(&expectations).filter(|(verdict, _)| verdict.is_ok()) {
                *verdict = judge(expectation, &answer).map_err(|mut unmet| {
                    if request.times > 1 {
                        unmet.actual = format!("{} (reply {number} of {})", unmet.actual, request.times);
                    }
                    Trouble::Unmet(unmet, Some(self.requests))
                });
            }
        }
        self.last = Some(Last { number: self.requests, verdicts });
        Ok(())
    }

    /// The request with the caller's credentials for the route that will take it.
    fn asked(&self, request: &Request) -> Result<Asked, String> {
        let asked = Asked::new(request, &self.headers, self.ip, &self.rig.door(&request.target, None)?)?;
        self.rig.identified(asked, &self.caller)
    }

    async fn answer(&mut self, asked: &Asked) -> Result<Answer, Trouble> {
        self.requests += 1;
        let (rig, is_head) = (&self.rig, asked.is_head());
        let answer = match self.looking {
            Looking::Coverage(coverage) => rig.answer(drive_watched(&rig.engine, asked.arrival(), &mut **coverage), is_head).await,
            Looking::Trace { request, trace } if *request == self.requests => {
                let (answer, found) = traced(rig, asked).await;
                *trace = Some(Box::new(found));
                answer
            }
            Looking::Away | Looking::Trace { .. } => rig.answer(drive(&rig.engine, asked.arrival()), is_head).await,
        };
        Ok(answer?)
    }

    fn expect(&mut self) -> Result<(), Trouble> {
        let verdict = self.last.as_mut().and_then(|last| last.verdicts.pop_front());
        match verdict {
            Some(verdict) => verdict,
            None => Err(Trouble::Impossible("no request was made before".to_owned())),
        }
    }

    fn breaker(&self, upstream: UpstreamIndex, how: Comparison, state: &str) -> Result<(), Trouble> {
        let health = self.upstream(upstream)?.health(Instant::now());
        let what = format!("breaker {}", health.name);
        compare(&what, how, Some(state), health.breaker).map_err(|unmet| Trouble::Unmet(unmet, self.last.as_ref().map(|last| last.number)))
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
