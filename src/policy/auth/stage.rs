//! A route's auths, asked. Fast where it can be: only a password that is not remembered makes a request wait.

use super::Mode;
use super::runtime::{Runtime, Verdict};
use crate::http::{Exchange, Identity, Problem};
use crate::policy::stage::{Flow, OnRequest};
use http::StatusCode;
use http::header::WWW_AUTHENTICATE;
use smallvec::SmallVec;
use std::sync::Arc;
use std::time::Duration;

/// When to come back when too many passwords are being checked.
const BUSY: Duration = Duration::from_secs(1);

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

    fn settle(&self, exchange: &mut Exchange, verdicts: Verdicts) -> Flow<'static> {
        let mut known: SmallVec<[Arc<Identity>; 1]> = SmallVec::new();
        let mut refusal = None;
        let mut busy = false;
        let (asked, mut absent) = (self.auths.len(), 0);
        for (verdict, auth) in verdicts.into_iter().zip(&self.auths) {
            match verdict {
                Verdict::Known(identity) => known.push(identity),
                Verdict::Refused(why) => refusal = refusal.or(Some(why)),
                Verdict::Busy | Verdict::Pending(_) => busy = true,
                Verdict::Absent => {
                    absent += 1;
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
            return Flow::Next;
        }
        Flow::Refuse(if busy {
            Problem::new(StatusCode::SERVICE_UNAVAILABLE, "too many passwords are being checked").retry_after(BUSY)
        } else {
            self.unauthorized(refusal)
        })
    }

    fn unauthorized(&self, refusal: Option<&'static str>) -> Problem {
        let problem = Problem::new(StatusCode::UNAUTHORIZED, refusal.unwrap_or("the request does not say who it comes from"));
        let mut challenges: SmallVec<[_; 2]> = SmallVec::new();
        for auth in &self.auths {
            let challenge = auth.challenge(refusal.is_some());
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
        let verdicts: Verdicts = self.auths.iter().map(|auth| auth.judge(&exchange.request, now)).collect();
        if !verdicts.iter().any(|verdict| matches!(verdict, Verdict::Pending(_))) {
            return self.settle(exchange, verdicts);
        }
        Flow::Wait(Box::pin(async move {
            let mut settled = Verdicts::new();
            for verdict in verdicts {
                settled.push(match verdict {
                    Verdict::Pending(check) => check.run().await,
                    other => other,
                });
            }
            self.settle(exchange, settled)
        }))
    }
}
