//! The policies that are kept: when and by what each came to be in force, and what going back to it would change. Whoever opens
//! the listener has them.

use super::answer::{Answered, json_of, unknown};
use super::desk::Desk;
use super::endpoints::Asked;
use crate::http::Problem;
use crate::http::clock::rfc3339;
use crate::ir::Program;
use crate::server::control::{By, Refused};
use futures_core::future::BoxFuture;
use http::StatusCode;
use serde::{Deserialize, Serialize};
use serde_json::{Value as Json, json};
use std::sync::Arc;
use std::time::Duration;

/// A policy that is kept, without its text.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Generation {
    /// Its number, counted from the gateway's first policy.
    pub number: u64,
    /// Since when, as a time since 1970.
    #[serde(with = "seconds")]
    pub since: Duration,
    /// By what it came to be in force; what is kept from before that was noted does not say.
    #[serde(flatten)]
    pub by: Option<By>,
    /// The earlier policy that somebody went back to by it.
    pub rollback: Option<u64>,
    /// Tells one policy from another, as `gate_config_info` does.
    #[serde(default)]
    pub hash: String,
    /// What it changed for requests, in a few words; nothing of the one that the gateway started with.
    pub summary: String,
}

/// Seconds with the part that is left of one; those that were kept before have none.
mod seconds {
    use serde::{Deserialize, Deserializer, Serializer, de};
    use std::time::Duration;

    pub fn serialize<S: Serializer>(time: &Duration, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_f64(time.as_secs_f64())
    }

    pub fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Duration, D::Error> {
        Duration::try_from_secs_f64(f64::deserialize(deserializer)?).map_err(de::Error::custom)
    }
}

/// Has the policies that are kept. What it is asked may take a while.
pub trait Archive: Send + Sync {
    /// Those that can be read, the newest first.
    fn all(&self) -> Vec<Generation>;

    /// What another policy than the one in force (`now`) would change for requests, a line each.
    ///
    /// # Errors
    /// When there is none of that number (any more), or it cannot be put in force.
    fn changes(&self, number: u64, now: &Program) -> Result<Vec<String>, Refused>;
}

/// All of them.
pub fn all(desk: Arc<Desk>, _: Asked) -> BoxFuture<'static, Answered> {
    Box::pin(async move {
        let archive = Arc::clone(&desk.archive);
        let kept = desk.aside.run(move || archive.all()).await.map_err(|_| fault())?;
        let (now, plan) = (desk.control.generation(), desk.server.plan());
        let rows = kept.iter().map(|generation| {
            let in_force = generation.number == now;
            json!({
                "generation": generation.number,
                "in_force": in_force,
                "since": rfc3339(generation.since),
                "by": generation.by.as_ref().map(By::name),
                "user": generation.by.as_ref().and_then(By::user),
                "rollback": generation.rollback,
                // The same text means something else with another `param`.
                "hash": if in_force { &plan.digest } else { &generation.hash },
                "summary": generation.summary,
            })
        });
        Ok(json_of(StatusCode::OK, &rows.collect::<Json>()))
    })
}

/// What going back to one of them would change. One is looked at at a time.
pub fn one(desk: Arc<Desk>, asked: Asked) -> BoxFuture<'static, Answered> {
    Box::pin(async move {
        let number = asked.name.parse().map_err(|_| unknown(format!("there is no generation `{}`", asked.name)))?;
        let (archive, program) = (Arc::clone(&desk.archive), desk.policy.program());
        let changes = desk.aside.run(move || archive.changes(number, &program)).await.map_err(|_| fault())??;
        Ok(json_of(StatusCode::OK, &json!({ "generation": number, "changes": changes })))
    })
}

fn fault() -> Problem {
    Problem::new(StatusCode::INTERNAL_SERVER_ERROR, "the policies that are kept cannot be looked at, which is a fault of the gateway's own")
}
