//! The exact forms of names, purposes, codes and messages. Stored data, IAM policies, metrics and alarms
//! depend on them.

use bulkhead_tenancy::names::{
    ApiKeyId, Corpus, DocumentId, EventId, ExternalId, IdempotencyKey, Ids, InferenceId, ModelName, Purpose,
    RunId, TemplateKey, inventory,
};
use bulkhead_tenancy::{Admission, Evidence, Invocation, IsolationMode, Refusal, TenantId};

const TENANT: &str = "0192f3c5b7a07e0e9d3a5c1b2d4e6f80";
const DOCUMENT: &str = "0192f3c5b7a07e0e9d3a5c1b2d4e6f82";
/// SHA-256 of `external id#<tenant>#handbook:7#`.
const EXTERNAL: &str = "c876e4c6782991f9110bb3e2641a891e7b7dd566cddd5ef1860236d05ea4e5b2";
/// SHA-256 of `idempotency key#<tenant>#order-7#`.
const IDEMPOTENCY: &str = "3bfb1c00c47d60025757ef3e4544302314d970f9ab772bb3d8d5dc1d343b7f16";

#[test]
fn derived_names_have_their_stored_form() {
    let invocation = Invocation::begin();
    let admission = Admission::new(IsolationMode::PerTenant);
    let scope = admission.request(&invocation, Some(TENANT), Some(TENANT)).expect("admitted");
    let ids = Ids {
        stage: "prod".to_owned(),
        template: TemplateKey::parse("summary").expect("a key"),
        document: DocumentId::parse(DOCUMENT).expect("an id"),
        event: EventId::at(0, 0),
        external: ExternalId::parse("handbook:7").expect("an id"),
        idempotency: IdempotencyKey::parse("order-7").expect("key"),
        inference: InferenceId::parse(DOCUMENT).expect("an id"),
        run: RunId::parse(DOCUMENT).expect("an id"),
        api_key: ApiKeyId::parse("0123456789abcdef").expect("an id"),
        corpus: Corpus::parse("docs").expect("a corpus"),
        model: ModelName::parse("amazon.nova-lite-v1:0").expect("a model"),
    };
    let names = inventory(&scope, &ids).into_iter().map(|name| {
        (
            name.kind,
            name.text
                .replace(TENANT, "<tenant>")
                .replace(DOCUMENT, "<document>")
                .replace(EXTERNAL, "<hash>")
                .replace(IDEMPOTENCY, "<hash of key>"),
        )
    });
    let expected = [
        ("partition", "TENANT#<tenant>"),
        ("object prefix", "t/<tenant>/"),
        ("document objects", "t/<tenant>/documents/<document>/"),
        ("document source", "t/<tenant>/documents/<document>/source.00000001"),
        ("vector index", "t-<tenant>-docs"),
        ("key alias", "alias/bulkhead/prod/t/<tenant>"),
        ("message group", "<tenant>"),
        ("session name", "<tenant>"),
        ("session tag", "<tenant>"),
        ("usage key", "tenant-<tenant>"),
        ("pseudonym", "d05c66022a487f9b0b40714b961900cf"),
        ("external id", "<hash>"),
        ("item", "TENANT#<tenant>|PROFILE"),
        ("item", "TENANT#<tenant>|LEDGER"),
        ("item", "TENANT#<tenant>|BUDGET"),
        ("item", "TENANT#<tenant>|USAGE#2026-01-31#inference#amazon.nova-lite-v1:0#summary"),
        ("item", "TENANT#<tenant>|TEMPLATE#summary"),
        ("item", "TENANT#<tenant>|VERSION#summary#00000001"),
        ("item", "TENANT#<tenant>|DOCUMENT#<document>"),
        ("item", "TENANT#<tenant>|JOB#<document>"),
        ("item", "TENANT#<tenant>|WAITING#00000000000000#<document>"),
        ("item", "TENANT#<tenant>|DEAD#<document>"),
        ("item", "TENANT#<tenant>|EVENT#00000000000000000000000000000000"),
        ("item", "TENANT#<tenant>|EXTERNAL#<hash>"),
        ("item", "TENANT#<tenant>|IDEMPOTENCY#<hash of key>"),
        ("item", "TENANT#<tenant>|CIRCUIT"),
        ("item", "TENANT#<tenant>|INFERENCE#<document>"),
        ("item", "TENANT#<tenant>|RUN#<document>"),
        ("item", "TENANT#<tenant>|KEY#0123456789abcdef"),
        ("item", "TENANT#<tenant>|COUNT"),
        ("encryption context", "<tenant>"),
        ("encryption context", "<tenant>"),
        ("encryption context", "<tenant>"),
        ("encryption context", "<tenant>"),
        ("encryption context", "<tenant>"),
        ("encryption context", "<tenant>"),
        ("encryption context", "<tenant>"),
        ("encryption context", "<tenant>"),
    ]
    .map(|(kind, text)| (kind, text.to_owned()));
    assert_eq!(names.collect::<Vec<_>>(), expected);
}

/// KMS decrypts a stored value only under the purpose with which it was encrypted.
#[test]
fn purposes_have_their_stored_form() {
    let stored = ["template", "document", "passage", "job", "inference", "idempotency", "run", "api-key"];
    assert_eq!(Purpose::ALL.map(Purpose::as_str), stored);
}

/// The scheduler reads partition keys from the backlog.
#[test]
fn backlog_admits_the_tenant_of_a_partition_key_only() {
    let invocation = Invocation::begin();
    let backlog = |partition: &str| {
        let admission = Admission::new(IsolationMode::None);
        admission.backlog(&invocation, partition).map(|scope| scope.tenant().to_string())
    };
    assert_eq!(backlog(&format!("TENANT#{TENANT}")).as_deref(), Ok(TENANT));
    for other in [TENANT, "", "TENANT#", "tenant#0192f3c5b7a07e0e9d3a5c1b2d4e6f80", "TENANT#a/b", "RUN#x"] {
        assert_eq!(backlog(other), Err(Refusal::Malformed { evidence: Evidence::Backlog }), "{other}");
    }
}

#[test]
fn tenant_id_converts_to_its_text() {
    assert_eq!(String::from(TenantId::parse(TENANT).expect("an id")), TENANT);
}

/// Metrics and alarms use the codes; logs use the messages.
#[test]
fn refusals_have_stable_codes_and_messages() {
    let evidence = Evidence::Authorizer;
    for (refusal, code, message) in [
        (Refusal::Missing { evidence }, "tenant_missing", "the authorizer context names no tenant"),
        (
            Refusal::Malformed { evidence: Evidence::ObjectKey },
            "tenant_malformed",
            "the object key names a malformed tenant",
        ),
        (
            Refusal::Mismatch { evidence: Evidence::Job },
            "tenant_mismatch",
            "the job and the invocation name different tenants",
        ),
        (
            Refusal::Unexpected,
            "tenant_unexpected",
            "the invocation names a tenant but tenant isolation is off",
        ),
        (Refusal::ForeignObject, "foreign_object", "the object is not a document of this deployment"),
    ] {
        assert_eq!((refusal.code(), refusal.to_string().as_str()), (code, message));
    }
    assert_eq!(
        Refusal::Missing { evidence: Evidence::Platform }.to_string(),
        "the invocation names no tenant"
    );
    assert_eq!(Refusal::Missing { evidence: Evidence::Backlog }.to_string(), "the backlog names no tenant");
}
