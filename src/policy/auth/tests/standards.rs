//! The examples of RFC 7515, 7519, 7520 and 8037: their keys and tokens stand in `standards.json`, by section.

use super::text;
use crate::http::Attribute;
use crate::policy::auth::Terms;
use crate::policy::auth::algorithm::Algorithm;
use crate::policy::auth::config::{AttributeDecl, AttributeType};
use crate::policy::auth::key::Key;
use crate::policy::auth::keyring::{Keyring, Signature};
use crate::policy::auth::token::{Outcome, Source, Tokens};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Value as Json, json};
use std::sync::Arc;
use std::time::Duration;

/// A minute before the examples' `exp`.
const THEN: Duration = Duration::from_secs(1_300_819_320);

fn examples(kind: &str) -> Vec<Json> {
    crate::policy::auth::install_crypto();
    let all: Json = serde_json::from_str(include_str!("standards.json")).unwrap();
    all[kind].as_array().unwrap().clone()
}

/// The key of an example; symmetric ones are never published, so they are read by hand.
fn keyring(example: &Json) -> Keyring {
    match example["key"]["k"].as_str() {
        Some(secret) => Keyring::only(Key::shared(&URL_SAFE_NO_PAD.decode(secret).unwrap())),
        None => Keyring::published(json!({"keys": [example["key"]]}).to_string().as_bytes(), |_, why| panic!("{why}")).unwrap(),
    }
}

fn algorithm(example: &Json) -> Algorithm {
    *Algorithm::ALL.iter().find(|algorithm| algorithm.name() == example["algorithm"]).unwrap()
}

fn tokens(keyring: Keyring, algorithms: Vec<Algorithm>) -> Tokens {
    let root = AttributeDecl { ty: AttributeType::Bool, source: "http://example.com/is_root".to_owned(), ..AttributeDecl::text("root") };
    Tokens {
        auth: 0,
        terms: Terms { algorithms, issuer: vec!["joe".to_owned()], audience: Vec::new(), leeway: Duration::ZERO, from: Vec::new() },
        claims: vec![AttributeDecl::text("iss"), root],
        source: Source::Fixed(Arc::new(keyring)),
        signing: None,
    }
}

#[test]
fn tokens_of_rfc_7515_are_accepted_until_they_expire() {
    for example in examples("claims") {
        let token = example["token"].as_str().unwrap();
        let tokens = tokens(keyring(&example), vec![algorithm(&example)]);
        let Outcome::Known(identity) = tokens.verify(token, THEN) else { panic!("{}", example["section"]) };
        assert_eq!(*identity.attributes, [text("joe"), Attribute::Bool(true)]);
        assert!(matches!(tokens.verify(token, THEN + Duration::from_secs(60)), Outcome::Refused("the token has expired")));
    }
}

#[test]
fn signatures_of_rfc_7520_and_8037_are_valid_and_their_content_is_no_token() {
    for example in examples("claims").into_iter().chain(examples("signatures")) {
        let (section, token) = (&example["section"], example["token"].as_str().unwrap());
        let (signed, signature) = token.rsplit_once('.').unwrap();
        let (keyring, algorithm) = (keyring(&example), algorithm(&example));
        assert_eq!(keyring.judge(signature, signed, algorithm, example["key"]["kid"].as_str()), Signature::Valid, "{section}");
        assert_eq!(keyring.judge(signature, &signed[1..], algorithm, None), Signature::Invalid, "{section}");
    }
    for example in examples("signatures") {
        let verdict = tokens(keyring(&example), vec![algorithm(&example)]).verify(example["token"].as_str().unwrap(), THEN);
        assert!(matches!(verdict, Outcome::Refused("the token is malformed")), "{}", example["section"]);
    }
}

#[test]
fn an_example_is_refused_under_every_other_algorithm() {
    for example in examples("claims").into_iter().chain(examples("signatures")) {
        let token = example["token"].as_str().unwrap();
        let others: Vec<_> = Algorithm::ALL.iter().copied().filter(|other| *other != algorithm(&example)).collect();
        let verdict = tokens(keyring(&example), others).verify(token, THEN);
        assert!(matches!(verdict, Outcome::Refused("the token's algorithm is not accepted")), "{}", example["section"]);
    }
}

#[test]
fn keys_and_tokens_of_p_521_are_not_supported() {
    for example in examples("unsupported") {
        let mut said = None;
        let published = json!({"keys": [example["key"]]}).to_string();
        assert!(Keyring::published(published.as_bytes(), |_, why| said = Some(why)).is_err());
        assert_eq!(said, Some("is no key of RSA, P-256, P-384 or Ed25519"), "{}", example["section"]);
        let any = examples("claims").remove(2);
        let verdict = tokens(keyring(&any), Algorithm::ALL.to_vec()).verify(example["token"].as_str().unwrap(), THEN);
        assert!(matches!(verdict, Outcome::Refused("the token's algorithm is not accepted")), "{}", example["section"]);
    }
}

#[test]
fn unsecured_detached_and_json_serialised_tokens_are_refused() {
    let keys = examples("claims").into_iter().chain(examples("signatures"));
    for key in keys {
        for example in examples("refused") {
            let verdict = tokens(keyring(&key), Algorithm::ALL.to_vec()).verify(example["token"].as_str().unwrap(), THEN);
            assert!(matches!(verdict, Outcome::Refused(_)), "{} with the key of {}", example["section"], key["section"]);
        }
    }
}
