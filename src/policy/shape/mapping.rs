//! Changes JSON bodies on their way in and out. Only what is called JSON is read; anything else passes as it comes.

use super::Body;
use crate::http::json::{JSON_MAX, is_encoded, is_json, is_sound};
use crate::http::{Body as Bytes, Exchange, Problem, Reply, Source};
use crate::lang::eval::{Facts, Scalar};
use crate::lang::expr::Expr;
use crate::policy::BuildError;
use crate::policy::altered::{altered, weaken};
use crate::policy::pointer::{Pointer, Take};
use crate::policy::stage::{Flow, OnRequest, OnResponse};
use crate::policy::taken::changed;
use futures_core::future::BoxFuture;
use http::header::{ACCEPT_ENCODING, CONTENT_TYPE, IF_RANGE, RANGE};
use http::{Method, StatusCode};
use http_body::Body as _;
use serde_json::value::{RawValue, to_raw_value};

/// What becomes of a body, ready to run.
pub(super) struct Mapping {
    take: Take,
    set: Vec<(Pointer, Expr)>,
}

/// The values of one message, in the order of the lines; what is missing is not set.
pub(super) type Values = Vec<Option<Box<RawValue>>>;

impl Mapping {
    /// A mapping with its secrets resolved.
    pub(super) fn new(body: &Body, resolve: impl Fn(&Expr) -> Result<Expr, BuildError>) -> Result<Self, BuildError> {
        let set = body.set.iter().map(|(pointer, value)| Ok((pointer.clone(), resolve(value)?)));
        Ok(Self { take: body.take.clone(), set: set.collect::<Result<_, BuildError>>()? })
    }

    /// Works out every value from the message as it arrived.
    pub(super) fn values(&self, facts: Facts<'_>) -> Values {
        self.set.iter().map(|(_, value)| json(&value.eval(facts))).collect()
    }

    fn apply(&self, text: &[u8], values: Values) -> Option<Bytes> {
        // What is skipped is not looked at, and nothing broken is to be passed on as if it had been.
        if !is_sound(text) {
            return None;
        }
        let set = self.set.iter().zip(values).filter_map(|((pointer, _), value)| Some((pointer, value?))).collect();
        changed(text, &self.take, set).map(|text| Bytes::full(String::from(Box::<str>::from(text))))
    }

    /// Changes a request's body.
    pub(super) async fn request(&self, exchange: &mut Exchange, values: Values) -> Flow<'static> {
        let text = match exchange.body.take().collected(JSON_MAX).await {
            Ok(text) => text,
            Err(fault) => return Flow::Refuse(fault.problem()),
        };
        let Some(body) = self.apply(&text, values) else {
            return Flow::Refuse(Problem::new(StatusCode::BAD_REQUEST, "the request's body is not JSON"));
        };
        exchange.body = body;
        altered(&mut exchange.request.headers);
        Flow::Next
    }
}

/// A value as JSON; none for one that is missing.
fn json(value: &Scalar<'_>) -> Option<Box<RawValue>> {
    match value {
        Scalar::Missing => None,
        Scalar::Bool(truth) => to_raw_value(truth).ok(),
        Scalar::Int(number) => to_raw_value(number).ok(),
        Scalar::Set(members) => to_raw_value(members).ok(),
        Scalar::Duration(_) => RawValue::from_string(value.as_text()?.into_owned()).ok(),
        Scalar::Text(_) | Scalar::Ip(_) | Scalar::Const(_) => to_raw_value(&value.as_text()?).ok(),
    }
}

/// Asks upstreams and caches for whole bodies that are not coded: others could not be changed.
pub(super) struct Plain;

impl OnRequest for Plain {
    fn request<'a>(&'a self, exchange: &'a mut Exchange) -> Flow<'a> {
        for name in [ACCEPT_ENCODING, RANGE, IF_RANGE] {
            exchange.request.headers.remove(name);
        }
        Flow::Next
    }
}

/// Changes the JSON body of what was answered.
pub(super) struct Reshape(pub(super) Mapping);

impl OnResponse for Reshape {
    fn wait<'a>(&'a self, exchange: &'a mut Exchange, reply: &'a mut Reply) -> Option<BoxFuture<'a, Result<(), Problem>>> {
        let unread = take(exchange, reply)?;
        Some(Box::pin(async move {
            let text = read(unread?).await?;
            let values = self.0.values(Facts::response(exchange, reply));
            reply.body = self.0.apply(&text, values).ok_or_else(|| unusable("is not JSON"))?;
            Ok(())
        }))
    }
}

/// The body of a reply that is to be changed, its header section made ready for another one; none for a reply that stays.
pub(super) fn take(exchange: &Exchange, reply: &mut Reply) -> Option<Result<Bytes, Problem>> {
    let answered = match reply.source {
        Source::Upstream | Source::Policy => true,
        Source::Gateway => false,
    };
    if !answered {
        return None;
    }
    // Of what it speaks need not be said in it; the tag is that of what was changed, as far as anybody knows.
    if reply.status == StatusCode::NOT_MODIFIED && (is_json(&reply.headers) || !reply.headers.contains_key(CONTENT_TYPE)) {
        weaken(&mut reply.headers);
        return None;
    }
    if !is_json(&reply.headers) {
        return None;
    }
    if exchange.request.method == Method::HEAD {
        altered(&mut reply.headers);
        // Out of a cache it has one, whose length is not that of what a GET is answered.
        reply.body = Bytes::empty();
        return None;
    }
    if reply.body.is_end_stream() {
        return None;
    }
    if is_encoded(&reply.headers) {
        return Some(Err(unusable("is encoded, though it was not asked to be")));
    }
    if reply.status == StatusCode::PARTIAL_CONTENT {
        return Some(Err(unusable("is a part, though the whole was asked for")));
    }
    altered(&mut reply.headers);
    Some(Ok(reply.body.take()))
}

/// A body that is to be changed.
pub(super) async fn read(body: Bytes) -> Result<bytes::Bytes, Problem> {
    body.collected(JSON_MAX).await.map_err(|fault| match fault.kind {
        crate::http::FaultKind::BodyTooLarge => unusable("is too large to be changed"),
        _ => fault.problem(),
    })
}

/// An answer that cannot be changed as it must be, and so is not passed on.
pub(super) fn unusable(why: &str) -> Problem {
    Problem::new(StatusCode::BAD_GATEWAY, format!("the answer {why}"))
}
