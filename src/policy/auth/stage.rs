//! A route's auths, asked. Fast where it can be: only a password that is not remembered, keys that have to be fetched, or a
//! service that has to be asked makes a request wait.

use super::Mode;
use super::remote::forward::Vouched;
use super::runtime::{Failure, Runtime, Verdict};
use crate::http::{Exchange, Identity, Problem};
use crate::policy::stage::{Flow, OnRequest};
use futures_util::future::join_all;
use http::StatusCode;
use http::header::WWW_AUTHENTICATE;
use smallvec::SmallVec;
use std::sync::Arc;
use std::time::Duration;

/// What is said of a request without a credential.
pub const ABSENT: &str = "the request does not say who it comes from";
/// When to come back when nobody can say who the caller is.
const COME_BACK: Duration = Duration::from_secs(1);

type Verdicts = SmallVec<[Verdict; 1]>;

/// Asks the auths of one route.
pub struct Authenticate {
    mode: Mode,
    auths: Vec<Arc<Runtime>>,
}

impl Authenticate {
    /// The auths of a route and how many of them must know the caller.
    #[must_use]
    pub fn new(mode: Mode, auths: Vec<Arc<Runtime>>) -> Self {
        Self { mode, auths }
    }

    fn ask(&self, auth: &Arc<Runtime>, exchange: &Exchange, now: Duration) -> Verdict {
        // A service answers whatever it is asked: where a credential is optional, it is asked about one only.
        if self.mode == Mode::Optional && !auth.is_addressed(&exchange.request) {
            return Verdict::Absent;
        }
        auth.judge(exchange, now)
    }

    fn settle(&self, exchange: &mut Exchange, verdicts: Verdicts) -> Flow<'static> {
        let mut known: SmallVec<[Arc<Identity>; 1]> = SmallVec::new();
        let mut vouched: SmallVec<[Arc<Vouched>; 1]> = SmallVec::new();
        let (mut refusal, mut answer, mut unavailable) = (None, None, None);
        let (asked, mut absent) = (self.auths.len(), 0);
        let mut failures: SmallVec<[(&Runtime, Failure); 1]> = SmallVec::new();
        for (verdict, auth) in verdicts.into_iter().zip(&self.auths) {
            auth.scrub(exchange);
            match verdict {
                Verdict::Known(identity) => known.push(identity),
                Verdict::Vouched(said) => {
                    known.push(Arc::clone(&said.identity));
                    vouched.push(said);
                }
                Verdict::Refused(why) => {
                    failures.push((auth, Failure::Refused));
                    refusal = refusal.or(Some(why));
                }
                Verdict::Answered(reply) => {
                    failures.push((auth, Failure::Refused));
                    answer = answer.or(Some(reply));
                }
                Verdict::Unavailable(why) => {
                    failures.push((auth, Failure::Unavailable));
                    unavailable = unavailable.or(Some(why));
                }
                // One that was not waited for, since another knows the caller.
                Verdict::Waits(_) => {}
                Verdict::Absent => {
                    absent += 1;
                    failures.push((auth, Failure::Absent));
                    continue;
                }
            }
            auth.take_credential(&mut exchange.request);
        }
        let enough = match self.mode {
            Mode::Public { .. } => true,
            Mode::One | Mode::All => known.len() == asked,
            Mode::Any => !known.is_empty(),
            Mode::Optional => known.len() + absent == asked,
        };
        if enough {
            exchange.identities.extend(known);
            for (name, value) in vouched.iter().flat_map(|said| &said.fields) {
                exchange.amend(|fields| {
                    fields.append(name.clone(), value.clone());
                });
            }
            return Flow::Next;
        }
        failures.iter().for_each(|(auth, failure)| auth.failed(*failure));
        if let Some(reply) = answer {
            return Flow::Answer(*reply);
        }
        Flow::Refuse(match unavailable {
            Some(why) => Problem::new(StatusCode::SERVICE_UNAVAILABLE, why).retry_after(COME_BACK),
            None => self.unauthorized(refusal),
        })
    }

    fn unauthorized(&self, refusal: Option<&'static str>) -> Problem {
        let problem = Problem::new(StatusCode::UNAUTHORIZED, refusal.unwrap_or(ABSENT));
        let mut challenges: SmallVec<[_; 2]> = SmallVec::new();
        for challenge in self.auths.iter().filter_map(|auth| auth.challenge(refusal.is_some())) {
            if !challenges.contains(&challenge) {
                challenges.push(challenge);
            }
        }
        challenges.into_iter().fold(problem, |problem, challenge| problem.with(WWW_AUTHENTICATE, challenge))
    }
}

impl OnRequest for Authenticate {
    fn request<'a>(&'a self, exchange: &'a mut Exchange) -> Flow<'a> {
        let now = exchange.clock.at_instant(exchange.started);
        let verdicts: Verdicts = self.auths.iter().map(|auth| self.ask(auth, exchange, now)).collect();
        let waits = verdicts.iter().any(|verdict| matches!(verdict, Verdict::Waits(_)));
        let one_knows = || verdicts.iter().any(|verdict| matches!(verdict, Verdict::Known(_) | Verdict::Vouched(_)));
        if !waits || (self.mode == Mode::Any && one_knows()) {
            return self.settle(exchange, verdicts);
        }
        Flow::Wait(Box::pin(async move {
            let settled = join_all(verdicts.into_iter().map(|verdict| async {
                match verdict {
                    Verdict::Waits(waiting) => waiting.await,
                    known => known,
                }
            }));
            let settled = settled.await.into_iter().collect();
            self.settle(exchange, settled)
        }))
    }
}
