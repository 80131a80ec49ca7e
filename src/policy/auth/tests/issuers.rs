//! Issuers that publish their keys: fetched once, renewed, rotated, away, and asked for keys that nobody has.

use super::signers::{Pair, Played, answer, published};
use super::{Built, bearer, declared, secrets, send};
use crate::fetch::{Failure, Fetch};
use crate::policy::auth::keyring::Keyring;
use crate::policy::auth::{Config, Declared};
use crate::policy::fixtures::{NOW, asking, policy};
use crate::policy::{Policy, Registry};
use jsonwebtoken::Algorithm;
use parking_lot::Mutex;
use serde_json::{Value as Json, json};
use std::slice;
use std::sync::Arc;
use std::time::Duration;
use tokio::time::{Instant, sleep};

const ISSUER: &str = "auth jwt main {
  algorithms [ES256, RS256, EdDSA]
  jwks https://id.example.com/jwks refresh 10m
  audience \"shop\"
  claims { sub str }
}
";

fn route(declared: &[Declared], fetch: &Arc<Played>) -> (Built, Registry) {
    let (config, found) = policy::<Config>("auth main", declared, Vec::new(), false);
    assert_eq!(found, []);
    let mut registry = Registry::new();
    let fetch = Arc::clone(fetch) as Arc<dyn Fetch>;
    let built = asking(declared, &mut registry, &secrets(), &fetch, |build| config.unwrap().build(build)).unwrap().1;
    (built, registry)
}

fn issuer(fetch: &Arc<Played>) -> Built {
    route(&declared(ISSUER), fetch).0
}

/// A token of a key that is good for ten days from the beginning.
fn token(pair: &Pair) -> String {
    pair.token(json!({}), json!({"sub": "7", "aud": "shop", "exp": NOW.as_secs() + 864_000}))
}

async fn status(built: &Built, token: &str) -> u16 {
    send(built, "/", &[("authorization", &bearer(token))]).await.0
}

fn publishing(pair: &Pair) -> Arc<Played> {
    let keys = published(&[pair.jwk(json!({"use": "sig"}))]);
    Played::new(Duration::from_millis(20), move |_| answer(200, keys.clone()))
}

#[tokio::test(start_paused = true)]
async fn each_kind_of_key_verifies_its_own_algorithm() {
    let pairs = [Pair::new("a", Algorithm::ES256), Pair::new("b", Algorithm::RS256), Pair::new("c", Algorithm::EdDSA)];
    let keys = published(&pairs.iter().map(|pair| pair.jwk(json!({}))).collect::<Vec<_>>());
    let built = issuer(&Played::new(Duration::ZERO, move |_| answer(200, keys.clone())));
    for pair in &pairs {
        assert_eq!(status(&built, &token(pair)).await, 200, "{}", pair.id);
    }
    let unlisted = Pair::new("a", Algorithm::ES384);
    assert_eq!(status(&built, &token(&unlisted)).await, 401, "its algorithm is not accepted");
    let forged = Pair::new("a", Algorithm::ES256);
    assert_eq!(status(&built, &token(&forged)).await, 401, "the same name, another key");
}

#[tokio::test(start_paused = true)]
async fn a_thousand_first_requests_make_one_fetch() {
    let pair = Pair::new("a", Algorithm::ES256);
    let fetch = publishing(&pair);
    let built = issuer(&fetch);
    let token = token(&pair);
    let all = futures_util::future::join_all((0..1000).map(|_| status(&built, &token))).await;
    assert!(all.iter().all(|status| *status == 200));
    assert_eq!(fetch.asked(), 1);
}

#[tokio::test(start_paused = true)]
async fn old_keys_are_renewed_behind_the_requests() {
    let pair = Pair::new("a", Algorithm::ES256);
    let fetch = publishing(&pair);
    let built = issuer(&fetch);
    let token = token(&pair);
    assert_eq!(status(&built, &token).await, 200);
    sleep(Duration::from_secs(599)).await;
    assert_eq!(status(&built, &token).await, 200);
    assert_eq!(fetch.asked(), 1);
    sleep(Duration::from_secs(2)).await;
    let before = Instant::now();
    assert_eq!(status(&built, &token).await, 200);
    assert_eq!(before.elapsed(), Duration::ZERO, "nobody waits for it");
    sleep(Duration::from_secs(1)).await;
    assert_eq!(fetch.asked(), 2);
}

/// An issuer whose keys change while it is asked.
#[derive(Clone, Default)]
struct Keys(Arc<Mutex<Vec<Json>>>);

impl Keys {
    fn publish(&self, pairs: &[&Pair]) {
        *self.0.lock() = pairs.iter().map(|pair| pair.jwk(json!({}))).collect();
    }

    fn fetch(&self) -> Arc<Played> {
        let keys = self.clone();
        Played::new(Duration::from_millis(20), move |_| answer(200, published(&keys.0.lock())))
    }
}

#[tokio::test(start_paused = true)]
async fn a_rotation_under_load_loses_no_valid_request() {
    let (old, new) = (Pair::new("old", Algorithm::ES256), Pair::new("new", Algorithm::ES256));
    let keys = Keys::default();
    keys.publish(&[&old]);
    let fetch = keys.fetch();
    let built = issuer(&fetch);
    let (first, second) = (token(&old), token(&new));
    let begun = Instant::now();
    let client = |offset: u64| {
        let (built, first, second) = (&built, &first, &second);
        async move {
            sleep(Duration::from_millis(offset)).await;
            for _ in 0..100 {
                let token = if begun.elapsed() < Duration::from_secs(5) { first } else { second };
                assert_eq!(status(built, token).await, 200, "after {:?}", begun.elapsed());
                sleep(Duration::from_millis(100)).await;
            }
        }
    };
    let rotation = async {
        sleep(Duration::from_secs(5) - Duration::from_millis(1)).await;
        keys.publish(&[&old, &new]);
    };
    tokio::join!(futures_util::future::join_all((0..50).map(client)), rotation);
    assert_eq!(fetch.asked(), 2, "at first, and for the new key");
}

#[tokio::test(start_paused = true)]
async fn a_flood_of_unknown_keys_costs_one_fetch_in_thirty_seconds() {
    let (old, new) = (Pair::new("old", Algorithm::ES256), Pair::new("new", Algorithm::ES256));
    let keys = Keys::default();
    keys.publish(&[&old]);
    let fetch = keys.fetch();
    let built = issuer(&fetch);
    let (first, second) = (token(&old), token(&new));
    let stray = Pair::new("stray", Algorithm::ES256);
    let begun = Instant::now();
    let flood = async {
        for number in 0..6_000 {
            let stray = stray.token(json!({"kid": format!("made-up-{number}")}), json!({"sub": "7", "exp": NOW.as_secs() + 60}));
            assert_eq!(status(&built, &stray).await, 401);
            sleep(Duration::from_millis(30)).await;
        }
    };
    let valid = async {
        for _ in 0..1_800 {
            // The issuer publishes a key a little longer before it signs with it than unknown ones are waited out.
            let token = if begun.elapsed() < Duration::from_secs(92) { &first } else { &second };
            assert_eq!(status(&built, token).await, 200, "after {:?}", begun.elapsed());
            sleep(Duration::from_millis(100)).await;
        }
    };
    let rotation = async {
        sleep(Duration::from_secs(60)).await;
        keys.publish(&[&old, &new]);
    };
    tokio::join!(flood, valid, rotation);
    let windows = usize::try_from(begun.elapsed().as_secs() / 30).unwrap() + 1;
    assert!(fetch.asked() <= windows + 1, "{} fetches in {:?}", fetch.asked(), begun.elapsed());
}

#[tokio::test(start_paused = true)]
async fn the_last_good_keys_outlive_an_issuer_that_is_away() {
    let pair = Pair::new("a", Algorithm::ES256);
    let keys = published(&[pair.jwk(json!({}))]);
    let away = Arc::new(Mutex::new(Ok(keys)));
    let state = Arc::clone(&away);
    let fetch = Played::new(Duration::ZERO, move |_| match &*state.lock() {
        Ok(body) => answer(200, body.clone()),
        Err(failure) => Err(Failure::clone(failure)),
    });
    let declared = declared(ISSUER);
    let (built, mut registry) = route(&declared, &fetch);
    let token = token(&pair);
    assert_eq!(status(&built, &token).await, 200);
    for broken in [Err(Failure::Late), Ok("no json".to_owned()), Ok("{\"keys\":[]}".to_owned()), Err(Failure::TooLarge)] {
        *away.lock() = broken;
        sleep(Duration::from_secs(3_600)).await;
        for _ in 0..3 {
            assert_eq!(status(&built, &token).await, 200);
            sleep(Duration::from_secs(1)).await;
        }
    }
    let fetch: Arc<dyn Fetch> = fetch;
    let health = |registry: &mut Registry| {
        asking(&declared, registry, &secrets(), &fetch, |build| {
            build.auth(0)?;
            Ok(build.dependencies().health())
        })
        .unwrap()
        .0
    };
    let (well, kinds) = health(&mut registry);
    assert!(!well);
    assert_eq!(kinds["jwks"]["main"]["failing"], true);
    assert_eq!(kinds["jwks"]["main"]["keys"], 1);
}

#[tokio::test(start_paused = true)]
async fn an_issuer_that_is_down_is_a_503_and_left_alone() {
    let pair = Pair::new("a", Algorithm::ES256);
    let (begun, keys) = (Instant::now(), published(&[pair.jwk(json!({}))]));
    let fetch = Played::new(Duration::ZERO, move |_| {
        if begun.elapsed() < Duration::from_secs(20) { Err(Failure::Unreachable("refused".to_owned())) } else { answer(200, keys.clone()) }
    });
    let built = issuer(&fetch);
    let token = token(&pair);
    for _ in 0..100 {
        assert_eq!(status(&built, &token).await, 503);
        sleep(Duration::from_millis(100)).await;
    }
    assert_eq!(fetch.asked(), 2, "one in five seconds");
    sleep(Duration::from_secs(15)).await;
    assert_eq!(status(&built, &token).await, 200);
}

#[tokio::test(start_paused = true)]
async fn a_key_that_is_withdrawn_takes_its_verified_tokens_along() {
    let (old, new) = (Pair::new("old", Algorithm::ES256), Pair::new("new", Algorithm::ES256));
    let keys = Keys::default();
    keys.publish(&[&old, &new]);
    let built = issuer(&keys.fetch());
    let (first, second) = (token(&old), token(&new));
    assert_eq!((status(&built, &first).await, status(&built, &second).await), (200, 200));
    keys.publish(&[&new]);
    sleep(Duration::from_secs(601)).await;
    status(&built, &second).await;
    sleep(Duration::from_secs(1)).await;
    assert_eq!((status(&built, &first).await, status(&built, &second).await), (401, 200));
}

#[tokio::test(start_paused = true)]
async fn after_a_long_silence_the_issuer_is_asked_before_old_keys_count() {
    let (old, new) = (Pair::new("old", Algorithm::ES256), Pair::new("new", Algorithm::ES256));
    let keys = Keys::default();
    keys.publish(&[&old]);
    let built = issuer(&keys.fetch());
    let first = token(&old);
    assert_eq!(status(&built, &first).await, 200);
    keys.publish(&[&new]);
    sleep(Duration::from_secs(7_200)).await;
    assert_eq!(status(&built, &first).await, 401);
}

#[test]
fn those_who_wait_are_told_when_the_worker_that_fetched_ends() {
    let pair = Pair::new("a", Algorithm::ES256);
    let fetch = publishing(&pair);
    let built = issuer(&fetch);
    let token = token(&pair);
    let runtime = || tokio::runtime::Builder::new_current_thread().enable_all().start_paused(true).build().unwrap();
    runtime().block_on(async {
        let _ = tokio::time::timeout(Duration::from_millis(1), status(&built, &token)).await;
    });
    assert_eq!(runtime().block_on(status(&built, &token)), 200);
    assert_eq!(fetch.asked(), 2);
}

#[test]
fn keys_that_are_not_for_verifying_are_left_out() {
    let (curve, rsa) = (Pair::new("a", Algorithm::ES256), Pair::new("b", Algorithm::RS256));
    let small = json!({"kty": "RSA", "n": "s".repeat(171), "e": "AQAB"});
    let exponent = |e: &str| rsa.jwk(json!({ "e": e }));
    for (jwk, why) in [
        (json!({"kty": "oct", "k": "c2VjcmV0"}), None),
        (json!({"kty": "later"}), None),
        (curve.jwk(json!({"use": "enc"})), None),
        (curve.jwk(json!({"key_ops": ["sign"]})), None),
        (curve.jwk(json!({"alg": "ES384"})), None),
        (curve.jwk(json!({"d": "AQAB"})), Some("was published with its private half")),
        (curve.jwk(json!({"crv": "P-521"})), Some("is no key of RSA, P-256, P-384 or Ed25519")),
        (curve.jwk(json!({"x": "AQAB"})), Some("is no point of its curve")),
        (curve.jwk(json!({"x": 5})), Some("is malformed")),
        (small, Some("has fewer than 2048 bits")),
        (exponent("AQ"), Some("has an exponent that protects nothing")),
        (exponent("Ag"), Some("has an exponent that protects nothing")),
    ] {
        let mut said = None;
        let read = Keyring::published(published(slice::from_ref(&jwk)).as_bytes(), |_, why| said = Some(why));
        assert_eq!((read.err(), said), (Some("no key in it can be used"), why), "{jwk}");
    }
    let many: Vec<Json> = (0..200).map(|_| curve.jwk(json!({}))).collect();
    assert_eq!(Keyring::published(published(&many).as_bytes(), |_, _| {}).unwrap().len(), 128);
}
