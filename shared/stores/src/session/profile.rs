use bulkhead_tenancy::names::Corpus;
use serde::{Deserialize, Serialize};

/// Where a tenant's data is stored and how it is protected. Written when the tenant is onboarded.
///
/// Key, bucket and model are stored and never recomputed. So new tenants can use other ones without a
/// migration of old tenants.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Profile {
    /// ARN of the KMS key that wraps the tenant's data keys. Not an alias, because some services refuse
    /// aliases.
    pub key_arn: String,
    /// Name of the vector bucket with the tenant's indexes.
    pub vector_bucket: String,
    /// The corpus of the tenant's documents.
    pub corpus: Corpus,
    /// The embedding model of the tenant's index.
    pub embedding_model: String,
    /// Length of an embedding.
    pub dimensions: u32,
}
