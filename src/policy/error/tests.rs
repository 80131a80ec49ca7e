use super::Config;
use crate::http::exchange::testing::exchange;
use crate::http::{Problem, Reply, Source};
use crate::policy::testing::{build, bytes, check};
use http::StatusCode;
use std::time::Duration;

async fn shown(text: &[&str], status: u16, source: Source) -> (String, String) {
    let parts = build(&check::<Config>(text).sound());
    let exchange = exchange("GET", "/x/1/a", &[("x-name", "<b>")]);
    let mut reply = Reply::of(StatusCode::from_u16(status).unwrap(), "text/css", "as it was");
    reply.source = source;
    reply.headers.insert("content-encoding", "gzip".parse().unwrap());
    parts.response(&exchange, &mut reply);
    let kind = reply.headers["content-type"].to_str().unwrap().to_owned();
    assert_eq!(reply.headers.contains_key("content-encoding"), kind == "text/css");
    (kind, String::from_utf8(bytes(reply.body).await).unwrap())
}

const PAGE: &str = "error [404, 5xx] json \"\"\"{\"path\": ${request.path}}\"\"\"";

#[tokio::test]
async fn a_page_stands_for_the_gateways_own_errors() {
    let json = ("application/json".to_owned(), "{\"path\": \"/x/1/a\"}".to_owned());
    let same = ("text/css".to_owned(), "as it was".to_owned());
    assert_eq!(shown(&[PAGE], 404, Source::Gateway).await, json);
    assert_eq!(shown(&[PAGE], 503, Source::Gateway).await, json);
    assert_eq!(shown(&[PAGE], 403, Source::Gateway).await, same);
    assert_eq!(shown(&[PAGE], 404, Source::Upstream).await, same);
    assert_eq!(shown(&[PAGE], 404, Source::Policy).await, same);
}

#[tokio::test]
async fn the_upstreams_errors_are_replaced_where_that_is_said() {
    let page = "error 5xx upstream html \"<p>sorry, ${header(\"x-name\") ?? \"you\"}</p>\"";
    assert_eq!(shown(&[page], 502, Source::Upstream).await.1, "<p>sorry, &lt;b&gt;</p>");
    assert_eq!(shown(&[page], 502, Source::Gateway).await.1, "<p>sorry, &lt;b&gt;</p>");
    assert_eq!(shown(&[page], 404, Source::Upstream).await.1, "as it was");
}

#[tokio::test]
async fn a_later_page_wins() {
    assert_eq!(shown(&["error 4xx text \"outer\"", "error 404 text \"inner\""], 404, Source::Gateway).await.1, "inner");
    assert_eq!(shown(&["error 4xx text \"outer\"", "error 404 text \"inner\""], 410, Source::Gateway).await.1, "outer");
}

#[test]
fn what_an_error_says_besides_its_body_stays() {
    let parts = build(&check::<Config>(&["error 429 text \"slow down\""]).sound());
    let exchange = exchange("GET", "/x/1/a", &[]);
    let problem = Problem::new(StatusCode::TOO_MANY_REQUESTS, "too many").retry_after(Duration::from_secs(3));
    let mut reply = problem.render(Some("r"), &exchange.id);
    parts.response(&exchange, &mut reply);
    assert_eq!((reply.status.as_u16(), reply.headers["retry-after"].to_str().unwrap()), (429, "3"));
    assert_eq!(reply.source, Source::Gateway);
}

#[test]
fn what_is_no_error_or_says_nothing_of_its_text_is_refused() {
    for (text, code) in [
        ("error 200 text \"fine\"", "type::range"),
        ("error 404 \"what\"", "schema::arity"),
        ("error 404 html page(\"404.html\")", "schema::arity"),
        ("error 404 json \"{\"", "type::mismatch"),
        ("error 404 text \"${env(\"X\")}\"", "secret::leak"),
    ] {
        assert_eq!(check::<Config>(&[text]).code(), format!("gate::{code}"), "{text}");
    }
}
