//! Choices that look at the endpoints as they are now. A weight counts under each of them.

use crate::upstream::Endpoint;
use crate::upstream::standing::WHOLE;
use std::sync::Arc;

/// What an endpoint weighs now, in [`WHOLE`]ths.
fn weight(endpoint: &Endpoint) -> u64 {
    u64::from(endpoint.target.weight.max(1)) * endpoint.standing.share()
}

/// One of the candidates, each as likely as its weight.
pub fn weighted<'e, I>(candidates: impl Fn() -> I, random: &mut fastrand::Rng) -> Option<&'e Arc<Endpoint>>
where
    I: Iterator<Item = &'e Arc<Endpoint>>,
{
    let total: u64 = candidates().map(|endpoint| weight(endpoint)).sum();
    let mut left = if total == 0 { 0 } else { random.u64(..total) };
    let mut last = None;
    for endpoint in candidates() {
        let weight = weight(endpoint);
        if left < weight {
            return Some(endpoint);
        }
        left -= weight;
        last = Some(endpoint);
    }
    // Another worker has changed what they weigh meanwhile.
    last
}

/// Of two drawn by their weights the first, unless the second is better.
pub fn two_choices<'e, I>(
    candidates: impl Fn() -> I + Copy,
    is_better: impl Fn(&Endpoint, &Endpoint) -> bool,
    random: &mut fastrand::Rng,
) -> Option<&'e Arc<Endpoint>>
where
    I: Iterator<Item = &'e Arc<Endpoint>>,
{
    let first = weighted(candidates, random)?;
    let second = weighted(|| candidates().filter(|other| !Arc::ptr_eq(other, first)), random);
    Some(second.filter(|second| is_better(second, first)).unwrap_or(first))
}

/// True when an endpoint with one more request has no more to do for its weight than another has now. Where they are alike
/// the draw decides, so that the weights do.
pub fn is_freer(one: &Endpoint, other: &Endpoint) -> bool {
    (u64::from(one.in_flight()) + 1) * weight(other) <= u64::from(other.in_flight()) * weight(one)
}

/// True when an endpoint is likely to answer clearly sooner than another, by how it has lately answered and by what it has to do.
pub fn is_faster(one: &Endpoint, other: &Endpoint) -> bool {
    let (Some(one_takes), Some(other_takes)) = (one.standing.latency(), other.standing.latency()) else { return is_freer(one, other) };
    let cost = |endpoint: &Endpoint, micros: u64| {
        let weight = weight(endpoint);
        micros.saturating_mul(weight + u64::from(endpoint.in_flight()) * WHOLE) / weight.max(1)
    };
    // Less than a fifth is noise, of which nothing should follow.
    cost(one, one_takes).saturating_mul(5) < cost(other, other_takes).saturating_mul(4)
}

/// The one with the fewest requests in flight for its weight; of several one by their weights.
pub fn least_connections<'e, I>(candidates: impl Fn() -> I + Copy, random: &mut fastrand::Rng) -> Option<&'e Arc<Endpoint>>
where
    I: Iterator<Item = &'e Arc<Endpoint>>,
{
    // In flight for a weight, as a fraction.
    let load = |endpoint: &Endpoint| (u64::from(endpoint.in_flight()), weight(endpoint));
    let least = candidates().map(|endpoint| load(endpoint)).reduce(|least, next| if is_less(next, least) { next } else { least })?;
    weighted(|| candidates().filter(move |endpoint| !is_less(least, load(endpoint))), random)
        // Another worker has made them busier meanwhile.
        .or_else(|| weighted(candidates, random))
}

fn is_less((one, one_of): (u64, u64), (other, other_of): (u64, u64)) -> bool {
    u128::from(one) * u128::from(other_of) < u128::from(other) * u128::from(one_of)
}
