//! A sealed value opens only at its own address, and the error says why. The tests in
//! `tests/isolation` show on the deployed stack that KMS and IAM refuse everything else.

#![expect(clippy::expect_used, reason = "a test fails by panicking")]

use bulkhead_sealing::{Address, DataKey, Sealed, Table, UnsealError};
use bulkhead_tenancy::names::{Corpus, DocumentId, Purpose, TemplateKey};
use bulkhead_tenancy::{Admission, Invocation, IsolationMode, TenantScope};
use proptest::prelude::*;

const TENANT_A: &str = "0192f3c5b7a07e0e9d3a5c1b2d4e6f80";
const TENANT_B: &str = "0192f3c5b7a07e0e9d3a5c1b2d4e6f81";
const WRAPPED: &[u8] = b"a wrapped key";

fn scope<'i>(invocation: &'i Invocation, tenant: &str) -> TenantScope<'i> {
    let admission = Admission::new(IsolationMode::PerTenant);
    admission.request(invocation, Some(tenant), Some(tenant)).expect("admitted")
}

fn key() -> DataKey {
    DataKey::new(&[7; 32], WRAPPED.to_vec()).expect("a key")
}

/// Returns addresses of every kind for a tenant.
fn addresses(tenant: &str) -> Vec<Address> {
    let invocation = Invocation::begin();
    let scope = scope(&invocation, tenant);
    let template = TemplateKey::parse("default_summary").expect("a key");
    let document = DocumentId::parse("0192f3c5b7a07e0e9d3a5c1b2d4e6f82").expect("an id");
    let corpus = Corpus::parse("docs").expect("a corpus");
    let item = |purpose, key| Address::item(purpose, Table::Tenants, &key, "sealed");
    vec![
        item(Purpose::Template, scope.version_key(&template, 1)),
        item(Purpose::Template, scope.version_key(&template, 2)),
        item(Purpose::Document, scope.version_key(&template, 1)),
        item(Purpose::Document, scope.document_key(&document)),
        Address::item(Purpose::Template, Table::Runs, &scope.version_key(&template, 1), "sealed"),
        Address::item(Purpose::Template, Table::Tenants, &scope.version_key(&template, 1), "other"),
        Address::vector(&scope.vector_index(&corpus), "1"),
        Address::vector(&scope.vector_index(&corpus), "2"),
        Address::job(&scope.message_group()),
    ]
}

fn open(sealed: &Sealed, address: &Address) -> Result<Vec<u8>, UnsealError> {
    key().open(&sealed.envelope(address)?).map(|text| text.to_vec())
}

#[test]
fn value_opens_only_at_its_own_address() {
    let every: Vec<_> = [TENANT_A, TENANT_B].into_iter().flat_map(addresses).collect();
    for (here, address) in every.iter().enumerate() {
        let sealed = key().seal(address, b"text").expect("sealed");
        for (there, other) in every.iter().enumerate() {
            let expected = if here == there { Ok(b"text".to_vec()) } else { Err(UnsealError::Moved) };
            assert_eq!(open(&sealed, other), expected, "sealed at {here}, opened at {there}");
        }
    }
}

#[test]
fn forged_address_digest_is_rejected() {
    let addresses = addresses(TENANT_A);
    let here = key().seal(&addresses[0], b"text").expect("sealed").into_bytes();
    let there = key().seal(&addresses[1], b"text").expect("sealed").into_bytes();
    // The digest of another address in front of the same ciphertext.
    let digest = 7..23;
    let forged = [&here[..7], &there[digest.clone()], &here[digest.end..]].concat();
    assert_eq!(open(&Sealed::from_bytes(forged), &addresses[1]), Err(UnsealError::Tampered));
}

#[test]
fn other_data_key_is_rejected() {
    let address = &addresses(TENANT_A)[0];
    let sealed = key().seal(address, b"text").expect("sealed");
    let envelope = sealed.envelope(address).expect("an envelope");
    let other = DataKey::new(&[7; 32], b"wrapped otherwise".to_vec()).expect("a key");
    assert_eq!(other.open(&envelope).expect_err("foreign"), UnsealError::ForeignContext);
    let same_wrapping = DataKey::new(&[8; 32], WRAPPED.to_vec()).expect("a key");
    assert_eq!(same_wrapping.open(&envelope).expect_err("tampered"), UnsealError::Tampered);
}

#[test]
fn sealing_is_not_deterministic() {
    let address = &addresses(TENANT_A)[0];
    assert_ne!(key().seal(address, b"text"), key().seal(address, b"text"));
}

#[test]
fn serializes_as_base64() {
    let sealed = key().seal(&addresses(TENANT_A)[0], b"text").expect("sealed");
    let text = serde_json::to_string(&sealed).expect("JSON");
    assert_eq!(serde_json::from_str::<Sealed>(&text).expect("a sealed value"), sealed);
    assert!(serde_json::from_str::<Sealed>("\"not base64!\"").is_err());
}

#[test]
fn unknown_version_is_malformed() {
    let address = &addresses(TENANT_A)[0];
    let mut bytes = key().seal(address, b"text").expect("sealed").into_bytes();
    bytes[0] = 2;
    assert_eq!(open(&Sealed::from_bytes(bytes), address), Err(UnsealError::Malformed));
}

proptest! {
    #[test]
    fn opens_to_the_sealed_text(text in proptest::collection::vec(any::<u8>(), 0..500)) {
        let address = &addresses(TENANT_A)[0];
        let sealed = key().seal(address, &text).expect("sealed");
        prop_assert_eq!(open(&sealed, address), Ok(text));
    }

    #[test]
    fn shortened_value_is_truncated(text in proptest::collection::vec(any::<u8>(), 0..50), cut in any::<prop::sample::Index>()) {
        let address = &addresses(TENANT_A)[0];
        let whole = key().seal(address, &text).expect("sealed").into_bytes();
        let cut = whole[..cut.index(whole.len())].to_vec();
        prop_assert_eq!(open(&Sealed::from_bytes(cut), address), Err(UnsealError::Truncated));
    }

    #[test]
    fn extended_value_is_truncated(more in proptest::collection::vec(any::<u8>(), 1..50)) {
        let address = &addresses(TENANT_A)[0];
        let whole = key().seal(address, b"text").expect("sealed").into_bytes();
        let longer = [whole, more].concat();
        prop_assert_eq!(open(&Sealed::from_bytes(longer), address), Err(UnsealError::Truncated));
    }

    #[test]
    fn flipped_bit_is_detected(at in any::<prop::sample::Index>(), bit in 0..8_u8) {
        let address = &addresses(TENANT_A)[0];
        let mut bytes = key().seal(address, b"some text").expect("sealed").into_bytes();
        let at = at.index(bytes.len());
        bytes[at] ^= 1 << bit;
        prop_assert!(open(&Sealed::from_bytes(bytes), address).is_err());
    }

    #[test]
    fn arbitrary_bytes_never_open(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
        let address = &addresses(TENANT_A)[0];
        prop_assert!(open(&Sealed::from_bytes(bytes), address).is_err());
    }
}

#[test]
fn envelope_returns_the_wrapped_key_of_the_value() {
    for address in addresses(TENANT_A) {
        let sealed = key().seal(&address, b"text").expect("sealed");
        assert_eq!(sealed.envelope(&address).expect("an envelope").wrapped_key(), WRAPPED);
    }
}

#[test]
fn value_without_wrapped_key_or_with_a_short_ciphertext_is_malformed() {
    let address = &addresses(TENANT_A)[0];
    let keyless = DataKey::new(&[7; 32], Vec::new()).expect("a key");
    let sealed = keyless.seal(address, b"text").expect("sealed");
    assert_eq!(sealed.envelope(address).map(drop), Err(UnsealError::Malformed));

    let mut bytes = key().seal(address, b"text").expect("sealed").into_bytes();
    // Version, 2 bytes of the wrapped key's length, then 4 bytes of the ciphertext's length.
    bytes[3..7].copy_from_slice(&15_u32.to_be_bytes());
    assert_eq!(Sealed::from_bytes(bytes).envelope(address).map(drop), Err(UnsealError::Malformed));
}

/// Metrics and alarms use the codes.
#[test]
fn error_codes_are_stable() {
    for (error, code) in [
        (UnsealError::Malformed, "seal_malformed"),
        (UnsealError::Truncated, "seal_truncated"),
        (UnsealError::Moved, "seal_moved"),
        (UnsealError::Tampered, "seal_tampered"),
        (UnsealError::ForeignContext, "seal_foreign_context"),
        (UnsealError::WrongKey, "seal_wrong_key"),
        (UnsealError::Cipher, "seal_cipher"),
    ] {
        assert_eq!(error.code(), code);
    }
}

#[test]
fn debug_output_of_a_data_key_hides_the_key() {
    assert_eq!(format!("{:?}", key()), "DataKey");
}
