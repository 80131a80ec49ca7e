//! Who is believed, and what the next hop is told.

use super::{
    FORWARDED, Field, Forwarding, Hop, Scheme, TRACEPARENT, TRACESTATE, Told, TraceContext, X_FORWARDED_FOR, X_FORWARDED_PROTO, request_id,
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
        let told = super::told(&mut headers, ip("10.0.0.1"), &["10.0.0.0/8".parse().unwrap()], Field::XForwardedFor);
        Forwarding::new(&hop, told, &headers, &mut fastrand::Rng::with_seed(7)).write(&mut headers);
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
fn what_forwarded_says_of_the_place_differs_with_all_but_the_hops() {
    let said = |elements: &'static str| {
        let headers = HeaderMap::from_iter([(FORWARDED, HeaderValue::from_static(elements))]);
        told_of_place(&headers).map(|part| String::from_utf8_lossy(part).into_owned()).collect::<Vec<_>>()
    };
    assert_eq!(said("for=192.0.2.7;host=a"), said("For=\"[2001:db8::7]:80\";host=a"));
    let others = ["host=a", "host=b", "host=a;proto=http", "for=x host=a", "for=x, host=a", "host=a, for=x", "for=\"x;host=a\""];
    let distinct: std::collections::BTreeSet<_> = others.iter().map(|elements| said(elements)).collect();
    assert_eq!(distinct.len(), others.len(), "{distinct:?}");
}

#[test]
fn an_untrusted_peer_tells_nothing_and_its_fields_are_replaced() {
    let mut headers = HeaderMap::new();
    headers.insert(X_FORWARDED_FOR, HeaderValue::from_static("6.6.6.6"));
    assert_eq!(told(&mut headers, ip("192.0.2.1"), &["10.0.0.0/8".parse().unwrap()], Field::default()), None);
    Hop::new(ip("192.0.2.1"), Scheme::Http, &HeaderValue::from_static("shop.example:80")).write(&mut headers, None);
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
    let heard = told(&mut headers, ip("10.0.0.1"), &trust, Field::XForwardedFor);
    assert_eq!(heard, Some(expected));
    Hop::new(ip("10.0.0.1"), Scheme::Http, &HeaderValue::from_static("h")).write(&mut headers, heard);
    assert_eq!(headers[X_FORWARDED_FOR], "6.6.6.6, 192.0.2.7, 10.0.0.2, 10.0.0.1");
    assert_eq!(headers[X_FORWARDED_PROTO], "https");
}

#[test]
fn a_broken_element_ends_the_chain() {
    let trust = ["10.0.0.0/8".parse().unwrap()];
    let mut headers = HeaderMap::new();
    headers.insert(X_FORWARDED_FOR, HeaderValue::from_static("1.1.1.1, unknown, 10.0.0.2"));
    assert_eq!(told(&mut headers, ip("10.0.0.1"), &trust, Field::XForwardedFor).unwrap().ip, ip("10.0.0.2"));
}

#[test]
fn of_two_fields_only_the_one_that_the_proxies_write_is_heard() {
    let trust = ["10.0.0.0/8".parse().unwrap()];
    let heard = |addresses: &'static str, elements: &'static str, field: Field| {
        let mut headers = HeaderMap::new();
        headers.insert(X_FORWARDED_FOR, HeaderValue::from_static(addresses));
        headers.insert(X_FORWARDED_PROTO, HeaderValue::from_static("http"));
        headers.insert(FORWARDED, HeaderValue::from_static(elements));
        (told(&mut headers, ip("10.0.0.1"), &trust, field).unwrap(), headers)
    };
    let (told, headers) = heard("6.6.6.6", "for=\"[2001:db8::1]:99\";proto=https, for=10.0.0.2;proto=http", Field::Forwarded);
    assert_eq!(told, Told { ip: ip("2001:db8::1"), scheme: Some(Scheme::Https) });
    assert!(!headers.contains_key(X_FORWARDED_FOR) && !headers.contains_key(X_FORWARDED_PROTO), "{headers:?}");
    let (told, headers) = heard("192.0.2.7", "for=6.6.6.6;proto=https", Field::XForwardedFor);
    assert_eq!(told, Told { ip: ip("192.0.2.7"), scheme: Some(Scheme::Http) });
    assert!(!headers.contains_key(FORWARDED), "{headers:?}");
}

#[test]
fn the_chain_of_forwarded_is_told_in_the_other_field_too() {
    let trust = ["10.0.0.0/8".parse().unwrap()];
    let mut headers = HeaderMap::new();
    headers.insert(X_FORWARDED_FOR, HeaderValue::from_static("6.6.6.6"));
    headers.insert(FORWARDED, HeaderValue::from_static("for=_hidden, for=\"[2001:db8::7]:99\";host=shop.example;proto=https"));
    let heard = told(&mut headers, ip("10.0.0.1"), &trust, Field::Forwarded);
    Hop::new(ip("10.0.0.1"), Scheme::Http, &HeaderValue::from_static("a")).write(&mut headers, heard);
    assert_eq!(headers[X_FORWARDED_FOR], "unknown, 2001:db8::7, 10.0.0.1");
    assert_eq!(headers[X_FORWARDED_PROTO], "https");
    let own = "for=10.0.0.1;host=\"a\";proto=http";
    assert_eq!(headers[FORWARDED], format!("for=_hidden, for=\"[2001:db8::7]:99\";host=shop.example;proto=https, {own}"));
}

#[test]
fn quotes_of_a_client_neither_hide_nor_make_an_element() {
    let trust = ["10.0.0.0/8".parse().unwrap()];
    for (elements, client) in [
        ("for=192.0.2.7;host=\"a, for=6.6.6.6\"", "192.0.2.7"),
        ("for=192.0.2.7;host=\"a;for=6.6.6.6\"", "192.0.2.7"),
        ("for=192.0.2.7;host=\"\\\", for=6.6.6.6\"", "192.0.2.7"),
        ("\", for=192.0.2.7", "192.0.2.7"),
        ("for=\"6.6.6.6, for=192.0.2.7;host=\"a\"", "192.0.2.7"),
        ("for=192.0.2.7;host=\"\\\\\", for=\"10.0.0.2:80\"", "192.0.2.7"),
    ] {
        let mut headers = HeaderMap::from_iter([(FORWARDED, HeaderValue::from_static(elements))]);
        assert_eq!(told(&mut headers, ip("10.0.0.1"), &trust, Field::Forwarded).unwrap().ip, ip(client), "{elements}");
    }
}

#[test]
fn an_element_that_is_no_text_hides_none_of_its_neighbours() {
    let trust = ["10.0.0.0/8".parse().unwrap()];
    let mut headers = HeaderMap::new();
    headers.append(X_FORWARDED_FOR, HeaderValue::from_static("1.1.1.1"));
    headers.append(X_FORWARDED_FOR, HeaderValue::from_bytes(b"\xff, 192.0.2.7").unwrap());
    assert_eq!(told(&mut headers, ip("10.0.0.1"), &trust, Field::XForwardedFor).unwrap().ip, ip("192.0.2.7"));
    headers.insert(X_FORWARDED_FOR, HeaderValue::from_bytes(b"1.1.1.1, \xff, 10.0.0.2").unwrap());
    assert_eq!(told(&mut headers, ip("10.0.0.1"), &trust, Field::XForwardedFor).unwrap().ip, ip("10.0.0.2"));
}

fn forwarded(headers: &mut HeaderMap) -> Forwarding {
    let hop = Arc::new(Hop::new(ip("192.0.2.1"), Scheme::Http, &HeaderValue::from_static("h")));
    let forwarding = Forwarding::new(&hop, None, headers, &mut fastrand::Rng::with_seed(7));
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
