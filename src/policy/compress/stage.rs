//! Chooses a coding by what the client accepts, and compresses what is worth it.

use super::Algorithm;
use super::encode::Compressed;
use crate::http::{Body, Exchange, Reply};
use crate::policy::altered::{altered, weaken};
use crate::policy::stage::{Flow, OnRequest, OnResponse};
use http::header::{
    ACCEPT_ENCODING, CACHE_CONTROL, CONTENT_ENCODING, CONTENT_LENGTH, CONTENT_RANGE, CONTENT_TYPE, ETAG, IF_NONE_MATCH, VARY,
};
use http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode};
use http_body::Body as _;

/// Below this many bytes compressing costs more than it saves.
const LEAST: u64 = 1 << 10;

/// The request part.
pub(super) struct Choose(pub(super) Vec<Algorithm>);

impl OnRequest for Choose {
    fn request<'a>(&'a self, exchange: &'a mut Exchange) -> Flow<'a> {
        let headers = &exchange.request.headers;
        if let Some(chosen) = chosen(headers, &self.0) {
            let known: Vec<HeaderValue> = headers.get_all(IF_NONE_MATCH).iter().cloned().collect();
            exchange.kept.insert(chosen);
            if !known.is_empty() {
                exchange.kept.insert(Known(known));
            }
        }
        Flow::Next
    }
}

/// The tags of what a client has already that takes a coding.
#[derive(Debug, Clone)]
struct Known(Vec<HeaderValue>);

impl Known {
    /// True when the client's is what was compressed of the representation with this tag.
    fn is_coded(&self, tag: &HeaderValue) -> bool {
        let mut known = self.0.iter().flat_map(|line| line.as_bytes().split(|byte| *byte == b',')).map(<[u8]>::trim_ascii);
        known.any(|known| known.strip_prefix(b"W/") == Some(tag.as_bytes()))
    }
}

/// What the client likes best; of those it likes equally, what the policy names first.
fn chosen(headers: &HeaderMap, algorithms: &[Algorithm]) -> Option<Algorithm> {
    let mut weights: [Option<u16>; 3] = [None; 3];
    let (mut identity, mut others) = (None, None);
    let entries = headers.get_all(ACCEPT_ENCODING).iter().filter_map(|value| value.to_str().ok()).flat_map(|value| value.split(','));
    for entry in entries {
        let (name, parameters) = entry.split_once(';').unwrap_or((entry, ""));
        let weight = Some(weight(parameters));
        let name = name.trim();
        if name.eq_ignore_ascii_case("identity") {
            identity = weight;
        } else if name == "*" {
            others = weight;
        } else {
            for (slot, algorithm) in weights.iter_mut().zip(Algorithm::ALL) {
                if name.eq_ignore_ascii_case(algorithm.name()) || (*algorithm == Algorithm::Gzip && name.eq_ignore_ascii_case("x-gzip")) {
                    *slot = weight;
                }
            }
        }
    }
    let weight_of = |algorithm: Algorithm| {
        let own = weights.iter().zip(Algorithm::ALL).find(|(_, known)| **known == algorithm).and_then(|(weight, _)| *weight);
        own.or(others).unwrap_or(0)
    };
    let mut best: Option<(Algorithm, u16)> = None;
    for algorithm in algorithms {
        let weight = weight_of(*algorithm);
        if weight > best.map_or(0, |(_, best)| best) {
            best = Some((*algorithm, weight));
        }
    }
    best.filter(|(_, weight)| identity.is_none_or(|identity| identity <= *weight)).map(|(algorithm, _)| algorithm)
}

/// A weight in thousandths (RFC 9110 §12.4.2); one that cannot be read refuses.
fn weight(parameters: &str) -> u16 {
    let Some(text) = parameters.split(';').map(str::trim).find_map(|text| text.strip_prefix("q=").or_else(|| text.strip_prefix("Q=")))
    else {
        return 1_000;
    };
    let (whole, fraction) = text.split_once('.').unwrap_or((text, ""));
    if fraction.len() > 3 || !fraction.bytes().all(|byte| byte.is_ascii_digit()) {
        return 0;
    }
    let thousandths = format!("{fraction:0<3}").parse::<u16>().unwrap_or(0);
    match whole {
        "0" => thousandths,
        "1" if thousandths == 0 => 1_000,
        _ => 0,
    }
}

/// The response part.
pub(super) struct Compress;

impl OnResponse for Compress {
    fn response(&self, exchange: &Exchange, reply: &mut Reply) {
        if reply.status == StatusCode::NOT_MODIFIED {
            return unchanged(exchange, &mut reply.headers);
        }
        let is_head = exchange.request.method == Method::HEAD;
        if !worth_it(reply, is_head) {
            return;
        }
        vary(&mut reply.headers);
        let Some(algorithm) = exchange.kept.get::<Algorithm>().copied() else { return };
        let headers = &mut reply.headers;
        altered(headers);
        headers.insert(CONTENT_ENCODING, HeaderValue::from_static(algorithm.name()));
        // The answer to a HEAD says what a GET would be told, and has no body to compress (RFC 9110 §9.3.2).
        let body = reply.body.take();
        reply.body = if is_head { Body::empty() } else { Body::stream(Compressed::new(body, algorithm)) };
    }
}

/// A 304 says what the 200 in its place would (RFC 9110 §15.4.5), as far as can be known without its body: what the client
/// has tells whether that would be compressed.
fn unchanged(exchange: &Exchange, headers: &mut HeaderMap) {
    let is_other = headers.get(CONTENT_TYPE).is_some_and(|kind| !kind.to_str().is_ok_and(is_compressible));
    if is_other || headers.contains_key(CONTENT_ENCODING) || forbids(headers) {
        return;
    }
    vary(headers);
    if let (Some(known), Some(tag)) = (exchange.kept.get::<Known>(), headers.get(ETAG))
        && known.is_coded(tag)
    {
        weaken(headers);
    }
}

/// True for a whole body of a kind that gets smaller, and large enough; one of unknown length counts as large.
fn worth_it(reply: &Reply, is_head: bool) -> bool {
    let headers = &reply.headers;
    let declared = || headers.get(CONTENT_LENGTH).and_then(|value| value.to_str().ok()).and_then(|value| value.parse::<u64>().ok());
    let length = reply.body.size_hint().exact().filter(|length| !is_head || *length > 0).or_else(declared);
    let text = |name: HeaderName| headers.get(name).and_then(|value| value.to_str().ok());
    !matches!(reply.status, StatusCode::NO_CONTENT | StatusCode::PARTIAL_CONTENT | StatusCode::NOT_MODIFIED)
        && !reply.status.is_informational()
        && length.is_none_or(|length| length >= LEAST)
        && !headers.contains_key(CONTENT_ENCODING)
        && !headers.contains_key(CONTENT_RANGE)
        && text(CONTENT_TYPE).is_some_and(is_compressible)
        && !forbids(headers)
}

/// True when one of the fields says `no-transform` (RFC 9111 §5.2.2.6).
fn forbids(headers: &HeaderMap) -> bool {
    let said = headers.get_all(CACHE_CONTROL).iter().filter_map(|value| value.to_str().ok()).flat_map(|value| value.split(','));
    said.into_iter().any(|entry| entry.trim().eq_ignore_ascii_case("no-transform"))
}

/// Media types that get smaller. Event streams do too, but their readers wait for every byte.
fn is_compressible(content_type: &str) -> bool {
    const TYPES: &[&str] = &[
        "application/javascript",
        "application/json",
        "application/manifest+json",
        "application/vnd.ms-fontobject",
        "application/wasm",
        "application/x-javascript",
        "application/x-ndjson",
        "application/xml",
        "font/otf",
        "font/ttf",
        "image/bmp",
        "image/x-icon",
    ];
    let kind = content_type.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
    match kind.as_str() {
        "text/event-stream" => false,
        kind => kind.starts_with("text/") || kind.ends_with("+json") || kind.ends_with("+xml") || TYPES.contains(&kind),
    }
}

fn vary(headers: &mut HeaderMap) {
    let said = headers
        .get_all(VARY)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(','))
        .any(|name| name.trim() == "*" || name.trim().eq_ignore_ascii_case("accept-encoding"));
    if !said {
        headers.append(VARY, HeaderValue::from_static("Accept-Encoding"));
    }
}
