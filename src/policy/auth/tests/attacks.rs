//! The attacks of RFC 8725 (JSON Web Token Best Current Practices), by its sections.

use super::signers::{Pair, Played, answer, published};
use super::{SECRET, bearer, declared, forged, secrets, send};
use crate::fetch::Fetch;
use crate::policy::auth::Config;
use crate::policy::fixtures::{Built, Fixed, NOW, asking, building, policy};
use crate::policy::{Policy, Registry};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jsonwebtoken::Algorithm;
use serde_json::{Value as Json, json};
use std::sync::Arc;
use std::time::Duration;

const ISSUER: &str = "auth jwt main {
  algorithms [ES256, RS256]
  jwks https://id.example.com/jwks refresh 10m
  issuer \"https://id.example.com/\"
  audience \"shop\"
  claims { sub str; age int? }
}
";

/// A gateway that knows the keys of an issuer, and how often it was asked.
struct Gate {
    built: Built,
    fetch: Arc<Played>,
}

impl Gate {
    fn knowing(pairs: &[&Pair]) -> Self {
        let keys = published(&pairs.iter().map(|pair| pair.jwk(json!({}))).collect::<Vec<_>>());
        Self::of(ISSUER, Played::new(Duration::ZERO, move |_| answer(200, keys.clone())), &secrets())
    }

    fn of(text: &str, fetch: Arc<Played>, secrets: &Fixed) -> Self {
        crate::policy::auth::install_crypto();
        let declared = declared(text);
        let config = policy::<Config>("auth main", &declared, Vec::new(), false).0.unwrap();
        let calls = Arc::clone(&fetch) as Arc<dyn Fetch>;
        let built = asking(&declared, &mut Registry::new(), secrets, &calls, |build| config.build(build)).unwrap().1;
        Self { built, fetch }
    }

    async fn status(&self, token: &str) -> u16 {
        send(&self.built, "/", &[("authorization", &bearer(token))]).await.0
    }
}

fn good() -> Json {
    json!({"sub": "7", "iss": "https://id.example.com/", "aud": "shop", "exp": NOW.as_secs() + 600})
}

fn changed(more: Json) -> Json {
    let mut claims = good();
    claims.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    claims
}

fn pair() -> Pair {
    Pair::new("a", Algorithm::ES256)
}

#[tokio::test(start_paused = true)]
async fn section_2_1_none_in_any_spelling_is_no_algorithm() {
    let pair = pair();
    let gate = Gate::knowing(&[&pair]);
    assert_eq!(gate.status(&pair.token(json!({}), good())).await, 200);
    let payload = URL_SAFE_NO_PAD.encode(good().to_string());
    for none in ["none", "None", "NONE", "nOnE", "", " none", "null"] {
        let header = URL_SAFE_NO_PAD.encode(json!({"alg": none, "kid": "a"}).to_string());
        for signature in ["", "AA", "bm9uZQ"] {
            assert_eq!(gate.status(&format!("{header}.{payload}.{signature}")).await, 401, "{none}");
        }
    }
    for header in ["{}", "{\"alg\":null}", "{\"alg\":[]}"] {
        assert_eq!(gate.status(&pair.raw(header, good().to_string().as_bytes())).await, 401, "{header}");
    }
}

#[tokio::test(start_paused = true)]
async fn section_2_1_a_public_key_is_never_a_shared_secret() {
    let pair = Pair::new("a", Algorithm::RS256);
    let gate = Gate::knowing(&[&pair]);
    let jwk = pair.jwk(json!({})).to_string();
    for secret in [pair.public.as_bytes(), pair.public.trim_end().as_bytes(), jwk.as_bytes(), b""] {
        for (name, algorithm) in [("HS256", Algorithm::HS256), ("HS384", Algorithm::HS384), ("HS512", Algorithm::HS512)] {
            let signed = format!(
                "{}.{}",
                URL_SAFE_NO_PAD.encode(json!({"alg": name, "kid": "a"}).to_string()),
                URL_SAFE_NO_PAD.encode(good().to_string())
            );
            let key = jsonwebtoken::EncodingKey::from_secret(secret);
            let signature = jsonwebtoken::crypto::sign(signed.as_bytes(), &key, algorithm).unwrap();
            assert_eq!(gate.status(&format!("{signed}.{signature}")).await, 401, "{name}");
        }
    }
}

#[test]
fn section_2_1_a_key_in_pem_is_not_taken_for_an_hmac_key() {
    let declared = declared("auth jwt main { algorithms [HS256]; key env(\"K\"); claims { sub str } }");
    for pem in [pair().public, pair().private] {
        let error =
            building(&declared, &mut Registry::new(), &Fixed([("K", pem)].into()), |build| build.auth(0).map(|_| ())).err().unwrap();
        assert_eq!(
            error.message,
            "the key of `main` in the environment variable `K` is in PEM, which `HS256` would take for a shared secret"
        );
    }
}

#[tokio::test(start_paused = true)]
async fn section_2_3_encrypted_and_nested_tokens_are_refused() {
    let pair = pair();
    let gate = Gate::knowing(&[&pair]);
    let token = pair.token(json!({}), good());
    assert_eq!(gate.status(&format!("{token}.AA.AA")).await, 401);
    let nested = pair.raw(&json!({"alg": "ES256", "kid": "a", "cty": "JWT"}).to_string(), token.as_bytes());
    assert_eq!(gate.status(&nested).await, 401);
    assert_eq!(gate.status(&pair.token(json!({"enc": "A128GCM"}), good())).await, 401);
}

#[tokio::test(start_paused = true)]
async fn section_2_4_and_3_6_compressed_tokens_are_refused() {
    let pair = pair();
    assert_eq!(Gate::knowing(&[&pair]).status(&pair.token(json!({"zip": "DEF"}), good())).await, 401);
}

#[tokio::test(start_paused = true)]
async fn section_2_5_and_3_4_points_off_the_curve_verify_nothing() {
    let pair = pair();
    let gate = Gate::knowing(&[&pair]);
    let token = pair.token(json!({}), good());
    let (signed, _) = token.rsplit_once('.').unwrap();
    // Signatures that broken implementations took: zeros, ones, the order of the curve, DER in the place of two numbers.
    let order = "FFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551";
    let order: Vec<u8> = (0..32).map(|at| u8::from_str_radix(&order[at * 2..at * 2 + 2], 16).unwrap()).collect();
    for signature in [vec![0; 64], vec![1; 64], vec![0xff; 64], order.repeat(2), vec![0; 63], vec![0x30, 6, 2, 1, 1, 2, 1, 1], Vec::new()] {
        assert_eq!(gate.status(&format!("{signed}.{}", URL_SAFE_NO_PAD.encode(&signature))).await, 401, "{signature:?}");
    }
    let off = published(&[pair.jwk(json!({"y": URL_SAFE_NO_PAD.encode([1; 32])}))]);
    let gate = Gate::of(ISSUER, Played::new(Duration::ZERO, move |_| answer(200, off.clone())), &secrets());
    assert_eq!(gate.status(&token).await, 401);
}

#[tokio::test(start_paused = true)]
async fn section_2_6_and_3_7_other_encodings_of_json_are_refused() {
    let pair = pair();
    let gate = Gate::knowing(&[&pair]);
    let (header, claims) = (json!({"alg": "ES256", "kid": "a"}).to_string(), good().to_string());
    let wide: Vec<u8> = claims.encode_utf16().flat_map(u16::to_le_bytes).collect();
    let marked = [&b"\xef\xbb\xbf"[..], claims.as_bytes()].concat();
    let latin = claims.replace("7", "\u{fc}").chars().map(|letter| letter as u8).collect::<Vec<u8>>();
    let twice = claims.replacen('{', "{\"sub\":\"8\",", 1).into_bytes();
    let trailing = format!("{claims} {{}}").into_bytes();
    for payload in [wide, marked, latin, twice, trailing] {
        assert_eq!(gate.status(&pair.raw(&header, &payload)).await, 401, "{payload:?}");
    }
    let twice = r#"{"alg":"ES256","alg":"ES256","kid":"a"}"#;
    assert_eq!(gate.status(&pair.raw(twice, claims.as_bytes())).await, 401);
    let token = pair.token(json!({}), good());
    for spelt in [format!("{token}="), token.replace('.', " ."), format!("{token}\t"), token.replace('_', "/").replace('-', "+") + "+/"] {
        assert_eq!(gate.status(&spelt).await, 401, "{spelt}");
    }
}

#[tokio::test(start_paused = true)]
async fn sections_2_7_3_8_and_3_9_tokens_for_others_and_of_others_are_refused() {
    let (pair, other) = (pair(), Pair::new("b", Algorithm::ES256));
    let gate = Gate::knowing(&[&pair]);
    for claims in [
        json!({"aud": "bank"}),
        json!({"aud": ["bank", "shop-2"]}),
        json!({"aud": null}),
        json!({"aud": {"shop": 1}}),
        json!({"iss": "https://id.example.com"}),
        json!({"iss": ["https://id.example.com/"]}),
        json!({"iss": null}),
        json!({"sub": 7}),
        json!({"sub": null}),
    ] {
        assert_eq!(gate.status(&pair.token(json!({}), changed(claims.clone()))).await, 401, "{claims}");
    }
    let mut nobody = good();
    nobody.as_object_mut().unwrap().remove("aud");
    assert_eq!(gate.status(&pair.token(json!({}), nobody)).await, 401);
    assert_eq!(gate.status(&other.token(json!({"kid": "a"}), good())).await, 401, "another issuer's key under this one's name");
}

#[tokio::test(start_paused = true)]
async fn sections_2_8_and_3_11_a_token_of_another_kind_gives_no_access() {
    let pair = pair();
    let gate = Gate::knowing(&[&pair]);
    for kind in ["logout+jwt", "dpop+jwt", "secevent+jwt", "application/logout+jwt", "LOGOUT+JWT"] {
        assert_eq!(gate.status(&pair.token(json!({"typ": kind}), good())).await, 401, "{kind}");
    }
    assert_eq!(gate.status(&pair.token(json!({"typ": 5}), good())).await, 401);
    for kind in ["JWT", "jwt", "at+jwt", "application/at+jwt"] {
        assert_eq!(gate.status(&pair.token(json!({"typ": kind}), good())).await, 200, "{kind}");
    }
}

#[tokio::test(start_paused = true)]
async fn sections_2_9_and_3_10_nothing_a_token_names_is_fetched_or_believed() {
    let (pair, mallory) = (pair(), Pair::new("a", Algorithm::ES256));
    let gate = Gate::knowing(&[&pair]);
    assert_eq!(gate.status(&pair.token(json!({}), good())).await, 200);
    let evil = "https://evil.example/keys";
    for header in [
        json!({"jwk": mallory.jwk(json!({}))}),
        json!({ "jku": evil }),
        json!({ "x5u": evil }),
        json!({"x5c": ["MIIB"]}),
        json!({"crit": ["exp"]}),
        json!({"crit": []}),
        json!({"b64": false, "crit": ["b64"]}),
    ] {
        for signer in [&pair, &mallory] {
            assert_eq!(gate.status(&signer.token(header.clone(), good())).await, 401, "{header}");
        }
    }
    for name in ["../../dev/null", "a' OR '1'='1", "a\u{0}", "http://evil.example/", &"a".repeat(5_000)] {
        assert_eq!(gate.status(&mallory.token(json!({ "kid": name }), good())).await, 401, "{name}");
    }
    assert_eq!(gate.status(&pair.token(json!({"kid": 5}), good())).await, 401);
    assert_eq!(gate.fetch.asked(), 2, "the issuer, at first and once for a name that is not known");
}

#[tokio::test(start_paused = true)]
async fn sections_3_1_and_3_2_a_key_is_used_for_its_own_algorithms_only() {
    let (curve, rsa) = (Pair::new("a", Algorithm::ES256), Pair::new("b", Algorithm::RS256));
    let gate = Gate::knowing(&[&curve, &rsa]);
    assert_eq!(gate.status(&rsa.token(json!({}), good())).await, 200);
    for (signer, header) in [
        (&rsa, json!({"alg": "ES256"})),
        (&rsa, json!({"alg": "ES256", "kid": "a"})),
        (&rsa, json!({"kid": "a"})),
        (&curve, json!({"alg": "RS256", "kid": "b"})),
        (&rsa, json!({"alg": "PS256"})),
        (&rsa, json!({"alg": "RS512"})),
    ] {
        assert_eq!(gate.status(&signer.token(header.clone(), good())).await, 401, "{header}");
    }
    let only = published(&[rsa.jwk(json!({"alg": "PS256"}))]);
    let gate = Gate::of(ISSUER, Played::new(Duration::ZERO, move |_| answer(200, only.clone())), &secrets());
    assert_eq!(gate.status(&rsa.token(json!({}), good())).await, 401, "the issuer says what its key is for");
}

#[tokio::test(start_paused = true)]
async fn section_3_3_no_bit_of_a_token_can_be_changed() {
    let pair = pair();
    let gate = Gate::knowing(&[&pair]);
    let token = pair.token(json!({}), good());
    for at in 0..token.len() {
        let mut bytes = token.clone().into_bytes();
        bytes[at] = if bytes[at] == b'A' { b'B' } else { b'A' };
        assert_eq!(gate.status(std::str::from_utf8(&bytes).unwrap()).await, 401, "at {at}");
    }
}

#[test]
fn section_3_5_weak_keys_are_told_or_refused() {
    let strong = "auth jwt main { algorithms [HS512]; key env(\"K\"); claims { sub str } }";
    let built = |text: &str, key: &str| {
        building(&declared(text), &mut Registry::new(), &Fixed([("K", key.to_owned())].into()), |build| build.auth(0).map(|_| ()))
    };
    assert_eq!(built(strong, SECRET).unwrap().1.warnings.len(), 1, "32 bytes for a hash of 64");
    assert_eq!(built(strong, "").err().unwrap().message, "the key of `main` in the environment variable `K` is empty");
}

#[tokio::test(start_paused = true)]
async fn section_3_12_two_kinds_of_tokens_are_told_apart_by_what_they_must_say() {
    let pair = pair();
    let gate = Gate::knowing(&[&pair]);
    let mut endless = good();
    endless.as_object_mut().unwrap().remove("exp");
    for claims in
        [endless, changed(json!({"age": "30"})), changed(json!({"exp": "2030-01-01"})), changed(json!({"nbf": NOW.as_secs() + 31}))]
    {
        assert_eq!(gate.status(&pair.token(json!({}), claims.clone())).await, 401, "{claims}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_key_of_ones_own_signs_and_verifies_with_one_family() {
    for (algorithm, name) in
        [(Algorithm::ES256, "ES256"), (Algorithm::ES384, "ES384"), (Algorithm::RS256, "RS256"), (Algorithm::EdDSA, "EdDSA")]
    {
        let pair = Pair::new("a", algorithm);
        let text = |word: &str| format!("auth jwt main {{ algorithms [{name}]; {word} env(\"K\"); audience \"a\"; claims {{ sub str }} }}");
        let signing = Fixed([("K", pair.private.clone())].into());
        let (runtime, _) = building(&declared(&text("key")), &mut Registry::new(), &signing, |build| build.auth(0)).unwrap();
        let token = runtime.sign(json!({"sub": "7"}).as_object().unwrap(), NOW, Duration::from_secs(60)).unwrap();
        let nobody = Played::new(Duration::ZERO, |_| answer(404, ""));
        let public = Gate::of(&text("public_key"), nobody, &Fixed([("K", pair.public)].into()));
        assert_eq!(public.status(&token).await, 200, "{name}");
        assert_eq!(public.status(&forged(&json!({"alg": name}).to_string(), &good().to_string())).await, 401, "{name}");
    }
}
