//! `envelope`: a JSON answer with its status and the request's id around it.

use super::mapping::{read, take, unusable};
use crate::http::json::is_sound;
use crate::http::{Body, Exchange, Problem, Reply};
use crate::policy::stage::OnResponse;
use futures_core::future::BoxFuture;
use http::HeaderMap;
use http::header::CONTENT_TYPE;

/// The response part.
pub(super) struct Envelope;

impl OnResponse for Envelope {
    fn wait<'a>(&'a self, exchange: &'a mut Exchange, reply: &'a mut Reply) -> Option<BoxFuture<'a, Result<(), Problem>>> {
        if is_problem(&reply.headers) {
            return None;
        }
        let unread = take(exchange, reply)?;
        let id = serde_json::Value::from(exchange.id.to_str().unwrap_or_default());
        Some(Box::pin(async move {
            let text = read(unread?).await?;
            let data = std::str::from_utf8(&text).ok().filter(|text| is_sound(text.as_bytes())).ok_or_else(|| unusable("is not JSON"))?;
            let data = data.trim_matches([' ', '\t', '\n', '\r']);
            let status = reply.status.as_u16();
            reply.body = Body::full(format!("{{\"data\":{data},\"status\":{status},\"request_id\":{id}}}"));
            Ok(())
        }))
    }
}

/// Errors stay what they are (RFC 9457).
fn is_problem(headers: &HeaderMap) -> bool {
    let kind = headers.get(CONTENT_TYPE).and_then(|value| value.to_str().ok()).and_then(|value| value.split(';').next());
    kind.is_some_and(|kind| kind.trim().eq_ignore_ascii_case("application/problem+json"))
}
