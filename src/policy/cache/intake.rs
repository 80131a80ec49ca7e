//! What becomes of the origin's answer: it is stored, it brings what is stored up to date, or what is stored stands in for it.

use super::answer::{self, Client};
use super::conditions;
use super::content::Content;
use crate::http::caching::directives::Allowed;
use super::fill::Fill;
use super::flights::Lead;
use crate::http::caching::freshness::Freshness;
use super::stage::{Cache, Fetch};
use super::status::{self, Passed};
use super::storable::{self, Circumstances};
use super::stored::{Head, Stored};
use super::vary::Selecting;
use crate::http::caching::AtMost;
use crate::http::{Body, Exchange, Problem, Reply, Source};
use crate::lang::eval::Facts;
use http::header::DATE;
use http::{HeaderMap, HeaderValue, StatusCode};
use std::sync::Arc;
use std::time::{Duration, UNIX_EPOCH};

/// What becomes of an answer.
pub enum Taken {
    /// This is the client's.
    Reply(Reply, Option<Arc<Fill>>),
    /// There is none but this.
    Problem(Problem),
    /// The origin speaks of something that is not stored: it is to be asked once more, for all of it.
    Again,
}

/// Statuses that what is stored may stand in for (RFC 5861 §4).
fn is_error(status: StatusCode) -> bool {
    matches!(status.as_u16(), 500 | 502 | 503 | 504)
}

impl Cache {
    /// Takes in what came of a request that went on; `may_store` is false for what another than its upstream has answered.
    pub fn take_in(&self, fetch: &mut Fetch, exchange: &mut Exchange, answer: Result<Reply, Problem>, may_store: bool) -> Taken {
        let now = exchange.clock.now();
        let failed = match &answer {
            Ok(reply) => is_error(reply.status).then_some(reply.status),
            Err(problem) => is_error(problem.status).then_some(problem.status),
        };
        if failed.is_some()
            && let Some(reply) = self.do_without(fetch, exchange, failed)
        {
            fail(fetch.lead.take());
            return Taken::Reply(reply, None);
        }
        match answer {
            Err(problem) => {
                match failed {
                    Some(_) => fail(fetch.lead.take()),
                    None => settle(fetch.lead.take(), false),
                }
                Taken::Problem(problem)
            }
            Ok(reply) if reply.status == StatusCode::NOT_MODIFIED && fetch.asks => self.confirmed(fetch, exchange, reply, now),
            Ok(reply) => self.came(fetch, exchange, reply, now, may_store),
        }
    }

    /// What is stored, in the place of an answer that failed (RFC 5861 §4), with a status or for whoever went ahead.
    #[must_use]
    pub fn do_without(&self, fetch: &Fetch, exchange: &mut Exchange, status: Option<StatusCode>) -> Option<Reply> {
        let now = exchange.clock.now();
        let stored = fetch.stale.as_ref().filter(|stored| fetch.can_do_without(now) && self.shelf.epochs.stands(&stored.head.stamp))?;
        let client = Client { request: &fetch.request, is_head: fetch.is_head };
        let mut reply = answer::from_kept(&stored.head, &stored.content, client, now);
        let passed = Passed { why: fetch.why, status, stored: false, collapsed: status.is_none() };
        status::passed(&mut reply.headers, passed);
        exchange.record.cache = Some("stale");
        Some(reply)
    }

    /// A 304 about what is stored (RFC 9111 §4.3.4).
    fn confirmed(&self, fetch: &mut Fetch, exchange: &mut Exchange, mut reply: Reply, now: Duration) -> Taken {
        let Some(stored) = fetch.stale.clone().filter(|stored| conditions::speaks_of(&reply.headers, &stored.head.headers)) else {
            return Taken::Again;
        };
        dated(&mut reply.headers, now);
        let mut headers = conditions::updated(&stored.head.headers, &reply.headers);
        let allowed = Allowed::of(&headers);
        // How old it was by an intermediary's word is the word of this answer.
        match reply.headers.get(http::header::AGE) {
            Some(age) => headers.insert(http::header::AGE, age.clone()),
            None => headers.remove(http::header::AGE),
        };
        reply.status = stored.head.status;
        reply.headers = headers;
        let judged = self.judge(fetch, exchange, &reply, &allowed, now);
        conditions::keep(&mut reply.headers, &allowed);
        let selecting = Selecting::of(&reply.headers, &fetch.request);
        let mut head = Head { headers: reply.headers, stamp: fetch.stamp, ..stored.head.clone() };
        let kept = match judged.zip(selecting) {
            Some((freshness, selecting)) => {
                (head.freshness, head.selecting) = (freshness, selecting);
                self.shelf.put(fetch.hash, &fetch.key, Stored::new(head.clone(), stored.content.clone(), &fetch.key))
            }
            None => {
                self.shelf.store.drop_stored(fetch.hash, &stored);
                (head.freshness.age_then, head.freshness.came) = (Duration::ZERO, now);
                false
            }
        };
        settle(fetch.lead.take(), kept);
        let mut reply = answer::from_kept(&head, &stored.content, Client { request: &fetch.request, is_head: fetch.is_head }, now);
        let status = Some(StatusCode::NOT_MODIFIED);
        status::passed(&mut reply.headers, Passed { why: fetch.why, status, stored: kept, collapsed: false });
        exchange.record.cache = Some("revalidated");
        Taken::Reply(reply, None)
    }

    /// An answer of its own.
    fn came(&self, fetch: &mut Fetch, exchange: &mut Exchange, mut reply: Reply, now: Duration, may_store: bool) -> Taken {
        let allowed = Allowed::of(&reply.headers);
        let lead = fetch.lead.take();
        let mut fill = None;
        let head = (may_store && !fetch.is_head).then(|| self.head(fetch, exchange, &reply, &allowed, now)).flatten();
        let stored = match head {
            Some(head) => self.keep(fetch, head, &mut reply, lead, &mut fill),
            None if may_store => {
                settle(lead, false);
                false
            }
            // Something stood in for the upstream: those who wait may fare better.
            None => {
                fail(lead);
                false
            }
        };
        // What was stored is not what the origin has any more.
        if let Some(old) = fetch.stale.as_ref().filter(|_| !stored && reply.status.is_success() && !fetch.is_head) {
            self.shelf.store.drop_stored(fetch.hash, old);
        }
        if fetch.judges
            && reply.status.is_success()
            && reply.source != Source::Gateway
            && conditions::is_known(&fetch.request, &reply.headers, now)
        {
            // Before its first reader is dropped, which would break it off.
            if let Some(fill) = &fill {
                fill.keep_on();
            }
            reply.status = StatusCode::NOT_MODIFIED;
            reply.body = Body::empty();
            conditions::without_body(&mut reply.headers);
        }
        status::passed(&mut reply.headers, Passed { why: fetch.why, status: None, stored, collapsed: false });
        Taken::Reply(reply, fill)
    }

    /// Stores an answer, at once or as it passes; true when it will be there.
    fn keep(&self, fetch: &Fetch, head: Head, reply: &mut Reply, lead: Option<Lead>, fill: &mut Option<Arc<Fill>>) -> bool {
        if let Some(bytes) = reply.body.at_hand() {
            let content = Content::copied(&bytes);
            let stored = self.shelf.put(fetch.hash, &fetch.key, Stored::new(head, content, &fetch.key));
            settle(lead, stored);
            return stored;
        }
        match Fill::begin(head, reply.body.take(), &self.shelf, (fetch.hash, &fetch.key), lead) {
            Ok(begun) => {
                reply.body = begun.first();
                *fill = Some(begun);
                true
            }
            Err((body, lead)) => {
                reply.body = body;
                settle(lead, false);
                false
            }
        }
    }

    /// What of an answer is stored, if it may be.
    fn head(&self, fetch: &Fetch, exchange: &Exchange, reply: &Reply, allowed: &Allowed, now: Duration) -> Option<Head> {
        let freshness = self.judge(fetch, exchange, reply, allowed, now)?;
        let selecting = Selecting::of(&reply.headers, &fetch.request)?;
        let mut headers = reply.headers.clone();
        conditions::keep(&mut headers, allowed);
        dated(&mut headers, now);
        let (of, stamp) = (Arc::clone(&fetch.of), fetch.stamp);
        Some(Head { of, status: reply.status, headers, source: reply.source, selecting, freshness, stamp })
    }

    fn judge(&self, fetch: &Fetch, exchange: &Exchange, reply: &Reply, allowed: &Allowed, now: Duration) -> Option<Freshness> {
        let facts = Facts::response(exchange, reply);
        let arm = self.arms.iter().find(|(when, _)| when.holds(facts)).map(|(_, time)| (*time, true));
        let circumstances = Circumstances {
            no_store: fetch.asked.no_store,
            credential: fetch.caller.credential,
            cookie: fetch.caller.cookie,
            by_file: arm.or(self.ttl.map(|time| (time, false))),
            at_most: exchange.kept.get().map(|AtMost(time)| *time),
            stale: self.stale,
            error: self.error,
            times: (fetch.began.min(now), now),
        };
        storable::judge(reply.status, &reply.headers, allowed, &circumstances)
    }
}

fn settle(lead: Option<Lead>, stored: bool) {
    match lead {
        Some(lead) if stored => lead.stored(),
        Some(lead) => lead.alone(),
        None => {}
    }
}

fn fail(lead: Option<Lead>) {
    if let Some(lead) = lead {
        lead.failed();
    }
}

/// Gives a message the date it came at when it has none (RFC 9110 §6.6.1).
fn dated(headers: &mut HeaderMap, now: Duration) {
    if !headers.contains_key(DATE)
        && let Ok(date) = HeaderValue::try_from(httpdate::fmt_http_date(UNIX_EPOCH + now))
    {
        headers.insert(DATE, date);
    }
}
