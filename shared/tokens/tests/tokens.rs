//! A token proves what its issuer signed, and nothing that was changed since.

#![expect(clippy::expect_used, reason = "a test fails by panicking")]

use std::sync::LazyLock;
use std::time::{SystemTime, UNIX_EPOCH};

use base64::Engine;
use base64::prelude::BASE64_URL_SAFE_NO_PAD as BASE64;
use bulkhead_tokens::{KeySet, Rules, TokenError};
use proptest::prelude::*;
use ring::rand::SystemRandom;
use ring::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, KeyPair};
use serde_json::{Value, json};

/// An issuer with one key, made for this run.
struct Issuer {
    key: EcdsaKeyPair,
    keys: KeySet,
}

static ISSUER: LazyLock<Issuer> = LazyLock::new(|| {
    let random = SystemRandom::new();
    let pkcs8 = EcdsaKeyPair::generate_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, &random).expect("a key");
    let key = EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, pkcs8.as_ref(), &random)
        .expect("the same key");
    let (x, y) = key.public_key().as_ref().split_at(1).1.split_at(32);
    let set = json!({"keys": [{
        "kty": "EC", "crv": "P-256", "use": "sig", "alg": "ES256", "kid": "one",
        "x": BASE64.encode(x), "y": BASE64.encode(y),
    }]});
    Issuer { key, keys: KeySet::from_json(set.to_string().as_bytes()).expect("a key set") }
});

fn rules() -> Rules {
    Rules::new("https://issuer.example", "bulkhead")
}

fn now() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).expect("after 1970").as_secs()
}

fn claims() -> Value {
    json!({"iss": "https://issuer.example", "aud": "bulkhead", "exp": now() + 300,
           "tenant_id": "0192f3c5b7a07e0e9d3a5c1b2d4e6f80", "tier": "basic"})
}

fn sign(header: &Value, claims: &Value) -> String {
    let text = format!("{}.{}", BASE64.encode(header.to_string()), BASE64.encode(claims.to_string()));
    let signature = ISSUER.key.sign(&SystemRandom::new(), text.as_bytes()).expect("signed");
    format!("{text}.{}", BASE64.encode(signature))
}

fn verify(token: &str) -> Result<Option<Value>, TokenError> {
    rules().verify(token, &ISSUER.keys).map(|claims| claims.tenant_id)
}

#[test]
fn a_genuine_token_proves_its_tenant() {
    let token = sign(&json!({"alg": "ES256", "kid": "one"}), &claims());
    assert_eq!(verify(&token), Ok(Some("0192f3c5b7a07e0e9d3a5c1b2d4e6f80".into())));
    assert_eq!(rules().key_id(&token).as_deref(), Ok("one"));
}

#[test]
fn every_claim_that_is_missing_or_wrong_makes_it_worthless() {
    let changes = [
        json!({"exp": null}),
        json!({"exp": now() - 60}),
        json!({"exp": "never"}),
        json!({"nbf": now() + 120}),
        json!({"iss": null}),
        json!({"iss": "https://issuer.example.evil"}),
        json!({"aud": null}),
        json!({"aud": "other"}),
    ];
    for change in changes {
        let mut claims = claims();
        for (name, value) in change.as_object().expect("an object") {
            let claims = claims.as_object_mut().expect("an object");
            match value {
                Value::Null => drop(claims.remove(name)),
                value => drop(claims.insert(name.clone(), value.clone())),
            }
        }
        let token = sign(&json!({"alg": "ES256", "kid": "one"}), &claims);
        assert_eq!(verify(&token), Err(TokenError::Invalid), "{change}");
    }
}

#[test]
fn the_algorithm_is_the_keys_and_not_the_tokens() {
    for (header, expected) in [
        (json!({"alg": "RS256", "kid": "one"}), TokenError::AlgorithmNotAllowed),
        (json!({"alg": "HS256", "kid": "one"}), TokenError::AlgorithmNotAllowed),
        (json!({"alg": "none", "kid": "one"}), TokenError::Malformed),
        (json!({"alg": "ES256"}), TokenError::UnknownKey),
        (json!({"alg": "ES256", "kid": "two"}), TokenError::UnknownKey),
    ] {
        assert_eq!(verify(&sign(&header, &claims())), Err(expected), "{header}");
    }
}

proptest! {
    #[test]
    fn no_text_is_a_token(text in "\\PC{0,300}") {
        prop_assert!(verify(&text).is_err());
    }

    /// Any other byte anywhere, and it proves nothing or the very same.
    #[test]
    fn a_changed_token_proves_nothing_else(at in any::<prop::sample::Index>(), to in "[A-Za-z0-9_.-]") {
        let token = sign(&json!({"alg": "ES256", "kid": "one"}), &claims());
        let at = at.index(token.len());
        let changed = format!("{}{to}{}", &token[..at], &token[at + 1..]);
        match verify(&changed) {
            Err(_) => {}
            // The last character of a part may hold bits that mean nothing.
            Ok(tenant) => prop_assert_eq!(tenant, Some("0192f3c5b7a07e0e9d3a5c1b2d4e6f80".into())),
        }
    }

    /// Whatever JSON stands in header and claims, unsigned it proves nothing.
    #[test]
    fn an_unsigned_token_proves_nothing(header in json(), claims in json(), signature in "[A-Za-z0-9_-]{0,90}") {
        let token = format!(
            "{}.{}.{signature}", BASE64.encode(header.to_string()), BASE64.encode(claims.to_string()),
        );
        prop_assert!(verify(&token).is_err());
    }

    #[test]
    fn no_bytes_make_a_key_set_panic(bytes in proptest::collection::vec(any::<u8>(), 0..300)) {
        let _ = KeySet::from_json(&bytes);
    }
}

/// JSON objects with the names that matter, and any values.
fn json() -> impl Strategy<Value = Value> {
    let value = prop_oneof![
        Just(json!("ES256")),
        Just(json!("RS256")),
        Just(json!("none")),
        Just(json!("one")),
        Just(json!(4_000_000_000_u64)),
        Just(json!(["bulkhead"])),
        Just(json!(null)),
        "\\PC{0,20}".prop_map(Value::from),
    ];
    let name = prop_oneof!["alg", "kid", "typ", "jwk", "jku", "crit", "exp", "iss", "aud", "tenant_id"];
    proptest::collection::hash_map(name, value, 0..6).prop_map(|map| map.into_iter().collect())
}
