//! How the gateway stands, as JSON. What is listed is an object by name, unless its order says something.

mod counted;
mod observed;
mod policy;
mod traffic;
mod turned;

pub use counted::{figures, metrics};
pub use observed::events;
pub use policy::{config, ready, route, routes, status};
pub use traffic::{breaker, breaker_of, breakers, cache, limit, limits, upstream, upstreams};
pub use turned::{flag, flag_of, flags, maintenance, share, switch};

use super::answer::{Answered, json_of};
use http::StatusCode;
use serde_json::{Map, Value as Json};

fn shown(value: Json) -> Answered {
    Ok(json_of(StatusCode::OK, &value))
}

fn listed(all: impl Iterator<Item = (String, Json)>) -> Answered {
    shown(Json::Object(all.collect::<Map<_, _>>()))
}
