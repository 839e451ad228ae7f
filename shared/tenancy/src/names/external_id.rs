use ring::digest::{Context, SHA256};

use super::{ExternalId, ExternalIdHash};
use crate::TenantScope;

impl TenantScope<'_> {
    /// Returns the hash of a document's external id. Two tenants' hashes of one id differ, so that nothing stored shows
    /// that both use it.
    pub fn external_id_hash(&self, external: &ExternalId) -> ExternalIdHash {
        let mut hash = Context::new(&SHA256);
        // A tenant id has no separator, so no two pairs are equal.
        for part in ["external id", self.tenant().as_str(), external.as_str()] {
            hash.update(part.as_bytes());
            hash.update(b"#");
        }
        let hash: String = hash.finish().as_ref().iter().map(|byte| format!("{byte:02x}")).collect();
        ExternalIdHash::of_digest(hash)
    }
}
