//! A key has one reading, and a key with a changed character is refused.

#![expect(clippy::expect_used, reason = "a test fails by panicking")]

use bulkhead_apikeys::{ApiKey, InvalidApiKey, KeyDigest};
use bulkhead_tenancy::TenantId;
use bulkhead_tenancy::names::ApiKeyId;
use proptest::prelude::*;

const TENANT: &str = "0192f3c5b7a07e0e9d3a5c1b2d4e6f80";
const ID: &str = "0123456789abcdef";

fn generate(stage: &str, tenant: &str, id: &str) -> ApiKey {
    let (tenant, id) = (TenantId::parse(tenant).expect("a tenant"), ApiKeyId::parse(id).expect("an id"));
    ApiKey::generate(stage, &tenant, &id).expect("randomness")
}

fn key() -> ApiKey {
    generate("prod", TENANT, ID)
}

/// Computes the checksum again after a change of the key's body.
fn with_checksum(body: &str) -> String {
    let digest = ring::digest::digest(&ring::digest::SHA256, body.as_bytes());
    let hex = |bytes: &[u8]| bytes.iter().map(|byte| format!("{byte:02x}")).collect::<String>();
    format!("{body}{}", hex(digest.as_ref().get(..4).expect("four bytes")))
}

fn body(text: &str) -> &str {
    text.get(..text.len() - 8).expect("a checksum")
}

#[test]
fn a_key_names_its_stage_its_tenant_and_its_id() {
    let key = key();
    let text = key.expose();
    let parts: Vec<_> = text.split('_').collect();
    assert!(matches!(parts.as_slice(), ["bk", "prod", TENANT, ID, last] if last.len() == 72), "{parts:?}");
    let parsed = ApiKey::parse(text).expect("a key");
    assert_eq!((parsed.stage(), parsed.tenant().as_str(), parsed.id().as_str()), ("prod", TENANT, ID));
    assert!(parsed.digest().matches(&key.digest()));
    assert_eq!(with_checksum(body(text)), text);
}

#[test]
fn a_secret_is_new_for_each_key() {
    let (one, other) = (key(), key());
    assert_ne!(one.expose(), other.expose());
    assert!(!one.digest().matches(&other.digest()));
}

#[test]
fn debug_shows_no_secret() {
    let key = key();
    let (shown, last) = (format!("{key:?}"), key.expose().rsplit('_').next().expect("a secret"));
    assert!(shown.contains(ID) && !shown.contains(last.get(..8).expect("characters")), "{shown}");
}

#[test]
fn another_tenant_stage_or_id_has_another_digest() {
    let key = key();
    for (from, to) in
        [("_0192", "_0193"), ("bk_prod", "bk_test"), ("_01234567", "_01234568"), ("bk_prod", "bk_prod2")]
    {
        let changed = body(key.expose()).replacen(from, to, 1);
        // With the old checksum it is no key; with a new one it is another key.
        assert!(ApiKey::parse(&key.expose().replacen(from, to, 1)).is_err(), "{from}");
        let forged = ApiKey::parse(&with_checksum(&changed)).expect("the form of a key");
        assert!(!forged.digest().matches(&key.digest()), "{from}");
    }
}

#[test]
fn other_forms_are_refused() {
    let key = key();
    let text = key.expose();
    let secret = "a".repeat(64);
    for refused in [
        String::new(),
        "bk_".to_owned(),
        "bk____".to_owned(),
        text.to_uppercase(),
        format!(" {text}"),
        format!("{text}\n"),
        format!("{text}0"),
        format!("{text}_"),
        format!("x{text}"),
        text.replacen("bk_", "sk_", 1),
        with_checksum(&format!("bk_p_{TENANT}_{ID}_{secret}")),
        with_checksum(&format!("bk_1prod_{TENANT}_{ID}_{secret}")),
        with_checksum(&format!("bk_thirteenchars_{TENANT}_{ID}_{secret}")),
        with_checksum(&format!("bk_prod_short_{ID}_{secret}")),
        with_checksum(&format!("bk_prod_{}_{ID}_{secret}", TENANT.to_uppercase())),
        with_checksum(&format!("bk_prod_{TENANT}*_{ID}_{secret}")),
        with_checksum(&format!("bk_prod_{TENANT}_{ID}0_{secret}")),
        with_checksum(&format!("bk_prod_{TENANT}_{ID}_{}", "A".repeat(64))),
        with_checksum(&format!("bk_prod_{TENANT}_{ID}_{}", "a".repeat(62))),
        with_checksum(&format!("bk_prod_{TENANT}_{ID}_{}é", "a".repeat(62))),
        with_checksum(&format!("bk_prod_{TENANT}_{ID}_x_{secret}")),
        // A part behind a whole last part.
        with_checksum(&format!("bk_prod_{TENANT}_{ID}_{}_", "a".repeat(72))),
    ] {
        assert_eq!(ApiKey::parse(&refused).err(), Some(InvalidApiKey), "{refused}");
    }
    // The control: the same way of building gives a key.
    assert!(ApiKey::parse(&with_checksum(&format!("bk_prod_{TENANT}_{ID}_{secret}"))).is_ok());
}

#[test]
fn a_stored_digest_has_its_length() {
    let digest = key().digest();
    assert_eq!(KeyDigest::from_bytes(digest.as_bytes()), Some(digest));
    assert_eq!(KeyDigest::from_bytes(&[]), None);
    assert_eq!(KeyDigest::from_bytes(&[0; 31]), None);
}

proptest! {
    #[test]
    fn arbitrary_text_is_no_key(text in "(bk_)?\\PC{0,200}") {
        prop_assert!(ApiKey::parse(&text).is_err());
    }

    /// A typing error is found without a call.
    #[test]
    fn a_changed_character_is_found(at in any::<prop::sample::Index>(), to in "[a-z0-9_]") {
        let key = key();
        let at = at.index(key.expose().len());
        let mut changed = key.expose().to_owned();
        changed.replace_range(at..=at, &to);
        prop_assume!(changed != key.expose());
        prop_assert!(ApiKey::parse(&changed).is_err());
    }

    /// A shortened key is found.
    #[test]
    fn a_truncated_key_is_found(length in 0_usize..136) {
        let key = key();
        prop_assume!(length < key.expose().len());
        prop_assert!(ApiKey::parse(key.expose().get(..length).expect("ASCII")).is_err());
    }

    #[test]
    fn every_tenant_and_id_is_read_back(
        stage in "[a-z][a-z0-9]{1,11}", tenant in "[a-z0-9]{16,32}", id in "[0-9a-f]{16}",
    ) {
        let key = generate(&stage, &tenant, &id);
        let parsed = ApiKey::parse(key.expose()).expect("a key");
        prop_assert_eq!((parsed.stage(), parsed.tenant().as_str(), parsed.id().as_str()), (&*stage, &*tenant, &*id));
    }
}
