//! The endpoints of an upstream as they are now, with what is kept to choose among them: those that are written, and those
//! that DNS names, which come and go.

use super::balance::{self, Balancer};
use super::config::{self, Config};
use super::connect::Resolve;
use super::discovery::{self, Found, Herald, Kept, Resolver};
use super::endpoint::State;
use super::{Endpoint, Upstream};
use crate::http::{Fault, FaultKind};
use std::ops::Deref;
use std::sync::Arc;

/// Endpoints, and the balancer that was made for them.
#[derive(Debug)]
pub struct Members {
    all: Vec<Arc<Endpoint>>,
    balancer: Arc<Balancer>,
}

impl Members {
    /// These endpoints, balanced so.
    #[must_use]
    pub fn new(all: Vec<Arc<Endpoint>>, balance: &balance::Config) -> Self {
        Self { balancer: Arc::new(Balancer::new(balance, &all)), all }
    }

    /// Those that were found last. Where they are the ones of before, turns and keys go on as they were.
    fn following(all: Found, before: Option<&Self>, balance: &balance::Config) -> Self {
        let same = before.filter(|before| before.len() == all.len() && before.iter().zip(&all).all(|(one, other)| Arc::ptr_eq(one, other)));
        match same {
            Some(same) => Self { balancer: Arc::clone(&same.balancer), all },
            None => Self::new(all, balance),
        }
    }

    /// What chooses among them.
    #[must_use]
    pub fn balancer(&self) -> &Balancer {
        &self.balancer
    }
}

impl Deref for Members {
    type Target = [Arc<Endpoint>];

    fn deref(&self) -> &[Arc<Endpoint>] {
        &self.all
    }
}

/// Endpoints as they are now.
#[derive(Debug)]
pub enum Endpoints<'u> {
    /// The policy's.
    Written(&'u Members),
    /// Those that DNS named last, besides the policy's.
    Found(Arc<Members>),
}

impl Deref for Endpoints<'_> {
    type Target = Members;

    fn deref(&self) -> &Members {
        match self {
            Self::Written(written) => written,
            Self::Found(found) => found,
        }
    }
}

/// The endpoints of what is declared. Those that were declared alike before keep their state; others join later than the rest.
pub fn written(config: &Config, before: Option<&Upstream>) -> Members {
    let endpoint = |target: &config::Target| {
        if let Some(same) = before.and_then(|before| before.written.iter().find(|endpoint| endpoint.target == *target)) {
            return Arc::clone(same);
        }
        let endpoint = Endpoint::new(target.clone());
        if before.is_some() {
            endpoint.standing.join();
        }
        Arc::new(endpoint)
    };
    let all = match &config.resolve {
        Some(resolve) if config.targets.is_empty() => vec![endpoint(&stand_in(resolve, config.tls.is_some()))],
        Some(_) | None => config.targets.iter().map(endpoint).collect(),
    };
    Members::new(all, &config.balance)
}

/// What DNS names of what is declared: nothing yet, or what it named last for a predecessor that asked for the same.
pub fn found(config: &Config, written: &Members, before: Option<&Upstream>) -> Option<Arc<Kept<Members>>> {
    config.resolve.as_ref()?;
    let asked = |config: &Config| (config.resolve.as_ref().map(|resolve| (resolve.host.clone(), resolve.port)), config.tls.is_some());
    let same = before.filter(|before| asked(&before.config) == asked(config)).and_then(|before| Some((before, before.found.as_ref()?)));
    let Some((before, found)) = same else { return Some(Arc::default()) };
    let told = |config: &Config| (config.resolve.clone(), config.targets.clone(), config.balance.clone());
    if told(&before.config) == told(config) {
        return Some(Arc::clone(found));
    }
    let Some(known) = found.known() else { return Some(Arc::default()) };
    let named = known.iter().filter(|endpoint| !before.written.iter().any(|written| Arc::ptr_eq(written, endpoint)));
    let all = beside(config, written).into_iter().chain(named.cloned()).collect();
    Some(Arc::new(Kept::knowing(Members::new(all, &config.balance))))
}

/// The written endpoints that stand beside those that DNS names.
fn beside(config: &Config, written: &Members) -> Found {
    if config.targets.is_empty() { Found::new() } else { written.to_vec() }
}

/// What stands for the targets that DNS names until they are known, and where upstreams are played.
fn stand_in(resolve: &Resolve, tls: bool) -> config::Target {
    let host = discovery::name_of(&resolve.host).to_owned();
    config::Target { tls, host, port: resolve.port.unwrap_or(if tls { 443 } else { 80 }), weight: 1, backup: false }
}

impl Upstream {
    /// Its endpoints now.
    #[must_use]
    pub fn endpoints(&self) -> Endpoints<'_> {
        match self.found.as_ref().and_then(|found| found.known()) {
            Some(found) => Endpoints::Found(found),
            None => Endpoints::Written(&self.written),
        }
    }

    /// How one of its endpoints is.
    #[must_use]
    pub fn state_of(&self, endpoint: &Endpoint) -> State {
        let stands_for_others = self.config.targets.is_empty() && self.found.as_ref().is_some_and(|found| found.is_missing());
        if stands_for_others { State::Unresolved } else { endpoint.state() }
    }

    /// How many of its endpoints are up.
    #[must_use]
    pub fn healthy(&self) -> usize {
        self.endpoints().iter().filter(|endpoint| self.state_of(endpoint).is_up()).count()
    }

    /// Attempts under way at all of its endpoints.
    #[must_use]
    pub fn in_flight(&self) -> u32 {
        self.endpoints().iter().map(|endpoint| endpoint.in_flight()).sum()
    }

    /// How often DNS answered when it or one of its endpoints was looked up, and how often it did not.
    #[must_use]
    pub fn looks(&self) -> (u64, u64) {
        let of_found = self.found.as_ref().map_or((0, 0), |found| found.looks());
        self.endpoints().iter().map(|endpoint| endpoint.looks()).fold(of_found, |sum, looks| (sum.0 + looks.0, sum.1 + looks.1))
    }

    /// True when DNS names some of its endpoints: they have to be found first.
    #[must_use]
    pub fn resolves(&self) -> bool {
        self.found.is_some()
    }

    /// Finds the endpoints that DNS names, where that was not done before.
    ///
    /// # Errors
    /// When there is none, and none is written.
    pub async fn find(&self, resolver: &Resolver) -> Result<(), Fault> {
        let (Some(found), Some(resolve)) = (&self.found, &self.config.resolve) else { return Ok(()) };
        let begin = || {
            let beside = beside(&self.config, &self.written);
            let given = Arc::new((resolver.clone(), resolve.clone(), self.config.tls.is_some(), beside, self.config.balance.clone()));
            let look = move |before: Option<Arc<Members>>| {
                let given = Arc::clone(&given);
                async move {
                    let (resolver, resolve, tls, beside, balance) = &*given;
                    let before = before.as_deref();
                    let (all, believed) = discovery::look(resolver, resolve, *tls, beside, before.map(Deref::deref)).await?;
                    Ok((Members::following(all, before, balance), believed))
                }
            };
            (look, Herald::of(self, &resolve.host))
        };
        match found.get(begin).await {
            Err(error) if self.config.targets.is_empty() => Err(Fault::new(FaultKind::Unresolved, error)),
            Ok(_) | Err(_) => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests;
