//! What the next hop is told about the one before: `Forwarded` (RFC 7239), `X-Forwarded-*`, `Via`, `traceparent`.
//!
//! Nobody is trusted unless the policy says so: a client's own forwarding fields are dropped and the chain begins anew.
//! From a trusted proxy the chain is continued, and the client is found right to left over trusted addresses. A proxy writes one of
//! the fields and hands on what a client has put into the other, so only one of them is heard.

use super::trace::{TRACEPARENT, TRACESTATE, TraceContext};
use super::{Scheme, hop};
use http::header::{FORWARDED, VIA};
use http::{HeaderMap, HeaderName, HeaderValue};
use ipnet::IpNet;
use serde::{Deserialize, Serialize};
use std::net::IpAddr;
use std::sync::Arc;

/// `X-Forwarded-For`
pub const X_FORWARDED_FOR: HeaderName = HeaderName::from_static("x-forwarded-for");
/// `X-Forwarded-Host`
pub const X_FORWARDED_HOST: HeaderName = HeaderName::from_static("x-forwarded-host");
/// `X-Forwarded-Proto`
pub const X_FORWARDED_PROTO: HeaderName = HeaderName::from_static("x-forwarded-proto");
/// What a trusted proxy says of the place that its client asked for, besides [`told_of_place`]. Upstreams may make their answers of
/// that; whose word does not count, theirs are gone.
pub const PLACE: [HeaderName; 4] =
    [X_FORWARDED_HOST, X_FORWARDED_PROTO, HeaderName::from_static("x-forwarded-port"), HeaderName::from_static("x-forwarded-prefix")];
/// What the gateway writes for each client or request anew, besides the request's id.
const ANEW: [HeaderName; 4] = [X_FORWARDED_FOR, FORWARDED, TRACEPARENT, TRACESTATE];
const X_REAL_IP: HeaderName = HeaderName::from_static("x-real-ip");

const VIA_OURS: HeaderValue = HeaderValue::from_static("1.1 gatewright");

/// Longest request id that is taken over from a trusted proxy, in bytes.
const REQUEST_ID_BYTES_MAX: usize = 128;

/// What a trusted proxy says about the client it forwards for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Told {
    /// The client's address: the first from the right that is not itself trusted.
    pub ip: IpAddr,
    /// The scheme it used.
    pub scheme: Option<Scheme>,
}

/// The field in which trusted proxies say whom they forward for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Field {
    /// `X-Forwarded-For`, beside which `X-Forwarded-Proto` and its like are theirs too.
    #[default]
    XForwardedFor,
    /// `Forwarded` (RFC 7239).
    Forwarded,
}

impl Field {
    /// Their names, as a policy has them.
    pub const NAMES: &'static [&'static str] = &["x-forwarded-for", "forwarded"];

    /// The field of a name.
    #[must_use]
    pub fn named(name: &str) -> Option<Self> {
        [Self::XForwardedFor, Self::Forwarded].into_iter().find(|field| field.name() == name)
    }

    /// Its name.
    #[must_use]
    pub fn name(self) -> HeaderName {
        match self {
            Self::XForwardedFor => X_FORWARDED_FOR,
            Self::Forwarded => FORWARDED,
        }
    }
}

/// Who the client is, when `peer` is trusted; `None` when it is not. The forwarding fields whose word does not count are gone then.
pub fn told(headers: &mut HeaderMap, peer: IpAddr, trust: &[IpNet], field: Field) -> Option<Told> {
    if !is_trusted(peer, trust) {
        hop::strip_forwarding(headers, |_| true);
        return None;
    }
    match field {
        Field::XForwardedFor => {
            headers.remove(FORWARDED);
            Some(Told { scheme: scheme(headers), ..client(headers, peer, trust, field) })
        }
        Field::Forwarded => {
            hop::strip_forwarding(headers, |name| *name != FORWARDED);
            Some(client(headers, peer, trust, field))
        }
    }
}

/// True for a proxy whose word is taken.
#[must_use]
pub fn is_trusted(ip: IpAddr, trust: &[IpNet]) -> bool {
    trust.iter().any(|network| network.contains(&ip))
}

/// True for a field that an upstream gets with another value than the client sent, which says who asks or which request it is: nobody
/// can tell beforehand whether two requests will have the same.
#[must_use]
pub fn is_written_anew(name: &HeaderName) -> bool {
    ANEW.contains(name)
}

/// Walks the chain right to left; an entry that is no address ends it, as nothing left of it can be believed.
fn client(headers: &HeaderMap, peer: IpAddr, trust: &[IpNet], field: Field) -> Told {
    let mut told = Told { ip: peer, scheme: None };
    for element in elements(headers, &field.name()) {
        if field == Field::Forwarded {
            told.scheme = pair(element, b"proto").and_then(scheme_of);
        }
        let Some(ip) = hop_of(element, field) else { break };
        told.ip = ip;
        if !is_trusted(ip, trust) {
            break;
        }
    }
    told
}

/// The hop that an element tells of; `None` stands for one that is no address.
fn hop_of(element: &[u8], field: Field) -> Option<IpAddr> {
    match field {
        Field::XForwardedFor => address(std::str::from_utf8(element).ok()?.trim()),
        Field::Forwarded => address(pair(element, b"for")?),
    }
}

/// A hop as `Forwarded` names it (RFC 7239 §6).
fn node(hop: Option<IpAddr>) -> String {
    match hop {
        Some(IpAddr::V4(ip)) => ip.to_string(),
        Some(IpAddr::V6(ip)) => format!("\"[{ip}]\""),
        None => "unknown".to_owned(),
    }
}

/// Has the field that was not heard tell the chain of the one that was, and nothing else.
fn agree(headers: &mut HeaderMap) {
    let heard = [Field::XForwardedFor, Field::Forwarded].into_iter().find(|field| headers.contains_key(field.name()));
    let Some(heard) = heard else { return };
    let hops = elements(headers, &heard.name()).map(|element| hop_of(element, heard));
    let (other, mut chain): (_, Vec<String>) = match heard {
        Field::XForwardedFor => (FORWARDED, hops.map(|hop| format!("for={}", node(hop))).collect()),
        Field::Forwarded => (X_FORWARDED_FOR, hops.map(|hop| hop.map_or_else(|| "unknown".to_owned(), |ip| ip.to_string())).collect()),
    };
    chain.reverse();
    match HeaderValue::try_from(chain.join(", ")) {
        Ok(told) => headers.insert(other, told),
        Err(_) => headers.remove(other),
    };
}

/// What `Forwarded` says besides who asked, as parts that are equal where it says the same; it is there only where it is heard.
pub fn told_of_place(headers: &HeaderMap) -> impl Iterator<Item = &[u8]> {
    elements(headers, &FORWARDED).flat_map(|element| parts(element, b';').filter(|pair| !is_node(pair)).chain([&b","[..]]))
}

/// True for a hop's `for=…` and nothing besides, however it is read.
fn is_node(pair: &[u8]) -> bool {
    let node = pair.trim_ascii().split_at_checked(b"for=".len()).filter(|(name, _)| name.eq_ignore_ascii_case(b"for="));
    node.is_some_and(|(_, node)| !node.contains(&b'='))
}

/// The elements of a list from right to left. Those of `Forwarded` may hold commas, in quotes.
fn elements<'a>(headers: &'a HeaderMap, name: &HeaderName) -> impl Iterator<Item = &'a [u8]> + use<'a> {
    headers.get_all(name).into_iter().rev().flat_map(|value| parts(value.as_bytes(), b','))
}

/// The parts of a list from right to left, what is quoted (RFC 9110 §5.6.4) left whole. Those who are believed wrote at the right:
/// read from there, a quote that a client has left open hides none of theirs.
fn parts(list: &[u8], separator: u8) -> impl Iterator<Item = &[u8]> {
    let mut rest = Some(list);
    std::iter::from_fn(move || {
        let list = rest?;
        let (mut cut, mut quoted) = (None, false);
        for (at, byte) in list.iter().enumerate().rev() {
            let is_escaped = || list.iter().take(at).rev().take_while(|byte| **byte == b'\\').count() % 2 == 1;
            if *byte == b'"' && !(quoted && is_escaped()) {
                quoted = !quoted;
            } else if *byte == separator && !quoted {
                cut = Some(at);
                break;
            }
        }
        rest = cut.and_then(|at| list.get(..at));
        list.get(cut.map_or(0, |at| at + 1)..)
    })
}

/// What an element of `Forwarded` says under a name, without its quotes.
fn pair<'a>(element: &'a [u8], name: &[u8]) -> Option<&'a str> {
    let pairs = parts(element, b';').filter_map(|pair| {
        let pair = pair.trim_ascii();
        pair.split_at_checked(pair.iter().position(|byte| *byte == b'=')?)
    });
    let mut named = pairs.filter(|(is, _)| is.eq_ignore_ascii_case(name));
    let (_, value) = named.next()?;
    Some(std::str::from_utf8(value).ok()?.trim_start_matches('=').trim_matches('"'))
}

/// An address with or without a port; IPv6 with a port stands in brackets.
fn address(text: &str) -> Option<IpAddr> {
    let bare = text.strip_prefix('[').and_then(|rest| rest.split_once(']')).map(|(ip, _)| ip);
    let ip = match bare {
        Some(ip) => ip.parse().ok(),
        None => text.parse().ok().or_else(|| text.rsplit_once(':').and_then(|(ip, _)| ip.parse().ok())),
    };
    ip.map(|ip: IpAddr| ip.to_canonical())
}

/// The last hop's word counts: it is the one that was told apart.
fn scheme(headers: &HeaderMap) -> Option<Scheme> {
    scheme_of(std::str::from_utf8(elements(headers, &X_FORWARDED_PROTO).next()?).ok()?.trim())
}

fn scheme_of(proto: &str) -> Option<Scheme> {
    match proto {
        proto if proto.eq_ignore_ascii_case("https") => Some(Scheme::Https),
        proto if proto.eq_ignore_ascii_case("http") => Some(Scheme::Http),
        _ => None,
    }
}

/// One hop as the next is told: made once per connection and host.
#[derive(Debug, Clone)]
pub struct Hop {
    /// The peer's address.
    pub address: HeaderValue,
    /// The element of `Forwarded`.
    pub element: HeaderValue,
    /// The authority the peer asked for.
    pub authority: HeaderValue,
    /// The scheme the peer used.
    pub scheme: Scheme,
    /// All it adds to a request that was forwarded by nobody before, as the lines of a head.
    lines: Arc<[u8]>,
}

impl Hop {
    /// A hop from a peer's address, scheme and the authority it asked for.
    #[must_use]
    pub fn new(peer: IpAddr, scheme: Scheme, authority: &HeaderValue) -> Self {
        let host = authority.to_str().unwrap_or_default();
        let element = format!("for={};host=\"{host}\";proto={}", node(Some(peer)), scheme.as_str());
        let text = |text: String| HeaderValue::try_from(text).unwrap_or_else(|_| HeaderValue::from_static("unknown"));
        let authority = authority.clone();
        let mut hop = Self { address: text(peer.to_string()), element: text(element), authority, scheme, lines: Arc::default() };
        let mut fields = HeaderMap::new();
        hop.write(&mut fields, None);
        let mut lines = Vec::new();
        for (name, value) in &fields {
            for part in [name.as_str().as_bytes(), b": ", value.as_bytes(), b"\r\n"] {
                lines.extend_from_slice(part);
            }
        }
        hop.lines = lines.into();
        hop
    }

    /// Writes the forwarding fields: anew when the peer is not trusted, whose own are gone already; continuing its chain
    /// when it is.
    fn write(&self, headers: &mut HeaderMap, told: Option<Told>) {
        headers.reserve(ADDED_FIELDS);
        let proto = told.and_then(|told| told.scheme).unwrap_or(self.scheme);
        let proto = HeaderValue::from_static(proto.as_str());
        if told.is_some() {
            headers.remove(X_REAL_IP);
            agree(headers);
            extend(headers, X_FORWARDED_FOR, &self.address);
            extend(headers, FORWARDED, &self.element);
            for (name, value) in [(X_FORWARDED_HOST, &self.authority), (X_FORWARDED_PROTO, &proto)] {
                if !headers.contains_key(&name) {
                    headers.insert(name, value.clone());
                }
            }
        } else {
            headers.insert(X_FORWARDED_FOR, self.address.clone());
            headers.insert(FORWARDED, self.element.clone());
            headers.insert(X_FORWARDED_HOST, self.authority.clone());
            headers.insert(X_FORWARDED_PROTO, proto);
        }
        extend(headers, VIA, &VIA_OURS);
    }
}

/// Four forwarding fields, `Via` and `traceparent`.
const ADDED_FIELDS: usize = 6;

/// What the next hop is told of the one before and of the trace. Worked out when a request comes, and written when it
/// leaves: until then its fields are those that the client sent.
#[derive(Debug, Clone)]
pub struct Forwarding {
    hop: Arc<Hop>,
    told: Option<Told>,
    /// Nothing that the client sent has to be continued.
    begins: bool,
    /// The request's place in its trace.
    pub trace: TraceContext,
}

impl Forwarding {
    /// What to tell of a hop whose forged fields are gone; the trace is the client's with a span of our own, or a new one
    /// (W3C Trace Context §3).
    pub fn new(hop: &Arc<Hop>, told: Option<Told>, headers: &HeaderMap, random: &mut fastrand::Rng) -> Self {
        let continued = |name: &HeaderName| *name == VIA || *name == TRACEPARENT || *name == TRACESTATE;
        let begins = told.is_none() && !headers.keys().any(continued);
        let theirs = if begins { None } else { headers.get(TRACEPARENT) };
        Self { hop: Arc::clone(hop), told, begins, trace: TraceContext::continuing(theirs.map(HeaderValue::as_bytes), random) }
    }

    /// Writes the fields.
    pub fn write(&self, headers: &mut HeaderMap) {
        self.hop.write(headers, self.told);
        let theirs = headers.get(TRACEPARENT).and_then(|theirs| TraceContext::parse(theirs.as_bytes()));
        if !theirs.is_some_and(|theirs| theirs.shares_trace(&self.trace)) {
            headers.remove(TRACESTATE);
        }
        if let Ok(value) = HeaderValue::from_bytes(self.trace.as_bytes()) {
            headers.insert(TRACEPARENT, value);
        }
    }

    /// The same as lines of a head, where the request's own fields are not touched by it.
    #[must_use]
    pub fn lines(&self) -> Option<[&[u8]; 4]> {
        self.begins.then_some([&*self.hop.lines, b"traceparent: ", self.trace.as_bytes(), b"\r\n"])
    }
}

/// Appends an element to a list field, keeping it one field.
fn extend(headers: &mut HeaderMap, name: HeaderName, element: &HeaderValue) {
    let mut all = Vec::new();
    if !headers.contains_key(&name) {
        headers.insert(name, element.clone());
        return;
    }
    for value in headers.get_all(&name) {
        all.extend_from_slice(value.as_bytes());
        all.extend_from_slice(b", ");
    }
    all.extend_from_slice(element.as_bytes());
    headers.insert(name, HeaderValue::from_bytes(&all).unwrap_or_else(|_| element.clone()));
}

/// A request id from a trusted proxy, when it is one: visible ASCII, not too long.
#[must_use]
pub fn trusted_id(headers: &HeaderMap, name: &HeaderName) -> Option<HeaderValue> {
    headers.get(name).filter(|id| (1..=REQUEST_ID_BYTES_MAX).contains(&id.len()) && id.as_bytes().iter().all(u8::is_ascii_graphic)).cloned()
}

/// A UUID of version 7 (RFC 9562 §5.7) for an instant of the wall clock.
#[must_use]
pub fn request_id(since_epoch: std::time::Duration, random: &mut fastrand::Rng) -> HeaderValue {
    let mut bytes = [0; 10];
    random.fill(&mut bytes);
    let millis = u64::try_from(since_epoch.as_millis()).unwrap_or(u64::MAX);
    let id = uuid::Builder::from_unix_timestamp_millis(millis, &bytes).into_uuid();
    let mut text = [0; uuid::fmt::Hyphenated::LENGTH];
    let text: &str = id.hyphenated().encode_lower(&mut text);
    HeaderValue::from_str(text).unwrap_or_else(|_| HeaderValue::from_static("-"))
}

#[cfg(test)]
mod tests;
