//! Issuers and services that say who calls, on real sockets.

use crate::harness::{Answer, Gate, Origin, Secure, Setup};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use gatewright::events::{Change, Kind};
use jsonwebtoken::jwk::Jwk;
use jsonwebtoken::{Algorithm, EncodingKey, Header};
use parking_lot::Mutex;
use serde_json::{Value as Json, json};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use tokio::time::Instant;

/// An issuer's key, and the token of somebody that it signs.
fn key(id: &str) -> (Json, String) {
    gatewright::policy::auth::install_crypto();
    let pair = rcgen::KeyPair::generate_for(&rcgen::PKCS_ECDSA_P256_SHA256).unwrap();
    let key = EncodingKey::from_ec_pem(pair.serialize_pem().as_bytes()).unwrap();
    let mut jwk = serde_json::to_value(Jwk::from_encoding_key(&key, Algorithm::ES256).unwrap()).unwrap();
    jwk["kid"] = id.into();
    let header = Header { kid: Some(id.to_owned()), ..Header::new(Algorithm::ES256) };
    let claims = json!({"sub": id, "aud": "shop", "exp": jsonwebtoken::get_current_timestamp() + 3600});
    (jwk, jsonwebtoken::encode(&header, &claims, &key).unwrap())
}

#[test]
fn keys_are_fetched_from_the_issuer_and_again_for_a_new_one() {
    let ((first, old), (second, new), (_, stray)) = (key("old"), key("new"), key("stray"));
    let keys = Arc::new(Mutex::new(json!({"keys": [first.clone()]})));
    let published = Arc::clone(&keys);
    let issuer = Origin::start(move |_| Answer::json(200, &published.lock().to_string()));
    let app = Origin::json("{}");
    let gate = Gate::source(
        "gateway { listen 127.0.0.1:0 }
        auth jwt main { algorithms [ES256]; jwks http://{issuer}/keys; audience \"shop\"; claims { sub str } }
        upstream app { target http://{app} }
        route r GET /r -> app { auth main; request { set x-user claim.sub } }
        route health GET /health { public \"for the balancer\"; respond health }",
    )
    .origin("issuer", &issuer)
    .origin("app", &app)
    .start();
    gate.get("/r").bearer(&old).send().expect(200);
    assert_eq!(app.received().field("x-user"), Some("old"));
    assert_eq!(issuer.received().target, "/keys");
    gate.get("/r").bearer(&new).send().expect(401);
    keys.lock()["keys"] = json!([first, second]);
    // Asked for an unknown key a moment ago: the issuer is left alone for a while.
    gate.get("/r").bearer(&stray).send().expect(401);
    gate.get("/r").bearer(&old).send().expect(200);
    assert_eq!(issuer.requests().len(), 2);
    let health = gate.get("/health").send().expect(200).json();
    assert_eq!(health["status"], "ok");
    assert_eq!((&health["jwks"]["main"]["keys"], &health["jwks"]["main"]["failing"]), (&json!(1), &json!(false)));
}

const BY_TOKEN: &str = "gateway { listen 127.0.0.1:0 }
    auth jwt main { algorithms [ES256]; jwks http://{issuer}/keys; audience \"shop\"; claims { sub str } }
    upstream app { target http://{app} }
    route r GET /r -> app { auth main }";
/// Clients at once, and how many requests each makes.
const CLIENTS: usize = 6;
const REQUESTS: usize = 150;

/// An issuer that publishes what is there when it is asked.
fn issuer(keys: &Arc<Mutex<Json>>) -> Origin {
    let published = Arc::clone(keys);
    Origin::start(move |_| Answer::json(200, &published.lock().to_string()))
}

/// The same token as another key's, which nobody has heard of.
fn stray(token: &str, nth: usize) -> String {
    let header = json!({"alg": "ES256", "kid": format!("stray-{nth}")}).to_string();
    format!("{}.{}", URL_SAFE_NO_PAD.encode(header), token.split_once('.').unwrap().1)
}

/// Clients go on while the issuer publishes a second key, and then use it: how often the issuer was asked must be 2.
fn rotation(keys: &Mutex<Json>, setup: Setup, asked: impl Fn() -> usize) {
    let ((first, old), (second, new), app) = (key("old"), key("new"), Origin::json("{}"));
    *keys.lock() = json!({"keys": [first.clone()]});
    let gate = setup.origin("app", &app).start();
    let rotated = AtomicBool::new(false);
    std::thread::scope(|scope| {
        for _ in 0..CLIENTS {
            scope.spawn(|| {
                let mut client = gate.connect();
                let mut left = REQUESTS;
                while left > 0 {
                    let is_new = rotated.load(Ordering::Acquire) && left.is_multiple_of(2);
                    gate.get("/r").bearer(if is_new { &new } else { &old }).over(&mut client);
                    client.read().expect(200);
                    left -= usize::from(rotated.load(Ordering::Acquire));
                }
            });
        }
        app.until_begun(CLIENTS * 10);
        // The issuer signs with a key once it has published it.
        *keys.lock() = json!({"keys": [first, second]});
        rotated.store(true, Ordering::Release);
    });
    assert_eq!(asked(), 2, "at the beginning, and for the first token of the new key");
}

#[test]
fn a_rotation_of_keys_under_load_loses_no_valid_request() {
    let keys = Arc::default();
    let issuer = issuer(&keys);
    rotation(&keys, Gate::source(BY_TOKEN).origin("issuer", &issuer), || issuer.requests().len());
}

/// The same issuer in TLS, and a gateway that is told where it is.
fn secure_issuer(keys: &Arc<Mutex<Json>>) -> (Secure, Setup) {
    let published = Arc::clone(keys);
    let issuer = Secure::start(move || published.lock().to_string());
    let setup = Gate::source(BY_TOKEN).replace("http://{issuer}", &issuer.url());
    (issuer, setup)
}

#[test]
fn a_rotation_of_keys_over_tls_loses_none_either() {
    let keys = Arc::default();
    let (issuer, setup) = secure_issuer(&keys);
    rotation(&keys, setup.trusting(issuer.authority()), || issuer.asked());
}

#[test]
fn keys_of_an_issuer_whose_authority_is_not_believed_are_never_asked_for() {
    let (known, token) = key("known");
    let (issuer, setup) = secure_issuer(&Arc::new(Mutex::new(json!({"keys": [known]}))));
    let (stranger, app) = (Secure::start(String::new), Origin::json("{}"));
    let mut gate = setup.trusting(stranger.authority()).origin("app", &app).start();
    gate.get("/r").bearer(&token).send().expect(503);
    assert_eq!((issuer.asked(), app.requests().len()), (0, 0));
    assert_eq!(gate.events(Kind::Jwks), [Change::KeysMissing]);
}

#[test]
fn a_flood_of_unknown_keys_costs_one_fetch_and_no_valid_request() {
    let (known, token) = key("known");
    let (issuer, app) = (issuer(&Arc::new(Mutex::new(json!({"keys": [known]})))), Origin::json("{}"));
    let gate = Gate::source(BY_TOKEN).origin("issuer", &issuer).origin("app", &app).start();
    gate.get("/r").bearer(&token).send().expect(200);
    let began = Instant::now();
    std::thread::scope(|scope| {
        for of in 0..CLIENTS {
            let (gate, token) = (&gate, &token);
            scope.spawn(move || {
                let mut client = gate.connect();
                for nth in 0..REQUESTS {
                    gate.get("/r").bearer(&stray(token, of * REQUESTS + nth)).over(&mut client);
                    client.read().expect(401);
                    gate.get("/r").bearer(token).over(&mut client);
                    client.read().expect(200);
                }
            });
        }
    });
    let again = usize::try_from(began.elapsed().as_secs() / 30).unwrap();
    assert!(issuer.requests().len() <= 2 + again, "{} fetches in {:?}", issuer.requests().len(), began.elapsed());
}

#[test]
fn a_login_service_decides_and_its_answers_pass_through() {
    let login = Origin::start(|request| match request.field("cookie") {
        Some("session=good") => Answer::with(200, "X-User: ann\r\nX-Secret: 1\r\n", "ignored"),
        _ => Answer::with(302, "Location: https://login.example.com/\r\nSet-Cookie: a=b\r\n", "over there"),
    });
    let app = Origin::json("{}");
    let gate = Gate::source(
        "gateway { listen 127.0.0.1:0 }
        auth forward main { url http://{login}/verify; copy [\"x-user\"]; timeout 5s }
        upstream app { target http://{app} }
        route r POST /r -> app { auth main }",
    )
    .origin("login", &login)
    .origin("app", &app)
    .start();
    let reply = gate.ask("POST", "/r?a=b").field("X-User", "root").send().expect(302);
    assert_eq!(reply.field("location"), Some("https://login.example.com/"));
    assert_eq!(reply.field("set-cookie"), Some("a=b"));
    assert_eq!(String::from_utf8_lossy(&reply.body), "over there");
    gate.ask("POST", "/r").field("Cookie", "session=good").field("X_User", "root").json("hello").send().expect(200);
    let received = app.received();
    assert_eq!((received.field("x-user"), received.field("x_user"), received.field("cookie")), (Some("ann"), None, None));
    assert_eq!((received.field("x-secret"), &*received.body), (None, &b"hello"[..]));
    let asked = login.requests();
    assert_eq!((asked[0].method.as_str(), asked[0].field("x-forwarded-uri")), ("GET", Some("/r?a=b")));
    assert_eq!(asked[1].length, 0, "the service sees no body");
}

#[test]
fn a_service_that_is_not_there_lets_nobody_in() {
    let app = Origin::json("{}");
    let gate = Gate::source(
        "gateway { listen 127.0.0.1:0 }
        auth forward login { url http://127.0.0.1:1/ }
        auth introspect opaque { url http://127.0.0.1:1/ }
        auth jwt main { algorithms [ES256]; jwks http://127.0.0.1:1/; audience \"a\" }
        upstream app { target http://{app} }
        route a GET /a -> app { auth login }
        route b GET /b -> app { auth opaque }
        route c GET /c -> app { auth main }",
    )
    .origin("app", &app)
    .start();
    for path in ["/a", "/b", "/c"] {
        let reply = gate.get(path).bearer(&key("a").1).send().expect(503);
        assert_eq!(reply.field("retry-after"), Some("1"));
        assert!(!String::from_utf8_lossy(&reply.body).contains("127.0.0.1"));
    }
    assert!(app.requests().is_empty());
}

#[test]
fn a_service_says_what_a_token_is_worth() {
    let service = Origin::start(|request| {
        let active = request.body.starts_with(b"token=good&");
        Answer::json(200, &json!({"active": active, "sub": "7"}).to_string())
    });
    let app = Origin::json("{}");
    let gate = Gate::source(
        "gateway { listen 127.0.0.1:0 }
        auth introspect main { url http://{service}/introspect; client_id \"gate\"; client_secret env(\"SECRET\"); cache 1m; claims { sub str } }
        upstream app { target http://{app} }
        route r GET /r -> app { auth main; request { set x-user claim.sub } }",
    )
    .origin("service", &service)
    .origin("app", &app)
    .secret("SECRET", "secret")
    .start();
    for _ in 0..2 {
        gate.get("/r").bearer("good").send().expect(200);
        gate.get("/r").bearer("bad").send().expect(401);
    }
    assert_eq!(app.requests()[0].field("x-user"), Some("7"));
    assert_eq!(app.requests()[0].field("authorization"), None);
    let asked = service.requests();
    assert_eq!(asked.len(), 2, "what was said is kept");
    assert_eq!(asked[0].field("authorization"), Some("Basic Z2F0ZTpzZWNyZXQ="));
    assert_eq!(asked[0].field("content-type"), Some("application/x-www-form-urlencoded"));
}
