//! Keeps a JSON body's text for `body("/pointer")`, on routes that ask for it.

use crate::http::json::{JSON_MAX, is_encoded, is_json, is_sound};
use crate::http::{Body, Exchange};
use crate::policy::stage::{Flow, OnRequest};
use http_body::Body as _;

/// The request part. A body that is not JSON has no values: every `body(…)` is missing.
pub struct Keep;

impl OnRequest for Keep {
    fn request<'a>(&'a self, exchange: &'a mut Exchange) -> Flow<'a> {
        let headers = &exchange.request.headers;
        if exchange.body.is_end_stream() || !is_json(headers) || is_encoded(headers) {
            return Flow::Next;
        }
        Flow::Wait(Box::pin(async move {
            match exchange.body.take().collected(JSON_MAX).await {
                Ok(text) => {
                    if is_sound(&text) {
                        exchange.keep_json(text.clone());
                    }
                    exchange.body = Body::full(text);
                    Flow::Next
                }
                Err(fault) => Flow::Refuse(fault.problem()),
            }
        }))
    }
}
