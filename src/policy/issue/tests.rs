//! Tokens that are handed out.

use super::Config;
use crate::diag::Code;
use crate::http::exchange::testing::exchange;
use crate::policy::fixtures::{Fixed, auths, building, policy};
use crate::policy::{Policy, Registry};
use http::header::{AUTHORIZATION, CACHE_CONTROL};

const MAIN: &str = "auth jwt main {
  algorithms [HS256]
  key env(\"JWT\")
  issuer \"gate\"
  audience \"shop\"
  claims { sub str; role str = \"user\"; tenant str? from \"/app/tenant\" }
}
auth basic staff { users env(\"USERS\") }";

#[tokio::test(start_paused = true)]
async fn a_token_that_is_issued_is_accepted() {
    let auths = auths(MAIN).0;
    let (config, found) =
        policy::<Config>("issue main ttl 1h { sub request.host; role \"admin\"; tenant \"acme\" }", &auths, Vec::new(), false);
    assert_eq!(found, []);
    let secrets = Fixed([("JWT", "0123456789abcdef0123456789abcdef".to_owned())].into());
    let (runtime, built) = building(&auths, &mut Registry::new(), &secrets, |build| {
        config.unwrap().build(build)?;
        build.auth(0)
    })
    .unwrap();
    let mut asked = exchange("POST", "/token", &[]);
    let reply = built.ask(&mut asked).await.unwrap().unwrap();
    assert_eq!(reply.headers[CACHE_CONTROL], "no-store");
    let body: serde_json::Value = serde_json::from_slice(&reply.body.at_hand().unwrap()).unwrap();
    assert_eq!((&body["token_type"], &body["expires_in"]), (&"Bearer".into(), &3_600.into()));
    asked.request.headers.insert(AUTHORIZATION, format!("Bearer {}", body["token"].as_str().unwrap()).parse().unwrap());
    let crate::policy::auth::Verdict::Known(identity) = runtime.judge(&asked, crate::policy::fixtures::NOW) else {
        panic!("not accepted")
    };
    let text = |text: &str| crate::http::Attribute::Text(text.into());
    assert_eq!(*identity.attributes, [text("localhost"), text("admin"), text("acme")]);
}

#[test]
fn a_token_has_the_claims_its_auth_declares() {
    let auths = auths(MAIN).0;
    for (statement, code) in [
        ("issue staff ttl 1h { sub \"a\" }", Code::TypeMismatch),
        ("issue main { sub \"a\" }", Code::SchemaMissingKey),
        ("issue main ttl 1h", Code::SchemaMissingKey),
        ("issue main ttl 0s { sub \"a\" }", Code::TypeRange),
        ("issue main ttl 1h { sub \"a\"; rolle \"b\" }", Code::TypeUnknownClaim),
        ("issue main ttl 1h { sub 5 }", Code::TypeMismatch),
        ("issue main ttl 1h { sub \"a\"; exp 5 }", Code::SchemaRepeated),
    ] {
        assert_eq!(policy::<Config>(statement, &auths, Vec::new(), false).1, [code], "{statement}");
    }
}
