//! What a service is told, and what becomes of what it answers.

use super::{Answer, Barred, Failure, Hook, Question, Response, Said, Service};
use crate::fetch::{self, Call, Fetch};
use crate::http::{Body, Credentials, Reply, Source};
use futures_core::future::BoxFuture;
use http::uri::PathAndQuery;
use http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode};
use parking_lot::Mutex;
use serde_json::{Value as Json, json};
use std::sync::Arc;
use std::time::Duration;

fn fields(pairs: &[(&'static str, &'static str)]) -> HeaderMap {
    pairs.iter().map(|(name, value)| (HeaderName::from_static(name), HeaderValue::from_static(value))).collect()
}

fn judged(text: &str) -> Result<super::Judged, Failure> {
    Answer::read(text.as_bytes())?.judged(&Barred(vec![HeaderName::from_static("x-user")]))
}

fn page() -> Reply {
    let headers = fields(&[("content-type", "text/html"), ("etag", "\"1\""), ("content-encoding", "gzip"), ("x-kept", "1")]);
    Reply { status: StatusCode::OK, headers, body: Body::full("page"), source: Source::Upstream }
}

fn field<'r>(reply: &'r Reply, name: &str) -> Option<&'r str> {
    reply.headers.get(name).map(|value| value.to_str().unwrap())
}

async fn text(reply: Reply) -> String {
    String::from_utf8(reply.body.collected(1 << 20).await.unwrap().to_vec()).unwrap()
}

#[test]
fn an_answer_without_status_and_body_sets_fields_alone() {
    let set = judged(r#"{"set": {"X-Plan": "gold", "x-tags": ["a", "b"], "x-count": 3, "x-new": true}}"#).unwrap().reply().unwrap_err();
    let told: Vec<_> = set.iter().map(|(name, value)| (name.as_str(), value.to_str().unwrap())).collect();
    assert_eq!(told, [("x-plan", "gold"), ("x-tags", "a"), ("x-tags", "b"), ("x-count", "3"), ("x-new", "true")]);
    assert!(judged("{}").unwrap().reply().unwrap_err().is_empty());
}

#[tokio::test]
async fn a_status_or_a_body_answers_the_request() {
    let reply = judged(r#"{"status": 403, "set": {"x-why": "plan"}}"#).unwrap().reply().unwrap();
    assert_eq!((reply.status, field(&reply, "x-why")), (StatusCode::FORBIDDEN, Some("plan")));
    let reply = judged(r#"{"body": {"a": [1]}}"#).unwrap().reply().unwrap();
    assert_eq!((reply.status, field(&reply, "content-type")), (StatusCode::OK, Some("application/json")));
    assert_eq!(text(reply).await, r#"{"a":[1]}"#);
    let reply = judged(r#"{"body": "<p>", "set": {"content-type": "text/html"}}"#).unwrap().reply().unwrap();
    assert_eq!(reply.headers.get_all("content-type").iter().collect::<Vec<_>>(), ["text/html"]);
}

#[tokio::test]
async fn another_body_brings_its_own_fields_and_a_reply_without_one_has_none() {
    let mut reply = page();
    judged(r#"{"body": "other"}"#).unwrap().change(&mut reply);
    assert_eq!(reply.headers, fields(&[("x-kept", "1"), ("content-type", "text/plain; charset=utf-8")]));
    assert_eq!(text(reply).await, "other");
    let mut reply = page();
    judged(r#"{"status": 204}"#).unwrap().change(&mut reply);
    assert_eq!((reply.headers.clone(), text(reply).await), (fields(&[("x-kept", "1")]), String::new()));
    let mut reply = page();
    reply.status = StatusCode::PARTIAL_CONTENT;
    judged(r#"{"body": "whole"}"#).unwrap().change(&mut reply);
    assert_eq!(reply.status, StatusCode::OK);
    let mut reply = page();
    judged(r#"{"status": 201, "set": {"x-kept": "2"}}"#).unwrap().change(&mut reply);
    assert_eq!((reply.status, field(&reply, "etag"), field(&reply, "x-kept")), (StatusCode::CREATED, Some("\"1\""), Some("2")));
    assert_eq!(text(reply).await, "page");
}

#[test]
fn what_frames_routes_or_vouches_is_not_for_a_hook_to_set() {
    let never = [
        "connection",
        "Keep-Alive",
        "transfer-encoding",
        "Content-Length",
        "content_length",
        "te",
        "trailer",
        "upgrade",
        "host",
        "x-forwarded-for",
        "X_Forwarded_For",
        "forwarded",
        "via",
        "traceparent",
        "content-encoding",
        "X-User",
        "x_user",
    ];
    for name in never {
        let found = judged(&json!({ "set": { name: "1" } }).to_string());
        assert!(matches!(&found, Err(Failure::Unusable(why)) if why.contains(name)), "{name}: {found:?}");
    }
}

#[test]
fn what_is_no_answer_is_said_to_be_none() {
    for text in [
        "",
        "[]",
        "{\"sett\": {}}",
        r#"{"set": {"a b": "1"}}"#,
        r#"{"set": {"x": "1\r\ny: 2"}}"#,
        r#"{"set": {"x": null}}"#,
        r#"{"set": {"x": {}}}"#,
        r#"{"status": 100}"#,
        r#"{"status": 99999}"#,
        r#"{"status": "403"}"#,
    ] {
        assert!(matches!(judged(text), Err(Failure::Unusable(_))), "{text}");
    }
    let many: Vec<String> = (0..65).map(|number| format!("\"x-{number}\": \"1\"")).collect();
    assert!(judged(&format!("{{\"set\": {{{}}}}}", many.join(","))).is_err());
}

/// Notes what is asked, and answers the same to everything.
struct Noting {
    asked: Mutex<Vec<Call>>,
    answers: Result<fetch::Answer, fetch::Failure>,
}

impl Fetch for Noting {
    fn fetch(&self, call: Call) -> BoxFuture<'static, Result<fetch::Answer, fetch::Failure>> {
        self.asked.lock().push(call);
        Box::pin(std::future::ready(self.answers.clone()))
    }
}

fn noting(answers: Result<(u16, &'static str), fetch::Failure>) -> Arc<Noting> {
    let answer = |(status, body): (u16, &'static str)| fetch::Answer {
        status: StatusCode::from_u16(status).unwrap(),
        headers: HeaderMap::new(),
        body: body.into(),
    };
    Arc::new(Noting { asked: Mutex::default(), answers: answers.map(answer) })
}

fn service(hidden: Credentials, fetch: &Arc<Noting>) -> Service {
    Service::new("http://hooks:9000/ask?a=b", Duration::from_millis(200), hidden, Arc::clone(fetch) as Arc<dyn Fetch>).unwrap()
}

async fn said(said: Said<'_>) -> Result<Answer, Failure> {
    match said {
        Said::Wait(waiting) => waiting.await,
        Said::Nothing | Said::Answer(_) | Said::Failed(_) => panic!("a service is waited for"),
    }
}

#[tokio::test]
async fn a_service_is_told_the_heads_without_credentials() {
    let fetch = noting(Ok((200, r#"{"status": 404}"#)));
    let hidden = Credentials { parameters: vec!["key".to_owned()], ..Credentials::usual() };
    let (sent, answered) = (
        fields(&[("accept", "a"), ("accept", "b"), ("authorization", "Bearer x"), ("cookie", "a=b")]),
        fields(&[("set-cookie", "a=b"), ("server", "x")]),
    );
    let target = PathAndQuery::from_static("/a?key=1&b=2");
    let question = Question {
        method: &Method::GET,
        host: "shop.example",
        target: &target,
        headers: &sent,
        client_ip: "192.0.2.1".parse().unwrap(),
        request_id: &HeaderValue::from_static("id-1"),
        route: "r",
        response: Some(Response { status: StatusCode::OK, headers: &answered }),
    };
    let hook = service(hidden, &fetch);
    assert_eq!(said(hook.on_response(question)).await, Ok(Answer::default().status(404)));
    let asked = fetch.asked.lock().remove(0);
    assert_eq!((asked.method, asked.timeout), (Method::POST, Duration::from_millis(200)));
    let bare = PathAndQuery::from_static("/a?key=1");
    said(hook.on_request(Question { target: &bare, response: None, ..question })).await.unwrap();
    let without: Json = serde_json::from_slice(&fetch.asked.lock().remove(0).body).unwrap();
    assert_eq!(without["request"].get("query"), None);
    assert_eq!(
        serde_json::from_slice::<Json>(&asked.body).unwrap(),
        json!({
            "on": "response",
            "request": {
                "id": "id-1", "method": "GET", "host": "shop.example", "path": "/a", "query": "b=2",
                "headers": {"accept": ["a", "b"]}, "client_ip": "192.0.2.1", "route": "r",
            },
            "response": {"status": 200, "headers": {"server": "x"}},
        })
    );
    let all = service(Credentials::default(), &fetch);
    said(all.on_request(question)).await.unwrap();
    assert!(String::from_utf8_lossy(&fetch.asked.lock()[0].body).contains("Bearer x"));
    said(hook.on_startup()).await.unwrap();
    assert_eq!(&*fetch.asked.lock()[1].body, br#"{"on":"startup"}"#);
}

#[tokio::test]
async fn an_empty_answer_says_nothing_and_what_is_no_success_fails() {
    for (answers, wanted) in [
        (Ok((204, "")), Some(true)),
        (Ok((200, "")), Some(true)),
        (Ok((500, "{}")), Some(false)),
        (Ok((302, "")), Some(false)),
        (Err(fetch::Failure::TooLarge), Some(false)),
        (Err(fetch::Failure::Late), None),
        (Err(fetch::Failure::Unreachable("no".to_owned())), None),
    ] {
        let answer = said(service(Credentials::usual(), &noting(answers)).on_startup()).await;
        match wanted {
            Some(true) => assert_eq!(answer, Ok(Answer::default())),
            Some(false) => assert!(matches!(answer, Err(Failure::Unusable(_))), "{answer:?}"),
            None => assert!(matches!(answer, Err(Failure::Unreachable(_))), "{answer:?}"),
        }
    }
}
