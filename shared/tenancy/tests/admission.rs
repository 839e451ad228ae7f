//! Admission accepts consistent evidence and rejects everything else.

use bulkhead_tenancy::names::Revision;
use bulkhead_tenancy::{Admission, Evidence, Invocation, IsolationMode, Refusal, TenantId};
use proptest::prelude::*;

const A: &str = "0192f3c5b7a07e0e9d3a5c1b2d4e6f80";
const B: &str = "0192f3c5b7a07e0e9d3a5c1b2d4e6f81";

/// Malformed ids that broke isolation in other systems.
const HOSTILE: &[&str] = &[
    " ",
    "#",
    "/",
    "..",
    ".",
    "*",
    "?",
    "${aws:username}",
    "a",
    "aaaaaaaaaaaaaaa",                   // 15
    "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa", // 33
    "0192f3c5b7a07e0e9d3a5c1b2d4e6f8O",  // capital O
    "0192F3C5B7A07E0E9D3A5C1B2D4E6F80",
    "0192f3c5-b7a0-7e0e-9d3a-5c1b2d4e6f80",
    "0192f3c5b7a07e0e9d3a5c1b2d4e6f8\u{0430}", // cyrillic a
    "0192f3c5b7a07e0e9d3a5c1b2d4e6f8\u{ff41}", // full-width a
    "0192f3c5b7a07e0e9d3a5c1b2d4e6f8\u{0661}", // arabic-indic one
    "0192f3c5b7a07e0e9d3a5c1b2d4e6f\u{200b}0", // zero-width space
    "0192f3c5b7a07e0e9d3a5c1b2d4e6f8\n",
    "0192f3c5b7a07e0e9d3a5c1b2d4e6f8\0",
    "0192f3c5b7a07e0e/../0192f3c5b7a07",
    "aaaaaaaaaaaaaaaa/bbbbbbbbbbbbbb",
    "aaaaaaaaaaaaaaaa#template",
    "TENANT#aaaaaaaaaaaaaaaa",
    "aaaaaaaaaaaaaaaa-eu",
    "aaaaaaaaaaaaaaaa,bbbbbbbbbbbbb",
];

fn request(
    mode: IsolationMode,
    authorizer: Option<&str>,
    platform: Option<&str>,
) -> Result<TenantId, Refusal> {
    let invocation = Invocation::begin();
    Admission::new(mode).request(&invocation, authorizer, platform).map(|scope| scope.tenant().clone())
}

fn job(mode: IsolationMode, claimed: Option<&str>, platform: Option<&str>) -> Result<TenantId, Refusal> {
    let invocation = Invocation::begin();
    Admission::new(mode).job(&invocation, claimed, platform).map(|scope| scope.tenant().clone())
}

fn object(bucket: &str, key: &str) -> Result<String, Refusal> {
    let invocation = Invocation::begin();
    Admission::new(IsolationMode::None)
        .object(&invocation, "documents", bucket, key)
        .map(|(scope, document, _)| format!("{} {document}", scope.tenant()))
}

#[test]
fn request_needs_matching_authorizer_and_platform() {
    use IsolationMode::{None as Off, PerTenant as On};
    let authorizer = Evidence::Authorizer;
    assert_eq!(request(On, Some(A), Some(A)).expect("agreement admits").as_str(), A);
    assert_eq!(request(On, Some(A), Some(B)), Err(Refusal::Mismatch { evidence: authorizer }));
    assert_eq!(request(On, Some(A), None), Err(Refusal::Missing { evidence: Evidence::Platform }));
    assert_eq!(request(On, Some(A), Some("")), Err(Refusal::Missing { evidence: Evidence::Platform }));
    assert_eq!(request(On, None, Some(A)), Err(Refusal::Missing { evidence: authorizer }));
    assert_eq!(request(On, Some(""), Some(A)), Err(Refusal::Missing { evidence: authorizer }));
    assert_eq!(request(On, None, None), Err(Refusal::Missing { evidence: authorizer }));

    assert_eq!(request(Off, Some(A), None).expect("the token admits").as_str(), A);
    assert_eq!(request(Off, Some(A), Some(A)), Err(Refusal::Unexpected));
    assert_eq!(request(Off, None, None), Err(Refusal::Missing { evidence: authorizer }));
    assert_eq!(request(Off, Some(""), None), Err(Refusal::Missing { evidence: authorizer }));
}

#[test]
fn job_needs_matching_claim_and_platform() {
    use IsolationMode::{None as Off, PerTenant as On};
    assert_eq!(job(On, Some(A), Some(A)).expect("agreement admits").as_str(), A);
    assert_eq!(job(On, Some(A), Some(B)), Err(Refusal::Mismatch { evidence: Evidence::Job }));
    assert_eq!(job(On, None, Some(A)), Err(Refusal::Missing { evidence: Evidence::Job }));
    assert_eq!(job(Off, Some(A), None).expect("the claim selects the session").as_str(), A);
}

#[test]
fn stored_object_needs_the_same_tenant_in_claim_platform_and_key() {
    use IsolationMode::{None as Off, PerTenant as On};
    let document = "0".repeat(32);
    let stored = |mode, claimed, platform, bucket, tenant: &str| {
        let invocation = Invocation::begin();
        let key = format!("t/{tenant}/documents/{document}/source.00000001");
        Admission::new(mode)
            .stored_object(&invocation, claimed, platform, "documents", (bucket, &key))
            .map(|(scope, ..)| scope.tenant().to_string())
    };
    let mismatch = |evidence| Err(Refusal::Mismatch { evidence });
    assert_eq!(stored(On, Some(A), Some(A), "documents", A), Ok(A.to_owned()));
    assert_eq!(stored(Off, Some(A), None, "documents", A), Ok(A.to_owned()));
    assert_eq!(stored(On, Some(A), Some(A), "documents", B), mismatch(Evidence::ObjectKey));
    assert_eq!(stored(Off, Some(A), None, "documents", B), mismatch(Evidence::ObjectKey));
    assert_eq!(stored(On, Some(A), Some(B), "documents", A), mismatch(Evidence::Job));
    assert_eq!(stored(On, Some(A), Some(A), "other", A), Err(Refusal::ForeignObject));
    assert_eq!(stored(On, None, Some(A), "documents", A), Err(Refusal::Missing { evidence: Evidence::Job }));
}

#[test]
fn rejects_hostile_ids_from_every_source() {
    for hostile in HOSTILE {
        assert!(TenantId::parse(hostile).is_err(), "{hostile:?}");
        for mode in [IsolationMode::PerTenant, IsolationMode::None] {
            assert!(
                matches!(request(mode, Some(hostile), Some(hostile)), Err(Refusal::Malformed { .. })),
                "{mode:?} {hostile:?}"
            );
            assert!(matches!(job(mode, Some(hostile), Some(hostile)), Err(Refusal::Malformed { .. })));
        }
        assert!(
            object("documents", &format!("t/{hostile}/documents/{}/source.00000001", "0".repeat(32)))
                .is_err()
        );
    }
}

#[test]
fn admits_only_objects_of_own_bucket_and_layout() {
    let document = "0".repeat(32);
    let key = format!("t/{A}/documents/{document}/source.00000001");
    assert_eq!(object("documents", &key), Ok(format!("{A} {document}")));
    assert_eq!(object("other", &key), Err(Refusal::ForeignObject));
    for foreign in [
        format!("/t/{A}/documents/{document}/source.00000001"),
        format!("t/{A}/documents/{document}/source.00000001/"),
        format!("t/{A}/documents/{document}/other"),
        format!("t/{A}/documents/{document}/source"),
        format!("t/{A}/documents/{document}/source."),
        format!("t/{A}/documents/{document}/source.1"),
        format!("t/{A}/documents/{document}/source.00000000"),
        format!("t/{A}/documents/{document}/source.+0000001"),
        format!("t/{A}/documents/{document}/source.000000001"),
        format!("t/{A}/documents/{document}/source.99999999999"),
        format!("t/{A}/documents/{document}"),
        format!("t/{A}/../t/{B}/documents/{document}/source.00000001"),
        format!("t/{A}/documents/../{document}/source.00000001"),
        format!("x/{A}/documents/{document}/source.00000001"),
        format!("t/{A}/documents/{}/source.00000001", "Z".repeat(32)),
        String::new(),
    ] {
        assert!(object("documents", &foreign).is_err(), "{foreign}");
    }
}

#[test]
fn refusal_never_contains_rejected_text() {
    let refusal = request(IsolationMode::PerTenant, Some("<script>"), Some(A)).expect_err("malformed");
    assert!(!format!("{refusal} {refusal:?}").contains("script"));
}

proptest! {
    /// A scope is only returned for a tenant that both sources name.
    #[test]
    fn scope_is_only_for_tenant_named_by_both_sources(
        authorizer in proptest::option::of("[a-z0-9#/.]{0,34}"),
        platform in proptest::option::of("[a-z0-9#/.]{0,34}"),
    ) {
        if let Ok(tenant) = request(IsolationMode::PerTenant, authorizer.as_deref(), platform.as_deref()) {
            prop_assert_eq!(authorizer.as_deref(), Some(tenant.as_str()));
            prop_assert_eq!(platform.as_deref(), Some(tenant.as_str()));
        }
    }

    #[test]
    fn object_event_never_panics(bucket in "\\PC{0,12}", key in "\\PC{0,90}") {
        let _ = object(&bucket, &key);
    }
}

proptest! {
    /// A revision has exactly one spelling, so one object has one name.
    #[test]
    fn revision_has_one_name(number in 1..=u32::MAX, text in "[0-9+ ]{0,12}") {
        let revision = Revision::of(number).expect("from 1");
        prop_assert_eq!(revision.number(), number);
        prop_assert_eq!(Revision::from_name(&revision.in_name()), Some(revision));
        if let Some(read) = Revision::from_name(&text) {
            prop_assert_eq!(read.in_name(), text);
        }
    }
}
