use super::{
    ApiKeyId, DocumentId, EventId, ExternalIdHash, IdempotencyKey, InferenceId, ModelName, RunId, TemplateKey,
};
use crate::{TenantId, TenantScope};

/// A tenant's partition: `TENANT#<id>`, in every table that holds tenant items.
///
/// IAM compares the whole value with `dynamodb:LeadingKeys`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PartitionKey(String);

impl PartitionKey {
    /// Returns the partition key's value.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// The key of one item in a tenant's partition.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ItemKey {
    partition: PartitionKey,
    sort: String,
}

impl ItemKey {
    /// Returns the partition key's value.
    pub fn partition(&self) -> &str {
        self.partition.as_str()
    }

    /// Returns the sort key's value.
    pub fn sort(&self) -> &str {
        &self.sort
    }
}

/// The prefix of the sort keys of one kind of item.
///
/// Contains no tenant id, because it is only used below a [`PartitionKey`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SortPrefix {
    /// Heads of prompt templates.
    Template,
    /// Documents.
    Document,
    /// Jobs that are queued or running.
    Job,
    /// Waiting jobs, sorted by due time.
    Waiting,
    /// Dead jobs.
    Dead,
    /// Events that are not yet published, sorted by time.
    Event,
    /// API keys. Stored in a separate table, which the authorizer reads.
    ApiKey,
    /// Operators' runs. Stored in a separate table that no tenant session can access.
    Run,
}

impl SortPrefix {
    /// Returns the prefix, ending in its separator.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Template => "TEMPLATE#",
            Self::Document => "DOCUMENT#",
            Self::Job => "JOB#",
            Self::Waiting => "WAITING#",
            Self::Dead => "DEAD#",
            Self::Event => "EVENT#",
            Self::ApiKey => "KEY#",
            Self::Run => "RUN#",
        }
    }
}

const TENANT: &str = "TENANT#";
const USAGE: &str = "USAGE#";

/// Where the item of an API key is, if the key exists.
///
/// Derived from the text of a key that a caller presents, which proves nothing: the authorizer compares the item with
/// the key. Not an [`ItemKey`], so no repository of tenant data accepts it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ApiKeyLocation(ItemKey);

impl ApiKeyLocation {
    /// Returns the partition key's value.
    pub fn partition(&self) -> &str {
        self.0.partition()
    }

    /// Returns the sort key's value.
    pub fn sort(&self) -> &str {
        self.0.sort()
    }
}

impl TenantId {
    /// Returns where the tenant's API key `key` is.
    pub fn api_key_location(&self, key: &ApiKeyId) -> ApiKeyLocation {
        let partition = PartitionKey(format!("{TENANT}{self}"));
        ApiKeyLocation(ItemKey { partition, sort: api_key_sort(key) })
    }
}

fn api_key_sort(key: &ApiKeyId) -> String {
    format!("{}{key}", SortPrefix::ApiKey.as_str())
}

/// Returns the tenant id in a partition key, not validated.
pub(crate) fn tenant_of(partition: &str) -> Option<&str> {
    partition.strip_prefix(TENANT)
}

impl TenantScope<'_> {
    /// Returns the tenant's partition.
    pub fn partition(&self) -> PartitionKey {
        PartitionKey(format!("{TENANT}{}", self.tenant()))
    }

    /// Returns the key of the tenant's profile.
    pub fn profile_key(&self) -> ItemKey {
        self.item("PROFILE".to_owned())
    }

    /// Returns the key of the tenant's ledger: its use of shared quotas.
    pub fn ledger_key(&self) -> ItemKey {
        self.item("LEDGER".to_owned())
    }

    /// Returns the key of the tenant's ledger of tokens and money.
    pub fn budget_key(&self) -> ItemKey {
        self.item("BUDGET".to_owned())
    }

    /// Returns the key of the record of what calls of one kind used on one day. Template keys and names of models have
    /// no `#`.
    pub fn usage_record_key(
        &self,
        day: &str,
        route: &'static str,
        model: &ModelName,
        template: Option<&TemplateKey>,
    ) -> ItemKey {
        let template = template.map_or("", TemplateKey::as_str);
        self.item(format!("{USAGE}{day}#{route}#{model}#{template}"))
    }

    /// Returns the first and the last possible key of the records of usage from the day `from` to the day `to`.
    pub fn usage_record_range(&self, from: &str, to: &str) -> (ItemKey, ItemKey) {
        // `~` is behind every character of a key.
        (self.item(format!("{USAGE}{from}#")), self.item(format!("{USAGE}{to}#~")))
    }

    /// Returns the key of a prompt template's head, which names the current version.
    pub fn template_key(&self, key: &TemplateKey) -> ItemKey {
        self.item(format!("{}{key}", SortPrefix::Template.as_str()))
    }

    /// Returns the key of one immutable version of a prompt template.
    ///
    /// Versions and heads have different prefixes, so a listing reads only heads.
    pub fn version_key(&self, key: &TemplateKey, version: u32) -> ItemKey {
        self.item(format!("VERSION#{key}#{version:08}"))
    }

    /// Returns the key of a document's record.
    pub fn document_key(&self, document: &DocumentId) -> ItemKey {
        self.item(format!("{}{document}", SortPrefix::Document.as_str()))
    }

    /// Returns the key of a document's job while it is queued or running.
    pub fn job_key(&self, document: &DocumentId) -> ItemKey {
        self.item(format!("{}{document}", SortPrefix::Job.as_str()))
    }

    /// Returns the key of a document's waiting job. `due` is in milliseconds since 1970.
    pub fn waiting_key(&self, due: u64, document: &DocumentId) -> ItemKey {
        self.item(format!("{}{due:014}#{document}", SortPrefix::Waiting.as_str()))
    }

    /// Returns the key of a document's dead job.
    pub fn dead_key(&self, document: &DocumentId) -> ItemKey {
        self.item(format!("{}{document}", SortPrefix::Dead.as_str()))
    }

    /// Returns the key of an event that is not yet published.
    pub fn event_key(&self, event: &EventId) -> ItemKey {
        self.item(format!("{}{event}", SortPrefix::Event.as_str()))
    }

    /// Returns the key of the item that names the document with an external id.
    pub fn external_id_key(&self, hash: &ExternalIdHash) -> ItemKey {
        self.item(format!("EXTERNAL#{hash}"))
    }

    /// Returns the key of an inference's record.
    pub fn inference_key(&self, inference: &InferenceId) -> ItemKey {
        self.item(format!("INFERENCE#{inference}"))
    }

    /// Returns the key of the item that keeps the answer to the request with an idempotency key. Contains a hash of
    /// tenant and key, because a caller may choose a key that says something.
    pub fn idempotency_item_key(&self, key: &IdempotencyKey) -> ItemKey {
        self.item(format!("IDEMPOTENCY#{}", self.digest("idempotency key", key.as_str())))
    }

    /// Returns the key of the circuit for the tenant's jobs.
    pub fn circuit_key(&self) -> ItemKey {
        self.item("CIRCUIT".to_owned())
    }

    /// Returns the key of an API key's item.
    pub fn api_key_key(&self, key: &ApiKeyId) -> ItemKey {
        self.item(api_key_sort(key))
    }

    /// Returns the key of the item that counts the tenant's API keys.
    pub fn api_key_count_key(&self) -> ItemKey {
        self.item("COUNT".to_owned())
    }

    /// Returns the key of an operator's run.
    pub fn run_key(&self, run: &RunId) -> ItemKey {
        self.item(format!("{}{run}", SortPrefix::Run.as_str()))
    }

    fn item(&self, sort: String) -> ItemKey {
        ItemKey { partition: self.partition(), sort }
    }
}
