//! A request that is tried out under the policy in force, without sending it anywhere. Whoever opens the listener says how.

use super::answer::{Answered, json_of, unclear};
use super::desk::Desk;
use super::endpoints::Asked;
use super::query::Query;
use crate::http::Problem;
use crate::ir::Program;
use futures_core::future::BoxFuture;
use http::StatusCode;
use serde_json::Value as Json;
use std::sync::Arc;

/// Traces a request that is described by parameters of [`PARAMETERS`]; what is wrong with them is said.
pub type Rehearsal = fn(&Program, &Query) -> Result<Json, String>;

/// What describes a request: as the options of `gate trace` do, except that `headers` has a line for each field.
pub const PARAMETERS: &[&str] = &["method", "url", "headers", "claims", "key", "user", "client_ip", "listener", "body"];

/// What becomes of a request. One is tried at a time, on a thread that nobody else waits for.
pub fn trace(desk: Arc<Desk>, asked: Asked) -> BoxFuture<'static, Answered> {
    Box::pin(async move {
        let (program, rehearsal) = (desk.policy.program(), desk.rehearsal);
        let traced = desk.aside.run(move || rehearsal(&program, &asked.query)).await;
        let traced = traced.map_err(|_| Problem::new(StatusCode::INTERNAL_SERVER_ERROR, "the trace came to no end"))?;
        Ok(json_of(StatusCode::OK, &traced.map_err(unclear)?))
    })
}
