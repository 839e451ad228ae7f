use super::{DocumentId, RunId, TemplateKey};
use crate::TenantScope;

/// A tenant's partition: `TENANT#<id>`, in every table that holds tenant items.
///
/// IAM compares it with `dynamodb:LeadingKeys`, as a whole.
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

/// The beginning of the sort keys of one kind of item.
///
/// Holds no tenant: it is only ever used below a [`PartitionKey`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SortPrefix {
    /// Current templates.
    Template,
    /// Documents.
    Document,
    /// Jobs that are queued or running.
    Job,
    /// Jobs that wait for their time, by it.
    Parked,
    /// Jobs that were given up.
    Dead,
    /// What operators ran. In a table of its own, which no tenant's session reaches.
    Run,
}

impl SortPrefix {
    /// Returns the prefix, ending in its separator.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Template => "TEMPLATE#",
            Self::Document => "DOCUMENT#",
            Self::Job => "JOB#",
            Self::Parked => "PARKED#",
            Self::Dead => "DEAD#",
            Self::Run => "RUN#",
        }
    }
}

/// What a partition's name begins with.
const TENANT: &str = "TENANT#";

/// The tenant that a partition names, unchecked.
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

    /// Returns the key of the tenant's ledger: what it uses of what it shares with others.
    pub fn ledger_key(&self) -> ItemKey {
        self.item("LEDGER".to_owned())
    }

    /// Returns the key of a template's head: which version is current.
    pub fn template_key(&self, key: &TemplateKey) -> ItemKey {
        self.item(format!("{}{key}", SortPrefix::Template.as_str()))
    }

    /// Returns the key of one immutable version of a template.
    ///
    /// Versions sort apart from heads, so listing templates reads heads alone.
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

    /// Returns the key of a document's job while it waits until `due`, milliseconds since
    /// 1970: jobs sort by when they are due.
    pub fn parked_key(&self, due: u64, document: &DocumentId) -> ItemKey {
        self.item(format!("{}{due:014}#{document}", SortPrefix::Parked.as_str()))
    }

    /// Returns the key of a document's job after it was given up.
    pub fn dead_key(&self, document: &DocumentId) -> ItemKey {
        self.item(format!("{}{document}", SortPrefix::Dead.as_str()))
    }

    /// Returns the key of the circuit over the tenant's jobs.
    pub fn circuit_key(&self) -> ItemKey {
        self.item("CIRCUIT".to_owned())
    }

    /// Returns the key of the record of an operator's run.
    pub fn run_key(&self, run: &RunId) -> ItemKey {
        self.item(format!("{}{run}", SortPrefix::Run.as_str()))
    }

    fn item(&self, sort: String) -> ItemKey {
        ItemKey { partition: self.partition(), sort }
    }
}
