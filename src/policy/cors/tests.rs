use super::{Config, Origin};
use crate::http::exchange::testing::exchange;
use crate::http::{Reply, Source};
use crate::policy::testing::{Outcome, build, check};
use http::{HeaderMap, StatusCode};

const SHOP: &str = r#"cors {
  origins ["https://shop.example.com", "https://*.example.org"]
  methods [GET, PUT]
  headers ["authorization", "content-type"]
  expose ["x-request-id"]
  credentials allow
}"#;

async fn preflight(text: &str, origin: &str) -> Reply {
    let parts = build(&check::<Config>(&[text]).sound());
    let mut exchange = exchange("OPTIONS", "/x/1/a", &[("origin", origin), ("access-control-request-method", "PUT")]);
    let mut reply = parts.request(&mut exchange).await.answer();
    parts.response(&exchange, &mut reply);
    reply
}

async fn simple(text: &str, origin: &str, status: StatusCode) -> HeaderMap {
    let parts = build(&check::<Config>(&[text]).sound());
    let mut exchange = exchange("GET", "/x/1/a", &[("origin", origin)]);
    assert!(matches!(parts.request(&mut exchange).await, Outcome::Through));
    exchange.request.headers.clear();
    let mut reply = Reply::empty(status);
    reply.source = Source::Gateway;
    reply.headers.insert("access-control-allow-origin", "https://upstream.example".parse().unwrap());
    parts.response(&exchange, &mut reply);
    reply.headers
}

#[tokio::test]
async fn a_known_origins_preflight_is_told_what_it_may_do() {
    let reply = preflight(SHOP, "https://shop.example.com").await;
    assert_eq!(reply.status, 204);
    assert_eq!(reply.headers["access-control-allow-origin"], "https://shop.example.com");
    assert_eq!(reply.headers["access-control-allow-methods"], "GET, PUT");
    assert_eq!(reply.headers["access-control-allow-headers"], "authorization, content-type");
    assert_eq!(reply.headers["access-control-allow-credentials"], "true");
    assert_eq!(reply.headers["access-control-max-age"], "600");
    assert!(reply.headers.get_all("vary").iter().any(|value| value == "Origin"));
    assert!(!reply.headers.contains_key("access-control-expose-headers"));
}

#[tokio::test]
async fn a_strange_origins_preflight_gets_204_and_no_leave() {
    for origin in ["https://evil.example", "https://example.org", "https://evil.com/.example.org", "http://a.example.org", "null"] {
        let reply = preflight(SHOP, origin).await;
        assert_eq!(reply.status, 204);
        assert!(!reply.headers.keys().any(|name| name.as_str().starts_with("access-control-")), "{origin}");
    }
}

#[tokio::test]
async fn a_wildcard_stands_for_one_or_more_labels() {
    for origin in ["https://a.example.org", "https://a.b.example.org"] {
        assert_eq!(preflight(SHOP, origin).await.headers["access-control-allow-origin"], origin);
    }
}

#[tokio::test]
async fn errors_carry_the_fields_too_and_an_upstreams_own_are_replaced() {
    let headers = simple(SHOP, "https://shop.example.com", StatusCode::TOO_MANY_REQUESTS).await;
    assert_eq!(headers["access-control-allow-origin"], "https://shop.example.com");
    assert_eq!(headers["access-control-expose-headers"], "x-request-id");
    assert_eq!(headers["vary"], "Origin");
    let headers = simple(SHOP, "https://evil.example", StatusCode::OK).await;
    assert!(!headers.contains_key("access-control-allow-origin"));
    assert_eq!(headers["vary"], "Origin");
}

#[tokio::test]
async fn any_origin_needs_no_vary() {
    let headers = simple("cors { origins [\"*\"] }", "https://a.example", StatusCode::OK).await;
    assert_eq!(headers["access-control-allow-origin"], "*");
    assert!(!headers.contains_key("vary"));
}

#[tokio::test]
async fn without_methods_the_one_that_is_asked_for_is_allowed() {
    let reply = preflight("cors { origins [\"https://a.example\"]; max_age 1h }", "https://a.example").await;
    assert_eq!(reply.headers["access-control-allow-methods"], "PUT");
    assert_eq!(reply.headers["access-control-max-age"], "3600");
}

#[tokio::test]
async fn options_without_the_question_of_a_preflight_goes_on() {
    let parts = build(&check::<Config>(&[SHOP]).sound());
    let mut exchange = exchange("OPTIONS", "/x/1/a", &[("origin", "https://shop.example.com")]);
    assert!(matches!(parts.request(&mut exchange).await, Outcome::Through));
}

#[tokio::test]
async fn whatever_answers_options_says_that_a_preflight_is_answered_otherwise() {
    for policy in [SHOP, "cors { origins [\"*\"] }"] {
        for fields in [&[][..], &[("origin", "https://evil.example")], &[("origin", "https://shop.example.com"), ("access-control-request-method", "PUT")]]
        {
            let parts = build(&check::<Config>(&[policy]).sound());
            let mut exchange = exchange("OPTIONS", "/x/1/a", fields);
            // The upstream may have answered, or a limit.
            let mut reply = Reply::empty(StatusCode::OK);
            reply.headers.insert("vary", "accept, origin".parse().unwrap());
            let _ = parts.request(&mut exchange).await;
            parts.response(&exchange, &mut reply);
            let said: Vec<&str> = reply.headers.get_all("vary").iter().map(|value| value.to_str().unwrap()).collect();
            assert_eq!(said, ["accept, origin", "Access-Control-Request-Method", "Access-Control-Request-Headers"], "{fields:?}");
        }
    }
}

#[test]
fn an_origins_own_port_is_left_out() {
    let config = check::<Config>(&["cors { origins [\"HTTPS://Shop.example.com:443\", \"http://[::1]:3000\"] }"]).sound();
    assert_eq!(config.origins, [Origin::Exact("https://shop.example.com".into()), Origin::Exact("http://[::1]:3000".into())]);
}

#[test]
fn what_is_no_origin_is_refused() {
    for text in ["shop.example.com", "https://a.example/", "https://a.*.example", "https://", "https://*", "https://a b", "https://u@a"] {
        assert_eq!(check::<Config>(&[&format!("cors {{ origins [\"{text}\"] }}")]).code(), "gate::cors::origin-syntax", "{text}");
    }
}

#[test]
fn credentials_and_a_wildcard_exclude_each_other() {
    for text in ["origins [\"*\"]", "origins [\"https://a.example\"]; headers [\"*\"]"] {
        assert_eq!(check::<Config>(&[&format!("cors {{ {text}; credentials allow }}")]).code(), "gate::cors::wildcard-credentials");
    }
}
