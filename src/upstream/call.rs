//! One call of an upstream: attempts under its breaker, its places, balance and timeouts, each outcome noted; made again
//! where a `retry` says so.

use super::endpoint::{Endpoint, Tried};
use super::replay::Replay;
use super::transport::{Attempt, Transport};
use super::upload::{awaits_client, pass_on, within};
use super::{Upstream, balance, breaker, retry, timeout};
use crate::http::trace::{AttemptSpan, Spans, Trying};
use crate::http::{Affinity, Early, Fault, FaultKind, Forwarding, Outgoing, Reply, Side};
use http::uri::PathAndQuery;
use http::{HeaderMap, HeaderValue, Method};
use parking_lot::Mutex;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;
use tokio::time::Instant;

/// What is in force on a call.
#[derive(Debug, Clone, Copy)]
pub struct Terms<'t> {
    /// How long it may take.
    pub timeouts: timeout::Config,
    /// When it is made again.
    pub retry: Option<&'t retry::Config>,
}

/// What has answered: a reply, and the endpoint it is from.
pub type Answered = (Reply, Option<Arc<Endpoint>>);

/// Calls an upstream; `attempts` counts those that were made.
///
/// # Errors
/// What became of the last attempt: the breaker is open, there is no place, no connection stands, no head comes in time,
/// what comes is no HTTP, or the client's body fails while it is passed on.
pub async fn call<T: Transport>(
    transport: &T,
    upstream: &Upstream,
    terms: Terms<'_>,
    mut outgoing: Outgoing,
    random: &Mutex<fastrand::Rng>,
    attempts: &mut u32,
) -> Result<Answered, Fault> {
    let kept = terms.retry.and_then(|retry| {
        upstream.credit.earn(retry.budget.share);
        retry.repeats(&outgoing.method, &outgoing.headers).then(|| Box::new(Kept::of(retry, &mut outgoing)))
    });
    let mut call = Call { transport, upstream, timeouts: terms.timeouts, random, attempts, end: None };
    // Every connection has room for this: what only some calls need, further attempts and the wait for a place, is boxed.
    let outcome = call.attempt(outgoing, &[], 0).await;
    match &kept {
        Some(kept) if kept.retry.wants(&outcome) => Box::pin(call.again(kept, outcome)).await,
        Some(_) | None => outcome.answered(),
    }
}

/// What became of an attempt.
#[derive(Debug)]
pub struct Outcome {
    /// The head of the response, its body to come.
    pub answer: Result<Reply, Fault>,
    /// Where it was made.
    at: Option<Arc<Endpoint>>,
    /// False when it says nothing of the upstream: the client's doing or the gateway's, or the upstream would not wait for
    /// the client any longer.
    pub tells: bool,
}

impl Outcome {
    fn unmade(fault: Fault) -> Self {
        Self { answer: Err(fault), at: None, tells: false }
    }

    fn answered(self) -> Result<Answered, Fault> {
        self.answer.map(|reply| (reply, self.at))
    }
}

/// A request as it is made again.
struct Kept<'t> {
    retry: &'t retry::Config,
    method: Method,
    target: PathAndQuery,
    authority: HeaderValue,
    headers: HeaderMap,
    forwarding: Option<Forwarding>,
    affinity: Affinity,
    early: Option<Arc<Early>>,
    spans: Option<Arc<Spans>>,
    body: Replay,
}

impl<'t> Kept<'t> {
    fn of(retry: &'t retry::Config, outgoing: &mut Outgoing) -> Self {
        let body = Replay::new(outgoing.body.take());
        outgoing.body = body.body().unwrap_or_default();
        Self {
            retry,
            method: outgoing.method.clone(),
            target: outgoing.target.clone(),
            authority: outgoing.authority.clone(),
            headers: outgoing.headers.clone(),
            forwarding: outgoing.forwarding.clone(),
            affinity: outgoing.affinity,
            early: outgoing.early.clone(),
            spans: outgoing.spans.clone(),
            body,
        }
    }

    fn outgoing(&self) -> Option<Outgoing> {
        Some(Outgoing {
            body: self.body.body()?,
            method: self.method.clone(),
            target: self.target.clone(),
            authority: self.authority.clone(),
            headers: self.headers.clone(),
            forwarding: self.forwarding.clone(),
            affinity: self.affinity,
            early: self.early.clone(),
            spans: self.spans.clone(),
        })
    }
}

/// A call under way.
struct Call<'c, 'u, T> {
    transport: &'c T,
    upstream: &'u Upstream,
    timeouts: timeout::Config,
    random: &'c Mutex<fastrand::Rng>,
    attempts: &'c mut u32,
    /// When `total` is over; not known before the request's body has been passed on.
    end: Option<Instant>,
}

impl<T: Transport> Call<'_, '_, T> {
    /// Makes further attempts as long as they are wanted, allowed and in time; what became of the last one.
    async fn again(&mut self, kept: &Kept<'_>, mut outcome: Outcome) -> Result<Answered, Fault> {
        let (retry, mut tried) = (kept.retry, Tried::new());
        for number in 2..=retry.attempts {
            let now = Instant::now();
            if kept.body.is_whole() {
                self.end.get_or_insert(now + self.timeouts.total);
            }
            let wait = retry.backoff.before(number, self.random);
            if !retry.wants(&outcome) || wait >= self.left(now) || self.is_given_up(now) {
                break;
            }
            let Some(outgoing) = kept.outgoing() else { break };
            if !self.upstream.credit.spend(&retry.budget, now) {
                tracing::debug!(upstream = %self.upstream.name, "the retry budget is spent");
                break;
            }
            tried.extend(outcome.at.take());
            // What it holds, a connection and a place, is for others while this call waits.
            drop(outcome);
            if !wait.is_zero() {
                tokio::time::sleep(wait).await;
            }
            self.upstream.tally.retried();
            outcome = self.attempt(outgoing, &tried, number - 1).await;
        }
        outcome.answered()
    }

    /// What is left of `total`.
    fn left(&self, now: Instant) -> Duration {
        self.end.map_or(self.timeouts.total, |end| end.saturating_duration_since(now))
    }

    /// True while the breaker lets nothing through.
    fn is_given_up(&self, now: Instant) -> bool {
        self.upstream.breaker.as_ref().is_some_and(|breaker| breaker.state(now) == breaker::State::Open)
    }

    fn admitted(&self) -> Result<Option<breaker::Permit>, Fault> {
        let refused = |left| Fault::new(FaultKind::BreakerOpen(left), "the breaker is open");
        let time = self.timeouts.attempt.min(self.timeouts.total);
        self.upstream.breaker.as_ref().map(|breaker| breaker.admit(Instant::now(), time).map_err(refused)).transpose()
    }

    fn unmade(&self, fault: Fault) -> Outcome {
        self.upstream.tally.failed(&fault);
        Outcome::unmade(fault)
    }

    /// Notes an attempt of a request that is traced, and has the upstream told of it.
    fn traced(&self, spans: Arc<Spans>, endpoint: &Endpoint, request: &mut Outgoing, resends: u32) -> Box<Trying> {
        let (span, now) = (self.random.lock().u64(1..), Instant::now());
        let attempt = AttemptSpan {
            span,
            began: now,
            ended: now,
            method: request.method.clone(),
            upstream: Arc::clone(&self.upstream.name),
            host: endpoint.name.clone(),
            port: endpoint.target.port,
            resends,
            outcome: None,
        };
        let trying = Box::new(Trying::begin(spans, attempt));
        match &mut request.forwarding {
            Some(forwarding) => forwarding.trace.enter(span),
            None => trying.tell(&mut request.headers),
        }
        trying
    }

    /// One attempt: breaker, place, endpoint, the exchange in its time.
    async fn attempt(&mut self, mut request: Outgoing, tried: &[Arc<Endpoint>], resends: u32) -> Outcome {
        let mut permit = match self.admitted() {
            Ok(permit) => permit,
            Err(fault) => return self.unmade(fault),
        };
        let mut place = None;
        if let Some(places) = &self.upstream.places {
            place = places.take();
            if place.is_none() {
                drop(permit);
                let now = Instant::now();
                let until = now + self.left(now);
                if request.body.at_hand().is_some() {
                    self.end = Some(until);
                }
                // The breaker may have opened meanwhile.
                let admitted = match Box::pin(places.wait(until)).await {
                    Ok(free) => {
                        place = Some(free);
                        self.admitted()
                    }
                    Err(fault) => Err(fault),
                };
                permit = match admitted {
                    Ok(permit) => permit,
                    Err(fault) => return self.unmade(fault),
                };
            }
        }
        let timeouts = self.timeouts;
        let connect = timeouts.connect.min(timeouts.attempt).min(timeouts.total);
        if self.upstream.resolves()
            && let Err(fault) = Box::pin(self.transport.find(self.upstream, connect)).await
        {
            if let Some(permit) = permit {
                permit.settle(false, Instant::now());
            }
            self.upstream.tally.failed(&fault);
            return Outcome { answer: Err(fault), at: None, tells: true };
        }
        let affinity = request.affinity;
        let Some(endpoint) = self.upstream.choose(affinity, tried, self.random) else {
            self.upstream.tally.had_no_target();
            return Outcome::unmade(Fault::new(FaultKind::ConnectError, "the upstream has no target"));
        };
        *self.attempts += 1;
        let trying = request.spans.take().map(|spans| self.traced(spans, &endpoint, &mut request, resends));
        let began = matches!(self.upstream.config.balance, balance::Config::Ewma).then(Instant::now);
        let mut waited = None;
        let under_way = self.upstream.tally.begun();

        let passing = pass_on(&mut request.body);
        let host = self.upstream.host(&endpoint, &request.authority);
        let attempt = Attempt { host, connect, read: timeouts.read, occupied: endpoint.occupy_with(place) };
        let answer = {
            let exchange = pin!(self.transport.exchange(self.upstream, &endpoint, request, attempt));
            within(exchange, passing.as_deref(), timeouts, &mut self.end, self.transport.timers(), &mut waited).await
        };

        under_way.ended();
        let ended = Instant::now();
        let since = |began: Option<Instant>| began.map_or(Duration::ZERO, |began| ended.saturating_duration_since(began));
        let tells = match &answer {
            Ok(reply) => {
                self.upstream.tally.answered(reply.status.as_u16(), since(waited));
                true
            }
            Err(fault) => {
                self.upstream.tally.failed(fault);
                fault.side() == Side::Upstream && !awaits_client(passing.as_deref())
            }
        };
        if tells {
            let succeeded = answer.as_ref().is_ok_and(|reply| !reply.status.is_server_error());
            self.upstream.settle(&endpoint, succeeded, since(began));
            if let Some(permit) = permit {
                permit.settle(succeeded, ended);
            }
        }
        if let Some(trying) = trying {
            trying.end(answer.as_ref().map(|reply| reply.status));
        }
        Outcome { answer, at: Some(endpoint), tells }
    }
}

#[cfg(test)]
mod tests;
