use crate::TenantScope;

/// What a sealed value is for. Part of its encryption context.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Purpose {
    /// The text of a template.
    Template,
    /// A document's record and its bytes.
    Document,
    /// A passage beside its vector.
    Passage,
    /// A job on the queue.
    Job,
    /// What an operator ran in the tenant's session.
    Run,
}

impl Purpose {
    /// Every purpose.
    pub const ALL: [Self; 5] = [Self::Template, Self::Document, Self::Passage, Self::Job, Self::Run];

    /// Returns the purpose as it stands in the context.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Template => "template",
            Self::Document => "document",
            Self::Passage => "passage",
            Self::Job => "job",
            Self::Run => "run",
        }
    }
}

/// The KMS encryption context of a tenant's sealed values: `{tenant, purpose}`.
///
/// IAM compares `kms:EncryptionContext:tenant` with the session's tag, and KMS refuses
/// to decrypt under any other context than the one used to encrypt.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EncryptionContext {
    tenant: String,
    purpose: Purpose,
}

impl EncryptionContext {
    /// The context key that holds the tenant.
    pub const TENANT: &'static str = "tenant";
    /// The context key that holds the purpose.
    pub const PURPOSE: &'static str = "purpose";

    /// Returns the key-value pairs, in the order in which they are written out.
    pub fn pairs(&self) -> [(&'static str, &str); 2] {
        [(Self::PURPOSE, self.purpose.as_str()), (Self::TENANT, &self.tenant)]
    }

    /// Returns the purpose.
    pub fn purpose(&self) -> Purpose {
        self.purpose
    }
}

impl TenantScope<'_> {
    /// Returns the tenant's encryption context for `purpose`.
    pub fn encryption_context(&self, purpose: Purpose) -> EncryptionContext {
        EncryptionContext { tenant: self.tenant().to_string(), purpose }
    }
}
