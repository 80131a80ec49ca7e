//! Each kind of auth as a client meets it, and what its declaration may say.

mod attacks;
mod issuers;
mod services;
mod signers;
mod standards;

use super::{Config, Declared, facts, hash_key, hash_password, sign};
use crate::diag::Code;
use crate::http::exchange::testing::exchange;
use crate::http::{Attribute, Exchange};
use crate::policy::fixtures::{Built, Fixed, NOW, auths, building, policy};
use crate::policy::{Policy, Registry};
use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use http::StatusCode;
use http::header::WWW_AUTHENTICATE;
use serde_json::{Map, Value as Json, json};
use std::time::Duration;

const SECRET: &str = "0123456789abcdef0123456789abcdef";
const TTL: Duration = Duration::from_secs(3_600);

const MAIN: &str = "auth jwt main {
  algorithms [HS256]
  key env(\"JWT\")
  claims {
    sub str
    role str = \"user\"
    roles set<str> = []
    age int?
    tenant str = \"none\" from \"/app/tenant\"
  }
}
";
const STRICT: &str = "auth jwt strict {
  algorithms [HS256, HS512]
  key env(\"JWT\")
  issuer \"https://id\"
  audience [\"shop\"]
  leeway 5s
  claims { sub str }
}
";
const KEYS: &str = "auth key keys {
  from [header(\"x-api-key\"), query(\"k\")]
  keys file(\"keys\")
  key root env(\"ROOT\") { plan pro }
  attributes { plan enum(free, pro) = free; tags set<str> = [] }
}
";
const STAFF: &str = "auth basic staff { users env(\"USERS\") }
";

fn declared(text: &str) -> Vec<Declared> {
    let (declared, found) = auths(text);
    assert!(found.iter().all(|code| *code == Code::AuthKeyInQuery), "{found:?}");
    let json = serde_json::to_string(&declared).unwrap();
    assert_eq!(serde_json::from_str::<Vec<Declared>>(&json).unwrap(), declared);
    declared
}

fn secrets() -> Fixed {
    let keys = format!("# ours\nacme {} plan=pro tags=a,b # the first\n\nsmall {}\n", hash_key("acme-key"), hash_key("small-key"));
    // The lowest cost there is: what is tested is not how long it takes.
    let bcrypt = bcrypt::hash_with_result("swordfish", 4).unwrap().format_for_version(bcrypt::Version::TwoY);
    let users = format!("ann:{}\nbob:{bcrypt}\n", hash_password("correct horse").unwrap());
    Fixed([("JWT", SECRET.to_owned()), ("keys", keys), ("ROOT", "root-key".to_owned()), ("USERS", users)].into())
}

fn built(declared: &[Declared], statement: &str) -> Built {
    let (config, found) = policy::<Config>(statement, declared, Vec::new(), false);
    assert_eq!(found, [], "{statement}");
    building(declared, &mut Registry::new(), &secrets(), |build| config.unwrap().build(build)).unwrap().1
}

/// The status of a refusal, or 200, with the exchange afterwards.
async fn send(built: &Built, target: &str, headers: &[(&str, &str)]) -> (u16, Exchange) {
    let mut exchange = exchange("GET", target, headers);
    let status = built.ask(&mut exchange).await.err().map_or(StatusCode::OK, |problem| problem.status);
    (status.as_u16(), exchange)
}

async fn status(built: &Built, headers: &[(&str, &str)]) -> u16 {
    send(built, "/", headers).await.0
}

fn object(value: Json) -> Map<String, Json> {
    value.as_object().unwrap().clone()
}

fn token(declared: &Declared, claims: Json) -> String {
    sign(declared, SECRET, &object(claims), NOW, TTL).unwrap().unwrap()
}

/// A token of any header and payload, properly signed with HS256.
fn forged(header: &str, payload: &str) -> String {
    let signed = format!("{}.{}", URL_SAFE_NO_PAD.encode(header), URL_SAFE_NO_PAD.encode(payload));
    let key = jsonwebtoken::EncodingKey::from_secret(SECRET.as_bytes());
    let signature = jsonwebtoken::crypto::sign(signed.as_bytes(), &key, jsonwebtoken::Algorithm::HS256).unwrap();
    format!("{signed}.{signature}")
}

fn bearer(token: &str) -> String {
    format!("Bearer {token}")
}

fn text(text: &str) -> Attribute {
    Attribute::Text(text.into())
}

#[tokio::test(start_paused = true)]
async fn a_token_names_its_bearer_and_goes_no_further() {
    let declared = declared(MAIN);
    let built = built(&declared, "auth main");
    let token = token(&declared[0], json!({"sub": "7", "roles": ["a", "b"], "age": 30, "tenant": "acme"}));
    for _ in 0..2 {
        let (status, exchange) = send(&built, "/", &[("authorization", &bearer(&token))]).await;
        assert_eq!(status, 200);
        let set = Attribute::Set(["a".into(), "b".into()].into());
        assert_eq!(*exchange.identities[0].attributes, [text("7"), text("user"), set, Attribute::Int(30), text("acme")]);
        assert!(exchange.request.headers.is_empty());
    }
}

#[tokio::test(start_paused = true)]
async fn defaults_and_scopes_fill_claims() {
    let declared = declared(MAIN);
    let built = built(&declared, "auth main");
    let token = token(&declared[0], json!({"sub": "7", "roles": "read write"}));
    let (_, exchange) = send(&built, "/", &[("authorization", &bearer(&token))]).await;
    let set = Attribute::Set(["read".into(), "write".into()].into());
    assert_eq!(*exchange.identities[0].attributes, [text("7"), text("user"), set, Attribute::Missing, text("none")]);
}

#[tokio::test(start_paused = true)]
async fn tokens_that_are_not_right_are_refused() {
    let declared = declared(MAIN);
    let built = built(&declared, "auth main");
    let good = token(&declared[0], json!({"sub": "7"}));
    let now = NOW.as_secs();
    let head = r#"{"alg":"HS256"}"#;
    let payload = |more: &str| format!(r#"{{"sub":"7"{more}}}"#);
    let valid = format!(r#","exp":{}"#, now + 60);
    assert_eq!(status(&built, &[("authorization", &bearer(&forged(head, &payload(&valid))))]).await, 200);
    assert_eq!(status(&built, &[("authorization", &format!("bEaReR  {good}"))]).await, 200);
    let (signed, signature) = good.rsplit_once('.').unwrap();
    let bad = [
        String::new(),
        "a.b".to_owned(),
        format!("{signed}."),
        format!("{good}="),
        format!("{good}A"),
        format!("{signed}.{}", signature.chars().rev().collect::<String>()),
        format!("{}.{}.", URL_SAFE_NO_PAD.encode(r#"{"alg":"none"}"#), URL_SAFE_NO_PAD.encode(payload(&valid))),
        forged(r#"{"alg":"HS384"}"#, &payload(&valid)),
        forged(r#"{"alg":"hs256"}"#, &payload(&valid)),
        forged(r#"{"alg":["HS256"]}"#, &payload(&valid)),
        forged(r#"{"alg":"HS256","crit":["exp"]}"#, &payload(&valid)),
        forged(r#"{"alg":"HS256","jwk":{"kty":"oct","k":"AA"}}"#, &payload(&valid)),
        forged(r#"{"alg":"HS256","jku":"https://evil"}"#, &payload(&valid)),
        forged(r#"{"alg":"HS256","x5u":"https://evil"}"#, &payload(&valid)),
        forged(r#"{"alg":"HS256","alg":"HS256"}"#, &payload(&valid)),
        forged(head, &payload("")),
        forged(head, &payload(r#","exp":"1900000000""#)),
        forged(head, &payload(&format!(r#","exp":{}"#, now - 30))),
        forged(head, &payload(&format!(r#"{valid},"nbf":{}"#, now + 31))),
        forged(head, &payload(&format!(r#"{valid},"nbf":"x""#))),
        forged(head, &payload(&format!(r#"{valid},"role":5"#))),
        forged(head, &format!(r#"{{"sub":7{valid}}}"#)),
        forged(head, &format!("{{{}}}", valid.trim_start_matches(','))),
        forged(head, "[]"),
    ];
    for bad in &bad {
        assert_eq!(status(&built, &[("authorization", &bearer(bad))]).await, 401, "{bad}");
    }
    assert_eq!(status(&built, &[]).await, 401);
    assert_eq!(status(&built, &[("authorization", "Basic YTpi")]).await, 401);
    assert_eq!(status(&built, &[("authorization", &bearer(&good)), ("authorization", &bearer(&good))]).await, 401);
    assert_eq!(status(&built, &[("authorization", &bearer(&forged(head, &payload(&format!(r#","exp":{}"#, now - 29)))))]).await, 200);
}

#[tokio::test(start_paused = true)]
async fn no_verdict_outlives_its_token() {
    let declared = declared(MAIN);
    let built = built(&declared, "auth main");
    let token = forged(r#"{"alg":"HS256"}"#, &format!(r#"{{"sub":"7","exp":{}}}"#, NOW.as_secs() + 60));
    let mut exchange = exchange("GET", "/", &[]);
    let clock = exchange.clock;
    for (seconds, expected) in [(0, true), (59, true), (30, true), (1, false)] {
        tokio::time::advance(Duration::from_secs(seconds)).await;
        exchange.started = tokio::time::Instant::now();
        exchange.clock = clock;
        exchange.request.headers.insert("authorization", bearer(&token).parse().unwrap());
        assert_eq!(built.ask(&mut exchange).await.is_ok(), expected, "after {seconds} more seconds");
    }
}

#[tokio::test(start_paused = true)]
async fn issuer_and_audience_must_be_ours() {
    let declared = declared(STRICT);
    let built = built(&declared, "auth strict");
    let good = token(&declared[0], json!({"sub": "7"}));
    assert_eq!(status(&built, &[("authorization", &bearer(&good))]).await, 200);
    for claims in [
        json!({"sub": "7", "iss": "https://other"}),
        json!({"sub": "7", "iss": ["https://id"]}),
        json!({"sub": "7", "aud": "other"}),
        json!({"sub": "7", "aud": ["shop", 5]}),
        json!({"sub": "7", "exp": NOW.as_secs() - 5}),
    ] {
        let bad = token(&declared[0], claims.clone());
        assert_eq!(status(&built, &[("authorization", &bearer(&bad))]).await, 401, "{claims}");
    }
    let several = token(&declared[0], json!({"sub": "7", "aud": ["other", "shop"]}));
    assert_eq!(status(&built, &[("authorization", &bearer(&several))]).await, 200);
}

#[tokio::test(start_paused = true)]
async fn a_key_is_known_by_its_hash() {
    let declared = declared(KEYS);
    let built = built(&declared, "auth keys");
    let (status_code, exchange) = send(&built, "/?a=1&k=acme-key&b=2", &[]).await;
    assert_eq!(status_code, 200);
    let tags = Attribute::Set(["a".into(), "b".into()].into());
    assert_eq!(*exchange.identities[0].attributes, [text("acme"), text("pro"), tags]);
    assert_eq!(exchange.request.target, "/?a=1&b=2");
    let (_, exchange) = send(&built, "/", &[("x-api-key", "root-key")]).await;
    assert_eq!(*exchange.identities[0].attributes, [text("root"), text("pro"), Attribute::Set([].into())]);
    assert!(exchange.request.headers.is_empty());
    assert_eq!(status(&built, &[("x-api-key", "small-key")]).await, 200);
    assert_eq!(status(&built, &[("x-api-key", "other")]).await, 401);
    assert_eq!(status(&built, &[("x-api-key", "small-key"), ("x-api-key", "small-key")]).await, 401);
    assert_eq!(send(&built, "/?k=small-key", &[("x-api-key", "small-key")]).await.0, 401);
    let mut exchange = exchange_without();
    let problem = built.ask(&mut exchange).await.unwrap_err();
    assert_eq!(problem.headers.as_slice(), [(WWW_AUTHENTICATE, "ApiKey".parse().unwrap())]);
}

fn exchange_without() -> Exchange {
    exchange("GET", "/", &[])
}

#[test]
fn a_bad_line_is_named_by_its_number() {
    let hash = hash_key("k");
    let declared = declared(KEYS);
    for (lines, message) in [
        ("acme".to_owned(), "line 1: `sha256:` and 64 hexadecimal digits are expected behind the name"),
        (format!("# c\nacme {hash}0"), "line 2: `sha256:` and 64 hexadecimal digits are expected behind the name"),
        (format!("acme {hash} plan"), "line 1: an attribute is written `name=value`"),
        (format!("acme {hash} size=5"), "line 1: no attribute is called `size`"),
        (format!("acme {hash} plan=gold"), "line 1: `plan` is no `enum(free, pro)`"),
        (format!("acme {hash}\nacme {hash}"), "the key of `acme` stands there twice"),
    ] {
        let mut secrets = secrets();
        secrets.0.insert("keys", lines);
        let error = building(&declared, &mut Registry::new(), &secrets, |build| build.auth(0).map(|_| ())).err().unwrap();
        // Keys may stand in several files: two that are the same are of none of them.
        let place = if message.ends_with("twice") { "" } else { " in `keys`" };
        assert_eq!(error.message, format!("the keys of `keys`{place}: {message}"));
    }
    let staff = auths(STAFF).0;
    let mut secrets = secrets();
    secrets.0.insert("USERS", "ann:$1$abc$def".to_owned());
    let error = building(&staff, &mut Registry::new(), &secrets, |build| build.auth(0).map(|_| ())).err().unwrap();
    assert_eq!(
        error.message,
        "the users of `staff` in the environment variable `USERS`: line 1: the hash of `ann` is neither argon2id nor bcrypt"
    );
}

fn basic(name: &str, password: &str) -> String {
    format!("Basic {}", STANDARD.encode(format!("{name}:{password}")))
}

#[tokio::test(start_paused = true)]
async fn a_password_is_checked_and_remembered_for_a_minute() {
    let declared = declared(STAFF);
    let built = built(&declared, "auth staff");
    for (name, password, expected) in [
        ("ann", "correct horse", 200),
        ("ann", "correct horse", 200),
        ("bob", "swordfish", 200),
        ("ann", "wrong", 401),
        ("eve", "swordfish", 401),
        ("", "", 401),
    ] {
        let (status, exchange) = send(&built, "/", &[("authorization", &basic(name, password))]).await;
        assert_eq!(status, expected, "{name}");
        if status == 200 {
            assert_eq!(*exchange.identities[0].attributes, [text(name)]);
            assert!(exchange.request.headers.is_empty());
        }
    }
    assert_eq!(status(&built, &[("authorization", "Basic ???")]).await, 401);
    let problem = built.ask(&mut exchange("GET", "/", &[])).await.unwrap_err();
    assert_eq!(problem.headers.as_slice(), [(WWW_AUTHENTICATE, "Basic realm=\"gatewright\"".parse().unwrap())]);
}

#[tokio::test(start_paused = true)]
async fn any_all_and_optional_ask_for_what_they_say() {
    let declared = declared(&format!("{MAIN}{KEYS}"));
    let token = bearer(&token(&declared[0], json!({"sub": "7"})));
    let (jwt, key) = (("authorization", token.as_str()), ("x-api-key", "acme-key"));
    let (bad_jwt, bad_key) = (("authorization", "Bearer x"), ("x-api-key", "x"));
    let any = built(&declared, "auth any [main, keys]");
    let all = built(&declared, "auth all [main, keys]");
    let optional = built(&declared, "auth optional main");
    for (headers, expected) in [
        (vec![], [401, 401, 200]),
        (vec![jwt], [200, 401, 200]),
        (vec![key], [200, 401, 200]),
        (vec![jwt, key], [200, 200, 200]),
        (vec![bad_jwt, key], [200, 401, 401]),
        (vec![jwt, bad_key], [200, 401, 200]),
        (vec![bad_jwt], [401, 401, 401]),
    ] {
        for (built, expected) in [&any, &all, &optional].into_iter().zip(expected) {
            assert_eq!(status(built, &headers).await, expected, "{headers:?}");
        }
    }
    let problem = any.ask(&mut exchange("GET", "/", &[])).await.unwrap_err();
    assert_eq!(problem.headers.len(), 2, "a challenge of each kind");
}

#[tokio::test(start_paused = true)]
async fn a_minted_credential_is_accepted() {
    let declared = declared(&format!("{MAIN}{KEYS}{STAFF}"));
    let mut registry = Registry::new();
    let statement = policy::<Config>("auth any [main, keys, staff]", &declared, Vec::new(), false).0.unwrap();
    let (runtimes, built) = building(&declared, &mut registry, &secrets(), |build| {
        statement.build(build)?;
        (0..3).map(|index| build.auth(index)).collect::<Result<Vec<_>, _>>()
    })
    .unwrap();
    for (runtime, given, first) in [
        (&runtimes[0], json!({"role": "admin"}), "some-sub"),
        (&runtimes[1], json!({"name": "big", "plan": "pro"}), "big"),
        (&runtimes[2], json!({"name": "zoe"}), "zoe"),
    ] {
        let (name, value) = runtime.mint(&object(given), NOW).unwrap();
        let (status, exchange) = send(&built, "/", &[(name.as_str(), value.to_str().unwrap())]).await;
        assert_eq!(status, 200, "{first}");
        assert_eq!(exchange.identities[0].attributes[0], text(first));
    }
    assert!(runtimes[0].mint(&object(json!({"colour": "red"})), NOW).is_err());
    assert!(runtimes[1].mint(&object(json!({"plan": "gold"})), NOW).is_err());
}

#[test]
fn a_short_key_is_a_warning_at_start() {
    let declared = declared(MAIN);
    let mut secrets = secrets();
    secrets.0.insert("JWT", "short".to_owned());
    let built = building(&declared, &mut Registry::new(), &secrets, |build| build.auth(0).map(|_| ())).unwrap().1;
    assert_eq!(built.warnings[0].code, Code::SecretShortHmac);
    assert!(!built.warnings[0].message.contains("short key"));
}

#[test]
fn an_unchanged_auth_survives_a_reload() {
    let declared = declared(MAIN);
    let mut registry = Registry::new();
    let mut runtime = |secrets: &Fixed| {
        let runtime = building(&declared, &mut registry, secrets, |build| build.auth(0)).unwrap().0;
        registry.commit();
        runtime
    };
    let first = runtime(&secrets());
    assert!(std::sync::Arc::ptr_eq(&first, &runtime(&secrets())));
    let mut changed = secrets();
    changed.0.insert("JWT", SECRET.to_uppercase());
    assert!(!std::sync::Arc::ptr_eq(&first, &runtime(&changed)));
}

#[test]
fn what_a_declaration_may_not_say() {
    for (text, code) in [
        ("auth jwt a { key env(\"K\") }", Code::AuthAlgorithmMissing),
        ("auth jwt a { algorithms []; key env(\"K\") }", Code::AuthAlgorithmMissing),
        ("auth jwt a { algorithms [none]; key env(\"K\") }", Code::AuthWeakAlgorithm),
        ("auth jwt a { algorithms [RS256, ES256]; key env(\"K\") }", Code::AuthWeakAlgorithm),
        ("auth jwt a { algorithms [HS256, ES256]; key env(\"K\") }", Code::AuthWeakAlgorithm),
        ("auth jwt a { algorithms [RS256]; jwks http://id/ refresh 1s; audience \"a\" }", Code::TypeRange),
        ("auth jwt a { algorithms [HS257]; key env(\"K\") }", Code::TypeEnum),
        ("auth jwt a { algorithms [HS256]; key \"literal\" }", Code::SecretLiteral),
        ("auth jwt a { algorithms [HS256] }", Code::SchemaMissingKey),
        ("auth jwt a { algorithms [HS256]; key env(\"K\"); users env(\"U\") }", Code::SchemaWrongBlock),
        ("auth jwt a { algorithms [HS256]; key env(\"K\"); claims { at ip } }", Code::TypeMismatch),
        ("auth jwt a { algorithms [HS256]; key env(\"K\"); claims { a str; a int } }", Code::NameDuplicate),
        ("auth jwt a { algorithms [HS256]; key env(\"K\"); issuer \"x\" }", Code::AuthNoAudience),
        ("auth key a { keys env(\"K\"); from query(\"k\") }", Code::AuthKeyInQuery),
        ("auth key a { from header(\"k\") }", Code::SchemaMissingKey),
        ("auth key a { keys env(\"K\"); attributes { name int } }", Code::TypeMismatch),
        ("auth key a { key env(\"K\") }", Code::SchemaArity),
        ("auth basic a", Code::SchemaMissingKey),
        ("auth sesame a", Code::TypeEnum),
    ] {
        assert_eq!(auths(text).1, [code], "{text}");
    }
    let beside = auths("auth jwt a { algorithms [HS256]; jwks https://id/jwks refresh 10m; audience \"x\" }").1;
    assert_eq!(beside, [Code::AuthWeakAlgorithm]);
}

#[test]
fn what_is_known_of_a_caller_follows_the_statement() {
    let declared = declared(&format!("{MAIN}{STRICT}{KEYS}"));
    let known = |statement: &str| {
        let (config, found) = policy::<Config>(statement, &declared, Vec::new(), false);
        assert_eq!(found, []);
        let (facts, identified) = facts(&config.unwrap(), &declared);
        let facts: Vec<_> = facts.into_iter().map(|fact| format!("{}.{} {}", fact.root, fact.name, fact.ty)).collect();
        (facts.join(", "), identified)
    };
    let main = "claim.sub str, claim.role str, claim.roles set<str>, claim.age int?, claim.tenant str";
    assert_eq!(known("auth main"), (main.to_owned(), true));
    let any = "claim.sub str, claim.role str?, claim.roles set<str>?, claim.age int?, claim.tenant str?";
    assert_eq!(known("auth any [main, strict]"), (any.to_owned(), true));
    assert_eq!(
        known("auth all [strict, keys]"),
        ("claim.sub str, key.name str, key.plan enum(free, pro), key.tags set<str>".to_owned(), true)
    );
    assert_eq!(known("auth optional strict"), ("claim.sub str?".to_owned(), false));
    assert_eq!(known("public \"why\""), (String::new(), false));
}
