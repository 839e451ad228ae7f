//! No derived name of one tenant equals, prefixes or contains another tenant's name.

#![expect(clippy::expect_used, reason = "a test fails by panicking")]

use bulkhead_tenancy::names::{
    ApiKeyId, Comparison, Corpus, DerivedName, DocumentId, EventId, ExternalId, IdempotencyKey, Ids,
    InferenceId, MetadataKey, ModelName, RunId, TemplateKey, inventory,
};
use bulkhead_tenancy::{Admission, Invocation, IsolationMode, TenantId};
use proptest::prelude::*;

fn names_of(tenant: &str, template: &str, document: &str, corpus: &str) -> Vec<DerivedName> {
    let invocation = Invocation::begin();
    let scope = Admission::new(IsolationMode::PerTenant)
        .request(&invocation, Some(tenant), Some(tenant))
        .expect("a valid tenant is admitted");
    let ids = Ids {
        stage: "prod".to_owned(),
        template: TemplateKey::parse(template).expect("template key"),
        document: DocumentId::parse(document).expect("document id"),
        event: EventId::at(0, 0),
        // The same one for all tenants.
        external: ExternalId::parse("handbook:7").expect("external id"),
        idempotency: IdempotencyKey::parse("order-7").expect("key"),
        inference: InferenceId::parse(document).expect("inference id"),
        run: RunId::parse(document).expect("run id"),
        api_key: ApiKeyId::parse(document.get(..16).expect("16 characters")).expect("API key id"),
        corpus: Corpus::parse(corpus).expect("corpus"),
        model: ModelName::parse("amazon.nova-lite-v1:0").expect("model"),
    };
    inventory(&scope, &ids)
}

/// Returns whether `whole` contains `part` bounded by separators or the ends.
fn contains_as_segment(whole: &str, part: &str) -> bool {
    whole.match_indices(part).any(|(at, _)| {
        let bounded = |c: Option<char>| c.is_none_or(|c| !c.is_ascii_alphanumeric());
        bounded(whole[..at].chars().next_back()) && bounded(whole[at + part.len()..].chars().next())
    })
}

/// Two different ids as an attacker would choose them: often one is a prefix of the other.
fn two_tenants() -> impl Strategy<Value = (String, String)> {
    let unrelated = ("[a-z0-9]{16,32}", "[a-z0-9]{16,32}");
    let nested = ("[a-z0-9]{16,31}", "[a-z0-9]{1,16}").prop_map(|(short, tail)| {
        let mut long = format!("{short}{tail}");
        long.truncate(TenantId::MAX_LENGTH);
        (short, long)
    });
    prop_oneof![unrelated, nested].prop_filter("two tenants", |(a, b)| a != b)
}

const TEMPLATE: &str = "[a-z0-9]([a-z0-9_-]{0,62}[a-z0-9])?";
const DOCUMENT: &str = "[0-9a-f]{32}";
const CORPUS: &str = "[a-z0-9]([a-z0-9-]{0,26}[a-z0-9])?";

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2_000))]

    /// Compares all names of two tenants, for any template keys, documents and corpora.
    #[test]
    fn two_tenants_never_share_a_name(
        (a, b) in two_tenants(),
        (ta, da, ca) in (TEMPLATE, DOCUMENT, CORPUS),
        (tb, db, cb) in (TEMPLATE, DOCUMENT, CORPUS),
    ) {
        for mine in names_of(&a, &ta, &da, &ca) {
            for theirs in names_of(&b, &tb, &db, &cb) {
                if mine.kind == theirs.kind {
                    prop_assert_ne!(&mine.text, &theirs.text);
                }
                if mine.comparison == Comparison::Prefix {
                    prop_assert!(!theirs.text.starts_with(&mine.text), "{mine:?} begins {theirs:?}");
                }
                prop_assert!(!contains_as_segment(&theirs.text, &a), "{theirs:?} contains {a}");
            }
        }
    }

    /// For ids of one length, as onboarding creates them, no name prefixes another.
    #[test]
    fn names_of_equal_length_ids_never_share_a_prefix(
        (a, b) in ("[0-9a-f]{32}", "[0-9a-f]{32}").prop_filter("two tenants", |(a, b)| a != b),
        template in TEMPLATE, document in DOCUMENT, corpus in CORPUS,
    ) {
        for mine in names_of(&a, &template, &document, &corpus) {
            for theirs in names_of(&b, &template, &document, &corpus) {
                prop_assert!(!theirs.text.starts_with(&mine.text), "{mine:?} begins {theirs:?}");
                prop_assert!(!theirs.text.contains(&mine.text), "{theirs:?} contains {mine:?}");
            }
        }
    }

    /// Names respect the length limits of the AWS services.
    #[test]
    fn names_respect_service_limits(tenant in "[a-z0-9]{16,32}", template in TEMPLATE, document in DOCUMENT, corpus in CORPUS) {
        for name in names_of(&tenant, &template, &document, &corpus) {
            let longest = match name.kind {
                "vector index" => 63,            // S3 Vectors
                "message group" | "usage key" => 128, // SQS, API Gateway
                "session name" => 64,            // STS
                "session tag" | "key alias" => 256,
                _ => 1024,                       // S3 keys; DynamoDB sort keys
            };
            prop_assert!(name.text.len() <= longest, "{name:?}");
        }
    }

    /// A name that a tenant chooses contains no separator.
    #[test]
    fn chosen_names_contain_no_separator(text in "\\PC{0,70}") {
        for accepted in [
            TemplateKey::parse(&text).map(String::from),
            DocumentId::parse(&text).map(String::from),
            Corpus::parse(&text).map(String::from),
        ].into_iter().flatten() {
            prop_assert!(!accepted.is_empty());
            prop_assert!(accepted.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b"_-".contains(&b)));
        }
    }
}

#[test]
fn external_id_has_no_separator_of_a_path() {
    for accepted in ["a", "7", "handbook:7", "a@b.example", "A-1_b~c", &"x".repeat(128)] {
        assert!(ExternalId::parse(accepted).is_ok(), "{accepted}");
    }
    for refused in
        ["", ".", "..", ".a", "-a", "a/b", "a\\b", "a%2Fb", "a b", "a#b", "a?b", "ä", "a\0", &"x".repeat(129)]
    {
        assert!(ExternalId::parse(refused).is_err(), "{refused}");
    }
}

#[test]
fn idempotency_key_is_visible_ascii() {
    for accepted in ["a", "8e03978e-40d5-43e8-bc93-6894a57f9324", "a#b/c", "~", &"x".repeat(255)] {
        assert!(IdempotencyKey::parse(accepted).is_ok(), "{accepted}");
    }
    for refused in ["", "a b", " a", "a\"b", "a\\b", "\"\"", "ä", "a\0", "a\u{7f}", &"x".repeat(256)] {
        assert!(IdempotencyKey::parse(refused).is_err(), "{refused}");
    }
}

#[test]
fn metadata_key_has_no_separator() {
    for accepted in ["a", "A-1_b", "-", &"x".repeat(60)] {
        assert!(MetadataKey::parse(accepted).is_ok(), "{accepted}");
    }
    for refused in ["", "$ne", "a.b", "a b", "ä", "a\0", &"x".repeat(61)] {
        assert!(MetadataKey::parse(refused).is_err(), "{refused}");
    }
}

#[test]
fn inventory_lists_every_kind_of_name() {
    let names = names_of(&"a".repeat(16), "summary", &"0".repeat(32), "docs");
    let kinds: std::collections::BTreeSet<_> = names.iter().map(|name| name.kind).collect();
    assert_eq!(
        kinds.into_iter().collect::<Vec<_>>(),
        [
            "document objects",
            "document source",
            "encryption context",
            "external id",
            "item",
            "key alias",
            "message group",
            "object prefix",
            "partition",
            "pseudonym",
            "session name",
            "session tag",
            "usage key",
            "vector index",
        ]
    );
}

#[test]
fn event_ids_are_ordered_by_time() {
    let ids = [(0, 0), (1, u128::MAX), (2, 0), (1 << 40, 7), (u64::MAX, u128::MAX)]
        .map(|(at, random)| EventId::at(at, random));
    assert!(ids.is_sorted());
    for id in ids {
        assert!(EventId::parse(id.as_str()).is_ok(), "{id}");
    }
}
