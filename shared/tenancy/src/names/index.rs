use super::Corpus;
use crate::TenantScope;

/// The name of a tenant's vector index for one corpus: `t-<id>-<corpus>`.
///
/// An id holds no `-`, so the IAM pattern `index/t-<id>-*` matches only this tenant.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct VectorIndexName(String);

impl VectorIndexName {
    /// Returns the name as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl TenantScope<'_> {
    /// Returns the name of the tenant's index for `corpus`.
    pub fn vector_index(&self, corpus: &Corpus) -> VectorIndexName {
        VectorIndexName(format!("t-{}-{corpus}", self.tenant()))
    }
}
