//! The endpoints of an upstream that has `resolve`: those that are written, and those that DNS names now.

use super::super::config::Target;
use super::super::connect::Resolve;
use super::super::endpoint::Endpoint;
use super::resolver::{Resolver, Service};
use super::{AGE_MAX, ANSWERS_MAX};
use futures_util::future::join_all;
use std::sync::Arc;
use std::time::Duration;

/// All endpoints of an upstream.
pub type Found = Vec<Arc<Endpoint>>;

/// Finds the endpoints that a `resolve` stands for, behind those that are written, and says for how long that is to be believed.
/// Those that were there before keep their state; those that come later join.
///
/// # Errors
/// When DNS names none.
pub async fn look(
    resolver: &Resolver,
    resolve: &Resolve,
    tls: bool,
    written: &[Arc<Endpoint>],
    before: Option<&[Arc<Endpoint>]>,
) -> Result<(Found, Duration), String> {
    let (mut targets, age) = match resolve.port {
        Some(port) => of_host(resolver, &resolve.host, port, tls).await?,
        None => of_service(resolver, &resolve.host, tls).await?,
    };
    targets.sort_by(|one, other| (&one.host, one.port).cmp(&(&other.host, other.port)));
    targets.dedup_by(|one, other| (&one.host, one.port) == (&other.host, other.port));
    if targets.len() > ANSWERS_MAX {
        tracing::warn!(name = resolve.host, left_out = targets.len() - ANSWERS_MAX, "DNS names too many targets");
        targets.truncate(ANSWERS_MAX);
    }
    let mut found = written.to_vec();
    let known = before.unwrap_or_default();
    let names = name_of(&resolve.host);
    found.extend(targets.into_iter().map(|target| {
        let same = known.iter().find(|endpoint| endpoint.target == target && endpoint.name == names);
        same.map_or_else(|| Arc::new(join(Endpoint::named(target, names), before)), Arc::clone)
    }));
    let changed = known.len() != found.len() || known.iter().zip(&found).any(|(one, other)| !Arc::ptr_eq(one, other));
    if changed {
        tracing::info!(name = resolve.host, targets = found.len(), "targets found by DNS");
    }
    Ok((found, age.min(resolve.every)))
}

/// One that was not there before; where others were, it is spared at first.
fn join(endpoint: Endpoint, before: Option<&[Arc<Endpoint>]>) -> Endpoint {
    if before.is_some() {
        endpoint.standing.join();
    }
    endpoint
}

/// What the endpoints of a name are known by: the name itself, of a service its domain. Where records lead proves nothing.
#[must_use]
pub fn name_of(name: &str) -> &str {
    let mut rest = name;
    while let Some((_, behind)) = rest.strip_prefix('_').and_then(|label| label.split_once('.')) {
        rest = behind;
    }
    rest
}

async fn of_host(resolver: &Resolver, host: &str, port: u16, tls: bool) -> Result<(Vec<Target>, Duration), String> {
    let (addresses, age) = resolver.addresses(host, port).await?;
    let target = |ip: std::net::IpAddr| Target { tls, host: ip.to_string(), port, weight: 1, backup: false };
    Ok((addresses.iter().map(|address| target(address.ip())).collect(), age))
}

/// The hosts of the least priority take requests by their weights; the others stand behind them (RFC 2782).
async fn of_service(resolver: &Resolver, name: &str, tls: bool) -> Result<(Vec<Target>, Duration), String> {
    let (services, mut age) = resolver.services(name).await?;
    let first = services.iter().map(|service| service.priority).min().unwrap_or_default();
    let looked = join_all(services.iter().map(|service| resolver.addresses(&service.host, service.port))).await;
    let (mut targets, mut failed) = (Vec::new(), None);
    for (Service { port, priority, weight, .. }, addresses) in services.iter().zip(looked) {
        match addresses {
            Ok((addresses, of_host)) => {
                age = age.min(of_host);
                targets.extend(addresses.iter().map(|address| Target {
                    tls,
                    host: address.ip().to_string(),
                    port: *port,
                    weight: u32::from(*weight).max(1),
                    backup: *priority > first,
                }));
            }
            Err(error) => failed = Some(error),
        }
    }
    match failed {
        Some(error) if targets.is_empty() => Err(error),
        // One host that cannot be looked up now is asked for again before long.
        Some(_) => Ok((targets, age.min(AGE_MAX / 6))),
        None => Ok((targets, age)),
    }
}
