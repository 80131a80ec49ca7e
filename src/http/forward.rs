//! What the next hop is told about the one before: `Forwarded` (RFC 7239), `X-Forwarded-*`, `Via`, `traceparent`.
//!
//! Nobody is trusted unless the policy says so: a client's own forwarding fields are dropped and the chain begins anew.
//! From a trusted proxy the chain is continued, and the client is found right to left over trusted addresses.

use super::Scheme;
use super::trace::{TRACEPARENT, TRACESTATE, TraceContext};
use http::header::{FORWARDED, VIA};
use http::{HeaderMap, HeaderName, HeaderValue};
use ipnet::IpNet;
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

/// Who the client is, when `peer` is trusted; `None` when it is not.
#[must_use]
pub fn told(headers: &HeaderMap, peer: IpAddr, trust: &[IpNet]) -> Option<Told> {
    is_trusted(peer, trust).then(|| Told { ip: client(headers, peer, trust), scheme: scheme(headers) })
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
fn client(headers: &HeaderMap, peer: IpAddr, trust: &[IpNet]) -> IpAddr {
    let mut client = peer;
    for hop in by_address(headers).unwrap_or_else(|| by_element(headers)).into_iter().rev() {
        let Some(hop) = hop else { break };
        client = hop;
        if !is_trusted(hop, trust) {
            break;
        }
    }
    client
}

/// The hops that `X-Forwarded-For` tells of, if it is there; `None` stands for one that is no address.
fn by_address(headers: &HeaderMap) -> Option<Vec<Option<IpAddr>>> {
    let hops = || elements(headers, &X_FORWARDED_FOR).map(|element| address(element?.trim())).collect();
    headers.contains_key(X_FORWARDED_FOR).then(hops)
}

/// The hops that `Forwarded` tells of.
fn by_element(headers: &HeaderMap) -> Vec<Option<IpAddr>> {
    elements(headers, &FORWARDED).map(|element| forwarded_for(element?)).collect()
}

/// A hop as `Forwarded` names it (RFC 7239 §6).
fn node(hop: Option<IpAddr>) -> String {
    match hop {
        Some(IpAddr::V4(ip)) => ip.to_string(),
        Some(IpAddr::V6(ip)) => format!("\"[{ip}]\""),
        None => "unknown".to_owned(),
    }
}

/// Has `Forwarded` tell the chain that is believed, where that is the one of `X-Forwarded-For`, and nothing else: a proxy that writes
/// one of the two fields hands on what a client has put into the other, who knows which address to put there.
fn agree(headers: &mut HeaderMap) {
    let Some(chain) = by_address(headers) else { return };
    let elements: Vec<String> = chain.into_iter().map(|hop| format!("for={}", node(hop))).collect();
    match HeaderValue::try_from(elements.join(", ")) {
        Ok(told) => headers.insert(FORWARDED, told),
        Err(_) => headers.remove(FORWARDED),
    };
}

/// What `Forwarded` says besides who asked, as parts that are equal where it says the same; none where it is written anew, see
/// [`Forwarding::write`].
pub fn told_of_place(headers: &HeaderMap) -> impl Iterator<Item = &[u8]> {
    let passed_on = !headers.contains_key(X_FORWARDED_FOR);
    let fields = headers.get_all(FORWARDED).into_iter().filter(move |_| passed_on);
    let elements = fields.flat_map(|value| value.as_bytes().split(|byte| *byte == b','));
    elements.flat_map(|element| element.split(|byte| *byte == b';').filter(|pair| !is_node(pair)).chain([&b","[..]]))
}

/// True for a hop's `for=…` and nothing besides, however it is read.
fn is_node(pair: &[u8]) -> bool {
    let node = pair.trim_ascii().split_at_checked(b"for=".len()).filter(|(name, _)| name.eq_ignore_ascii_case(b"for="));
    node.is_some_and(|(_, node)| !node.contains(&b'='))
}

/// The elements of a list; `None` stands for one that is no text, so that it hides none of its neighbours.
fn elements<'a>(headers: &'a HeaderMap, name: &HeaderName) -> impl Iterator<Item = Option<&'a str>> {
    let fields = headers.get_all(name).iter();
    fields.flat_map(|value| value.as_bytes().split(|byte| *byte == b',')).map(|element| std::str::from_utf8(element).ok())
}

fn forwarded_for(element: &str) -> Option<IpAddr> {
    let (_, node) = element.split(';').filter_map(|pair| pair.trim().split_once('=')).find(|(name, _)| name.eq_ignore_ascii_case("for"))?;
    address(node.trim_matches('"'))
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
    match elements(headers, &X_FORWARDED_PROTO).last()??.trim() {
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
        hop.write(&mut fields, false);
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
    fn write(&self, headers: &mut HeaderMap, trusted: bool) {
        headers.reserve(ADDED_FIELDS);
        if trusted {
            headers.remove(X_REAL_IP);
            agree(headers);
            extend(headers, X_FORWARDED_FOR, &self.address);
            extend(headers, FORWARDED, &self.element);
            for (name, value) in [(X_FORWARDED_HOST, &self.authority), (X_FORWARDED_PROTO, &self.proto())] {
                if !headers.contains_key(&name) {
                    headers.insert(name, value.clone());
                }
            }
        } else {
            headers.insert(X_FORWARDED_FOR, self.address.clone());
            headers.insert(FORWARDED, self.element.clone());
            headers.insert(X_FORWARDED_HOST, self.authority.clone());
            headers.insert(X_FORWARDED_PROTO, self.proto());
        }
        extend(headers, VIA, &VIA_OURS);
    }

    fn proto(&self) -> HeaderValue {
        HeaderValue::from_static(self.scheme.as_str())
    }
}

/// Four forwarding fields, `Via` and `traceparent`.
const ADDED_FIELDS: usize = 6;

/// What the next hop is told of the one before and of the trace. Worked out when a request comes, and written when it
/// leaves: until then its fields are those that the client sent.
#[derive(Debug, Clone)]
pub struct Forwarding {
    hop: Arc<Hop>,
    trusted: bool,
    /// Nothing that the client sent has to be continued.
    begins: bool,
    /// The request's place in its trace.
    pub trace: TraceContext,
}

impl Forwarding {
    /// What to tell of a hop whose forged fields are gone; the trace is the client's with a span of our own, or a new one
    /// (W3C Trace Context §3).
    pub fn new(hop: &Arc<Hop>, trusted: bool, headers: &HeaderMap, random: &mut fastrand::Rng) -> Self {
        let continued = |name: &HeaderName| *name == VIA || *name == TRACEPARENT || *name == TRACESTATE;
        let begins = !trusted && !headers.keys().any(continued);
        let theirs = if begins { None } else { headers.get(TRACEPARENT) };
        Self { hop: Arc::clone(hop), trusted, begins, trace: TraceContext::continuing(theirs.map(HeaderValue::as_bytes), random) }
    }

    /// Writes the fields.
    pub fn write(&self, headers: &mut HeaderMap) {
        self.hop.write(headers, self.trusted);
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
mod tests {
    use super::{
        FORWARDED, Forwarding, Hop, Scheme, TRACEPARENT, TRACESTATE, Told, TraceContext, X_FORWARDED_FOR, X_FORWARDED_PROTO, request_id,
        told, told_of_place,
    };
    use http::{HeaderMap, HeaderValue};
    use std::net::IpAddr;
    use std::sync::Arc;
    use std::time::Duration;

    fn ip(text: &str) -> IpAddr {
        text.parse().unwrap()
    }

    #[test]
    fn what_a_client_says_in_the_field_that_its_proxy_does_not_write_is_not_handed_on() {
        let hop = Arc::new(Hop::new(ip("10.0.0.1"), Scheme::Http, &HeaderValue::from_static("a")));
        let told = |addresses: &'static str, elements: &'static str| {
            let mut headers = HeaderMap::new();
            headers.insert(X_FORWARDED_FOR, HeaderValue::from_static(addresses));
            headers.insert(FORWARDED, HeaderValue::from_static(elements));
            Forwarding::new(&hop, true, &headers, &mut fastrand::Rng::with_seed(7)).write(&mut headers);
            headers[FORWARDED].to_str().unwrap().to_owned()
        };
        let own = "for=10.0.0.1;host=\"a\";proto=http";
        assert_eq!(told("192.0.2.7", "for=6.6.6.6;proto=https"), format!("for=192.0.2.7, {own}"));
        assert_eq!(told("?, 2001:db8::7", "for=6.6.6.6"), format!("for=unknown, for=\"[2001:db8::7]\", {own}"));
        let knows_its_address = "for=192.0.2.7;host=evil.example;proto=https";
        assert_eq!(told("192.0.2.7", knows_its_address), format!("for=192.0.2.7, {own}"));
        assert_eq!(told("unknown", "for=_x;host=evil.example"), format!("for=unknown, {own}"));
        assert_eq!(told("", "for=_x;host=evil.example"), format!("for=unknown, {own}"));
    }

    #[test]
    fn what_forwarded_says_of_the_place_differs_with_all_but_the_hops_and_counts_where_it_is_handed_on() {
        let said = |elements: &'static str, addresses: Option<&'static str>| {
            let mut headers = HeaderMap::from_iter([(FORWARDED, HeaderValue::from_static(elements))]);
            headers.extend(addresses.map(|addresses| (X_FORWARDED_FOR, HeaderValue::from_static(addresses))));
            told_of_place(&headers).map(|part| String::from_utf8_lossy(part).into_owned()).collect::<Vec<_>>()
        };
        assert_eq!(said("for=192.0.2.7;host=a", None), said("For=\"[2001:db8::7]:80\";host=a", None));
        let others = ["host=a", "host=b", "host=a;proto=http", "for=x host=a", "for=x, host=a", "host=a, for=x", "for=\"x;host=a\""];
        let distinct: std::collections::BTreeSet<_> = others.iter().map(|elements| said(elements, None)).collect();
        assert_eq!(distinct.len(), others.len(), "{distinct:?}");
        assert_eq!(said("for=192.0.2.7;host=a", Some("192.0.2.7")), said("", Some("192.0.2.7")));
    }

    #[test]
    fn an_untrusted_peer_tells_nothing_and_its_fields_are_replaced() {
        let mut headers = HeaderMap::new();
        headers.insert(X_FORWARDED_FOR, HeaderValue::from_static("6.6.6.6"));
        assert_eq!(told(&headers, ip("192.0.2.1"), &["10.0.0.0/8".parse().unwrap()]), None);
        crate::http::hop::strip_forwarding(&mut headers);
        Hop::new(ip("192.0.2.1"), Scheme::Http, &HeaderValue::from_static("shop.example:80")).write(&mut headers, false);
        assert_eq!(headers[X_FORWARDED_FOR], "192.0.2.1");
        assert_eq!(headers[FORWARDED], "for=192.0.2.1;host=\"shop.example:80\";proto=http");
        assert_eq!(headers["via"], "1.1 gatewright");
    }

    #[test]
    fn a_trusted_chain_is_walked_right_to_left_and_continued() {
        let trust = ["10.0.0.0/8".parse().unwrap()];
        let mut headers = HeaderMap::new();
        headers.insert(X_FORWARDED_FOR, HeaderValue::from_static("6.6.6.6, 192.0.2.7, 10.0.0.2"));
        headers.insert(X_FORWARDED_PROTO, HeaderValue::from_static("https"));
        let expected = Told { ip: ip("192.0.2.7"), scheme: Some(Scheme::Https) };
        assert_eq!(told(&headers, ip("10.0.0.1"), &trust), Some(expected));
        Hop::new(ip("10.0.0.1"), Scheme::Http, &HeaderValue::from_static("h")).write(&mut headers, true);
        assert_eq!(headers[X_FORWARDED_FOR], "6.6.6.6, 192.0.2.7, 10.0.0.2, 10.0.0.1");
        assert_eq!(headers[X_FORWARDED_PROTO], "https");
    }

    #[test]
    fn a_broken_element_ends_the_chain() {
        let trust = ["10.0.0.0/8".parse().unwrap()];
        let mut headers = HeaderMap::new();
        headers.insert(X_FORWARDED_FOR, HeaderValue::from_static("1.1.1.1, unknown, 10.0.0.2"));
        assert_eq!(told(&headers, ip("10.0.0.1"), &trust).unwrap().ip, ip("10.0.0.2"));
        headers.remove(X_FORWARDED_FOR);
        headers.insert(FORWARDED, HeaderValue::from_static("for=\"[2001:db8::1]:99\";proto=https"));
        assert_eq!(told(&headers, ip("10.0.0.1"), &trust).unwrap().ip, ip("2001:db8::1"));
    }

    #[test]
    fn an_element_that_is_no_text_hides_none_of_its_neighbours() {
        let trust = ["10.0.0.0/8".parse().unwrap()];
        let mut headers = HeaderMap::new();
        headers.append(X_FORWARDED_FOR, HeaderValue::from_static("1.1.1.1"));
        headers.append(X_FORWARDED_FOR, HeaderValue::from_bytes(b"\xff, 192.0.2.7").unwrap());
        assert_eq!(told(&headers, ip("10.0.0.1"), &trust).unwrap().ip, ip("192.0.2.7"));
        headers.insert(X_FORWARDED_FOR, HeaderValue::from_bytes(b"1.1.1.1, \xff, 10.0.0.2").unwrap());
        assert_eq!(told(&headers, ip("10.0.0.1"), &trust).unwrap().ip, ip("10.0.0.2"));
    }

    fn forwarded(headers: &mut HeaderMap) -> Forwarding {
        let hop = Arc::new(Hop::new(ip("192.0.2.1"), Scheme::Http, &HeaderValue::from_static("h")));
        let forwarding = Forwarding::new(&hop, false, headers, &mut fastrand::Rng::with_seed(7));
        forwarding.write(headers);
        forwarding
    }

    #[test]
    fn a_trace_is_continued_with_a_span_of_our_own_or_begun() {
        let sent = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
        let mut headers = HeaderMap::new();
        headers.insert(TRACEPARENT, HeaderValue::from_static(sent));
        headers.insert(TRACESTATE, HeaderValue::from_static("a=1"));
        forwarded(&mut headers);
        let seen = headers[TRACEPARENT].to_str().unwrap();
        assert_eq!(seen[..36], sent[..36]);
        assert_ne!(seen[36..52], sent[36..52]);
        assert_eq!(headers[TRACESTATE], "a=1");
        headers.insert(TRACEPARENT, HeaderValue::from_static("00-00000000000000000000000000000000-b7ad6b7169203331-01"));
        forwarded(&mut headers);
        assert!(TraceContext::parse(headers[TRACEPARENT].as_bytes()).is_some());
        assert_eq!(headers.get(TRACESTATE), None);
    }

    #[test]
    fn lines_say_what_fields_say_and_are_there_where_nothing_is_continued() {
        let mut headers = HeaderMap::new();
        let lines = forwarded(&mut headers).lines().unwrap().concat();
        let fields = headers.iter().map(|(name, value)| format!("{name}: {}\r\n", value.to_str().unwrap()));
        assert_eq!(String::from_utf8(lines).unwrap(), fields.collect::<String>());
        for (name, value) in [("via", "1.0 a"), ("tracestate", "a=1"), ("traceparent", "?")] {
            let mut headers = HeaderMap::from_iter([(name.parse().unwrap(), HeaderValue::from_static(value))]);
            assert_eq!(forwarded(&mut headers).lines(), None, "{name}");
            assert!(TraceContext::parse(headers[TRACEPARENT].as_bytes()).is_some());
        }
    }

    #[test]
    fn a_request_id_is_a_uuid_of_version_seven() {
        let id = request_id(Duration::from_millis(0x0190_0000_0000), &mut fastrand::Rng::with_seed(1));
        let id = id.to_str().unwrap();
        assert!(id.starts_with("01900000-0000-7"), "{id}");
    }
}
