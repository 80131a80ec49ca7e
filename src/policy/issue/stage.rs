//! Signs a token and answers with it.

use crate::http::{Exchange, Problem, Reply};
use crate::lang::eval::{Facts, Scalar};
use crate::lang::expr::Expr;
use crate::lang::value::Value;
use crate::policy::build::Signer;
use crate::policy::stage::{Flow, OnRequest};
use http::{HeaderValue, StatusCode, header};
use serde_json::{Map, Value as Json, json};
use std::sync::Arc;
use std::time::Duration;

/// Answers with a token.
pub struct Issue {
    /// Signs it.
    pub signer: Arc<dyn Signer>,
    /// How long it is valid.
    pub ttl: Duration,
    /// Its claims.
    pub claims: Vec<(String, Expr)>,
}

impl OnRequest for Issue {
    fn request<'a>(&'a self, exchange: &'a mut Exchange) -> Flow<'a> {
        let facts = Facts::request(exchange);
        let claims: Map<String, Json> =
            self.claims.iter().filter_map(|(name, value)| Some((name.clone(), json_of(&value.eval(facts))?))).collect();
        let Some(token) = self.signer.sign(&claims, exchange.clock.now(), self.ttl) else {
            return Flow::Refuse(Problem::new(StatusCode::INTERNAL_SERVER_ERROR, "the token cannot be signed"));
        };
        let body = json!({"token": token, "token_type": "Bearer", "expires_in": self.ttl.as_secs()});
        let mut reply = Reply::of(StatusCode::OK, "application/json", body.to_string());
        reply.headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
        Flow::Answer(reply)
    }
}

/// A claim's value; none when it is missing.
fn json_of(value: &Scalar<'_>) -> Option<Json> {
    match value {
        Scalar::Missing => None,
        Scalar::Bool(truth) => Some(Json::Bool(*truth)),
        Scalar::Int(number) => Some(Json::from(*number)),
        Scalar::Set(members) => Some(members.iter().map(|member| Json::from(&**member)).collect()),
        Scalar::Const(Value::List(members)) => Some(
            members
                .iter()
                .filter_map(|member| match member {
                    Value::Text(text) => Some(Json::from(&**text)),
                    _ => None,
                })
                .collect(),
        ),
        Scalar::Text(_) | Scalar::Duration(_) | Scalar::Ip(_) | Scalar::Const(_) => value.as_text().map(|text| Json::from(&*text)),
    }
}
