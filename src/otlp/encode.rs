//! Spans as the JSON of an `ExportTraceServiceRequest` (OTLP 1), named by OpenTelemetry's conventions for HTTP. Queries,
//! header fields and bodies are never in it.

use super::RequestSpan;
use crate::http::Clock;
use crate::http::trace::AttemptSpan;
use http::StatusCode;
use serde_json::{Value, json};
use tokio::time::Instant;

/// `SPAN_KIND_SERVER`
const SERVER: u8 = 2;
/// `SPAN_KIND_CLIENT`
const CLIENT: u8 = 3;
/// `STATUS_CODE_ERROR`
const ERROR: u8 = 2;
/// What a span is called whose method nobody knows.
const OTHER: &str = "_OTHER";

/// The request of a batch from a gateway that is called so, and how many spans are in it.
pub fn batch(instance: &str, requests: &[Box<RequestSpan>]) -> (Vec<u8>, usize) {
    let mut spans = Vec::with_capacity(requests.len() * 2);
    for request in requests {
        spans.push(server(request));
        spans.extend(request.spans.take_attempts().iter().map(|attempt| client(request, attempt)));
    }
    let count = spans.len();
    let version = env!("CARGO_PKG_VERSION");
    let resource = [("service.name", "gatewright"), ("service.version", version), ("service.instance.id", instance)];
    let body = json!({ "resourceSpans": [{
        "resource": { "attributes": resource.map(|(key, value)| text(key, value)) },
        "scopeSpans": [{ "scope": { "name": "gatewright", "version": version }, "spans": spans }],
    }] });
    (serde_json::to_vec(&body).unwrap_or_default(), count)
}

fn server(request: &RequestSpan) -> Value {
    let method = known(request.method.as_str());
    let mut attributes = vec![
        text("http.request.method", method),
        text("url.scheme", request.scheme.as_str()),
        text("url.path", &request.path),
        text("server.address", &request.host),
        text("client.address", &request.client.to_string()),
        number("http.response.status_code", u64::from(request.status.as_u16())),
    ];
    if method == OTHER {
        attributes.push(text("http.request.method_original", request.method.as_str()));
    }
    if let Ok(id) = request.id.to_str() {
        attributes.push(text("gatewright.request_id", id));
    }
    let mut name = if method == OTHER { "HTTP".to_owned() } else { method.to_owned() };
    if let Some((route, pattern)) = &request.route {
        name.push(' ');
        name.push_str(pattern);
        attributes.push(text("http.route", pattern));
        attributes.push(text("gatewright.route", route));
    }
    let fault = request.status.is_server_error().then(|| request.status.as_str().to_owned());
    let ids = (request.spans.context.span(), request.spans.parent);
    span(request, ids, (SERVER, name), (request.began, request.ended), attributes, fault)
}

fn client(request: &RequestSpan, attempt: &AttemptSpan) -> Value {
    let method = known(attempt.method.as_str());
    let mut attributes = vec![
        text("http.request.method", method),
        text("server.address", &attempt.host),
        number("server.port", u64::from(attempt.port)),
        text("gatewright.upstream", &attempt.upstream),
    ];
    if method == OTHER {
        attributes.push(text("http.request.method_original", attempt.method.as_str()));
    }
    if attempt.resends > 0 {
        attributes.push(number("http.request.resend_count", u64::from(attempt.resends)));
    }
    let fault = match attempt.outcome {
        Some(Ok(status)) => {
            attributes.push(number("http.response.status_code", u64::from(status.as_u16())));
            is_fault(status).then(|| status.as_str().to_owned())
        }
        Some(Err(fault)) => Some(fault.to_owned()),
        None => Some("given_up".to_owned()),
    };
    let name = if method == OTHER { "HTTP".to_owned() } else { method.to_owned() };
    let ids = (attempt.span, Some(request.spans.context.span()));
    span(request, ids, (CLIENT, name), (attempt.began, attempt.ended), attributes, fault)
}

/// To whoever asks, what is the asker's own fault is a fault as well.
fn is_fault(status: StatusCode) -> bool {
    status.is_client_error() || status.is_server_error()
}

fn span(
    request: &RequestSpan,
    (id, parent): (u64, Option<u64>),
    (kind, name): (u8, String),
    (began, ended): (Instant, Instant),
    mut attributes: Vec<Value>,
    fault: Option<String>,
) -> Value {
    let mut status = json!({});
    if let Some(fault) = fault {
        attributes.push(text("error.type", &fault));
        status = json!({ "code": ERROR });
    }
    let mut span = json!({
        "traceId": format!("{:032x}", request.spans.context.trace()),
        "spanId": format!("{id:016x}"),
        "name": name,
        "kind": kind,
        "startTimeUnixNano": nanos(&request.clock, began),
        "endTimeUnixNano": nanos(&request.clock, ended),
        "attributes": attributes,
        "status": status,
        "flags": 1,
    });
    if let (Some(parent), Some(members)) = (parent, span.as_object_mut()) {
        members.insert("parentSpanId".to_owned(), format!("{parent:016x}").into());
    }
    span
}

/// A number of 64 bits is a string in the JSON of protobuf.
fn nanos(clock: &Clock, instant: Instant) -> String {
    clock.at_instant(instant).as_nanos().to_string()
}

fn text(key: &str, value: &str) -> Value {
    json!({ "key": key, "value": { "stringValue": value } })
}

fn number(key: &str, value: u64) -> Value {
    json!({ "key": key, "value": { "intValue": value.to_string() } })
}

/// The methods of RFC 9110 and RFC 5789; others would make as many names as clients like.
fn known(method: &str) -> &str {
    match method {
        "GET" | "HEAD" | "POST" | "PUT" | "DELETE" | "CONNECT" | "OPTIONS" | "TRACE" | "PATCH" => method,
        _ => OTHER,
    }
}
