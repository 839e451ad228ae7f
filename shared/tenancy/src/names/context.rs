use crate::TenantScope;

/// What a sealed value is for. Part of its encryption context.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Purpose {
    /// The text of a prompt template.
    Template,
    /// A document's record and its bytes.
    Document,
    /// A passage, stored with its vector.
    Passage,
    /// A job in the queue.
    Job,
    /// The record of an inference.
    Inference,
    /// The answer to a request with an idempotency key.
    Idempotency,
    /// The record of an operator's command in the tenant's session.
    Run,
    /// The name of an API key, and who created it.
    ApiKey,
}

impl Purpose {
    /// Every purpose.
    pub const ALL: [Self; 8] = [
        Self::Template,
        Self::Document,
        Self::Passage,
        Self::Job,
        Self::Inference,
        Self::Idempotency,
        Self::Run,
        Self::ApiKey,
    ];

    /// Returns the purpose as written in the encryption context.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Template => "template",
            Self::Document => "document",
            Self::Passage => "passage",
            Self::Job => "job",
            Self::Inference => "inference",
            Self::Idempotency => "idempotency",
            Self::Run => "run",
            Self::ApiKey => "api-key",
        }
    }
}

/// The KMS encryption context of a tenant's sealed values: `{tenant, purpose}`.
///
/// IAM compares `kms:EncryptionContext:tenant` with the session's tag. KMS decrypts only
/// under the context that was used to encrypt.
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

    /// Returns the key-value pairs in a fixed order.
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
