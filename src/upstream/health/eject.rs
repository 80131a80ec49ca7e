//! Endpoints that fail requests are left out, and what happens when none is left.

use super::super::{Endpoint, Upstream, balance};
use super::Eject;
use crate::events::Change;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

/// Whether an upstream is without a fit endpoint.
#[derive(Debug, Default)]
pub struct Panic {
    on: AtomicBool,
    requests: AtomicU64,
}

impl Panic {
    /// Requests that were sent to an endpoint although none was fit.
    #[must_use]
    pub fn requests(&self) -> u64 {
        self.requests.load(Ordering::Relaxed)
    }

    /// Notes whether a choice was made in panic; the same when that is new.
    pub fn note(&self, panicking: bool) -> Option<bool> {
        if panicking {
            self.requests.fetch_add(1, Ordering::Relaxed);
            (!self.on.swap(true, Ordering::Relaxed)).then_some(true)
        } else {
            (self.on.load(Ordering::Relaxed) && self.on.swap(false, Ordering::Relaxed)).then_some(false)
        }
    }
}

impl Upstream {
    /// Notes how an attempt at an endpoint went that says something of it.
    pub fn settle(&self, endpoint: &Arc<Endpoint>, succeeded: bool, took: Duration) {
        if self.config.balance == balance::Config::Ewma {
            match succeeded {
                true => endpoint.standing.answered(took),
                false => endpoint.standing.unanswered(took),
            }
        }
        if let Some(eject) = &self.config.eject {
            if succeeded {
                endpoint.standing.succeeded();
            } else if endpoint.standing.failed() >= eject.failures {
                self.eject(endpoint, eject);
            }
        }
    }

    /// Leaves an endpoint out, unless half of them would be, or none be left.
    fn eject(&self, endpoint: &Arc<Endpoint>, eject: &Eject) {
        // Workers agree on which half it is. Only failures come here.
        let _one_at_a_time = self.ejecting.lock();
        if endpoint.standing.is_ejected() {
            return;
        }
        let endpoints = self.endpoints();
        let out = endpoints.iter().filter(|other| other.standing.is_ejected()).count();
        let left = endpoints.iter().any(|other| !Arc::ptr_eq(other, endpoint) && other.is_fit());
        if !left || (out + 1) * 2 > endpoints.len() {
            endpoint.standing.forgive();
            tracing::debug!(upstream = %self.name, target = endpoint.place(), "a target that fails requests stays: too few would be left");
            return;
        }
        let time = endpoint.standing.eject(eject.time);
        let (place, seconds) = (endpoint.place(), time.as_secs_f64());
        self.events.tell(Change::TargetEjected, &self.name, format!("target {place} is left out for {seconds} s: it failed requests"));
    }
}
