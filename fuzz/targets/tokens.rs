//! Any text as a token or a key set: an unsigned token is never accepted.

#![no_main]

use std::sync::LazyLock;

use bulkhead_tokens::{Audience, KeySet, Rules};
use libfuzzer_sys::fuzz_target;

/// The public key of RFC 7515, example A.3. No token of the tests is signed with it.
const KEYS: &str = r#"{"keys": [{"kty": "EC", "crv": "P-256", "kid": "one", "alg": "ES256",
    "x": "f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU",
    "y": "x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0"}]}"#;

static ISSUER: LazyLock<(KeySet, [Rules; 2])> = LazyLock::new(|| {
    let keys = KeySet::from_json(KEYS.as_bytes()).unwrap_or_else(|_| unreachable!());
    assert!(keys.contains(Some("one")));
    let rules = ["aud", "client_id"].map(|claim| {
        Audience::of(claim, "bulkhead")
            .map_or_else(|| unreachable!(), |audience| Rules::new("https://issuer.example", audience))
    });
    (keys, rules)
});

fuzz_target!(|bytes: &[u8]| {
    let (keys, rules) = &*ISSUER;
    let _ = KeySet::from_json(bytes);
    if let Ok(token) = std::str::from_utf8(bytes) {
        for rules in rules {
            let _ = rules.key_id(token);
            assert!(rules.verify(token, keys).is_err());
        }
    }
});
