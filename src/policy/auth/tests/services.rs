//! Services that are asked about each caller: `auth forward` and `auth introspect`.

use super::signers::{Played, answer};
use super::{Built, bearer, declared, secrets, send, text};
use crate::fetch::{Answer, Call, Failure, Fetch};
use crate::http::exchange::testing::exchange;
use crate::policy::auth::Config;
use crate::policy::fixtures::{Fixed, NOW, asking, policy};
use crate::policy::{Policy, Registry};
use http::{HeaderName, HeaderValue};
use parking_lot::Mutex;
use serde_json::json;
use std::sync::Arc;
use std::time::Duration;
use tokio::time::sleep;

fn asking_for(text: &str, statement: &str, secrets: &Fixed, fetch: &Arc<Played>) -> Built {
    let declared = declared(text);
    let (config, found) = policy::<Config>(statement, &declared, Vec::new(), false);
    assert_eq!(found, []);
    let fetch = Arc::clone(fetch) as Arc<dyn Fetch>;
    asking(&declared, &mut Registry::new(), secrets, &fetch, |build| config.unwrap().build(build)).unwrap().1
}

const LOGIN: &str = "auth forward login {
  url http://login/verify
  headers [\"cookie\"]
  copy [\"x-user\", \"x-roles\"]
  cache 10s
}
auth key keys { keys file(\"keys\"); attributes { plan str?; tags set<str> = [] } }
";

fn with(answered: Result<Answer, Failure>, fields: &[(&str, &str)]) -> Result<Answer, Failure> {
    answered.map(|mut answer| {
        for (name, value) in fields {
            answer.headers.append(HeaderName::try_from(*name).unwrap(), HeaderValue::try_from(*value).unwrap());
        }
        answer
    })
}

/// Knows the session `good`, sends others to its login page, and forbids `bad`.
fn login(call: &Call) -> Result<Answer, Failure> {
    match call.headers.get("cookie").map(|cookie| cookie.to_str().unwrap()) {
        Some("session=good") => with(answer(200, ""), &[("x-user", "ann"), ("x-roles", "a"), ("x-roles", "b"), ("x-more", "c")]),
        Some("session=bad") => answer(403, "not you"),
        Some("session=nameless") => answer(204, ""),
        Some("session=down") => Err(Failure::Late),
        _ => with(answer(302, ""), &[("location", "https://login.example.com/"), ("connection", "close")]),
    }
}

#[tokio::test(start_paused = true)]
async fn a_service_lets_pass_and_says_who_it_was() {
    let asked: Arc<Mutex<Vec<Call>>> = Arc::default();
    let seen = Arc::clone(&asked);
    let fetch = Played::new(Duration::ZERO, move |call| {
        seen.lock().push(call.clone());
        login(call)
    });
    let built = asking_for(LOGIN, "auth login", &secrets(), &fetch);
    let fields = [("cookie", "session=good"), ("accept", "*/*"), ("x-user", "root"), ("x_roles", "admin")];
    let (status, exchange) = send(&built, "/orders?id=5", &fields).await;
    assert_eq!(status, 200);
    assert_eq!(*exchange.identities[0].attributes, [text("ann")]);
    let headers = &exchange.request.headers;
    assert_eq!((headers.get("cookie"), headers.get("x_roles"), headers.get("x-more")), (None, None, None));
    assert_eq!(headers["x-user"], "ann");
    assert_eq!(headers.get_all("x-roles").iter().collect::<Vec<_>>(), ["a", "b"]);
    let call = asked.lock()[0].clone();
    assert_eq!((call.method.as_str(), call.url.to_string().as_str()), ("GET", "http://login/verify"));
    assert_eq!(call.timeout, Duration::from_millis(200));
    for (name, value) in [
        ("x-forwarded-method", "GET"),
        ("x-forwarded-proto", "http"),
        ("x-forwarded-host", "localhost"),
        ("x-forwarded-uri", "/orders?id=5"),
        ("x-forwarded-for", "192.0.2.1"),
        ("cookie", "session=good"),
    ] {
        assert_eq!(call.headers[name], value);
    }
    assert_eq!(call.headers.len(), 6, "nothing else is sent");
}

#[tokio::test(start_paused = true)]
async fn what_a_service_answers_instead_goes_to_the_client() {
    let built = asking_for(LOGIN, "auth login", &secrets(), &Played::new(Duration::ZERO, login));
    let mut asked = exchange("GET", "/", &[]);
    let reply = built.ask(&mut asked).await.unwrap().unwrap();
    assert_eq!((reply.status.as_u16(), &reply.headers["location"]), (302, &HeaderValue::from_static("https://login.example.com/")));
    assert!(!reply.headers.contains_key("connection"));
    let mut asked = exchange("GET", "/", &[("cookie", "session=bad")]);
    let reply = built.ask(&mut asked).await.unwrap().unwrap();
    assert_eq!((reply.status.as_u16(), &*reply.body.at_hand().unwrap()), (403, &b"not you"[..]));
}

#[tokio::test(start_paused = true)]
async fn a_service_that_fails_lets_nobody_in() {
    let built = asking_for(LOGIN, "auth login", &secrets(), &Played::new(Duration::ZERO, login));
    for cookie in ["session=down", "session=nameless"] {
        let mut asked = exchange("GET", "/", &[("cookie", cookie)]);
        let problem = built.ask(&mut asked).await.unwrap_err();
        assert_eq!(problem.status, 503, "{cookie}");
        assert!(problem.headers.iter().any(|(name, _)| name == "retry-after"));
    }
}

#[tokio::test(start_paused = true)]
async fn a_verdict_counts_for_the_same_question_only() {
    let fetch = Played::new(Duration::ZERO, login);
    let built = asking_for(LOGIN, "auth login", &secrets(), &fetch);
    let mut asked = exchange("GET", "/", &[]);
    let clock = asked.clock;
    for (target, seconds, calls) in [("/a", 0, 1), ("/a", 9, 1), ("/b", 0, 2), ("/a", 1, 3)] {
        sleep(Duration::from_secs(seconds)).await;
        asked.started = tokio::time::Instant::now();
        asked.clock = clock;
        asked.request.target = target.parse().unwrap();
        asked.request.headers.insert("cookie", HeaderValue::from_static("session=good"));
        assert!(built.ask(&mut asked).await.is_ok());
        assert_eq!(fetch.asked(), calls, "{target} after {seconds} more seconds");
    }
    for _ in 0..3 {
        let mut asked = exchange("GET", "/", &[("cookie", "session=bad")]);
        built.ask(&mut asked).await.unwrap().unwrap();
    }
    assert_eq!(fetch.asked(), 6, "a refusal is not kept");
}

#[tokio::test(start_paused = true)]
async fn any_and_optional_take_a_service_as_one_of_several() {
    let fetch = Played::new(Duration::ZERO, login);
    let any = asking_for(LOGIN, "auth any [keys, login]", &secrets(), &fetch);
    let key = ("x-api-key", "small-key");
    let (status, exchange) = send(&any, "/", &[key, ("x-user", "root")]).await;
    assert_eq!((status, fetch.asked()), (200, 0), "who is known already is not asked about");
    assert_eq!(exchange.request.headers.get("x-user"), None, "only the service says that");
    assert_eq!(send(&any, "/", &[("x-api-key", "wrong"), ("cookie", "session=good")]).await.0, 200);
    let optional = asking_for(LOGIN, "auth optional login", &secrets(), &fetch);
    let (status, exchange) = send(&optional, "/", &[]).await;
    assert_eq!((status, exchange.identities.len()), (200, 0));
    assert_eq!(send(&optional, "/", &[("cookie", "session=good")]).await.1.identities.len(), 1);
}

const TOKENS: &str = "auth introspect tokens {
  url https://id.example.com/introspect
  client_id \"gate way\"
  client_secret env(\"SECRET\")
  cache 1m
  claims { sub str; scope set<str> = []; tenant str? from \"/app/tenant\" }
}
";

fn tokens(fetch: &Arc<Played>) -> Built {
    asking_for(TOKENS, "auth tokens", &Fixed([("SECRET", "s:cret".to_owned())].into()), fetch)
}

/// RFC 7662 §2.2, with a token for each thing that can be said.
fn introspect(call: &Call) -> Result<Answer, Failure> {
    let form = std::str::from_utf8(&call.body).unwrap();
    let now = NOW.as_secs();
    let said = match form.split('&').next().unwrap() {
        "token=good" => json!({"active": true, "sub": "7", "scope": "read write", "app": {"tenant": "acme"}, "exp": now + 30}),
        "token=expired" => json!({"active": true, "sub": "7", "exp": now}),
        "token=early" => json!({"active": true, "sub": "7", "nbf": now + 1}),
        "token=nobody" => json!({"active": true}),
        "token=text" => json!({"active": "true", "sub": "7"}),
        "token=array" => return answer(200, "[]"),
        "token=401" => return answer(401, "{\"active\": true}"),
        "token=late" => return Err(Failure::Late),
        _ => json!({"active": false}),
    };
    answer(200, said.to_string())
}

#[tokio::test(start_paused = true)]
async fn a_service_says_what_a_token_is_worth() {
    let calls: Arc<Mutex<Vec<Call>>> = Arc::default();
    let seen = Arc::clone(&calls);
    let fetch = Played::new(Duration::ZERO, move |call| {
        seen.lock().push(call.clone());
        introspect(call)
    });
    let built = tokens(&fetch);
    let (status, exchange) = send(&built, "/", &[("authorization", "Bearer good")]).await;
    assert_eq!(status, 200);
    let scope = crate::http::Attribute::Set(["read".into(), "write".into()].into());
    assert_eq!(*exchange.identities[0].attributes, [text("7"), scope, text("acme")]);
    assert!(exchange.request.headers.is_empty());
    let call = calls.lock()[0].clone();
    assert_eq!(&*call.body, b"token=good&token_type_hint=access_token");
    // RFC 6749 §2.3.1: `gate%20way:s%3Acret`.
    assert_eq!(call.headers["authorization"], "Basic Z2F0ZSUyMHdheTpzJTNBY3JldA==");
    for (token, expected) in
        [("expired", 401), ("early", 401), ("nobody", 401), ("text", 401), ("unknown", 401), ("array", 503), ("401", 503), ("late", 503)]
    {
        assert_eq!(send(&built, "/", &[("authorization", &bearer(token))]).await.0, expected, "{token}");
    }
    assert_eq!(send(&built, "/", &[]).await.0, 401);
}

#[tokio::test(start_paused = true)]
async fn what_a_service_said_of_a_token_is_kept_and_never_longer_than_the_token() {
    let fetch = Played::new(Duration::ZERO, introspect);
    let built = tokens(&fetch);
    let mut asked = exchange("GET", "/", &[]);
    let clock = asked.clock;
    // The service still says that it expires at the 30th second; it is asked again only then.
    for (seconds, expected, calls) in [(0, true, 1), (29, true, 1), (1, false, 2), (59, false, 2)] {
        sleep(Duration::from_secs(seconds)).await;
        asked.started = tokio::time::Instant::now();
        asked.clock = clock;
        asked.request.headers.insert("authorization", HeaderValue::from_static("Bearer good"));
        assert_eq!(built.ask(&mut asked).await.is_ok(), expected, "after {seconds} more seconds");
        assert_eq!(fetch.asked(), calls, "after {seconds} more seconds");
    }
}

#[tokio::test(start_paused = true)]
async fn a_test_names_whom_services_know() {
    let declared = declared(&format!("{LOGIN}{TOKENS}"));
    let secrets = Fixed([("SECRET", "s".to_owned()), ("keys", String::new())].into());
    let fetch: Arc<dyn Fetch> = Arc::new(crate::fetch::Offline);
    for (index, statement, given) in [(0, "auth login", json!({"name": "ann"})), (2, "auth tokens", json!({"sub": "ann"}))] {
        let config = policy::<Config>(statement, &declared, Vec::new(), false).0.unwrap();
        let (runtime, built) = asking(&declared, &mut Registry::new(), &secrets, &fetch, |build| {
            config.build(build)?;
            build.auth(index)
        })
        .unwrap();
        assert_eq!(send(&built, "/", &[("authorization", "Bearer x"), ("cookie", "x")]).await.0, 401, "{statement}");
        let (name, value) = runtime.mint(given.as_object().unwrap(), NOW).unwrap();
        let (status, exchange) = send(&built, "/", &[(name.as_str(), value.to_str().unwrap())]).await;
        assert_eq!((status, &exchange.identities[0].attributes[0]), (200, &text("ann")), "{statement}");
    }
}
