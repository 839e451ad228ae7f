//! Every name that belongs to a tenant, derived from a [`TenantScope`].
//!
//! One module per kind of name. The types have private fields, so only a scope can
//! create a name. Tests use [`inventory`] to prove that two tenants never share a name.

mod context;
mod external_id;
mod group;
mod index;
mod item;
mod key_alias;
mod object;
mod pseudonym;
mod revision;
mod session;
mod usage_key;
mod validated;

pub use context::{EncryptionContext, Purpose};
pub use group::MessageGroup;
pub use index::VectorIndexName;
pub use item::{ApiKeyLocation, ItemKey, PartitionKey, SortPrefix};
pub use key_alias::KeyAlias;
pub use object::{ObjectKey, ObjectPrefix};
pub use pseudonym::Pseudonym;
pub use revision::Revision;
pub use session::SessionTag;
pub use usage_key::UsageKey;
pub use validated::{
    ApiKeyId, Corpus, DocumentId, EventId, ExternalId, ExternalIdHash, IdempotencyKey, InferenceId,
    InvalidName, Label, MetadataKey, ModelName, RunId, TemplateKey,
};

pub(crate) use item::tenant_of;
pub(crate) use object::source_object;

use crate::TenantScope;

/// How AWS compares a name. This decides when two tenants' names are separate.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Comparison {
    /// AWS compares the whole name: two tenants' names must differ.
    Whole,
    /// AWS also matches longer names: must not be a prefix of another tenant's names.
    Prefix,
}

/// One derived name and how it is compared.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DerivedName {
    /// What the name is for.
    pub kind: &'static str,
    /// The name.
    pub text: String,
    /// How AWS compares it.
    pub comparison: Comparison,
}

/// The ids that names contain beside the tenant.
#[derive(Debug, Clone)]
pub struct Ids {
    /// The stage.
    pub stage: String,
    /// A prompt template.
    pub template: TemplateKey,
    /// A document.
    pub document: DocumentId,
    /// An event of a document.
    pub event: EventId,
    /// A document's id in the tenant's own system.
    pub external: ExternalId,
    /// A caller's key of a request.
    pub idempotency: IdempotencyKey,
    /// An inference.
    pub inference: InferenceId,
    /// An operator's run.
    pub run: RunId,
    /// An API key.
    pub api_key: ApiKeyId,
    /// A corpus.
    pub corpus: Corpus,
    /// A model.
    pub model: ModelName,
}

/// Returns one name of every kind for the tenant of `scope`.
///
/// Add each new kind of name here: the separation tests read this list.
pub fn inventory(scope: &TenantScope<'_>, ids: &Ids) -> Vec<DerivedName> {
    let Ids { stage, template, document, event, external, idempotency, inference, run, .. } = ids;
    let Ids { api_key, corpus, model, .. } = ids;
    let whole = |kind, text: &str| DerivedName { kind, text: text.to_owned(), comparison: Comparison::Whole };
    let prefix =
        |kind, text: &str| DerivedName { kind, text: text.to_owned(), comparison: Comparison::Prefix };
    let mut names = vec![
        whole("partition", scope.partition().as_str()),
        prefix("object prefix", scope.object_prefix().as_str()),
        prefix("document objects", scope.document_objects(document).as_str()),
        whole("document source", scope.document_source(document, Revision::FIRST).as_str()),
        whole("vector index", scope.vector_index(corpus).as_str()),
        whole("key alias", scope.key_alias(stage).as_str()),
        whole("message group", scope.message_group().as_str()),
        whole("session name", scope.session_tag().session_name()),
        whole("session tag", scope.session_tag().value()),
        whole("usage key", scope.tenant().usage_key().as_str()),
        whole("pseudonym", scope.pseudonym().as_str()),
        whole("external id", scope.external_id_hash(external).as_str()),
    ];
    for key in [
        scope.profile_key(),
        scope.ledger_key(),
        scope.budget_key(),
        scope.usage_record_key("2026-01-31", "inference", model, Some(template)),
        scope.template_key(template),
        scope.version_key(template, 1),
        scope.document_key(document),
        scope.job_key(document),
        scope.waiting_key(0, document),
        scope.dead_key(document),
        scope.event_key(event),
        scope.external_id_key(&scope.external_id_hash(external)),
        scope.idempotency_item_key(idempotency),
        scope.circuit_key(),
        scope.inference_key(inference),
        scope.run_key(run),
        scope.api_key_key(api_key),
        scope.api_key_count_key(),
    ] {
        names.push(whole("item", &format!("{}|{}", key.partition(), key.sort())));
    }
    for purpose in Purpose::ALL {
        for (key, value) in scope.encryption_context(purpose).pairs() {
            if key == EncryptionContext::TENANT {
                names.push(whole("encryption context", value));
            }
        }
    }
    names
}
