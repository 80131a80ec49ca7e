use super::{Config, Fallback};
use crate::http::exchange::testing::exchange;
use crate::http::{Fault, FaultKind, Reply, UpstreamIndex};
use crate::policy::Policy;
use crate::policy::testing::{bytes, check};
use http::StatusCode;
use std::time::Duration;

fn fallback(text: &str) -> Fallback {
    Fallback::new(&check::<Config>(&[text]).sound())
}

#[tokio::test]
async fn a_body_may_speak_of_the_request() {
    let made = fallback(r#"fallback respond 200 json """{"items": [], "for": "${header("x-user") ?? ""}"}""""#);
    let reply = made.reply(&exchange("GET", "/x/1/a", &[("x-user", "a\"b")])).unwrap();
    assert_eq!((reply.status, &reply.headers["content-type"]), (StatusCode::OK, &"application/json".parse().unwrap()));
    assert_eq!(bytes(reply.body).await, br#"{"items": [], "for": "a\"b"}"#);
}

#[test]
fn another_upstream_is_called_by_the_route() {
    let config = check::<Config>(&["fallback -> b"]).sound();
    assert_eq!(config.upstreams(), [UpstreamIndex(1)]);
    assert!(Fallback::new(&config).reply(&exchange("GET", "/x/1/a", &[])).is_none());
}

#[test]
fn it_stands_in_for_what_cannot_be_reached_and_for_nothing_else() {
    let status = |status: StatusCode| Fallback::replaces_outcome(&Ok(Reply::empty(status)));
    assert!([502, 503, 504].iter().all(|code| status(StatusCode::from_u16(*code).unwrap())));
    assert!(![200, 404, 500, 501].iter().any(|code| status(StatusCode::from_u16(*code).unwrap())));
    let fault = |kind: FaultKind| Fallback::replaces_outcome(&Err(Fault::new(kind, "")));
    assert!(fault(FaultKind::ConnectError) && fault(FaultKind::TotalTimeout) && fault(FaultKind::Overloaded));
    assert!(fault(FaultKind::BreakerOpen(Duration::from_secs(1))));
    assert!(!fault(FaultKind::ClientBody) && !fault(FaultKind::BodyTooLarge) && !fault(FaultKind::ClientSlow));
}
