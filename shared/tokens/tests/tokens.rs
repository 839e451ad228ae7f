//! Only an unchanged token of the issuer is accepted.

#![expect(clippy::expect_used, reason = "a test fails by panicking")]

use std::sync::LazyLock;
use std::time::{SystemTime, UNIX_EPOCH};

use aws_lc_rs::signature::KeyPair as _;
use base64::Engine;
use base64::prelude::BASE64_URL_SAFE_NO_PAD as BASE64;
use bulkhead_tokens::{Audience, KeySet, Rules, TokenError};
use proptest::prelude::*;
use ring::rand::SystemRandom;
use ring::signature::{
    ECDSA_P256_SHA256_FIXED_SIGNING, ECDSA_P384_SHA384_FIXED_SIGNING, EcdsaKeyPair, Ed25519KeyPair, KeyPair,
};
use serde_json::{Value, json};

/// An issuer with one generated key.
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

const TENANT: &str = "0192f3c5b7a07e0e9d3a5c1b2d4e6f80";

fn rules() -> Rules {
    Rules::new("https://issuer.example", Audience::Aud("bulkhead".to_owned()))
}

/// The rules for Cognito access tokens.
fn client_rules() -> Rules {
    Rules::new("https://issuer.example", Audience::ClientId("bulkhead".to_owned()))
}

fn now() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).expect("after 1970").as_secs()
}

fn claims() -> Value {
    json!({"iss": "https://issuer.example", "aud": "bulkhead", "exp": now() + 300,
           "tenant_id": TENANT, "tier": "basic"})
}

/// The claims of a Cognito access token.
fn client_claims() -> Value {
    json!({"iss": "https://issuer.example", "client_id": "bulkhead", "token_use": "access",
           "exp": now() + 300, "iat": now(), "tenant_id": TENANT, "tier": "basic"})
}

/// Returns `claims` with `change` applied. A null value removes the claim.
fn changed(mut claims: Value, change: &Value) -> Value {
    for (name, value) in change.as_object().expect("an object") {
        let claims = claims.as_object_mut().expect("an object");
        match value {
            Value::Null => drop(claims.remove(name)),
            value => drop(claims.insert(name.clone(), value.clone())),
        }
    }
    claims
}

fn signed(claims: &Value) -> String {
    sign(&json!({"alg": "ES256", "kid": "one"}), claims)
}

fn sign(header: &Value, claims: &Value) -> String {
    let text = format!("{}.{}", BASE64.encode(header.to_string()), BASE64.encode(claims.to_string()));
    let signature = ISSUER.key.sign(&SystemRandom::new(), text.as_bytes()).expect("signed");
    format!("{text}.{}", BASE64.encode(signature))
}

fn verify(token: &str) -> Result<Option<Value>, TokenError> {
    verify_by(&rules(), token)
}

fn verify_by(rules: &Rules, token: &str) -> Result<Option<Value>, TokenError> {
    rules.verify(token, &ISSUER.keys).map(|claims| claims.tenant_id)
}

#[test]
fn accepts_genuine_token() {
    let token = sign(&json!({"alg": "ES256", "kid": "one"}), &claims());
    assert_eq!(verify(&token), Ok(Some("0192f3c5b7a07e0e9d3a5c1b2d4e6f80".into())));
    assert_eq!(rules().key_id(&token), Ok(Some("one".to_owned())));
}

#[test]
fn rejects_missing_or_wrong_claims() {
    let changes = [
        json!({"exp": null}),
        json!({"exp": now() - 60}),
        json!({"exp": "never"}),
        json!({"nbf": now() + 120}),
        json!({"iss": null}),
        json!({"iss": "https://issuer.example.evil"}),
        json!({"aud": null}),
        json!({"aud": "other"}),
        json!({"aud": 7}),
        json!({"exp": [now() + 300]}),
        json!({"nbf": "tomorrow"}),
        json!({"iat": "yesterday"}),
        json!({"iat": now() + 120}),
        json!({"iss": ["https://issuer.example"]}),
        json!({"iss": ["https://issuer.example", "https://issuer.example.evil"]}),
    ];
    for change in changes {
        let token = signed(&changed(claims(), &change));
        assert_eq!(verify(&token), Err(TokenError::Invalid), "{change}");
        let token = signed(&changed(client_claims(), &change));
        let without_aud = change.get("aud").is_some_and(Value::is_null);
        let expected = if without_aud { Ok(Some(TENANT.into())) } else { Err(TokenError::Invalid) };
        assert_eq!(verify_by(&client_rules(), &token), expected, "{change}");
    }
}

#[test]
fn tolerates_30_seconds_of_clock_skew() {
    for (change, holds) in [
        (json!({"exp": now() - 20}), true),
        (json!({"exp": now() - 40}), false),
        (json!({"nbf": now() + 20}), true),
        (json!({"nbf": now() + 40}), false),
        (json!({"iat": now() + 20}), true),
        (json!({"iat": now() + 40}), false),
        (json!({"iat": now() as f64 - 0.5}), true),
        (json!({"iat": 1}), true),
    ] {
        for (rules, claims) in [(rules(), claims()), (client_rules(), client_claims())] {
            assert_eq!(verify_by(&rules, &signed(&changed(claims, &change))).is_ok(), holds, "{change}");
        }
    }
}

#[test]
fn rejects_id_token() {
    // A Cognito id token has `aud` instead of `client_id`.
    let of_cognito = json!({"client_id": null, "aud": "bulkhead", "token_use": "id"});
    let token = signed(&changed(client_claims(), &of_cognito));
    assert_eq!(verify_by(&client_rules(), &token), Err(TokenError::Invalid));
    // Also rejected if the wrong claim is configured, and if the token has both claims.
    assert_eq!(verify(&token), Err(TokenError::NotForAccess));
    for change in [json!({"token_use": "id"}), json!({"token_use": null}), json!({"token_use": ["access"]})] {
        let token = signed(&changed(client_claims(), &change));
        assert_eq!(verify_by(&client_rules(), &token), Err(TokenError::NotForAccess), "{change}");
    }
}

#[test]
fn accepts_audience_only_in_configured_claim() {
    let by_client = signed(&client_claims());
    let by_aud = signed(&changed(claims(), &json!({"token_use": "access"})));
    assert!(verify_by(&client_rules(), &by_client).is_ok() && verify(&by_aud).is_ok());
    assert_eq!(verify(&by_client), Err(TokenError::Invalid));
    assert_eq!(verify_by(&client_rules(), &by_aud), Err(TokenError::Invalid));
    // Our client, but another API.
    for aud in [json!("other"), json!(["bulkhead"]), json!(["bulkhead", "other"]), json!(7), json!({})] {
        let token = signed(&changed(client_claims(), &json!({ "aud": aud })));
        assert_eq!(verify_by(&client_rules(), &token), Err(TokenError::Invalid), "{aud}");
    }
    assert!(
        verify_by(&client_rules(), &signed(&changed(client_claims(), &json!({"aud": "bulkhead"})))).is_ok()
    );
}

#[test]
fn another_client_needs_a_scope_of_the_api() {
    let of_machine = |scope: Value, usage: &str| {
        let change = json!({"client_id": "machine", "scope": scope, "token_use": usage});
        verify_by(&client_rules(), &signed(&changed(client_claims(), &change)))
    };
    assert!(of_machine(json!("openid bulkhead/basic.tenant.reader"), "access").is_ok());
    for scope in
        [json!(null), json!(""), json!("elsewhere/read"), json!("x/bulkhead/y"), json!("bulkheads/x")]
    {
        assert_eq!(of_machine(scope.clone(), "access").err(), Some(TokenError::Invalid), "{scope}");
    }
    // A list of scopes is no text.
    assert!(of_machine(json!(["bulkhead/basic.tenant.reader"]), "access").is_err());
    assert_eq!(of_machine(json!("bulkhead/x"), "id").err(), Some(TokenError::NotForAccess));
}

#[test]
fn audience_of_knows_only_aud_and_client_id() {
    assert_eq!(Audience::of("aud", "a"), Some(Audience::Aud("a".to_owned())));
    assert_eq!(Audience::of("client_id", "a"), Some(Audience::ClientId("a".to_owned())));
    for claim in ["", "azp", "AUD", "aud,client_id", "scope"] {
        assert_eq!(Audience::of(claim, "a"), None, "{claim}");
    }
}

#[test]
fn key_decides_the_algorithm() {
    for (header, expected) in [
        (json!({"alg": "RS256", "kid": "one"}), TokenError::AlgorithmNotAllowed),
        (json!({"alg": "HS256", "kid": "one"}), TokenError::AlgorithmNotAllowed),
        (json!({"alg": "none", "kid": "one"}), TokenError::Malformed),
        (json!({"alg": "ES384", "kid": "one"}), TokenError::AlgorithmNotAllowed),
        (json!({"alg": "EdDSA", "kid": "one"}), TokenError::AlgorithmNotAllowed),
        (json!({"alg": "PS512", "kid": "one"}), TokenError::AlgorithmNotAllowed),
        (json!({"alg": "ES256", "kid": "two"}), TokenError::UnknownKey),
        (json!({"alg": "RS256"}), TokenError::UnknownKey),
    ] {
        assert_eq!(verify(&sign(&header, &claims())), Err(expected), "{header}");
    }
}

/// RFC 7515, 4.1.11: a verifier must know every extension in `crit`.
#[test]
fn rejects_critical_extensions() {
    for crit in [json!(["exp"]), json!(["b64"]), json!(["urn:example:x"]), json!([])] {
        let token = sign(&json!({"alg": "ES256", "kid": "one", "crit": crit, "b64": true}), &claims());
        assert_eq!(verify(&token), Err(TokenError::UnknownExtension), "{crit}");
    }
    for crit in [json!("exp"), json!({}), json!([7])] {
        assert!(
            verify(&sign(&json!({"alg": "ES256", "kid": "one", "crit": crit}), &claims())).is_err(),
            "{crit}"
        );
    }
}

/// Returns the public key of the issuer as an entry of a key set, with `change` applied.
fn entry(change: &Value) -> Value {
    let (x, y) = ISSUER.key.public_key().as_ref().split_at(1).1.split_at(32);
    let key =
        json!({"kty": "EC", "crv": "P-256", "kid": "one", "x": BASE64.encode(x), "y": BASE64.encode(y)});
    changed(key, change)
}

fn verify_with(keys: &Value, header: &Value) -> Result<(), TokenError> {
    let keys = KeySet::from_json(json!({ "keys": keys }).to_string().as_bytes()).expect("a key set");
    rules().verify(&sign(header, &claims()), &keys).map(|_| ())
}

#[test]
fn malformed_entry_does_not_affect_other_keys() {
    let header = json!({"alg": "ES256", "kid": "one"});
    for broken in [
        json!(null),
        json!(7),
        json!("key"),
        json!([]),
        json!({}),
        json!({"kty": 7}),
        json!({"kid": ["one"]}),
        json!({"kty": "EC", "crv": "P-256", "kid": 7, "x": "AA", "y": "AA"}),
        json!({"kty": "EC", "crv": "P-256", "kid": "two", "x": "AA"}),
        json!({"kty": "EC", "crv": "P-1024", "kid": "two", "x": "AA", "y": "AA"}),
        json!({"kty": "RSA", "kid": "two", "n": "!!", "e": "AQAB"}),
        json!({"kty": "RSA", "kid": {"a": 1}, "n": "AA", "e": "AQAB"}),
        json!({"kty": "RSA", "kid": "two", "n": "AA", "e": "AQAB", "key_ops": "verify", "use": 7}),
        json!({"kty": "AKP", "alg": "ML-DSA-44", "kid": "two", "pub": "AA"}),
        json!({"kty": "oct", "kid": "two", "k": "AA"}),
    ] {
        for keys in [json!([broken, entry(&json!({}))]), json!([entry(&json!({})), broken])] {
            assert_eq!(verify_with(&keys, &header), Ok(()), "{keys}");
        }
        assert_eq!(verify_with(&json!([broken]), &header), Err(TokenError::UnknownKey), "{broken}");
    }
    for set in ["{}", "[]", r#"{"keys": {}}"#, r#"{"keys": null}"#, "<html>"] {
        assert!(KeySet::from_json(set.as_bytes()).is_err(), "{set}");
    }
}

#[test]
fn token_without_key_id_needs_exactly_one_fitting_key() {
    let unnamed = json!({"alg": "ES256"});
    assert_eq!(verify_with(&json!([entry(&json!({}))]), &unnamed), Ok(()));
    assert_eq!(verify_with(&json!([entry(&json!({"kid": null}))]), &unnamed), Ok(()));
    // A key for encryption or of another algorithm does not fit.
    let others = json!([entry(&json!({"use": "enc", "kid": "enc"})), entry(&json!({})), {"kty": "OKP", "crv": "Ed25519",
        "kid": "ed", "x": "4VRTbrTFFGAkqyQrFl23OxZqwfEvSgiZQQ5pTEa7Gjw"}]);
    assert_eq!(verify_with(&others, &unnamed), Ok(()));
    let two = json!([entry(&json!({})), entry(&json!({"kid": "two"}))]);
    assert_eq!(verify_with(&two, &unnamed), Err(TokenError::UnknownKey));
    assert_eq!(verify_with(&json!([]), &unnamed), Err(TokenError::UnknownKey));
    // A named token never uses a key without a name.
    let named = json!({"alg": "ES256", "kid": "one"});
    assert_eq!(verify_with(&json!([entry(&json!({"kid": null}))]), &named), Err(TokenError::UnknownKey));
}

/// Each accepted algorithm, with a key that states it and with a key that does not.
#[test]
fn accepts_every_common_algorithm() {
    let random = aws_lc_rs::rand::SystemRandom::new();
    let rsa = aws_lc_rs::rsa::KeyPair::generate(aws_lc_rs::rsa::KeySize::Rsa2048).expect("a key");
    let number = |bytes: &[u8]| BASE64.encode(bytes);
    let public = json!({"kty": "RSA", "n": number(rsa.public_key().modulus().big_endian_without_leading_zero()),
                        "e": number(rsa.public_key().exponent().big_endian_without_leading_zero())});
    let by_rsa = |padding: &'static dyn aws_lc_rs::signature::RsaEncoding, text: &str| {
        let mut signature = vec![0; rsa.public_modulus_len()];
        rsa.sign(padding, &random, text.as_bytes(), &mut signature).expect("signed");
        signature
    };
    let p384 = EcdsaKeyPair::from_pkcs8(
        &ECDSA_P384_SHA384_FIXED_SIGNING,
        EcdsaKeyPair::generate_pkcs8(&ECDSA_P384_SHA384_FIXED_SIGNING, &SystemRandom::new())
            .expect("a key")
            .as_ref(),
        &SystemRandom::new(),
    )
    .expect("the same key");
    let (x, y) = p384.public_key().as_ref().split_at(1).1.split_at(48);
    let of_p384 = json!({"kty": "EC", "crv": "P-384", "x": number(x), "y": number(y)});
    let edwards = Ed25519KeyPair::from_pkcs8(
        Ed25519KeyPair::generate_pkcs8(&SystemRandom::new()).expect("a key").as_ref(),
    )
    .expect("the same key");
    let of_edwards = json!({"kty": "OKP", "crv": "Ed25519", "x": number(edwards.public_key().as_ref())});

    let sign = |algorithm: &str, text: &str| match algorithm {
        "RS256" => by_rsa(&aws_lc_rs::signature::RSA_PKCS1_SHA256, text),
        "RS384" => by_rsa(&aws_lc_rs::signature::RSA_PKCS1_SHA384, text),
        "RS512" => by_rsa(&aws_lc_rs::signature::RSA_PKCS1_SHA512, text),
        "PS256" => by_rsa(&aws_lc_rs::signature::RSA_PSS_SHA256, text),
        "ES384" => p384.sign(&SystemRandom::new(), text.as_bytes()).expect("signed").as_ref().to_vec(),
        _ => edwards.sign(text.as_bytes()).as_ref().to_vec(),
    };
    let of_rsa = ["RS256", "RS384", "RS512", "PS256"].map(|algorithm| (algorithm, &public));
    for (algorithm, key) in of_rsa.into_iter().chain([("ES384", &of_p384), ("EdDSA", &of_edwards)]) {
        let header = json!({"alg": algorithm, "kid": "one", "typ": "at+jwt"});
        let text = format!("{}.{}", BASE64.encode(header.to_string()), BASE64.encode(claims().to_string()));
        let signature = sign(algorithm, &text);
        let verify = |change: Value, signature: &[u8]| {
            let set = json!({"keys": [changed(key.clone(), &change)]}).to_string();
            let keys = KeySet::from_json(set.as_bytes()).expect("a key set");
            rules().verify(&format!("{text}.{}", BASE64.encode(signature)), &keys).map(|_| ())
        };
        assert_eq!(verify(json!({"kid": "one"}), &signature), Ok(()), "{algorithm}");
        assert_eq!(
            verify(json!({"kid": "one", "alg": algorithm, "use": "sig"}), &signature),
            Ok(()),
            "{algorithm}"
        );
        assert!(verify(json!({"kid": "one", "alg": "ES256"}), &signature).is_err(), "{algorithm}");
        let mut changed = signature.clone();
        changed[7] ^= 1;
        assert_eq!(verify(json!({"kid": "one"}), &changed), Err(TokenError::Invalid), "{algorithm}");
    }
}

#[test]
fn keys_with_the_same_id_are_told_apart_by_algorithm_and_use() {
    let header = json!({"alg": "ES256", "kid": "one"});
    let encryption = entry(&json!({"use": "enc"}));
    let other = json!({"kty": "OKP", "crv": "Ed25519", "kid": "one", "x": "4VRTbrTFFGAkqyQrFl23OxZqwfEvSgiZQQ5pTEa7Gjw"});
    for before in [&encryption, &other] {
        assert_eq!(verify_with(&json!([before, entry(&json!({}))]), &header), Ok(()));
        assert_eq!(verify_with(&json!([entry(&json!({})), before]), &header), Ok(()));
    }
    assert!(verify_with(&json!([encryption]), &header).is_err());
    assert!(verify_with(&json!([entry(&json!({"alg": "ES384"}))]), &header).is_err());
    assert_eq!(verify_with(&json!([entry(&json!({"alg": "ES256"}))]), &header), Ok(()));
}

#[test]
fn subject_is_a_plain_text_or_absent() {
    let subject = |sub: Value| {
        let token = signed(&changed(claims(), &json!({ "sub": sub })));
        rules().verify(&token, &ISSUER.keys).expect("a token").subject
    };
    for text in ["ada", "auth0|5f", "ä", &"x".repeat(255)] {
        assert_eq!(subject(json!(text)).as_deref(), Some(text));
    }
    for refused in [json!(null), json!(7), json!(""), json!("a\nb"), json!("x".repeat(256))] {
        assert_eq!(subject(refused.clone()), None, "{refused}");
    }
    let listed = signed(&changed(claims(), &json!({ "sub": ["ada"] })));
    assert_eq!(verify(&listed), Err(TokenError::Invalid));
}

#[test]
fn claim_names_are_configured() {
    let namespaced = json!({"tenant_id": null, "tier": null, "https://example.com/tenant_id": TENANT,
                            "https://example.com/tier": ["basic"]});
    let token = signed(&changed(claims(), &namespaced));
    let rules = rules().with_claims("https://example.com/tenant_id", "https://example.com/tier");
    let found = rules.verify(&token, &ISSUER.keys).expect("a token");
    assert_eq!((found.tenant_id, found.tier), (Some(TENANT.into()), Some(json!(["basic"]))));
    // The usual names mean nothing then, and a name never leads into a nested claim.
    let found = rules.verify(&signed(&claims()), &ISSUER.keys).expect("a token");
    assert_eq!((found.tenant_id, found.tier), (None, None));
    let nested = signed(&changed(claims(), &json!({"a": {"b": TENANT}})));
    let found = self::rules().with_claims("a.b", "a/b").verify(&nested, &ISSUER.keys).expect("a token");
    assert_eq!((found.tenant_id, found.tier), (None, None));
}

#[test]
fn the_role_claim_is_read_only_if_it_is_configured() {
    let token =
        signed(&changed(claims(), &json!({"role": "admin", "https://example.com/roles": ["reader"]})));
    let role = |rules: Rules| rules.verify(&token, &ISSUER.keys).expect("a token").role;
    assert_eq!(role(rules()), None);
    assert_eq!(role(rules().with_role_claim("role")), Some(json!("admin")));
    assert_eq!(role(rules().with_role_claim("https://example.com/roles")), Some(json!(["reader"])));
    assert_eq!(role(rules().with_role_claim("other")), None);
}

#[test]
fn accepts_tokens_up_to_the_header_limit_of_the_gateway() {
    let token = |length| signed(&changed(claims(), &json!({ "groups": "x".repeat(length) })));
    assert!(verify(&token(7_200)).is_ok_and(|_| token(7_200).len() > 9_500));
    assert_eq!(verify(&token(8_000)), Err(TokenError::Malformed));
}

proptest! {
    #[test]
    fn rejects_arbitrary_text(text in "\\PC{0,300}") {
        prop_assert!(verify(&text).is_err());
    }

    /// A token with one changed byte is rejected, or still names the same tenant.
    #[test]
    fn changed_token_never_names_another_tenant(at in any::<prop::sample::Index>(), to in "[A-Za-z0-9_.-]") {
        let token = sign(&json!({"alg": "ES256", "kid": "one"}), &claims());
        let at = at.index(token.len());
        let changed = format!("{}{to}{}", &token[..at], &token[at + 1..]);
        match verify(&changed) {
            Err(_) => {}
            // The last character of a base64 part has unused bits.
            Ok(tenant) => prop_assert_eq!(tenant, Some("0192f3c5b7a07e0e9d3a5c1b2d4e6f80".into())),
        }
    }

    /// A token without a valid signature is rejected, for any header and claims.
    #[test]
    fn rejects_unsigned_token(header in json(), claims in json(), signature in "[A-Za-z0-9_-]{0,90}") {
        let token = format!(
            "{}.{}.{signature}", BASE64.encode(header.to_string()), BASE64.encode(claims.to_string()),
        );
        prop_assert!(verify(&token).is_err());
        prop_assert!(verify_by(&client_rules(), &token).is_err());
    }

    /// A signed token is accepted exactly if the configured claim names us and it is for access.
    #[test]
    fn accepts_signed_token_exactly_if_audience_and_use_match(
        aud in claim_value(), client in claim_value(), usage in claim_value(),
    ) {
        let change = json!({"aud": aud, "client_id": client, "token_use": usage});
        let token = signed(&changed(client_claims(), &change));
        let ours = |claim: &Value| claim == "bulkhead";
        let by_client = ours(&client) && usage == "access" && (aud.is_null() || ours(&aud));
        prop_assert_eq!(verify_by(&client_rules(), &token).is_ok(), by_client, "by client: {}", change);
        let listed = aud.as_array().is_some_and(|list| {
            list.iter().all(Value::is_string) && list.iter().any(ours)
        });
        let by_aud = (ours(&aud) || listed) && (usage.is_null() || usage == "access");
        prop_assert_eq!(verify(&token).is_ok(), by_aud, "by aud: {}", change);
    }

    /// Another client's token is accepted exactly if it is for access and has a scope of the API.
    #[test]
    fn accepts_machine_client_exactly_with_a_scope_of_the_api(
        scopes in proptest::collection::vec(scope(), 0..4), usage in claim_value(), aud in claim_value(),
    ) {
        let text = scopes.join(" ");
        let change = json!({"client_id": "machine", "scope": text, "token_use": usage, "aud": aud});
        let token = signed(&changed(client_claims(), &change));
        let ours = scopes.iter().any(|scope| scope.starts_with("bulkhead/"));
        let expected = ours && usage == "access" && aud.is_null();
        prop_assert_eq!(verify_by(&client_rules(), &token).is_ok(), expected, "{}", change);
        // With the claim `aud`, scopes grant nothing.
        let change = json!({"aud": "machine", "scope": text});
        prop_assert!(verify(&signed(&changed(claims(), &change))).is_err());
    }

    #[test]
    fn key_set_never_panics(bytes in proptest::collection::vec(any::<u8>(), 0..300)) {
        let _ = KeySet::from_json(&bytes);
    }
}

/// Scopes of the API, and others.
fn scope() -> impl Strategy<Value = &'static str> {
    prop_oneof![
        Just("bulkhead/basic.0192f3c5b7a07e0e9d3a5c1b2d4e6f80.reader"),
        Just("bulkhead/"),
        Just("bulkhead"),
        Just("bulkheads/x"),
        Just("x/bulkhead/y"),
        Just("openid"),
        Just(""),
    ]
}

/// Values for an audience or use claim. Null removes the claim.
fn claim_value() -> impl Strategy<Value = Value> {
    prop_oneof![
        Just(json!(null)),
        Just(json!("bulkhead")),
        Just(json!("access")),
        Just(json!("id")),
        Just(json!(["bulkhead"])),
        Just(json!(["other", "bulkhead"])),
        Just(json!(["bulkhead", 7])),
        Just(json!([])),
        Just(json!({"bulkhead": "access"})),
        Just(json!(7)),
        "[a-z]{0,9}".prop_map(Value::from),
    ]
}

/// JSON objects with relevant claim names and arbitrary values.
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
    let name = prop_oneof![
        "alg",
        "kid",
        "typ",
        "jwk",
        "jku",
        "crit",
        "exp",
        "iss",
        "aud",
        "client_id",
        "token_use",
        "tenant_id"
    ];
    proptest::collection::hash_map(name, value, 0..6).prop_map(|map| map.into_iter().collect())
}
