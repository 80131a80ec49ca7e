use super::Config;
use crate::http::exchange::testing::exchange;
use crate::http::{Reply, Scheme};
use crate::policy::testing::{build, check};
use http::{HeaderMap, StatusCode};

fn fields(text: &str, scheme: Scheme) -> HeaderMap {
    let parts = build(&check::<Config>(&[text]).sound());
    let mut exchange = exchange("GET", "/x/1/a", &[]);
    exchange.client.scheme = scheme;
    let mut reply = Reply::empty(StatusCode::OK);
    reply.headers.insert("x-frame-options", "ALLOWALL".parse().unwrap());
    parts.response(&exchange, &mut reply);
    reply.headers
}

#[test]
fn every_usual_field_is_set_in_place_of_what_was_sent() {
    let plain = fields("security_headers", Scheme::Http);
    assert_eq!(plain.len(), 4);
    assert_eq!(plain["x-content-type-options"], "nosniff");
    assert_eq!(plain["x-frame-options"], "DENY");
    assert_eq!(plain["referrer-policy"], "strict-origin-when-cross-origin");
    assert_eq!(plain["cross-origin-opener-policy"], "same-origin");
}

#[test]
fn strict_transport_is_told_over_tls_alone() {
    assert_eq!(fields("security_headers", Scheme::Https)["strict-transport-security"], "max-age=31536000");
    let own = "security_headers { Strict-Transport-Security \"max-age=60\" }";
    assert_eq!(fields(own, Scheme::Https)["strict-transport-security"], "max-age=60");
    assert!(!fields(own, Scheme::Http).contains_key("strict-transport-security"));
}

#[test]
fn the_block_adds_and_replaces() {
    let own = fields("security_headers { X-Frame-Options \"SAMEORIGIN\"; Permissions-Policy \"camera=()\" }", Scheme::Http);
    assert_eq!(own["x-frame-options"], "SAMEORIGIN");
    assert_eq!(own["permissions-policy"], "camera=()");
    assert_eq!(own.len(), 5);
}

#[test]
fn a_field_is_said_once_and_is_one_line() {
    assert_eq!(check::<Config>(&["security_headers { A \"1\"; a \"2\" }"]).code(), "gate::schema::repeated");
    assert_eq!(check::<Config>(&["security_headers { A \"1\\n2\" }"]).code(), "gate::type::range");
}
