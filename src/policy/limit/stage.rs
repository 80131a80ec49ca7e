//! A route's limits at work: asked on the way in, settled and told on the way out.

use super::Algorithm;
use super::count::{Decision, Rule};
use super::key::{Key, key};
use super::limiter::Limiter;
use super::shared::Shared;
use super::table::Id;
use crate::http::{Exchange, Problem, Quota, Reply};
use crate::lang::eval::Facts;
use crate::lang::expr::Expr;
use crate::policy::stage::{Account, Flow, OnRequest, OnResponse};
use crate::store::{Down, OnFailure};
use futures_core::future::BoxFuture;
use http::StatusCode;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

const NANOS: u64 = 1_000_000_000;
/// When a client may come back that was refused because a store is down.
const RETRY_WHEN_DOWN: Duration = Duration::from_secs(1);

/// One limit of a route.
pub struct Bounded {
    /// Its counters.
    pub limiter: Arc<Limiter>,
    /// What they are counted by.
    pub key: Vec<Expr>,
    /// What they are held against.
    pub against: Against,
    /// Only requests whose response this holds for stay counted.
    pub counting: Option<Expr>,
    /// Where it is counted together with other gateways.
    pub shared: Option<Arc<Shared>>,
}

/// What a limit holds requests against.
pub enum Against {
    /// The first rule whose condition holds; the last has none.
    Rules(Vec<(Option<Expr>, Rule)>),
    /// So many at once.
    Slots(u64),
}

/// A request that stays counted only if its response says so.
struct Reservation {
    limiter: Arc<Limiter>,
    rule: Rule,
    /// When it was taken, by the clock of whoever counted it.
    at: u64,
    by: Counted,
    settled: AtomicBool,
}

/// Who counted a request.
enum Counted {
    Here(Id),
    Together(Arc<Shared>, Key),
}

impl Reservation {
    fn settle(&self, counts: bool) {
        if self.settled.swap(true, Ordering::Relaxed) || counts {
            return;
        }
        match &self.by {
            Counted::Here(id) => self.limiter.give_back(*id, &self.rule, self.at),
            Counted::Together(shared, key) => shared.give_back(key, &self.rule, self.at),
        }
    }
}

impl Drop for Reservation {
    /// A request that never got a response has not used the limit up.
    fn drop(&mut self) {
        self.settle(false);
    }
}

impl Bounded {
    /// Counts in this process's memory. `None` lets the request on.
    fn ask(&self, exchange: &mut Exchange) -> Option<Problem> {
        if self.limiter.is_silenced() {
            return None;
        }
        let facts = Facts::request(exchange);
        match &self.against {
            Against::Slots(most) => match self.limiter.enter(self.limiter.id(&key(0, &self.key, facts)), *most) {
                Some(slot) => {
                    exchange.guards.push(Box::new(slot));
                    None
                }
                None => Some(self.refuse(exchange, Duration::ZERO)),
            },
            Against::Rules(rules) => {
                let (arm, rule) = chosen(rules, facts)?;
                let id = self.limiter.id(&key(arm, &self.key, facts));
                let now = now(exchange);
                let decision = self.limiter.take(id, rule, now);
                self.decided(exchange, rule, decision, now, || Counted::Here(id))
            }
        }
    }

    /// Counts in the store; where that is down, what becomes of the request is for the store's declaration to say.
    async fn ask_together(&self, shared: &Arc<Shared>, exchange: &mut Exchange) -> Option<Problem> {
        if self.limiter.is_silenced() {
            return None;
        }
        match self.ask_store(shared, exchange).await {
            Ok(answer) => answer,
            Err(Down) => match shared.store.on_failure() {
                OnFailure::Local => self.ask(exchange),
                OnFailure::Open => None,
                OnFailure::Closed => {
                    exchange.record.limited_by = Some(self.limiter.name().clone());
                    Some(Problem::new(StatusCode::SERVICE_UNAVAILABLE, "requests cannot be counted now").retry_after(RETRY_WHEN_DOWN))
                }
            },
        }
    }

    async fn ask_store(&self, shared: &Arc<Shared>, exchange: &mut Exchange) -> Result<Option<Problem>, Down> {
        match &self.against {
            Against::Slots(most) => {
                let key = key(0, &self.key, Facts::request(exchange));
                let lease = shared.enter(&key, *most).await?;
                self.limiter.count(self.limiter.id(&key), lease.is_some());
                Ok(match lease {
                    Some(lease) => {
                        exchange.guards.push(Box::new(lease));
                        None
                    }
                    None => Some(self.refuse(exchange, Duration::ZERO)),
                })
            }
            Against::Rules(rules) => {
                let Some((arm, rule)) = chosen(rules, Facts::request(exchange)) else { return Ok(None) };
                let key = key(arm, &self.key, Facts::request(exchange));
                let taken = shared.take(&key, rule).await?;
                self.limiter.count(self.limiter.id(&key), taken.decision.allowed);
                Ok(self.decided(exchange, rule, taken.decision, taken.at, || Counted::Together(Arc::clone(shared), key)))
            }
        }
    }

    fn decided(
        &self,
        exchange: &mut Exchange,
        rule: &Rule,
        decision: Decision,
        at: u64,
        by: impl FnOnce() -> Counted,
    ) -> Option<Problem> {
        self.tell(exchange, rule, decision);
        if !decision.allowed {
            return Some(self.refuse(exchange, Duration::from_nanos(decision.retry)));
        }
        if self.counting.is_some() {
            let reservation = Reservation { limiter: self.limiter.clone(), rule: *rule, at, by: by(), settled: AtomicBool::new(false) };
            exchange.guards.push(Box::new(reservation));
        }
        None
    }

    fn refuse(&self, exchange: &mut Exchange, wait: Duration) -> Problem {
        self.limiter.refused(now(exchange));
        exchange.record.limited_by = Some(self.limiter.name().clone());
        Problem::new(StatusCode::TOO_MANY_REQUESTS, "too many requests").retry_after(wait)
    }

    /// How the limit stands for the key of a request that it has been asked about.
    fn account(&self, exchange: &Exchange, passed: bool) -> Account {
        let facts = Facts::request(exchange);
        let says = match &self.against {
            _ if self.limiter.is_silenced() => "silent, counts nothing".to_owned(),
            Against::Slots(most) => {
                let taken = self.limiter.taken(self.limiter.id(&key(0, &self.key, facts)));
                format!("{taken} of {most} at once")
            }
            Against::Rules(rules) => match chosen(rules, facts) {
                Some((arm, rule)) => {
                    let left = self.limiter.left(self.limiter.id(&key(arm, &self.key, facts)), rule, now(exchange));
                    let most = match rule.algorithm {
                        Algorithm::TokenBucket => rule.burst,
                        Algorithm::FixedWindow | Algorithm::SlidingWindow | Algorithm::SlidingLog => rule.count,
                    };
                    format!("{left} of {most} left")
                }
                None => "no rule fits".to_owned(),
            },
        };
        Account { name: Arc::clone(self.limiter.name()), passed, says }
    }

    /// Keeps the tightest limit for the reply's fields: the one that refuses, else the one with the least left.
    fn tell(&self, exchange: &mut Exchange, rule: &Rule, decision: Decision) {
        let tighter = exchange.quota.as_ref().is_none_or(|known| !decision.allowed || decision.remaining < known.remaining);
        if tighter {
            exchange.quota = Some(Quota {
                name: self.limiter.name().clone(),
                limit: rule.count,
                window_s: rule.period / NANOS,
                remaining: decision.remaining,
                reset_s: decision.reset.div_ceil(NANOS),
            });
        }
    }
}

/// The first rule whose condition holds, with its number.
fn chosen<'r>(rules: &'r [(Option<Expr>, Rule)], facts: Facts<'_>) -> Option<(u8, &'r Rule)> {
    (0_u8..).zip(rules).find_map(|(arm, (when, rule))| when.as_ref().is_none_or(|when| when.holds(facts)).then_some((arm, rule)))
}

/// When the request came, in nanoseconds since the epoch.
fn now(exchange: &Exchange) -> u64 {
    u64::try_from(exchange.clock.at_instant(exchange.started).as_nanos()).unwrap_or(u64::MAX)
}

/// The limits that a route asks at one stage, in order.
pub struct Limits(pub Vec<Bounded>);

impl Limits {
    /// Asks from one on, the first of which is counted in a store.
    async fn wait<'a>(&'a self, from: usize, exchange: &'a mut Exchange) -> Flow<'static> {
        for limit in self.0.iter().skip(from) {
            let refusal = match &limit.shared {
                Some(shared) => limit.ask_together(shared, exchange).await,
                None => limit.ask(exchange),
            };
            if let Some(problem) = refusal {
                return Flow::Refuse(problem);
            }
        }
        Flow::Next
    }
}

impl OnRequest for Limits {
    fn request<'a>(&'a self, exchange: &'a mut Exchange) -> Flow<'a> {
        for (at, limit) in self.0.iter().enumerate() {
            if limit.shared.is_some() {
                let waiting: BoxFuture<'a, Flow<'static>> = Box::pin(self.wait(at, exchange));
                return Flow::Wait(waiting);
            }
            if let Some(problem) = limit.ask(exchange) {
                return Flow::Refuse(problem);
            }
        }
        Flow::Next
    }

    fn account(&self, exchange: &Exchange) -> Vec<Account> {
        let refusing = |limit: &Bounded| exchange.record.limited_by.as_ref().is_some_and(|name| Arc::ptr_eq(name, limit.limiter.name()));
        // Behind the one that refuses, none was asked.
        let asked = self.0.iter().position(refusing).map_or(self.0.len(), |at| at + 1);
        self.0.iter().take(asked).map(|limit| limit.account(exchange, !refusing(limit))).collect()
    }
}

/// Settles what only counts by its response.
pub struct Settle(pub Vec<(Arc<Limiter>, Expr)>);

impl OnResponse for Settle {
    fn response(&self, exchange: &Exchange, reply: &mut Reply) {
        for reservation in exchange.guards.iter().filter_map(|guard| guard.downcast_ref::<Reservation>()) {
            let found = self.0.iter().find(|(limiter, _)| Arc::ptr_eq(limiter, &reservation.limiter));
            if let Some((_, counting)) = found {
                reservation.settle(counting.holds(Facts::response(exchange, reply)));
            }
        }
    }
}
