use super::Config;
use crate::http::Reply;
use crate::http::exchange::testing::exchange;
use crate::policy::testing::{Outcome, build, check};
use http::StatusCode;

/// The requests of these tests are made on 2027-01-15.
async fn asked(text: &str) -> Result<(), u16> {
    match build(&check::<Config>(&[text]).sound()).request(&mut exchange("GET", "/x/1/a", &[])).await {
        Outcome::Through => Ok(()),
        Outcome::Refused(problem) => Err(problem.status.as_u16()),
        Outcome::Answer(reply) => panic!("{reply:?}"),
    }
}

#[tokio::test]
async fn a_route_is_gone_from_its_day_on() {
    assert_eq!(asked("deprecated since 2026-01-01").await, Ok(()));
    assert_eq!(asked("deprecated since 2026-01-01 sunset 2027-01-16").await, Ok(()));
    assert_eq!(asked("deprecated since 2026-01-01 sunset 2027-01-15").await, Err(410));
}

#[test]
fn clients_are_told_since_when_until_when_and_where_to_read_on() {
    let parts = build(&check::<Config>(&["deprecated since 2027-01-15 sunset 2027-02-01 link https://example.com/v2"]).sound());
    let mut reply = Reply::empty(StatusCode::OK);
    reply.headers.insert("link", "</next>; rel=\"next\"".parse().unwrap());
    parts.response(&exchange("GET", "/x/1/a", &[]), &mut reply);
    assert_eq!(reply.headers["deprecation"], "@1799971200");
    assert_eq!(reply.headers["sunset"], "Mon, 01 Feb 2027 00:00:00 GMT");
    let links: Vec<_> = reply.headers.get_all("link").iter().collect();
    assert_eq!(links, ["</next>; rel=\"next\"", "<https://example.com/v2>; rel=\"deprecation\""]);
}

#[test]
fn a_route_does_not_go_away_before_it_is_deprecated() {
    assert_eq!(check::<Config>(&["deprecated since 2027-01-15 sunset 2027-01-01"]).code(), "gate::type::range");
}
